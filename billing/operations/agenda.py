"""Keep the agenda where the next due moment is."""

from billing.domain.cycle import due_moment
from core.operations import require_transaction
from customers.models import Agenda, Customer
from invoicing.queries.waiting import first_finalize_at
from subscriptions.models import Subscription


def refresh_agenda(customer: Customer) -> None:
    """Set when a customer is due next, from its subscriptions and from what waits, the customer locked by the caller.

    Raises RuntimeError outside a transaction.
    """
    require_transaction()
    moments = Subscription.objects.filter(customer=customer, next_due_at__isnull=False)
    ahead = (due_moment(moments.values_list("next_due_at", flat=True), customer.zone), first_finalize_at(customer.id))
    due_at = min((moment for moment in ahead if moment is not None), default=None)
    Agenda.objects.update_or_create(
        customer=customer, defaults={"due_at": due_at, "test_clock_id": customer.test_clock_id}
    )
