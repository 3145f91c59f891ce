"""The error bodies of inspections that have further facts, for the schema."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from common.http.contracts.shop import StaffError


class AlreadyStartedError(StaffError):
    inspection_id = serializers.IntegerField(required=False, help_text="The one that is not finished.")


class StillUnratedError(StaffError):
    open = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="The names of the items without a rating."
    )


class AlreadyOnEstimateError(StaffError):
    job_id = serializers.IntegerField(required=False, help_text="The job of the finding.")
    version = serializers.IntegerField(
        required=False, help_text="The present version of the order, with `stale_version`."
    )


def _conflict(body: type[StaffError], description: str) -> dict[int, OpenApiResponse]:
    return {409: OpenApiResponse(body, description=description)}


STARTED = _conflict(AlreadyStartedError, "The order is closed, or has this inspection already.")
UNRATED = _conflict(
    StillUnratedError, "Items have no rating, the inspection is finished, or the order closed."
)
ON_ESTIMATE = _conflict(AlreadyOnEstimateError, "The finding advises no work, or has a job on the order.")
