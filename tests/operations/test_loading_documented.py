"""docs/import-your-data.md names every file and every column that the loader knows, and no other."""

import re
from pathlib import Path

from billing.loading.agreements import timed_tables
from billing.loading.catalogue import catalogue_tables
from billing.loading.columns import Column
from billing.loading.people import customer_table
from billing.loading.places import brand_tables, tax_tables
from billing.loading.references import SubscriptionIndex
from billing.loading.usage import COLUMNS, TABLE
from tests.loading_cast import NOW

PAGE = Path(__file__).resolve().parents[2] / "docs" / "import-your-data.md"
# Words in code type that are no columns: values, and what objects inside a cell hold.
_CODE = re.compile(r"`([a-z0-9_]+)`")


class NoSubscriptions(SubscriptionIndex):
    """An index that asks no database."""

    def __init__(self) -> None:
        self._ids = {}


def _columns() -> dict[str, dict[str, Column]]:
    """Return the columns of every kind of file, in the order in which the files are loaded."""
    timed = [one.table for one in timed_tables(NoSubscriptions(), NOW)]
    plain = [*brand_tables(Path(), NOW), *tax_tables(NOW), *catalogue_tables(NOW), customer_table(None, NOW)]
    return {**{table.name: table.columns for table in [*plain, *timed]}, TABLE: COLUMNS}


def _sections() -> dict[str, str]:
    """Return the page's sections by heading."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_file_has_its_section_in_the_order_of_loading() -> None:
    columns = _columns()
    assert [heading for heading in _sections() if heading in columns] == list(columns)


def test_every_column_is_documented() -> None:
    sections = _sections()
    for name, columns in _columns().items():
        rows = [line for line in sections[name].splitlines() if line.startswith("| ")]
        named = set(_CODE.findall("\n".join(rows)))
        assert not columns.keys() - named, name
        bold = {word for row in rows for word in re.findall(r"\*\*`([a-z0-9_]+)`\*\*", row)}
        assert bold == {column for column, facts in columns.items() if facts.required}, name


def test_the_first_cell_of_a_row_names_columns_only() -> None:
    sections = _sections()
    for name, columns in _columns().items():
        cells = [line.split("|")[1] for line in sections[name].splitlines() if line.startswith("| ")]
        assert not set(_CODE.findall("\n".join(cells))) - columns.keys(), name
