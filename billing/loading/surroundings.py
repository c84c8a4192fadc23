"""What a load is made in: the folder, who loads, and what time it is for the customers."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.api.fields import InstantField, TextField
from core.api.serializers import InputSerializer
from core.errors import Invalid
from core.models import TestClock
from core.operations import Actor
from core.operations_test_clocks import create_test_clock

COMPANY_FILE = "company.json"
ACTOR_PREFIX = "import"
LOADER = Actor(name=ACTOR_PREFIX)


class ClockRow(InputSerializer):
    """The test clock that the customers of an example hang on."""

    name = TextField(max_length=200)
    starts_at = InstantField()
    plays_to = InstantField()

    def breaches(self, values: Any) -> dict[str, str]:
        """Return what is wrong between the moments."""
        starts_at, plays_to = values.get("starts_at"), values.get("plays_to")
        if starts_at and plays_to and plays_to <= starts_at:
            return {"plays_to": "must lie after starts_at"}
        return {}


class CompanyRow(InputSerializer):
    """What `company.json` may say."""

    name = TextField(max_length=200)
    clock = ClockRow(required=False)


@dataclass(frozen=True, slots=True)
class ClockPlan:
    """Where a company's test clock starts, and to where its time is played."""

    name: str
    starts_at: datetime
    plays_to: datetime


@dataclass(frozen=True, slots=True)
class Company:
    """A folder of files; without a clock its customers live in real time."""

    folder: Path
    name: str
    clock: ClockPlan | None


def read_company(folder: Path) -> Company:
    """Return what a folder says of itself in `company.json`; without that file it is named by the folder.

    Raises NotADirectoryError, and Invalid when the file cannot be read: without knowing its clock nothing is loaded.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")
    path = folder / COMPANY_FILE
    if not path.exists():
        return Company(folder, folder.name, None)
    try:
        values = CompanyRow.read(json.loads(path.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeError, ValueError) as error:
        raise Invalid(f"{COMPANY_FILE} cannot be read: {error}") from None
    clock = values.get("clock")
    return Company(folder, values["name"], ClockPlan(**clock) if clock else None)


def find_clock(company: Company) -> TestClock | None:
    """Return a company's test clock when it was made, else None."""
    if company.clock is None:
        return None
    return TestClock.objects.filter(name=company.clock.name).order_by("id").first()


def ensure_clock(company: Company, *, now: datetime) -> TestClock | None:
    """Return a company's test clock, made when it is missing; None for a company that lives in real time.

    Raises Conflict on a live instance, where no test clock may be.
    """
    if company.clock is None:
        return None
    return find_clock(company) or create_test_clock(
        name=company.clock.name, now_at=company.clock.starts_at, actor=LOADER, now=now
    )
