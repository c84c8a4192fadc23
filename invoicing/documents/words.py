"""Every word the engine itself puts on a document, per language.

A language is one `Words`; a missing word is a TypeError at import, not a gap on somebody's invoice. Placeholders in
braces are filled with `str.format`.
"""

from dataclasses import dataclass

FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of one language."""

    # What the paper is, and what its number, date and day are called
    invoice: str
    credit_note: str
    receipt: str
    draft_title: str
    number: str
    issue_date: str
    due_date: str
    supply_period: str
    related_invoice: str
    related_invoices: str
    page: str
    of: str

    # Parties
    bill_to: str
    vat_number: str
    tax_number: str

    # The box that says what matters
    amount_due: str
    amount_paid: str
    amount_credited: str
    total_voided: str
    nothing_due: str
    due_by: str
    paid_on: str

    # Stamps
    stamp_paid: str
    stamp_void: str
    stamp_credit: str
    stamp_draft: str

    # The table
    description: str
    quantity: str
    unit_price: str
    discount: str
    tax: str
    amount: str
    amount_with_tax: str
    price_includes_tax: str
    tier: str
    tier_open: str
    flat_fee: str
    share_days: str
    share_360: str
    share_seconds: str
    unused: str
    seats_added: str
    seats_removed: str

    # Totals
    before_discount: str
    discounts: str
    discounts_included: str
    sub_total: str
    tax_on: str
    total: str
    balance_credit: str
    balance_debit: str
    credited: str
    paid: str
    to_invoices: str
    to_balance: str
    refunded: str
    local_tax: str

    # Below
    payments: str
    payment_date: str
    payment_method: str
    how_to_pay: str
    payment_reference: str
    notes: str


WORDS: dict[str, Words] = {
    "en": Words(
        invoice="Invoice",
        credit_note="Credit note",
        receipt="Receipt",
        draft_title="Draft",
        number="Number",
        issue_date="Date of issue",
        due_date="Due date",
        supply_period="Service period",
        related_invoice="For invoice",
        related_invoices="For invoices",
        page="Page",
        of="of",
        bill_to="Bill to",
        vat_number="VAT ID",
        tax_number="Tax number",
        amount_due="Amount due",
        amount_paid="Amount paid",
        amount_credited="Amount credited",
        total_voided="Total, void",
        nothing_due="Nothing to pay",
        due_by="Please pay by {date}",
        paid_on="Paid on {date}",
        stamp_paid="Paid",
        stamp_void="Void",
        stamp_credit="Credit note",
        stamp_draft="Draft",
        description="Description",
        quantity="Quantity",
        unit_price="Unit price",
        discount="Discount",
        tax="Tax",
        amount="Amount",
        amount_with_tax="Amount incl. tax",
        price_includes_tax="Unit price includes tax",
        tier="Tier {number}: {first} to {last}",
        tier_open="Tier {number}: {first} and above",
        flat_fee="flat fee {amount}",
        share_days="{part} of {whole} days",
        share_360="{part} of {whole} days (30/360)",
        share_seconds="{percent} of the period",
        unused="Unused time",
        seats_added="Seats added: {seats}",
        seats_removed="Seats removed: {seats}",
        before_discount="Before discount",
        discounts="Discount",
        discounts_included="Discount included above",
        sub_total="Subtotal",
        tax_on="{tax} {rate} on {net}",
        total="Total",
        balance_credit="Credit balance applied",
        balance_debit="Earlier balance due",
        credited="Credited",
        paid="Paid",
        to_invoices="Taken off open invoices",
        to_balance="Added to your balance",
        refunded="Paid back",
        local_tax="In {currency} at 1 {base} = {rate} {currency} ({date}): net {net}, tax {tax}",
        payments="Payments",
        payment_date="Date",
        payment_method="Method",
        how_to_pay="How to pay",
        payment_reference="Reference",
        notes="Notes",
    ),
    "de": Words(
        invoice="Rechnung",
        credit_note="Rechnungskorrektur",
        receipt="Zahlungsbeleg",
        draft_title="Entwurf",
        number="Nummer",
        issue_date="Ausstellungsdatum",
        due_date="Fällig am",
        supply_period="Leistungszeitraum",
        related_invoice="Zu Rechnung",
        related_invoices="Zu Rechnungen",
        page="Seite",
        of="von",
        bill_to="Rechnung an",
        vat_number="USt-IdNr.",
        tax_number="Steuernummer",
        amount_due="Zu zahlen",
        amount_paid="Bezahlt",
        amount_credited="Gutgeschrieben",
        total_voided="Gesamtbetrag, storniert",
        nothing_due="Nichts zu zahlen",
        due_by="Bitte zahlen Sie bis zum {date}",
        paid_on="Bezahlt am {date}",
        stamp_paid="Bezahlt",
        stamp_void="Storniert",
        stamp_credit="Korrektur",
        stamp_draft="Entwurf",
        description="Bezeichnung",
        quantity="Menge",
        unit_price="Einzelpreis",
        discount="Rabatt",
        tax="USt.",
        amount="Betrag",
        amount_with_tax="Betrag inkl. USt.",
        price_includes_tax="Einzelpreis inkl. USt.",
        tier="Stufe {number}: {first} bis {last}",
        tier_open="Stufe {number}: ab {first}",
        flat_fee="Grundbetrag {amount}",
        share_days="{part} von {whole} Tagen",
        share_360="{part} von {whole} Tagen (30/360)",
        share_seconds="{percent} des Zeitraums",
        unused="Nicht genutzte Zeit",
        seats_added="Plätze hinzugefügt: {seats}",
        seats_removed="Plätze entfernt: {seats}",
        before_discount="Vor Rabatt",
        discounts="Rabatt",
        discounts_included="Darin enthaltener Rabatt",
        sub_total="Nettobetrag",
        tax_on="{tax} {rate} auf {net}",
        total="Gesamtbetrag",
        balance_credit="Verrechnetes Guthaben",
        balance_debit="Offener Saldo",
        credited="Gutgeschrieben",
        paid="Bezahlt",
        to_invoices="Mit offenen Rechnungen verrechnet",
        to_balance="Ihrem Guthaben zugeführt",
        refunded="Zurückgezahlt",
        local_tax="In {currency} zu 1 {base} = {rate} {currency} ({date}): netto {net}, Steuer {tax}",
        payments="Zahlungen",
        payment_date="Datum",
        payment_method="Zahlungsart",
        how_to_pay="Zahlung",
        payment_reference="Referenz",
        notes="Hinweise",
    ),
    "fr": Words(
        invoice="Facture",
        credit_note="Avoir",
        receipt="Reçu",
        draft_title="Brouillon",
        number="Numéro",
        issue_date="Date d’émission",
        due_date="Échéance",
        supply_period="Période de service",
        related_invoice="Facture concernée",
        related_invoices="Factures concernées",
        page="Page",
        of="sur",
        bill_to="Facturé à",
        vat_number="N° TVA",
        tax_number="N° fiscal",
        amount_due="Montant à payer",
        amount_paid="Montant payé",
        amount_credited="Montant crédité",
        total_voided="Total, annulé",
        nothing_due="Rien à payer",
        due_by="À payer au plus tard le {date}",
        paid_on="Payé le {date}",
        stamp_paid="Payé",
        stamp_void="Annulé",
        stamp_credit="Avoir",
        stamp_draft="Brouillon",
        description="Désignation",
        quantity="Quantité",
        unit_price="Prix unitaire",
        discount="Remise",
        tax="TVA",
        amount="Montant",
        amount_with_tax="Montant TTC",
        price_includes_tax="Prix unitaire TTC",
        tier="Palier {number} : de {first} à {last}",
        tier_open="Palier {number} : à partir de {first}",
        flat_fee="forfait {amount}",
        share_days="{part} jours sur {whole}",
        share_360="{part} jours sur {whole} (30/360)",
        share_seconds="{percent} de la période",
        unused="Temps non utilisé",
        seats_added="Places ajoutées : {seats}",
        seats_removed="Places retirées : {seats}",
        before_discount="Avant remise",
        discounts="Remise",
        discounts_included="Remise comprise ci-dessus",
        sub_total="Total HT",
        tax_on="{tax} {rate} sur {net}",
        total="Total TTC",
        balance_credit="Avoir disponible utilisé",
        balance_debit="Solde antérieur dû",
        credited="Crédité",
        paid="Payé",
        to_invoices="Déduit des factures ouvertes",
        to_balance="Ajouté à votre solde",
        refunded="Remboursé",
        local_tax="En {currency} à 1 {base} = {rate} {currency} ({date}) : HT {net}, taxe {tax}",
        payments="Paiements",
        payment_date="Date",
        payment_method="Moyen",
        how_to_pay="Règlement",
        payment_reference="Référence",
        notes="Mentions",
    ),
    "es": Words(
        invoice="Factura",
        credit_note="Factura rectificativa",
        receipt="Recibo",
        draft_title="Borrador",
        number="Número",
        issue_date="Fecha de emisión",
        due_date="Vencimiento",
        supply_period="Periodo de servicio",
        related_invoice="De la factura",
        related_invoices="De las facturas",
        page="Página",
        of="de",
        bill_to="Facturar a",
        vat_number="NIF-IVA",
        tax_number="NIF",
        amount_due="Importe a pagar",
        amount_paid="Importe pagado",
        amount_credited="Importe abonado",
        total_voided="Total, anulado",
        nothing_due="Nada que pagar",
        due_by="A pagar hasta el {date}",
        paid_on="Pagado el {date}",
        stamp_paid="Pagado",
        stamp_void="Anulado",
        stamp_credit="Abono",
        stamp_draft="Borrador",
        description="Descripción",
        quantity="Cantidad",
        unit_price="Precio unitario",
        discount="Descuento",
        tax="IVA",
        amount="Importe",
        amount_with_tax="Importe con IVA",
        price_includes_tax="Precio unitario con IVA",
        tier="Tramo {number}: de {first} a {last}",
        tier_open="Tramo {number}: desde {first}",
        flat_fee="cuota fija {amount}",
        share_days="{part} de {whole} días",
        share_360="{part} de {whole} días (30/360)",
        share_seconds="{percent} del periodo",
        unused="Tiempo no utilizado",
        seats_added="Puestos añadidos: {seats}",
        seats_removed="Puestos retirados: {seats}",
        before_discount="Antes de descuento",
        discounts="Descuento",
        discounts_included="Descuento incluido arriba",
        sub_total="Base imponible",
        tax_on="{tax} {rate} sobre {net}",
        total="Total",
        balance_credit="Saldo a favor aplicado",
        balance_debit="Saldo anterior pendiente",
        credited="Abonado",
        paid="Pagado",
        to_invoices="Descontado de facturas abiertas",
        to_balance="Añadido a su saldo",
        refunded="Devuelto",
        local_tax="En {currency} a 1 {base} = {rate} {currency} ({date}): base {net}, impuesto {tax}",
        payments="Pagos",
        payment_date="Fecha",
        payment_method="Medio",
        how_to_pay="Cómo pagar",
        payment_reference="Concepto",
        notes="Notas",
    ),
}


def words_for(locale: str) -> Words:
    """Return the words of a locale's language: de-AT reads German, a language not here reads English."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return WORDS.get(language, WORDS[FALLBACK_LANGUAGE])


def language_of(locale: str) -> str:
    """Return the language code the words are in, for the document's own language mark."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return language if language in WORDS else FALLBACK_LANGUAGE
