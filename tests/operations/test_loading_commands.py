"""`load_example` and `demo` as a person runs them: what they print, how they end, what a second run does."""

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from billing.loading import access, papers
from billing.loading.access import grant_access
from billing.loading.progress import BarProgress, LineProgress, progress_on
from billing.management.commands import demo, load_example
from core.models import ApiKey, StaffUser, TestClock
from core.operations import SYSTEM
from core.operations_api_keys import disable_api_key
from core.queries_api_keys import find_key
from core.services.folder import DataFolder
from customers.models import Customer
from invoicing.models import Invoice
from invoicing.operations.documents import DocumentFile
from tests.loading_cast import FILES, NOW, TIMED_FILES, count_rows, load, write_files

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: Any, **options: Any) -> str:
    """Run a command and return what it printed."""
    printed = io.StringIO()
    call_command(command, *arguments, stdout=printed, **options)
    return printed.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "company"
    path.mkdir()
    return path


def test_load_example_prints_what_became_of_the_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: content for name, content in FILES.items() if "events" not in name}
    printed = run("load_example", str(write_files(folder, files)))
    lines = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line.split()}
    assert lines["loaded"] == []
    assert (lines["customers"], lines["prices"]) == (["2"], ["3"])
    assert "customers: 2 done" in capsys.readouterr().err
    assert "already there" in run("load_example", str(folder)).splitlines()[0]


def test_load_example_fails_when_rows_are_bad(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    customers = FILES["customers.csv"] + "carl,carl@example.com,Carl,acme,ZZ,card,\n"
    write_files(folder, {"brands.csv": "code,name,country\nacme,Acme,DE\n", "customers.csv": customers})
    printed = io.StringIO()
    with pytest.raises(CommandError, match="1 rows could not be loaded; the others were"):
        call_command("load_example", str(folder), stdout=printed)
    reason = "customers.csv:4: country: must be an upper-case ISO 3166-1 code of two letters"
    # While it runs as a line, at the end as a table.
    assert reason in capsys.readouterr().err
    assert "customers.csv:4  country: must be an upper-case ISO 3166-1" in printed.getvalue()
    assert Customer.objects.count() == 2
    assert "customers.csv:4" in run("load_example", str(folder), allow_bad_rows=True)


def test_load_example_names_a_declined_start(folder: Path) -> None:
    files = {**FILES, "cards.csv": "customer,token\nalice,tok_fraud\n"}
    del files["events.ndjson"]
    assert "declined: subscriptions.csv:2: The payment was blocked" in run(
        "load_example", str(write_files(folder, files))
    )


def test_load_example_says_what_it_cannot_begin_with(folder: Path) -> None:
    with pytest.raises(CommandError, match="is no folder"):
        run("load_example", str(folder / "nowhere"))
    with pytest.raises(CommandError, match=r"company\.json cannot be read"):
        run("load_example", str(write_files(folder, {"company.json": "{"})))


def test_load_example_can_be_interrupted_and_repeated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(folder, TIMED_FILES)

    class Impatient(LineProgress):
        def step(self, count: int, note: str = "") -> None:
            if Customer.objects.exists():
                raise KeyboardInterrupt

    monkeypatch.setattr(load_example, "progress_on", Impatient)
    with pytest.raises(SystemExit) as stopped:
        run("load_example", str(folder), play=True)
    assert stopped.value.code == 130
    monkeypatch.undo()
    assert "ahead of the clock" not in run("load_example", str(folder), play=True)
    assert Invoice.objects.count() == 6


@pytest.fixture
def small_demo(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Path:
    """Let the demo show the small company, in a data folder of its own."""
    settings.DATA_DIR = tmp_path / "data"
    monkeypatch.setattr(demo, "EXAMPLE", write_files(folder, TIMED_FILES))
    return tmp_path / "data"


def test_the_demo_shows_what_was_billed_and_how_to_get_in(small_demo: Path) -> None:
    printed = run("demo", no_up=True)
    assert "What was billed from 31 January 2026 to 04 April 2026" in printed
    (row,) = [line.split() for line in printed.splitlines() if line.strip().startswith("EUR ") and "€" in line]
    invoices = Invoice.objects.all()
    # Alice's card declines what is due on 28 February and its five retries, and that of 31 March and its first.
    assert row[1:5] == [str(invoices.count()), str(invoices.filter(status="paid").count()), "5", "8"]
    assert "every proof holds" in printed
    password = next(line for line in printed.splitlines() if "password" in line).split()[-1]
    user = authenticate(username="admin", password=password)
    assert isinstance(user, StaffUser)
    assert user.is_superuser
    key = find_key(printed.strip().split()[-1])
    assert key is not None
    assert key.scope == ApiKey.Scope.ADMIN
    drawn = list((small_demo / "documents").iterdir())
    assert drawn
    assert all(path.read_bytes().startswith(b"%PDF-") and path.name.startswith("acme-") for path in drawn)


def test_a_second_demo_only_starts(small_demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "write_papers", lambda clock_id, folder: iter(()))
    first = run("demo", no_up=True)
    before = count_rows()
    second = run("demo", no_up=True)
    assert "is there already; its clock stands at 05 April 2026" in second
    assert count_rows() == before
    # The same table, the same login, the same key.
    assert second.splitlines()[-10:] == first.splitlines()[-10:]
    assert StaffUser.objects.count() == ApiKey.objects.count() == 1


def test_the_demo_does_not_hide_bad_rows(small_demo: Path, folder: Path) -> None:
    write_files(folder, {"vouchers.csv": "code,name,type,percent\nHALF,Half,percentage,500\n"})
    with pytest.raises(CommandError, match=r"2 rows of .* could not be loaded"):
        run("demo", no_up=True)


def test_the_demo_hands_over_to_up(small_demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The site starts while the company is loaded: `up` calls for that."""
    called: list[Any] = []

    def up(name: str, *, port: int, prepare: Callable[[], None]) -> None:
        called.append((name, port))
        prepare()

    monkeypatch.setattr(demo.Command, "_show_all", lambda self, data, url: called.append(url))
    monkeypatch.setattr(demo, "call_command", up)
    run("demo", port=8123)
    assert called == [("up", 8123), "http://127.0.0.1:8123"]


def test_access_is_kept_private_and_replaced_when_it_is_gone(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    first = grant_access(data, now=NOW)
    secrets = [data.path / "secrets" / name for name in ("demo-password", "demo-api-key")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in secrets] == [0o600, 0o600]
    assert grant_access(data, now=NOW) == first
    disable_api_key(ApiKey.objects.get().id, actor=SYSTEM, now=NOW)
    second = grant_access(data, now=NOW)
    assert second.api_key != first.api_key
    user = StaffUser.objects.get(username=access.USER_NAME)
    user.set_password("chosen by somebody else")
    user.save()
    assert grant_access(data, now=NOW).password is None


def test_papers_of_brands_with_the_same_numbers_do_not_overwrite_each_other(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = DocumentFile("application/pdf", b"%PDF-", "INV-2026-000001.pdf")
    monkeypatch.setattr(papers, "get_document", lambda kind, object_id: same)
    other = {
        "brands.csv": FILES["brands.csv"] + "zeta,Zeta Ltd,GB,,Europe/London,\n",
        "customers.csv": FILES["customers.csv"].replace('Bob, the second",acme', 'Bob, the second",zeta'),
    }
    company = {"company.json": json.dumps({**json.loads(TIMED_FILES["company.json"]), "name": "Two"})}
    load(write_files(folder, {**TIMED_FILES, **other, **company}), play=True)
    assert Invoice.objects.filter(number="INV-2026-000001").count() == 2
    names = {path.name for path in papers.write_papers(TestClock.objects.get().id, tmp_path / "papers")}
    assert names == {"acme-INV-2026-000001.pdf", "zeta-INV-2026-000001.pdf"}


def test_a_terminal_gets_a_bar_and_everything_else_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, file = Terminal(), io.StringIO()
    for stream, kind in ((terminal, BarProgress), (file, LineProgress)):
        progress = progress_on(stream)
        assert isinstance(progress, kind)
        progress.begin("customers", 2)
        progress.step(1, "half")
        progress.say("customers.csv:3: is bad")
        progress.step(1)
        progress.end()
    assert "customers" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()
    assert file.getvalue() == "customers.csv:3: is bad\ncustomers: 2 done\n"
