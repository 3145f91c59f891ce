"""Check-ins: an appointment, or the vehicle of a walk-in, becomes a repair order (docs/design, D104)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from appointments.models import Appointment
from common.domain.errors import IllegalTransition
from common.domain.models import Event
from repair_orders import actions, jobs
from repair_orders.actions import AppointmentHasOrder, WrongAppointment
from repair_orders.check_in import (
    OrderCannotBeTaken,
    OrderIsOpen,
    PromiseInThePast,
    WrongOrder,
    check_in,
    find_open_orders,
)
from repair_orders.models import Job, PartLine, RepairOrder
from testing import factories
from testing.storms import overlapping, parallel
from vehicles.locks import AlreadyArchived
from vehicles.models import OdometerReading, Vehicle
from vehicles.odometer import OdometerBackwards

pytestmark = pytest.mark.django_db
D = Decimal
HOUR = timedelta(hours=1)


@pytest.fixture
def advisor(db):
    return factories.UserFactory(role="advisor")


def visit_of(*services, description=None, **fields):
    """Return an appointment with services. Without a description it has their names, as a booking gives it."""
    names = ", ".join(service.name for service in services)
    visit = factories.AppointmentFactory(
        description=names if description is None else description,
        **{"bay__location": factories.LocationFactory(is_default=False), **fields},
    )
    for service in services:
        visit.services.add(service)
    return visit


def canned_service(name="Oil service", **fields):
    canned = factories.CannedJobFactory(name="Oil change, synthetic", concern="Oil is due")
    factories.CannedLineFactory(canned_job=canned, quantity=D("4.50"))
    return factories.ServiceTypeFactory(name=name, canned_job=canned, **fields)


def arrive(visit, **given):
    return check_in(appointment=visit, **{"now": timezone.now(), "by": None, **given})


def jobs_of(order):
    return list(Job.objects.filter(repair_order=order).in_order().values_list("name", "concern", "status"))


def everything():
    """Return what a refused check-in must not change."""
    return [
        list(model.objects.order_by("id").values())
        for model in (RepairOrder, Job, Appointment, Vehicle, OdometerReading, Event)
    ]


class TestAppointment:
    def test_order_has_what_the_advisor_noted(self, advisor, now):
        visit = visit_of(description="It squeals.")
        promised = now + 5 * HOUR
        order = arrive(
            visit, now=now, by=advisor.pk, odometer=D("30120.50"), promised_at=promised, key_tag="12"
        )
        order.refresh_from_db()
        assert (order.appointment, order.vehicle, order.customer) == (visit, visit.vehicle, visit.customer)
        assert (order.status, order.advisor, order.location) == ("requested", advisor, visit.location)
        assert (order.odometer_in, order.promised_at, order.checked_in_at) == (D("30120.50"), promised, now)
        assert order.key_tag == "12"
        assert order.description == "It squeals."
        assert (order.number, order.created_at) == (1, now)
        reading = OdometerReading.objects.get()
        assert (reading.vehicle, reading.miles, reading.source, reading.by, reading.at) == (
            visit.vehicle, D("30120.50"), "CHECK_IN", advisor, now
        )  # fmt: skip
        assert Vehicle.objects.get().odometer == D("30120.50")
        assert list(Event.objects.filter(type__endswith="checked_in").values_list("type", "subject")) == [
            ("repair_orders.repairorder.checked_in", f"repair_orders.repairorder:{order.pk}")
        ]

    def test_services_become_jobs_in_their_order(self):
        plain, canned = factories.ServiceTypeFactory(name="Alignment"), canned_service()
        order = arrive(visit_of(plain, canned))
        assert jobs_of(order) == [
            ("Alignment", "", "proposed"),
            ("Oil change, synthetic", "Oil is due", "proposed"),
        ]
        line = PartLine.objects.get()
        assert (line.job.name, line.quantity) == ("Oil change, synthetic", D("4.50"))
        assert line.job.canned_job == canned.canned_job

    def test_words_of_the_customer_are_the_concern_of_the_first_job(self):
        canned, plain = canned_service(), factories.ServiceTypeFactory(name="Alignment")
        order = arrive(visit_of(canned, plain, description="The oil light is on."))
        assert jobs_of(order) == [
            ("Oil change, synthetic", "The oil light is on.", "proposed"),
            ("Alignment", "", "proposed"),
        ]
        assert order.description == "The oil light is on."

    def test_words_noted_now_replace_those_of_the_appointment(self):
        order = arrive(visit_of(description="It squeals."), description="It grinds.")
        assert (order.description, jobs_of(order)) == ("It grinds.", [("Repair", "It grinds.", "proposed")])

    def test_description_that_lists_the_services_is_not_the_customers_word(self):
        order = arrive(visit_of(factories.ServiceTypeFactory(name="Alignment")))
        assert (order.description, jobs_of(order)) == ("", [("Alignment", "", "proposed")])

    def test_appointment_without_services_and_words_has_no_job(self):
        assert jobs_of(arrive(visit_of())) == []

    def test_canned_job_without_a_price_here_is_an_empty_job(self):
        canned = factories.CannedJobFactory(name="Diagnosis", concern="Light is on")
        factories.CannedLineFactory(
            canned_job=canned, kind="labour", part=None, quantity=None, name="Labor", hours=D(1)
        )
        order = arrive(visit_of(factories.ServiceTypeFactory(canned_job=canned)))
        assert jobs_of(order) == [("Diagnosis", "Light is on", "proposed")]
        assert not order.service_lines.exists()

    def test_jobs_are_those_of_the_technician_of_the_appointment(self):
        theo = factories.TechnicianFactory(name="Theo")
        unpriced = factories.CannedJobFactory(name="Diagnosis")
        factories.CannedLineFactory(
            canned_job=unpriced, kind="labour", part=None, quantity=None, name="Labor", hours=D(1)
        )
        services = factories.ServiceTypeFactory(name="Alignment"), canned_service()
        services = *services, factories.ServiceTypeFactory(canned_job=unpriced)
        order = arrive(visit_of(*services, technician=theo))
        assert list(order.jobs.in_order().values_list("name", "technician")) == [
            ("Alignment", theo.pk),
            ("Oil change, synthetic", theo.pk),
            ("Diagnosis", theo.pk),
        ]
        order = arrive(visit_of(technician=theo, description="It squeals."))
        assert list(order.jobs.values_list("name", "technician")) == [("Repair", theo.pk)]

    def test_appointment_stays_as_it_is(self):
        visit = visit_of()
        before = Appointment.objects.values().get()
        arrive(visit)
        assert Appointment.objects.values().get() == before
        assert (before["status"], before["technician_id"]) == ("pending", None)

    def test_started_appointment_can_be_checked_in(self):
        assert arrive(visit_of(status="in_progress")).status == "requested"

    @pytest.mark.parametrize("status", ["completed", "cancelled"])
    def test_closed_appointment_is_refused(self, status):
        visit = visit_of(status=status)
        before = everything()
        with pytest.raises(
            IllegalTransition, match=f"This appointment is {status} and cannot become checked in"
        ):
            arrive(visit, odometer=D(100))
        assert everything() == before

    def test_second_check_in_names_the_order(self):
        visit = visit_of()
        order = arrive(visit)
        before = everything()
        with pytest.raises(AppointmentHasOrder) as refusal:
            arrive(visit, anyway=True, odometer=D(100))
        assert refusal.value.facts == {"repair_order_id": order.pk, "number": order.number}
        assert everything() == before

    def test_vehicle_of_another_appointment_is_refused(self):
        visit = visit_of()
        with pytest.raises(WrongAppointment):
            arrive(visit, vehicle=factories.VehicleFactory())
        assert not RepairOrder.objects.exists()

    def test_lower_odometer_is_refused_and_nothing_is_made(self):
        visit = visit_of(vehicle__odometer=D(5000), vehicle__odometer_at=timezone.now())
        factories.OdometerReadingFactory(vehicle=visit.vehicle, miles=D(5000))
        before = everything()
        with pytest.raises(OdometerBackwards) as refusal:
            arrive(visit, odometer=D(4000))
        assert refusal.value.field == "odometer"
        assert everything() == before

    def test_promise_in_the_past_is_refused(self, now):
        visit = visit_of()
        with pytest.raises(PromiseInThePast):
            arrive(visit, now=now, promised_at=now)
        assert not RepairOrder.objects.exists()


class TestWalkIn:
    def test_vehicle_without_an_appointment_is_taken_in(self, now):
        vehicle, place = factories.VehicleFactory(), factories.LocationFactory()
        order = check_in(vehicle=vehicle, location=place, now=now, by=None, description="It squeals.")
        assert (order.vehicle, order.location, order.appointment) == (vehicle, place, None)
        assert (order.checked_in_at, jobs_of(order)) == (now, [("Repair", "It squeals.", "proposed")])

    def test_services_and_technician_that_are_named_make_its_jobs(self, now):
        theo, service = factories.TechnicianFactory(), factories.ServiceTypeFactory(name="Alignment")
        order = check_in(
            vehicle=factories.VehicleFactory(),
            location=factories.LocationFactory(),
            services=[service],
            technician=theo,
            description="It pulls.",
            now=now,
            by=None,
        )
        assert list(order.jobs.values_list("name", "concern", "technician")) == [
            ("Alignment", "It pulls.", theo.pk)
        ]

    def test_order_is_of_the_default_location(self, now):
        default = factories.LocationFactory()
        factories.LocationFactory()
        assert check_in(vehicle=factories.VehicleFactory(), now=now, by=None).location == default

    def test_archived_vehicle_is_refused(self, now):
        vehicle = factories.VehicleFactory(archived_at=now)
        with pytest.raises(AlreadyArchived):
            check_in(vehicle=vehicle, now=now, by=None)
        assert not RepairOrder.objects.exists()


class TestOpenOrders:
    @pytest.fixture
    def visit(self):
        return visit_of(factories.ServiceTypeFactory(name="Alignment"), description="It pulls left.")

    def requested(self, visit, **fields):
        """Return an order that the customer requested online."""
        return actions.request_repair(
            customer=visit.customer,
            vehicle=visit.vehicle,
            now=timezone.now() - 2 * HOUR,
            location=factories.LocationFactory(),
            **{"description": "It squeals.", **fields},
        )

    def test_requested_order_is_offered(self, visit):
        order = self.requested(visit)
        before = everything()
        with pytest.raises(OrderIsOpen) as refusal:
            arrive(visit, odometer=D(100))
        assert refusal.value.text == (
            f"This vehicle has repair order {order.reference}, which is requested. Take it "
            f"(repair_order_id: {order.pk}), or make another order (anyway: true)."
        )
        assert refusal.value.facts == {
            "repair_order_id": order.pk,
            "orders": [
                {
                    "id": order.pk,
                    "number": order.number,
                    "status": "requested",
                    "description": "It squeals.",
                    "can_be_taken": True,
                }
            ],
        }
        assert everything() == before

    def test_named_order_is_taken_with_the_appointment_and_its_services(self, visit, advisor, now):
        order = self.requested(visit)
        jobs.add_job(order=order, name="Brakes")
        taken = arrive(visit, now=now, by=advisor.pk, order=order, odometer=D(700), promised_at=now + HOUR)
        stored = RepairOrder.objects.get()
        assert taken == stored == order
        assert (stored.appointment, stored.advisor, stored.odometer_in) == (visit, advisor, D(700))
        assert (stored.promised_at, stored.checked_in_at) == (now + HOUR, now)
        assert stored.description == "It squeals.\n\nIt pulls left."
        assert jobs_of(stored) == [("Brakes", "", "proposed"), ("Alignment", "It pulls left.", "proposed")]

    def test_taken_order_is_of_the_place_where_the_vehicle_is(self, visit):
        factories.TaxRuleFactory(location=visit.location, percent=D("7.0000"))
        order = self.requested(visit)
        assert order.location != visit.location
        arrive(visit, order=order)
        stored = RepairOrder.objects.get()
        assert (stored.location, stored.number, stored.tax_percent) == (visit.location, 1, D("7.0000"))

    def test_walk_in_takes_an_order_too(self, visit, now):
        order = self.requested(visit)
        taken = check_in(vehicle=visit.vehicle, order=order, now=now, by=None)
        assert (taken, taken.checked_in_at, taken.appointment) == (order, now, None)
        assert jobs_of(taken) == [("Repair", "It squeals.", "proposed")]

    def test_words_that_the_order_has_are_not_written_twice(self, visit):
        order = self.requested(visit, description="Hello. It pulls left.")
        assert arrive(visit, order=order).description == "Hello. It pulls left."

    def test_another_order_is_made_anyway(self, visit):
        order = self.requested(visit)
        made = arrive(visit, anyway=True)
        assert made != order
        assert find_open_orders(visit.vehicle) == [order, made]

    def test_order_that_was_sent_cannot_be_taken_and_needs_anyway(self, visit):
        order = self.requested(visit)
        RepairOrder.objects.update(status="pending")
        before = everything()
        with pytest.raises(OrderIsOpen) as refusal:
            arrive(visit)
        assert refusal.value.text == (
            f"This vehicle has repair order {order.reference}, which is pending. Make another order with anyway: true."
        )
        assert [row["can_be_taken"] for row in refusal.value.facts["orders"]] == [False]
        with pytest.raises(OrderCannotBeTaken):
            arrive(visit, order=order)
        assert everything() == before
        assert arrive(visit, anyway=True).pk != order.pk

    def test_order_of_another_appointment_cannot_be_taken(self, visit):
        other = visit_of(vehicle=visit.vehicle, start=visit.start + HOUR)
        order = arrive(other)
        with pytest.raises(OrderIsOpen):
            arrive(visit)
        with pytest.raises(OrderCannotBeTaken):
            arrive(visit, order=order)
        assert RepairOrder.objects.get().appointment == other

    def test_order_of_another_vehicle_is_refused(self, visit):
        order = self.requested(visit_of())
        with pytest.raises(WrongOrder) as refusal:
            arrive(visit, order=order)
        assert refusal.value.field == "order"
        assert RepairOrder.objects.get().appointment is None

    @pytest.mark.parametrize("status", ["denied", "completed"])
    def test_closed_orders_are_no_obstacle(self, visit, status):
        factories.RepairOrderFactory(
            vehicle=visit.vehicle, status=status, total_cost="9.00" if status == "completed" else None
        )
        assert arrive(visit).appointment == visit


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_one_appointment_has_one_order(self):
        visit, service = visit_of(), factories.ServiceTypeFactory(name="Alignment")
        visit.services.add(service)

        def arrives(number):
            return arrive(Appointment.objects.get(pk=visit.pk), odometer=D(100 + number)).pk

        outcomes = parallel(12, arrives)
        order = RepairOrder.objects.get()
        assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [order.pk]
        others = [outcome for outcome in outcomes if outcome != order.pk]
        assert {type(error) for error in others} == {AppointmentHasOrder}
        assert (Job.objects.count(), OdometerReading.objects.count()) == (1, 1)

    def test_one_vehicle_is_not_taken_in_twice(self):
        vehicle = factories.VehicleFactory()

        def arrives():
            return check_in(vehicle=Vehicle.objects.get(pk=vehicle.pk), now=timezone.now(), by=None).pk

        first, second = overlapping(arrives, arrives)
        assert first == RepairOrder.objects.get().pk
        assert isinstance(second, OrderIsOpen)

    def test_requested_order_is_taken_once(self):
        vehicle = factories.VehicleFactory()
        visits = [visit_of(vehicle=vehicle, start=timezone.now() + number * HOUR) for number in range(2)]
        order = actions.request_repair(
            customer=vehicle.customer, vehicle=vehicle, description="", now=timezone.now()
        )

        def arrives(number):
            visit = Appointment.objects.get(pk=visits[number].pk)
            return arrive(visit, order=RepairOrder.objects.get(pk=order.pk)).appointment_id

        outcomes = parallel(2, arrives)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["OrderCannotBeTaken", "int"]
        assert RepairOrder.objects.get().appointment_id in outcomes


def test_correction_of_the_reading_by_the_api_corrects_the_check_in(as_ada, now):
    vehicle = factories.VehicleFactory()
    order = check_in(vehicle=vehicle, odometer=D(482_100), by=None, now=now)
    body = {"miles": "48210.00", "reason": "A digit too many", "replaces": vehicle.readings.get().pk}
    response = as_ada.post(f"/api/shop/vehicles/{vehicle.pk}/odometer/correct/", body, format="json")
    assert response.status_code == 201, response.json()
    order.refresh_from_db()
    assert order.odometer_in == D("48210.00")
