"""What the schema says beside the operations: tags with their descriptions, and the words of the glossary."""

from __future__ import annotations

import re
from datetime import timedelta
from string import Template

from django.conf import settings

from common.domain.models import IdempotencyKey
from common.domain.types import Json
from common.http.contracts.registry import CONTRACTS
from common.http.idempotency import MAX_KEY_LENGTH, MAX_WAIT_SECONDS
from common.http.lists import DEFAULT_PAGE_SIZE
from common.http.query import MAX_PAGE_SIZE
from common.http.schema import staff_tag
from config.glossary import NOUNS, NOUNS_OF_PATHS, PARAMETERS, SEPARATED, WORDS, WORDS_OF

# The resources of the staff's API, by their nouns in the URL, in the order of a working day.
RESOURCES = {
    "search": "One request finds customers, vehicles, repair orders, invoices and parts orders.",
    "board": "The bays of a location with their visits of a day.",
    "intake": "Customer, vehicle and appointment entered by one request, all of it or nothing.",
    "appointments": "Booked visits of vehicles: times, bays, technicians, walk-ins and the check-in.",
    "customers": "Those who are billed, with the names, phone and email of their contact.",
    "phone-calls": "Calls to customers: what came of them, and when to call again.",
    "tax-exemptions": "Certificates of customers that are exempt from tax.",
    "vehicles": "Vehicles of customers, with odometer readings, passports and changes of owner.",
    "recommendations": "Work that the shop advises for a vehicle, until it is done or dismissed.",
    "schedule-templates": "Regular work, by miles or months, that vehicles get schedules of.",
    "service-schedules": "When the regular work of a vehicle is due.",
    "repair-orders": "Work on one vehicle: jobs and lines, estimates and authorisations, discounts, completion, "
    "invoice and the handover of the vehicle.",
    "inspection-templates": "Lists of items that an inspection goes through.",
    "inspections": "Inspections of vehicles on repair orders, with their findings and photos.",
    "time-entries": "The time that technicians worked on jobs.",
    "follow-ups": "Work that customers put off, and how to reach them.",
    "due": "Everything that is due, of all customers.",
    "reminders": "Reminders that customers got by mail, or will get.",
    "invoices": "What was billed, with credit notes and payments. An invoice does not change.",
    "credit-notes": "What was taken off invoices after their issue.",
    "payments": "Payments, deposits and refunds, and what they are used for.",
    "statements": "Monthly statements of a customer's account.",
    "statement-runs": "Runs that make and mail the statements of a month.",
    "reports": "The day sheet, tax, receivables, the journal and other reports, as JSON or CSV.",
    "orders": "Parts that are sold by mail, from the order to the delivery.",
    "returns": "Parts of orders that come back, and their refunds.",
    "parts": "Parts of the catalogue and their stock: receipts, counts, returns to the vendor.",
    "needed-parts": "Parts that jobs and parts orders are short of.",
    "services": "Services of the catalogue: labor and sublet work.",
    "canned-jobs": "Jobs with their lines, ready to put on a repair order.",
    "price-matrices": "Bands by cost that make the price of a part.",
    "labour-rates": "What a location charges for an hour of labor.",
    "tax-rules": "The sales tax of a location, and which lines it is charged on.",
    "fee-rules": "Fees that a location adds to repair orders.",
    "overrun-policies": "How far a location may exceed what the customer authorised.",
    "locations": "The shop's locations, the head of their papers, and their free slots.",
    "technicians": "Those who do the work, and their clocks.",
    "shifts": "The weekly working hours of technicians.",
    "absences": "Days and hours on which technicians are away.",
    "batch": "Many writes in one request, each with an outcome of its own.",
    "events": "What happened, in order, for programs that follow it.",
    "webhooks": "Addresses of other programs to which events are sent.",
    "api-keys": "Keys with which programs sign in. People make and revoke them.",
}

# Words in the name of a component that say which body it is, and not of what.
_NOT_NOUNS = re.compile(
    "Shop|Care|Crm|Member|Fleet|Input|Row|Detail|Brief|Numbers|New|Own|One|Staff|Found|Shown|List|Head|Client|Saved|"
    "Values|Words|Paper|Billed|Error|Passport|Board|Sold|Linked|Changes|Replayed"
)
_UNITS = {"US dollars": "US dollars.", "miles": "Miles.", "percent": "Percent."}
# A `help_text` that is only a unit, which the glossary completes.
_UNITS_ALONE = ("Dollars.", *_UNITS.values())


def describe(result: Json, **_: object) -> Json:
    """Add tags, and describe each field and parameter that has no text of its own. A hook of drf-spectacular."""
    for name, component in result["components"]["schemas"].items():
        noun = noun_of(name)
        for field, declared in component.get("properties", {}).items():
            _describe(declared, field, noun, is_request=name.endswith("Request"))
    used: set[str] = set()
    for path, methods in result["paths"].items():
        for operation in methods.values():
            used |= {*operation["tags"]}
            for parameter in operation.get("parameters", ()):
                _describe_parameter(parameter, path)
    _tell_apart(result["paths"])
    declare_once(result["components"]["schemas"])
    result["components"]["responses"] = share_responses(result["paths"])
    result["info"]["description"] = introduction()
    return {**result, **declare_tags(used)}


def declare_once(components: Json) -> None:
    """Declare a key that has two spellings, such as `auto_renew` and `autoRenew`, in that of its contract.

    Generators of clients give both one name, and their code does not compile. Bodies have both spellings.
    """
    for name, component in components.items():
        spellings: dict[str, list[str]] = {}
        for key in component.get("properties", {}):
            spellings.setdefault(snake_case(key), []).append(key)
        for snake, keys in spellings.items():
            if len(keys) > 1:
                is_camel = name.removeprefix("Patched").startswith("Member")
                [kept] = [key for key in keys if (key != snake) == is_camel]
                [other] = {*keys} - {kept}
                del component["properties"][other]
                declared = component["properties"][kept]
                declared["description"] += f" Also spelled `{other}`."
                declared["x-other-spelling"] = other
                if other in component.get("required", ()):
                    component["required"].remove(other)


def share_responses(paths: Json) -> Json:
    """Move the usual response of each error to the components, and return these.

    Written out in each operation they are a third of the schema, which is then larger than the 3 MiB that
    openapi-generator reads.
    """
    met: dict[str, list[Json]] = {}
    for operation in (operation for methods in paths.values() for operation in methods.values()):
        for status, response in operation["responses"].items():
            [media] = response.get("content", {}).values() if status >= "400" else [{}]
            if "schema" in media:
                name = media["schema"]["$ref"].rpartition("/")[2]
                met.setdefault(f"{name}{status}", []).append(response)
    shared: Json = {}
    for name, responses in met.items():
        usual = max(responses, key=responses.count)
        if responses.count(usual) > 1:
            shared[name] = dict(usual)
            for response in [response for response in responses if response == shared[name]]:
                response.clear()
                response["$ref"] = f"#/components/responses/{name}"
    return shared


def introduction() -> str:
    """Return the Markdown before the operations, with the figures of the code and links to the served pages."""
    text = (settings.BASE_DIR / "config" / "introduction.md").read_text()
    text = re.sub(r"\]\(\.\./docs/([a-z-]+)\.md\)", r"](/docs/\1/)", text)
    return Template(text).substitute(
        page_size=DEFAULT_PAGE_SIZE,
        max_page_size=MAX_PAGE_SIZE,
        max_key=MAX_KEY_LENGTH,
        hours=IdempotencyKey.LIFETIME // timedelta(hours=1),
        wait=MAX_WAIT_SECONDS,
    )


def _tell_apart(paths: Json) -> None:
    """Name the method or the path in a summary that an earlier operation of the tag has as well."""
    first: dict[tuple[str, str], str] = {}
    taken = set()
    for path, methods in paths.items():
        for method, operation in methods.items():
            tag, summary = operation["tags"][0], operation["summary"]
            where = "" if first.setdefault((tag, summary), path) == path else f", at {path}"
            if (tag, f"{summary}{where}") in taken:
                where = f"{where} by {method.upper()}" if where else f", by {method.upper()}"
            operation["summary"] = f"{summary}{where}"
            taken.add((tag, operation["summary"]))


def declare_tags(used: set[str]) -> Json:
    """Return `tags` and `x-tagGroups`, of those tags that operations have."""
    contracts = {contract.title: contract.about for contract in CONTRACTS}
    staff = {staff_tag(resource): text for resource, text in RESOURCES.items()}
    declared = {name: text for name, text in {**contracts, **staff}.items() if name in used}
    groups = {"Contracts": contracts, "The staff's API": staff}
    return {
        "tags": [{"name": name, "description": text} for name, text in declared.items()],
        "x-tagGroups": [
            {"name": title, "tags": [name for name in names if name in declared]}
            for title, names in groups.items()
        ],
    }


def noun_of(component: str) -> str:
    """Return what a body is about, such as `canned job` of `PatchedShopCannedJobInputRequest`."""
    name = component.removeprefix("Patched").removesuffix("Request")
    if name in NOUNS:
        return NOUNS[name]
    words = re.findall("[A-Z][a-z0-9]*", name)
    return " ".join([word for word in words if not _NOT_NOUNS.fullmatch(word)] or words).lower()


def _describe_parameter(parameter: Json, path: str) -> None:
    name, own = parameter["name"], parameter.get("description", "")
    if own and own not in SEPARATED:
        return
    word = PARAMETERS.get(snake_case(name)) if parameter["in"] == "query" else None
    if word := word or word_of(name, parameter["schema"], noun_before(name, path)):
        parameter["description"] = word.partition("|")[0]


def noun_before(parameter: str, path: str) -> str:
    """Return the noun of the row that a parameter in a path names: `repair order` of `/repair-orders/{id}/`."""
    before = path.partition(f"/{{{parameter}}}")[0].rpartition("/")[2]
    singular = re.sub("ies$", "y", before).removesuffix("s").replace("-", " ")
    return NOUNS_OF_PATHS.get(before, singular)


def word_of(name: str, declared: Json, noun: str) -> str | None:
    """Return what the glossary says about a name in the bodies of a noun."""
    snake = snake_case(name)
    kind = declared.get("format") or declared.get("type")
    typed = f"{snake}:{kind[0] if isinstance(kind, list) else kind}"
    found = WORDS_OF.get(noun, {}).get(snake) or WORDS.get(typed) or WORDS.get(snake)
    return found and found.format(noun=noun)


def snake_case(name: str) -> str:
    return re.sub("(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _describe(declared: Json, name: str, noun: str, *, is_request: bool) -> None:
    """Complete the description of a field: what it means, its unit, and what null means."""
    own, word = declared.get("description", ""), word_of(name, declared, noun) or ""
    is_unit = own in _UNITS_ALONE and bool(word)
    text, _, about_null = (word if is_unit else own or word).partition("|")
    if not text:
        return
    unit = own if is_unit else _UNITS.get(declared.get("x-unit", ""), "")
    if unit.rstrip(".s").rpartition(" ")[2].lower() not in text.lower():
        text = f"{text} {unit}"
    if is_nullable(declared) and not re.search(r"\bnull\b", text, re.IGNORECASE):
        happens = snake_case(name).endswith("_at") and not is_request
        text = f"{text} {about_null or ('Null until then.' if happens else 'Null if there is none.')}"
    declared["description"] = text


def is_nullable(declared: Json) -> bool:
    kinds = [declared.get("type"), *(choice.get("type") for choice in declared.get("oneOf", ()))]
    return any(kind == "null" or "null" in (kind or ()) for kind in kinds)
