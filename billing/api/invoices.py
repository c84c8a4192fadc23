"""Invoices: as they stand, made by hand, and drafts."""

import uuid
from datetime import datetime

from django.http import HttpResponse
from rest_framework.request import Request

from billing.api.papers import PaperInput, paper_wanted
from billing.operations import manual_invoices as operations
from billing.operations.drafts import finalize_draft
from core.api.fields import FlagField, IdField
from core.api.schema import describe
from core.api.views import ApiView, answer_created, answer_json, answer_nothing
from core.errors import Invalid
from customers import queries as customer_queries
from customers.models import Customer
from invoicing.api.serializers import InvoiceAnswer, InvoiceListParameters
from invoicing.models import Invoice
from invoicing.queries import invoices as queries
from invoicing.queries.invoices import InvoiceFilter


class InvoiceInput(PaperInput):
    """What a manual invoice asks for."""

    answered = frozenset(InvoiceAnswer().fields)

    customer = IdField()
    draft = FlagField(required=False, help_text="Whether it waits to be finalised; without it, it is issued at once.")


class DraftInput(PaperInput):
    """What a draft shall charge from now on; what is sent takes the place of all its lines."""

    answered = frozenset(InvoiceAnswer().fields)


class InvoiceList(ApiView):
    """`/invoice`."""

    parameters = {"GET": InvoiceListParameters}

    @describe("List invoices", gives=InvoiceAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first, drafts included."""
        wanted = InvoiceFilter(
            status=self.query.get("status", ""),
            customer_id=self.query.get("customer"),
            number=self.query.get("number", ""),
            created_from=self.query.get("created_from"),
            created_to=self.query.get("created_to"),
        )
        return self.list_of(queries.list_invoices(wanted), InvoiceAnswer)

    @describe(
        "Make an invoice by hand",
        takes=InvoiceInput,
        gives=InvoiceAnswer,
        status=201,
        errors=(409,),
        request_example={
            "customer": "01890a5d-ac96-774b-bcce-b302099a8057",
            "items": [{"description": "Training", "amount": 5000, "currency": "EUR"}],
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """One period of plans' prices, and items; a card is charged soon after, like for any invoice."""
        values = self.read(InvoiceInput)
        customer = _customer(values["customer"])
        invoice = operations.create_invoice(
            customer_id=customer.id,
            wanted=paper_wanted(values),
            draft=values.get("draft", False),
            now=customer_queries.now_of(customer, self.now),
            actor=self.actor,
        )
        return answer_created(InvoiceAnswer, invoice, "invoice")


def _customer(customer_id: uuid.UUID) -> Customer:
    """Return the customer a body names. Raises Invalid."""
    customer = customer_queries.find_customer(customer_id)
    if customer is None:
        raise Invalid("There is no such customer.", fields={"customer": "There is no such customer."})
    return customer


class InvoiceDetail(ApiView):
    """`/invoice/{id}`."""

    @describe("Read an invoice", gives=InvoiceAnswer)
    def get(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """One invoice with its lines."""
        return answer_json(InvoiceAnswer().to_representation(queries.get_invoice(invoice_id)))

    @describe("Change a draft", takes=DraftInput, changes=True, gives=InvoiceAnswer, errors=(409,))
    def put(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """Its lines are replaced by those sent; without any it stays. 409 for what was not made by hand as a draft."""
        invoice = queries.get_invoice(invoice_id)
        values = self.read(DraftInput, partial=True)
        changed = operations.update_draft(
            invoice_id,
            paper_wanted(values) if values else None,
            now=_now_of(invoice, self),
            actor=self.actor,
        )
        return answer_json(InvoiceAnswer().to_representation(changed))

    @describe("Delete a draft", status=204, errors=(409,))
    def delete(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """409 for what was not made by hand as a draft."""
        invoice = queries.get_invoice(invoice_id)
        operations.delete_draft(invoice_id, now=_now_of(invoice, self), actor=self.actor)
        return answer_nothing()


class InvoiceFinalize(ApiView):
    """`/invoice/{id}/finalize`."""

    @describe("Finalise a draft", gives=InvoiceAnswer, errors=(409,))
    def post(self, request: Request, invoice_id: uuid.UUID) -> HttpResponse:
        """It is priced and taxed afresh, and gets its number. 409 when it is no draft, or its charge decides."""
        invoice = queries.get_invoice(invoice_id)
        finalized = finalize_draft(invoice_id, now=_now_of(invoice, self), actor=self.actor)
        return answer_json(InvoiceAnswer().to_representation(finalized))


def _now_of(invoice: Invoice, view: ApiView) -> datetime:
    """Return the moment it is for an invoice's customer."""
    return customer_queries.now_of(invoice.customer, view.now)
