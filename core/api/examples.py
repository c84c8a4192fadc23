"""An example for each object of the OpenAPI document: what its fields are called says what stands in them."""

from collections.abc import Mapping
from typing import Any

SOME_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
BY_NAME: Mapping[str, Any] = {
    "accent_colour": "#1f6feb",
    "action": "customer.created",
    "actor": "Grace",
    "bic": "COBADEFFXXX",
    "buyer_reference": "04011000-12345-34",
    "category": "S",
    "city": "Bonn",
    "code": "team",
    "code_name": "team",
    "colour": "#0a3069",
    "company_name": "Alice AG",
    "country": "DE",
    "currency": "EUR",
    "customer": SOME_ID,
    "description": "Team, 1 to 31 January 2027",
    "email": "alice@example.org",
    "error": "not_found",
    "expiry_month": "03",
    "expiry_year": "29",
    "external_reference": "crm-4711",
    "failure_reason": "lack_of_funds",
    "first_unit": 1,
    "iban": "DE89370400440532013000",
    "key": "rk_test_5f2b8c1d9e7a4f60b3c8d2e1a9f7b6c5K3X9QZ",
    "language": "en",
    "last_four": "4242",
    "legal_name": "Cloud GmbH",
    "locale": "en",
    "message": "No customer has the id 01890a5d-ac96-774b-bcce-b302099a8057.",
    "month": "2027-01",
    "name": "Team",
    "number": "INV-2027-000042",
    "paid": True,
    "plan": "team",
    "postcode": "53111",
    "prefix": "rk_test_5f2b",
    "price": SOME_ID,
    "rate": 19,
    "reason": "Agreed on the phone",
    "reference": "user-42",
    "region": "NW",
    "seats": 2,
    "street_line_one": "Am Markt 1",
    "tax_number": "DE123456788",
    "tax_rate": 19,
    "tax_type": "services",
    "time_zone": "Europe/Berlin",
    "token": "tok_visa",
    "unit_price": "0.005",
}
BY_FORMAT: Mapping[str, Any] = {
    "uuid": SOME_ID,
    "date-time": "2027-01-31T10:17:00+00:00",
    "date": "2027-01-31",
    "binary": "%PDF-1.7",
    "email": "alice@example.org",
    "uri": "https://example.org",
}
BY_OBJECT: Mapping[str, Mapping[str, Any]] = {
    "Error": {"code": 404},
    "Invalid": {
        "code": 400,
        "message": "The request holds what cannot be taken; `errors` says where.",
        "error": "invalid",
        "errors": {"email": "is required"},
    },
    "Declined": {"code": 402, "message": "The card was declined: lack of funds.", "error": "declined", "paid": False},
    "TaxCountry": {"code": "DE", "name": "Germany"},
    "TaxCountryInput": {"code": "DE", "name": "Germany"},
    "PatchedTaxCountryInput": {"code": "DE"},
    "TaxState": {"code": "QC", "name": "Quebec"},
    "TaxStateInput": {"code": "QC", "name": "Quebec"},
    "PatchedTaxStateInput": {"code": "QC"},
}
"""Where a field's name says too little."""


def add_examples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Give every object of a document an example of itself: drf-spectacular's hook, called when it is generated.

    An answer shows all its fields, an input those that are required, or its first one where none is.
    """
    components = result["components"]["schemas"]
    for name, schema in components.items():
        schema.setdefault("examples", [_example_of(name, components)])
    return result


def _example_of(name: str, components: Mapping[str, Any]) -> Any:
    schema = components[name]
    if "properties" not in schema:
        return _value("", schema, components)
    shown = list(schema["properties"])
    if name.endswith(("Input", "Change", "Changes")):
        shown = schema.get("required", shown[:1])
    made = {field: _value(field, schema["properties"][field], components) for field in shown}
    return {**made, **BY_OBJECT.get(name, {})}


def _value(field: str, schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """Return a value of a field."""
    for alternative in ("allOf", "oneOf", "anyOf"):
        if alternative in schema:
            return _value(field, schema[alternative][0], components)
    if "$ref" in schema:
        return _example_of(schema["$ref"].rpartition("/")[2], components)
    if schema.get("type") == "array":
        return [_value(field, schema["items"], components)]
    return _plain_value(field, schema)


def _plain_value(field: str, schema: Mapping[str, Any]) -> Any:
    """Return what is no object of ours: by its choices, its name, its format or its type, whichever tells first."""
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if _is_of(kind, BY_NAME.get(field)):
        return BY_NAME[field]
    if kind == "string" and "format" in schema:
        return BY_FORMAT[schema["format"]]
    plain = {"string": "text", "boolean": True, "integer": schema.get("minimum", 1000), "number": 1.5, "object": {}}
    return plain[kind]


def _is_of(kind: str, value: Any) -> bool:
    """Tell whether a value is of a JSON type."""
    types: Mapping[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float)}
    return isinstance(value, types.get(kind, ())) and not isinstance(value, bool)
