"""The objects of neighbours as their own pages have them, and the check of an answer against them.

`connectable.json` holds every property of the page's schemas, each required and each nullable, of the page's types but
where section 1 of the neighbour shapes decides otherwise. `flowglad.json` holds every field of the page's example with
the types seen there, the page's enumerations whole, and the few fields that section 2 puts beside them.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

FOLDER = Path(__file__).parent


@cache
def _validator(neighbour: str, name: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{neighbour}.json").read_text())
    return Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"}, format_checker=FormatChecker())


def check_neighbour(neighbour: str, name: str, body: Any) -> None:
    """Fail with every difference between a JSON value and a neighbour's object."""
    differences = [
        f"{'.'.join(map(str, error.absolute_path)) or name}: {error.message}"
        for error in _validator(neighbour, name).iter_errors(body)
    ]
    assert not differences, "\n".join(differences)
