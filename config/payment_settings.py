"""Settings of payments: who keeps new cards, how fast providers are called, the sandbox's trouble on demand."""

from config.environment import env

PAYMENT_PROVIDER = env.str("PAYMENT_PROVIDER", default="sandbox")
# Calls a second by provider, `name=number,name=number`; the sandbox has no limit.
PROVIDER_RATES = {name: int(rate) for name, rate in env.dict("PROVIDER_RATES", default={}).items()}
SANDBOX_LATENCY_MS = env.int("SANDBOX_LATENCY_MS", default=0)
SANDBOX_TIMEOUT_PERCENT = env.float("SANDBOX_TIMEOUT_PERCENT", default=0.0)
SANDBOX_DECLINE_PERCENT = env.float("SANDBOX_DECLINE_PERCENT", default=0.0)
SANDBOX_UNAVAILABLE = env.bool("SANDBOX_UNAVAILABLE", default=False)
# Whether real money moves: a live provider key makes an instance live. The sandbox and transfers have no keys.
INSTANCE_MODE = "test"
