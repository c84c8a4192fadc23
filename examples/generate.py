"""Write the example company's files: `python -m examples.generate [FOLDER]`.

The files in `company/` are what it writes; running it again changes nothing. Only the logo is drawn by hand.
"""

import csv
import gzip
import io
import json
import random
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from examples.recipe import catalogue
from examples.recipe.agreements import make_agreements
from examples.recipe.brands import BRANDS
from examples.recipe.customers import make_customers
from examples.recipe.usage import make_events

SEED = 20_260_101
COMPANY = {
    "name": "Fernspiegel",
    "clock": {
        "name": "Fernspiegel, the example company",
        "starts_at": "2026-01-01T00:00:00Z",
        "plays_to": "2026-04-02T00:00:00Z",
    },
}


def make_files() -> dict[str, bytes]:
    """Return every file of the company by its name."""
    chance = random.Random(SEED)  # noqa: S311 - the same company for everybody, no secret
    people = make_customers(chance)
    agreements = make_agreements(chance, people)
    events = make_events(chance, agreements.agreed)
    subscriptions = sorted(
        (agreed.row for agreed in agreements.agreed), key=lambda row: (row["start_at"], row["reference"])
    )
    return {
        "company.json": _json(COMPANY),
        "brands.json": _json(BRANDS),
        "tax_types.csv": _csv(catalogue.TAX_TYPES),
        "tax_countries.csv": _csv(catalogue.TAX_COUNTRIES),
        "tax_states.csv": _csv(catalogue.TAX_STATES),
        "tax_rules.csv": _csv(catalogue.TAX_RULES),
        "products.csv": _csv(catalogue.PRODUCTS),
        "metrics.json": _json(catalogue.METRICS),
        "prices.json": _json(catalogue.prices()),
        "features.csv": _csv(catalogue.FEATURES),
        "plans.json": _json(catalogue.plans()),
        "vouchers.json": _json(catalogue.vouchers()),
        "customers.csv": _csv([person.row for person in people]),
        "cards.csv": _csv(agreements.cards),
        "subscriptions.csv": _csv(subscriptions),
        "redemptions.csv": _csv(agreements.redemptions),
        "seat_changes.csv": _csv(agreements.seat_changes),
        "events.csv.gz": gzip.compress(_csv(events), mtime=0),
    }


def _csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV; the columns are those of all rows, in the order in which they come up."""
    listed = list(rows)
    columns = list(dict.fromkeys(name for row in listed for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in listed)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Return a value as a cell shows it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _json(value: Any) -> bytes:
    """Return a value as JSON, a list with a row in each line."""
    if isinstance(value, list):
        return ("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in value) + "\n]\n").encode()
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def main() -> None:
    """Write the files into the folder named, or where they belong."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "company"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in make_files().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
