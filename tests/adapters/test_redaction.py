"""Texts from outside made fit to be shown."""

import pytest

from adapters.redaction import redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(
            "GET https://app:hunter2@db.example/x failed", "GET https://•••@db.example/x failed", id="an address"
        ),
        pytest.param("Authorization: Bearer abc.def-123456", "Authorization: Bearer •••", id="a header"),
        pytest.param("token=abc123&x=1", "token=•••&x=1", id="a query"),
        pytest.param('{"api_key": "k-1"}', '{"api_key": "•••"}', id="a JSON field"),
        pytest.param("AWS key AKIAIOSFODNN7EXAMPLE", "AWS key •••", id="an AWS key"),
        pytest.param("key re_abcdefgh12345678 is restricted", "key ••• is restricted", id="a vendor's prefix"),
        pytest.param("id a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6", "id •••", id="long letters and digits"),
        pytest.param(
            "5f1c0de5f1c0de5f1c0de5f1c0de5f1c0de5f1c0, ok",
            "5f1c0de5f1c0de5f1c0de5f1c0de5f1c0de5f1c0, ok",
            id="a commit stays",
        ),
        pytest.param("first\nsecond\x00third", "first secondthird", id="one line without control signs"),
        pytest.param(
            "manifest for newsletter-app:v99 not found",
            "manifest for newsletter-app:v99 not found",
            id="plain words stay",
        ),
        pytest.param(
            "event-loop-blocked-for-a-very-long-time", "event-loop-blocked-for-a-very-long-time", id="a long word stays"
        ),
    ],
)
def test_a_text_is_shown_as(text: str, shown: str) -> None:
    """Credentials are taken out by where they stand or how they look; the words around them stay."""
    assert shown == redacted(text)


def test_known_secrets_are_taken_out_wherever_they_stand() -> None:
    """A secret that we hold needs no pattern."""
    assert "wrong key •••" == redacted("wrong key abc", ["abc", ""])


def test_a_long_text_is_cut() -> None:
    """200 signs are enough for a line in the channel."""
    assert 200 == len(redacted("word " * 100))
