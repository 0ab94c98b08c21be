"""Says in our words how a call to Slack failed: wait, gone, refused, down, or perhaps done after all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.errors import OutcomeUnknown, Rejected, Unauthorized, Unreachable
from bot.ports import ChannelGone, RateLimited
from bot.slack.values import Json

_CREDENTIALS = {
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "no_permission",
    "not_allowed_token_type",
    "org_login_required",
}
_GONE = {"is_archived", "channel_not_found", "not_in_channel", "cannot_dm_bot", "messages_tab_disabled"}
_TROUBLE = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "accesslimited"}
_DEFAULT_WAIT = 30


@contextmanager
def translated(what: str, *, write: bool) -> Iterator[None]:
    """Translate the errors of one call. `write`: a lost answer means that it may have been done.

    Raises `RateLimited`, `ChannelGone`, `Unauthorized`, `Rejected`, `Unreachable`, and for writes `OutcomeUnknown`.
    """
    lost = OutcomeUnknown if write else Unreachable
    try:
        yield
    except SlackApiError as error:
        raise _named(error, what, write=write) from error
    except aiohttp.ClientConnectorError as error:
        raise Unreachable(f"Slack does not accept connections ({what}).") from error
    except (TimeoutError, aiohttp.ClientError) as error:
        raise lost(f"Slack did not answer ({what}).") from error
    except (ValueError, AttributeError) as error:
        # slack_sdk reads an answer in plain text as if it were an object.
        raise lost(f"Slack's answer cannot be read ({what}).") from error


@contextmanager
def patient(what: str) -> Iterator[None]:
    """For callers that know no rate limits and no channels: both become target errors."""
    try:
        yield
    except RateLimited as error:
        raise Unreachable(f"Slack asks to wait {error.retry_after // 1000} s ({what}).") from error
    except ChannelGone as error:
        raise Rejected(f"{error} ({what}).") from error


def code(error: SlackApiError) -> str:
    """Slack's own word for the failure, such as `name_taken`; empty where it gave none."""
    return str(_answer(error)[1].get("error", ""))


def _answer(error: SlackApiError) -> tuple[int, Json, Mapping[str, Any]]:
    response = error.response
    if isinstance(response, AsyncSlackResponse):
        data = response.data if isinstance(response.data, dict) else {}
        return response.status_code, data, response.headers
    # Where the body is no JSON, slack_sdk hands over aiohttp's response.
    return getattr(response, "status", 0), {}, getattr(response, "headers", {})


def _named(error: SlackApiError, what: str, *, write: bool) -> Exception:
    status, data, headers = _answer(error)
    name = str(data.get("error", ""))
    if status == 429 or name in {"ratelimited", "rate_limited"}:
        wait = str(headers.get("Retry-After", ""))
        return RateLimited(int(wait) * 1000 if wait.isascii() and wait.isdigit() else _DEFAULT_WAIT * 1000)
    if name == "missing_scope":
        scope = str(data.get("needed", "")) or "that it needs"
        return Unauthorized(f"The bot's token lacks the scope {scope} for {what}; add it and install the app again.")
    if name in _CREDENTIALS:
        return Unauthorized(f"Slack does not accept the bot's token ({what}: {name}).")
    if name in _GONE:
        return ChannelGone(f"Slack says {name}")
    if status >= 500 or not name or name in _TROUBLE:
        lost = OutcomeUnknown if write else Unreachable
        return lost(f"Slack answered {status} {name or 'without a word'} ({what}).")
    details = "; ".join(str(each) for each in data.get("response_metadata", {}).get("messages", ()))
    return Rejected(f"Slack refused {what}: {name}" + (f" ({details})." if details else "."))
