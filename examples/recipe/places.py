"""The twelve countries of the example company's customers: towns, names and what companies call themselves."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """Who lives and works in one country. A town is (city, postcode, region, time zone)."""

    code: str
    customers: int
    currency: str
    brand: str
    locale: str
    towns: tuple[tuple[str, str, str, str], ...]
    streets: tuple[str, ...]
    street_format: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    words: tuple[str, ...]
    trades: tuple[str, ...]
    tax_number: str = ""
    """A form in which # stands for a digit; the digits are drawn until the check digit passes."""
    name_format: str = "{given} {family}"
    company_format: str = "{word} {trade}"


EUROPE, UNITED_KINGDOM = "fernspiegel", "fernspiegel-uk"

COUNTRIES = (
    Country(
        "DE", 46, "EUR", EUROPE, "de",
        (("Berlin", "10969", "", "Europe/Berlin"), ("Köln", "50667", "", "Europe/Berlin"),
         ("München", "80331", "", "Europe/Berlin"), ("Görlitz", "02826", "", "Europe/Berlin"),
         ("Lübeck", "23552", "", "Europe/Berlin"), ("Würzburg", "97070", "", "Europe/Berlin")),
        ("Lindenstraße", "Große Bleiche", "Am Mühlgraben", "Schützenweg", "Kastanienallee", "Färbergasse"),
        "{street} {number}",
        ("Jürgen", "Käthe", "Björn", "Zoë", "Sören", "Mathilda", "Özlem", "Friederike", "Thilo", "Änne", "Götz"),
        ("Müller-Lüdenscheidt", "Weiß", "Großmann", "Yıldız", "Schäfer", "Nguyễn", "Köhler", "Vogelsang", "Ebner"),
        ("Möwenhof", "Kranichfeld", "Eisvogel", "Grünspan", "Bärlauch", "Nordlicht", "Zeisig", "Rübezahl", "Hafergold"),
        ("Software GmbH", "Logistik GmbH", "Verlag GmbH & Co. KG", "Maschinenbau AG", "Genossenschaft eG", "Studio UG"),
        "DE9########",
    ),
    Country(
        "AT", 12, "EUR", EUROPE, "de-AT",
        (("Wien", "1070", "", "Europe/Vienna"), ("Graz", "8010", "", "Europe/Vienna"),
         ("Mürzzuschlag", "8680", "", "Europe/Vienna")),
        ("Neubaugasse", "Schmiedgasse", "Mürzgasse"), "{street} {number}",
        ("Leopold", "Resi", "Valentin", "Cäcilia", "Ferdinand"), ("Grünbichler", "Österreicher", "Hölzl", "Pichlmayer"),
        ("Gletscherblick", "Alpenglühen", "Donauschwalbe", "Zirbenholz"), ("GmbH", "Handels GmbH", "OG"),
        "ATU9#######",
    ),
    Country(
        "FR", 20, "EUR", EUROPE, "fr",
        (("Paris", "75011", "", "Europe/Paris"), ("Lyon", "69007", "", "Europe/Paris"),
         ("Besançon", "25000", "", "Europe/Paris"), ("Orléans", "45000", "", "Europe/Paris")),
        ("rue des Tilleuls", "avenue de la Forêt", "impasse du Pré", "rue de l’Évêché"), "{number} {street}",
        ("Chloé", "Aurélien", "Françoise", "Gaël", "Noémie", "Benoît"),
        ("Lefèvre", "D’Arcy", "Béranger", "Traoré", "Châtelain"),
        ("Hirondelle", "Bois d’Aulne", "Étoile du Pré", "Mistral & Fils", "Papillon Bleu"),
        ("SARL", "SAS", "Conseil SASU", "Éditions SAS"), "FR##0########",
    ),
    Country(
        "NL", 14, "EUR", EUROPE, "nl",
        (("Amsterdam", "1012 NX", "", "Europe/Amsterdam"), ("’s-Hertogenbosch", "5211 JX", "", "Europe/Amsterdam"),
         ("Groningen", "9711 LM", "", "Europe/Amsterdam")),
        ("Lindengracht", "Korte Putstraat", "Zuiderdiep"), "{street} {number}",
        ("Fenna", "Daan", "Noëlle", "Thijs"), ("van der Heijden", "de Vries", "Coëlho", "’t Hart"),
        ("Kievit", "Zeewind", "Polderlicht", "Tulpenveld"), ("B.V.", "Techniek B.V.", "Coöperatie U.A."),
        "NL9########B##",
    ),
    Country(
        "ES", 12, "EUR", EUROPE, "es",
        (("Madrid", "28004", "", "Europe/Madrid"), ("A Coruña", "15003", "", "Europe/Madrid"),
         ("Málaga", "29005", "", "Europe/Madrid"), ("Las Palmas", "35002", "", "Atlantic/Canary")),
        ("Calle del Almendro", "Rúa da Liberdade", "Avenida de Cádiz"), "{street}, {number}",
        ("Begoña", "Íñigo", "Lucía", "Andrés"), ("Muñoz Peña", "García-Núñez", "Echeverría", "Ibáñez"),
        ("Golondrina", "Río Verde", "Cigüeña", "Olivar del Sur"), ("S.L.", "Sistemas S.L.", "S.A."),
        "ESB00######",
    ),
    Country(
        "PL", 10, "EUR", EUROPE, "pl",
        (("Łódź", "90-361", "", "Europe/Warsaw"), ("Wrocław", "50-079", "", "Europe/Warsaw"),
         ("Kraków", "31-154", "", "Europe/Warsaw")),
        ("ulica Żurawia", "ulica Świętej Anny", "aleja Dębowa"), "{street} {number}",
        ("Łukasz", "Małgorzata", "Zbigniew", "Świętosława"), ("Wiśniewski", "Brzęczyszczykiewicz", "Zając", "Łęcka"),
        ("Żuraw", "Jaskółka", "Bursztyn", "Zielona Łąka"), ("sp. z o.o.", "S.A.", "Usługi sp. z o.o."),
        "PL0#########",
    ),
    Country(
        "SE", 10, "EUR", EUROPE, "sv",
        (("Göteborg", "411 17", "", "Europe/Stockholm"), ("Umeå", "903 26", "", "Europe/Stockholm"),
         ("Malmö", "211 34", "", "Europe/Stockholm")),
        ("Östra Hamngatan", "Kungsgränd", "Björkvägen"), "{street} {number}",
        ("Åsa", "Göran", "Linnéa", "Örjan"), ("Sjöström", "Ångström", "Lindqvist", "Hägg"),
        ("Tranan", "Blåbär", "Norrsken", "Älvkanten"), ("AB", "Konsult AB", "Handelsbolag"),
        "SE0#########01",
    ),
    Country(
        "CH", 10, "EUR", EUROPE, "de-CH",
        (("Zürich", "8004", "", "Europe/Zurich"), ("Genève", "1205", "", "Europe/Zurich"),
         ("Chur", "7000", "", "Europe/Zurich")),
        ("Langstrasse", "rue des Pâquis", "Reichsgasse"), "{street} {number}",
        ("Urs", "Ursina", "Rémy", "Flurina"), ("Zürcher", "Caflisch", "Bösch", "Rochat"),
        ("Murmeltier", "Lac Bleu", "Steinbock", "Edelraute"), ("AG", "Sàrl", "Treuhand AG"),
        "CHE9########MWST",
    ),
    Country(
        "GB", 24, "GBP", UNITED_KINGDOM, "en-GB",
        (("London", "E1 6AN", "", "Europe/London"), ("Bristol", "BS1 4DJ", "", "Europe/London"),
         ("Aberystwyth", "SY23 2AX", "", "Europe/London"), ("Edinburgh", "EH1 1YZ", "", "Europe/London")),
        ("Larkspur Lane", "Old Tannery Row", "Heol y Bont", "Thistle Street"), "{number} {street}",
        ("Siân", "Callum", "Imogen", "Tadhg", "Priya", "Oluwaseun", "Rhys", "Harriet"),
        ("O’Dowd", "Llewellyn-Price", "MacAskill", "Featherstonehaugh", "Adébáyò", "Patel"),
        ("Lapwing", "Tidewater", "Foxglove", "Gorse & Heather", "Millrace", "Hedgerow"),
        ("Ltd", "Analytics Ltd", "Publishing Ltd", "& Daughters LLP"), "GB9########",
    ),
    Country(
        "US", 24, "USD", UNITED_KINGDOM, "en-US",
        (("Seattle", "98101", "WA", "America/Los_Angeles"), ("Spokane", "99201", "WA", "America/Los_Angeles"),
         ("Portland", "97204", "OR", "America/Los_Angeles"), ("Chicago", "60604", "IL", "America/Chicago"),
         ("Phoenix", "85004", "AZ", "America/Phoenix"), ("Burlington", "05401", "VT", "America/New_York")),
        ("Juniper Street", "Old Mill Road", "5th Avenue", "Sycamore Drive"), "{number} {street}",
        ("Wren", "DeShawn", "Guadalupe", "Mei-Ling", "Aiyana", "Theodore", "Saoirse", "José"),
        ("Okafor", "Whitehorse", "Castañeda", "Abramowitz", "Nakamura", "Van Buren"),
        ("Copper Kettle", "Bluebird", "Redwood & Rye", "Prairie Signal", "Cedar Fork", "Second Sunrise"),
        ("Inc.", "LLC", "Labs Inc.", "Co-op"),
    ),
    Country(
        "JP", 12, "JPY", UNITED_KINGDOM, "ja",
        (("東京都渋谷区", "150-0002", "", "Asia/Tokyo"), ("大阪市北区", "530-0001", "", "Asia/Tokyo"),
         ("札幌市中央区", "060-0001", "", "Asia/Tokyo")),
        ("桜丘町", "梅田", "北一条西"), "{street}{number}番地",
        ("花子", "太郎", "さくら", "健一"), ("山田", "佐藤", "小鳥遊", "高橋"),
        ("つばめ", "青空", "月影", "若葉"), ("ソフト", "出版", "工業", "物流"),
        name_format="{family} {given}", company_format="株式会社{word}{trade}",
    ),
    Country(
        "AE", 6, "USD", UNITED_KINGDOM, "ar",
        (("دبي", "", "", "Asia/Dubai"), ("أبوظبي", "", "", "Asia/Dubai")),
        ("شارع النخيل", "شارع الواحة"), "{street} {number}",
        ("ليلى", "يوسف", "نورة"), ("المنصوري", "الهاشمي", "بن سالم"),
        ("النورس", "الواحة", "اللؤلؤة"), ("للبرمجيات", "للتجارة ذ.م.م", "للنشر"),
        company_format="شركة {word} {trade}",
    ),
)  # fmt: skip
