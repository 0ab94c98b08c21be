import pytest

from bot.domain.nearest import did_you_mean, nearest, nearest_few

SYSTEMS = ("newsletter", "target-list", "shop")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        pytest.param("newsleter", "newsletter", id="a letter is missing"),
        pytest.param("shpo", "shop", id="two letters are swapped"),
        pytest.param("targetlist", "target-list", id="a dash is missing"),
        pytest.param("billing", None, id="nothing like it"),
        pytest.param("", None, id="nothing typed"),
    ],
)
def test_a_slip_of_the_finger_finds_the_name(typed: str, meant: str | None) -> None:
    """Only a name that is near enough to be meant is offered."""
    assert meant == nearest(typed, SYSTEMS)


def test_the_nearest_of_several_is_offered() -> None:
    """One name, the most alike, wherever it stands in the list."""
    assert "web" == nearest("wep", ["weeb-api", "web", "worker"])


def test_a_list_of_ids_reaches_further() -> None:
    """Three at most, nearest first; what has nothing in common stays out."""
    found = nearest_few("dep-41a", ["dep-38", "xyz", "dep-40", "dep-12", "dep-41"])

    assert ["dep-41", "dep-40", "dep-12"] == found
    assert [] == nearest_few("dep-41a", ["xyz"])


def test_the_question_names_the_nearest() -> None:
    """Where nothing is near, the caller's words stand instead."""
    told = [did_you_mean(typed, iter(SYSTEMS), "there are three") for typed in ("shpo", "billing")]

    assert ["did you mean shop?", "there are three"] == told
