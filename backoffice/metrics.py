"""`/metrics`: the state of the engine for Prometheus (docs/operations.md lists each figure with its alarm)."""

import hmac
import ipaddress
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from backoffice.queries.watching import (
    Figures,
    InstanceFigures,
    RedisFigures,
    TellingFigures,
    read_figures,
    read_redis_figures,
)
from core.clock import wall_now
from core.services.errors import ServiceError
from core.version import reckoner_version
from usage.operations.counting import flush_counts

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the figures in Prometheus' text format.

    With METRICS_TOKEN set only its bearer is answered; without it only this machine, and nobody through a proxy.
    """
    if settings.METRICS_TOKEN:
        if not _has_token(request):
            return _refuse("Send the token: Authorization: Bearer METRICS_TOKEN.", 401)
    elif not _is_from_here(request):
        return _refuse("Set METRICS_TOKEN to be answered from elsewhere than this machine.", 403)
    now = wall_now()
    flush_counts()
    try:
        figures = read_figures(now)
    except (DatabaseError, ServiceError):
        return _refuse("The database does not answer.", 503)
    registry = CollectorRegistry()
    registry.register(_FiguresCollector(figures, read_redis_figures(now)))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest) -> bool:
    """Tell whether the request carries the token; how long that takes tells nothing of it."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    is_same = hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    return is_same and scheme.lower() == "bearer"


def _is_from_here(request: HttpRequest) -> bool:
    """Tell whether the request comes from this machine itself; a proxy on it speaks for others."""
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return address.is_loopback and not any(name in request.META for name in FORWARDED)


def _refuse(words: str, status: int) -> HttpResponse:
    response = HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")
    if status == 401:  # noqa: PLR2004 - HTTP's number
        response["WWW-Authenticate"] = "Bearer"
    return response


class _FiguresCollector(Collector):
    """Figures read once, in Prometheus' words."""

    def __init__(self, figures: Figures, redis: RedisFigures | None) -> None:
        self.figures = figures
        self.redis = redis

    def collect(self) -> Iterable[Metric]:
        """Return every metric."""
        yield from _instance_metrics(self.figures.instance)
        yield from _work_metrics(self.figures)
        yield from _telling_metrics(self.figures.telling)
        yield GaugeMetricFamily("reckoner_redis_up", "1 while Redis answers.", float(self.redis is not None))
        if self.redis is not None:
            yield from _redis_metrics(self.redis)


def _instance_metrics(instance: InstanceFigures) -> Iterator[Metric]:
    yield InfoMetricFamily("reckoner", "What this instance is.", {"version": reckoner_version(), "mode": instance.mode})
    yield GaugeMetricFamily(
        "reckoner_held", "1 while nothing is billed or charged, until `manage.py resume`.", float(instance.is_held)
    )
    # What never happened has no age: Prometheus' absent() tells it apart.
    if instance.worker_seen_age is not None:
        words = "Seconds since a worker last did a tick; it does one a minute."
        yield GaugeMetricFamily("reckoner_worker_heartbeat_age_seconds", words, instance.worker_seen_age)
    if instance.books_checked_age is not None:
        words = "Seconds since the books were last proved; that is done every night."
        yield GaugeMetricFamily("reckoner_books_check_age_seconds", words, instance.books_checked_age)
        words = "Breaches found when the books were last proved."
        yield GaugeMetricFamily("reckoner_books_breaches", words, float(instance.books_breaches or 0))


def _work_metrics(figures: Figures) -> Iterator[Metric]:
    gauges = (
        ("due_customer_age_seconds", "How long the customer waits who is due longest; 0: nobody.", figures.due_age),
        (
            "due_customers",
            "Customers due and not billed yet, without parked ones; 20 000 stands for more.",
            figures.due_customers,
        ),
        ("parked_customers", "Customers that could not be billed.", figures.parked_customers),
        (
            "unknown_payment_age_seconds",
            "How long the charge is open whose outcome is unknown longest; 0: none.",
            figures.unknown_payment_age,
        ),
        ("unknown_payments", "Charges being made, or whose outcome is unknown.", figures.unknown_payments),
        (
            "payment_attempts_open",
            "Attempts to charge that wait for their day or outcome; 20 000 stands for more.",
            figures.open_attempts,
        ),
        ("provider_notice_age_seconds", "How long the oldest notice of a provider waits; 0: none.", figures.notice_age),
        ("provider_notices_failed", "Notices of providers that could not be handled.", figures.failed_notices),
        ("disputes_open", "Disputes that are not decided.", figures.open_disputes),
        ("payment_attempts_due", "Those of them that are due.", figures.due_attempts),
        (
            "dunning_processes",
            "Unpaid invoices with a next step of dunning ahead; 20 000 stands for more.",
            figures.dunning_processes,
        ),
        (
            "dunning_step_age_seconds",
            "How long the step of dunning waits that is due longest; 0: none.",
            figures.dunning_age,
        ),
        (
            "dunning_failed",
            "Processes whose step, or begin, could not be done; their pages say why.",
            figures.failed_dunning,
        ),
    )
    for name, words, value in gauges:
        yield GaugeMetricFamily(f"reckoner_{name}", words, float(value))
    documents = CounterMetricFamily("reckoner_documents_finalised", "Documents that got a number.", labels=["kind"])
    for kind, count in figures.documents.items():
        documents.add_metric([kind], count)
    yield documents


def _telling_metrics(figures: TellingFigures) -> Iterator[Metric]:
    gauges = (
        ("outbox_age_seconds", "How long the oldest fact waits to be handed to webhooks; 0: none.", figures.outbox_age),
        ("outbox_facts", "Facts not handed on yet; 20 000 stands for more.", figures.outbox_facts),
        ("webhooks_pending", "Deliveries that did not arrive yet; 20 000 stands for more.", figures.pending_webhooks),
        ("webhook_endpoints_failing", "Endpoints that took nothing since they last failed.", figures.failing_endpoints),
        (
            "webhook_endpoints_disabled",
            "Endpoints that were disabled because they failed for days or are gone.",
            figures.disabled_endpoints,
        ),
    )
    for name, words, value in gauges:
        yield GaugeMetricFamily(f"reckoner_{name}", words, float(value))


def _redis_metrics(figures: RedisFigures) -> Iterator[Metric]:
    yield GaugeMetricFamily("reckoner_queue_length", "Hints no worker has taken up.", float(figures.queue_length))
    words = "How long the oldest of them waits; 0: none."
    yield GaugeMetricFamily("reckoner_queue_age_seconds", words, figures.queue_age)
    words = "1 while a provider is left alone: ten calls in a row had no answer."
    paused = GaugeMetricFamily("reckoner_provider_paused", words, labels=["provider"])
    for provider, is_paused in figures.paused_providers.items():
        paused.add_metric([provider], float(is_paused))
    yield paused
    words = "Usage events by what became of them."
    events = CounterMetricFamily("reckoner_events", words, labels=["outcome", "reason"])
    for one in figures.event_counts:
        events.add_metric([one.outcome, one.reason], one.count)
    yield events
