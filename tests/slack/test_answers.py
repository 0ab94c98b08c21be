"""Replies go to Slack and nowhere else."""

import pytest

from bot.slack.answers import trusted

API, TWIN = "https://slack.com/api/", "http://127.0.0.1:8400/api/"


@pytest.mark.parametrize(
    ("address", "api", "expected"),
    [
        pytest.param("https://hooks.slack.com/commands/T/1/a", API, True, id="Slack's own host"),
        pytest.param("http://127.0.0.1:8400/response/a", TWIN, True, id="the host of the API in use"),
        pytest.param("http://hooks.slack.com/commands/T/1/a", API, False, id="without TLS"),
        pytest.param("https://hooks.slack.com.evil.example/a", API, False, id="a host that begins alike"),
        pytest.param("https://hooks.slack.com@evil.example/a", API, False, id="a name before the host"),
        pytest.param("https://hooks.slack.com:444/a", API, False, id="another port"),
        pytest.param("http://169.254.169.254/latest/meta-data", API, False, id="the cloud's metadata"),
        pytest.param("http://127.0.0.1:6379/", TWIN, False, id="another port of the machine"),
        pytest.param("file:///etc/passwd", API, False, id="a file"),
        pytest.param("", API, False, id="nothing"),
        pytest.param("http://[", API, False, id="no address at all"),
    ],
)
def test_only_slack_gets_replies(address: str, api: str, expected: bool) -> None:
    """An address from a payload is called only where it is Slack's."""
    assert expected is trusted(address, api)
