"""The `/local/lab` calls: what can be broken, breaking it, and what vendor stand-ins were asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web

from bot.local.workspace.local_calls import read_body
from bot.local.workspace.state import Workspace
from bot.local.workspace.values import Misuse


@dataclass(frozen=True, slots=True)
class LabCalls:
    """Lists, breaks and sets components."""

    workspace: Workspace

    def routes(self) -> list[web.RouteDef]:
        """The table of calls."""
        return [
            web.get("/local/lab", self.describe),
            web.post("/local/lab/{system}/{component}", self.apply),
            web.get("/local/lab/{system}/{component}/calls", self.calls),
        ]

    async def describe(self, _request: web.Request) -> web.Response:
        """Every component with what it can be."""
        return web.json_response(self.workspace.lab.describe())

    async def apply(self, request: web.Request) -> web.Response:
        """Break or set one component."""
        body = await read_body(request)
        if set(body) - {"state", "set"} or not body:
            raise Misuse('Say {"state": "down"} or {"set": {…}}.')
        with _explained():
            answer = await self.workspace.lab.apply(request.match_info["system"], request.match_info["component"], body)
        self.workspace.touch()
        return web.json_response(answer)

    async def calls(self, request: web.Request) -> web.Response:
        """What a vendor stand-in was asked."""
        with _explained():
            calls = self.workspace.lab.calls(request.match_info["system"], request.match_info["component"])
        return web.json_response({"calls": calls})


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        raise Misuse(str(error.args[0] if error.args else error), 404) from error
    except ValueError as error:
        raise Misuse(str(error)) from error
