"""The brands and people of the sample documents, and what builds a document around a few lines."""

import struct
import zlib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from core.domain.rounding import round_half_away
from invoicing.domain.document import BrandLook, Document, DocumentKind, DocumentLine, DocumentStatus, Party, TaxRow

LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#0b5d5e"/>'
    b'<path d="M16 44 L28 20 L36 36 L42 26 L50 44 Z" fill="#f2b134"/></svg>'
)


def png_logo(width: int, height: int) -> bytes:
    """Return a picture that fades from indigo to pink, as a PNG file."""
    row = b"\x00" + b"".join(
        bytes((59 + 165 * x // width, 63 + 23 * x // width, 182 - 60 * x // width)) for x in range(width)
    )

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(row * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


NORDLICHT = BrandLook(
    name="Nordlicht Software",
    colour="#0b5d5e",
    accent_colour="#f2b134",
    logo=LOGO,
    logo_type="image/svg+xml",
    footer=(
        "Nordlicht Software GmbH · Amtsgericht Hamburg HRB 123456 · Geschäftsführerin: Dr. Wiebke Petersen\n"
        "Steuernummer 27/123/45678 · USt-IdNr. DE136695976"
    ),
    payment_instructions="Bitte überweisen Sie den Betrag unter Angabe des Verwendungszwecks auf unser Konto.",
    iban="DE75512108001245126199",
    bic="SOGEDEFF",
)
HARBOUR = BrandLook(
    name="Harbour Cloud",
    colour="#3b3fb6",
    accent_colour="#e0567a",
    footer="Harbour Cloud Ltd · Registered in England and Wales 09876543 · 12 Wharf Lane, Bristol BS1 4RW",
    payment_instructions="Pay by bank transfer, or by card with the link in the e-mail this invoice came with.",
    iban="GB33BUKB20201555555555",
    bic="BUKBGB22",
)
LEMON = BrandLook(name="Lemon Metrics", colour="#ffd60a", accent_colour="#ff9f1c", footer="Lemon Metrics, Inc.")

GERMAN_SELLER = Party(
    company="Nordlicht Software GmbH",
    street=("Speicherstraße 14",),
    postcode="20457",
    city="Hamburg",
    country="DE",
    tax_number="DE136695976",
    email="rechnung@nordlicht.example",
)
BRITISH_SELLER = Party(
    company="Harbour Cloud Ltd",
    street=("12 Wharf Lane",),
    postcode="BS1 4RW",
    city="Bristol",
    country="GB",
    tax_number="GB980780684",
    email="billing@harbour.example",
)
AMERICAN_SELLER = Party(
    company="Lemon Metrics, Inc.",
    street=("500 Howard Street", "Suite 300"),
    postcode="94105",
    city="San Francisco",
    region="CA",
    country="US",
    email="billing@lemon.example",
)
ALICE = Party(
    name="Alice Berger",
    company="Bergers Backstube GmbH & Co. KG",
    street=("Lindenallee 3",),
    postcode="50968",
    city="Köln",
    country="DE",
    tax_number="DE129273398",
)
BOB = Party(
    name="Bob Whitfield",
    company="Whitfield & Sons Ltd",
    street=("4 Castle Street",),
    postcode="EH2 3AH",
    city="Edinburgh",
    country="GB",
)

MARCH = (date(2026, 3, 1), date(2026, 3, 31))


def charge(description: str, net_minor: int, rate: str, **facts: Any) -> DocumentLine:
    """Return a line with the tax of a price that excludes it."""
    tax_minor = round_half_away(Decimal(net_minor) * Decimal(rate) / 100)
    return DocumentLine(
        description=description,
        net_minor=net_minor,
        tax_minor=tax_minor,
        gross_minor=net_minor + tax_minor,
        tax_rate=Decimal(rate),
        **facts,
    )


def inclusive_charge(description: str, gross_minor: int, rate: str, **facts: Any) -> DocumentLine:
    """Return a line with the tax inside its price."""
    net_minor = round_half_away(Decimal(gross_minor) * 100 / (100 + Decimal(rate)))
    return DocumentLine(
        description=description,
        including_tax=True,
        net_minor=net_minor,
        tax_minor=gross_minor - net_minor,
        gross_minor=gross_minor,
        tax_rate=Decimal(rate),
        **facts,
    )


def tax_rows(
    lines: Sequence[DocumentLine], name: str = "", reasons: dict[str, str] | None = None
) -> tuple[TaxRow, ...]:
    """Return a row for each rate and category of the lines."""
    groups = dict.fromkeys((line.tax_rate, line.tax_category) for line in lines)
    return tuple(
        TaxRow(
            rate=rate,
            category=category,
            name=name,
            net_minor=sum(line.net_minor for line in lines if (line.tax_rate, line.tax_category) == (rate, category)),
            tax_minor=sum(line.tax_minor for line in lines if (line.tax_rate, line.tax_category) == (rate, category)),
            reason=(reasons or {}).get(category, ""),
        )
        for rate, category in groups
    )


def document_of(lines: Sequence[DocumentLine], *, tax_name: str = "", **values: Any) -> Document:
    """Return a document whose sums follow from its lines: an open German invoice of March, but for the values."""
    sub_total_minor = sum(line.net_minor for line in lines)
    tax_total_minor = sum(line.tax_minor for line in lines)
    total_minor = sub_total_minor + tax_total_minor
    settled_minor = sum(values.get(name, 0) for name in ("balance_applied_minor", "credited_minor", "paid_minor"))
    is_credit_note = values.get("kind") is DocumentKind.CREDIT_NOTE
    facts: dict[str, Any] = {
        "kind": DocumentKind.INVOICE,
        "number": "RE-2026-000417",
        "status": DocumentStatus.OPEN,
        "issue_date": date(2026, 4, 1),
        "due_date": date(2026, 5, 1),
        "supply_start": MARCH[0],
        "supply_end": MARCH[1],
        "currency": "EUR",
        "locale": "de",
        "brand": NORDLICHT,
        "seller": GERMAN_SELLER,
        "buyer": ALICE,
        "lines": tuple(lines),
        "tax_rows": tax_rows(lines, tax_name, values.pop("reasons", None)),
        "sub_total_minor": sub_total_minor,
        "discount_total_minor": sum(line.discount_minor for line in lines),
        "tax_total_minor": tax_total_minor,
        "total_minor": total_minor,
        "amount_due_minor": 0 if is_credit_note else total_minor - settled_minor,
    }
    return Document(**(facts | values))
