"""Bill everybody who is due."""

import uuid
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from billing.operations import charging
from billing.operations.runs import COMMAND, bill_due
from billing.run.claiming import CHUNK, Scope, count_due, list_due
from billing.run.engine import Tally, propose_outcomes
from billing.run.parallel import bill_in_processes
from billing.run.reading import read_accounts
from core.clock import wall_now
from core.domain.money import Money, format_money
from core.operations_instance import InstanceHeld, require_running
from customers.models import Customer
from invoicing.domain.assembly import Proposal
from invoicing.operations import tax_turnover
from invoicing.queries.tax import get_tax_world


class Command(BaseCommand):
    """Run billing now; interrupted, it can be repeated and bills nothing twice."""

    help = "Bill every customer who is due, then charge the cards."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--as-of", help="bill what is due at this moment (ISO 8601; default: now)")
        parser.add_argument("--customer", help="bill this customer only (its id)")
        parser.add_argument("--dry-run", action="store_true", help="print the invoices it would make; write nothing")
        parser.add_argument("--workers", type=int, default=1, help="processes that bill side by side (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Bill, charge, and print what was done."""
        scope = _scope(options["as_of"], options["customer"])
        if options["dry_run"]:
            self._dry_run(scope)
            return
        try:
            self._bill(scope, options["workers"])
        except InstanceHeld as held:
            raise CommandError(held.message) from held

    def _bill(self, scope: Scope, workers: int) -> None:
        """Bill and charge. Raises InstanceHeld, CommandError when customers had to be parked."""
        require_running()
        # The run reads the sales of closed days as a few rows; those of other days it sums from their documents.
        tax_turnover.close_days(now=scope.now)
        total = count_due(scope)
        with tqdm(total=total, unit="customer", desc="billing", disable=None) as bar:

            def progress(tally: Tally) -> None:
                bar.update(tally.customers + tally.parked - bar.n)

            if workers > 1:
                tally = bill_in_processes(scope, workers=workers, progress=progress)
            else:
                tally = bill_due(scope, trigger=COMMAND, clock=wall_now, progress=progress).tally
        charged = charging.charge_due(scope.as_of)
        self.stdout.write(
            f"{tally.customers} customers, {tally.invoices} invoices, {tally.credit_notes} credit notes; "
            f"{charged.succeeded} cards charged, {charged.failed} declined"
        )
        if tally.parked:
            raise CommandError(f"{tally.parked} customers could not be billed and are parked; see the back office")

    def _dry_run(self, scope: Scope) -> None:
        """Print the documents a run would make, in chunks, and write nothing."""
        made = 0
        due = list_due(scope)
        for start in range(0, len(due), CHUNK):
            chunk = due[start : start + CHUNK]
            outcomes, failures = propose_outcomes(read_accounts(chunk), scope.as_of, get_tax_world(scope.as_of))
            for proposal in (proposal for outcome in outcomes for proposal in outcome.proposals):
                made += 1
                self._print(proposal)
            for customer_id, reason in failures.items():
                self.stderr.write(f"customer {customer_id} cannot be billed: {reason}")
        self.stdout.write(f"{made} documents would be made; nothing was written")

    def _print(self, proposal: Proposal) -> None:
        """Print one document with its lines."""
        name = proposal.account.party["company_name"] or proposal.account.party["email"]
        kind = "credit note" if proposal.is_credit else "invoice"
        total = format_money(Money(proposal.total_minor, proposal.currency), "en")
        self.stdout.write(f"{kind} for {name}: {total} ({proposal.occasion.moment:%Y-%m-%d %H:%M} UTC)")
        for line in proposal.lines:
            net = format_money(Money(line.tax.net_minor, proposal.currency), "en")
            charge = line.charge
            period = f"{charge.period_start:%Y-%m-%d} to {charge.period_end:%Y-%m-%d}"
            self.stdout.write(f"    {charge.description} ({charge.kind}), {period}: {net} net")


def _scope(as_of: str | None, customer: str | None) -> Scope:
    """Read the options. Raises CommandError that says what is wrong with them."""
    now = wall_now()
    if as_of is None:
        moment = now
    else:
        try:
            moment = datetime.fromisoformat(as_of)
        except ValueError:
            raise CommandError(f"--as-of {as_of!r} is not an ISO 8601 moment") from None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if customer is None:
        return Scope(moment, now)
    try:
        found = Customer.objects.filter(id=uuid.UUID(customer)).first()
    except ValueError:
        raise CommandError(f"--customer {customer!r} is not an id") from None
    if found is None:
        raise CommandError(f"no customer has the id {customer}")
    return Scope(moment, now, test_clock_id=found.test_clock_id, customer_ids=(found.id,))
