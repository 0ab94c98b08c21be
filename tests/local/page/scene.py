"""A workspace in the middle of an on-call night: what was said, what is open, what can be broken."""

from dataclasses import dataclass, field

from bot.local.clock import DemoClock
from bot.local.workspace.blockkit.surfaces import accepted_blocks, accepted_view
from bot.local.workspace.state import Workspace
from bot.local.workspace.timeline import Post
from bot.local.workspace.values import Json

NIGHT = 1_763_780_592_000  # Saturday 22 November 2025, 03:03:12 UTC.
ALERTS = "C0ALERTS"

MANIFEST: Json = {
    "features": {
        "slash_commands": [
            {"command": command, "usage_hint": usage, "description": description}
            for command, usage, description in (
                ("/health", "[SYSTEM] [CHECK]", "What is broken, worst first"),
                ("/incident", "open [P0..P3] [SYSTEM] [TITLE] | ack | resolve", "Open and lead an incident"),
                ("/oncall", "", "Who is on call now and next"),
                ("/queue", "SYSTEM [QUEUE]", "How long the queues are"),
                ("/rollback", "SYSTEM [COMPONENT] [to RELEASE|previous] [because REASON]", "Return to a release"),
                ("/runbook", "list SYSTEM | run SYSTEM NAME", "Run a procedure step by step"),
            )
        ]
    },
    "settings": {"event_subscriptions": {"bot_events": ["app_home_opened", "message.im"]}},
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write"]}},
}


@dataclass
class Lab:
    """Two systems' parts; keeps what was asked of them."""

    states: dict[tuple[str, str], str] = field(default_factory=dict)
    asked: list[tuple[str, str, Json]] = field(default_factory=list)

    def describe(self) -> Json:
        offered: dict[str, dict[str, tuple[list[str], list[str]]]] = {
            "newsletter": {
                "app": (["up", "down", "slow", "error", "garbage"], ["version", "slow_seconds"]),
                "db": (["up", "down", "no_connections"], ["slow_queries"]),
                "redis": (["up", "down", "password"], ["campaign-emails", "workers"]),
                "host": (["up"], ["memory_percent", "cpu_percent", "disk_percent"]),
            },
            "target-list": {"web": (["up", "down", "slow"], []), "netlify": (["up", "429", "timeout_after"], [])},
            "steward": {"pagerduty": (["up", "down"], ["acknowledge"])},
        }
        return {
            system: {
                name: {
                    "url": "http://127.0.0.1:1",
                    "states": states,
                    "state": self.states.get((system, name), states[0]),
                    "set": keys,
                    "values": dict.fromkeys(keys, 61),
                }
                for name, (states, keys) in parts.items()
            }
            for system, parts in offered.items()
        }

    async def apply(self, system: str, component: str, body: Json) -> Json:
        self.asked.append((system, component, body))
        if "state" in body:
            self.states[system, component] = body["state"]
        return {}

    def calls(self, system: str, component: str) -> list[Json]:
        return [body for *part, body in self.asked if part == [system, component]]


def plain(text: str) -> Json:
    """A plain text object."""
    return {"type": "plain_text", "text": text, "emoji": True}


def section(text: str, **more: object) -> Json:
    """A section of mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(action_id: str, text: str, **more: object) -> Json:
    """A button."""
    return {"type": "button", "action_id": action_id, "text": plain(text), **more}


def confirm(title: str, text: str, yes: str) -> Json:
    """A question before a dangerous action."""
    return {
        "title": plain(title),
        "text": plain(text),
        "confirm": plain(yes),
        "deny": plain("Keep it"),
        "style": "danger",
    }


def options(*values: str) -> list[Json]:
    """Options whose text is their value."""
    return [{"text": plain(value), "value": value} for value in values]


def health_blocks() -> list[Json]:
    """The answer to `/health newsletter`."""
    rows = (
        ("app", "503", "since 02:41"),
        ("campaign-emails", "1,240 waiting ↑", "critical > 200"),
        ("db", "84 %", "warning > 80 %"),
    )
    table = [[{"type": "raw_text", "text": cell} for cell in row] for row in (("check", "value", "threshold"), *rows)]
    return [
        section("🔴 *Newsletter*: 2 critical, 1 warning, 1 unknown, 8 healthy"),
        {"type": "table", "rows": table, "column_settings": [{"align": "left"}, {"align": "right"}]},
        section("⚪ *Resend* key may not list domains (401)\n🟢 8 healthy: `worker` ×2, redis, R2, disk …"),
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": "Last change: app v41, <@U0SRE> 02:38 · INC-12 P0"}],
        },
        {
            "type": "actions",
            "elements": [
                button("queue", "Queue"),
                button("roll_back", "Roll back…", style="danger"),
                button("open_incident", "Open incident"),
                {"type": "overflow", "action_id": "more", "options": options("Restart…", "Refresh")},
            ],
        },
    ]


def approval_blocks() -> list[Json]:
    """A request for approval, with a question, a choice and a denial."""
    return [
        section("🔐 *Roll back newsletter/app v41 → v40* · INC-12 P0 · <@U0SRE> (on call)"),
        {
            "type": "section",
            "fields": [
                {"type": "mrkdwn", "text": text}
                for text in (
                    "*Why*\n503 since 02:41, 3 min after v41",
                    "*Does*\n`compose up -d --no-deps app`, about 40 s",
                    "*Does not revert*\nmigration 0031, environment variables",
                    "*Undo*\nback to v41, covered by this approval",
                )
            ],
        },
        {
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": "Needs 1 of <!subteam^S0APPROVERS>: <@U0LEAD>, <@U0MANAGER>"}],
        },
        {
            "type": "actions",
            "elements": [
                button(
                    "approve",
                    "Approve and run",
                    style="primary",
                    value="OP-88",
                    confirm=confirm("Roll back newsletter?", "The app returns to v40.", "Roll back"),
                ),
                button("deny", "Deny…", value="OP-88"),
                {
                    "type": "static_select",
                    "action_id": "release",
                    "placeholder": plain("Another release"),
                    "options": options("v40", "v39", "v38"),
                },
            ],
        },
    ]


def incident_modal() -> Json:
    """The form of `/incident open`."""
    return {
        "type": "modal",
        "callback_id": "incident_open",
        "title": plain("Open an incident"),
        "submit": plain("Open"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": "severity",
                "label": plain("Severity"),
                "element": {
                    "type": "static_select",
                    "action_id": "severity",
                    "placeholder": plain("How bad is it?"),
                    "options": options("P0", "P1", "P2", "P3"),
                },
            },
            {
                "type": "input",
                "block_id": "title",
                "label": plain("Title"),
                "hint": plain("What people notice, in one line"),
                "element": {"type": "plain_text_input", "action_id": "title", "max_length": 100},
            },
            {
                "type": "input",
                "block_id": "impact",
                "optional": True,
                "label": plain("Impact"),
                "element": {"type": "plain_text_input", "action_id": "impact", "multiline": True},
            },
        ],
    }


def say(workspace: Workspace, channel: str, text: str, blocks: list[Json] | None = None, **more: object) -> Post:
    """The bot says something."""
    post = workspace.by_bot(channel, text, accepted_blocks(blocks) if blocks else [])
    for key, value in more.items():
        setattr(post, key, value)
    return workspace.write(post)


def demo_clock(before_ms: int = 0) -> DemoClock:
    """A clock that stands still, so much before the night's moment, until it is moved."""
    return DemoClock(-before_ms, lambda: NIGHT / 1000)


def quiet_workspace(clock: DemoClock | None = None) -> Workspace:
    """A workspace in which nothing has been said."""
    return Workspace(clock or demo_clock(), manifest=MANIFEST, lab=Lab())


def night() -> Workspace:
    """A workspace in the middle of the night."""
    clock = demo_clock(6 * 3_600_000)
    workspace = quiet_workspace(clock)
    workspace.directory.channels[ALERTS].topic = "Production alerts · on call: <@U0SRE>, then <@U0LEAD>"
    say(
        workspace,
        ALERTS,
        "☀️ *Evening summary*: newsletter 11 healthy · target-list 9 healthy\nNothing changed since 18:00.",
    )
    clock.advance(6 * 3_600_000 - 8 * 60_000)
    header = say(
        workspace,
        ALERTS,
        "INC-12",
        [
            {"type": "header", "text": plain("🚨 P0 INC-12 Newsletter: mail stopped")},
            section("*Lead* <@U0SRE> · *Impact* nobody gets mail · *Next update* <!date^1763782200^{time}|03:30>"),
            {"type": "divider"},
            section("> level 1 <@U0SRE> at 02:55 ✅\n> level 2 <@U0LEAD> at 03:00, unless mitigated"),
        ],
    )
    workspace.write(Post(ALERTS, workspace.now_ts(), "U0SRE", "On it. Looks like *v41*, see `docker logs` :eyes:"))
    workspace.write(
        Post(ALERTS, workspace.now_ts(), "U0SRE", "```503 GET /api/health\n  at pool.connect (db.ts:41)```")
    )
    clock.advance(60_000)
    for author, text in (("U0LEAD", "Roll it back?"), ("U0SRE", "Asking now.")):
        workspace.write(Post(ALERTS, workspace.now_ts(), author, text, thread_ts=header.ts))
    clock.advance(7 * 60_000)
    say(workspace, ALERTS, "Newsletter", health_blocks(), only="U0SRE")
    say(workspace, ALERTS, "Roll back newsletter", approval_blocks(), reactions={"eyes": ["U0LEAD"]})
    say(workspace, "D0LEAD", "Roll back newsletter", approval_blocks())
    say(workspace, "D0MANAGER", "You are next.")
    workspace.views.publish(
        "U0SRE",
        accepted_view({"type": "home", "blocks": [*approval_blocks(), *health_blocks()[2:4]]}, ("home",)),
        NIGHT,
    )
    return workspace
