"""Import and export of parts."""

from __future__ import annotations

import tablib

from catalogue.models import Part
from common.admin.resources import SheetResource
from common.domain.types import Values


class PartResource(SheetResource):
    """The columns of a part. A row matches the listed part with its part number.

    If there is none, and the file has the column `is_listed`, it matches the newest such part that is not listed.
    """

    headings = {
        "part_number": ("part no", "part", "sku", "item number"),
        "name": ("part name", "item name"),
        "manufacturer": ("brand", "make"),
        "unit_price": ("price", "list price"),
        "unit_cost": ("cost",),
        "core_charge": ("core", "core deposit"),
        "warranty_months": ("warranty",),
        "is_listed": ("listed",),
        "is_sold_online": ("sold online", "online"),
    }

    def find(self, row: Values) -> Part | None:
        number = str(row.get("part_number") or "").strip()
        parts = Part.objects.select_for_update().filter(part_number=number)
        listed = parts.filter(is_listed=True).first()
        return parts.order_by("-id").first() if listed is None and "is_listed" in row else listed

    def before_import(self, dataset: tablib.Dataset, **kwargs: object) -> None:
        """Lock the parts of the file in the order of their ids, as actions of the shelf do, so that none deadlock."""
        column = dataset["part_number"] if "part_number" in (dataset.headers or ()) else ()
        numbers = {str(number or "").strip() for number in column}
        list(Part.objects.select_for_update().filter(part_number__in=numbers).order_by("pk"))

    class Meta:
        model = Part
        name = "Parts"
        import_id_fields = ("part_number",)
        fields = (
            *("part_number", "name", "manufacturer", "unit_price", "unit_cost", "core_charge"),
            *("taxable", "warranty_months"),
            *("is_listed", "is_sold_online"),
        )
