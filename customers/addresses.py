"""Parse an address in one line into its parts (contract 004, "Data Transformation").

`123 Main St, Portland, OR, 97201, USA` is split at its commas. If there is no comma between street and city,
usaddress (a statistical model) proposes where the city begins. The proposal is accepted only if the words confirm it.
An address that could be read in two ways is refused, so that a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import usaddress

from customers.names import HOME

_HOME_NAMES = {"usa", "us", "united states", "united states of america"}
_STATES = """
    AL Alabama, AK Alaska, AZ Arizona, AR Arkansas, CA California, CO Colorado, CT Connecticut, DE Delaware,
    DC District of Columbia, FL Florida, GA Georgia, HI Hawaii, ID Idaho, IL Illinois, IN Indiana, IA Iowa,
    KS Kansas, KY Kentucky, LA Louisiana, ME Maine, MD Maryland, MA Massachusetts, MI Michigan, MN Minnesota,
    MS Mississippi, MO Missouri, MT Montana, NE Nebraska, NV Nevada, NH New Hampshire, NJ New Jersey,
    NM New Mexico, NY New York, NC North Carolina, ND North Dakota, OH Ohio, OK Oklahoma, OR Oregon,
    PA Pennsylvania, RI Rhode Island, SC South Carolina, SD South Dakota, TN Tennessee, TX Texas, UT Utah,
    VT Vermont, VA Virginia, WA Washington, WV West Virginia, WI Wisconsin, WY Wyoming, AS American Samoa,
    GU Guam, MP Northern Mariana Islands, PR Puerto Rico, VI Virgin Islands, AA Armed Forces Americas,
    AE Armed Forces Europe, AP Armed Forces Pacific
"""
STATES = {name.lower() for entry in _STATES.split(",") for name in entry.strip().split(" ", 1)} | {"d.c."}
_ZIP = r"[0-9]{5}(?:-[0-9]{4})?"
# A spreadsheet that takes ZIP codes for numbers drops their zeros and hyphens. Only these states have ZIP codes with
# leading zeros, and only the last two have some of three digits.
_ZIP_NUMBER = re.compile(r"([0-9]{3,5}|[0-9]{7,9})(?:\.0+)?")
_ONE_ZERO = {
    *("ct", "connecticut", "ma", "massachusetts", "me", "maine", "nh", "new hampshire", "nj", "new jersey"),
    *("ri", "rhode island", "vt", "vermont", "ny", "new york", "ae", "armed forces europe"),
}
_TWO_ZEROS = {"pr", "puerto rico", "vi", "virgin islands"}
# `Portland OR 97201` or `OR 97201`. The city is matched lazily, so that `Charleston West Virginia` ends in the state
# West Virginia and not in Virginia.
_TAIL = re.compile(
    rf"(?:(?P<city>\S.*?)\s+)??(?P<state>{'|'.join(map(re.escape, STATES))})\s+(?P<postal_code>{_ZIP})",
    re.IGNORECASE,
)
_TRAILING_COUNTRY = re.compile(r"\s+(usa|u\.s\.a\.|us|u\.s\.|united states(?: of america)?)$", re.IGNORECASE)
_UNIT = re.compile(
    r"(?:apt|apartment|suite|ste|unit|room|rm|floor|fl|bldg|building|lot|box|dept)\b\.?\s*[a-z]?|#.*",
    re.IGNORECASE,
)
_SUFFIX = re.compile(
    r"(?:st|street|ave?|avenue|rd|road|blvd|boulevard|dr|drive|ln|lane|ct|court|pl|place|way|ter|terrace"
    r"|cir|circle|pkwy|parkway|hwy|highway|sq|square|trl|trail|loop)\.?",
    re.IGNORECASE,
)
_STREET_BEGINS = {"AddressNumber", "USPSBoxType"}
_DIRECTION = re.compile(r"[NS]?[EW]?\.?")
# `55 Main St Paul` could be Main Street in Paul or Main in St Paul.
_SAINTS = {
    *("albans", "augustine", "charles", "clair", "cloud", "francis", "george", "helena", "helens", "james"),
    *("johns", "joseph", "louis", "marys", "paul", "peter", "peters", "petersburg", "simons"),
}


class AmbiguousAddress(Exception):
    """The parts of an address cannot be separated. The text gives the reason."""


@dataclass(frozen=True)
class Address:
    street_address: str
    city: str
    state: str
    postal_code: str
    country: str = HOME


def parse_address(text: str) -> Address:
    """Return the trimmed parts of an address. The home country is always written `USA`.

    A line break counts as a comma. An address without a country is in the home country. Raises AmbiguousAddress.
    """
    parts = [" ".join(part.split()) for part in re.split(r",?\s*[\r\n]+\s*|,", text.strip())]
    if parts == [""]:
        raise AmbiguousAddress("it is missing")
    if "" in parts:
        raise AmbiguousAddress("a part between its commas is empty")
    if parts[-1].lower().replace(".", "") in _HOME_NAMES:
        return _at_home(parts[:-1])
    if re.search(r"[0-9]", parts[-1]):  # no country has a digit, so the country is omitted
        return _at_home(parts)
    return _abroad(parts)


def is_home(country: str) -> bool:
    """Return whether the text is the home country, in any of its spellings, or empty."""
    return country.lower().replace(".", "") in {"", *_HOME_NAMES}


def check_parts(parts: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the parts of an address as they are stored, and the errors, both by the name of the part.

    Empty parts are not checked. A ZIP code gets back the zeros and the hyphen that a spreadsheet dropped.
    """
    kept, errors = dict(parts), {}
    country, state, code = kept.get("country", ""), kept.get("state", ""), kept.get("postal_code", "")
    if is_home(country):
        kept["country"] = HOME
        if state and state.lower() not in STATES:
            errors["state"] = f"{state!r} is not a state of the USA: write its name or two letters."
        kept["postal_code"] = _whole_zip(code, state.lower()) if code else ""
        if code and not re.fullmatch(_ZIP, kept["postal_code"]):
            errors["postal_code"] = f"{code!r} is not a ZIP code: write five digits, or nine as 97201-1234."
    else:
        if code and not re.search(r"[0-9]", code):
            errors["postal_code"] = f"{code!r} is not a postal code."
        if re.search(r"[0-9]", state):
            errors["state"] = f"{state!r} is not a state."
    city = kept.get("city", "")
    if re.search(r"[0-9]", city) or _UNIT.fullmatch(city):
        errors["city"] = f"{city!r} is not a city."
    return kept, errors


def _whole_zip(code: str, state: str) -> str:
    number = _ZIP_NUMBER.fullmatch(code)
    if number is None:
        return code
    digits = number[1]
    zeros = (-len(digits)) % (9 if len(digits) > 5 else 5)
    if zeros and state not in (_ONE_ZERO if zeros == 1 else _TWO_ZEROS):
        return code
    whole = "0" * zeros + digits
    return f"{whole[:5]}-{whole[5:]}" if len(whole) > 5 else whole


def _abroad(parts: list[str]) -> Address:
    if len(parts) != 5:
        raise AmbiguousAddress(
            "it ends neither in a ZIP code nor in the five parts street, city, state, postal code, country"
        )
    address = Address(*parts)
    if not re.search(r"[0-9]", address.postal_code):
        raise AmbiguousAddress(f"{address.postal_code!r} is not a postal code")
    return _checked(address)


def _at_home(parts: list[str]) -> Address:
    if len(parts) > 1 and re.fullmatch(_ZIP, parts[-1]):
        parts = [*parts[:-2], f"{parts[-2]} {parts[-1]}"]
    *before, tail = parts or [""]
    found = _TAIL.fullmatch(_TRAILING_COUNTRY.sub("", tail))
    if found is None:
        raise AmbiguousAddress("it does not end in a state of the USA and a ZIP code")
    *streets, city = [*before, *filter(None, [found["city"]])] or [""]
    state, postal_code = found["state"], found["postal_code"]
    if not streets:
        street, city = _split_street(city, f"{state} {postal_code}")
        return _checked(Address(street, city, state, postal_code))
    if len(streets) > 1 and not re.search(r"[0-9]", streets[-1]) and not _UNIT.fullmatch(streets[-1]):
        raise AmbiguousAddress(f"{streets[-1]!r} could be its street or its city")
    return _checked(Address(", ".join(streets), city, state, postal_code))


def _checked(address: Address) -> Address:
    if re.search(r"[0-9]", address.city) or _UNIT.fullmatch(address.city):
        raise AmbiguousAddress(f"{address.city!r} is not a city")
    if re.search(r"[0-9]", address.state):
        raise AmbiguousAddress(f"{address.state!r} is not a state")
    return address


def _split_street(text: str, tail: str) -> tuple[str, str]:
    """Split `123 Main St Portland` into street and city, if only one split is possible."""
    words = text.split()
    tokens = usaddress.parse(f"{text}, {tail}")[: len(words)]
    labels = [label for _, label in tokens]
    if [token.rstrip(",") for token, _ in tokens] != words or "PlaceName" not in labels:
        raise AmbiguousAddress("its street and city cannot be separated")
    start = labels.index("PlaceName")
    in_order = start > 1 and set(labels[start:]) == {"PlaceName"} and labels[0] in _STREET_BEGINS
    if not in_order or not _ends_a_street(labels[start - 1], words, start):
        raise AmbiguousAddress("its street and city cannot be separated: put a comma between them")
    return " ".join(words[:start]), " ".join(words[start:])


def _ends_a_street(label: str, words: list[str], start: int) -> bool:
    """Whether the word before the city is one with which no city begins."""
    last, before, city = words[start - 1], words[start - 2], words[start]
    if label == "StreetNamePostDirectional":
        return bool(_DIRECTION.fullmatch(last))
    if label == "StreetNamePostType":
        is_saint = last.lower().rstrip(".") == "st" and city.lower() in _SAINTS
        return bool(_SUFFIX.fullmatch(last)) and not _SUFFIX.fullmatch(before) and not is_saint
    return label in ("OccupancyIdentifier", "USPSBoxID")
