"""Tell what will be billed in the months ahead; nothing is written."""

import json
import uuid
from argparse import ArgumentParser
from collections import defaultdict
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from billing.api.forecasts import forecast_body
from billing.domain.dunning_ahead import Payments
from billing.domain.expected_usage import Assumption
from billing.domain.future import Forecast, FutureDocument, FutureRefund, cash_by_month, in_order
from billing.operations.simulating import (
    MOST_MONTHS,
    Failed,
    Simulation,
    count_ahead,
    one_snapshot,
    simulate_all,
    simulate_customer,
)
from core.clock import wall_now
from core.domain.money import Money, format_money
from core.domain.schedule import local_date
from customers import queries as customer_queries


class Command(BaseCommand):
    """Simulate one customer, or everybody on the wall clock."""

    help = "Simulate the months ahead on live data: invoices, credit notes and the cash expected; write nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--customer", help="this customer only (its id)")
        parser.add_argument("--months", type=int, default=12, help=f"how far ahead, 1 to {MOST_MONTHS} (default: 12)")
        parser.add_argument(
            "--usage",
            choices=[one.value for one in Assumption],
            default=Assumption.LAST_PERIOD.value,
            help="what is used in the time ahead (default: what the last whole period had)",
        )
        parser.add_argument(
            "--payments",
            choices=[one.value for one in Payments],
            default=Payments.MADE.value,
            help="whether they are made when expected (default), or every one fails and dunning does what it does",
        )
        parser.add_argument("--json", action="store_true", help="a line of JSON for each customer")

    def handle(self, *args: Any, **options: Any) -> None:
        """Simulate and print. Raises CommandError when a customer could not be computed."""
        if not 1 <= options["months"] <= MOST_MONTHS:
            raise CommandError(f"--months must lie between 1 and {MOST_MONTHS}")
        payments = Payments(options["payments"])
        wanted = Simulation(wall_now(), options["months"], Assumption(options["usage"]), payments=payments)
        failed = self._one(options["customer"], wanted, options) if options["customer"] else self._all(wanted, options)
        if failed:
            raise CommandError(f"{failed} customers could not be simulated")

    def _one(self, customer: str, wanted: Simulation, options: dict[str, Any]) -> int:
        """Simulate one customer, by its own clock. Raises CommandError for an unknown one."""
        try:
            found = customer_queries.find_customer(uuid.UUID(customer))
        except ValueError:
            raise CommandError(f"--customer {customer!r} is not an id") from None
        if found is None:
            raise CommandError(f"no customer has the id {customer}")
        now = customer_queries.now_of(found, wanted.now)
        told = simulate_customer(found.id, replace(wanted, now=now))
        self._print(told, options)
        self._cash(cash_by_month(told.cash), options)
        return 0

    def _all(self, wanted: Simulation, options: dict[str, Any]) -> int:
        """Simulate everybody, and return how many could not be."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        failed = 0
        with one_snapshot(), tqdm(total=count_ahead(), unit="customer", desc="simulating", disable=None) as bar:
            for told in simulate_all(wanted):
                bar.update()
                if isinstance(told, Failed):
                    failed += 1
                    self.stderr.write(f"customer {told.customer_id} cannot be simulated: {told.reason}")
                    continue
                self._print(told, options)
                for month, currency, minor in cash_by_month(told.cash):
                    sums[month, currency] += minor
        self._cash([(*key, minor) for key, minor in sorted(sums.items())], options)
        return failed

    def _print(self, told: Forecast, options: dict[str, Any]) -> None:
        """Print one customer's future."""
        if options["json"]:
            self.stdout.write(json.dumps(forecast_body(told), default=str))
            return
        party = told.account.party
        for document in in_order(told):
            if isinstance(document, FutureRefund):
                self._print_refund(document, party["company_name"] or party["email"])
            else:
                self._print_document(document)
        for one in told.dunning:
            due = format_money(Money(one.amount_minor, one.currency), "en")
            self.stdout.write(f"{local_date(one.moment, told.account.zone)} dunning: {one.word}, {due}")
        for words in told.refused:
            self.stderr.write(f"{told.account.customer_id}: {words}")

    def _print_refund(self, document: FutureRefund, name: str) -> None:
        """Print a credit note that gives back what a period was charged; its lines negative, as on the note."""
        made = document.refund
        total = format_money(Money(-made.total_minor, made.currency), "en")
        self.stdout.write(f"{document.issue_date} credit note for {name}: {total}")
        for line, part in made.lines:
            net = format_money(Money(-part.net_minor, made.currency), "en")
            period = f"{line.rest.period_start:%Y-%m-%d} to {line.rest.period_end:%Y-%m-%d}"
            self.stdout.write(f"    {line.description} ({line.kind}), {period}: {net} net")

    def _print_document(self, document: FutureDocument) -> None:
        """Print one document with its lines."""
        made = document.proposal
        name = made.account.party["company_name"] or made.account.party["email"]
        kind = "credit note" if made.is_credit else "invoice"
        due = "" if made.is_credit else f", due {made.due_date}"
        total = format_money(Money(made.total_minor, made.currency), "en")
        self.stdout.write(f"{made.occasion.issue_date} {kind} for {name}: {total}{due}")
        for line in made.lines:
            net = format_money(Money(line.tax.net_minor, made.currency), "en")
            charge = line.charge
            period = f"{charge.period_start:%Y-%m-%d} to {charge.period_end:%Y-%m-%d}"
            self.stdout.write(f"    {charge.description} ({charge.kind}), {period}: {net} net")

    def _cash(self, rows: Any, options: dict[str, Any]) -> None:
        """Print the cash expected a month and currency."""
        if options["json"]:
            cash = [{"month": month, "currency": currency, "amount": minor} for month, currency, minor in rows]
            self.stdout.write(json.dumps({"cash": cash}))
            return
        for month, currency, minor in rows:
            self.stdout.write(f"cash {month}: {format_money(Money(minor, currency), 'en')}")
