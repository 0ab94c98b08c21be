"""`Deployments` on Netlify: a release is a deploy; rolling back restores it and locks publishing.

Source: netlify/open-api swagger.yml, operations getSite, listSiteDeploys, restoreSiteDeploy, lockDeploy.
"""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

import httpx
from pydantic import Field, SecretStr

from adapters import outgoing
from adapters.kind import Connection, Entry, HttpAddress, Options, Provides, Provisions
from adapters.redaction import redacted
from bot.domain.errors import NotDone, OutcomeUnknown, Rejected, TargetError, Unauthorized
from bot.domain.timing import SECOND
from bot.ports import Call, Deployments, Release

KIND = "netlify"
_SECONDS = 10.0
_SHOWN = 20


class Config(Connection):
    """`{netlify: "https://api.netlify.com/api/v1", token: …, site: …}`."""

    netlify: HttpAddress = Field(description="The API's address, with /api/v1")
    token: SecretStr = Field(description="A personal access token")
    site: str = Field(min_length=1, description="The site's id")


class Deploy(outgoing.Loose):
    """A deploy as Netlify describes it."""

    id: str
    state: str = ""
    title: str | None = None
    commit_ref: str | None = None
    created_at: datetime | None = None
    published_at: datetime | None = None
    locked: bool | None = None


class Site(outgoing.Loose):
    """A site as Netlify describes it."""

    id: str
    published_deploy: Deploy | None = None


class NetlifyDeployments:
    """One site's production deploys. Knows Netlify; knows no policy and no Slack."""

    patience = 60 * SECOND

    def __init__(self, client: httpx.AsyncClient, *, site: str) -> None:
        self._client = client  # Handed in: `open` sets address, token and timeout; a test sets a transport.
        self._site = quote(site, safe="")

    async def releases(self) -> Sequence[Release]:
        what = "list deploys"
        current = await self._published(what)
        parameters = {"production": "true", "state": "ready", "per_page": str(_SHOWN)}
        answer = await outgoing.call(self._client, "GET", f"/sites/{self._site}/deploys", what=what, params=parameters)
        deploys = outgoing.read(answer, list[Deploy], what=what)
        if current is not None and all(deploy.id != current.id for deploy in deploys):
            deploys.append(current)  # It is older than what one page lists.
        # A deploy that never was published has not run: nobody knows whether it works.
        shown = [deploy for deploy in deploys if deploy.published_at is not None]
        shown.sort(key=lambda deploy: _milliseconds(deploy.created_at) or 0, reverse=True)
        return [_release(deploy, current=current is not None and deploy.id == current.id) for deploy in shown]

    def calls(self, target: Release) -> Sequence[Call]:
        deploy = quote(target.id, safe="")
        return (Call(f"POST /sites/{self._site}/deploys/{deploy}/restore"), *self.lock_calls(target))

    def lock_calls(self, release: Release) -> Sequence[Call]:
        return (Call(f"POST /deploys/{quote(release.id, safe='')}/lock"),)

    async def lock(self, release: Release) -> None:
        path, what = f"/deploys/{quote(release.id, safe='')}/lock", f"lock publishing to {release.id}"
        await outgoing.call(self._client, "POST", path, what=what, changing=True)

    async def roll_back(self, target: Release) -> None:
        deploy = quote(target.id, safe="")
        await outgoing.call(
            self._client,
            "POST",
            f"/sites/{self._site}/deploys/{deploy}/restore",
            what=f"restore deploy {target.id}",
            changing=True,
        )
        # Without the lock the next push publishes over the rollback.
        try:
            await self.lock(target)
        except TargetError as error:
            refused = isinstance(error, NotDone | Rejected | Unauthorized)
            raise OutcomeUnknown(
                f"deploy {target.id} is restored, but {error}; until it is locked the next push replaces it.",
                lasts=0 if refused else None,
            ) from error

    def not_reverted(self) -> Sequence[str]:
        return (
            "environment variables of the site",
            "database migrations",
            "publishing stays locked until someone unlocks it at Netlify",
        )

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()

    async def _published(self, what: str) -> Deploy | None:
        answer = await outgoing.call(self._client, "GET", f"/sites/{self._site}", what=what)
        return outgoing.read(answer, Site, what=what).published_deploy


def open(config: Config) -> NetlifyDeployments:  # noqa: A001 - the shape of every kind, see adapters/kind.py
    """A site; nothing is connected yet."""
    headers = {"Authorization": f"Bearer {config.token.get_secret_value()}"}
    return NetlifyDeployments(
        outgoing.client(config.netlify, headers=headers, seconds=_SECONDS, subject="Netlify"), site=config.site
    )


def _site(site: NetlifyDeployments, options: Options, entry: Entry) -> Deployments:
    del options, entry  # The connection is the site.
    return site


PROVIDES: Provisions = {"deployment": Provides(_site)}


def _release(deploy: Deploy, *, current: bool) -> Release:
    commit = f" ({deploy.commit_ref[:7]})" if deploy.commit_ref else ""
    return Release(
        id=deploy.id,
        title=redacted(f"{deploy.title or 'deploy'}{commit}"),
        created=_milliseconds(deploy.published_at or deploy.created_at),
        current=current,
        note="publishing is locked" if current and deploy.locked else "",
        left_to_do="publishing is not locked: the next push replaces it" if current and not deploy.locked else "",
    )


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
