"""The body of a request, read within bounds of time and size."""

import asyncio

from aiohttp import web

MAX_BODY = 1024 * 1024
BODY_SECONDS = 3


class Forbidden(Exception):
    """Not a request that we answer; `status` is 4xx, the text is for the log and names no content."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def body(request: web.Request) -> bytes:
    """All of it; raises `Forbidden` where it is late, too long or cut off."""
    try:
        if request.content.is_eof():
            return await request.read()  # It arrived together with its head, as nearly every body does.
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        raise Forbidden(408, "the body did not arrive in time") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise Forbidden(413, "the body is larger than 1 MiB") from error
    except (web.PayloadAccessError, ConnectionError) as error:
        raise Forbidden(400, "the body ended early") from error
