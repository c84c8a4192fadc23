"""Keep the agenda where the next due moment is."""

from billing.domain.cycle import due_moment
from core.operations import require_transaction
from customers.models import Agenda, Customer
from subscriptions.models import Subscription


def refresh_agenda(customer: Customer) -> None:
    """Set when a customer is due next from its subscriptions, in the caller's transaction, the customer locked.

    Raises RuntimeError outside a transaction.
    """
    require_transaction()
    moments = Subscription.objects.filter(customer=customer, next_due_at__isnull=False)
    due_at = due_moment(moments.values_list("next_due_at", flat=True), customer.zone)
    Agenda.objects.update_or_create(
        customer=customer, defaults={"due_at": due_at, "test_clock_id": customer.test_clock_id}
    )
