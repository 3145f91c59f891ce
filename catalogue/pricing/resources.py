"""Import and export of price matrices and canned jobs, one row a band or a line."""

from __future__ import annotations

import tablib
from django.core.exceptions import ValidationError
from import_export.fields import Field

from catalogue.models import Part, Service
from catalogue.pricing.actions import save_canned_job, save_matrix
from catalogue.pricing.models import CannedJob, CannedLine, PriceBand, PriceMatrix
from common.admin.resources import NameCell, SheetResource
from common.domain.sheets import CHANGE_REASON
from common.domain.types import Json, Values


class _OfParent(SheetResource):
    """Rows of a parent that a row names. A parent that does not exist is made, with the user in its history."""

    def before_import(self, dataset: tablib.Dataset, **kwargs: object) -> None:
        self._by = kwargs.get("user")
        super().before_import(dataset, **kwargs)

    def _mark(self, parent: PriceMatrix | CannedJob) -> None:
        parent.history.update(history_user=self._by, history_change_reason=CHANGE_REASON)


class PriceBandResource(_OfParent):
    """The bands of all matrices. A row is that of its matrix and cost. A matrix that does not exist is made."""

    headings = {
        "matrix": ("price matrix", "matrix name"),
        "from_cost": ("from", "cost from"),
        "multiplier": ("factor",),
        "margin": ("margin percent", "gross margin"),
    }

    matrix = Field(attribute="matrix", column_name="matrix", widget=NameCell(PriceMatrix))

    def before_import_row(self, row: Json, **kwargs: object) -> None:
        super().before_import_row(row, **kwargs)
        name = " ".join(str(row.get("matrix") or "").split())
        row["matrix"] = name
        if 0 < len(name) <= 100 and not PriceMatrix.objects.filter(name=name).exists():
            self._mark(save_matrix(PriceMatrix(), name=name))

    def find(self, row: Values) -> PriceBand | None:
        try:
            cost = self.fields["from_cost"].clean(row)
        except ValidationError:
            return None  # the error is reported when the fields of the row are read
        bands = PriceBand.objects.select_for_update(of=("self",)).filter(matrix__name=row.get("matrix"))
        return bands.filter(from_cost=cost).first() if cost is not None else None

    class Meta:
        model = PriceBand
        name = "Price bands"
        fields = ("matrix", "from_cost", "multiplier", "margin")


class CannedLineResource(_OfParent):
    """The lines of all canned jobs. A row is that of its job and position. A job that does not exist is made.

    The concern is that of a new job. The concern of a stored one does not change.
    """

    headings = {
        "canned_job": ("job", "job name"),
        "position": ("line", "line no"),
        "part": ("part number", "part no", "sku"),
        "service": ("operation", "labor operation"),
        "quantity": ("qty",),
        "amount": ("price", "flat amount"),
    }

    canned_job = Field(attribute="canned_job", column_name="canned_job", widget=NameCell(CannedJob))
    concern = Field(attribute="canned_job__concern", column_name="concern", readonly=True)
    part = Field(attribute="part", column_name="part", widget=NameCell(Part, "part_number", required=False))
    service = Field(attribute="service", column_name="service", widget=NameCell(Service, required=False))

    def before_import_row(self, row: Json, **kwargs: object) -> None:
        super().before_import_row(row, **kwargs)
        name = " ".join(str(row.get("canned_job") or "").split())
        row["canned_job"] = name
        if 0 < len(name) <= 200 and not CannedJob.objects.filter(name=name).exists():
            self._mark(save_canned_job(CannedJob(), name=name, concern=str(row.get("concern") or "")))

    def find(self, row: Values) -> CannedLine | None:
        position = str(row.get("position") or "").strip()
        if not (position.isascii() and position.isdigit()) or len(position) > 5:
            return None  # the error is reported when the fields of the row are read
        lines = CannedLine.objects.select_for_update(of=("self",)).filter(
            canned_job__name=row.get("canned_job")
        )
        return lines.filter(position=int(position)).first()

    class Meta:
        model = CannedLine
        name = "Canned job lines"
        fields = (
            *("canned_job", "concern", "position", "kind", "part", "service", "name"),
            *("quantity", "hours", "amount", "cost"),
        )
