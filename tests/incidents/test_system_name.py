"""Which system the beginning of a title names."""

import pytest

from bot.incidents.system_name import named, nearly_named

SYSTEMS = {"newsletter": "newsletter", "target list formatter": "target-list", "target-list": "target-list"}


@pytest.mark.parametrize(
    ("typed", "system", "rest"),
    [
        pytest.param("newsletter mail stopped", "newsletter", "mail stopped", id="its name"),
        pytest.param("Newsletter: mail", "newsletter", "mail", id="with a colon"),
        pytest.param("(newsletter) mail", "newsletter", "mail", id="in brackets"),
        pytest.param("Target List Formatter exports", "target-list", "exports", id="its title"),
        pytest.param("target list exports", "target-list", "exports", id="a name in two words"),
        pytest.param("news letter mail", "newsletter", "mail", id="a name that is one word"),
        pytest.param("mail of the newsletter", "", "mail of the newsletter", id="not at the beginning"),
    ],
)
def test_a_name_is_understood(typed: str, system: str, rest: str) -> None:
    """However it is written; what is no name stays in the title."""
    assert (system, tuple(rest.split())) == named(tuple(typed.split()), SYSTEMS)


@pytest.mark.parametrize(
    ("typed", "system", "rest"),
    [
        pytest.param("newsleter mail", "newsletter", "mail", id="a letter too few"),
        pytest.param("newslettre mail", "newsletter", "mail", id="two letters changed"),
        pytest.param("targt list exports", "target-list", "exports", id="in two words"),
        pytest.param("traget-list: exports", "target-list", "exports", id="turned round"),
        pytest.param("mail is down", "", "mail is down", id="something else"),
        pytest.param("logins fail everywhere", "", "logins fail everywhere", id="no system at all"),
    ],
)
def test_a_near_miss_is_noticed(typed: str, system: str, rest: str) -> None:
    """With what follows it; a title that only begins alike is none."""
    assert (system, tuple(rest.split())) == nearly_named(tuple(typed.split()), SYSTEMS)
