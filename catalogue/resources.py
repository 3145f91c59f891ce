"""Import and export of parts."""

from __future__ import annotations

from catalogue.models import Part
from common.admin.transfer import SheetResource
from common.domain.types import Values


class PartResource(SheetResource):
    """The columns of a part. A row matches the part with its part number."""

    def find(self, row: Values) -> Part | None:
        number = str(row.get("part_number") or "").strip()
        return Part.objects.select_for_update().filter(part_number=number).first()

    class Meta:
        model = Part
        name = "Parts"
        import_id_fields = ("part_number",)
        fields = ("part_number", "name", "manufacturer", "unit_price", "taxable", "warranty_months")
