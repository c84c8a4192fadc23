"""Settings of the tests: an instance in the temporary folder, thrown away with the last process that uses it."""

import atexit
import os
import secrets
import tempfile
from pathlib import Path

from core.services import lease
from core.services.folder import DataFolder

# The workers of pytest-xdist inherit the environment of the process that started them, and so share its servers.
if "RECKONER_THROWAWAY" not in os.environ:
    os.environ["RECKONER_THROWAWAY"] = "1"
    os.environ["RECKONER_DATA_DIR"] = str(Path(tempfile.gettempdir()) / f"reckoner-test-{secrets.token_hex(4)}")
    atexit.register(lease.discard, DataFolder.from_environment())
for _name in (
    "STRIPE_API_KEY",
    "PAYMENT_PROVIDER",
    "DATABASE_URL",
    "REDIS_URL",
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "EMAIL_URL",
    "DJANGO_DEBUG",
    "TRUST_PROXY",
):
    os.environ.pop(_name, None)
os.environ["SECRET_KEY"] = "for the tests alone, where nothing is secret"  # noqa: S105 - see the words

from config.services import redis_url  # noqa: E402
from config.settings import *  # noqa: E402, F403 - the environment above must be there first

# Each worker of pytest-xdist has its own database number and its own files, as it has its own PostgreSQL database.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
REDIS_URL = redis_url(1 + int(_WORKER.removeprefix("gw")) % 15)
DATA_DIR = DATA_DIR / "workers" / _WORKER  # noqa: F405
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Hints go nowhere: rows carry the work. Tests of the worker itself set the real broker.
CELERY_BROKER_URL = "memory://"
NUDGE_DISPATCHER = False
WEBHOOK_LOCAL_TARGETS = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Static files are looked up when they are asked for: to list them takes long, and each test client would.
WHITENOISE_AUTOREFRESH = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# The clean-up after a test empties tables that nobody else may empty.
DATABASES["default"]["OPTIONS"]["options"] += " -c reckoner.may_truncate=on"  # noqa: F405
