"""Parts with their stock, and services."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from common.domain.ids import Identified
from common.domain.money import money


class Part(Identified):
    """A part of the catalogue with its current price."""

    name = models.CharField(max_length=200)
    part_number = models.CharField(max_length=60)
    manufacturer = models.CharField(max_length=120, blank=True, default="")
    unit_price = money()
    taxable = models.BooleanField(default=True)
    warranty_months = models.PositiveSmallIntegerField(default=0)
    stock = models.PositiveIntegerField(default=0, help_text="Pieces in stock, for orders by mail.")

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="part_price_not_negative"),
            models.CheckConstraint(condition=Q(stock__gte=0), name="part_stock_not_negative"),
            models.UniqueConstraint(
                fields=["part_number"],
                name="part_number_once",
                violation_error_message="A part with this part number already exists.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.part_number})"


class Service(Identified):
    """A labour operation of the catalogue with its current price."""

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    labor_cost = money()
    taxable = models.BooleanField(default=True)
    warranty_months = models.PositiveSmallIntegerField(default=0)

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(labor_cost__gte=0), name="labour_price_not_negative")
        ]

    def __str__(self) -> str:
        return self.name
