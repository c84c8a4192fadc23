"""Put the twin in Stripe's place: one for each process of the tests, emptied before each test."""

from functools import cache

from pytest_django.fixtures import Settings

from billing.providers.pacing import Pace
from billing.providers.stripe import StripeProvider
from tests.stripe_twin.server import API_KEY, SECRET, Twin


@cache
def the_twin() -> Twin:
    """Return this process's twin, started when first asked for."""
    return Twin()


def use_twin(settings: Settings) -> Twin:
    """Have cards kept by Stripe, whose place the twin takes."""
    twin = the_twin()
    twin.reset()
    settings.STRIPE_API_KEY = API_KEY
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    settings.STRIPE_API_BASE = twin.api_base
    settings.PAYMENT_RETURN_URL = "https://app.example.com/billing"
    settings.PAYMENT_PROVIDER = StripeProvider.name
    settings.PROVIDER_RATES = {}
    settings.INSTANCE_MODE = "test"
    return twin


def make_healthy() -> None:
    """Forget the provider's failures, which Redis keeps from test to test."""
    Pace(StripeProvider.name).note_answer()
