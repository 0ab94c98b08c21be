"""The command line: `steward serve`, `demo`, `check`, `schema`, `manifest`, `ask`, `decide`, `audit`.

Everything heavy is imported by the command that needs it, so that `steward --help` answers at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_NOT_HERE = "--as goes with --demo; on this machine you are the person your OS user maps to."
USAGE = 2  # As click exits by itself; the codes of `ask` and `decide` stand in bot/terminal.py.


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="steward")
def main() -> None:
    """Steward: the Slack bot that operates production systems."""


@main.command()
def serve() -> None:
    """Run the bot: over HTTP, or by Socket Mode where SLACK_APP_TOKEN is set."""
    from bot.wiring import serve as run

    _run(run)


@main.command()
@click.option("--port", default=8400, show_default=True, help="The page's port on 127.0.0.1.")
@click.option("--socket", "socket_mode", is_flag=True, help="Connect the bot by Socket Mode instead of HTTP.")
@click.option("--no-limits", is_flag=True, help="Turn Slack's posting limit off.")
def demo(port: int, *, socket_mode: bool, no_limits: bool) -> None:
    """Open a local Slack-compatible workspace with simulated systems made of real servers."""
    from bot.checkup import DEMO_SETTINGS, app_manifest

    with _extra("steward demo"):
        from bot.local.demo import DemoOptions, run
    manifest_ = app_manifest("http://127.0.0.1", socket_mode=socket_mode)
    options = DemoOptions(
        port=port, socket_mode=socket_mode, limits=not no_limits, manifest=manifest_, settings=DEMO_SETTINGS
    )
    _run(lambda: run(options))


@main.command()
@click.argument("folder", default="config", envvar="STEWARD_CONFIG", type=click.Path(path_type=Path))
@click.option("--no-secrets", is_flag=True, help="Check without the environment's values.")
def check(folder: Path, *, no_secrets: bool) -> None:
    """Check a configuration (STEWARD_CONFIG's, without an argument): every problem at once, or what it means.

    It tells who may ask and approve what, who is paged when, and what is posted.
    """
    from bot.checkup import checked_configuration
    from bot.config.loader import ConfigurationError

    try:
        click.echo(checked_configuration(folder, secrets=not no_secrets))
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        count = len(error.problems)
        click.echo(f"{count} problem{'s' if count > 1 else ''}; nothing was started.", err=True)
        sys.exit(1)


@main.command()
def schema() -> None:
    """Print the JSON Schema of the configuration files, for editors."""
    import json

    from bot.checkup import configuration_schema

    click.echo(json.dumps(configuration_schema(), indent=2))


@main.command()
@click.option("--socket", "socket_mode", is_flag=True, help="For Socket Mode: no request address.")
@click.option("--url", default="https://steward.example.com", show_default=True, help="Where Slack reaches the bot.")
def manifest(url: str, *, socket_mode: bool) -> None:
    """Print the Slack app manifest that belongs to the registered commands."""
    import json

    from bot.checkup import app_manifest

    click.echo(json.dumps(app_manifest(url, socket_mode=socket_mode), indent=2))


@main.command()
@click.argument("line")
@click.option("--demo", "demo_url", default="", help="Ask a running demo at this address instead.")
@click.option("--as", "user", default="", help="With --demo: who types.")
def ask(line: str, demo_url: str, user: str) -> None:
    """Run a slash command without Slack: steward ask '/health newsletter'.

    Exit code: 0 healthy or done, 1 unhealthy or refused, 2 usage, 3 awaits approval.
    """
    if user and not demo_url:
        raise click.UsageError(_NOT_HERE)
    if demo_url:
        with _extra("steward ask --demo"):
            from bot.local.asking import ask_demo

        sys.exit(_run(lambda: ask_demo(demo_url, user or "engineer", line)))
    from bot.terminal import ask as ask_here

    sys.exit(_run(lambda: ask_here(line)))


@main.command()
@click.argument("operation")
@click.argument("verdict", type=click.Choice(["approve", "deny", "cancel"]))
@click.option("--reason", default="", help="Why; a denial needs one.")
@click.option("--demo", "demo_url", default="", help="Decide in a running demo at this address instead.")
@click.option("--as", "user", default="", help="With --demo: who decides.")
def decide(operation: str, verdict: str, reason: str, demo_url: str, user: str) -> None:
    """Decide on an operation without Slack: steward decide OP-88 approve. Exit codes as of ask."""
    if user and not demo_url:
        raise click.UsageError(_NOT_HERE)
    if demo_url:
        with _extra("steward decide --demo"):
            from bot.local.asking import decide_demo

        sys.exit(_run(lambda: decide_demo(demo_url, user or "lead", operation, verdict, reason)))
    from bot.terminal import decide as decide_here

    sys.exit(_run(lambda: decide_here(operation, verdict, reason)))


@main.group()
def audit() -> None:
    """Verify or export the audit."""


@audit.command()
def verify() -> None:
    """Recompute the hash chain; exit 1 and name the first broken row where it does not hold."""
    from bot.terminal import verify_audit

    sys.exit(_run(verify_audit))


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export(file: Path) -> None:
    """Write the audit to an SQLite file, ready for Datasette."""
    from bot.terminal import export_audit

    sys.exit(_run(lambda: export_audit(file)))


@contextmanager
def _extra(command: str) -> Iterator[None]:
    """Imports of what only the extra installs; where it is not there, the command ends with how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.ClickException(f'{command} needs its extra: pip install "steward[demo]"') from error


def _run(work: "Callable[[], Coroutine[None, None, T]]") -> "T":
    """Run to the end; problems of the call, the configuration and the ledger end in a line each, not in a traceback."""
    import asyncio

    from pydantic import ValidationError

    from bot.config.loader import ConfigurationError
    from bot.domain.errors import BotError, UsageError

    try:
        return asyncio.run(work())
    except ConfigurationError as error:
        raise SystemExit("\n".join(str(problem) for problem in error.problems)) from None
    except ValidationError as error:
        fields = ", ".join(str(detail["loc"][0]) for detail in error.errors(include_input=False))
        raise SystemExit(f"These environment variables are not valid: {fields}. See config/example.env.") from None
    except UsageError as error:
        click.echo(str(error), err=True)
        raise SystemExit(USAGE) from None
    except BotError as error:
        raise SystemExit(str(error)) from None
