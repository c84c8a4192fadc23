"""The house's own rules: rooms call downwards, locks match the project, no secret has a default."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from core.services.folder import REPOSITORY

PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def test_rooms_call_downwards_only() -> None:
    checker = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([checker, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PYPROJECT["project"]["dependencies"]),
        ("requirements-dev.lock", [*PYPROJECT["project"]["dependencies"], *PYPROJECT["dependency-groups"]["dev"]]),
    ],
)
def test_the_locks_hold_what_the_project_asks_for_with_hashes_and_name_no_host(lock: str, wanted: list[str]) -> None:
    text = (REPOSITORY / lock).read_text()
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE)

    for requirement in wanted:
        name, version = re.sub(r"\[.*\]", "", requirement).split("==")
        assert (name, version) in pinned
    assert len(re.findall(r"^[a-z0-9].*\n(?=    --hash=sha256:)", text, re.MULTILINE | re.IGNORECASE)) == len(pinned)
    assert "://" not in text


def test_the_containers_have_no_default_secret_and_every_variable_is_explained() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text()
    compose = yaml.safe_load(text)
    explained = (REPOSITORY / ".env.example").read_text()

    assert set(compose["services"]) >= {"postgres", "redis", "web", "worker", "beat"}
    for name in re.findall(r"(?<!\$)\$\{(\w+)", text):
        assert re.search(rf"^#?{name}=", explained, re.MULTILINE), name
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        ways = set(re.findall(rf"\$\{{{name}(\W)", text))
        assert ways == {":"}, name
        assert f"${{{name}:-" not in text


def test_every_variable_that_the_settings_read_is_explained() -> None:
    explained = (REPOSITORY / ".env.example").read_text()
    read = set()
    for path in (REPOSITORY / "config").glob("*.py"):
        if path.name != "test_settings.py":
            read |= set(re.findall(r"""env(?:\.\w+)?\(\s*["']([A-Z_]+)["']""", path.read_text()))

    assert len(read) > 10
    for name in sorted(read):
        assert re.search(rf"^#{name}=", explained, re.MULTILINE), name
