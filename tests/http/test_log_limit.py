"""Whoever sends what is refused does not get to fill the log."""

from structlog.testing import capture_logs

from bot.http.log_limit import Seldom


def test_a_reason_is_told_once_a_minute_with_its_count() -> None:
    """Each reason for itself, the first time at once."""
    now = [0.0]
    refused = Seldom("request refused", lambda: now[0])

    with capture_logs() as told:
        for _ in range(1000):
            refused.tell("not signed", status=401)
        refused.tell("too long", status=413)
        now[0] = 60.0
        refused.tell("not signed", status=401)

    assert [("not signed", 1, 401), ("too long", 1, 413), ("not signed", 1000, 401)] == [
        (line["reason"], line["times"], line["status"]) for line in told
    ]
