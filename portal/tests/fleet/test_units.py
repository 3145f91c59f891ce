"""Portal: the pages of units."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from testing import factories
from vehicles.models import Vehicle
from vehicles.odometer import read_odometer

pytestmark = pytest.mark.django_db


class TestUnits:
    FIELDS = {
        "unit_number": "D4", "vin": "1hgbh41jxmn109187", "make": "Ram", "model": "2500", "year": "2020",
        "license_plate": "", "color": "", "odometer": "12.5",
    }  # fmt: skip

    def labels(self, response):
        return [entry["unit"].label for entry in response.context["units"]]

    def test_list_is_ordered_by_number_or_by_repairs(self, page, unit):
        plate = Vehicle.objects.get(license_plate="RSW-2")
        for _ in range(2):
            factories.RepairOrderFactory(vehicle=plate)
        assert self.labels(page.get("/customer/units/")) == ["A123", "MN109186", "RSW-2"]
        most = page.get("/customer/units/?ordering=-repairs")
        assert [entry["repair_count"] for entry in most.context["units"]] == [2, 0, 0]
        assert self.labels(most)[0] == "RSW-2"

    def test_search_and_archived_filters(self, page, unit, now):
        assert self.labels(page.get("/customer/units/?search=transit")) == ["A123"]
        Vehicle.objects.filter(pk=unit.pk).update(archived_at=now)
        assert self.labels(page.get("/customer/units/?archived=true&ordering=-repairs")) == ["A123"]
        assert "A123" not in self.labels(page.get("/customer/units/"))
        assert page.get("/customer/units/?archived=perhaps").status_code == 400

    def test_unit_is_added(self, page, rosa):
        response = page.post("/customer/units/new/", self.FIELDS, follow=True)
        unit = rosa.vehicles.get(unit_number="D4")
        assert (unit.vin, unit.odometer, unit.year) == ("1HGBH41JXMN109187", Decimal("12.50"), 2020)
        assert "Unit D4 is added." in response.content.decode()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"vin": "1HGBH41JXMN10918I"}, "without I, O and Q"),
            ({"vin": "1HGBH41JXMN109186"}, "You already have a vehicle with this VIN."),
            ({"unit_number": "A123"}, "There is already a unit with this number."),
            ({"year": "1600"}, "greater than or equal to 1886"),
        ],
    )
    def test_invalid_field_shows_its_error(self, page, rosa, change, message):
        response = page.post("/customer/units/new/", self.FIELDS | change)
        assert response.status_code == 400
        assert message in response.content.decode()
        assert rosa.vehicles.count() == 3

    def test_unit_is_changed(self, page, unit):
        page.post(f"/customer/units/{unit.pk}/", self.FIELDS | {"vin": "ignored"})
        unit.refresh_from_db()
        assert (unit.unit_number, unit.make, unit.odometer) == ("D4", "Ram", Decimal("12.50"))
        assert unit.vin != "ignored"
        assert unit.readings.get().by == unit.customer.contact

    def test_odometer_cannot_go_down(self, page, unit):
        Vehicle.objects.filter(pk=unit.pk).update(odometer=100)
        response = page.post(f"/customer/units/{unit.pk}/", self.FIELDS)
        assert "The odometer cannot go down: enter at least 100.00 miles." in response.content.decode()

    def test_company_that_reads_kilometers_reads_and_types_them(self, page, rosa, unit):
        rosa.units = "metric"
        rosa.save()
        read_odometer(vehicle=unit, miles=Decimal("62137.15"), by=None, now=timezone.now())
        content = " ".join(page.get("/customer/units/").content.decode().split())
        assert ">Kilometers</th>" in content
        assert '>100,000<span class="small-only"> km</span></td>' in content
        url = f"/customer/units/{unit.pk}/"
        field = page.get(url).context["form"]["odometer"]
        assert (field.label, field.value()) == ("Odometer (kilometers)", "100000")
        # What is sent as it was shown moves nothing.
        assert page.post(url, self.FIELDS | {"odometer": "100000"}).status_code == 302
        unit.refresh_from_db()
        assert (unit.unit_number, unit.odometer, unit.readings.count()) == ("D4", Decimal("62137.15"), 1)
        refused = page.post(url, self.FIELDS | {"odometer": "99999.9"})
        assert refused.context["form"].errors == {
            "odometer": ["The odometer cannot go down: enter at least 100,000.1 km."]
        }
        assert refused.context["form"]["odometer"].value() == "99999.9"
        page.post(url, self.FIELDS | {"odometer": "123456"})
        unit.refresh_from_db()
        assert unit.odometer == Decimal("76712.00")

    def test_company_without_a_preference_reads_the_units_of_its_usual_shop(self, page, rosa, unit):
        def heading():
            return "Kilometers" if ">Kilometers</th>" in page.get(url).content.decode() else "Miles"

        url = "/customer/units/"
        assert heading() == "Miles"  # of a shop without a location
        near = factories.GarageFactory(units="metric", is_default=True)
        assert heading() == "Kilometers"
        factories.AppointmentFactory(vehicle=unit, bay=factories.GarageFactory().bays.first())
        assert heading() == "Miles"
        near.units = "imperial"
        near.save()
        rosa.units = "metric"
        rosa.save()
        assert heading() == "Kilometers"

    def test_unit_is_added_in_kilometers(self, page, rosa):
        rosa.units = "metric"
        rosa.save()
        page.post("/customer/units/new/", self.FIELDS | {"odometer": "100000"})
        assert rosa.vehicles.get(unit_number="D4").odometer == Decimal("62137.12")

    def test_unit_may_have_no_vin(self, page, rosa):
        page.post("/customer/units/new/", self.FIELDS | {"vin": ""})
        unit = rosa.vehicles.get(unit_number="D4")
        assert (unit.vin, unit.readings.get().miles) == ("", Decimal("12.50"))

    def test_unit_with_an_open_repair_stays_in_use(self, page, unit):
        order = factories.RepairOrderFactory(vehicle=unit, customer=unit.customer)
        content = page.post(f"/customer/units/{unit.pk}/archive/", follow=True).content.decode()
        assert f"Unit A123 stays in use. Finish or cancel first: repair order {order.pk}." in content
        unit.refresh_from_db()
        assert unit.archived_at is None

    def test_unit_is_archived_after_a_confirmation(self, page, unit):
        url = f"/customer/units/{unit.pk}/archive/"
        assert "Archive A123?" in page.get(url).content.decode()
        unit.refresh_from_db()
        assert unit.archived_at is None
        assert "Unit A123 is archived." in page.post(url, follow=True).content.decode()
        unit.refresh_from_db()
        assert unit.archived_at is not None
        assert page.post(url, headers={"Accept": "text/html"}).status_code == 409
        assert page.post(f"/customer/units/{unit.pk}/", self.FIELDS).status_code == 400
