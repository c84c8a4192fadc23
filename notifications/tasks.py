"""Hints for the worker: any of them may be lost, late or doubled, because rows carry the work."""

import structlog
from celery import shared_task

from core.clock import wall_now
from core.operations_instance import InstanceHeld
from notifications.operations import delivering, purging, sending

MESSAGES_A_SWEEP = 500

log = structlog.get_logger(__name__)


@shared_task(name="notifications.tasks.deliver_webhooks")
def deliver_webhooks() -> None:
    """Do what the dispatcher left, or all there is where none runs, unless the instance is held."""
    try:
        delivering.deliver_due(wall_now)
    except InstanceHeld as held:
        log.warning("instance_held", reason=held.message)


@shared_task(name="notifications.tasks.send_messages")
def send_messages() -> None:
    """Send the messages that are due, unless the instance is held."""
    try:
        sending.send_due(wall_now(), limit=MESSAGES_A_SWEEP)
    except InstanceHeld as held:
        log.warning("instance_held", reason=held.message)


@shared_task(name="notifications.tasks.purge")
def purge() -> None:
    """Take away what is kept long enough."""
    purging.purge_webhooks(now=wall_now())
    purging.purge_messages(now=wall_now())
