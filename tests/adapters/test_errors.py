"""Errors of the network in the words of the error tree."""

import errno
import socket
import ssl

import httpx
import pytest

from adapters.errors import translated
from bot.domain.errors import BadAnswer, TargetError, Unreachable


@pytest.mark.parametrize(
    ("cause", "error", "text"),
    [
        pytest.param(ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Unreachable, "refuses", id="refused"),
        pytest.param(OSError(errno.EHOSTUNREACH, "no route"), Unreachable, "refuses", id="its host is off"),
        pytest.param(
            socket.gaierror(socket.EAI_NONAME, "unknown"), Unreachable, "name that does not resolve", id="no such name"
        ),
        pytest.param(
            socket.gaierror(socket.EAI_AGAIN, "later"), BadAnswer, "our name resolution", id="our resolver is silent"
        ),
        pytest.param(OSError(errno.ENETUNREACH, "no network"), BadAnswer, "our own network", id="we have no network"),
        pytest.param(
            OSError(errno.EMFILE, "too many files"), BadAnswer, "our own network", id="we have no socket left"
        ),
        pytest.param(ssl.SSLError(1, "handshake"), Unreachable, "TLS handshake", id="it speaks no TLS"),
    ],
)
def test_a_connection_that_fails_by(cause: Exception, error: type[TargetError], text: str) -> None:
    """What is the target's trouble is down; what is ours is unknown. No address is in the text."""
    wrapped = httpx.ConnectError("https://user:hunter2@host/ failed")
    wrapped.__cause__ = RuntimeError("a library in between")
    wrapped.__cause__.__cause__ = cause

    with pytest.raises(TargetError, match=text) as caught, translated():
        raise wrapped

    assert error is type(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_was_asked_stands_first() -> None:
    """A person reads which step failed, then why."""
    with pytest.raises(Unreachable) as caught, translated("lock dep-40", seconds=3.5):
        raise httpx.ReadTimeout("slow")

    assert "lock dep-40: gave no answer within 3.5 s" == str(caught.value)


def test_our_own_mistakes_are_not_translated() -> None:
    """A bug must look like one."""
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError
