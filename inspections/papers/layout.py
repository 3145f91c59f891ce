"""The texts that the paper of an inspection prints, made from values alone (docs/design, D72)."""

from __future__ import annotations

from itertools import groupby

from common.domain.types import Json
from inspections.models import Rating
from repair_orders.papers.texts import filled, head, local, moment, number_of

# The order of the counts below the heading: what needs attention comes first.
_COUNTED = (Rating.RED, Rating.YELLOW, Rating.GREEN, Rating.NOT_APPLICABLE)
_WORDS = {
    Rating.RED: "Needs attention now",
    Rating.YELLOW: "Needs attention soon",
    Rating.GREEN: "Good",
    Rating.NOT_APPLICABLE: "Not applicable",
}
NOT_RATED = "Not inspected"


def inspection_layout(values: Json) -> Json:
    """Return the values of `inspection.typ`."""
    finished = local(values["finished_at"], values)
    facts = filled(
        f"Finished {moment(finished)}",
        values["technician"] and f"Inspected by {values['technician']}",
    )
    findings = values["findings"]
    return {
        **head(values, values["name"], f"Order {number_of(values)}", facts, finished),
        "counts": [
            {"rating": rating.value, "label": _WORDS[rating], "count": str(count)}
            for rating in _COUNTED
            if (count := sum(finding["rating"] == rating for finding in findings))
        ],
        "groups": [
            {"name": name or "Other", "findings": [_finding(finding) for finding in rows]}
            for name, rows in groupby(findings, key=lambda finding: finding["group"])
        ],
    }


def _finding(finding: Json) -> Json:
    photos = finding["photos"]
    rating = finding["rating"]
    return {
        "name": finding["name"],
        "rating": rating or "",
        "word": Rating(rating).label if rating else NOT_RATED,
        "value": f"{finding['value']} {finding['unit']}".strip() if finding["value"] else "",
        "note": finding["note"],
        "photos": f"{photos} {'photo' if photos == 1 else 'photos'}" if photos else "",
    }
