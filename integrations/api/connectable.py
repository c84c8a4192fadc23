"""Connectable: users with their billing, invoices and cards, under `/api/users`."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from billing.operations import cards
from billing.tasks import hint_sweep
from core.api.views import ApiView, answer_json, answer_nothing
from core.domain.access import Scope
from core.errors import Invalid, NotFound
from core.operations_idempotency import resumed_resource
from customers import queries as customer_queries
from customers.models import Customer, PaymentMethod
from integrations.api.connectable_inputs import (
    LIMIT_DEFAULT,
    BillingInput,
    CardFactsInput,
    InvoicePageParameters,
    SourceInput,
    UserInput,
    token_of,
)
from integrations.api.inputs import LenientParameters
from integrations.api.schema import describe_neighbour
from integrations.domain import connectable as shapes
from integrations.operations import connectable as operations
from integrations.queries import connectable_billing, connectable_cards, connectable_invoices
from integrations.queries.agreed import id_of
from integrations.queries.connectable_users import get_user, get_user_with_billing, show_user

NAME = "connectable"
USER_EXAMPLE = {"email": "ada@example.com", "name": "Ada Lovelace", "nickname": "ada"}
CARD_FACTS = frozenset(CardFactsInput().fields)


class ConnectableView(ApiView):
    """A path of Connectable. What it does not know in a query string is passed over."""

    other_parameters = LenientParameters

    def now_of(self, customer: Customer) -> datetime:
        """Return the moment it is for a customer."""
        return customer_queries.now_of(customer, self.now)

    def answer_billing(self, customer: Customer, status: int = 200) -> HttpResponse:
        """Answer a customer's billing as it stands."""
        return answer_json(connectable_billing.get_billing(customer, self.now_of(customer)), status)


class UserList(ConnectableView):
    """`/users`."""

    @describe_neighbour(
        NAME,
        "createUser",
        "Create a user",
        takes=UserInput,
        answers={201: shapes.Customer},
        request_example=USER_EXAMPLE,
    )
    def post(self, request: Request) -> HttpResponse:
        """Nothing is needed; its billing is answered, whose `id` is the user's."""
        customer = operations.create_user(self.read(UserInput), actor=self.actor, now=self.now)
        return self.answer_billing(customer, 201)


class UserDetail(ConnectableView):
    """`/users/{id}`."""

    scopes = {"DELETE": Scope.ADMIN}

    @describe_neighbour(NAME, "getUser", "Read a user", answers={200: shapes.User})
    def get(self, request: Request, user: str) -> HttpResponse:
        """By its id, or by the customer's reference."""
        return answer_json(show_user(get_user(user)))

    @describe_neighbour(
        NAME,
        "updateUser",
        "Change a user",
        takes=UserInput,
        changes=True,
        answers={200: shapes.User},
        request_example=USER_EXAMPLE,
    )
    def put(self, request: Request, user: str) -> HttpResponse:
        """What is left out stays; null and "" clear."""
        customer = get_user(user)
        told = self.read(UserInput, partial=True)
        return answer_json(show_user(operations.update_user(customer, told, actor=self.actor, now=self.now)))

    @describe_neighbour(NAME, "deleteUser", "Delete a user", answers={200: OpenApiTypes.STR}, errors=(409, 503))
    def delete(self, request: Request, user: str) -> HttpResponse:
        """The customer is erased: subscriptions end, cards are removed, finalised invoices stay. Answers the id."""
        customer = get_user(user)
        operations.delete_user(customer, actor=self.actor, now=self.now)
        hint_sweep()
        return answer_json(str(customer.id))


class Billing(ConnectableView):
    """`/users/{id}/billing`."""

    # Making a card the default is a transaction of its own.
    calls_provider = True

    @describe_neighbour(NAME, "getBilling", "Read a user's billing", answers={200: shapes.Customer})
    def get(self, request: Request, user: str) -> HttpResponse:
        """The customer with its subscriptions, cards, discount and balance; 404 once it was deleted."""
        return self.answer_billing(get_user_with_billing(user))

    @describe_neighbour(
        NAME,
        "updateBilling",
        "Change a user's billing",
        takes=BillingInput,
        changes=True,
        answers={200: shapes.Customer},
        request_example={"currency": "eur", "description": "Ada's team"},
    )
    def put(self, request: Request, user: str) -> HttpResponse:
        """What is left out stays; null and "" clear."""
        return self._told(get_user_with_billing(user), 200)

    @describe_neighbour(
        NAME,
        "createBilling",
        "Give a user billing",
        takes=BillingInput,
        answers={201: shapes.Customer},
        request_example={"currency": "eur", "description": "Ada's team"},
    )
    def post(self, request: Request, user: str) -> HttpResponse:
        """Billing that is there already is changed."""
        return self._told(get_user(user), 201)

    @describe_neighbour(
        NAME, "deleteBilling", "Take a user's billing away", answers={200: OpenApiTypes.STR}, errors=(409, 503)
    )
    def delete(self, request: Request, user: str) -> HttpResponse:
        """Subscriptions end at once, outstanding usage is billed, cards are removed. Answers the id."""
        customer = get_user_with_billing(user)
        operations.delete_billing(customer, actor=self.actor, now=self.now)
        hint_sweep()
        return answer_json(str(customer.id))

    def _told(self, customer: Customer, status: int) -> HttpResponse:
        told = self.read(BillingInput, partial=True)
        if "default_source" in told:
            _require_card(customer, told["default_source"])
        changed = operations.update_billing(customer, told, actor=self.actor, now=self.now)
        return self.answer_billing(changed, status)


def _require_card(customer: Customer, card_id: uuid.UUID) -> None:
    """Raise Invalid unless a customer has a card."""
    try:
        customer_queries.get_payment_method(card_id, customer.id)
    except NotFound:
        raise Invalid("The user has no such card.", fields={"default_source": "is no card of this user"}) from None


class InvoiceList(ConnectableView):
    """`/users/{id}/billing/invoices`."""

    parameters = {"GET": InvoicePageParameters}

    @describe_neighbour(NAME, "getInvoices", "List a user's invoices", answers={200: [shapes.Invoice], 204: None})
    def get(self, request: Request, user: str) -> HttpResponse:
        """Newest first, drafts included; 204 for an empty page."""
        customer = get_user(user)
        shown = connectable_invoices.list_invoices(
            customer,
            limit=self.query.get("limit", LIMIT_DEFAULT),
            page=self.query.get("page", 1),
            now=self.now_of(customer),
        )
        return answer_json(shown) if shown else answer_nothing()


class InvoiceDetail(ConnectableView):
    """`/users/{id}/billing/invoices/{invoiceId}`."""

    @describe_neighbour(NAME, "getInvoice", "Read a user's invoice", answers={200: shapes.Invoice})
    def get(self, request: Request, user: str, invoice_id: str) -> HttpResponse:
        """One invoice with its lines."""
        customer = get_user(user)
        wanted = id_of(invoice_id)
        if wanted is None:
            raise NotFound("The user has no invoice with this id.")
        return answer_json(connectable_invoices.get_invoice(customer, wanted, now=self.now_of(customer)))


class SourceList(ConnectableView):
    """`/users/{id}/billing/sources`."""

    calls_provider = True

    @describe_neighbour(
        NAME,
        "createSource",
        "Keep a user's card",
        takes=SourceInput,
        answers={201: shapes.Source},
        errors=(503,),
        request_example={
            "source": "tok_visa",
            "object": "card",
            "exp_month": 12,
            "exp_year": 2049,
            "number": "",
            "cvc": "",
            "name": "Ada Lovelace",
        },
    )
    def post(self, request: Request, user: str) -> HttpResponse:
        """By the provider's token; number and code beside it are dropped unread. The card's date is the provider's."""
        customer = get_user_with_billing(user)
        sent = self.read(SourceInput)
        card = self._card(customer, sent)
        told = {name: value for name, value in sent.items() if name in CARD_FACTS - {"exp_month", "exp_year"}}
        customer = operations.tell_card(customer, card.id, told, actor=self.actor, now=self.now)
        card = customer_queries.get_payment_method(card.id, customer.id)
        return answer_json(connectable_cards.show_source(customer, card), 201)

    def _card(self, customer: Customer, sent: dict[str, Any]) -> PaymentMethod:
        """Return the card that is kept; one that an earlier try of this request kept is not kept twice."""
        kept_id = resumed_resource("payment_method")
        if kept_id is not None:
            return customer_queries.get_payment_method(kept_id, customer.id)
        token = token_of(sent["source"])
        try:
            return cards.add_card(customer_id=customer.id, token=token, now=self.now_of(customer))
        except Invalid as error:
            fields = {"source" if name == "token" else name: fault for name, fault in error.fields.items()}
            raise Invalid(error.message, code=error.code, fields=fields) from error


class SourceDetail(ConnectableView):
    """`/users/{id}/billing/sources/{sourceId}`."""

    @describe_neighbour(NAME, "getSource", "Read a user's card", answers={200: shapes.Sources, 204: None})
    def get(self, request: Request, user: str, source_id: str) -> HttpResponse:
        """A list of one; 204 when the user has no such card."""
        customer = get_user(user)
        card = _find_card(customer, source_id)
        return answer_nothing() if card is None else answer_json(connectable_cards.show_sources(customer, [card]))

    @describe_neighbour(
        NAME,
        "updateSource",
        "Change a user's card",
        takes=CardFactsInput,
        changes=True,
        answers={200: shapes.Sources},
        request_example={"name": "Ada King", "exp_month": 6, "exp_year": 2031},
    )
    def put(self, request: Request, user: str, source_id: str) -> HttpResponse:
        """Its name, date and addresses; without a body nothing changes. A list of one."""
        customer, card = self._found(user, source_id)
        told = self.read(CardFactsInput, partial=True)
        changed = operations.tell_card(customer, card.id, told, actor=self.actor, now=self.now)
        card = customer_queries.get_payment_method(card.id, customer.id)
        return answer_json(connectable_cards.show_sources(changed, [card]))

    @describe_neighbour(NAME, "deleteSource", "Remove a user's card", answers={200: OpenApiTypes.STR}, errors=(503,))
    def delete(self, request: Request, user: str, source_id: str) -> HttpResponse:
        """At the provider too. Answers the card's id."""
        customer, card = self._found(user, source_id)
        cards.remove_card(payment_method_id=card.id, now=self.now_of(customer))
        return answer_json(str(card.id))

    @staticmethod
    def _found(user: str, source_id: str) -> tuple[Customer, PaymentMethod]:
        customer = get_user(user)
        card = _find_card(customer, source_id)
        if card is None:
            raise NotFound("The user has no card with this id.")
        return customer, card


def _find_card(customer: Customer, source_id: str) -> PaymentMethod | None:
    card_id = id_of(source_id)
    if card_id is None:
        return None
    return customer_queries.list_payment_methods(customer.id).filter(id=card_id).first()
