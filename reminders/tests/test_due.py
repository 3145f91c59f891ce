"""Everything that is due: contract 003's list and the staff's, whole bodies and a fixed number of queries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from common.domain.caller import Caller, Role
from reminders.due import SOURCES, list_due
from testing import billed, factories
from testing.suites import count_queries
from testing.worked_example import estimated
from vehicles.codes.meaning import describe
from vehicles.codes.models import Dtc
from vehicles.schedules.actions import recommend_due

pytestmark = pytest.mark.django_db
URL, STAFF_URL = "/api/due/", "/api/shop/due/"
D = Decimal
ORDER = ("overdue", "due_soon", "upcoming")


@pytest.fixture
def member(alice, sign_in):
    return sign_in(alice.contact)


@pytest.fixture
def car(alice, now):
    return factories.VehicleFactory(
        customer=alice, year=2019, make="Honda", model="Civic", license_plate="ABC-123", unit_number="",
        odometer=D("14600.00"), odometer_at=now,
    )  # fmt: skip


def z(instant):
    return instant.isoformat().replace("+00:00", "Z")


def body(kind, state, text, row, **values):
    """Return a body of contract 003, written out independently of the serializer."""
    empty = dict.fromkeys(("vehicleId", "vehicle", "dueDate", "dueAt", "dueMileage", "amount"))
    uuid = getattr(row, "uuid", None)
    own = {"kind": kind, "state": state, "text": text, "id": uuid and str(uuid)}
    return own | empty | values


@pytest.fixture
def everything(alice, car, now):
    """Return one row of each kind, for a customer with one vehicle, by its kind."""
    today = timezone.localdate(now)
    order, *_ = estimated(vehicle=car)
    return {
        "service": factories.ServiceScheduleFactory(
            vehicle=car, template__name="Oil change", due_on=today - timedelta(days=2), due_miles=D(15_000)
        ),
        "recommendation": factories.RecommendationFactory(
            vehicle=car, text="Brake pads\nThey squeal", urgency="soon", amount=D("120.00")
        ),
        "code": factories.DtcFactory(vehicle=car, code="P0301"),
        "parking": factories.ParkingSpotFactory(
            user=alice.contact, vehicle=car, place="Level 2", ends_at=now + timedelta(minutes=30)
        ),
        "membership": factories.MembershipFactory(
            user=alice.contact, plan__name="Plus", plan__price=D("19.00"), ends_at=now + timedelta(days=20)
        ),
        "appointment": factories.AppointmentFactory(
            customer=alice, vehicle=car, start=now + timedelta(days=3),
            end=now + timedelta(days=3, hours=1),
        ),
        "estimate": order.estimates.get(),
        "invoice": billed.stored_invoice(alice, due_on=today - timedelta(days=5)),
    }  # fmt: skip


class TestMember:
    def test_each_kind_has_its_body_with_what_is_overdue_first(self, member, everything, car, now):
        rows, own = everything, {"vehicleId": str(car.uuid), "vehicle": "2019 Honda Civic (ABC-123)"}
        invoice, estimate = rows["invoice"], rows["estimate"]
        found = member.get(URL).json()
        assert sorted(found, key=lambda row: row["kind"]) == sorted(
            [
                body(
                    "service", "overdue", "Oil change", rows["service"], **own, dueMileage=15000.0,
                    dueDate=str(rows["service"].due_on), action="book",
                ),
                body(
                    "recommendation", "due_soon", "Brake pads", None, **own, amount=120.0, action="book"
                ),
                body(
                    "code", "due_soon", f"Trouble code P0301: {describe('P0301')}", rows["code"], **own,
                    action="book",
                ),
                body(
                    "parking", "due_soon", "Parking: Level 2", rows["parking"], **own,
                    dueAt=z(rows["parking"].ends_at), action="move",
                ),
                body(
                    "membership", "upcoming", "Plus ends", rows["membership"],
                    dueAt=z(rows["membership"].ends_at), action="renewal",
                ),
                body(
                    "appointment", "due_soon", f"Appointment at {rows['appointment'].location}",
                    rows["appointment"], **own, dueAt=z(rows["appointment"].start), action="come",
                ),
                body(
                    "estimate", "due_soon",
                    f"Estimate of repair {estimate.repair_order_id} waits for an answer", estimate, **own,
                    dueAt=z(estimate.expires_at), amount=float(estimate.total), action="answer",
                ),
                body(
                    "invoice", "overdue", f"Invoice {invoice.number}", invoice,
                    dueDate=str(invoice.due_on), amount=float(invoice.balance), action="pay",
                ) | {name: next(row for row in found if row["kind"] == "invoice")[name] for name in own},
            ],
            key=lambda row: row["kind"],
        )  # fmt: skip
        states = [row["state"] for row in found]
        assert states == sorted(states, key=ORDER.index)

    def test_url_has_no_slash_or_one(self, member, everything):
        assert member.get("/api/due").json() == member.get(URL).json()

    def test_kind_and_vehicle_filter(self, member, everything, car, alice):
        def kinds(**params):
            return sorted(row["kind"] for row in member.get(URL, params).json())

        assert kinds(kind="code,service") == ["code", "service"]
        assert kinds(vehicleId=str(car.uuid), kind="membership") == []
        other = factories.VehicleFactory(customer=alice)
        assert kinds(vehicleId=str(other.uuid)) == []
        assert "service" in kinds(vehicleId=str(car.uuid))

    def test_list_is_paged_on_request(self, member, everything):
        whole = member.get(URL).json()
        page = member.get(URL, {"page": 2, "page_size": 3})
        assert (page.json(), page["X-Total-Count"]) == (whole[3:6], str(len(whole)))

    @pytest.mark.parametrize(
        ("params", "wrong"),
        [
            ({"kind": "oil"}, "kind"),
            ({"vehicleId": "x"}, "vehicleId"),
            ({"colour": "red"}, "colour"),
            ({"page": "9", "page_size": "1"}, "page"),
        ],
    )
    def test_wrong_parameters_are_named(self, member, params, wrong):
        response = member.get(URL, params)
        assert (response.status_code, list(response.json())) == (400, [wrong])

    def test_vehicle_of_another_customer_is_404(self, member):
        other = factories.VehicleFactory()
        response = member.get(URL, {"vehicleId": str(other.uuid)})
        assert (response.status_code, response.json()) == (404, {"error": "Vehicle not found"})

    def test_others_see_nothing_of_it(self, everything, bob, carol, ada, api, sign_in):
        assert sign_in(bob.contact).get(URL).json() == []
        assert sign_in(carol).get(URL).json() == []
        assert sign_in(ada).get(URL).status_code == 403
        assert api.get(URL).status_code == 401

    def test_number_of_queries_does_not_grow(self, member, everything, car, alice, now):
        one = count_queries(lambda: member.get(URL))
        for number in range(29):
            factories.ServiceScheduleFactory(vehicle=car, due_on=date(2025, 1, 1))
            factories.RecommendationFactory(vehicle=factories.VehicleFactory(customer=alice))
            factories.DtcFactory(vehicle=car, code=f"P{number:04}")
        assert len(member.get(URL).json()) > 90
        assert count_queries(lambda: member.get(URL)) == one


class TestWhatIsDue:
    def due(self, customer, kind, now):
        caller = Caller(Role.CUSTOMER, customer.contact_id, customer.pk)
        return [(due.text, due.state) for due in list_due(caller, {"kind": [kind]}, now=now)]

    def test_code_with_a_recommendation_that_stands_is_listed_once(self, alice, car, now):
        factories.DtcFactory(vehicle=car, code="P0301")
        factories.RecommendationFactory(vehicle=car, code="dtc:P0301", text="P0301 misfire")
        assert self.due(alice, "code", now) == []
        assert self.due(alice, "recommendation", now) == [("P0301 misfire", "due_soon")]

    def test_due_work_that_is_recommended_is_listed_once(self, alice, car, now):
        schedule = factories.ServiceScheduleFactory(vehicle=car, template__name="Oil change")
        recommend_due(schedule=schedule)
        assert self.due(alice, "service", now) == [("Oil change", "overdue")]
        assert self.due(alice, "recommendation", now) == []

    def test_cleared_code_is_left_out(self, alice, car, now):
        factories.DtcFactory(vehicle=car, cleared_at=now)
        assert self.due(alice, "code", now) == []
        assert Dtc.objects.count() == 1

    @pytest.mark.parametrize(
        ("values", "state"),
        [
            ({"urgency": "now"}, "overdue"),
            ({"urgency": "soon"}, "due_soon"),
            ({"urgency": "later"}, "upcoming"),
            ({"urgency": "now", "due_on": 15}, "upcoming"),
            ({"urgency": "later", "due_on": 14}, "due_soon"),
            ({"urgency": "later", "due_on": -1}, "overdue"),
            ({"due_miles": D(14_600)}, "overdue"),
            ({"due_miles": D(15_100)}, "due_soon"),
            ({"due_miles": D("15100.01")}, "upcoming"),
            ({"due_miles": D(99_000), "due_on": 3}, "due_soon"),
        ],
    )
    def test_recommendation_is_due_by_its_day_or_miles_else_by_its_urgency(
        self, alice, car, now, values, state
    ):
        if "due_on" in values:
            values = values | {"due_on": timezone.localdate(now) + timedelta(days=values["due_on"])}
        factories.RecommendationFactory(vehicle=car, text="Tires", **values)
        assert self.due(alice, "recommendation", now) == [("Tires", state)]

    @pytest.mark.parametrize("status", ["quoted", "done", "dismissed"])
    def test_work_that_is_not_open_is_left_out(self, alice, car, now, status):
        factories.RecommendationFactory(vehicle=car, status=status)
        assert self.due(alice, "recommendation", now) == []

    def test_archived_vehicle_has_nothing_due(self, alice, car, everything, now):
        type(car).objects.filter(pk=car.pk).update(archived_at=now)
        for kind in ("service", "recommendation", "code"):
            assert self.due(alice, kind, now) == []

    def test_service_that_is_far_away_is_left_out(self, alice, car, now):
        factories.ServiceScheduleFactory(vehicle=car, due_on=date(2099, 1, 1), due_miles=D(99_000))
        assert self.due(alice, "service", now) == []

    def test_estimate_that_cannot_be_answered_is_left_out(self, alice, car, everything, now):
        order = everything["estimate"].repair_order
        assert len(self.due(alice, "estimate", now)) == 1
        assert self.due(alice, "estimate", everything["estimate"].expires_at) == []
        type(order).objects.filter(pk=order.pk).update(version=order.version + 1)
        assert self.due(alice, "estimate", now) == []

    def test_invoice_is_listed_after_its_due_day(self, alice, now):
        today = timezone.localdate(now)
        for days in (-1, 0, 1):
            billed.stored_invoice(alice, due_on=today + timedelta(days=days))
        assert len(self.due(alice, "invoice", now)) == 1

    def test_vehicle_of_an_invoice_for_another_customer_is_not_shown(self, alice, bob, now):
        car = factories.VehicleFactory(customer=bob)
        billed.stored_invoice(alice, vehicle=car, due_on=date(2025, 1, 1))
        caller = Caller(Role.CUSTOMER, alice.contact_id, alice.pk)
        [due] = list_due(caller, {"kind": ["invoice"]}, now=now)
        assert due.vehicle is None

    def test_membership_renews_or_ends(self, alice, now):
        row = factories.MembershipFactory(
            user=alice.contact, plan__name="Plus", started_at=datetime(2025, 1, 31, 9, tzinfo=UTC)
        )
        assert self.due(alice, "membership", datetime(2025, 2, 22, tzinfo=UTC)) == [
            ("Plus renews", "due_soon")
        ]
        row.ends_at = datetime(2025, 2, 28, 9, tzinfo=UTC)
        row.save()
        assert self.due(alice, "membership", datetime(2025, 2, 10, tzinfo=UTC)) == [("Plus ends", "upcoming")]
        assert self.due(alice, "membership", datetime(2025, 3, 1, tzinfo=UTC)) == []

    def test_parking_is_the_users_alone(self, alice, car, everything, now):
        staff = Caller(Role.ADMIN, 0, None)
        assert list_due(staff, {"kind": ["parking"]}, now=now) == []
        colleague = factories.CustomerUserFactory(customer=alice).user
        caller = Caller(Role.CUSTOMER, colleague.pk, alice.pk)
        assert list_due(caller, {"kind": ["parking"]}, now=now) == []


class TestStaff:
    @pytest.fixture
    def advisor(self, sign_in):
        return sign_in(factories.UserFactory(role="advisor"))

    def test_kinds_follow_each_other_without_parking(self, advisor, everything, alice):
        page = advisor.get(STAFF_URL, {"customer_id": alice.pk}).json()
        assert [row["kind"] for row in page["results"]] == [
            source.kind for source in SOURCES if source.kind != "parking"
        ]
        assert (page["count"], page["next"], page["previous"]) == (7, None, None)

    def test_row_has_the_customer_and_the_phone(self, advisor, everything, alice, car):
        schedule = everything["service"]
        assert advisor.get(STAFF_URL, {"kind": "service"}).json()["results"] == [
            {
                "kind": "service",
                "state": "overdue",
                "text": "Oil change",
                "id": schedule.pk,
                "customer_id": alice.pk,
                "customer_name": "Alice Cooper",
                "phone": alice.contact.phone,
                "vehicle_id": car.pk,
                "vehicle": "2019 Honda Civic (ABC-123)",
                "due_on": str(schedule.due_on),
                "due_at": None,
                "due_miles": "15000.00",
                "amount": None,
            }
        ]

    def test_pages_cross_the_kinds(self, advisor, everything):
        whole = advisor.get(STAFF_URL).json()
        assert whole["count"] == 7
        pages = [advisor.get(STAFF_URL, {"page": n, "page_size": 2}).json() for n in (1, 2, 3, 4)]
        assert [row for page in pages for row in page["results"]] == whole["results"]
        assert pages[0]["next"] == f"http://testserver{STAFF_URL}?page=2&page_size=2"
        assert advisor.get(STAFF_URL, {"page": 5, "page_size": 2}).status_code == 400

    def test_vehicle_filters(self, advisor, everything, car):
        found = advisor.get(STAFF_URL, {"vehicle_id": car.pk}).json()["results"]
        assert {row["vehicle_id"] for row in found} == {car.pk}
        assert "membership" not in {row["kind"] for row in found}

    def test_role_sees_its_kinds(self, tim, sign_in, everything):
        client = sign_in(tim)
        kinds = {row["kind"] for row in client.get(STAFF_URL).json()["results"]}
        assert kinds == {"service", "recommendation", "code", "appointment", "estimate"}
        assert client.get(STAFF_URL, {"kind": "invoice"}).status_code == 403

    @pytest.mark.parametrize("name", ["customer_id", "vehicle_id"])
    def test_unknown_row_is_404(self, advisor, name):
        assert advisor.get(STAFF_URL, {name: 999999}).status_code == 404

    def test_parking_is_not_a_kind_of_the_staff(self, advisor):
        response = advisor.get(STAFF_URL, {"kind": "parking"})
        assert (response.status_code, list(response.json()["fields"])) == (400, ["kind"])

    def test_customers_are_refused(self, member):
        assert member.get(STAFF_URL).status_code == 403

    def test_number_of_queries_does_not_grow(self, advisor, everything, car):
        whole = {"page_size": 200}
        one = count_queries(lambda: advisor.get(STAFF_URL, whole))
        for number in range(29):
            factories.DtcFactory(vehicle=factories.VehicleFactory(), code=f"P{number:04}")
            factories.RecommendationFactory()
        assert len(advisor.get(STAFF_URL, whole).json()["results"]) > 60
        assert count_queries(lambda: advisor.get(STAFF_URL, whole)) == one
