"""What the scheduler asks of the plumbing: any message may be lost, late or doubled."""

from celery import shared_task

from core import operations_idempotency
from core.clock import wall_now


@shared_task(name="core.tasks.forget_answers")
def forget_answers() -> None:
    """Delete the answers that were kept for requests sent again, a day after they were given."""
    operations_idempotency.purge(wall_now())
