"""The books: entries and trial balance."""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.schema import describe
from core.api.views import ApiView, answer_json
from core.domain.access import Scope
from ledger import queries
from ledger.api.serializers import (
    EntryAnswer,
    EntryListParameters,
    TrialBalanceAnswer,
    TrialBalanceParameters,
    TrialBalancesAnswer,
)
from ledger.queries import EntryFilter


class EntryList(ApiView):
    """`/ledger/entry`."""

    parameters = {"GET": EntryListParameters}
    scopes = {"*": Scope.ADMIN}

    @describe("List ledger entries", gives=EntryAnswer, lists=True)
    def get(self, request: Request) -> HttpResponse:
        """Newest first, each with its postings."""
        wanted = EntryFilter(
            kind=self.query.get("kind", ""),
            customer_id=self.query.get("customer"),
            object_id=self.query.get("object_id"),
            date_from=self.query.get("date_from"),
            date_to=self.query.get("date_to"),
        )
        return self.list_of(queries.list_entries(wanted), EntryAnswer)


class TrialBalanceDetail(ApiView):
    """`/ledger/trial-balance`."""

    parameters = {"GET": TrialBalanceParameters}
    scopes = {"*": Scope.ADMIN}

    @describe("Read the trial balance", gives=TrialBalancesAnswer)
    def get(self, request: Request) -> HttpResponse:
        """By currency and account, of everything posted or up to the end of a day."""
        one = TrialBalanceAnswer()
        balances = queries.list_trial_balances(until=self.query.get("date"))
        return answer_json({"data": [one.to_representation(balance) for balance in balances]})
