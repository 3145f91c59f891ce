"""The recommendations of findings: red and yellow open one, green closes it (docs/design, D102)."""

from __future__ import annotations

from common.domain import events
from common.domain.changes import change, change_as
from inspections.models import ADVISED, Finding, Rating
from repair_orders.models import RepairOrder
from vehicles.models import STANDING, Recommendation, RecommendationSource, RecommendationStatus, Urgency
from vehicles.recommendations import get_standing, hold_recommendations, text_of

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


def _row_of(order: RepairOrder, finding: Finding) -> Recommendation | None:
    standing = get_standing(vehicle_id=order.vehicle_id, code=_code_of(finding))
    if standing is not None or finding.recommendation_id is None:
        return standing
    return Recommendation.objects.filter(pk=finding.recommendation_id).first()


def _code_of(finding: Finding) -> str:
    """Return the code of the item, or "" if it was removed from its template."""
    return f"item:{finding.item_id}" if finding.item_id else ""


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
