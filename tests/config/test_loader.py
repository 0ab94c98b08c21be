"""A configuration's problems: all at once, each with its line, the nearest name and what to do."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.kinds import KINDS
from bot.config.loader import Configuration, ConfigurationError, load
from bot.operations.actions import ACTIONS

STEWARD = Path("config/steward.yaml").read_text(encoding="utf-8")
NEWSLETTER = Path("config/systems/newsletter.yaml").read_text(encoding="utf-8")
TARGET_LIST = Path("config/systems/target-list.yaml").read_text(encoding="utf-8")
Load = Callable[..., Configuration]
P3 = STEWARD[STEWARD.index("  P3:") : STEWARD.index("\nbusiness_hours:")]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Loads the shipped configuration with some text replaced."""

    def go(*, steward: tuple[str, str] = ("", ""), newsletter: tuple[str, str] = ("", "")) -> Configuration:
        for old, text in ((steward[0], STEWARD), (newsletter[0], NEWSLETTER)):
            assert old in text, f"the shipped file no longer holds {old!r}"
        (tmp_path / "systems").mkdir(exist_ok=True)
        main = STEWARD.replace(*steward, 1) if steward[0] else STEWARD
        system = NEWSLETTER.replace(*newsletter, 1) if newsletter[0] else NEWSLETTER
        (tmp_path / "steward.yaml").write_text(main, encoding="utf-8")
        (tmp_path / "systems" / "newsletter.yaml").write_text(system, encoding="utf-8")
        (tmp_path / "systems" / "target-list.yaml").write_text(TARGET_LIST, encoding="utf-8")
        return load(tmp_path, KINDS, ACTIONS, None)

    return go


def problems(load: Load, **changes: tuple[str, str]) -> list[str]:
    """The problems as `FILE:LINE: text`, the folder taken away."""
    with pytest.raises(ConfigurationError) as caught:
        load(**changes)
    return [f"{Path(problem.file).name}:{problem.line}: {problem.text}" for problem in caught.value.problems]


def line_of(text: str, needle: str) -> int:
    """The line of a text in a shipped file."""
    return text[: text.index(needle)].count("\n") + 1


def test_the_shipped_configuration_is_valid(loaded: Load) -> None:
    """It describes the two systems."""
    assert ["newsletter", "target-list"] == list(loaded().systems)


@pytest.mark.parametrize(
    ("changes", "where", "told"),
    [
        pytest.param(
            {"newsletter": ("connections_used, warning", "connections_used, warnig")},
            "newsletter.yaml",
            "unknown key warnig; did you mean warning?",
            id="an unknown key, with the nearest one",
        ),
        pytest.param(
            {"steward": ('installation: "${STEWARD_INSTALLATION}"', 'installation: ""')},
            "steward.yaml",
            "PagerDuty's keys need the name of this installation",
            id="PagerDuty without an installation",
        ),
        pytest.param(
            {"steward": ("${PAGERDUTY_USER_LEAD}", "${PAGERDUTY_USER_SRE}")},
            "steward.yaml",
            "lead and sre share a user at PagerDuty",
            id="two people with one user at PagerDuty",
        ),
        pytest.param(
            {"newsletter": ("{get: app, path", "{get: ap, path")},
            "newsletter.yaml",
            "there is no connection ap; did you mean app?",
            id="an unknown connection",
        ),
        pytest.param(
            {"newsletter": ("{redis: ", "{rediss: ")},
            "newsletter.yaml",
            "did you mean redis?",
            id="an unknown kind of connection",
        ),
        pytest.param(
            {"newsletter": ("cache.ping", "cache.pong")},
            "newsletter.yaml",
            "cache cannot measure pong; did you mean ping?",
            id="an unknown measure",
        ),
        pytest.param(
            {"newsletter": ("measure: cache.ping", "measure: cache.ping, args: {db: 1}")},
            "newsletter.yaml",
            "cache.ping takes no argument db; known: none",
            id="an argument that the measure does not take",
        ),
        pytest.param(
            {"newsletter": ("measure: shell.disk_used", "measure: shell.disk_used, args: {pth: /var}")},
            "newsletter.yaml",
            "shell.disk_used takes no argument pth; did you mean path?",
            id="a misspelt argument",
        ),
        pytest.param(
            {"newsletter": ("measure: shell.disk_used", "measure: shell.disk_used, args: {path: 7}")},
            "newsletter.yaml",
            "path of shell.disk_used must be text",
            id="an argument of another type",
        ),
        pytest.param(
            {
                "newsletter": (
                    'connections_used, warning: "> 80 %", critical: "> 90 %"',
                    'connections_used, critical: "> 90"',
                )
            },
            "newsletter.yaml",
            "the threshold is in a plain number, but it is measured in %",
            id="a threshold in another unit",
        ),
        pytest.param(
            {"newsletter": ("measure: cache.policy", 'measure: cache.policy, critical: "> 1"')},
            "newsletter.yaml",
            "this check judges itself, so a threshold means nothing",
            id="a threshold where nothing is measured",
        ),
        pytest.param(
            {"newsletter": ("  campaign-emails: {bullmq", "  disk: {bullmq")},
            "newsletter.yaml",
            "a check and a queue are both called disk",
            id="a check and a queue of one name",
        ),
        pytest.param(
            {"newsletter": ("service: app", "service: ''")},
            "newsletter.yaml",
            "a deployment by compose needs service",
            id="compose without a service",
        ),
        pytest.param(
            {"newsletter": ("image_variable: NEWSLETTER_TAG", 'image_variable: "A=B; rm -rf /"')},
            "newsletter.yaml",
            "image_variable must be the name of an environment variable, such as NEWSLETTER_TAG",
            id="a variable that is no name",
        ),
        pytest.param(
            {"newsletter": ("{get: app, path: /api/health}", '{get: app, path: "http://evil.example/x"}')},
            "newsletter.yaml",
            "must be a path that begins with one /, as in /health",
            id="a path that is an address",
        ),
        pytest.param(
            {"newsletter": ("{get: app, path: /api/health}", '{get: app, path: "//evil.example/x"}')},
            "newsletter.yaml",
            "must be a path that begins with one /, as in /health",
            id="a path that names a host",
        ),
        pytest.param(
            {
                "newsletter": (
                    "{get: app, path: /api/health}",
                    '{measure: app.certificate_days, args: {path: "http://evil.example/x"}}',
                )
            },
            "newsletter.yaml",
            "must be a path that begins with one /, as in /health",
            id="a path of a measure that is an address",
        ),
        pytest.param(
            {"newsletter": ("{get: site, path: /,", "{get: site, path: /, title: App,")},
            "newsletter.yaml",
            "the checks app and site are both shown as App; give one another title",
            id="two checks of one title",
        ),
        pytest.param(
            {"newsletter": (", image_variable: NEWSLETTER_TAG", "")},
            "newsletter.yaml",
            "a deployment by compose needs image_variable",
            id="compose without a variable",
        ),
        pytest.param(
            {"newsletter": ('critical: "> 200"', 'critical: "> 0,5"')},
            "newsletter.yaml",
            "'0,5' is not a number",
            id="a decimal comma",
        ),
        pytest.param(
            {"newsletter": ("verify: [app]", "verify: [ap]")},
            "newsletter.yaml",
            "there is no check ap; did you mean app?",
            id="an unknown check to verify by",
        ),
        pytest.param(
            {"newsletter": ('warning: "< 21 d"', 'warning: "21 d"')},
            "newsletter.yaml",
            "is not a threshold",
            id="a threshold without a comparison",
        ),
        pytest.param(
            {"steward": ("approve: [approver]", "approve: [aprover]")},
            "steward.yaml",
            "there is no role aprover; did you mean approver?",
            id="an unknown role",
        ),
        pytest.param(
            {"steward": ("{people: [lead]}", "{people: []}")},
            "steward.yaml",
            "an empty role grants nothing",
            id="an empty role",
        ),
        pytest.param(
            {"steward": ("after: 5m}", "after: 5}")},
            "steward.yaml",
            "5 has no unit",
            id="a duration without a unit",
        ),
        pytest.param(
            {"steward": ("- {notify: [primary]}", "- {notify: []}")},
            "steward.yaml",
            "severities.P0.levels.0.notify is empty; name at least one",
            id="a level that reaches nobody",
        ),
        pytest.param(
            {"steward": ("escalate: 15m", "escalate: 2m")},
            "steward.yaml",
            "P0: escalate comes before respond",
            id="escalate before respond",
        ),
        pytest.param(
            {"steward": (P3, "")},
            "steward.yaml",
            "P3 is missing",
            id="an unreachable severity",
        ),
        pytest.param(
            {"steward": ("rotation: [sre]", "rotation: [srr]")},
            "steward.yaml",
            "there is no person srr; did you mean sre?",
            id="an unknown person on call",
        ),
        pytest.param(
            {"steward": ("first Sunday 2:00", "first Sonntag 2:00")},
            "steward.yaml",
            "first Sonntag 2:00",
            id="a phrase that is no schedule",
        ),
        pytest.param(
            {"newsletter": ("path: /api/health", "path: npx prisma migrate reset --force")},
            "newsletter.yaml",
            "this command is refused",
            id="a command that row A14 forbids",
        ),
        pytest.param(
            {"steward": ('timezone: "${STEWARD_TIMEZONE}"', "timezone: Europe/Atlantis")},
            "steward.yaml",
            "there is no time zone Europe/Atlantis",
            id="a time zone that does not exist",
        ),
        pytest.param(
            {"steward": ("escalate: 15m", "escalate: next business day")},
            "steward.yaml",
            "P0 escalates on the next business day although it pages at any hour",
            id="an escalation policy that pages and waits for Monday",
        ),
        pytest.param(
            {"steward": ("policy:", "policy:\n  raise: {roll_bak: p0}")},
            "steward.yaml",
            "there is no action roll_bak; did you mean roll_back?",
            id="an unknown action",
        ),
        pytest.param(
            {"steward": ("policy:", "policy:\n  raise: {roll_back: change}")},
            "steward.yaml",
            "roll_back is p0; a risk may be raised, never lowered to change",
            id="a lowered risk",
        ),
        pytest.param(
            {"steward": ("os_user: lead", "os_user: sre")},
            "steward.yaml",
            "lead and sre share the OS user sre",
            id="an OS user who is two people",
        ),
        pytest.param(
            {"steward": ('start: "09:00"', 'start: "18:00"')},
            "steward.yaml",
            "business hours end at 17:00, before they start",
            id="business hours that never are",
        ),
        pytest.param(
            {"steward": ("days: [mon, tue, wed, thu, fri]", "days: []")},
            "steward.yaml",
            "no day is a business day",
            id="no business day",
        ),
        pytest.param(
            {"steward": ("business_hours: {", "business_hours: {country: XX, ")},
            "steward.yaml",
            "there is no country XX",
            id="a country without a calendar",
        ),
        pytest.param(
            {"steward": ("approve: [approver], approvals: 1", "approve: [dba], approvals: 2")},
            "steward.yaml",
            "2 approvals are needed, but only lead may approve",
            id="approvals that nobody can give",
        ),
        pytest.param(
            {"steward": ('channel: "${STEWARD_CHANNEL}"', 'channel: ""')},
            "steward.yaml",
            "the channel is empty",
            id="no channel",
        ),
        pytest.param(
            {"steward": ('slack: ["${SLACK_USER_SRE}"]', 'slack: [""]')},
            "steward.yaml",
            "sre has an empty Slack id",
            id="a person without an account",
        ),
        pytest.param(
            {"newsletter": ('warning: "< 21 d"', 'warning: "< 3 d"')},
            "newsletter.yaml",
            "warning < 3 d is never told before critical < 7 d; swap them",
            id="a warning behind the critical limit",
        ),
    ],
)
def test_it_says_what_and_where(loaded: Load, changes: dict[str, tuple[str, str]], where: str, told: str) -> None:
    """The line is the line of the mistake, and the text names the mend."""
    [(name, (old, _))] = changes.items()
    shipped = STEWARD if name == "steward" else NEWSLETTER
    found = problems(loaded, **changes)

    assert any(problem.startswith(where) and told in problem for problem in found), found
    lines = [int(problem.split(":")[1]) for problem in found if told in problem]
    assert any(abs(line - line_of(shipped, old)) <= 3 or "missing" in told for line in lines), found


def test_every_problem_is_told_at_once(loaded: Load) -> None:
    """Two files, two mistakes, one run."""
    rotation, verify = ("rotation: [sre]", "rotation: [srr]"), ("verify: [app]", "verify: [ap]")
    found = problems(loaded, steward=rotation, newsletter=verify)

    assert 2 == len(found)


def test_one_mistake_is_told_once(loaded: Load) -> None:
    """What names a connection or a system with a mistake is not blamed as well."""
    connection = problems(loaded, newsletter=("db:     {postgres:", "db:     {postgress:"))
    system = problems(loaded, newsletter=("title: Newsletter", "title: [Newsletter]"))

    assert (1, 1) == (len(connection), len(system))


def test_a_ladder_that_ends_in_slack_alone_is_refused(loaded: Load) -> None:
    """Do Not Disturb silences Slack, so P0 needs a second way or an explicit word."""
    start = STEWARD.index("\npagerduty:")
    found = problems(loaded, steward=(STEWARD[start:], ""))

    assert any("P0 ends in Slack alone" in problem for problem in found)


def test_a_missing_variable_stops_the_start_with_its_name_and_place(tmp_path: Path) -> None:
    """The name is told, never a value."""
    (tmp_path / "steward.yaml").write_text(STEWARD, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, KINDS, ACTIONS, {"STEWARD_CHANNEL": "C1"})

    line = line_of(STEWARD, "${PAGERDUTY_ROUTING_KEY}")
    assert f"steward.yaml:{line}: the environment variable PAGERDUTY_ROUTING_KEY is not set" in str(caught.value)


def test_a_bad_secret_is_never_repeated(tmp_path: Path) -> None:
    """An invalid value from the environment is named by its key only."""
    (tmp_path / "systems").mkdir()
    (tmp_path / "steward.yaml").write_text(STEWARD, encoding="utf-8")
    (tmp_path / "systems" / "newsletter.yaml").write_text(NEWSLETTER, encoding="utf-8")
    names = _variables(STEWARD + NEWSLETTER)
    values = {name: name.lower() for name in names} | {name: "hunter2" for name in names if name.endswith("_URL")}
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, KINDS, ACTIONS, values)

    assert "hunter2" not in str(caught.value)


def test_a_duplicate_key_is_refused(tmp_path: Path) -> None:
    """The last one would win silently."""
    (tmp_path / "steward.yaml").write_text("channel: C1\nchannel: C2\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="appears twice"):
        load(tmp_path, KINDS, ACTIONS, None)


def test_the_example_environment_names_every_variable() -> None:
    """`config/example.env` starts the shipped configuration."""
    example = Path("config/example.env").read_text(encoding="utf-8")
    named = {line.partition("=")[0] for line in example.splitlines() if line and not line.startswith("#")}

    assert _variables(STEWARD + NEWSLETTER + TARGET_LIST) <= named


def _variables(text: str) -> set[str]:
    return set(re.findall(r"\$\{([A-Z0-9_]+)\}", text))


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(BOMB, "2: an alias (*a) is not taken; write out what it stands for", id="an alias bomb"),
        pytest.param("a: &a [*a]", "1: an alias (*a) is not taken", id="an alias of itself"),
        pytest.param("a: " + "[" * 100_000, "1: this stands deeper than 32 levels", id="deep nesting"),
        pytest.param("a:\n" + "".join(" " * n + "- \n" for n in range(1, 300)), "deeper than 32", id="deep blocks"),
        pytest.param("a: 1\nb: !secret x", "2: the tag !secret is not taken", id="an unknown tag"),
        pytest.param("a: !!python/object:os.system x", "1: the tag ", id="a tag of Python"),
        pytest.param("a: " + "9" * 10_000, "1: this is not YAML", id="a number without end"),
        pytest.param("a: x\x00y", "1: this is not YAML", id="a character that YAML forbids"),
        pytest.param("a: x\n" * 100_000, "1: the file is longer than 200,000 characters", id="a file without end"),
        pytest.param("title: 0o_", "1: 0o_ is a number without digits", id="a number of underscores"),
        pytest.param("a: 1\nb: +_", "2: +_ is a number without digits", id="a sign of underscores"),
        pytest.param("<<: {x: 1}", "1: a merge (<<) is not taken", id="a merge"),
        pytest.param("a: 1\n<<: {x: 1}\nb: 2", "2: a merge (<<) is not taken", id="a merge between keys"),
        pytest.param("--- a\n--- b", "this is not YAML", id="two documents"),
        pytest.param("? [a, b]\n: c", "Keys should be strings", id="a key that is a list"),
        pytest.param("? {a: b}\n: c", "Keys should be strings", id="a key that is a mapping"),
    ],
)
def test_hostile_yaml_is_a_problem_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """`check` neither hangs nor ends in a traceback."""
    (tmp_path / "steward.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, KINDS, ACTIONS, None)

    assert any(told in f"{problem.line}: {problem.text}" for problem in caught.value.problems)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="ab:,-[]{}&*!|>'\"#%@`?~<=. \n\t0123\x07é", max_size=60))
def test_no_text_ends_in_a_traceback(tmp_path: Path, text: str) -> None:
    """Whatever stands in the file, it is refused with a line."""
    (tmp_path / "steward.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, KINDS, ACTIONS, None)

    assert all(problem.line >= 1 for problem in caught.value.problems)


def test_every_secret_of_a_configuration_is_known_to_the_redactor(tmp_path: Path) -> None:
    """Written in the file or read from the environment; of an address only the password; the redactor stars them."""
    (tmp_path / "systems").mkdir()
    keys = 'routing_key: "${PAGERDUTY_ROUTING_KEY}"'
    assert keys in STEWARD
    steward = STEWARD.replace(keys, f"{keys}\n  routing_keys: {{sre: a-key-for-sre}}")
    system = NEWSLETTER.replace("${NEWSLETTER_RESEND_API_KEY}", "a-key-of-resend").replace(
        "${NEWSLETTER_REDIS_URL}", "redis://app:a-password@cache:6379/0"
    )
    (tmp_path / "steward.yaml").write_text(steward, encoding="utf-8")
    (tmp_path / "systems" / "newsletter.yaml").write_text(system, encoding="utf-8")
    (tmp_path / "systems" / "target-list.yaml").write_text(TARGET_LIST, encoding="utf-8")

    secrets = load(tmp_path, KINDS, ACTIONS, None).secrets

    assert {"a-key-for-sre", "a-key-of-resend", "a-password"} <= set(secrets)
    assert not any("://" in secret for secret in secrets)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param(
            "{bullmq: cache,", "{bullmq: {redis: 'redis://:hunter2@h'},", "bullmq names a connection", id="inlined"
        ),
        pytest.param(
            "{bullmq: cache,", '{bullmq: "${NEWSLETTER_REDIS_URL}",', "is no connection; known: cache", id="a variable"
        ),
    ],
)
def test_no_problem_repeats_a_secret(tmp_path: Path, old: str, new: str, told: str) -> None:
    """An address where the name of a connection belongs."""
    (tmp_path / "systems").mkdir()
    (tmp_path / "steward.yaml").write_text(STEWARD, encoding="utf-8")
    (tmp_path / "systems" / "newsletter.yaml").write_text(NEWSLETTER.replace(old, new, 1), encoding="utf-8")
    (tmp_path / "systems" / "target-list.yaml").write_text(TARGET_LIST, encoding="utf-8")
    example = Path("config/example.env").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in example if line and not line.startswith("#"))
    values["NEWSLETTER_REDIS_URL"] = "redis://:hunter2@cache:6379/0"

    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, KINDS, ACTIONS, values)

    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
