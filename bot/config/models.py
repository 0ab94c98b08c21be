"""The shape of `config/steward.yaml` and `config/systems/*.yaml`, frozen.

Durations are milliseconds, times of day `HH:MM`.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.domain.policy import Risk
from bot.domain.timing import parse_duration


def _duration(value: object) -> int:
    if isinstance(value, str):
        return parse_duration(value)
    if value == 0 and not isinstance(value, bool):
        return 0
    raise ValueError(f"{value!r} has no unit; write it as 90s, 15m, 4h or 2d")


Duration = Annotated[int, BeforeValidator(_duration, json_schema_input_type=str)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]


class Model(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# steward.yaml


class PersonModel(Model):
    """A person: their Slack accounts (ids), and the OS user that the command line maps to them."""

    slack: tuple[str, ...] = Field(min_length=1, description="Slack user ids, the first one is mentioned")
    os_user: str = Field(default="", description="The OS user who is this person on the command line")
    pagerduty: str = Field(default="", description="The id of this person's user at PagerDuty, such as PXPGF42")


class RoleModel(Model):
    """Who holds a role: the members of a Slack user group, or people named here."""

    group: str = Field(default="", description="Slack user group id")
    people: tuple[str, ...] = ()


class RuleModel(Model):
    """Who may ask for a risk, who may approve it, how many must."""

    ask: tuple[str, ...] = Field(min_length=1)
    approve: tuple[str, ...] = ()
    approvals: int = Field(default=1, ge=1, le=5)


class PolicyModel(Model):
    """A rule per risk; `raise` lifts an action's risk, never lowers it."""

    read: RuleModel
    change: RuleModel
    p0: RuleModel
    raise_: dict[str, Risk] = Field(default_factory=dict, alias="raise")


class LevelModel(Model):
    """One level of an escalation policy: who is notified, how long after opening, and what keeps it from firing."""

    notify: tuple[str, ...] = Field(min_length=1)
    after: Duration = 0
    unless: Literal["acknowledged", "mitigated"] = "acknowledged"


class SeverityModel(Model):
    """The matrix row of one severity."""

    respond: Duration
    escalate: Duration | Literal["next business day"]
    levels: tuple[LevelModel, ...] = Field(min_length=1)
    page: bool = Field(default=True, description="At any hour and by PagerDuty; false: in business hours, no paging")
    slack_only: bool = False
    stale: Duration | None = Field(default=None, description="Without an update for this long, the owner is asked")


class BusinessHoursModel(Model):
    """When P2 and P3 are worked on."""

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ("mon", "tue", "wed", "thu", "fri")
    start: str = Field(default="09:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(default="17:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    country: str = Field(default="", description="ISO country code whose public holidays are free days")


class RotationModel(Model):
    """One on-call role: people in turn."""

    rotation: tuple[str, ...] = Field(min_length=1)
    every: Duration = Field(default=7 * 24 * 3600 * 1000, gt=0)
    since: date = Field(default=date(2026, 1, 5), description="The first day of the first person's turn")
    at: str = Field(default="09:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class ScheduleModel(Model):
    """A post by the bot; `when` is a phrase: `daily 9:00`, `first Sunday 2:00`, `15th 9:00`, `last Friday 17:00`."""

    when: str
    post: Literal["health", "review"] = "health"
    systems: tuple[str, ...] = Field(min_length=1)
    title: str = ""
    channel: str = ""


class PagerDutyModel(Model):
    """PagerDuty: Events v2 address, routing key, secret of its webhooks."""

    url: str = "https://events.pagerduty.com"
    routing_key: str
    webhook_secret: str = ""
    routing_keys: dict[Name, str] = Field(
        default_factory=dict,
        description="On-call role, role or person → the key of an integration that rings them; others take routing_key",
    )


class StewardModel(Model):
    """`steward.yaml`: channels, people, roles, policy, severities, on-call, schedules."""

    channel: str = Field(description="Id of the channel where alerts, approvals and summaries go")
    audit_channel: str = Field(default="", description="Where the audit's daily anchor goes; default: `channel`")
    timezone: str = "UTC"
    app_id: str = ""
    installation: str = Field(
        default="", description="This bot's name at PagerDuty, such as steward-prod; no two bots there share one"
    )
    people: dict[Name, PersonModel] = Field(min_length=1)
    roles: dict[Name, RoleModel] = Field(min_length=1)
    policy: PolicyModel
    severities: dict[Literal["P0", "P1", "P2", "P3"], SeverityModel]
    business_hours: BusinessHoursModel = BusinessHoursModel()
    oncall: dict[Name, RotationModel] = Field(min_length=1, description="primary, secondary, manager, cto …")
    schedules: dict[Name, ScheduleModel] = Field(default_factory=dict)
    pagerduty: PagerDutyModel | None = None


# systems/*.yaml


class CheckModel(Model):
    """One check: `get` (`path`, `expect`) of an http connection, or `measure: connection.name`; with thresholds."""

    get: str = ""
    path: str = "/"
    expect: int = 200
    contains: str = Field(default="", description="A text that the answer of `get` must hold")
    measure: str = ""
    args: dict[str, Any] = Field(default_factory=dict)
    warning: str = ""
    critical: str = ""
    timeout: Duration = 4000
    title: str = ""

    @property
    def measured(self) -> tuple[str, str, dict[str, Any]]:
        """Connection, measure and arguments; `get` is short for the measure `status`."""
        if self.get:
            return self.get, "status", {"path": self.path, "expect": self.expect, "contains": self.contains}
        connection, _, what = self.measure.partition(".")
        return connection, what, self.args


class LimitsModel(Model):
    """Where something becomes a warning, and where it becomes critical; empty: nowhere."""

    warning: str = ""
    critical: str = ""


class QueueModel(Model):
    """A queue: `{bullmq: cache}`, or another key of an adapter that provides queues, with its options and these."""

    model_config = ConfigDict(frozen=True, extra="allow")

    depth: LimitsModel = Field(default=LimitsModel(), description="How many jobs may wait")
    failed: LimitsModel = Field(default=LimitsModel(warning="> 100", critical="> 1000"), description="Failed jobs")
    stuck: LimitsModel = Field(
        default=LimitsModel(warning="> 0", critical="> 10"), description="Jobs that nobody works"
    )
    oldest: LimitsModel = Field(
        default=LimitsModel(warning="> 1 h", critical="> 6 h"), description="The age of the job that waits longest"
    )
    paused: Literal["healthy", "warning", "critical"] = Field(default="warning", description="What a paused queue is")
    workers: str = Field(default="", description="The component that works this queue")


class TableModel(Model):
    """A few rows for people: `{table: connection.name, args: {…}}`."""

    table: str
    args: dict[str, Any] = Field(default_factory=dict)
    title: str = ""
    timeout: Duration = 4000


class ComponentModel(Model):
    """Something that is released and restarted."""

    deployment: dict[str, Any] | None = Field(
        default=None,
        description="{netlify: site}, or another key of an adapter that provides deployments, with its options",
    )
    restart: str = Field(default="", description="connection.service, of a connection whose services can be restarted")
    database: bool = Field(default=False, description="Restarting it can lose data, so it is p0")
    verify: tuple[str, ...] = Field(default=(), description="Checks that must be healthy afterwards")


class SystemModel(Model):
    """One production system. A connection holds one known kind with its address; the adapter's Config checks it."""

    system: Name
    title: str
    connections: dict[Name, Any] = Field(min_length=1)
    checks: dict[Name, CheckModel] = Field(default_factory=dict)
    tables: dict[Name, TableModel] = Field(default_factory=dict)
    queues: dict[Name, QueueModel] = Field(default_factory=dict)
    components: dict[Name, ComponentModel] = Field(default_factory=dict)
