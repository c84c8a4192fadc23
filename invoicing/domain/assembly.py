"""Propose what a customer owes at a due moment: charges -> vouchers -> tax -> balance.

Billing rules, section 8. Preview, dry run, simulation and the real run are this one function; it reads no clock and
writes nothing, and proposing twice after storing the first result proposes nothing.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import zip_longest
from typing import Any

from msgspec import Struct
from msgspec.structs import replace as change

from core.domain.decimals import decimal_text
from core.domain.memo import Memo
from core.domain.rounding import divide_half_away
from invoicing.domain.account import CARD, SUBSCRIPTION_GROUP, Account
from invoicing.domain.charge import MANUAL, RECURRING, USAGE, BilledLine, Charge, TaxPoint
from invoicing.domain.charges import charges
from invoicing.domain.credit import taken_off
from invoicing.domain.discounts import DiscountableLine, UsedVoucher, Voucher, apply_discounts
from invoicing.domain.openings import opened_until
from invoicing.domain.tax import LineTax, TaxableLine, TaxTreatment, tax_lines
from invoicing.domain.tax_decision import Supply, needs_own_invoice
from invoicing.domain.tax_thresholds import Reached
from invoicing.domain.tax_world import InvoiceSum, TaxWorld
from subscriptions.domain.terms import Agreement, PriceTerms
from usage.domain.aggregation import UsageFigure

Owed = tuple[Charge, uuid.UUID | None]
"""A charge, and the payment method that is to pay it."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why and when a document is made: the due moment it answers, its local date of issue, what brought it about.

    `seats_now` bills changes of seats that would wait for the next boundary.
    """

    moment: datetime
    issue_date: date
    origin: str
    seats_now: bool = False


class ProposedLine(Struct, frozen=True):
    """A charge with its discount and tax."""

    charge: Charge
    discount_minor: int
    treatment: TaxTreatment
    tax: LineTax
    vouchers: tuple[tuple[Any, ...], ...] = ()

    def proof(self) -> dict[str, Any]:
        """Return everything that makes this line's amounts again."""
        treatment = self.treatment
        parts = [
            [part.rule_id, part.name, part.jurisdiction, str(part.rate), amount]
            for part, amount in zip(treatment.parts, self.tax.parts, strict=True)
        ]
        charge = self.charge
        terms = {"price": str(charge.price.price_id), "plan": str(charge.plan_id), "terms": charge.terms_version}
        return {
            **(terms if charge.plan_id is not None else {}),
            **charge.proof,
            **({"vouchers": [list(one) for one in self.vouchers]} if self.vouchers else {}),
            "tax": {
                "code": treatment.code,
                "reason": treatment.reason,
                "date": charge.tax_date.isoformat(),
                "parts": parts,
                **({"warning": treatment.warning} if treatment.warning else {}),
            },
        }


@dataclass(frozen=True, slots=True)
class Proposal:
    """One document a customer should get; with a negative total it becomes a credit note.

    `balance_applied_minor` is what the customer's balance pays (negative: a debit taken with it); it never changes
    sub total, tax or total (Billing rules, section 6). `begins_to_collect` names the places whose threshold is reached
    with it: "CH", "US-NY".
    """

    account: Account
    occasion: Occasion
    currency: str
    payment_method_id: uuid.UUID | None
    lines: tuple[ProposedLine, ...]
    sub_total_minor: int
    discount_total_minor: int
    tax_total_minor: int
    total_minor: int
    balance_applied_minor: int
    used_vouchers: tuple[UsedVoucher, ...]
    subscription_ids: tuple[uuid.UUID, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    begins_to_collect: tuple[str, ...] = ()

    @property
    def is_credit(self) -> bool:
        """Tell whether more is given back than charged."""
        return self.total_minor < 0

    @property
    def corrected_ids(self) -> tuple[uuid.UUID, ...]:
        """Return the invoices whose lines it corrects."""
        return tuple(dict.fromkeys(line.charge.corrects for line in self.lines if line.charge.corrects))

    @property
    def given_back_minor(self) -> dict[uuid.UUID, int]:
        """Return what its lines give back, gross, by the invoice that they correct."""
        found: dict[uuid.UUID, int] = {}
        for line in self.lines:
            corrected = line.charge.corrects
            if corrected is not None and line.tax.gross_minor < 0:
                found[corrected] = found.get(corrected, 0) - line.tax.gross_minor
        return found

    @property
    def amount_due_minor(self) -> int:
        """Return what is left to pay, after the balance."""
        return self.total_minor - self.balance_applied_minor

    @property
    def due_date(self) -> date:
        """Return the day payment is due: now for card customers, else after the brand's terms."""
        if self.account.billing_type == CARD:
            return self.occasion.issue_date
        return self.occasion.issue_date + timedelta(days=self.account.seller.payment_terms_days)


@dataclass(slots=True)
class _Purse:
    """What vouchers and balances still hold while one occasion's documents are made, one after the other.

    `opened_until` has the end of the period that the occasion opens, by subscription; those inside a period are left
    out.
    """

    vouchers: list[Voucher]
    balances_minor: dict[str, int]
    opened_until: Mapping[uuid.UUID, datetime]


def propose(
    account: Account,
    agreements: Iterable[Agreement],
    occasion: Occasion,
    figures: Mapping[Any, UsageFigure],
    world: TaxWorld,
) -> tuple[Proposal, ...]:
    """Return the documents that charge these agreements up to the occasion's moment; none when nothing is owed."""
    agreements = tuple(agreements)
    owed = owed_by(account, agreements, occasion, figures)
    return documents_of(account, owed, occasion, world, opened_periods(account, agreements, occasion.moment))


def owed_by(
    account: Account, agreements: Iterable[Agreement], occasion: Occasion, figures: Mapping[Any, UsageFigure]
) -> tuple[Owed, ...]:
    """Return what these agreements owe up to the occasion's moment, each charge with what is to pay it."""
    tax_point = tax_point_of(account, occasion)
    return tuple(
        (charge, agreement.payment_method_id or account.payment_method_id)
        for agreement in agreements
        for charge in charges(
            agreement, occasion.moment, account.billed, figures, tax_point, seats_now=occasion.seats_now
        )
    )


def tax_point_of(account: Account, occasion: Occasion) -> TaxPoint:
    """Return between which dates the seller's tax point chooses on one occasion."""
    seller = account.seller
    return TaxPoint(seller.tax_point_in_advance, seller.tax_point_in_arrears, seller.zone, occasion.issue_date)


def documents_of(
    account: Account,
    owed: Sequence[Owed],
    occasion: Occasion,
    world: TaxWorld,
    opened: Mapping[uuid.UUID, datetime],
) -> tuple[Proposal, ...]:
    """Return the documents of charges; `opened` says until when the periods run that the occasion opens.

    Documents are split by currency and payment method, where a tax category must stand alone on its invoice, and by
    subscription for a seller who groups so (Billing rules, section 8, Group). Where a threshold is open they are taxed
    as if it stayed so, and once more when their net reaches it (section 7).
    """
    watch = world.watch(account.seller.tax, account.buyer, occasion.issue_date)
    made = _documents(account, occasion, owed, (world, watch.before), opened)
    if watch.is_idle or not made:
        return made
    sums = tuple(InvoiceSum(one.currency, one.sub_total_minor, one.total_minor > 0) for one in made)
    reached, warnings = world.reached_with(watch, sums)
    if reached != watch.before:
        made = _documents(account, occasion, owed, (world, reached), opened)
    begins = world.begins_to_collect(watch, reached)
    if not begins and not warnings:
        return made
    return tuple(replace(_warned(one, warnings) if warnings else one, begins_to_collect=begins) for one in made)


def _warned(proposal: Proposal, warnings: tuple[str, ...]) -> Proposal:
    """Return a document that carries warnings, in the proof of each line it decides the tax of."""
    lines = []
    for line in proposal.lines:
        words = "; ".join(filter(None, (line.treatment.warning, *warnings)))
        lines.append(line if line.charge.treatment else change(line, treatment=replace(line.treatment, warning=words)))
    return replace(proposal, lines=tuple(lines), warnings=(*proposal.warnings, *warnings))


def opened_periods(account: Account, agreements: Iterable[Agreement], moment: datetime) -> dict[uuid.UUID, datetime]:
    """Return until when the periods run that an occasion opens, by subscription; only vouchers ask for it."""
    if not account.vouchers:
        return {}
    ends = ((agreement.subscription_id, opened_until(agreement, moment)) for agreement in agreements)
    return {subscription_id: until for subscription_id, until in ends if until is not None}


def _documents(
    account: Account,
    occasion: Occasion,
    owed: Sequence[Owed],
    taxing: tuple[TaxWorld, Reached],
    opened: Mapping[uuid.UUID, datetime],
) -> tuple[Proposal, ...]:
    """Tax charges with these thresholds reached, and make the documents."""
    world, reached = taxing
    seller = account.seller
    by_subscription = seller.group == SUBSCRIPTION_GROUP
    purse = _Purse(list(account.vouchers), dict(account.balances_minor), opened)
    groups: dict[tuple[str, uuid.UUID | None, bool, uuid.UUID | None], list[tuple[Charge, TaxTreatment]]] = {}
    for charge, method in owed:
        treatment = charge.treatment or world.decide(
            seller.tax, account.buyer, _supply(charge.price, world), charge.tax_date, reached
        )
        apart = charge.subscription_id if by_subscription else None
        key = (charge.price.currency, method, needs_own_invoice(seller.tax, treatment), apart)
        groups.setdefault(key, []).append((charge, treatment))
    return tuple(
        _proposal(account, occasion, (currency, method), taxed, purse)
        for (currency, method, *_), taxed in groups.items()
        if _is_worth_paper([charge for charge, _ in taxed])
    )


_supplies: Memo[Supply] = Memo(size=1_024)


def _supply(price: PriceTerms, world: TaxWorld) -> Supply:
    """Return what a price sells, as taxes see it."""
    found = _supplies.find(price, world.default_tax_type)
    if found is None:
        found = Supply(
            tax_type=str(price.tax_type_id) if price.tax_type_id else world.default_tax_type,
            physical=price.physical,
            digital=price.digital,
            product_rate=price.product_rate,
            export=price.export or None,
        )
        _supplies.keep(price, found, world.default_tax_type)
    return found


def _is_worth_paper(owed: Sequence[Charge]) -> bool:
    """Tell whether charges make a document: zero ones only when something was used (Billing rules, section 8)."""
    return any(charge.amount_minor or (charge.kind == USAGE and charge.quantity) for charge in owed)


def _proposal(
    account: Account,
    occasion: Occasion,
    payer: tuple[str, uuid.UUID | None],
    taxed: Sequence[tuple[Charge, TaxTreatment]],
    purse: _Purse,
) -> Proposal:
    """Discount, tax and settle one document's charges; `payer` is its currency and payment method."""
    currency, method = payer
    owed = [charge for charge, _ in taxed]
    discounts, used = _discounts(owed, occasion.moment, currency, purse)
    taxes = tax_lines(
        [
            TaxableLine(charge.amount_minor - discount, charge.price.including_tax, treatment)
            for (charge, treatment), discount in zip(taxed, discounts, strict=True)
        ]
    )
    lines = tuple(
        ProposedLine(charge, discount, treatment, tax, _vouchers_at(position, used))
        for position, ((charge, treatment), discount, tax) in enumerate(zip(taxed, discounts, taxes, strict=True))
    )
    net, tax_minor = sum(line.tax.net_minor for line in lines), sum(line.tax.tax_minor for line in lines)
    total = net + tax_minor
    applied = _balance_applied(total, purse.balances_minor.get(currency, 0))
    if applied:
        purse.balances_minor[currency] -= applied
    return Proposal(
        account=account,
        occasion=occasion,
        currency=currency,
        payment_method_id=method,
        lines=lines,
        sub_total_minor=net,
        discount_total_minor=sum(discounts),
        tax_total_minor=tax_minor,
        total_minor=total,
        balance_applied_minor=applied,
        used_vouchers=used,
        subscription_ids=tuple(dict.fromkeys(charge.subscription_id for charge in owed if charge.subscription_id)),
        notes=tuple(dict.fromkeys(t.reason for _, t in taxed if t.category != "S" and t.reason)),
        warnings=tuple(dict.fromkeys(t.warning for _, t in taxed if t.warning)),
    )


def _vouchers_at(position: int, used: Sequence[UsedVoucher]) -> tuple[tuple[Any, ...], ...]:
    """Return the vouchers that worked on a line, as its proof keeps them: what each gives, and what the line took."""
    return tuple(
        (
            one.redemption_id,
            None if one.percent is None else decimal_text(one.percent),
            one.fixed_minor,
            one.is_scoped,
            one.line_discounts_minor[position],
        )
        for one in used
        if position in one.shared_over
    )


def _discounts(
    owed: Sequence[Charge], moment: datetime, currency: str, purse: _Purse
) -> tuple[tuple[int, ...], tuple[UsedVoucher, ...]]:
    """Return each line's discount: what a correction shares, else what the vouchers give."""
    if not purse.vouchers:
        return tuple(charge.discount_minor for charge in owed), ()
    outcome = apply_discounts(
        [
            DiscountableLine(
                charge.amount_minor,
                str(charge.plan_id) if charge.plan_id else None,
                charge.discountable and charge.amount_minor > 0,
                charge.fraction.numerator or 1,
                charge.fraction.denominator,
                str(charge.subscription_id) if charge.subscription_id else None,
                charge.opens_period and (charge.kind == MANUAL or charge.subscription_id in purse.opened_until),
                purse.opened_until.get(charge.subscription_id) if charge.subscription_id else None,
            )
            for charge in owed
        ],
        purse.vouchers,
        currency,
        moment,
    )
    purse.vouchers[:] = spent(purse.vouchers, outcome.used)
    discounts = [own + charge.discount_minor for own, charge in zip(outcome.discounts_minor, owed, strict=True)]
    for position, charge in enumerate(owed):
        if charge.takes_back_from is not None:
            discounts[position] = _share_taken_back(charge, owed, outcome.discounts_minor)
    return tuple(discounts), outcome.used


def _share_taken_back(charge: Charge, owed: Sequence[Charge], discounts_minor: Sequence[int]) -> int:
    """Return the discount of a charge that takes back a part of another one on the same document, in proportion."""
    amount_minor = discount_minor = 0
    for other, discount in zip(owed, discounts_minor, strict=True):
        if (other.item_id, other.kind, other.period_start) == (charge.item_id, RECURRING, charge.takes_back_from):
            amount_minor += other.amount_minor
            discount_minor += discount
    return divide_half_away(charge.amount_minor * discount_minor, amount_minor) if amount_minor > 0 else 0


def spent(vouchers: Iterable[Voucher], used: Iterable[UsedVoucher]) -> list[Voucher]:
    """Return vouchers after an invoice: those it consumed have one less to serve, and know the periods it opened."""
    consumed = {one.redemption_id: one for one in used if one.consumes}
    return [
        _spend(voucher, consumed[voucher.redemption_id]) if voucher.redemption_id in consumed else voucher
        for voucher in vouchers
    ]


def _spend(voucher: Voucher, used: UsedVoucher) -> Voucher:
    """Return a voucher after one more invoice that it served."""
    if voucher.remaining is None:
        return voucher
    counted = {**dict(voucher.counted), **dict(used.counted)}
    return replace(voucher, remaining=voucher.remaining - 1, counted=tuple(counted.items()))


def _balance_applied(total_minor: int, balance_minor: int) -> int:
    """Return what a balance pays of a total: credit up to the total, a debit whole (Billing rules, section 6).

    >>> _balance_applied(1000, 100), _balance_applied(1000, 1100), _balance_applied(1000, -100), _balance_applied(0, 5)
    (100, 1000, -100, 0)
    """
    if total_minor <= 0:
        return 0
    return min(balance_minor, total_minor)


def after(
    account: Account,
    proposals: Sequence[Proposal],
    agreements: Sequence[Agreement],
    invoice_ids: Sequence[uuid.UUID | None] = (),
) -> Account:
    """Return the account as it stands once these proposals are stored: the next missed period starts from it.

    `invoice_ids` name the invoices they become, where that is known: what is given back of them later lowers those.
    """
    balances = dict(account.balances_minor)
    open_minor = account.open_minor
    vouchers = list(account.vouchers)
    for proposal in proposals:
        balances[proposal.currency] = balances.get(proposal.currency, 0) - proposal.balance_applied_minor
        if proposal.is_credit:
            taken = taken_off(-proposal.total_minor, {one: open_minor.get(one, 0) for one in proposal.corrected_ids})
            open_minor = {**open_minor, **{one: open_minor[one] - minor for one, minor in taken.items()}}
            balances[proposal.currency] -= proposal.total_minor + sum(taken.values())
        vouchers = spent(vouchers, proposal.used_vouchers)
    moved = {agreement.subscription_id: agreement for agreement in agreements}
    return replace(
        with_lines(account, proposals, invoice_ids),
        balances_minor=balances,
        open_minor=open_minor,
        vouchers=tuple(vouchers),
        agreements=tuple(moved.get(agreement.subscription_id, agreement) for agreement in account.agreements),
    )


def with_lines(
    account: Account, proposals: Sequence[Proposal], invoice_ids: Sequence[uuid.UUID | None] = ()
) -> Account:
    """Return the account with the lines of these proposals billed, and nothing else changed: so drafts count."""
    billed = dict(account.billed)
    for proposal, invoice_id in zip_longest(proposals, invoice_ids):
        stands_on = None if proposal.is_credit else invoice_id
        for line in proposal.lines:
            if line.charge.item_id is not None:
                billed[line.charge.item_id] = (*billed.get(line.charge.item_id, ()), _as_billed(line, stands_on))
    return replace(account, billed=billed)


def _as_billed(line: ProposedLine, invoice_id: uuid.UUID | None) -> BilledLine:
    """Return a proposed line as the history will show it: on its invoice, or else on the one it corrects."""
    charge = line.charge
    return BilledLine(
        invoice_id=invoice_id or charge.corrects,
        kind=charge.kind,
        period_start=charge.period_start,
        period_end=charge.period_end,
        tier=charge.tier,
        revision=charge.revision,
        quantity=charge.quantity,
        amount_minor=charge.amount_minor,
        discount_minor=line.discount_minor,
        treatment=line.treatment,
        price_id=charge.price.price_id,
    )
