"""The providers of this instance, by name. Adding one is a module and a line here (docs/providers.md)."""

from collections.abc import Callable

from django.conf import settings

from billing.providers.base import Provider
from billing.providers.manual import ManualProvider
from billing.providers.sandbox import SandboxProvider
from core.queries_api_keys import instance_mode

SANDBOX = SandboxProvider.name
MANUAL = ManualProvider.name
STRIPE = "stripe"


class UnknownProvider(LookupError):
    """A provider that this instance does not have."""


def get_provider(name: str) -> Provider:
    """Return the provider of that name, set up as the settings say now. Raises UnknownProvider."""
    maker = _makers().get(name)
    if maker is None:
        raise UnknownProvider(f"There is no payment provider {name!r}; known are {', '.join(sorted(_makers()))}.")
    return maker()


def provider_names() -> tuple[str, ...]:
    """Return the names of all providers that are set up."""
    return tuple(_makers())


def card_provider_name() -> str:
    """Return the provider that keeps new cards: the setting PAYMENT_PROVIDER, else the sandbox."""
    name: str = settings.PAYMENT_PROVIDER
    return name


def _makers() -> dict[str, Callable[[], Provider]]:
    makers: dict[str, Callable[[], Provider]] = {SANDBOX: SandboxProvider.from_settings, MANUAL: ManualProvider}
    if settings.STRIPE_API_KEY:
        makers[STRIPE] = _make_stripe
    return makers


def _make_stripe() -> Provider:
    """Return Stripe, closed where the key is of another mode than this instance began in: the mode never changes."""
    # Its library takes most of a second to load, which who has no account with it should not wait for.
    from billing.providers.stripe import StripeProvider

    began, now = instance_mode(), settings.INSTANCE_MODE
    refusal = "" if began == now else f"STRIPE_API_KEY is a {now} key, and this instance began in {began} mode."
    return StripeProvider.from_settings(refusal=refusal)
