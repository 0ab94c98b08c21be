import re
from zoneinfo import ZoneInfo

import pytest

from bot.local.page.place import Place, elsewhere, parse_place
from bot.local.page.screen import render_screen
from bot.local.workspace.blockkit.surfaces import accepted_view
from bot.local.workspace.state import Workspace
from bot.local.workspace.timeline import Post
from tests.local.page.scene import ALERTS, NIGHT, demo_clock, incident_modal, night, quiet_workspace, say, section

UTC = ZoneInfo("UTC")


def shown(workspace: Workspace, **query: str) -> str:
    """The page of an address."""
    return render_screen("app.html", parse_place({**query}, workspace), workspace, UTC)


def articles(html: str) -> list[str]:
    """The messages of a page, as text."""
    found = re.findall(r"<article.*?</article>", html, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", each)).strip() for each in found]


def said_by(workspace: Workspace, user: str, text: str, **more: str) -> Post:
    """A person says something."""
    return workspace.write(Post(ALERTS, workspace.now_ts(), user, text, **more))  # type: ignore[arg-type]  # strings only


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, "/?as=engineer&channel=production-alerts", id="at first"),
        pytest.param({"as": "sre", "channel": "general"}, "/?as=sre&channel=general", id="a channel by name"),
        pytest.param({"as": "U0SRE", "channel": "C0GENERAL"}, "/?as=sre&channel=general", id="by ids"),
        pytest.param({"as": "sre", "channel": "steward"}, "/?as=sre&channel=steward", id="the bot's messages"),
        pytest.param(
            {"as": "sre", "channel": "D0LEAD"}, "/?as=sre&channel=production-alerts", id="not another's messages"
        ),
        pytest.param(
            {"as": "root", "channel": "x"}, "/?as=engineer&channel=production-alerts", id="what does not exist"
        ),
        pytest.param(
            {"channel": "steward", "tab": "home"}, "/?as=engineer&channel=steward&tab=home", id="the home tab"
        ),
        pytest.param(
            {"channel": "general", "tab": "home"}, "/?as=engineer&channel=general", id="a channel has no home"
        ),
        pytest.param({"thread": "1.2"}, "/?as=engineer&channel=production-alerts&thread=1.2", id="a thread"),
        pytest.param({"panel": "lab"}, "/?as=engineer&channel=production-alerts&panel=lab", id="the lab"),
        pytest.param({"show": "٣"}, "/?as=engineer&channel=production-alerts", id="a number that is none"),
    ],
)
def test_an_address_leads_to_a_view(query: dict[str, str], expected: str) -> None:
    """Every address shows something that this person may see, and its view has that address."""
    assert expected == parse_place(query, quiet_workspace()).url


def test_another_person_sees_the_same_place_where_they_may() -> None:
    """Switching person keeps the channel; of direct messages it leads to their own."""
    workspace = night()
    sre = parse_place({"as": "sre", "channel": "steward", "panel": "lab"}, workspace)

    lead = elsewhere(sre, workspace.users[2], workspace)

    assert ("D0LEAD", True) == (lead.channel.id, lead.lab)


def test_an_ephemeral_message_is_seen_by_one_person() -> None:
    """Only the person it is for sees it, marked as such."""
    workspace = quiet_workspace()
    say(workspace, ALERTS, "between us", only="U0SRE")

    assert "Only visible to you Steward App 03:03 between us" in articles(shown(workspace, **{"as": "sre"}))[0]
    assert [] == articles(shown(workspace, **{"as": "lead"}))


def test_an_edited_message_says_so() -> None:
    """What the bot changed afterwards carries a mark."""
    workspace = quiet_workspace()
    say(workspace, ALERTS, "done", edited={"user": "U0STEWARD", "ts": "1.0"})

    assert articles(shown(workspace))[0].endswith("done (edited)")


def test_replies_stand_in_their_thread() -> None:
    """The channel shows how many replies there are; the thread shows them; a broadcast stands in both."""
    workspace = quiet_workspace()
    parent = say(workspace, ALERTS, "parent")
    said_by(workspace, "U0SRE", "reply", thread_ts=parent.ts)
    said_by(workspace, "U0LEAD", "told all", thread_ts=parent.ts, subtype="thread_broadcast")

    channel = articles(shown(workspace))
    both = articles(shown(workspace, thread=parent.ts))

    assert ["parent" in channel[0], "2 replies" in channel[0], "told all" in channel[1]] == [True, True, True]
    assert 2 == len(channel)
    assert ["parent", "reply", "told all"] == [
        text for each in both[2:] for text in ("parent", "reply", "told all") if each.endswith(text)
    ]


def test_messages_in_one_breath_name_their_author_once() -> None:
    """A second message within five minutes follows the first; after that the author is named again."""
    clock = demo_clock()
    workspace = quiet_workspace(clock)
    said_by(workspace, "U0SRE", "one")
    said_by(workspace, "U0SRE", "two")
    clock.advance(301_000)
    said_by(workspace, "U0SRE", "three")

    assert ["SR sre 03:03 one", "03:03 two", "SR sre 03:08 three"] == articles(shown(workspace))


def test_a_message_with_controls_stands_for_itself() -> None:
    """Blocks never run on below another message: whose buttons they are is plain."""
    workspace = quiet_workspace()
    say(workspace, ALERTS, "one")
    say(workspace, ALERTS, "two", [section("two")])

    assert ["Steward App 03:03 one", "Steward App 03:03 two"] == articles(shown(workspace))


def test_days_are_divided() -> None:
    """A new day begins with its name, as the clock has it now."""
    clock = demo_clock(24 * 3_600_000)
    workspace = quiet_workspace(clock)
    said_by(workspace, "U0SRE", "before")
    clock.advance(24 * 3_600_000)
    said_by(workspace, "U0SRE", "after")

    assert ["Yesterday", "Today"] == re.findall(r'separator"[^>]*><span>(.*?)</span>', shown(workspace))


def test_what_is_unread_is_marked() -> None:
    """Unread channels, one's own title, and what waits for the others are shown in numbers."""
    workspace = quiet_workspace()
    workspace.timeline.mark_read("U0SRE", ALERTS)
    say(workspace, "D0SRE", "one")
    say(workspace, "D0LEAD", "two")

    html = shown(workspace, **{"as": "sre"})

    assert 'aria-label="Steward, 1 unread"' in html
    assert 'aria-label="Be lead, 1 unread direct messages"' in html
    assert 'data-title="(1) #production-alerts · sre · Steward demo"' in html


def test_long_histories_show_their_end() -> None:
    """Only the latest messages are rendered at once; earlier ones are one step away."""
    workspace = quiet_workspace()
    for number in range(70):
        say(workspace, ALERTS, f"message {number}")

    html = shown(workspace)
    earlier = parse_place({"show": "300"}, workspace)

    assert "Show earlier messages (10)" in html
    assert 60 == len(articles(html))
    assert 70 == len(articles(render_screen("app.html", earlier, workspace, UTC)))


def test_open_modals_belong_to_their_person() -> None:
    """A modal is on the page of the person it was opened for, and on no other."""
    workspace = quiet_workspace()
    workspace.views.open("U0SRE", accepted_view(incident_modal(), ("modal",)), NIGHT)

    assert "Open an incident" in shown(workspace, **{"as": "sre"})
    assert "Open an incident" not in shown(workspace, **{"as": "lead"})


async def test_the_lab_shows_what_is_broken() -> None:
    """A part that is not in its first state counts as broken; its settings show their values."""
    workspace = quiet_workspace()
    await workspace.lab.apply("newsletter", "db", {"state": "down"})

    html = shown(workspace, panel="lab")

    assert '<span class="badge" title="1 broken">1</span>' in html
    assert 'aria-label="State of newsletter db: down"' in html
    assert 'name="value" value="61"' in html
    assert re.search(r'name="lead" data-act="members" checked', html)
    assert not re.search(r'name="sre" data-act="members" checked.*engineers', html, re.DOTALL)


def test_an_archived_channel_takes_no_message() -> None:
    """Where nobody can write there is no message box."""
    workspace = quiet_workspace()
    workspace.directory.channels[ALERTS].archived = True

    assert "<textarea" not in shown(workspace)


def test_places_keep_what_is_beside_them() -> None:
    """The lab stays open from channel to channel; a thread and the lab take each other's place."""
    workspace = quiet_workspace()
    place = parse_place({"panel": "lab"}, workspace)
    general = workspace.directory.channels["C0GENERAL"]

    assert Place(place.person, general, lab=True) == place.at(general)
    assert (False, "1.0") == (place.in_thread("1.0").lab, place.in_thread("1.0").thread)
    assert "" == place.in_thread("1.0").with_lab().thread
