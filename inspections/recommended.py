"""The recommendations of findings: red and yellow open one, green closes it (docs/design, D102)."""

from __future__ import annotations

from common.domain import events
from common.domain.changes import change, change_as
from inspections.models import ADVISED, Finding, Rating, TemplateItem
from repair_orders.models import RepairOrder
from vehicles.models import STANDING, Recommendation, RecommendationSource, RecommendationStatus, Urgency
from vehicles.recommendations import find_standing, get_standing, hold_recommendations, text_of

_URGENCY = {Rating.RED.value: Urgency.NOW, Rating.YELLOW.value: Urgency.SOON}


def concern_of(*, value: str, unit: str, note: str) -> str:
    """Return the words of a finding below its name: what was measured, and the note."""
    measured = f"{value} {unit}".strip() if value else ""
    return "\n".join(text for text in (measured, note) if text)


def follow_finding(
    order: RepairOrder, finding: Finding, *, rating: str | None, value: str, note: str
) -> Recommendation | None:
    """Open, update or dismiss the recommendation of a finding that gets these values, and return it.

    The order is locked. `finding` still has its present values.
    """
    hold_recommendations(order.vehicle_id)
    row = _row_of(order, finding)
    if rating in ADVISED:
        text = text_of(finding.name, concern_of(value=value, unit=finding.unit, note=note))
        return _advise(
            order, finding, row, text=text, urgency=_URGENCY[str(rating)], is_new=rating != finding.rating
        )
    if row is None or row.status != RecommendationStatus.OPEN:
        return row
    # Green says that nothing has to be done. Without a rating, only what this inspection itself said is taken back.
    if rating == Rating.GREEN or _is_own(finding, row):
        change_as(row, "dismissed", status=RecommendationStatus.DISMISSED)
    return row


def recommendation_of(order: RepairOrder, finding: Finding) -> Recommendation | None:
    """Return the recommendation that stands for the item of a finding, else the last one of the finding."""
    hold_recommendations(order.vehicle_id)
    return _row_of(order, finding)


def codes_about(canned_job_id: int) -> list[str]:
    """Return the codes of the items that a canned job mends."""
    ids = TemplateItem.objects.filter(canned_job=canned_job_id).values_list("pk", flat=True)
    return [_code(pk) for pk in ids]


def _row_of(order: RepairOrder, finding: Finding) -> Recommendation | None:
    """Return what stands for the item, else for the same item of another template, else the finding's own."""
    standing = get_standing(vehicle_id=order.vehicle_id, code=_code_of(finding))
    if standing is not None:
        return standing
    own = None
    if finding.recommendation_id is not None:
        own = Recommendation.objects.filter(pk=finding.recommendation_id).first()
    if own is not None and own.status in STANDING:
        return own
    return find_standing(vehicle_id=order.vehicle_id, codes=_same_items(finding)) or own


def _same_items(finding: Finding) -> list[str]:
    """Return the codes of the items that other templates have for the same thing: those with its name.

    Where a template has several of the name, such as the tread of each tire, they are told apart by their groups.
    """
    if finding.item_id is None:
        return []
    rows = list(TemplateItem.objects.filter(name__iexact=finding.name).values_list("template", "pk", "group"))
    if len({template for template, *_ in rows}) < len(rows):
        group = finding.group.casefold()
        rows = [row for row in rows if row[2].casefold() == group]
    own = next((template for template, pk, _ in rows if pk == finding.item_id), None)
    return [_code(pk) for template, pk, _ in rows if template != own]


def _code_of(finding: Finding) -> str:
    """Return the code of the item, or "" if it was removed from its template."""
    return _code(finding.item_id) if finding.item_id else ""


def _code(item_id: int) -> str:
    return f"item:{item_id}"


def _advise(
    order: RepairOrder, finding: Finding, row: Recommendation | None, *, text: str, urgency: str, is_new: bool
) -> Recommendation:
    if row is not None and row.status in STANDING:
        change(row, text=text, urgency=urgency)
    elif row is not None and not is_new:
        pass  # the work was done or dismissed since, and the rating is the same
    elif row is not None and row.status == RecommendationStatus.DISMISSED:
        change_as(row, "open", text=text, urgency=urgency, status=RecommendationStatus.OPEN)
    else:
        row = Recommendation.objects.create(
            vehicle_id=order.vehicle_id,
            source=RecommendationSource.INSPECTION,
            code=_code_of(finding),
            text=text,
            urgency=urgency,
        )
        events.record_new(row)
    return row


def _is_own(finding: Finding, row: Recommendation) -> bool:
    """Return whether the finding has made the recommendation, and did not only update one that stood."""
    started = finding.inspection.started_at
    return finding.recommendation_id == row.pk and row.created_at >= started
