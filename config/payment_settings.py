"""Settings of payments: who keeps new cards, how fast providers are called, Stripe's account, the sandbox's trouble."""

from django.core.exceptions import ImproperlyConfigured

from config.environment import env

PAYMENT_PROVIDER = env.str("PAYMENT_PROVIDER", default="sandbox")
STRIPE_API_KEY = env.str("STRIPE_API_KEY", default="")
# Several while one replaces another.
STRIPE_WEBHOOK_SECRETS = env.list("STRIPE_WEBHOOK_SECRETS", default=[])
# Another address than Stripe's own, for tests.
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="").rstrip("/")

if STRIPE_API_KEY and not STRIPE_API_KEY.startswith(("sk_live_", "rk_live_", "sk_test_", "rk_test_")):
    raise ImproperlyConfigured("STRIPE_API_KEY is none of Stripe's secret keys: they begin with sk_live_ or sk_test_.")
if PAYMENT_PROVIDER == "stripe" and not STRIPE_API_KEY:
    raise ImproperlyConfigured("PAYMENT_PROVIDER is stripe: set STRIPE_API_KEY to the secret key of your account.")
# Whether real money moves: a live provider key makes an instance live. The sandbox and transfers have no keys.
INSTANCE_MODE = "live" if STRIPE_API_KEY.startswith(("sk_live_", "rk_live_")) else "test"
# Calls a second by provider, `name=number,name=number`; the sandbox has no limit. Stripe allows 100 live, 25 in test.
PROVIDER_RATES = {
    "stripe": 100 if INSTANCE_MODE == "live" else 25,
    **{name: int(rate) for name, rate in env.dict("PROVIDER_RATES", default={}).items()},
}
SANDBOX_LATENCY_MS = env.int("SANDBOX_LATENCY_MS", default=0)
SANDBOX_TIMEOUT_PERCENT = env.float("SANDBOX_TIMEOUT_PERCENT", default=0.0)
SANDBOX_DECLINE_PERCENT = env.float("SANDBOX_DECLINE_PERCENT", default=0.0)
SANDBOX_UNAVAILABLE = env.bool("SANDBOX_UNAVAILABLE", default=False)
