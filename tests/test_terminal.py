"""The command line acts as the person whom the OS user maps to."""

import os
import pwd

import pytest

from bot.terminal import os_user


@pytest.mark.parametrize("variable", ["LOGNAME", "USER", "LNAME", "USERNAME"])
def test_nobody_becomes_another_person_by_a_variable(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Whoever asks and approves from one account is one person, whatever its environment says."""
    monkeypatch.setenv(variable, "lead")

    assert pwd.getpwuid(os.getuid()).pw_name == os_user()
