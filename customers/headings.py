"""The columns of a table of customers, and the headings that other systems give them (docs/imports.md)."""

from __future__ import annotations

PERSON = ("first_name", "last_name", "email", "phone")
ADDRESS = ("street_address", "city", "state", "postal_code", "country")
BUSINESS = ("company_name", "business_type", "tax_id", "terms_days")

HEADINGS: dict[str, tuple[str, ...]] = {
    "name": ("full name", "customer name", "contact", "contact name", "client", "client name"),
    "first_name": ("first", "given name", "forename"),
    "last_name": ("last", "surname", "family name"),
    "email": ("email address", "mail", "contact email"),
    "phone": (
        *("phone number", "phone no", "telephone", "telephone number", "tel", "mobile", "mobile phone"),
        *("mobile number", "cell", "cell phone", "contact phone", "primary phone"),
    ),
    "address": ("full address", "mailing address", "home address"),
    "street_address": ("street", "address line 1", "address 1", "street 1", "street address 1"),
    "city": ("town", "city/town"),
    "state": ("province", "state/province", "region"),
    "postal_code": ("zip", "zip code", "postcode", "postal", "zip/postal code"),
    "country": ("country/region", "nation"),
    "company_name": ("company", "business", "business name", "organization", "organisation"),
    "business_type": ("type of business", "industry"),
    "tax_id": ("tax number", "ein", "vat id", "vat number"),
    "terms_days": ("days to pay", "payment terms", "payment days", "net days"),
}
# Files with a column for the city call the street `Address`.
BESIDE = {"address": ("street_address", "city")}
