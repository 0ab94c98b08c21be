"""Secrets never reach a channel, a log or the audit."""

import pytest

from bot.domain.redaction import STARS, Redactor, secrets_of


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("xoxb-123456789-abcdef", id="a Slack bot token"),
        pytest.param("AKIAIOSFODNN7EXAMPLE", id="an AWS access key id"),
        pytest.param("sk_live_51abcDEF", id="a Stripe key"),
        pytest.param("re_AbCdEf123456", id="a Resend key"),
    ],
)
def test_a_secret_of_known_form_is_starred(secret: str) -> None:
    """Whatever the sentence around it."""
    assert secret not in Redactor()(f"the provider said: bad key {secret}, try again")


def test_an_address_loses_its_password() -> None:
    """User and password go, host and database stay, since they tell which one."""
    assert f"postgresql://{STARS}@db:5432/app" == Redactor()("postgresql://app:hunter2@db:5432/app")


def test_a_configured_value_is_starred_wherever_it_stands() -> None:
    """Even where its form says nothing."""
    assert f"routing {STARS} refused" == Redactor(["correcthorse"])("routing correcthorse refused")


def test_short_values_are_not_starred() -> None:
    """A secret of three letters would star half of every sentence."""
    assert "the app is up" == Redactor(["app"])("the app is up")


def test_secret_values_are_found_by_name_and_in_addresses() -> None:
    """Tokens, keys and passwords of the environment; addresses give up their password only."""
    environment = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "APP_URL": "http://app:8080",
        "DATABASE_URL": "postgresql://app:hunter2@db/app",
        "R2_ACCESS_KEY_ID": "id",
    }

    assert ["xoxb-1", "hunter2"] == secrets_of(environment.items())
