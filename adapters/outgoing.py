"""The one way out by HTTP: a total time limit, a limit of the body, and at most 64 reads at once.

httpx's pool collapses beyond about 100 requests at once, so all adapters share one gate. What changes something or
pages somebody does not wait at it behind the checks of hanging targets.
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from adapters.errors import Place, status_error, translated
from adapters.redaction import redacted
from bot.domain.errors import BadAnswer, OutcomeUnknown, TargetError, Unreachable
from bot.domain.foreign_json import parsed

READ_SECONDS = 3.5
"""Shorter than a check's own limit, so that the reason is ours and not just "cancelled"."""
AT_ONCE = 64
MAX_BODY = 1024 * 1024
MAX_REDIRECTS = 5

T = TypeVar("T")

# A semaphore belongs to the loop that waits on it; tests bring a loop each.
_GATES: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `expires`: when the server's certificate ends, in epoch seconds; None without TLS.

    `subject`: who answered, for errors.
    """

    status: int
    body: bytes
    content_type: str
    expires: float | None = None
    subject: str = ""

    @property
    def html(self) -> bool:
        """Whether it is a page for people."""
        return "html" in self.content_type or self.body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))


class NamedClient(httpx.AsyncClient):
    """A client whose errors name whom they are about."""

    subject = ""


def client(
    address: str,
    *,
    headers: Mapping[str, str] | None = None,
    ca_file: str = "",
    socket_path: str = "",
    seconds: float = READ_SECONDS,
    subject: str = "",
) -> NamedClient:
    """A client of one target. `ca_file`: a PEM bundle to trust, not the system's; `seconds`: for a whole request.

    `subject`: whom errors name; empty where the check's title does.
    """
    transport = httpx.AsyncHTTPTransport(
        verify=_trust(ca_file),
        uds=socket_path or None,
        limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=4, keepalive_expiry=5),
    )
    made = NamedClient(
        base_url=address,
        headers={
            "User-Agent": f"steward/{version('steward')}",
            "Accept": "application/json",
            # A kilobyte may unpack to a gigabyte, so nothing is unpacked at all.
            "Accept-Encoding": "identity",
            **(headers or {}),
        },
        timeout=seconds,
        transport=transport,
        max_redirects=MAX_REDIRECTS,
        trust_env=False,
    )
    made.subject = subject
    return made


async def exchange(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    what: str = "",
    changing: bool = False,
    params: Mapping[str, str] | None = None,
    body: object = None,
    follow: bool = False,
    seconds: float | None = None,
) -> Answer:
    """One request; any status is an answer. Raises a `TargetError` as `translated` says and for what cannot be read.

    `follow`: redirects are followed within the same site; one to another is an answer of its own, since whoever can
    make a target redirect may not choose what the bot asks for.
    """
    limit = seconds or client.timeout.read or READ_SECONDS
    place = Place(what, client.subject if isinstance(client, NamedClient) else "")
    async with _gate() if method == "GET" else nullcontext():
        with translated(what, subject=place.subject, changing=changing, seconds=limit):
            async with asyncio.timeout(limit):
                request = client.build_request(method, path, params=params, json=body, timeout=limit)
                for _ in range(MAX_REDIRECTS + 1):
                    response = await client.send(request, stream=True, follow_redirects=False)
                    try:
                        following = response.next_request if follow else None
                        if following is None or not _same_site(request.url, following.url):
                            return await _answer(response, place, changing=changing)
                        request = following
                    finally:
                        await response.aclose()
                raise httpx.TooManyRedirects("too many redirects", request=request)


async def _answer(response: httpx.Response, place: Place, *, changing: bool) -> Answer:
    """The answer as it came over the wire; raises where it is packed or longer than `MAX_BODY`."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise _unreadable(place, "answered in an encoding that was not asked for", changing=changing)
    chunks = bytearray()
    async for chunk in response.aiter_bytes():
        chunks += chunk
        if len(chunks) > MAX_BODY:
            raise _unreadable(place, "answered more than 1 MiB", changing=changing)
    content_type = response.headers.get("content-type", "")
    return Answer(response.status_code, bytes(chunks), content_type, _certificate_end(response), place.subject)


def _unreadable(place: Place, reason: str, *, changing: bool) -> TargetError:
    text = place.says(reason)
    return OutcomeUnknown(f"{text}; it may have happened") if changing else BadAnswer(text)


def _same_site(before: httpx.URL, after: httpx.URL) -> bool:
    """The same host by the same scheme and port, or by https in place of http."""
    if before.host != after.host:
        return False
    upgraded = (before.scheme, after.scheme) == ("http", "https") and before.port is None is after.port
    return upgraded or (before.scheme, before.port) == (after.scheme, after.port)


async def call(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    what: str = "",
    changing: bool = False,
    params: Mapping[str, str] | None = None,
    body: object = None,
    seconds: float | None = None,
    fine: frozenset[int] = frozenset(),
) -> Answer:
    """One request of an API, whose status must be 2xx or one of `fine`; else the error that the status means."""
    answer = await exchange(
        client, method, path, what=what, changing=changing, params=params, body=body, seconds=seconds
    )
    if answer.status in fine or 200 <= answer.status < 300:
        return answer
    message = _message(answer, client)
    raise status_error(answer.status, message, what=what, subject=answer.subject, changing=changing)


def read(answer: Answer, shape: type[T] | TypeAdapter[T], *, what: str = "") -> T:
    """The body as `shape`. Raises `BadAnswer` where it is not that (`Unreachable` for a page), without repeating it."""
    adapter = shape if isinstance(shape, TypeAdapter) else TypeAdapter(shape)
    try:
        return adapter.validate_json(answer.body)
    except ValidationError as error:
        place = Place(what, answer.subject)
        if answer.html:  # A proxy or a parked domain answers in its place.
            raise Unreachable(place.says("answered an HTML page, not as its API")) from error
        raise BadAnswer(place.says("answered something else than its API describes")) from error


class Loose(BaseModel):
    """A vendor's object: fields that we do not know are ignored, as vendors add them at any time."""


def _gate() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    return _GATES.setdefault(loop, asyncio.Semaphore(AT_ONCE))


@cache
def _trust(ca_file: str) -> ssl.SSLContext:
    """One context per bundle: making one costs 20 ms, and hundreds of clients share it."""
    return ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context(trust_env=False)


def _certificate_end(response: httpx.Response) -> float | None:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate: Mapping[str, Any] | None = tls.getpeercert() if tls is not None else None
    if not certificate or "notAfter" not in certificate:
        return None
    return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))


def _message(answer: Answer, client: httpx.AsyncClient) -> str:
    """The vendor's own words about a refusal, redacted; empty where there are none."""
    found = parsed(answer.body)
    if not isinstance(found, dict):
        return ""
    errors = found.get("errors")
    texts = [found.get("message"), found.get("error"), *(errors if isinstance(errors, list) else [errors])]
    held = client.headers.get("authorization", "").split(" ")
    return redacted("; ".join(text for text in texts if isinstance(text, str)), held[-1:])
