"""The environment as one frozen value; the only reader of `os.environ`."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the process is told by its environment. Secrets print as stars."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="", case_sensitive=True, populate_by_name=True)

    config: Path = Field(default=Path("config"), alias="STEWARD_CONFIG")
    database: SecretStr = Field(default=SecretStr("sqlite:///steward.db"), alias="STEWARD_DATABASE")
    host: str = Field(default="127.0.0.1", alias="STEWARD_HOST")
    port: int = Field(default=8080, ge=0, le=65535, alias="STEWARD_PORT")
    bot_token: SecretStr = Field(default=SecretStr(""), alias="SLACK_BOT_TOKEN")
    signing_secret: SecretStr = Field(default=SecretStr(""), alias="SLACK_SIGNING_SECRET")
    app_token: SecretStr = Field(default=SecretStr(""), alias="SLACK_APP_TOKEN")
    slack_api_url: str = Field(default="https://slack.com/api/", alias="SLACK_API_URL")
    heartbeat_url: SecretStr = Field(default=SecretStr(""), alias="STEWARD_HEARTBEAT_URL")
    console_socket: str = Field(default="", alias="STEWARD_SOCKET")
    clock_socket: str = Field(default="", alias="STEWARD_CLOCK_SOCKET")  # Set by the local workspace alone.

    @property
    def missing_for_slack(self) -> tuple[str, ...]:
        """What `serve` needs and was not told: with an empty signing secret, anybody could sign."""
        told = {"SLACK_BOT_TOKEN": self.bot_token}
        if not self.socket_mode:
            told["SLACK_SIGNING_SECRET"] = self.signing_secret
        return tuple(name for name, value in told.items() if not value.get_secret_value())

    @property
    def console(self) -> Path | None:
        """Where `ask` and `decide` reach the running bot: beside a ledger that is a file, unless told otherwise."""
        if self.console_socket:
            return Path(self.console_socket)
        _, is_file, path = self.database.get_secret_value().partition("sqlite:///")
        return Path(path).with_suffix(".sock") if is_file and path != ":memory:" else None

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is reached by Socket Mode; otherwise Slack reaches us over HTTP."""
        return bool(self.app_token.get_secret_value())


def environment() -> Mapping[str, str]:
    """The environment, for the `${NAME}` of configuration files and for the commands that adapters run."""
    return os.environ
