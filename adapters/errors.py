"""Errors of the network and of HTTP in the words of the error tree; no address, token or body gets into a text."""

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from bot.domain.errors import BadAnswer, NotDone, OutcomeUnknown, Rejected, TargetError, Unauthorized, Unreachable

_OUR_NETWORK = {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE}

_BEFORE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], type[TargetError], str], ...] = (
    ((httpx.ConnectTimeout, httpx.PoolTimeout), Unreachable, "does not take the connection in time"),
    (httpx.TooManyRedirects, Unreachable, "redirects in a circle"),
    ((httpx.UnsupportedProtocol, httpx.InvalidURL), BadAnswer, "leads to an address that cannot be used"),
)
"""What fails before a request has had any effect."""


@dataclass(frozen=True, slots=True)
class Place:
    """What was being done, and who failed: `list deploys: Netlify refuses the connection`."""

    what: str
    subject: str

    def says(self, reason: str) -> str:
        """The whole sentence."""
        said = f"{self.subject} {reason}" if self.subject else reason
        return f"{self.what}: {said}" if self.what else said


@contextmanager
def translated(what: str = "", *, subject: str = "", changing: bool = False, seconds: float = 0) -> Iterator[None]:
    """Raise our errors for httpx's and for timeouts.

    `subject`: who it is that fails, for the text; empty where the reader knows. `changing`: a lost answer means that
    it may have happened. `seconds`: the limit, for the text.

    Raises:
        Unreachable: it refused the connection, broke it off or did not answer in time.
        Unauthorized: it answered 401 or 403.
        BadAnswer: it answered something that is not HTTP, asks to slow down, or our own network is the trouble.
        Rejected: it answered another 4xx.
        NotDone: a change did not leave us, or was turned away as one request too many.
        OutcomeUnknown: the same as Unreachable once the request of a change has left.
    """
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ssl.SSLError, OSError) as error:
        raise _translation(error, Place(what, subject), changing=changing, seconds=seconds) from error


def status_error(
    status: int, message: str = "", *, what: str = "", subject: str = "", changing: bool = False
) -> TargetError:
    """The error for an HTTP status that is no success; `message` must be redacted already."""
    tail = f": {message}" if message else ""
    place = Place(what, subject)
    if status in {401, 403}:
        return Unauthorized(place.says(f"does not accept our credentials ({status})"))
    if status == 429:
        text = place.says("got too many requests (429); try again in a minute")
        return NotDone(text) if changing else BadAnswer(text)
    if status >= 500:
        # Any 5xx may come from a gateway that lost the answer, also 503.
        if changing:
            return OutcomeUnknown(place.says(f"answered {status}{tail}; it may have happened"))
        return Unreachable(place.says(f"answered {status}{tail}"))
    if status >= 400:
        return Rejected(place.says(f"refused with {status}{tail}"))
    return BadAnswer(place.says(f"answered {status} where a result was expected"))


def _translation(error: Exception, place: Place, *, changing: bool, seconds: float) -> TargetError:
    """Our error for one of httpx, of a timeout or of a socket."""
    if isinstance(error, httpx.ConnectError):
        unconnected = _connect_error(error, place)
        return NotDone(str(unconnected)) if changing else unconnected
    for kind, meaning, reason in _BEFORE:
        if isinstance(error, kind):
            return (NotDone if changing else meaning)(place.says(reason))
    late = isinstance(error, TimeoutError | httpx.TimeoutException)
    limit = f"within {seconds:g} s" if seconds else "in time"
    reason = f"gave no answer {limit}" if late else "broke off the connection"
    if changing:
        return OutcomeUnknown(place.says(f"{reason}; it may have happened"))
    # httpx's one word for a broken-off answer and for bytes that are no HTTP.
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error).lower():
        return BadAnswer(place.says("answered something that is not HTTP"))
    return Unreachable(place.says(reason))


def _connect_error(error: httpx.ConnectError, place: Place) -> TargetError:
    """Refused, a certificate, a name, or our own network: told by what caused httpx's error."""
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unreachable(place.says(f"shows a certificate that is not valid: {cause.verify_message}"))
    if isinstance(cause, ssl.SSLError):
        return Unreachable(place.says("fails in the TLS handshake"))
    if isinstance(cause, socket.gaierror):
        if cause.errno == socket.EAI_AGAIN:
            return BadAnswer(place.says("cannot be looked up: our name resolution does not answer"))
        return Unreachable(place.says("has a name that does not resolve"))
    if isinstance(cause, OSError) and cause.errno in _OUR_NETWORK:
        return BadAnswer(place.says("cannot be reached: our own network has no way to it"))
    return Unreachable(place.says("refuses the connection"))


def _root(error: BaseException) -> BaseException:
    """The error of the system beneath the libraries' wrapping."""
    deepest, below = error, error.__cause__ or error.__context__
    while below is not None:
        deepest, below = below, below.__cause__ or below.__context__
        if isinstance(deepest, ssl.SSLError | socket.gaierror):
            break
    return deepest
