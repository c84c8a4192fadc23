"""Files become rows, each with its line; what cannot be read is told and stops nothing but what it must."""

import gzip
from pathlib import Path

import pytest

from billing.loading.columns import Column, Kind
from billing.loading.readers import read_rows
from billing.loading.rows import BadRow, Row

COLUMNS = {
    "reference": Column(required=True),
    "name": Column(),
    "seats": Column(Kind.WHOLE),
    "active": Column(Kind.FLAG),
    "items": Column(Kind.LIST),
    "metadata": Column(Kind.JSON),
}


def read(folder: Path, content: str | bytes, name: str = "rows.csv") -> list[tuple[int, object]]:
    """Write a file and return each row's line with its values, or with the reason why it is none."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows: list[tuple[int, object]] = []
    for row in read_rows(path, COLUMNS):
        assert row.place.file == name
        rows.append((row.place.line, row.values if isinstance(row, Row) else row.reason))
    return rows


def test_cells_are_read_by_the_kind_of_their_column(tmp_path: Path) -> None:
    content = (
        'reference,name,seats,active,items,metadata\nr1, Köln ,12,Yes,a|b,"{""size"": 1.50}"\nr2,,many,,"[""c""]",\n'
    )
    first, second = read(tmp_path, content)
    assert first == (
        2,
        {
            "reference": "r1",
            "name": "Köln",
            "seats": 12,
            "active": True,
            "items": ["a", "b"],
            "metadata": {"size": 1.5},
        },
    )
    # What is no whole number is left to the request, which says what it should be.
    assert second == (3, {"reference": "r2", "seats": "many", "items": ["c"]})


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffreference,name\nr1,Ann\n",
        "reference;name\nr1;Ann\n",
        "reference\tname\nr1\tAnn\n",
        "reference,name\r\nr1,Ann\r\n",
        "reference,name\n\nr1,Ann",
    ],
    ids=["byte order mark", "semicolons", "tabs", "CRLF", "blank line, no newline at the end"],
)
def test_spreadsheets_differ(tmp_path: Path, content: str) -> None:
    assert [values for _, values in read(tmp_path, content)] == [{"reference": "r1", "name": "Ann"}]


def test_a_row_of_several_lines_is_known_by_its_first(tmp_path: Path) -> None:
    rows = read(tmp_path, 'reference,name\nr1,"two\nlines"\nr2,one\n')
    assert rows == [(2, {"reference": "r1", "name": "two\nlines"}), (4, {"reference": "r2", "name": "one"})]


def test_broken_rows_of_csv_are_told_and_the_others_read(tmp_path: Path) -> None:
    content = (
        b'reference,name,metadata\nr1,Ann,\nr2,J\xfcrgen,\nr3,Ann\nr4,"Ann"x,\nr5,A\0n,\nr6,Ann,"{""a"": "\nr7,Bob,\n'
    )
    rows = read(tmp_path, content)
    assert [line for line, _ in rows] == [2, 3, 4, 5, 6, 7, 8]
    assert rows[0][1] == {"reference": "r1", "name": "Ann"}
    assert rows[6][1] == {"reference": "r7", "name": "Bob"}
    reasons = [str(reason) for _, reason in rows[1:6]]
    assert reasons[0].startswith("contains the byte 0xFC, which is not UTF-8")
    assert reasons[1] == "has 2 cells where the first line names 3 columns"
    assert reasons[2].startswith("is no row of CSV")
    assert reasons[3] == "contains a NUL character"
    assert reasons[4].startswith("metadata is no JSON")


def test_a_quotation_mark_that_is_never_closed_ends_the_file(tmp_path: Path) -> None:
    rows = read(tmp_path, 'reference,name\nr1,Ann\nr2,"Bob\nr3,Carl\n')
    assert rows[0] == (2, {"reference": "r1", "name": "Ann"})
    assert rows[1] == (3, "opens a quotation mark that is never closed; nothing after it was read")
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("name", "the column 'reference' is missing"),
        (
            "reference,nmae",
            "the column 'nmae' is not known here; known are: reference, name, seats, active, items, metadata",
        ),
        ("reference,name,name", "the column 'name' stands twice"),
        ("", "the first line must name the columns: reference, name, seats, active, items, metadata"),
    ],
)
def test_a_wrong_first_line_is_told_once_and_no_row_guessed(tmp_path: Path, header: str, reason: str) -> None:
    assert read(tmp_path, f"{header}\na,b,c\nd,e,f\n") == [(1, reason)]


def test_an_empty_file_is_no_table(tmp_path: Path) -> None:
    assert read(tmp_path, "")[0][0] == 1
    assert read(tmp_path, "[]", "rows.json") == []
    assert read(tmp_path, "", "rows.ndjson") == []


def test_other_encodings_and_broken_archives_are_told(tmp_path: Path) -> None:
    content = "reference,name\nr1,Ann\n"
    assert read(tmp_path, content.encode("utf-16")) == [(0, "is UTF-16; save the file as UTF-8")]
    packed = gzip.compress(content.encode())
    assert read(tmp_path, packed, "rows.csv.gz") == [(2, {"reference": "r1", "name": "Ann"})]
    assert read(tmp_path, packed[:-4], "rows.csv.gz")[-1][0] == 0
    (line, reason) = read(tmp_path, b"no archive", "rows.csv.gz")[0]
    assert (line, str(reason).startswith("cannot be read")) == (0, True)


def test_objects_of_an_array_know_their_lines(tmp_path: Path) -> None:
    content = '[\n {"reference": "r1"},\n {"reference": "r2",\n  "name": null, "seats": 2.50}\n, "r3"\n]'
    first, second, third = read(tmp_path, content, "rows.json")
    assert first == (2, {"reference": "r1"})
    assert second == (3, {"reference": "r2", "seats": 2.5})
    assert third == (5, "is no JSON object")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('{"reference": }', "is no JSON: Expecting value; nothing after it was read"),
        ('{"reference": NaN}', "is no JSON: NaN is no number; nothing after it was read"),
        ('{"a": 1, "a": 2}', "names 'a' twice; nothing after it was read"),
        ('{"a": 1} {"a": 2}', "is no JSON: a comma or the closing bracket is missing; nothing after it was read"),
    ],
)
def test_broken_json_is_told_where_it_breaks(tmp_path: Path, broken: str, reason: str) -> None:
    rows = read(tmp_path, f'[\n{{"reference": "r1"}},\n{broken},\n{{"reference": "r4"}}]', "rows.json")
    assert rows[0] == (2, {"reference": "r1"})
    assert rows[-1] == (3, reason)


def test_one_object_may_be_a_file(tmp_path: Path) -> None:
    assert read(tmp_path, '\n{"reference": "r1"}\n', "rows.json") == [(2, {"reference": "r1"})]
    assert read(tmp_path, '{"reference"', "rows.json")[0][0] == 1


def test_a_broken_line_of_ndjson_is_one_bad_row(tmp_path: Path) -> None:
    content = b'{"reference": "r1"}\n{"reference": \n\n[1]\n{"name": "J\xfcrgen"}\n{"reference": "r6"}\n'
    rows = read(tmp_path, content, "rows.ndjson")
    assert [(line, isinstance(values, dict)) for line, values in rows] == [
        (1, True), (2, False), (4, False), (5, False), (6, True),
    ]  # fmt: skip


def test_deeply_nested_json_is_refused(tmp_path: Path) -> None:
    ((line, reason),) = read(tmp_path, "[" * 100_000, "rows.ndjson")
    assert (line, reason) == (1, "is nested too deep")


def test_a_missing_file_is_told() -> None:
    (row,) = read_rows(Path("/nowhere/rows.csv"), COLUMNS)
    assert isinstance(row, BadRow)
    assert str(row.place) == "rows.csv"
