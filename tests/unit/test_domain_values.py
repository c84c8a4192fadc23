"""Values of the pure code never change once built: frozen and slotted dataclasses, in every room.

Where a billing run makes one by the million it is a frozen msgspec struct, which is slotted too: ten times faster.
"""

import dataclasses
import importlib
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[2]


def domain_classes() -> list[type]:
    """Return every public value class defined in a domain module; a private one may be a function's own accumulator."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(ROOT.glob("*/domain/*.py"))]
    modules = [importlib.import_module(name) for name in names]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and (dataclasses.is_dataclass(value) or issubclass(value, msgspec.Struct))
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]


@pytest.mark.parametrize("value_class", domain_classes(), ids=lambda value: f"{value.__module__}.{value.__name__}")
def test_a_value_is_frozen_and_slotted(value_class: type) -> None:
    if issubclass(value_class, msgspec.Struct):
        assert value_class.__struct_config__.frozen
    else:
        assert value_class.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(value_class)


def test_the_values_are_found() -> None:
    assert "Money" in {value_class.__name__ for value_class in domain_classes()}
