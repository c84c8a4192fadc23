"""What every test can rely on.

The servers need no fixture: the first connection starts them (`config/test_settings.py`).
"""

import os

from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings

from tests.emptying import empty_tables

ON_CI = bool(os.environ.get("CI"))

# A shared machine stalls at times: time is no verdict on a property.
_COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=ON_CI)
settings.register_profile("default", _COMMON, max_examples=50)
settings.register_profile("long", _COMMON, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# After each test that commits, in place of Django's own clean-up.
TransactionTestCase._fixture_teardown = lambda self: empty_tables()  # type: ignore[attr-defined]
