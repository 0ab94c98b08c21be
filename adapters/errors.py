"""Errors of the network and of HTTP in the words of the error tree; no address, token or body gets into a text."""

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from bot.domain.errors import BadAnswer, NotDone, OutcomeUnknown, Rejected, TargetError, Unauthorized, Unreachable

_OUR_NETWORK = {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE}

_BEFORE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], type[TargetError], str], ...] = (
    ((httpx.ConnectTimeout, httpx.PoolTimeout), Unreachable, "does not take the connection in time"),
    (httpx.TooManyRedirects, Unreachable, "redirects in a circle"),
    ((httpx.UnsupportedProtocol, httpx.InvalidURL), BadAnswer, "leads to an address that cannot be used"),
)
"""What fails before a request has had any effect."""


@contextmanager
def translated(what: str = "", *, changing: bool = False, seconds: float = 0) -> Iterator[None]:
    """Raise our errors for httpx's and for timeouts.

    `changing`: a lost answer means that it may have happened. `seconds`: the limit, for the text.

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
        raise _translation(error, what, changing=changing, seconds=seconds) from error


def status_error(status: int, message: str = "", *, what: str = "", changing: bool = False) -> TargetError:
    """The error for an HTTP status that is no success; `message` must be redacted already."""
    tail = f": {message}" if message else ""
    if status in {401, 403}:
        return Unauthorized(_text(what, f"it does not accept our credentials ({status})"))
    if status == 429:
        text = _text(what, "too many requests (429); try again in a minute")
        return NotDone(text) if changing else BadAnswer(text)
    if status >= 500:
        # Any 5xx may come from a gateway that lost the answer, also 503.
        if changing:
            return OutcomeUnknown(_text(what, f"answered {status}{tail}; it may have happened"))
        return Unreachable(_text(what, f"answered {status}{tail}"))
    if status >= 400:
        return Rejected(_text(what, f"refused with {status}{tail}"))
    return BadAnswer(_text(what, f"answered {status} where a result was expected"))


def _translation(error: Exception, what: str, *, changing: bool, seconds: float) -> TargetError:
    """Our error for one of httpx, of a timeout or of a socket."""
    if isinstance(error, httpx.ConnectError):
        unconnected = _connect_error(error, what)
        return NotDone(str(unconnected)) if changing else unconnected
    for kind, meaning, reason in _BEFORE:
        if isinstance(error, kind):
            return (NotDone if changing else meaning)(_text(what, reason))
    late = isinstance(error, TimeoutError | httpx.TimeoutException)
    limit = f"within {seconds:g} s" if seconds else "in time"
    reason = f"no answer {limit}" if late else "broke off the connection"
    if changing:
        return OutcomeUnknown(_text(what, f"{reason}; it may have happened"))
    # httpx's one word for a broken-off answer and for bytes that are no HTTP.
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error).lower():
        return BadAnswer(_text(what, "answered something that is not HTTP"))
    return Unreachable(_text(what, reason))


def _connect_error(error: httpx.ConnectError, what: str) -> TargetError:
    """Refused, a certificate, a name, or our own network: told by what caused httpx's error."""
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unreachable(_text(what, f"its certificate is not valid: {cause.verify_message}"))
    if isinstance(cause, ssl.SSLError):
        return Unreachable(_text(what, "the TLS handshake failed"))
    if isinstance(cause, socket.gaierror):
        if cause.errno == socket.EAI_AGAIN:
            return BadAnswer(_text(what, "our name resolution does not answer"))
        return Unreachable(_text(what, "its name does not resolve"))
    if isinstance(cause, OSError) and cause.errno in _OUR_NETWORK:
        return BadAnswer(_text(what, "our own network has no way to it"))
    return Unreachable(_text(what, "refuses the connection"))


def _root(error: BaseException) -> BaseException:
    """The error of the system beneath the libraries' wrapping."""
    deepest, below = error, error.__cause__ or error.__context__
    while below is not None:
        deepest, below = below, below.__cause__ or below.__context__
        if isinstance(deepest, ssl.SSLError | socket.gaierror):
            break
    return deepest


def _text(what: str, reason: str) -> str:
    return f"{what}: {reason}" if what else reason
