"""From charges to documents: which meet on one, what vouchers, tax and balance make of them (sections 6, 7 and 8)."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.domain.cycle import settle
from core.domain.schedule import Interval
from invoicing.domain.account import CARD, Account
from invoicing.domain.assembly import Occasion, Proposal, after, propose, spent
from invoicing.domain.discounts import Voucher
from invoicing.domain.tax_decision import Buyer, Seller
from invoicing.domain.tax_rules import CountryRules, DatedRate, TaxRules
from invoicing.domain.tax_world import TaxWorld
from subscriptions.domain.terms import Agreement, PriceTerms
from tests.bills import at, bill, but, half, lines_of, nets_of, once, per_call, per_seat, used
from tests.histories import account, start, world

FIRST_CARD, SECOND_CARD = uuid.UUID(int=71), uuid.UUID(int=72)
JANUARY = at("2026-01-31")
TEAM, OTHER_PLAN = str(uuid.UUID(int=4)), str(uuid.UUID(int=5))


def agreed(*prices: PriceTerms, number: int = 3, **values: Any) -> Agreement:
    """A fresh agreement from 31 January over one of each price, as subscription `number`."""
    fresh = start([(price, 1) for price in prices], JANUARY, zone="UTC")
    items = tuple(but(item, item_id=uuid.UUID(int=number * 1000 + item.position)) for item in fresh.items)
    return but(fresh, subscription_id=uuid.UUID(int=number), items=items, **values)


def proposed(
    *agreements: Agreement, customer: Account | None = None, rules: TaxWorld | None = None, moment: datetime = JANUARY
) -> tuple[Proposal, ...]:
    occasion = Occasion(moment, moment.date(), "start")
    return propose(customer or account(), agreements, occasion, {}, rules or world())


def totals(*proposals: Proposal) -> list[tuple[int, int, int, int]]:
    """Net, tax, total and due of each."""
    return [(one.sub_total_minor, one.tax_total_minor, one.total_minor, one.amount_due_minor) for one in proposals]


class TestWhatMeetsOnOnePaper:
    def test_subscriptions_of_one_currency_and_card(self) -> None:
        (paper,) = proposed(agreed(per_seat(3000)), agreed(per_seat(2000), number=9))
        assert lines_of(paper) == [("recurring", "01-31", "02-28", 3000), ("recurring", "01-31", "02-28", 2000)]
        assert [one.int for one in paper.subscription_ids] == [3, 9]

    def test_two_currencies_never(self) -> None:
        papers = proposed(agreed(per_seat(3000)), agreed(per_seat(2000, currency="USD"), number=9))
        assert [(paper.currency, paper.total_minor) for paper in papers] == [("EUR", 3570), ("USD", 2380)]

    def test_two_cards_never_and_the_default_stands_for_none(self) -> None:
        customer = but(account(), payment_method_id=FIRST_CARD)
        papers = proposed(
            agreed(per_seat(1000)),
            agreed(per_seat(2000), number=8, payment_method_id=SECOND_CARD),
            agreed(per_seat(4000), number=9, payment_method_id=FIRST_CARD),
            customer=customer,
        )
        assert [(paper.payment_method_id, paper.sub_total_minor) for paper in papers] == [
            (FIRST_CARD, 5000),
            (SECOND_CARD, 2000),
        ]

    def test_services_to_abroad_stand_alone_beside_goods(self) -> None:
        """O has its own paper at a VAT seller's, G may not join it (section 7, rule 6)."""
        goods = per_seat(500, physical=True, digital=False)
        customer = but(account(), buyer=Buyer("US"))
        papers = proposed(agreed(per_seat(3000), goods), customer=customer)
        assert [[line.treatment.category for line in paper.lines] for paper in papers] == [["O"], ["G"]]
        assert [paper.tax_total_minor for paper in papers] == [0, 0]
        assert all(len(paper.notes) == 1 for paper in papers)

    def test_a_seller_outside_vat_splits_nothing(self) -> None:
        customer = account()
        seller = but(customer.seller, tax=Seller("US"))
        goods = per_seat(500, physical=True, digital=False)
        papers = proposed(agreed(per_seat(3000), goods), customer=but(customer, seller=seller, buyer=Buyer("CA")))
        assert len(papers) == 1

    def test_nothing_owed_is_no_paper(self) -> None:
        assert proposed(agreed(per_seat(0))) == ()
        assert proposed(settle(agreed(per_seat(3000)), JANUARY)) == ()

    def test_a_free_item_beside_a_paid_one_is_listed(self) -> None:
        (paper,) = proposed(agreed(per_seat(3000), per_seat(0)))
        assert [line.charge.amount_minor for line in paper.lines] == [3000, 0]

    def test_lines_that_cancel_are_a_zero_paper_not_a_credit_note(self) -> None:
        """+30 for mails and -30 for calls that were taken back."""
        late = [used(3, "2026-01-05"), used(-3, "2026-01-06", stored="2026-02-02"), used(3, "2026-02-05")]
        history = bill(start([(per_call(), 1)], at("2026-01-01"), zone="UTC"), "2026-02-01", "2026-03-01", usage=late)
        paper = history.proposals[1]
        assert lines_of(paper) == [("usage", "01-01", "02-01", -30), ("usage", "02-01", "03-01", 30)]
        assert (paper.total_minor, paper.is_credit, paper.amount_due_minor) == (0, False, 0)


class TestTax:
    def test_it_is_computed_on_the_paper_and_split(self) -> None:
        """999 x 3 at 19 % -> 569."""
        (paper,) = proposed(agreed(per_seat(999), per_seat(999), per_seat(999)))
        assert [line.tax.tax_minor for line in paper.lines] == [190, 190, 189]
        assert totals(paper) == [(2997, 569, 3566, 3566)]

    def test_inclusive_and_exclusive_prices_meet(self) -> None:
        """1199 with tax is 1008 + 191; 1199 without is 1199 + 228."""
        (paper,) = proposed(agreed(per_seat(1199, including_tax=True), per_seat(1199)))
        assert [(line.tax.net_minor, line.tax.tax_minor) for line in paper.lines] == [(1008, 191), (1199, 228)]
        assert totals(paper) == [(2207, 419, 2626, 2626)]

    def test_a_discount_comes_off_before_tax_in_the_prices_own_mode(self) -> None:
        (paper,) = proposed(agreed(per_seat(1190, including_tax=True), per_seat(1000)), customer=account(half()))
        assert [(line.discount_minor, line.tax.net_minor, line.tax.tax_minor) for line in paper.lines] == [
            (595, 500, 95),
            (500, 500, 95),
        ]
        assert paper.discount_total_minor == 1095

    def test_each_line_has_the_rate_of_its_own_date(self) -> None:
        """Germany, 19 -> 16 % on 1 July: 15 June to 15 July is 16 % by its last day, 19 % by its first."""
        rates = (
            DatedRate("old", "standard", Decimal(19), date(2020, 1, 1), date(2020, 7, 1)),
            DatedRate("new", "standard", Decimal(16), date(2020, 7, 1)),
        )
        rules = TaxWorld(TaxRules("standard", (CountryRules("DE", True, True, rates=rates),)), "standard")
        june = at("2020-06-15")
        for point, expected in (("period_start", 190), ("period_end", 160), ("issue", 190)):
            seller = but(account().seller, tax_point_in_advance=point)
            fresh = start([(per_seat(1000), 1)], june, zone="UTC")
            (paper,) = proposed(fresh, customer=but(account(), seller=seller), rules=rules, moment=june)
            assert paper.tax_total_minor == expected, point

    @pytest.mark.parametrize(("currency", "unit", "tax"), [("JPY", 1105, 210), ("KWD", 12345, 2346)])
    def test_yen_and_dinars_are_whole_units_too(self, currency: str, unit: int, tax: int) -> None:
        (paper,) = proposed(agreed(per_seat(unit, currency=currency)))
        assert paper.tax_total_minor == tax

    def test_a_proof_makes_the_tax_again(self) -> None:
        (paper,) = proposed(agreed(per_seat(1000)))
        proof = paper.lines[0].proof()
        assert proof["steps"] == "1000 x 1 = 1000"
        assert proof["tax"] == {
            "code": "domestic",
            "reason": proof["tax"]["reason"],
            "date": "2026-01-31",
            "parts": [["rule", proof["tax"]["parts"][0][1], "DE", "19", 190]],
        }


class TestVouchers:
    def test_one_invoice_of_an_occasion_spends_it(self) -> None:
        one = half(duration="once", remaining=1)
        papers = proposed(
            agreed(per_seat(1000)), agreed(per_seat(1000, currency="USD"), number=9), customer=account(one)
        )
        assert [paper.sub_total_minor for paper in papers] == [500, 1000]
        assert [len(paper.used_vouchers) for paper in papers] == [1, 0]

    def test_a_repeating_one_counts_each(self) -> None:
        twice = half(duration="repeating", remaining=3)
        papers = proposed(
            agreed(per_seat(1000)), agreed(per_seat(1000, currency="USD"), number=9), customer=account(twice)
        )
        assert [paper.sub_total_minor for paper in papers] == [500, 500]

    def test_a_minimum_is_judged_on_each_paper(self) -> None:
        from_two_thousand = half(minimums=(("EUR", 2000),))
        customer = account(from_two_thousand)
        assert [one.sub_total_minor for one in proposed(agreed(per_seat(1999)), customer=customer)] == [1999]
        together = proposed(agreed(per_seat(1999)), agreed(per_seat(1), number=9), customer=customer)
        assert [one.sub_total_minor for one in together] == [1000]

    def test_a_plan_of_its_own_comes_first_and_each_works_on_the_rest(self) -> None:
        scoped = Voucher(
            "plan", "r1", "percentage", percent=Decimal(10), duration="forever", plan_ids=frozenset({TEAM})
        )
        papers = proposed(agreed(per_seat(1000)), customer=account(half(), scoped))
        assert nets_of(*papers) == [("recurring", 550, 450)]

    def test_another_plan_s_voucher_waits(self) -> None:
        scoped = half(plan_ids=frozenset({OTHER_PLAN}), duration="once", remaining=1)
        (paper,) = proposed(agreed(per_seat(1000)), customer=account(scoped))
        assert (paper.discount_total_minor, paper.used_vouchers) == (0, ())

    def test_a_fixed_discount_in_another_currency_waits(self) -> None:
        dollars = Voucher("five", "r", "fixed_discount", amounts=(("USD", 500),), duration="once", remaining=1)
        (paper,) = proposed(agreed(per_seat(1000)), customer=account(dollars))
        assert (paper.discount_total_minor, paper.used_vouchers) == (0, ())

    def test_a_fixed_discount_of_a_stub_is_its_part(self) -> None:
        five = Voucher("five", "r", "fixed_discount", amounts=(("EUR", 620),), duration="forever")
        stub = start([(per_seat(3100), 1)], at("2026-01-15"), zone="UTC", alignment="calendar")
        (paper,) = proposed(stub, customer=account(five), moment=at("2026-01-15"))
        assert nets_of(paper) == [("recurring", 340, 1360)]

    def test_a_fixed_discount_is_never_more_than_there_is(self) -> None:
        lots = Voucher("lots", "r", "fixed_discount", amounts=(("EUR", 5000),), duration="forever")
        (paper,) = proposed(agreed(per_seat(1000)), customer=account(lots))
        assert totals(paper) == [(0, 0, 0, 0)]

    def test_all_of_it_given_away_is_still_a_paper(self) -> None:
        everything = Voucher("all", "r", "percentage", percent=Decimal(100), duration="forever")
        (paper,) = proposed(agreed(per_seat(1000)), customer=account(everything))
        assert (paper.discount_total_minor, paper.total_minor) == (1000, 0)

    def test_set_up_fees_are_discountable_and_what_is_made_up_is_not(self) -> None:
        (paper,) = proposed(agreed(per_seat(1000), once(3000)), customer=account(half()))
        assert nets_of(paper) == [("recurring", 500, 500), ("one_off", 1500, 1500)]

    def test_usage_inside_a_counted_year_shares_the_discount_and_consumes_nothing(self) -> None:
        """30000 a year, usage by the month, half of two years: their months share it, those of the third do not."""
        agreement = start([(per_seat(30000, interval=Interval("year")), 1), (per_call(), 1)], JANUARY, zone="UTC")
        usage = [used(4, "2026-02-05"), used(6, "2026-12-31"), used(8, "2027-02-05"), used(8, "2028-02-05")]
        months = ["2026-02-28", "2026-12-31", "2027-01-31", "2027-02-28", "2028-01-31", "2028-02-28", "2028-02-29"]
        history = bill(agreement, *months, usage=usage, customer=account(half(duration="repeating", remaining=2)))
        assert nets_of(*history.proposals) == [
            ("recurring", 15000, 15000),
            ("usage", 20, 20),
            ("recurring", 15000, 15000),
            ("usage", 30, 30),
            ("usage", 40, 40),
            ("recurring", 0, 30000),
            ("usage", 0, 80),
        ]
        (voucher,) = history.account.vouchers
        assert (voucher.remaining, [f"{until:%Y-%m-%d}" for _, until in voucher.counted]) == (0, ["2028-01-31"])

    def test_spending_counts_down_and_for_ever_does_not(self) -> None:
        three, forever = half(duration="repeating", remaining=3), but(half(), redemption_id="half-2")
        (paper,) = proposed(agreed(per_seat(1000)), customer=account(three))
        assert [voucher.remaining for voucher in spent([three, forever], paper.used_vouchers)] == [2, None]
        assert spent([three], paper.used_vouchers)[0].counted == ((str(uuid.UUID(int=3)), at("2026-02-28")),)


class TestBalance:
    @pytest.mark.parametrize(
        ("balance", "applied", "due"),
        [(0, 0, 1190), (100, 100, 1090), (1190, 1190, 0), (5000, 1190, 0), (-100, -100, 1290), (-5000, -5000, 6190)],
    )
    def test_it_pays_after_tax(self, balance: int, applied: int, due: int) -> None:
        (paper,) = proposed(agreed(per_seat(1000)), customer=account(balances={"EUR": balance}))
        assert (paper.balance_applied_minor, paper.amount_due_minor) == (applied, due)
        assert totals(paper)[0][:3] == (1000, 190, 1190)

    def test_it_pays_the_papers_of_an_occasion_in_turn(self) -> None:
        customer = but(account(balances={"EUR": 1500}), payment_method_id=FIRST_CARD)
        papers = proposed(
            agreed(per_seat(1000)),
            agreed(per_seat(1000), number=9, payment_method_id=SECOND_CARD),
            customer=customer,
        )
        assert [paper.balance_applied_minor for paper in papers] == [1190, 310]

    def test_a_debit_is_taken_once(self) -> None:
        customer = but(account(balances={"EUR": -500}), payment_method_id=FIRST_CARD)
        papers = proposed(
            agreed(per_seat(1000)),
            agreed(per_seat(1000), number=9, payment_method_id=SECOND_CARD),
            customer=customer,
        )
        assert [paper.amount_due_minor for paper in papers] == [1690, 1190]

    def test_each_currency_has_its_own(self) -> None:
        papers = proposed(
            agreed(per_seat(1000)),
            agreed(per_seat(1000, currency="USD"), number=9),
            customer=account(balances={"USD": 700}),
        )
        assert [paper.balance_applied_minor for paper in papers] == [0, 700]

    def test_a_zero_paper_leaves_a_debit_alone(self) -> None:
        everything = Voucher("all", "r", "percentage", percent=Decimal(100), duration="forever")
        (paper,) = proposed(agreed(per_seat(1000)), customer=account(everything, balances={"EUR": -500}))
        assert (paper.balance_applied_minor, paper.amount_due_minor) == (0, 0)


class TestCredit:
    """Two seats of 3000; one goes on day 0 of June and July is 3000: -3000 + 3000, or more when two of three go."""

    @staticmethod
    def less(number: int, gone: int, *moments: str, customer: Account | None = None) -> tuple[Proposal, ...]:
        agreement = start([(per_seat(3000), number)], at("2026-06-01"), zone="UTC")
        return bill(agreement, *moments, seats=[("2026-06-01 12:00", -gone)], customer=customer).proposals

    def test_more_given_back_than_charged_is_a_credit_note(self) -> None:
        june, july = self.less(3, 2, "2026-07-01")
        assert totals(june, july) == [(9000, 1710, 10710, 10710), (-3000, -570, -3570, -3570)]
        assert (july.is_credit, july.balance_applied_minor) == (True, 0)

    def test_it_leaves_the_balance_alone(self) -> None:
        _, july = self.less(3, 2, "2026-07-01", customer=account(balances={"EUR": -400}))
        assert july.balance_applied_minor == 0

    def test_as_much_as_charged_is_a_zero_paper(self) -> None:
        _, july = self.less(2, 1, "2026-07-01")
        assert (july.total_minor, july.is_credit, july.tax_total_minor) == (0, False, 0)

    def test_what_goes_to_the_balance_pays_the_next_missed_month(self) -> None:
        """June's invoice is not known to be open, so all of July's credit is on the balance in August."""
        *_, august = self.less(3, 2, "2026-08-01")
        assert (august.total_minor, august.balance_applied_minor) == (3570, 3570)


class TestAfter:
    INVOICE, OLDER = uuid.UUID(int=91), uuid.UUID(int=90)

    def credit(self, *corrected: uuid.UUID) -> Proposal:
        """A credit note over 3570 that corrects these invoices."""
        _, july = TestCredit.less(3, 2, "2026-07-01")
        seats, recurring = july.lines
        lines = [but(seats, charge=but(seats.charge, corrects=one)) for one in corrected]
        return but(july, lines=(*lines, recurring))

    @pytest.mark.parametrize(
        ("open_minor", "balance", "left"),
        [
            ({}, 3570, {}),
            ({INVOICE: 5000}, 0, {INVOICE: 1430}),
            ({INVOICE: 3570}, 0, {INVOICE: 0}),
            ({INVOICE: 1000}, 2570, {INVOICE: 0}),
            ({INVOICE: 3000, OLDER: 1000}, 0, {INVOICE: 430, OLDER: 0}),
            ({uuid.UUID(int=5): 9999}, 3570, {uuid.UUID(int=5): 9999}),  # another's
        ],
    )
    def test_credit_lowers_the_open_invoices_it_corrects_then_the_balance_has_it(
        self, open_minor: dict[uuid.UUID, int], balance: int, left: dict[uuid.UUID, int]
    ) -> None:
        before = but(account(), open_minor=open_minor)
        then = after(before, [self.credit(self.INVOICE, self.OLDER)], [])
        assert (then.balances_minor["EUR"], dict(then.open_minor)) == (balance, left)

    def test_two_credits_share_an_invoice(self) -> None:
        before = but(account(), open_minor={self.INVOICE: 5000})
        then = after(before, [self.credit(self.INVOICE)] * 2, [])
        assert (then.balances_minor["EUR"], dict(then.open_minor)) == (2140, {self.INVOICE: 0})

    def test_what_was_billed_vouchers_and_terms_move_on(self) -> None:
        one = half(duration="repeating", remaining=2)
        agreement = agreed(per_seat(1000))
        before = but(account(one, balances={"EUR": 100}), agreements=(agreement,))
        papers = proposed(agreement, customer=before)
        then = after(before, papers, [settle(agreement, JANUARY)])
        (line,) = then.billed[agreement.items[0].item_id]
        assert (line.kind, line.amount_minor, line.discount_minor, line.invoice_id) == ("recurring", 1000, 500, None)
        assert (then.vouchers[0].remaining, then.balances_minor["EUR"]) == (1, 0)
        assert then.agreements[0].billed_to_at == JANUARY
        assert (before.billed, before.vouchers[0].remaining, before.balances_minor["EUR"]) == ({}, 2, 100)


@pytest.mark.parametrize(("billing_type", "expected"), [(CARD, "2026-01-31"), ("invoice", "2026-03-02")])
def test_when_payment_is_due(billing_type: str, expected: str) -> None:
    (paper,) = proposed(agreed(per_seat(1000)), customer=but(account(), billing_type=billing_type))
    assert paper.due_date == date.fromisoformat(expected)
