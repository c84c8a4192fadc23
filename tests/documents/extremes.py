"""Documents that strain the layout: many lines, long words, long numbers, other scripts."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from invoicing.domain.document import Document, Party
from tests.documents.cast import (
    BOB,
    BRITISH_SELLER,
    GERMAN_SELLER,
    HARBOUR,
    MARCH,
    NORDLICHT,
    charge,
    document_of,
)


def invoice_long(count: int = 200) -> Document:
    """Two hundred lines, some with parts, over many pages."""
    lines = []
    for position in range(1, count + 1):
        name = f"Server hour, region {position:03}" if position % 9 else f"Database cluster {position // 9}"
        lines.append(
            charge(
                name,
                1000 + position * 37,
                "20",
                details=(f"Instance class m{position % 5 + 1}, {position % 24} hours reserved",)
                if position % 4 == 0
                else (),
                quantity=Decimal(position),
                unit_price=Decimal("0.0375"),
                period_start=MARCH[0],
                period_end=MARCH[1],
            )
        )
    return document_of(
        lines,
        currency="GBP",
        locale="en-GB",
        number="HC-2026-0502",
        brand=HARBOUR,
        seller=BRITISH_SELLER,
        buyer=BOB,
        tax_name="VAT",
    )


def invoice_arabic() -> Document:
    """An Arabic name and address in an English invoice."""
    buyer = Party(
        name="فاطمة الزهراء بنت محمد",
        company="شركة النور للتقنية ذ.م.م",
        street=("شارع الشيخ زايد، برج 12",),
        city="Dubai",
        country="AE",
        tax_number="100123456700003",
    )
    return document_of(
        [
            charge("Business plan", 50000, "5", quantity=Decimal(10), unit_price=Decimal(5000)),
            charge(
                "خدمة الدعم الفني", 12000, "5", quantity=Decimal(1), unit_price=Decimal(12000), details=("Onboarding",)
            ),
        ],
        currency="AED",
        locale="en",
        number="HC-2026-0777",
        brand=HARBOUR,
        seller=BRITISH_SELLER,
        buyer=buyer,
        tax_name="VAT",
    )


def invoice_wordy() -> Document:
    """Names and descriptions nobody planned for."""
    buyer = Party(
        name="Univ.-Prof. Dr. Dr. h. c. Maximiliane Freifrau von und zu Hohenstein-Wallersberg",
        company="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft mbH & Co. KG",
        street=(
            "Abteilung für grenzüberschreitende Beschaffung und Lieferantenmanagement",
            "Hauptstraße 123 B, Hinterhaus",
        ),
        postcode="1030",
        city="Wien",
        country="AT",
        tax_number="ATU37675002",
    )
    description = (
        "Enterprise-Tarif mit erweitertem Auditprotokoll, dedizierter Umgebung in zwei Rechenzentren, "
        "Notfallbereitschaft rund um die Uhr und vierteljährlichem Betriebsbericht durch eine feste Ansprechpartnerin"
    )
    return document_of(
        [
            charge(
                description, 1249000, "20", quantity=Decimal(1), unit_price=Decimal(1249000), details=("Vertrag 4711",)
            ),
            charge(
                "https://nordlicht.example/produkte/sehr/langer/pfad/ohne/leerzeichen/der-irgendwo-umbrechen-muss?mit=parametern&und=mehr",
                100,
                "20",
            ),
            charge("Kurz", 5, "20", quantity=Decimal("0.000000000001"), unit_price=Decimal("0.030000000001")),
        ],
        buyer=buyer,
        brand=replace(NORDLICHT, name="Nordlicht Software und Systeme für den Norden", logo=None, logo_type=""),
        seller=replace(GERMAN_SELLER, company="Nordlicht Software und Systeme für den gesamten Norden GmbH & Co. KGaA"),
        notes=("Reihengeschäft. " * 40, "Zweiter Hinweis."),
        tax_name="USt.",
    )


def invoice_kwd() -> Document:
    """Three decimals."""
    return document_of(
        [
            charge("Business plan", 1234567, "0", tax_category="O", quantity=Decimal(1), unit_price=Decimal(1234567)),
            charge("Messages", 4505, "0", tax_category="O", quantity=Decimal(9010), unit_price=Decimal("0.5")),
        ],
        currency="KWD",
        locale="en",
        brand=HARBOUR,
        seller=BRITISH_SELLER,
        buyer=Party(company="Gulf Pearl Trading Co.", street=("Block 5, Street 12",), city="Kuwait City", country="KW"),
        reasons={"O": "Outside the scope of UK VAT: services supplied to a business abroad."},
        tax_name="VAT",
    )


def invoice_scripts() -> Document:
    """Names from everywhere."""
    names = (
        "上海云帆信息技术有限公司",
        "주식회사 한빛소프트",
        "חברת אור בע״מ",
        "บริษัท แสงทอง จำกัด",
        "ज्योति प्रौद्योगिकी",
        "Երևան",
        "თბილისი",
        "Ελλάδα",
        "Москва",
    )
    return document_of(
        [charge(name, 1000 + position, "19", quantity=Decimal(1)) for position, name in enumerate(names)],
        buyer=Party(
            company=names[0],
            name="王玥",
            street=("浦东新区世纪大道100号",),
            postcode="200120",
            city="上海市",
            country="CN",
        ),
        locale="en",
    )


def invoice_huge() -> Document:
    """Numbers as long as they come."""
    return document_of(
        [
            charge(
                "Platform fee, annual, all subsidiaries",
                91234567890123,
                "11",
                quantity=Decimal("1234567890.123456789012"),
                unit_price=Decimal("99999999999.123456789012"),
                discount_minor=1234567890123,
            ),
            charge("Support", 150000000, "11", quantity=Decimal(1), unit_price=Decimal(150000000)),
        ],
        currency="IDR",
        locale="en",
        buyer=Party(
            company="PT Cahaya Nusantara Tbk",
            street=("Jl. Sudirman 5",),
            postcode="10220",
            city="Jakarta",
            country="ID",
        ),
        tax_name="PPN",
    )


def invoice_many_parts() -> Document:
    """Daily slices of one plan, a lead with thirty parts that crosses a page."""
    days = [date(2026, 3, 1) + timedelta(days=offset) for offset in range(30)]
    return document_of(
        [
            charge("Render minutes", 100 + position, "20", period_start=day, period_end=day, quantity=Decimal(position))
            for position, day in enumerate(days, start=1)
        ],
        locale="en",
        brand=HARBOUR,
        seller=BRITISH_SELLER,
        buyer=BOB,
        currency="GBP",
    )
