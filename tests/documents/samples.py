"""Twenty documents between them showing everything a document can hold; the tests draw them, and so can you.

`python -m tests.documents.samples FOLDER` writes them as PDF files to look at.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from invoicing.domain.document import (
    CreditUse,
    Document,
    DocumentKind,
    DocumentPayment,
    DocumentStatus,
    LocalTax,
    Party,
    ProratedShare,
    ShareUnit,
    TierSpan,
)
from tests.documents.cast import (
    AMERICAN_SELLER,
    BOB,
    BRITISH_SELLER,
    HARBOUR,
    LEMON,
    MARCH,
    NORDLICHT,
    charge,
    document_of,
    inclusive_charge,
    png_logo,
)
from tests.documents.extremes import (
    invoice_arabic,
    invoice_huge,
    invoice_kwd,
    invoice_long,
    invoice_many_parts,
    invoice_scripts,
    invoice_wordy,
)


def invoice_de() -> Document:
    """Three lines, one rate, a transfer to make."""
    period = {"period_start": MARCH[0], "period_end": MARCH[1]}
    return document_of(
        [
            charge("Team-Tarif", 24900, "19", quantity=Decimal(5), unit_price=Decimal(4980), **period),
            charge("Zusätzlicher Speicher", 4250, "19", quantity=Decimal("12.5"), unit_price=Decimal(340), **period),
            charge("Einrichtung und Datenübernahme", 45000, "19", quantity=Decimal(1), unit_price=Decimal(45000)),
        ],
        tax_name="USt.",
        notes=("Vielen Dank, dass Sie mit Nordlicht arbeiten.",),
    )


def invoice_jpy() -> Document:
    """A currency without minor units, and a Japanese address."""
    buyer = Party(
        name="山田 太郎",
        company="株式会社ひかりシステム",
        street=("千代田区丸の内1-9-2 グラントウキョウサウスタワー",),
        postcode="100-6640",
        city="東京都",
        country="JP",
    )
    return document_of(
        [
            charge("Business plan", 48000, "10", quantity=Decimal(8), unit_price=Decimal(6000)),
            charge("API calls", 12346, "10", quantity=Decimal(123456), unit_price=Decimal("0.1")),
        ],
        currency="JPY",
        locale="en",
        number="INV-2026-000981",
        brand=HARBOUR,
        seller=BRITISH_SELLER,
        buyer=buyer,
        tax_name="Consumption tax",
    )


def invoice_tiers() -> Document:
    """Graduated tiers with flat fees, a voucher, sales tax, a pale brand colour."""
    usage = {"period_start": date(2026, 2, 1), "period_end": date(2026, 2, 28), "discount_minor": 0}
    tiers = [
        ("0.5", 10000, 0, 5000, TierSpan(1, 1, 10_000)),
        ("0.3", 40000, 500, 12500, TierSpan(2, 10_001, 50_000, Decimal(500))),
        ("0.0125", 175250, 1000, 3191, TierSpan(3, 50_001, None, Decimal(1000))),
    ]
    lines = [charge("Growth plan", 7920, "8.625", quantity=Decimal(1), unit_price=Decimal(9900), discount_minor=1980)]
    for price, quantity, _flat, amount_minor, tier in tiers:
        discount_minor = amount_minor // 5
        facts = usage | {"discount_minor": discount_minor, "tier": tier}
        lines.append(
            charge(
                "Events tracked",
                amount_minor - discount_minor,
                "8.625",
                quantity=Decimal(quantity),
                unit_price=Decimal(price),
                **facts,
            )
        )
    return document_of(
        lines,
        currency="USD",
        locale="en",
        number="LM-10023",
        brand=LEMON,
        seller=AMERICAN_SELLER,
        buyer=Party(
            company="Prairie Logistics LLC",
            name="Dana Scott",
            street=("1200 Grand Blvd",),
            city="Kansas City",
            region="MO",
            postcode="64106",
            country="US",
        ),
        tax_name="Sales tax",
        notes=("Voucher SPRING20: 20 % off this invoice.",),
    )


def credit_note() -> Document:
    """A downgrade in the middle of a month, part of it set against an open invoice."""
    share = ProratedShare(15, 30)
    lines = [
        charge("Team-Tarif", 12450, "19", share=share, period_start=date(2026, 4, 16), period_end=date(2026, 4, 30)),
        charge("Zusätzlicher Speicher", 2125, "19", share=share),
    ]
    total_minor = sum(line.gross_minor for line in lines)
    return document_of(
        lines,
        kind=DocumentKind.CREDIT_NOTE,
        number="GS-2026-000031",
        due_date=None,
        related_numbers=("RE-2026-000417",),
        credit_use=CreditUse(to_invoices_minor=10000, to_balance_minor=total_minor - 10000),
        tax_name="USt.",
        notes=("Grund: Wechsel in den Starter-Tarif am 16. April 2026.",),
    )


def receipt() -> Document:
    """Two invoices paid at once by card."""
    lines = [
        charge("Invoice HC-2026-0311", 12000, "20", quantity=Decimal(1), unit_price=Decimal(12000)),
        charge("Invoice HC-2026-0348", 4500, "20", quantity=Decimal(1), unit_price=Decimal(4500)),
    ]
    paid_minor = sum(line.gross_minor for line in lines)
    return document_of(
        lines,
        kind=DocumentKind.RECEIPT,
        status=DocumentStatus.PAID,
        number="RCPT-2026-00177",
        currency="GBP",
        locale="en-GB",
        brand=replace(HARBOUR, logo=png_logo(900, 160), logo_type="image/png"),
        seller=BRITISH_SELLER,
        buyer=BOB,
        supply_start=None,
        supply_end=None,
        paid_minor=paid_minor,
        payments=(DocumentPayment(date(2026, 4, 3), paid_minor, "Visa ending 4242"),),
        related_numbers=("HC-2026-0311", "HC-2026-0348"),
        tax_name="VAT",
    )


def reverse_charge() -> Document:
    """A French business buys from Germany: no tax, the reason, both numbers."""
    buyer = Party(
        name="Chloé Lefèvre",
        company="Atelier des Étoiles SARL",
        street=("27 rue de la Convention",),
        postcode="75015",
        city="Paris",
        country="FR",
        tax_number="FR40303265045",
    )
    period = {"period_start": MARCH[0], "period_end": MARCH[1]}
    return document_of(
        [
            charge(
                "Forfait Équipe",
                99600,
                "0",
                tax_category="AE",
                quantity=Decimal(20),
                unit_price=Decimal(4980),
                **period,
            ),
            charge(
                "Assistance prioritaire", 15000, "0", tax_category="AE", quantity=Decimal(1), unit_price=Decimal(15000)
            ),
        ],
        locale="fr",
        buyer=buyer,
        reasons={"AE": "Autoliquidation : la TVA est due par le preneur (article 196 de la directive 2006/112/CE)."},
        brand=replace(NORDLICHT, payment_instructions="Merci de régler par virement en indiquant la référence."),
    )


def invoice_zero() -> Document:
    """Fully discounted, so paid at once."""
    return document_of(
        [charge("Starter-Tarif", 0, "19", quantity=Decimal(1), unit_price=Decimal(990), discount_minor=990)],
        status=DocumentStatus.PAID,
        due_date=None,
        tax_name="USt.",
        notes=("Gutschein WILLKOMMEN: 100 % auf den ersten Monat.",),
    )


def invoice_void() -> Document:
    """Voided: credited in full."""
    original = invoice_de()
    tall = replace(HARBOUR, logo=png_logo(120, 400), logo_type="image/png")
    return replace(
        original,
        status=DocumentStatus.VOID,
        credited_minor=original.total_minor,
        amount_due_minor=0,
        locale="en",
        brand=tall,
    )


def invoice_rates() -> Document:
    """Three rates, prices with tax inside, a discount."""
    return document_of(
        [
            inclusive_charge("Plan Profesional", 12100, "21", quantity=Decimal(2), unit_price=Decimal(6050)),
            inclusive_charge("Manual impreso", 2912, "4", quantity=Decimal(2), unit_price=Decimal(1456)),
            inclusive_charge(
                "Jornada con comida", 9900, "10", quantity=Decimal(2), unit_price=Decimal(5500), discount_minor=1100
            ),
        ],
        locale="es",
        number="F-2026-0099",
        buyer=Party(
            company="Olivares del Sur, S.L.",
            street=("Calle Betis 31",),
            postcode="41010",
            city="Sevilla",
            country="ES",
            tax_number="ESB91234567",
        ),
        brand=replace(NORDLICHT, payment_instructions="Transferencia bancaria a la cuenta indicada."),
    )


def invoice_change() -> Document:
    """An upgrade in mid-period: credit, charge and a part in seconds; balance used, part paid."""
    share = ProratedShare(15, 30)
    rest = {"period_start": date(2026, 6, 16), "period_end": date(2026, 6, 30)}
    return document_of(
        [
            charge("Basic plan", -5000, "20", share=share, **rest),
            charge("Scale plan", 15000, "20", share=share, **rest),
            charge("Seats", 2710, "20", share=ProratedShare(1296000, 2592000, ShareUnit.SECOND), quantity=Decimal(3)),
            charge("Minimum commitment", 9000, "20", share=ProratedShare(15, 30, ShareUnit.THIRTY_360)),
        ],
        locale="en-GB",
        currency="GBP",
        number="HC-2026-0610",
        brand=HARBOUR,
        seller=BRITISH_SELLER,
        buyer=BOB,
        issue_date=date(2026, 6, 16),
        due_date=date(2026, 7, 16),
        balance_applied_minor=1800,
        paid_minor=10000,
        payments=(
            DocumentPayment(date(2026, 6, 18), 6000, "Bank transfer"),
            DocumentPayment(date(2026, 6, 25), 4000, "Mastercard ending 0044"),
        ),
        tax_name="VAT",
    )


def invoice_draft() -> Document:
    """A preview without a number."""
    return replace(invoice_de(), status=DocumentStatus.DRAFT, number="", due_date=None, locale="fr")


def invoice_balance() -> Document:
    """Covered by balance, so nothing is due; an accountant's note."""
    line = charge("Team plan", 1000, "20", quantity=Decimal(1), unit_price=Decimal(1000))
    return document_of(
        [line],
        status=DocumentStatus.PAID,
        balance_applied_minor=1200,
        locale="en-GB",
        currency="GBP",
        brand=HARBOUR,
        seller=BRITISH_SELLER,
        buyer=BOB,
        tax_name="VAT",
    )


def invoice_foreign() -> Document:
    """Dollars, with net and tax in the tax country's currency."""
    return document_of(
        [charge("Team plan", 120000, "19", quantity=Decimal(10), unit_price=Decimal(12000))],
        currency="USD",
        status=DocumentStatus.PAID,
        paid_minor=142800,
        payments=(DocumentPayment(date(2026, 4, 1), 142800, "Visa, Karte auf 4242"),),
        local_tax=LocalTax("EUR", 110400, 20976, Decimal("0.92"), date(2026, 4, 1)),
        tax_name="USt.",
    )


SAMPLES: dict[str, Callable[[], Document]] = {
    builder.__name__: builder
    for builder in (
        invoice_de,
        invoice_jpy,
        invoice_tiers,
        credit_note,
        receipt,
        invoice_long,
        reverse_charge,
        invoice_arabic,
        invoice_zero,
        invoice_wordy,
        invoice_kwd,
        invoice_void,
        invoice_rates,
        invoice_change,
        invoice_draft,
        invoice_balance,
        invoice_scripts,
        invoice_huge,
        invoice_foreign,
        invoice_many_parts,
    )
}


def main(folder: str) -> None:
    """Write every sample into a folder."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from invoicing.documents.renderer import WeasyPrintRenderer

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, builder in SAMPLES.items():
        (target / f"{name}.pdf").write_bytes(WeasyPrintRenderer().render(builder()))


if __name__ == "__main__":
    main(sys.argv[1])
