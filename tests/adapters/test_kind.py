"""Every kind of connection has the same shape, and its configuration is strict and keeps secrets to itself."""

import inspect
import traceback
from types import ModuleType

import pytest
from pydantic import SecretStr, ValidationError

from adapters import command, docker, host, http, netlify, pagerduty, postgres, redis, resend, s3
from adapters.kind import UrlPath
from adapters.kind import kind as kind_of
from adapters.kinds import KINDS
from bot.domain.quantity import in_base_unit

EXAMPLES: dict[str, tuple[ModuleType, dict[str, str]]] = {
    "http": (http, {"http": "http://h"}),
    "postgres": (postgres, {"postgres": "postgresql://u:hunter2@h/d"}),
    "redis": (redis, {"redis": "redis://:hunter2@h/0"}),
    "s3": (s3, {"s3": "http://h", "bucket": "b", "access_key_id": "hunter2", "secret_access_key": "hunter2"}),
    "docker": (docker, {"docker": "unix:///run/docker.sock", "project": "p"}),
    "netlify": (netlify, {"netlify": "http://h", "token": "hunter2", "site": "s"}),
    "resend": (resend, {"resend": "http://h", "api_key": "hunter2"}),
    "pagerduty": (pagerduty, {"pagerduty": "http://h", "routing_key": "hunter2"}),
    "command": (command, {"command": "local"}),
    "host": (host, {"host": "local"}),
}


def test_every_kind_is_tried_here() -> None:
    """A kind that wiring knows has an example; PagerDuty is no connection of a system, and has one too."""
    assert {*(name for name, kind in KINDS.items() if kind.config), "pagerduty"} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_kind_has_a_key_a_configuration_a_client_and_measures(name: str) -> None:
    """Wiring's table needs no exception."""
    kind, fields = EXAMPLES[name]

    client = kind.open(kind.Config.model_validate(fields))
    await client.close()
    await client.close()

    assert name == kind.KIND
    assert kind.KIND in kind.Config.model_fields
    calls = [*kind_of(kind).measures.values(), *kind_of(kind).tables.values()]
    assert all(inspect.iscoroutinefunction(call.take) for call in calls)
    assert all(call.take.__doc__ for call in calls)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_measure_declares_its_unit_and_the_types_of_its_arguments(name: str) -> None:
    """So that a wrong argument, or a threshold in another unit, is refused at load."""
    kind, _ = EXAMPLES[name]

    for measure in kind_of(kind).measures.values():
        assert set(measure.args.values()) <= {str, int, UrlPath}
        assert measure.unit is None or in_base_unit(1, measure.unit)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_unknown_key_is_refused_without_repeating_values(name: str) -> None:
    """A typing error is found at load, and the error can be printed."""
    kind, fields = EXAMPLES[name]

    with pytest.raises(ValidationError, match="extra_forbidden") as caught:
        kind.Config.model_validate({**fields, "tiemout": "hunter2"})

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_configuration_shows_no_secret_and_cannot_be_changed(name: str) -> None:
    """It may be printed, logged and compared."""
    kind, fields = EXAMPLES[name]
    config = kind.Config.model_validate(fields)

    with pytest.raises(ValidationError, match="frozen"):
        setattr(config, kind.KIND, "other")

    assert "hunter2" not in repr(config) + str(config.model_dump(mode="json"))


@pytest.mark.parametrize("name", ["http", "s3", "netlify", "resend", "pagerduty"])
@pytest.mark.parametrize("address", ["", "h", "ftp://h", "http://", "//h"])
def test_only_an_address_of_http_is_accepted(name: str, address: str) -> None:
    """The error tells the form."""
    kind, fields = EXAMPLES[name]

    with pytest.raises(ValidationError, match="write it as https://host"):
        kind.Config.model_validate({**fields, name: address})


def test_an_address_loses_its_last_slash() -> None:
    """Paths begin with one."""
    assert "http://h/api" == http.Config(http="http://h/api/").http


def test_secrets_are_secrets() -> None:
    """Whatever is called key, token or secret is held as one."""
    for kind, _ in EXAMPLES.values():
        for name, field in kind.Config.model_fields.items():
            if any(word in name for word in ("key", "token", "secret")):
                assert field.annotation in (SecretStr, dict[str, SecretStr]), name


@pytest.mark.parametrize(
    ("name", "address"),
    [
        pytest.param("redis", "redis://:hunter2/x@h:6379", id="a redis password with a slash"),
        pytest.param("redis", "redis://h:hunter2", id="a redis port that is none"),
        pytest.param("postgres", "postgresql://u:hunter2%zz@h/d", id="a postgres password with a percent sign"),
        pytest.param("http", "http://u:hunter2/x@h", id="a password with a slash"),
        pytest.param("http", "http://[hunter2", id="a bracket that is never closed"),
    ],
)
def test_a_broken_address_is_refused_without_repeating_it(name: str, address: str) -> None:
    """It ends with the place in the file, before any client chokes on it; what may be a password is not shown."""
    kind, fields = EXAMPLES[name]

    with pytest.raises(ValidationError) as caught:
        kind.Config.model_validate(fields | {name: address})

    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
