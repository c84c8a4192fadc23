"""The commands of `docs/api`, run one page after the other by a shell against a running site."""

import re
import shlex
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from core.identifiers import new_id

PAGES = Path(__file__).resolve().parents[2] / "docs" / "api"
TAUGHT = ("a-month-by-hand.md", "conventions.md", "usage.md")
HEADING = re.compile(r"^#+ ([^\n]*)$|^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[tuple[str, str]]:
    """Return the blocks of commands of a page, each with the heading it stands under."""
    found, under = [], ""
    for match in HEADING.finditer((PAGES / page).read_text()):
        if match[2] is None:
            under = match[1]
        else:
            found.append((under, match[2]))
    return found


def issue_key() -> str:
    """Issue the key as the first page says."""
    [(_, block)] = commands("README.md")
    [words] = re.findall(r"manage\.py (.*)\)", block)
    printed = StringIO()
    call_command(*shlex.split(words), stdout=printed)
    return printed.getvalue().strip()


@pytest.fixture
def told(live_server: LiveServer, tmp_path: Path) -> dict[str, str]:
    """Return what the commands under each heading print."""
    between = f"@@ {new_id()} "
    script = ["set -euo pipefail", f"API={live_server.url}/api/v1", f"KEY={issue_key()}"]
    for page in TAUGHT:
        for heading, block in commands(page):
            script += [f"printf '\\n%s%s\\n' {shlex.quote(between)} {shlex.quote(heading)}", block]
    run = subprocess.run(
        ["/bin/bash", "-c", "\n".join(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr
    printed: dict[str, str] = {}
    for part in run.stdout.split(between)[1:]:
        heading, _, text = part.partition("\n")
        printed[heading] = printed.get(heading, "") + text
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")
    return printed


@pytest.mark.django_db(transaction=True)
def test_every_command_does_what_its_page_says(told: dict[str, str]) -> None:
    """The numbers are those of the pages, in cents."""
    assert '"sub_total":8700,"tax_total":0,"total":8700,"amount_due":0,"paid":true' in told["Who buys it"]
    june = told["What happens in June"]
    assert '"total":{"amount":6000,"currency":"EUR"}' in june
    assert '"total":1933,"balance_applied":0,"amount_due":1933' in june
    # 4 x 2900 in advance, 1933 for the fourth seat since 11 June, 12 000 calls at half a cent.
    july = told["The first of July"]
    assert '"sub_total":19533,"tax_total":0,"total":19533,"amount_due":0,"paid":true' in july
    assert {int(amount) for amount in re.findall(r'"amount":(\d+)', july)} == {8700, 19533}
    assert '"at":"2026-08-01T00:00:00+00:00"' in told["And the end"]
    assert told["Keys"].rstrip().endswith("403")
    assert '"errors": {"colour": "is not a field of this request", "email": "must not be empty"' in told["Errors"]
    assert "Idempotent-Replayed: true" in told["Doing a POST once"]
    assert told["Doing a POST once"].count('"email":"grace@example.com"') == 2
    assert '"email":"ada@example.com"' in told["Lists"]
    assert "Event-Duplicate: true" in told["One event"]
    assert '"stored":1,"duplicates":0,"rejected":1' in told["Thousands"]
    assert '"usage":201' in told["Reading it back"]


def test_every_page_is_tried() -> None:
    """What webhooks.md shows is run by tests/unit/notifications and tests/operations/test_webhooks.py."""
    assert {path.name for path in PAGES.glob("*.md")} == {"README.md", "webhooks.md", *TAUGHT}
