"""The providers of this instance, by name. Adding one is a module and a line here."""

from collections.abc import Callable

from django.conf import settings

from billing.providers.base import Provider
from billing.providers.manual import ManualProvider
from billing.providers.sandbox import SandboxProvider

SANDBOX = SandboxProvider.name
MANUAL = ManualProvider.name

_MAKERS: dict[str, Callable[[], Provider]] = {
    SANDBOX: SandboxProvider.from_settings,
    MANUAL: ManualProvider,
}


class UnknownProvider(LookupError):
    """A provider that this instance does not have."""


def get_provider(name: str) -> Provider:
    """Return the provider of that name, set up as the settings say now. Raises UnknownProvider."""
    maker = _MAKERS.get(name)
    if maker is None:
        raise UnknownProvider(f"There is no payment provider {name!r}; known are {', '.join(sorted(_MAKERS))}.")
    return maker()


def provider_names() -> tuple[str, ...]:
    """Return the names of all providers."""
    return tuple(_MAKERS)


def card_provider_name() -> str:
    """Return the provider that keeps new cards: the setting PAYMENT_PROVIDER, else the sandbox."""
    name: str = settings.PAYMENT_PROVIDER
    return name
