"""Import and export of the services that can be booked."""

from __future__ import annotations

from import_export.fields import Field

from appointments.models import ServiceType
from catalogue.pricing.models import CannedJob
from common.admin.resources import NameCell, SheetResource
from common.domain.types import Values


class ServiceTypeResource(SheetResource):
    """The services that can be booked. A row is that of its code, and names its canned job."""

    headings = {"minutes": ("time", "duration"), "canned_job": ("job",)}

    canned_job = Field(
        attribute="canned_job", column_name="canned_job", widget=NameCell(CannedJob, required=False)
    )

    def find(self, row: Values) -> ServiceType | None:
        code = str(row.get("code") or "").strip()
        return ServiceType.objects.select_for_update().filter(code=code).first() if code else None

    class Meta:
        model = ServiceType
        name = "Service types"
        fields = ("code", "name", "minutes", "canned_job")
