"""Boxes for the tests of the services."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.box import Box


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """An instance that does not run yet."""
    made = Box(tmp_path / "var")
    yield made
    made.end()
