"""Says in our words how a call to Slack failed: wait, gone, refused, down, or perhaps done after all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.errors import OutcomeUnknown, Rejected, Unauthorized, Unreachable
from bot.ports import ChannelGone, PersonGone, RateLimited
from bot.slack.values import Json

_CREDENTIALS = {
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "org_login_required",
}
_GONE = {"is_archived", "channel_not_found", "not_in_channel", "cannot_dm_bot", "messages_tab_disabled"}
_NOBODY = {"user_disabled", "user_not_found", "user_not_visible", "users_not_found"}
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
def as_target_error(what: str) -> Iterator[None]:
    """For callers that know no channels: one that is gone is a refusal."""
    try:
        yield
    except ChannelGone as error:
        raise Rejected(f"{error} ({what}).") from error


def asked_to_wait(error: SlackApiError) -> int | None:
    """How long Slack asks to wait, in ms; None where it does not."""
    status, data, headers = _answer(error)
    return _wait(headers) if status == 429 or data.get("error") in {"ratelimited", "rate_limited"} else None


def code(error: SlackApiError) -> str:
    """Slack's own word for the failure, such as `name_taken`; empty where it gave none."""
    return str(_answer(error)[1].get("error", ""))


def cause(error: Exception) -> str:
    """As `code`, of an error that `translated` made."""
    return code(error.__cause__) if isinstance(error.__cause__, SlackApiError) else ""


def _answer(error: SlackApiError) -> tuple[int, Json, Mapping[str, Any]]:
    response = error.response
    if isinstance(response, AsyncSlackResponse):
        data = response.data if isinstance(response.data, dict) else {}
        return response.status_code, data, response.headers
    # Where the body is no JSON, slack_sdk hands over aiohttp's response.
    return getattr(response, "status", 0), {}, getattr(response, "headers", {})


def _no_credentials(name: str, data: Json, what: str) -> str:
    if name == "missing_scope":
        scope = str(data.get("needed", "")) or "that it needs"
        return f"The bot's token lacks the scope {scope} for {what}; add it and install the app again."
    return f"Slack does not accept the bot's token ({what}: {name})."


def _wait(headers: Mapping[str, Any]) -> int:
    """The header's pause. A limit without one is no reason to ask again at once."""
    wait = str(headers.get("Retry-After", ""))
    return int(wait) * 1000 if wait.isascii() and wait.isdigit() and int(wait) else _DEFAULT_WAIT * 1000


def _named(error: SlackApiError, what: str, *, write: bool) -> Exception:
    status, data, headers = _answer(error)
    name = str(data.get("error", ""))
    if asked_to_wait(error) is not None:
        return RateLimited(_wait(headers), what)
    if name in _CREDENTIALS:
        return Unauthorized(_no_credentials(name, data, what))
    if name in _NOBODY:
        return PersonGone(f"Slack says {name}: that account cannot be reached ({what}).")
    if name in _GONE:
        return ChannelGone(f"Slack says {name}")
    if status >= 500 or not name or name in _TROUBLE:
        lost = OutcomeUnknown if write else Unreachable
        return lost(f"Slack answered {status} {name or 'without a word'} ({what}).")
    details = "; ".join(str(each) for each in data.get("response_metadata", {}).get("messages", ()))
    return Rejected(f"Slack refused {what}: {name}" + (f" ({details})." if details else "."))
