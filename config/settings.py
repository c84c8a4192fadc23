"""Settings, all from environment variables (`.env.example` explains each), safe when none is set."""

import os
import sys
from typing import Any
from urllib.parse import urlsplit

from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

from config import admin_settings, api_settings, logging, payment_settings, services
from config.environment import BASE_DIR, env

SHORTEST_SECRET_KEY = 32
LONGEST_REQUEST_BODY = 5 * 1024 * 1024
YEAR_SECONDS = 365 * 24 * 3600

DEBUG = env.bool("DJANGO_DEBUG", default=False)
IS_PRODUCTION = not DEBUG and not services.database_is_embedded()
SECRET_KEY = services.secret_key()
if IS_PRODUCTION and (len(SECRET_KEY) < SHORTEST_SECRET_KEY or SECRET_KEY.startswith(("django-insecure", "change-me"))):
    raise ImproperlyConfigured(
        f"SECRET_KEY is missing, an example, or shorter than {SHORTEST_SECRET_KEY} characters. DATABASE_URL is set, so "
        "this is production: set SECRET_KEY to a long random text, for instance the output of `openssl rand -hex 32`."
    )
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# --- Addresses ------------------------------------------------------------------------------------------------------
PORT = env.int("RECKONER_PORT", default=8000)
# Where customers and staff reach this site; links in mails and documents start with it.
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
_PUBLIC = urlsplit(PUBLIC_URL)
# The machine's own names stay for health checks.
ALLOWED_HOSTS = [
    *env.list("ALLOWED_HOSTS", default=[]),
    *filter(None, [_PUBLIC.hostname]),
    "localhost",
    "127.0.0.1",
    "[::1]",
]
CSRF_TRUSTED_ORIGINS = [f"{_PUBLIC.scheme}://{_PUBLIC.netloc}"]
IS_HTTPS = _PUBLIC.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = YEAR_SECONDS if IS_HTTPS else 0
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
if env.bool("TRUST_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = LONGEST_REQUEST_BODY

# --- The rooms ------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "core",
    "customers",
    "ledger",
    "subscriptions",
    "usage",
    "invoicing",
    "billing",
    "notifications",
    "integrations",
    "backoffice",
]
MIDDLEWARE = [
    "core.request_id.request_id_middleware",
    "core.api.middleware.api_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Staff ----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "core.StaffUser"
LOGIN_URL = "admin:login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- Services -------------------------------------------------------------------------------------------------------
DATA_DIR = services.data_folder().path
EMBEDDED_SERVICES = services.embedded()
DATABASES = {"default": services.database()}
REDIS_URL = services.redis_url()
CACHES = {"default": services.cache()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
vars().update(env.email("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"billing@{_PUBLIC.hostname}")

# --- The back office -------------------------------------------------------------------------------------------------
UNFOLD = admin_settings.UNFOLD
FORMAT_MODULE_PATH = admin_settings.FORMAT_MODULE_PATH
LOGIN_REDIRECT_URL = admin_settings.LOGIN_REDIRECT_URL

# --- The API --------------------------------------------------------------------------------------------------------
API_KEY_PEPPERS = api_settings.api_key_peppers(SECRET_KEY)
API_BODY_LIMIT_BYTES = api_settings.API_BODY_LIMIT_BYTES
REST_FRAMEWORK = api_settings.REST_FRAMEWORK
SPECTACULAR_SETTINGS = api_settings.SPECTACULAR_SETTINGS

# --- Secrets kept for use ---------------------------------------------------------------------------------------------
ENCRYPTION_KEYS = api_settings.encryption_keys([SECRET_KEY, *SECRET_KEY_FALLBACKS])

# --- Payments -------------------------------------------------------------------------------------------------------
INSTANCE_MODE = payment_settings.INSTANCE_MODE
PAYMENT_PROVIDER = payment_settings.PAYMENT_PROVIDER
PROVIDER_RATES = payment_settings.PROVIDER_RATES
STRIPE_API_KEY = payment_settings.STRIPE_API_KEY
STRIPE_WEBHOOK_SECRETS = payment_settings.STRIPE_WEBHOOK_SECRETS
STRIPE_API_BASE = payment_settings.STRIPE_API_BASE
# Where customers come back to after their bank asked them to confirm a charge.
PAYMENT_RETURN_URL = env.str("PAYMENT_RETURN_URL", default="") or PUBLIC_URL
SANDBOX_LATENCY_MS = payment_settings.SANDBOX_LATENCY_MS
SANDBOX_TIMEOUT_PERCENT = payment_settings.SANDBOX_TIMEOUT_PERCENT
SANDBOX_DECLINE_PERCENT = payment_settings.SANDBOX_DECLINE_PERCENT
SANDBOX_UNAVAILABLE = payment_settings.SANDBOX_UNAVAILABLE

# --- Usage ----------------------------------------------------------------------------------------------------------
# How long after the end of an invoiced period its events are still accepted, and billed as late.
USAGE_LATE_DAYS = env.int("USAGE_LATE_DAYS", default=35)
USAGE_BATCH_LIMIT_BYTES = env.int("USAGE_BATCH_LIMIT_BYTES", default=4 * 1024 * 1024)

# Off where nobody listens: in the tests.
NUDGE_DISPATCHER = True

# --- Webhooks ---------------------------------------------------------------------------------------------------------
# Whether endpoints may be plain http and lie on this machine or in its own network.
WEBHOOK_LOCAL_TARGETS = env.bool("WEBHOOK_LOCAL_TARGETS", default=not IS_PRODUCTION and INSTANCE_MODE == "test")
# How long the log of deliveries is kept, with what was sent.
WEBHOOK_LOG_DAYS = env.int("WEBHOOK_LOG_DAYS", default=30)

# --- Messages ---------------------------------------------------------------------------------------------------------
# How long the words of messages are kept; that they were sent, and to whom, is kept longer.
MESSAGE_TEXT_DAYS = env.int("MESSAGE_TEXT_DAYS", default=90)

# --- Work in the background -----------------------------------------------------------------------------------------
TICK_SECONDS = 60
CELERY_BROKER_URL = services.broker_url()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=min(os.cpu_count() or 1, 4))
# A task does one chunk: whoever takes more than one at a time only keeps the others from it.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1_000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 500_000
# Outside Linux a forked process cannot rely on the system's libraries.
CELERY_WORKER_POOL_START_METHOD = "fork" if sys.platform == "linux" else "spawn"
# A hint expires with its tick: after an outage one tick runs, not one for each minute missed.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "tick": {"task": "billing.tasks.tick", "schedule": TICK_SECONDS, "options": {"expires": TICK_SECONDS}},
    "sweep": {"task": "billing.tasks.sweep", "schedule": TICK_SECONDS, "options": {"expires": TICK_SECONDS}},
    "simulate": {"task": "billing.tasks.simulate", "schedule": TICK_SECONDS, "options": {"expires": TICK_SECONDS}},
    # What an hour misses the next one announces, as long as it lies ahead.
    "announce": {
        "task": "billing.tasks.announce",
        "schedule": crontab(minute=7),
        "options": {"expires": 3600},
    },
    "keep_usage_totals": {
        "task": "usage.tasks.keep_totals",
        "schedule": TICK_SECONDS,
        "options": {"expires": TICK_SECONDS},
    },
    "deliver_webhooks": {
        "task": "notifications.tasks.deliver_webhooks",
        "schedule": TICK_SECONDS,
        "options": {"expires": TICK_SECONDS},
    },
    "send_messages": {
        "task": "notifications.tasks.send_messages",
        "schedule": TICK_SECONDS,
        "options": {"expires": TICK_SECONDS},
    },
    "purge_notifications": {
        "task": "notifications.tasks.purge",
        "schedule": crontab(hour=4, minute=7),
        "options": {"expires": 3600},
    },
    # Every night, because months end when their brands' calendars say so; what is recognised already is left alone.
    "recognise_revenue": {
        "task": "billing.tasks.recognise_revenue",
        "schedule": crontab(hour=2, minute=47),
        "options": {"expires": 3600},
    },
    # Every night at 03:17 UTC; a worker that comes back within the hour still does it.
    "prove_books": {
        "task": "billing.tasks.prove_books",
        "schedule": crontab(hour=3, minute=17),
        "options": {"expires": 3600},
    },
    # Every night at 04:07 UTC; what a missed night leaves the next one takes.
    "forget_answers": {
        "task": "core.tasks.forget_answers",
        "schedule": crontab(hour=4, minute=7),
        "options": {"expires": 3600},
    },
}

# --- Watching -------------------------------------------------------------------------------------------------------
# Whoever sends it may read /metrics; without one only this machine may.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Time, language, files ------------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "/static/"
_COLLECTED = BASE_DIR / "staticfiles"
_IS_COLLECTED = (_COLLECTED / "staticfiles.json").exists() or "collectstatic" in sys.argv[1:2]
# The image holds collected files, named by their content; a checkout serves them from where they lie.
STATIC_ROOT = _COLLECTED if _IS_COLLECTED else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _IS_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not _IS_COLLECTED
MEDIA_ROOT = DATA_DIR / "media"

# --- Logs -----------------------------------------------------------------------------------------------------------
LOGGING = logging.configure(
    log_format=env.str("LOG_FORMAT", default="auto"), level=env.str("LOG_LEVEL", default="INFO").upper()
)
