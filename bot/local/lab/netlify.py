"""Netlify's API for one site: deploys, restore, lock, unlock; it keeps state and refuses what Netlify refuses.

Source: netlify/open-api swagger.yml, operations getSite, listSiteDeploys, getDeploy, restoreSiteDeploy, lockDeploy,
unlockDeploy.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from aiohttp import web

from bot.local.lab.calls import CallLog
from bot.local.lab.component import Setting, flag, text
from bot.local.lab.web import VENDOR_STATES, WebService
from bot.ports import Clock

SITE = "site-target-list"
_BASE = "/api/v1"
_HOUR_MS = 3_600_000
_MOST_PER_PAGE = 100


@dataclass(slots=True)
class Deploy:
    """One deploy; `published` and `locked` change."""

    identifier: str
    commit: str
    title: str
    created: int
    state: str = "ready"
    published: int | None = None
    locked: bool = False
    context: str = "production"


class Netlify(WebService):
    """One account with one site."""

    states: ClassVar[Mapping[str, str]] = VENDOR_STATES
    settings: ClassVar[Mapping[str, Setting]] = {
        **WebService.settings,
        "push": Setting("the title of a commit pushed now; published unless the site is locked", text),
        "published": Setting("the id of the deploy published now, as someone else's click would", text),
        "locked": Setting("whether publishing is locked to the current deploy", flag),
    }

    def __init__(self, port: int, clock: Clock, calls: CallLog) -> None:
        """A site with four deploys; dep-41 is live since 25 minutes."""
        super().__init__(port, calls=calls)
        self.token = f"nfp_{secrets.token_hex(20)}"
        self.restored: list[str] = []
        self._clock = clock
        now = clock.now()
        rows = (
            ("dep-38", "9f1c2ab", "Export to CSV", 96),
            ("dep-39", "4be07d1", "Map headers by synonym", 50),
            ("dep-40", "c77a913", "Raise the upload limit to 20 MB", 26),
        )
        self._deploys = [
            Deploy(name, commit, title, now - hours * _HOUR_MS, published=now - hours * _HOUR_MS)
            for name, commit, title, hours in rows
        ]
        recent = now - 25 * 60_000
        self._deploys.append(Deploy("dep-41", "e02d5f8", "New preview grid", recent, published=recent))
        self._live = "dep-41"
        self._locked = False

    @property
    def url(self) -> str:
        """The base of its API."""
        return f"http://127.0.0.1:{self.port}{_BASE}"

    @property
    def live(self) -> str:
        """The id of the published deploy."""
        return self._live

    def values(self) -> dict[str, object]:
        """The settable keys."""
        latest = self._deploys[-1].title
        return {**super().values(), "push": latest, "published": self._live, "locked": self._locked}

    async def put(self, key: str, value: object) -> None:
        """Push a commit, publish a deploy, or lock."""
        match key:
            case "push":
                self._push(str(value))
            case "published":
                try:
                    self._publish(self._find(str(value)))
                except LookupError as error:
                    known = ", ".join(each.identifier for each in self._deploys)
                    raise ValueError(f"no deploy {value}; there are {known}") from error
            case "locked":
                self._lock(locked=bool(value))
            case _:
                await super().put(key, value)

    def refusal(self, request: web.Request) -> web.Response | None:
        """A missing or wrong token."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"code": 401, "message": "Access Denied: Invalid token"}, status=401)
        return None

    def routes(self) -> list[web.RouteDef]:
        """The calls that a rollback needs."""
        site, deploy = f"{_BASE}/sites/{{site}}", f"{_BASE}/deploys/{{deploy}}"
        return [
            web.get(site, self._get_site),
            web.get(f"{site}/deploys", self._list),
            web.get(f"{site}/deploys/{{deploy}}", self._get),
            web.get(deploy, self._get),
            web.post(f"{site}/deploys/{{deploy}}/restore", self._restore),
            web.post(f"{deploy}/lock", self._lock_deploy),
            web.post(f"{deploy}/unlock", self._unlock_deploy),
            web.route("*", "/{other:.*}", _not_found),
        ]

    async def _get_site(self, request: web.Request) -> web.Response:
        if request.match_info["site"] != SITE:
            return await _not_found(request)
        live = self._find(self._live)
        return web.json_response(
            {
                "id": SITE,
                "name": "target-list",
                "state": "current",
                "published_deploy": self._shown(live),
                "build_settings": {"stop_builds": False},
            },
        )

    async def _list(self, request: web.Request) -> web.Response:
        if request.match_info["site"] != SITE:
            return await _not_found(request)
        page, size = request.query.get("page", "1"), request.query.get("per_page", "100")
        if not page.isdecimal() or not size.isdecimal():
            return _unprocessable("page and per_page must be numbers")
        found = [each for each in reversed(self._deploys) if request.query.get("state", each.state) == each.state]
        if request.query.get("production") == "true":
            found = [each for each in found if each.context == "production"]
        size_used = min(int(size), _MOST_PER_PAGE)
        start = (max(1, int(page)) - 1) * size_used
        return web.json_response([self._shown(each) for each in found[start : start + size_used]])

    async def _get(self, request: web.Request) -> web.Response:
        if request.match_info.get("site", SITE) != SITE:
            return await _not_found(request)
        try:
            return web.json_response(self._shown(self._find(request.match_info["deploy"])))
        except LookupError:
            return await _not_found(request)

    async def _restore(self, request: web.Request) -> web.Response:
        if request.match_info["site"] != SITE:
            return await _not_found(request)
        try:
            deploy = self._find(request.match_info["deploy"])
        except LookupError:
            return await _not_found(request)
        if deploy.state != "ready":
            return _unprocessable(f"Deploy is {deploy.state} and can not be restored")
        if deploy.context != "production":
            return _unprocessable("Only production deploys can be restored")
        self._publish(deploy)
        self.restored.append(deploy.identifier)
        return web.json_response(self._shown(deploy), status=201)

    async def _lock_deploy(self, request: web.Request) -> web.Response:
        return await self._change_lock(request, locked=True)

    async def _unlock_deploy(self, request: web.Request) -> web.Response:
        return await self._change_lock(request, locked=False)

    async def _change_lock(self, request: web.Request, *, locked: bool) -> web.Response:
        try:
            deploy = self._find(request.match_info["deploy"])
        except LookupError:
            return await _not_found(request)
        if deploy.identifier != self._live:
            return _unprocessable("Only the published deploy can be locked or unlocked")
        self._lock(locked=locked)
        return web.json_response(self._shown(deploy))

    def _push(self, title: str) -> None:
        number = len(self._deploys) + 38
        deploy = Deploy(f"dep-{number}", secrets.token_hex(4)[:7], title, self._clock.now())
        self._deploys.append(deploy)
        if not self._locked:  # A locked site builds the deploy and does not publish it.
            self._publish(deploy)

    def _publish(self, deploy: Deploy) -> None:
        deploy.published = self._clock.now()
        self._live = deploy.identifier
        if self._locked:  # The lock follows what is published.
            self._lock(locked=True)

    def _lock(self, *, locked: bool) -> None:
        self._locked = locked
        for each in self._deploys:
            each.locked = locked and each.identifier == self._live

    def _find(self, identifier: str) -> Deploy:
        for each in self._deploys:
            if each.identifier == identifier:
                return each
        raise LookupError(identifier)

    def _shown(self, deploy: Deploy) -> dict[str, object]:
        return {
            "id": deploy.identifier,
            "site_id": SITE,
            "build_id": f"build-{deploy.identifier}",
            "state": deploy.state,
            "name": "target-list",
            "url": "https://target-list.example",
            "deploy_ssl_url": f"https://{deploy.identifier}--target-list.example",
            "admin_url": "https://app.netlify.example/sites/target-list",
            "error_message": None,
            "branch": "main",
            "commit_ref": deploy.commit,
            "commit_url": f"https://git.example/target-list/commit/{deploy.commit}",
            "title": deploy.title,
            "context": deploy.context,
            "created_at": _iso(deploy.created),
            "updated_at": _iso(deploy.published or deploy.created),
            "published_at": None if deploy.published is None else _iso(deploy.published),
            "locked": deploy.locked,
        }


async def _not_found(_: web.Request) -> web.Response:
    return web.json_response({"code": 404, "message": "Not Found"}, status=404)


def _unprocessable(message: str) -> web.Response:
    return web.json_response({"code": 422, "message": message}, status=422)


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03}Z"
