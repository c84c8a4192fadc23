"""Boxes for the tests of the services."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.box import Box
from tests.services.prepared import prepare


@pytest.fixture
def new_box(tmp_path: Path) -> Iterator[Box]:
    """An instance that was never started."""
    made = Box(tmp_path / "var")
    yield made
    made.end()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """An instance that is set up and does not run."""
    prepare(tmp_path / "var")
    made = Box(tmp_path / "var")
    yield made
    made.end()
