"""`Deployments` on Netlify, against its stand-in that keeps state and refuses what Netlify refuses."""

from collections.abc import AsyncIterator

import httpx
import pytest

from adapters import netlify, outgoing
from adapters.netlify import NetlifyDeployments
from bot.domain.errors import NotDone, OutcomeUnknown, Rejected, TargetError, Unauthorized
from bot.local.lab.calls import CallLog
from bot.local.lab.netlify import SITE, Netlify
from bot.ports import Deployments, Release
from tests.adapters.contracts import DeploymentsContract
from tests.fakes.clock import FakeClock

V40 = Release("dep-40", "dep-40")


@pytest.fixture
async def vendor(port: int, clock: FakeClock, calls: CallLog) -> AsyncIterator[Netlify]:
    """A site whose dep-41 is live."""
    made = Netlify(port, clock, calls)
    await made.enter("up")
    yield made
    await made.close()


@pytest.fixture
async def site(vendor: Netlify) -> AsyncIterator[NetlifyDeployments]:
    """The adapter, as wiring opens it."""
    made = netlify.open(netlify.Config.model_validate({"netlify": vendor.url, "token": vendor.token, "site": SITE}))
    yield made
    await made.close()


class TestDeployments(DeploymentsContract):
    @pytest.fixture
    def deployments(self, site: NetlifyDeployments) -> Deployments:
        """The site."""
        return site


def changes(vendor: Netlify) -> list[str]:
    """The calls that changed something, as a plan writes them."""
    return [
        f"{call['method']} {str(call['path']).removeprefix('/api/v1')}"
        for call in vendor.calls()
        if call["method"] != "GET"
    ]


async def test_the_plan_names_exactly_the_calls_that_are_made(vendor: Netlify, site: NetlifyDeployments) -> None:
    """What the approver reads is what runs, in this order."""
    await site.roll_back(V40)

    assert [call.text for call in site.calls(V40)] == changes(vendor)
    assert ["dep-40"] == vendor.restored


async def test_publishing_is_locked_so_that_the_next_push_does_not_undo_it(
    vendor: Netlify, site: NetlifyDeployments
) -> None:
    """Netlify publishes each push unless the site is locked."""
    await site.roll_back(V40)
    await vendor.put("push", "Fix the grid")

    assert "dep-40" == vendor.live


async def test_the_live_release_tells_whether_a_push_would_replace_it(
    vendor: Netlify, site: NetlifyDeployments
) -> None:
    """After a lost answer a person must see whether the lock was reached."""
    open_site, *_ = await site.releases()
    await vendor.put("locked", value=True)
    locked_site, *_ = await site.releases()

    assert ("", "publishing is not locked: the next push replaces it") == (open_site.note, open_site.left_to_do)
    assert ("publishing is locked", "") == (locked_site.note, locked_site.left_to_do)


async def test_a_release_shows_its_title_and_commit(site: NetlifyDeployments) -> None:
    """People choose by what changed, not by an id."""
    newest, *_ = await site.releases()

    assert ("dep-41", "New preview grid (e02d5f8)", True) == (newest.id, newest.title, newest.current)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        pytest.param("dep-99", "restore deploy dep-99: Netlify refused with 404", id="an unknown deploy"),
        pytest.param("../../deploys/dep-40", "refused with 404", id="an id that is a path stays one segment"),
    ],
)
async def test_a_refusal_changes_nothing(vendor: Netlify, site: NetlifyDeployments, target: str, text: str) -> None:
    """A refusal is final and says what was asked."""
    with pytest.raises(Rejected, match=text):
        await site.roll_back(Release(target, target))

    assert "dep-41" == vendor.live


async def test_a_wrong_token_is_our_own_trouble_and_is_not_shown(vendor: Netlify) -> None:
    """The text names neither the token nor the address."""
    wrong = netlify.open(netlify.Config.model_validate({"netlify": vendor.url, "token": "nfp_wrong", "site": SITE}))

    with pytest.raises(Unauthorized) as caught:
        await wrong.releases()

    assert "nfp_wrong" not in str(caught.value) + repr(wrong)
    await wrong.close()


@pytest.mark.parametrize(
    ("state", "error", "live"),
    [
        pytest.param("timeout_after", OutcomeUnknown, "dep-40", id="done, and the answer never came"),
        pytest.param("drop", OutcomeUnknown, "dep-40", id="done, and the connection broke"),
        pytest.param("timeout", OutcomeUnknown, "dep-41", id="not done, and nobody can know"),
        pytest.param("error", OutcomeUnknown, "dep-41", id="503 may come from a gateway that lost the answer"),
        pytest.param("rate_limited", NotDone, "dep-41", id="429 says that it was not done"),
        pytest.param("down", NotDone, "dep-41", id="what never left was not done"),
        pytest.param("auth", Unauthorized, "dep-41", id="our token is not accepted"),
        pytest.param("garbage", OutcomeUnknown, "dep-41", id="garbage tells nothing"),
    ],
)
async def test_a_restore_whose_answer_is_lost_is_unknown(
    vendor: Netlify, state: str, error: type[TargetError], live: str
) -> None:
    """Only an answer says whether it happened; afterwards the releases tell what is live."""
    headers = {"Authorization": f"Bearer {vendor.token}"}
    site = NetlifyDeployments(outgoing.client(vendor.url, headers=headers, seconds=0.3), site=SITE)
    await vendor.enter(state)

    with pytest.raises(TargetError) as caught:
        await site.roll_back(V40)
    await vendor.enter("up")

    assert error is type(caught.value)
    assert [live] == [release.id for release in await site.releases() if release.current]
    await site.close()


@pytest.mark.parametrize("state", ["huge", "html"])
async def test_an_answer_that_is_no_list_of_deploys_cannot_be_read(
    vendor: Netlify, site: NetlifyDeployments, state: str
) -> None:
    """Reading ends with a clear error, whatever comes."""
    await vendor.enter(state)

    with pytest.raises(TargetError, match="answered"):
        await site.releases()


@pytest.mark.usefixtures("vendor")
async def test_a_site_of_someone_else_is_not_found(vendor: Netlify) -> None:
    """A configuration that names another site is told so."""
    other = netlify.open(netlify.Config.model_validate({"netlify": vendor.url, "token": vendor.token, "site": "other"}))

    with pytest.raises(Rejected, match="list deploys: Netlify refused with 404"):
        await other.releases()
    await other.close()


@pytest.mark.parametrize(
    ("status", "lasts"),
    [pytest.param(422, 0, id="refused: nothing goes on"), pytest.param(500, None, id="perhaps done")],
)
async def test_a_lock_that_fails_is_told_and_never_swallowed(status: int, lasts: int | None) -> None:
    """Restored and not locked is not done: the next push replaces it, and whoever reads the error knows that."""

    def answer(request: httpx.Request) -> httpx.Response:
        locking = request.url.path.endswith("/lock")
        return httpx.Response(status if locking else 201, json={"message": "no; token=hunter2hunter2", "id": "dep-40"})

    client = httpx.AsyncClient(base_url="http://netlify", transport=httpx.MockTransport(answer), timeout=3)

    with pytest.raises(
        OutcomeUnknown, match=r"dep-40 is restored, but lock publishing to dep-40: .* next push"
    ) as caught:
        await NetlifyDeployments(client, site=SITE).roll_back(V40)

    assert lasts == caught.value.lasts
    assert "hunter2" not in str(caught.value)
    await client.aclose()
