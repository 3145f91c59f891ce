"""The page of a customer: everything about them, in a fixed number of queries, and for each role its part."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from repair_orders.check_in import check_in
from testing.billed import pay
from testing.factories import (
    AppointmentFactory,
    ConversationFactory,
    CustomerFactory,
    InvoiceFactory,
    LocationFactory,
    MessageFactory,
    OrderFactory,
    OrderItemFactory,
    PartLineFactory,
    PhoneCallFactory,
    RecommendationFactory,
    ReminderFactory,
    ReminderMailFactory,
    RepairOrderFactory,
    TaxExemptionFactory,
    UserFactory,
    VehicleFactory,
)
from testing.suites import count_queries
from vehicles.actions import transfer_vehicle

pytestmark = pytest.mark.django_db
D = Decimal


def url(customer):
    return reverse("customer-page", args=[customer.pk])


def text_of(response):
    """Return the text of a page without tags, as one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def told(response):
    return [str(message) for message in response.context["messages"]]


def fill(customer):
    """Give a customer one row of every kind that the page shows."""
    vehicle = VehicleFactory(customer=customer)
    RecommendationFactory(vehicle=vehicle)
    order = RepairOrderFactory(vehicle=vehicle, status="requested")
    PartLineFactory(repair_order=order)
    RepairOrderFactory(vehicle=vehicle, status="denied")
    AppointmentFactory(vehicle=vehicle)
    InvoiceFactory(bill_to=customer, paid=D("0.00"))
    pay(None, "9.00", customer=customer)
    conversation = ConversationFactory(customer=customer)
    MessageFactory(conversation=conversation)
    OrderItemFactory(order=OrderFactory(customer=customer))
    TaxExemptionFactory(customer=customer)
    PhoneCallFactory(customer=customer)


class TestShown:
    def test_everything_of_the_customer_is_shown(self, desk, alice, bob):
        vehicle = VehicleFactory(
            customer=alice, license_plate="KDR-1180", odometer=D("48210"), odometer_at=timezone.now()
        )
        RecommendationFactory(vehicle=vehicle, text="Front brake pads", urgency="now", amount=D("210.00"))
        RecommendationFactory(vehicle=vehicle, text="Done already", status="done")
        order = RepairOrderFactory(vehicle=vehicle, status="requested", number=1042)
        PartLineFactory(repair_order=order, quantity=D("2.00"), unit_price=D("10.00"))
        past = RepairOrderFactory(vehicle=vehicle, status="denied", number=1001)
        appointment = AppointmentFactory(vehicle=vehicle)
        AppointmentFactory(vehicle=vehicle, start=timezone.now() - timedelta(days=9), status="completed")
        invoice = InvoiceFactory(bill_to=alice, paid=D("0.00"))
        payment = pay(None, "9.00", customer=alice)
        conversation = ConversationFactory(customer=alice, subject="When is it ready?")
        parts = OrderFactory(customer=alice)
        exemption = TaxExemptionFactory(customer=alice, valid_until=timezone.now().date() - timedelta(days=1))
        fill(bob)
        response = desk.get(url(alice))
        context, text = response.context, text_of(response)
        assert [
            (row["vehicle"], [str(r) for r in row["recommendations"]]) for row in context["vehicles"]["rows"]
        ] == [(vehicle, ["Front brake pads"])]
        assert [(row["order"], row["total"]) for row in context["orders"]["rows"]] == [(order, D("20.00"))]
        assert context["appointments"] == [appointment]
        assert list(context["past_orders"]) == [past]
        assert [row["invoice"] for row in context["money"]["unpaid"]] == [invoice]
        assert context["money"]["kept"] == [payment]
        assert context["conversations"] == [conversation]
        assert context["parts_orders"] == [parts]
        assert context["exemptions"] == [exemption]
        assert list(context["past_invoices"]) == [invoice]
        for words in ("48,210 miles", "Needed now", "$210.00", "Order 1042", "$20.00", "Order 1001", "Owes $11.00",
                      "$9.00 open", "When is it ready?", parts.number, "Expired"):  # fmt: skip
            assert words in text

    def test_order_is_opened_for_a_vehicle_without_a_visit(self, desk, alice):
        vehicle = VehicleFactory(customer=alice)
        LocationFactory()
        link = f"/admin/intake/?customer={alice.pk}&amp;vehicle={vehicle.pk}&amp;start=leave"
        assert f'href="{link}">New order' in desk.get(url(alice)).content.decode()
        form = desk.get(link.replace("&amp;", "&")).context["form"]
        assert (form["vehicle"].value(), form["start"].value()) == (str(vehicle.pk), "leave")

    def test_customer_without_anything_is_told_so(self, desk, alice):
        text = text_of(desk.get(url(alice)))
        for words in (
            *("No visit is booked and no order is open.", "No vehicle yet.", "No conversation yet."),
            *("Owes nothing", "No unpaid invoice and no open payment.", "No order is completed yet."),
        ):
            assert words in text

    def test_former_customer_and_long_names_are_shown(self, desk):
        assert "Former customer" in text_of(desk.get(url(CustomerFactory(contact=None))))
        long = CustomerFactory(company_name="株式会社" * 50)
        assert long.company_name in text_of(desk.get(url(long)))

    def test_likely_duplicate_is_named(self, desk, alice):
        twin = CustomerFactory(contact__first_name="Alice", contact__last_name="Cooper", contact__phone="")
        assert "This may be Alice Cooper" in text_of(desk.get(url(alice)))
        assert f"{url(twin)}" in desk.get(url(alice)).content.decode()

    def test_vehicle_of_the_link_comes_first_in_a_large_fleet(self, desk, alice):
        first = VehicleFactory(customer=alice)
        for number in range(21):
            VehicleFactory(customer=alice, unit_number=f"U{number}")
        shown = desk.get(url(alice)).context["vehicles"]
        assert first not in [row["vehicle"] for row in shown["rows"]]
        assert (len(shown["rows"]), shown["count"]) == (20, 22)
        shown = desk.get(url(alice), {"vehicle": first.pk}).context["vehicles"]
        assert shown["rows"][0]["vehicle"] == first

    def test_history_is_paged(self, desk, alice):
        vehicle = VehicleFactory(customer=alice)
        orders = RepairOrderFactory.create_batch(12, vehicle=vehicle, status="denied")
        assert len(list(desk.get(url(alice)).context["past_orders"])) == 10
        page = desk.get(url(alice), {"orders": 2}).context["past_orders"]
        assert set(page) <= set(orders)
        assert len(list(page)) == 2

    def test_open_orders_and_invoices_beyond_the_first_are_counted(self, desk, alice):
        RepairOrderFactory.create_batch(12, vehicle=VehicleFactory(customer=alice), status="requested")
        InvoiceFactory.create_batch(11, bill_to=alice, paid=D("0.00"))
        text = text_of(desk.get(url(alice)))
        assert "10 of 12 open orders." in text
        assert "All 11 unpaid invoices" in text

    def test_merged_customer_leads_to_the_kept_one(self, desk, alice, bob):
        Customer.objects.filter(pk=alice.pk).update(merged_into=bob)
        response = desk.get(url(alice), follow=True)
        assert response.redirect_chain == [(url(bob), 302)]
        assert told(response) == [f"Customer {alice.pk} is merged into this one."]

    def test_unknown_customer_is_not_found(self, desk, db):
        assert desk.get("/admin/customers-page/999999/").status_code == 404

    def test_number_of_queries_is_constant(self, desk, alice):
        fill(alice)
        desk.get(url(alice))
        one = count_queries(lambda: desk.get(url(alice)))
        for _ in range(4):
            fill(alice)
        assert count_queries(lambda: desk.get(url(alice))) == one
        assert one <= 45


class TestRoles:
    def test_technician_sees_no_money_and_no_steps(self, client, tim, alice):
        fill(alice)
        client.force_login(tim)
        response = client.get(url(alice))
        assert (response.context["money"], response.context["past_invoices"], response.context["parts_orders"]) == (
            None, None, None
        )  # fmt: skip
        assert [row["order"].customer for row in response.context["orders"]["rows"]] == [alice]
        text = text_of(response)
        for words in ("Edit contact", "Merge", "New owner", "Correct odometer", "Take a payment", "Archive"):
            assert words not in text

    def test_page_needs_the_permission_to_view_customers(self, client, tim, alice):
        Group.objects.get(name="technician").permissions.remove(
            Permission.objects.get(codename="view_customer")
        )
        client.force_login(tim)
        assert client.get(url(alice)).status_code == 403

    def test_each_kind_needs_its_permission(self, client, tim, alice):
        fill(alice)
        group = Group.objects.get(name="technician")
        group.permissions.set([Permission.objects.get(codename="view_customer")])
        client.force_login(tim)
        context = client.get(url(alice)).context
        kinds = ("vehicles", "appointments", "orders", "money", "conversations", "parts_orders", "exemptions",
                 "past_orders", "past_invoices")  # fmt: skip
        assert [context[kind] for kind in kinds] == [None] * len(kinds)

    def test_admin_page_leads_here_and_back(self, desk, alice):
        assert url(alice) in desk.get(f"/admin/customers/customer/{alice.pk}/change/").content.decode()
        assert f"/admin/customers/customer/{alice.pk}/change/" in desk.get(url(alice)).content.decode()


class TestContact:
    @pytest.fixture
    def form(self, desk, alice):
        """Return the data of the form as it is shown."""

        def shown():
            form = desk.get(url(alice), {"edit": "1"}).context["form"]
            values = {name: form[name].value() for name in form.fields}
            return {**values, **{f"initial-{name}": value for name, value in values.items()}}

        return shown

    def test_contact_is_changed_in_two_clicks(self, desk, alice, form):
        data = {**form(), "phone": "(217) 555-0199", "last_name": "Coöper"}
        response = desk.post(url(alice), data, follow=True)
        alice.contact.refresh_from_db()
        assert (alice.contact.phone, alice.contact.last_name, alice.contact.first_name) == (
            "(217) 555-0199", "Coöper", "Alice"
        )  # fmt: skip
        assert told(response) == ["The contact was changed."]
        assert response.redirect_chain == [(url(alice), 302)]

    def test_field_that_was_not_edited_keeps_what_somebody_else_entered(self, desk, alice, form):
        data = {**form(), "last_name": "Coper"}
        alice.contact.phone = "(217) 555-0777"
        alice.contact.save()
        desk.post(url(alice), data)
        alice.contact.refresh_from_db()
        assert (alice.contact.last_name, alice.contact.phone) == ("Coper", "(217) 555-0777")

    def test_nothing_edited_changes_nothing(self, desk, alice, form):
        assert told(desk.post(url(alice), form(), follow=True)) == ["Nothing was changed."]

    @pytest.mark.parametrize(
        ("answers", "errors"),
        [
            ({"phone": "12"}, {"phone": ["Enter a phone number of 7 to 15 digits."]}),
            ({"email": "nobody"}, {"email": ["Enter a valid email address."]}),
            ({"first_name": "", "last_name": ""}, {"first_name": ["Enter a name or a company name."]}),
        ],
    )
    def test_wrong_value_is_asked_again(self, desk, alice, form, answers, errors):
        before = alice.contact.phone, alice.contact.email, alice.contact.first_name
        response = desk.post(url(alice), {**form(), **answers})
        assert dict(response.context["form"].errors) == errors
        assert 'role="alert"' in response.content.decode()
        alice.contact.refresh_from_db()
        assert (alice.contact.phone, alice.contact.email, alice.contact.first_name) == before

    def test_email_that_is_taken_is_refused(self, desk, alice, bob, form):
        response = desk.post(url(alice), {**form(), "email": bob.contact.email})
        assert list(response.context["form"].errors) == ["email"]

    def test_another_email_asks_for_the_password(self, desk, alice, form):
        data = {**form(), "email": "new@example.com"}
        session = desk.session
        session["password_at"] = 0.0
        session.save()
        response = desk.post(url(alice), data)
        assert "Enter your password" in response.content.decode()
        alice.contact.refresh_from_db()
        assert alice.contact.email != "new@example.com"

    def test_change_needs_its_permission(self, client, tim, alice):
        client.force_login(tim)
        assert client.get(url(alice), {"edit": "1"}).context["form"] is None
        assert client.post(url(alice), {"first_name": "Eve"}).status_code == 403
        alice.contact.refresh_from_db()
        assert alice.contact.first_name == "Alice"

    def test_contact_who_is_staff_is_not_changed(self, desk, tim):
        customer = CustomerFactory(contact=tim, login=False)
        page = f"{url(customer)}"
        form = desk.get(page, {"edit": "1"}).context["form"]
        values = {name: form[name].value() for name in form.fields}
        data = {**values, **{f"initial-{name}": value for name, value in values.items()}, "first_name": "Eve"}
        response = desk.post(page, data)
        assert response.context["form"].non_field_errors() == [
            "This customer's contact is a member of staff. Change names, email and phone on the user."
        ]


class TestMerge:
    def test_customer_is_merged_after_a_look_at_both(self, desk, alice, bob):
        vehicle = VehicleFactory(customer=alice)
        merge = reverse("customer-merge", args=[alice.pk])
        found = desk.get(merge, {"q": "baker"})
        assert "Compare with Bob Baker" in text_of(found)
        assert f'href="{merge}?into={bob.pk}"' in found.content.decode()
        assert (
            "<button" not in found.content.decode().split('aria-label="Customers"')[1].split("</section>")[0]
        )
        page = desk.get(merge, {"into": bob.pk})
        button = f"Merge Alice Cooper ({alice.pk}) into Bob Baker ({bob.pk})"
        assert f'value="{bob.pk}"> {button} </button>' in " ".join(page.content.decode().split())
        vehicle.refresh_from_db()
        assert vehicle.customer == alice
        response = desk.post(merge, {"into": bob.pk}, follow=True)
        vehicle.refresh_from_db()
        assert vehicle.customer == bob
        assert told(response) == ["Alice Cooper was merged into this customer."]

    def test_both_are_shown_side_by_side_with_what_stays(self, desk, alice, bob):
        Customer.objects.update(customer_since=datetime(2020, 5, 9, tzinfo=UTC))
        Customer.objects.filter(pk=alice.pk).update(company_name="Cooper LLC")
        bob.contact.phone, bob.contact.email = "(217) 555-0142", "bob@example.com"
        bob.contact.save()
        vehicle = VehicleFactory(customer=bob, year=2016, make="Ford", model="F-150", license_plate="AB 1")
        RepairOrderFactory(vehicle=vehicle, status="requested")
        RepairOrderFactory(vehicle=vehicle, status="denied")
        InvoiceFactory(bill_to=bob, paid=D("0.00"))
        context = desk.get(reverse("customer-merge", args=[alice.pk]), {"into": bob.pk}).context
        owed = context["sides"][1]["facts"].pop("Unpaid invoices")
        assert [side["customer"] for side in context["sides"]] == [alice, bob]
        assert context["sides"][1]["facts"] == {
            "Name": "Bob Baker",
            "Company": "–",
            "Phone": "(217) 555-0142",
            "Email": "bob@example.com",
            "Address": "123 Elm St, Springfield, NY 10001",
            "Customer since": "May 2020",
            "Vehicles": "2016 Ford F-150 (AB 1)",
            "Repair orders": "2, 1 open",
        }
        assert owed == "1, owes $20.00"
        assert context["stays"] == {
            "name": "Cooper LLC", "phone": "(217) 555-0142", "email": "bob@example.com",
        }  # fmt: skip
        desk.post(reverse("customer-merge", args=[alice.pk]), {"into": bob.pk})
        kept = Customer.objects.get(pk=bob.pk)
        assert (kept.name, kept.contact.phone, kept.contact.email) == (
            "Cooper LLC", "(217) 555-0142", "bob@example.com",
        )  # fmt: skip

    @pytest.mark.parametrize("into", ["", "999999", "x"])
    def test_nobody_to_keep_is_not_found(self, desk, alice, into):
        assert desk.get(reverse("customer-merge", args=[alice.pk]), {"into": into}).status_code == 404

    def test_likely_duplicates_are_offered_first(self, desk, alice):
        CustomerFactory(contact__first_name="Alice", contact__last_name="Cooper")
        assert "Same phone and name" in text_of(desk.get(reverse("customer-merge", args=[alice.pk])))

    def test_merge_into_itself_is_refused(self, desk, alice):
        response = desk.post(reverse("customer-merge", args=[alice.pk]), {"into": alice.pk}, follow=True)
        assert told(response) == ["A customer cannot be merged into itself."]
        assert Customer.objects.get(pk=alice.pk).merged_into is None

    def test_merge_needs_a_manager(self, client, alice, bob):
        client.force_login(UserFactory(role="advisor"))
        merge = reverse("customer-merge", args=[alice.pk])
        assert (client.get(merge).status_code, client.post(merge, {"into": bob.pk}).status_code) == (403, 403)
        assert Customer.objects.get(pk=alice.pk).merged_into is None

    def test_merge_asks_for_the_password(self, desk, alice, bob):
        session = desk.session
        session["password_at"] = 0.0
        session.save()
        response = desk.post(reverse("customer-merge", args=[alice.pk]), {"into": bob.pk})
        assert "Enter your password" in response.content.decode()
        assert Customer.objects.get(pk=alice.pk).merged_into is None


def step(name, vehicle):
    return reverse(f"vehicle-{name}", args=[vehicle.customer_id, vehicle.pk])


def sent(client, page, **answers):
    """Send the form that the page shows, with the answers."""
    form = client.get(page).context["form"]
    data = {name: form[name].value() or "" for name in form.fields} | answers
    return client.post(page, data, follow=True)


class TestVehicleSteps:
    @pytest.fixture
    def vehicle(self, desk, alice):
        vehicle = VehicleFactory(customer=alice)
        sent(desk, step("read", vehicle), miles="48210")
        vehicle.refresh_from_db()
        return vehicle

    def test_odometer_is_read(self, vehicle):
        assert (vehicle.odometer, vehicle.readings.get().source) == (D("48210.00"), "MANUAL")

    def test_reading_is_corrected_with_a_reason(self, desk, ada, vehicle):
        wrong = vehicle.readings.get()
        response = sent(desk, step("correct", vehicle), miles="42810", reason="Digits were swapped")
        vehicle.refresh_from_db()
        correction = vehicle.readings.get(accepted=True)
        assert (vehicle.odometer, correction.replaces, correction.note, correction.by) == (
            D("42810.00"), wrong, "Digits were swapped", ada
        )  # fmt: skip
        assert told(response) == ["The odometer was corrected."]

    def test_figure_of_the_check_in_is_corrected_with_its_reading(self, desk, alice):
        vehicle = VehicleFactory(customer=alice)
        order = check_in(vehicle=vehicle, odometer=D("482100"), by=None, now=timezone.now())
        sent(desk, step("correct", vehicle), miles="48210", reason="A digit too many")
        order.refresh_from_db()
        assert order.odometer_in == D("48210.00")
        sent(desk, step("correct", vehicle), miles="48211", reason="Read again")
        order.refresh_from_db()
        assert order.odometer_in == D("48211.00")

    def test_figure_of_another_check_in_stays(self, desk, alice, vehicle):
        order = RepairOrderFactory(vehicle=vehicle, customer=alice, odometer_in=D("48210"))
        sent(desk, step("correct", vehicle), miles="42810", reason="Digits were swapped")
        order.refresh_from_db()
        assert order.odometer_in == D("48210.00")

    @pytest.mark.parametrize(
        ("answers", "field"), [({"miles": "42810"}, "reason"), ({"miles": "-1", "reason": "x"}, "miles")]
    )
    def test_correction_without_reason_or_figure_is_asked_again(self, desk, vehicle, answers, field):
        response = sent(desk, step("correct", vehicle), **answers)
        assert list(response.context["form"].errors) == [field]
        vehicle.refresh_from_db()
        assert vehicle.odometer == D("48210.00")

    def test_lower_reading_is_refused_with_its_reason(self, desk, vehicle):
        response = sent(desk, step("read", vehicle), miles="5")
        assert response.context["form"].errors["miles"] == [
            "The odometer cannot go down: enter at least 48210.00 miles."
        ]

    def test_form_acts_once(self, desk, vehicle):
        form = desk.get(step("read", vehicle)).context["form"]
        data = {"key": form["key"].value(), "miles": "50000", "note": ""}
        desk.post(step("read", vehicle), data)
        response = desk.post(step("read", vehicle), {**data, "miles": "50001"})
        assert response.context["form"].non_field_errors()[0].startswith("This form was sent before.")
        vehicle.refresh_from_db()
        assert vehicle.odometer == D("50000.00")

    def test_vehicle_moves_to_a_new_owner_in_three_clicks(self, desk, vehicle, bob):
        page = step("transfer", vehicle)
        assert "Move to this customer : Bob Baker" in text_of(desk.get(page, {"q": "baker"}))
        response = desk.post(page, {"customer": bob.pk}, follow=True)
        moved = bob.vehicles.get()
        assert (moved.continues, moved.odometer) == (vehicle, D("48210.00"))
        assert told(response) == [
            f"{moved} belongs to Bob Baker now. Its history stays with the previous owner."
        ]
        assert "Has a new owner" in text_of(desk.get(url(vehicle.customer)))

    def test_new_owner_page_says_who_keeps_the_history(self, desk, alice):
        page = desk.get(step("transfer", VehicleFactory(customer=alice)))
        assert "Alice Cooper keeps its history; the new owner gets the vehicle with it." in text_of(page)

    def test_odometer_that_was_never_read_has_no_figure(self, desk, alice):
        vehicle = VehicleFactory(customer=alice, odometer_at=None, odometer=D(0))
        text = text_of(desk.get(step("read", vehicle)))
        assert ("never read" in text, "0 miles" in text) == (True, False)
        assert "Odometer never read" in text_of(desk.get(url(alice)))

    def test_vehicle_with_an_open_order_stays(self, desk, vehicle, bob):
        RepairOrderFactory(vehicle=vehicle, status="requested", number=4711)
        response = desk.post(step("transfer", vehicle), {"customer": bob.pk}, follow=True)
        assert told(response) == ["Finish or cancel first: repair order 4711."]
        vehicle.refresh_from_db()
        assert vehicle.archived_at is None

    def test_vehicle_is_archived_and_restored(self, desk, vehicle):
        response = desk.post(step("archive", vehicle), follow=True)
        vehicle.refresh_from_db()
        assert (told(response), vehicle.archived_at is None) == (["The vehicle is archived."], False)
        response = desk.post(step("restore", vehicle), follow=True)
        vehicle.refresh_from_db()
        assert (told(response), vehicle.archived_at) == (["The vehicle is in use again."], None)

    def test_vehicle_with_a_new_owner_is_not_restored(self, desk, vehicle, bob):
        moved = transfer_vehicle(vehicle=vehicle, customer=bob, by=None, now=timezone.now())
        response = desk.post(step("restore", vehicle), follow=True)
        assert told(response) == [f"This vehicle goes on as vehicle {moved.pk}."]

    def test_vehicle_of_another_customer_is_not_found(self, desk, vehicle, bob):
        for name in ("read", "correct", "transfer"):
            assert desk.get(reverse(f"vehicle-{name}", args=[bob.pk, vehicle.pk])).status_code == 404

    @pytest.mark.parametrize("name", ["correct", "transfer", "restore", "archive"])
    def test_step_needs_its_permission(self, client, vehicle, tim, name):
        client.force_login(tim)
        assert client.post(step(name, vehicle), {"customer": "1"}).status_code == 403


def test_reminders_and_preferences_are_shown(desk, alice):
    LocationFactory(time_zone="America/New_York", is_default=True)
    mail = ReminderMailFactory(customer=alice, sent_at=datetime(2026, 6, 10, 16, tzinfo=UTC))
    ReminderFactory(mail=mail)
    ReminderMailFactory(customer=alice, kind="put_off", sent_at=None)
    parked = ReminderMailFactory(customer=alice, kind="parking", user=alice.contact)
    ReminderFactory(mail=parked, text="The paid time at Level 2 ends")
    alice.notification_preferences["put_off_reminders"] = False
    alice.save()
    html = desk.get(url(alice)).content.decode()
    text = " ".join(re.sub(r"<[^>]*>", " ", html.partition('id="reminders"')[2]).split())
    assert text.startswith(
        ">Reminders by email Follow-ups Waits Work that was put off "
        "Sent 10 Jun 2026, 12:00 Regular work that is due "
        "2019 Honda Civic (ABC-123): Oil change is due soon (June 24, 2026) "
        "On: regular work that is due, parking that ends, membership that renews or ends. "
        "Off: work that was put off."
    )
    assert "Level 2" not in html
