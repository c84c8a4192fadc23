"""What every test can rely on.

The servers need no fixture: the first connection starts them (`config/test_settings.py`).
"""

import os
from collections.abc import Iterator

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings

ON_CI = bool(os.environ.get("CI"))

# A shared machine stalls at times: time is no verdict on a property.
_COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=ON_CI)
settings.register_profile("default", _COMMON, max_examples=50)
settings.register_profile("long", _COMMON, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _no_event_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take away what a test that commits stored in the table of events.

    Django empties the tables that it manages; this one a migration made, and the next test on this database would
    count the events.
    """
    marker = request.node.get_closest_marker("django_db")
    commits = (marker and marker.kwargs.get("transaction")) or "transactional_db" in request.fixturenames
    if commits:
        request.getfixturevalue("transactional_db")
    yield
    if commits:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM usage_event")
