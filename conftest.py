"""What every test can rely on.

The servers need no fixture: the first connection starts them (`config/test_settings.py`).
"""

import gc
import os
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

from tests.emptying import empty_tables
from tests.migrated import migrated_database
from tests.sandbox import forget_records
from tests.sessions import close_sessions_left
from usage.operations.together import stop_writer

ON_CI = bool(os.environ.get("CI"))

# A shared machine stalls at times: time is no verdict on a property.
_COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=ON_CI)
settings.register_profile("default", _COMMON, max_examples=50)
settings.register_profile("long", _COMMON, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Have the tests' database copied from a migrated one; pytest-django asks for this just before it makes it."""
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_database()


def pytest_collection_finish() -> None:
    """Have the collector of cycles pass over what stays to the end: thousands of tests, and every module.

    And have it come by more rarely: a test's own values are few, and most go without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Let each test find a provider that has taken nothing yet."""
    yield
    forget_records()


def _clean_up_after_commits(_: TransactionTestCase) -> None:
    """Take away what a test that commits leaves: sessions of other threads, and rows."""
    stop_writer()
    close_sessions_left()
    empty_tables()


# In place of Django's own clean-up.
TransactionTestCase._fixture_teardown = _clean_up_after_commits  # type: ignore[attr-defined]
