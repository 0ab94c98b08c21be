"""The image: what it installs is hash-checked, and holds all that serves and nothing of development."""

import re
import tomllib
from pathlib import Path

DOCKERFILE = Path("Dockerfile").read_text(encoding="utf-8")


def _locked(name: str) -> dict[str, str]:
    """Version by package of a lock, markers left out."""
    text = Path(name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\]+)", text, re.MULTILINE))


def _named(requirements: list[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=,; ]", each)[0]).lower() for each in requirements}


def test_the_serving_lock_holds_what_serves_and_nothing_of_development() -> None:
    """Every dependency is in it with the version that is tested; no tool, nothing of the demo."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    serving, everything = _locked("requirements.serve.lock"), _locked("requirements.lock")
    needed = _named(project["dependencies"])

    assert set() == needed - serving.keys()
    assert {"demo", "dev"} == set(extras)
    assert set() == (_named([*extras["demo"], *extras["dev"]]) - needed) & serving.keys()
    assert set() == _named(extras["demo"]) - everything.keys()
    assert serving.items() <= everything.items()


def test_every_locked_package_has_its_hash() -> None:
    """And no lock tells where it was made."""
    for name in ("requirements.lock", "requirements.serve.lock"):
        text = Path(name).read_text(encoding="utf-8")
        packages = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

        assert [] == [each.split()[0] for each in packages if "--hash=sha256:" not in each]
        assert "://" not in text


def test_the_image_installs_nothing_unchecked() -> None:
    """Each call of pip checks hashes, or takes what stands there already; base images name a whole version."""
    calls = re.findall(r"pip (?:install|wheel) .*", DOCKERFILE)

    assert 4 == len(calls)
    assert all("--require-hashes" in call or ("--no-index" in call and "--no-deps" in call) for call in calls)
    assert all(
        re.search(r":\d+\.\d+\.\d+-", image) for image in re.findall(r"^ARG \w+=(\S+)", DOCKERFILE, re.MULTILINE)
    )


def test_the_image_leaves_the_local_workspace_out() -> None:
    """Its code is kept from the build; its libraries are an extra, which the image's lock does not hold."""
    kept_out = Path(".dockerignore").read_text(encoding="utf-8").split()

    assert "bot/local" in kept_out
    assert Path("bot/local").is_dir()


def test_the_image_has_the_programs_that_the_shipped_checks_run() -> None:
    """`df` is in every Debian; the compose plugin stands where the client looks for it."""
    assert "-slim-bookworm" in DOCKERFILE
    assert "/usr/local/libexec/docker/cli-plugins/docker-compose" in DOCKERFILE
    assert re.search(r"^COPY --from=docker /usr/local/bin/docker ", DOCKERFILE, re.MULTILINE)
