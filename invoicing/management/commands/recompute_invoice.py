"""`manage.py recompute_invoice NUMBER`: make a document again from its stored proofs."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.domain.money import Money, format_money
from core.errors import BillingError
from invoicing.domain.recomputing import Recount
from invoicing.queries.recomputing import RecountedDocument, recompute_numbered


class Command(BaseCommand):
    """Show, line by line, that the stored amounts are what their proofs make; changes nothing."""

    help = "Make an invoice or credit note again from its lines' proofs; exits with 1 when a number differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare which document."""
        parser.add_argument("number", metavar="NUMBER", help="the number of an invoice or a credit note")
        parser.add_argument("--brand", default="", metavar="CODE", help="of this brand, where several share the number")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each line's numbers, stored and made again."""
        try:
            documents = recompute_numbered(options["number"], options["brand"])
        except BillingError as error:
            raise CommandError(error.message) from error
        for document in documents:
            for text in _report(document):
                self.stdout.write(text)
        different = [document for document in documents if not document.is_equal]
        if different:
            raise CommandError(f"{', '.join(document.number for document in different)}: differs from its proofs")


def _report(document: RecountedDocument) -> Iterator[str]:
    """Yield a document's report."""
    yield f"{document.kind.replace('_', ' ').capitalize()} {document.number} ({document.brand_code})"
    for recounted in document.lines:
        line = recounted.line
        yield f"  {line.position}. {line.description} [{line.kind}] {line.proof.get('steps', '')}".rstrip()
        if recounted.missing:
            yield f"     DIFFERS  the proof lacks {recounted.missing}"
        for one in recounted.recounts:
            yield f"     {_verdict(one, document.currency)}"
    for one in document.totals:
        yield f"  {_verdict(one, document.currency)}"
    yield "equal" if document.is_equal else "DIFFERENT"


def _verdict(one: Recount, currency: str) -> str:
    """Return one number in words."""
    stored, computed = (format_money(Money(int(value), currency), "en") for value in (one.stored, one.computed))
    return f"equal    {one.name} {stored}" if one.is_equal else f"DIFFERS  {one.name} {stored}, computed {computed}"
