"""The load: signed slash commands over kept connections, each sent when the one before it was acknowledged."""

import asyncio
import hashlib
import hmac
import itertools
import time
from dataclasses import dataclass, field
from statistics import quantiles
from urllib.parse import urlencode

_NUMBERS = itertools.count(1)
_PRESIGNED = 1024


@dataclass(frozen=True, slots=True)
class Command:
    """What is typed, and where it goes."""

    port: int
    secret: str
    command: str
    text: str = ""
    response_url: str = ""

    def request(self) -> bytes:
        """The next request on the wire; no two are alike, so none is a replay."""
        fields = {
            "token": "bench",
            "team_id": "T0STEWARD",
            "team_domain": "steward",
            "channel_id": "C0ALERTS",
            "channel_name": "production-alerts",
            "user_id": "U0SRE",
            "user_name": "sre",
            "command": self.command,
            "text": self.text,
            "api_app_id": "A0STEWARD",
            "is_enterprise_install": "false",
            "response_url": self.response_url,
            "trigger_id": f"{next(_NUMBERS)}.bench",
        }
        body = urlencode(fields).encode()
        stamp = str(int(time.time()))
        digest = hmac.digest(self.secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hex()
        head = (
            "POST /slack/events HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{self.port}\r\n"
            "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n"
            "Accept: application/json,*/*\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"X-Slack-Request-Timestamp: {stamp}\r\n"
            f"X-Slack-Signature: v0={digest}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(slots=True)
class Burst:
    """What one stretch of load found. Latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    refused: int = 0

    @property
    def rate(self) -> float:
        """Acknowledgements per second."""
        return len(self.latencies) / self.seconds

    @property
    def p99(self) -> float:
        """The latency that 99 of 100 stay under."""
        return quantiles(self.latencies, n=100)[98]


class _Connection(asyncio.Protocol):
    """One person after another on one kept connection, until the time is over."""

    def __init__(self, command: Command, burst: Burst, until: float, ended: "asyncio.Future[None]") -> None:
        self._command = command
        self._burst = burst
        self._until = until
        self._ended = ended
        self._ready: list[bytes] = []
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def prepare(self, requests: int) -> None:
        """Sign ahead, so that signing does not weigh on the machine while the other side is measured."""
        self._ready = [self._command.request() for _ in range(requests)]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def start(self) -> None:
        """Send the first request."""
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        now = time.perf_counter()
        self._received = b""
        self._burst.latencies.append(now - self._sent_at)
        # Words in the acknowledgement would say that the command was not taken.
        if not head.startswith(b"HTTP/1.1 200") or body:
            self._burst.refused += 1
        if now < self._until:
            self._send()
        elif not self._ended.done():
            self._ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _send(self) -> None:
        request = self._ready.pop() if self._ready else self._command.request()
        self._sent_at = time.perf_counter()
        if self._transport is not None:
            self._transport.write(request)


async def burst(command: Command, *, at_once: int, seconds: float) -> Burst:
    """Type `command` for so long, `at_once` people side by side; for no time at all, each types it once."""
    loop = asyncio.get_running_loop()
    found = Burst()
    ends: list[asyncio.Future[None]] = []
    connections: list[_Connection] = []
    for _ in range(at_once):
        ended: asyncio.Future[None] = loop.create_future()
        _, connection = await loop.create_connection(
            lambda ended=ended: _Connection(command, found, 0.0, ended),  # type: ignore[misc]  # bound per connection
            "127.0.0.1",
            command.port,
        )
        connection.prepare(_PRESIGNED // at_once if seconds else 1)
        ends.append(ended)
        connections.append(connection)
    started = time.perf_counter()
    for connection in connections:
        connection._until = started + seconds
        connection.start()
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*ends)
    found.seconds = time.perf_counter() - started
    for connection in connections:
        connection.close()
    return found


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
