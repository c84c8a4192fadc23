"""The books as answers hold them."""

from core.api.fields import DayField, IdField, InstantField, TextField, WholeNumberField, WordField
from core.api.pages import ListParameters
from core.api.serializers import AnswerSerializer, Parameters
from ledger.models import Account


class PostingAnswer(AnswerSerializer):
    """One side of an entry."""

    always = frozenset({"account", "amount", "currency"})

    account = WordField(Account.choices)
    amount = WholeNumberField(source="amount_minor", help_text="Minor units: a debit is positive, a credit negative.")
    currency = TextField()
    customer = IdField(source="customer_id", help_text="Of a receivable or a customer's balance.")
    country = TextField(help_text="Of tax payable.")


class EntryAnswer(AnswerSerializer):
    """One business fact in the books; its postings sum to zero per currency."""

    always = frozenset({"id", "kind", "object_kind", "object_id", "posted_at", "accounting_date", "postings"})

    id = IdField()
    kind = TextField(help_text="What happened: invoice, credit_note, payment, refund, balance, recognition ...")
    object_kind = TextField()
    object_id = IdField(help_text="What it happened to.")
    customer = IdField(source="customer_id")
    posted_at = InstantField()
    accounting_date = DayField(help_text="The brand's local date of the fact.")
    postings = PostingAnswer(many=True)


class EntryListParameters(ListParameters):
    """What a list of entries is narrowed by."""

    kind = TextField(required=False, max_length=30)
    customer = IdField(required=False)
    object_id = IdField(required=False, help_text="The invoice, payment, refund ... it is of.")
    date_from = DayField(required=False, help_text="Accounting date, included.")
    date_to = DayField(required=False, help_text="Accounting date, included.")


class TrialBalanceParameters(Parameters):
    """Up to when."""

    date = DayField(required=False, help_text="Of everything posted up to the end of this accounting day.")


class AccountTotalAnswer(AnswerSerializer):
    """What one account comes to; minor units."""

    always = frozenset({"account", "debit", "credit", "balance"})

    account = WordField(Account.choices)
    debit = WholeNumberField(source="debit_minor")
    credit = WholeNumberField(source="credit_minor")
    balance = WholeNumberField(source="balance_minor", help_text="Debit less credit.")


class TrialBalanceAnswer(AnswerSerializer):
    """Every account of one currency."""

    always = frozenset({"currency", "total", "accounts"})

    currency = TextField()
    total = WholeNumberField(source="total_minor", help_text="0 in books that hold.")
    accounts = AccountTotalAnswer(many=True)


class TrialBalancesAnswer(AnswerSerializer):
    """The trial balance of each currency."""

    always = frozenset({"data"})

    data = TrialBalanceAnswer(many=True)  # type: ignore[assignment]  # DRF takes the field off the class
