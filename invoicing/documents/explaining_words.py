"""The sentences that explain an invoice, per language.

As with the words of documents a missing sentence is a TypeError at import. Placeholders are filled with `str.format`.
"""

from dataclasses import dataclass

from invoicing.documents.words import language_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """The sentences of one language."""

    # What was charged, for which days
    recurring: str
    once: str
    usage: str
    usage_late: str
    seats_added: str
    seats_removed: str
    unused: str
    minimum: str
    corrected: str

    # At which price
    price: str
    price_flat: str
    rounded: str
    tier: str
    tier_open: str
    share: str
    share_percent: str
    share_credited: str
    share_percent_credited: str
    billed_before: str

    # Less what, plus which tax
    voucher: str
    voucher_fixed: str
    discount_shared: str
    tax: str
    tax_included: str
    tax_none: str
    line_total: str

    # What it comes to
    total: str
    balance_used: str
    balance_debit: str
    paid: str
    credited: str
    written_off: str
    due: str
    nothing_due: str


SENTENCES: dict[str, Sentences] = {
    "en": Sentences(
        recurring="Charged for {span}.",
        once="Charged once.",
        usage="Used from {start} to {end}: {quantity}, counted from {events} events.",
        usage_late="Usage from {start} to {end} that arrived after the invoice; {before} had been charged.",
        seats_added="{seats} seats were added; charged for {span}.",
        seats_removed="{seats} seats were removed; given back for {span}.",
        unused="Given back for {span}: paid for and not used.",
        minimum="The minimum agreed for {span} is {minimum}; {charged} was charged, so that the rest is due.",
        corrected="This takes back what was charged for {span}.",
        price="{quantity} × {price} = {amount}.",
        price_flat="{quantity} × {price} and a flat fee of {flat} = {amount}.",
        rounded="Rounded to {amount}.",
        tier="This is tier {number} of the price, for units {first} to {last}.",
        tier_open="This is tier {number} of the price, from unit {first} on.",
        share="Only {part} of {whole} days of the period are charged, so that it comes to {amount}.",
        share_percent="Only {percent} of the period is charged, so that it comes to {amount}.",
        share_credited="{part} of {whole} days of the period are credited, which comes to {amount}.",
        share_percent_credited="{percent} of the period is credited, which comes to {amount}.",
        billed_before="{before} of it was charged before.",
        voucher="Your voucher takes {percent} off: {amount}.",
        voucher_fixed="Your voucher over {value} takes {amount} off.",
        discount_shared="It takes along the discount of what it corrects: {amount}.",
        tax="Tax: {rate} on {net} is {tax}.",
        tax_included="The price includes the tax: {rate}, which is {tax} of {gross}.",
        tax_none="No tax is charged. {reason}.",
        line_total="Together {gross}.",
        total="{net} without tax and {tax} tax are {total}.",
        balance_used="{amount} was paid from your credit balance.",
        balance_debit="{amount} that you owed from before was added.",
        paid="{amount} was paid.",
        credited="{amount} was credited.",
        written_off="{amount} is not asked for any more.",
        due="{amount} is due by {day}.",
        nothing_due="Nothing is due.",
    ),
    "de": Sentences(
        recurring="Berechnet für {span}.",
        once="Einmalig berechnet.",
        usage="Genutzt von {start} bis {end}: {quantity}, gezählt aus {events} Ereignissen.",
        usage_late="Nutzung von {start} bis {end}, die nach der Abrechnung eintraf; {before} waren schon berechnet.",
        seats_added="{seats} Plätze kamen hinzu; berechnet für {span}.",
        seats_removed="{seats} Plätze fielen weg; erstattet für {span}.",
        unused="Erstattet für {span}: bezahlt und nicht genutzt.",
        minimum="Für {span} sind mindestens {minimum} vereinbart; berechnet waren {charged}, es fehlt der Rest.",
        corrected="Dies nimmt zurück, was für {span} berechnet war.",
        price="{quantity} × {price} = {amount}.",
        price_flat="{quantity} × {price} und ein Grundbetrag von {flat} = {amount}.",
        rounded="Gerundet auf {amount}.",
        tier="Das ist Stufe {number} des Preises, für {first} bis {last} Einheiten.",
        tier_open="Das ist Stufe {number} des Preises, ab Einheit {first}.",
        share="Berechnet werden nur {part} von {whole} Tagen des Zeitraums, das sind {amount}.",
        share_percent="Berechnet werden nur {percent} des Zeitraums, das sind {amount}.",
        share_credited="Gutgeschrieben werden {part} von {whole} Tagen des Zeitraums, das sind {amount}.",
        share_percent_credited="Gutgeschrieben werden {percent} des Zeitraums, das sind {amount}.",
        billed_before="Davon waren {before} schon berechnet.",
        voucher="Ihr Gutschein zieht {percent} ab: {amount}.",
        voucher_fixed="Ihr Gutschein über {value} zieht {amount} ab.",
        discount_shared="Der Rabatt des berichtigten Betrags geht mit: {amount}.",
        tax="Steuer: {rate} auf {net} sind {tax}.",
        tax_included="Der Preis enthält die Steuer: {rate}, das sind {tax} von {gross}.",
        tax_none="Steuer wird nicht berechnet. {reason}.",
        line_total="Zusammen {gross}.",
        total="{net} ohne Steuer und {tax} Steuer sind {total}.",
        balance_used="{amount} wurden mit Ihrem Guthaben bezahlt.",
        balance_debit="{amount}, die Sie noch schuldeten, kamen hinzu.",
        paid="{amount} sind bezahlt.",
        credited="{amount} sind gutgeschrieben.",
        written_off="{amount} werden nicht mehr gefordert.",
        due="{amount} sind bis {day} zu zahlen.",
        nothing_due="Es ist nichts zu zahlen.",
    ),
    "fr": Sentences(
        recurring="Facturé pour la période : {span}.",
        once="Facturé une seule fois.",
        usage="Utilisé du {start} au {end} : {quantity}, d’après {events} événements.",
        usage_late="Utilisation du {start} au {end} arrivée après la facturation ; {before} étaient déjà facturés.",
        seats_added="{seats} places ajoutées ; facturé pour la période : {span}.",
        seats_removed="{seats} places retirées ; remboursé pour la période : {span}.",
        unused="Remboursé pour la période : {span}, payée et non utilisée.",
        minimum="Le minimum convenu pour {span} est de {minimum} ; {charged} ont été facturés, le reste est dû.",
        corrected="Ceci annule ce qui était facturé pour la période : {span}.",
        price="{quantity} × {price} = {amount}.",
        price_flat="{quantity} × {price} et un forfait de {flat} = {amount}.",
        rounded="Arrondi à {amount}.",
        tier="C’est le palier {number} du prix, de {first} à {last} unités.",
        tier_open="C’est le palier {number} du prix, à partir de l’unité {first}.",
        share="Seuls {part} jours sur {whole} de la période sont facturés, soit {amount}.",
        share_percent="Seuls {percent} de la période sont facturés, soit {amount}.",
        share_credited="{part} jours sur {whole} de la période sont crédités, soit {amount}.",
        share_percent_credited="{percent} de la période sont crédités, soit {amount}.",
        billed_before="Dont {before} déjà facturés.",
        voucher="Votre bon déduit {percent} : {amount}.",
        voucher_fixed="Votre bon de {value} déduit {amount}.",
        discount_shared="La remise du montant corrigé suit : {amount}.",
        tax="Taxe : {rate} de {net} font {tax}.",
        tax_included="Le prix comprend la taxe : {rate}, soit {tax} sur {gross}.",
        tax_none="Aucune taxe n’est facturée. {reason}.",
        line_total="En tout {gross}.",
        total="{net} hors taxe et {tax} de taxe font {total}.",
        balance_used="{amount} ont été payés avec votre avoir.",
        balance_debit="{amount} que vous deviez encore ont été ajoutés.",
        paid="{amount} ont été payés.",
        credited="{amount} ont été crédités.",
        written_off="{amount} ne sont plus demandés.",
        due="{amount} sont à payer au plus tard le {day}.",
        nothing_due="Il n’y a rien à payer.",
    ),
    "es": Sentences(
        recurring="Facturado por el periodo: {span}.",
        once="Facturado una sola vez.",
        usage="Usado del {start} al {end}: {quantity}, según {events} eventos.",
        usage_late="Uso del {start} al {end} que llegó después de la factura; ya se habían facturado {before}.",
        seats_added="Se añadieron {seats} puestos; facturado por el periodo: {span}.",
        seats_removed="Se retiraron {seats} puestos; devuelto por el periodo: {span}.",
        unused="Devuelto por el periodo: {span}, pagado y no utilizado.",
        minimum="El mínimo acordado para {span} es de {minimum}; se facturaron {charged} y falta el resto.",
        corrected="Esto anula lo facturado por el periodo: {span}.",
        price="{quantity} × {price} = {amount}.",
        price_flat="{quantity} × {price} y una cuota fija de {flat} = {amount}.",
        rounded="Redondeado a {amount}.",
        tier="Es el tramo {number} del precio, de {first} a {last} unidades.",
        tier_open="Es el tramo {number} del precio, desde la unidad {first}.",
        share="Solo se facturan {part} de {whole} días del periodo, es decir {amount}.",
        share_percent="Solo se factura el {percent} del periodo, es decir {amount}.",
        share_credited="Se abonan {part} de {whole} días del periodo, es decir {amount}.",
        share_percent_credited="Se abona el {percent} del periodo, es decir {amount}.",
        billed_before="De ello ya se habían facturado {before}.",
        voucher="Su cupón descuenta el {percent}: {amount}.",
        voucher_fixed="Su cupón de {value} descuenta {amount}.",
        discount_shared="Lleva consigo el descuento de lo que corrige: {amount}.",
        tax="Impuesto: el {rate} de {net} es {tax}.",
        tax_included="El precio incluye el impuesto: {rate}, es decir {tax} de {gross}.",
        tax_none="No se factura ningún impuesto. {reason}.",
        line_total="En total {gross}.",
        total="{net} sin impuestos y {tax} de impuestos son {total}.",
        balance_used="{amount} se pagaron con su saldo a favor.",
        balance_debit="Se añadieron {amount} que debía de antes.",
        paid="Se pagaron {amount}.",
        credited="Se abonaron {amount}.",
        written_off="Ya no se piden {amount}.",
        due="Hay que pagar {amount} hasta el {day}.",
        nothing_due="No hay nada que pagar.",
    ),
}


def sentences_for(locale: str) -> Sentences:
    """Return the sentences of a locale's language, English where there are none."""
    return SENTENCES[language_of(locale)]
