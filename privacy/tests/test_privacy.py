"""Export and erasure of one person's data: the export is complete, and erasure leaves no data without a reason."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import import_module
from inspect import signature
from io import StringIO
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from accounts.models import Device, KnownAddress, PageSession, Session, User
from accounts.tasks import mail_reset_link
from billing.papers.models import Paper as BillingPaper
from chat.models import Message
from common.domain.constraints import erasing
from common.domain.encoding import dumps
from common.domain.models import IdempotencyKey, SheetImport
from customers.actions import notify
from customers.models import Customer, CustomerUser
from customers.tasks import mail_notification
from files.models import Upload, UploadState
from files.stores import LocalStore, StoreUnavailable, store
from inspections.papers.models import Paper as InspectionPaper
from memberships.models import Membership
from passports.models import PassportLink
from passports.queries import get_own_chain
from privacy.erase import StillOpen, erase
from privacy.holdings import HOLDINGS
from privacy.persons import get_person
from repair_orders.estimates.models import AddedTax, EstimateMail
from repair_orders.models import Paper, RepairOrder
from testing import factories
from testing.histories import hand_over

pytestmark = pytest.mark.django_db
MARK = "plugh-"  # marks every text that a person could have entered
TEXTS = (models.CharField, models.TextField, models.JSONField)
APPS = {h.model._meta.app_label for h in HOLDINGS} | {"catalogue"}
# Tables of the shop's own data, which may name the member of staff who changed a row, and tables without persons.
WITHOUT_PERSONAL_DATA = {
    *("Location", "Logo", "OpeningHours", "Closure", "Bay", "ServiceType", "ReportedProblem"),
    *("PriceMatrix", "PriceBand", "CannedJob", "CannedLine"),
    *("Template", "TemplateItem", "ScheduleTemplate"),
    *("LabourRate", "TaxRule", "FeeRule", "OverrunPolicy"),
    *("Part", "Reservation", "Service", "Plan", "Offer", "OfferMake"),
    "Event",  # ids, states and amounts
    *("NumberSeries", "InvoiceSeries"),
    "Sweep",  # days
}


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


def create_data(customer: Customer) -> None:
    """Create a row for the customer in every table, with finished business only."""
    user, now = customer.contact, timezone.now()
    vehicle = factories.VehicleFactory(
        customer=customer, dongle_id=f"dongle-{user.pk}", dongle_connection="WIFI"
    )
    factories.TelematicsBatchFactory(vehicle=vehicle)
    factories.OdometerReadingFactory(vehicle=vehicle, by=user)
    factories.FuelLogFactory(vehicle=vehicle, notes="On the way to Boston")
    factories.DtcFactory(vehicle=vehicle, note="It shakes")
    factories.PassportLinkFactory(vehicle=vehicle)
    factories.ParkingSpotFactory(user=user, vehicle=vehicle, notes="Behind the school")
    factories.ServiceRecordFactory(schedule__vehicle=vehicle)
    factories.RecommendationFactory(vehicle=vehicle, source="declined", code="canned:5")
    factories.AppointmentFactory(customer=customer, vehicle=vehicle, status="completed")
    order = factories.RepairOrderFactory(
        customer=customer, vehicle=vehicle, status="completed", total_cost="20.00"
    )
    factories.TaxExemptionFactory(customer=customer)
    factories.PartLineFactory(repair_order=order)
    factories.OrderDiscountFactory(repair_order=order)
    factories.ServiceLineFactory(repair_order=order, description="Rotors too")
    estimate = factories.EstimateFactory(repair_order=order)
    answer = factories.AuthorisationFactory(estimate=estimate, by_name=f"{user.first_name} {user.last_name}")
    AddedTax.objects.create(authorisation=answer, at=now, amount=1)
    EstimateMail.objects.create(estimate=estimate, at=now, message_id="<1@example.com>")
    Paper.objects.create(
        estimate=estimate, kind="estimate", upload=uploaded(None, None), digest="0" * 64, created_at=now
    )
    upload = uploaded(user, customer)
    factories.RepairPhotoFactory(repair_order=order, upload=upload)
    finding = factories.FindingFactory(inspection__repair_order=order, rating="red", note="Worn")
    factories.FindingPhotoFactory(finding=finding, upload=uploaded(None, customer))
    InspectionPaper.objects.create(
        inspection=finding.inspection, upload=uploaded(None, None), digest="0" * 64, created_at=now
    )
    uploaded(user, None)
    sold = factories.OrderFactory(customer=customer, status="returned")
    item = factories.OrderItemFactory(order=sold)
    factories.ReturnLineFactory(
        return_request=factories.ReturnRequestFactory(order=sold, status="refunded"), item=item
    )
    invoice = factories.InvoiceFactory(repair_order=order)
    factories.InvoiceLineFactory(invoice=invoice)
    factories.CreditNoteLineFactory(credit_note__invoice=invoice)
    factories.AllocationFactory(payment__customer=customer, invoice=invoice)
    factories.StatementFactory(customer=customer)
    factories.StatementRunFactory(started_by=user)
    BillingPaper.objects.create(invoice=invoice, upload=uploaded(None, None), digest="0" * 64, created_at=now)
    factories.ClosedDayFactory(closed_by=user)
    factories.VehicleExitFactory(repair_order=order)
    conversation = factories.ConversationFactory(customer=customer)
    first = factories.MessageFactory(conversation=conversation, number=1)
    factories.MessageFactory(conversation=conversation, number=2, author=None, is_support=True)
    conversation.last_message = first
    conversation.save()
    factories.SupportTicketFactory(conversation=conversation, order=sold)
    factories.StockMoveFactory(by=user)
    factories.VendorOrderFactory(by=user)
    factories.ApiKeyFactory(created_by=user)
    factories.AttemptFactory(delivery__webhook__created_by=user)
    factories.NotificationFactory(customer=customer)
    factories.PhoneCallFactory(customer=customer)
    factories.ReminderFactory(mail__customer=customer)
    factories.MembershipFactory(user=user)
    factories.RewardEntryFactory(user=user)
    factories.ReferralFactory(referrer=user)
    factories.SessionFactory(user=user)
    factories.DeviceFactory(user=user)
    factories.EmailChangeFactory(user=user, old_email=f"old-{user.email}")
    factories.InvitationFactory(customer=customer)
    factories.InvitationFactory(email=user.email, customer__contact__first_name="Inviter")
    factories.KnownAddressFactory(user=user)
    factories.RecoveryCodeFactory(factor__user=user)
    PageSession.objects.create(session_key=f"key-{user.pk}", session_data="", expire_date=now, user=user)
    technician = factories.TechnicianFactory(user=user)
    factories.AbsenceFactory(technician=technician)
    factories.ShiftFactory(technician=technician)
    factories.TimeEntryFactory(technician=technician, job=factories.JobFactory(repair_order=order))
    factories.IdempotencyKeyFactory(user_id=user.pk, created_at=now)
    factories.SheetImportFactory(user_id=user.pk)


def uploaded(user: User | None, customer: Customer | None) -> Upload:
    upload = factories.UploadFactory(
        owner=user,
        customer_id=customer and customer.pk,
        size=4,
        state=UploadState.STORED,
        stored_at=timezone.now(),
    )
    path = store().path(upload.key)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"JPEG")
    return upload


def mark(person) -> None:
    """Put the mark into every field that erasure overwrites, in the row and in its history."""
    for holding in HOLDINGS:
        for row in holding.rows_for(person) if holding.overwrites else ():
            names = [name for name, blank in holding.overwrites.items() if blank == ""]
            for name in names:
                setattr(row, name, f"{MARK}{name}"[: row._meta.get_field(name).max_length])
            with erasing():
                row.save(update_fields=names)
    Message.objects.filter(author=person.user).update(attachments=[{"id": "x", "url": f"{MARK}url"}])
    IdempotencyKey.objects.filter(user_id=person.user.pk).update(body=f"{MARK}answer")
    for customer in Customer.objects.filter(pk__in=person.accounts):
        customer.street_address, customer.company_name = f"{MARK}street", f"{MARK}company"
        customer.save()
    LogEntry.objects.create(
        user=person.user, content_type=ContentType.objects.get_for_model(User), object_id=str(person.user.pk),
        object_repr=f"{MARK}name", change_message=f"{MARK}said", action_flag=CHANGE,
    )  # fmt: skip


def whole_database(*, without=()) -> dict[str, list[dict]]:
    """Return every row of every table, including the history and the admin's log."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.label not in without and model._meta.managed
    }


def to_text(dump) -> str:
    return json.dumps(dump, default=str)


@pytest.fixture
def anna():
    customer = factories.CustomerFactory(contact__email="plugh-anna@example.com")
    create_data(customer)
    mark(get_person(customer.contact))
    return customer


def test_every_table_with_path_to_person_is_declared():
    def has_path(model, seen=()):
        return any(
            field.is_relation and field.many_to_one | bool(field.one_to_one)
            and (field.related_model in (User, Customer)
                 or (field.related_model not in seen and has_path(field.related_model, (*seen, model))))
            for field in model._meta.concrete_fields
        )  # fmt: skip

    ours = [m for m in apps.get_models() if m._meta.app_label in APPS and "Historical" not in m.__name__]
    personal = {m for m in ours if has_path(m) or m in (User, Customer)}
    declared = {h.model for h in HOLDINGS}
    assert personal | {IdempotencyKey, SheetImport} == declared
    assert {m.__name__ for m in {*ours} - declared} == WITHOUT_PERSONAL_DATA


def test_every_text_field_is_overwritten_or_kept_for_reason():
    for holding in HOLDINGS:
        texts = {f.name for f in holding.model._meta.concrete_fields if isinstance(f, TEXTS)}
        decided = {*holding.overwrites, *holding.rewrites, *holding.keeps, *holding.secrets}
        assert decided <= {f.name for f in holding.model._meta.concrete_fields}
        if not holding.deletes:
            whole = set().union(*({*h.overwrites} for h in HOLDINGS if h.model is holding.model)) | decided
            deletes_too = any(h.deletes for h in HOLDINGS if h.model is holding.model)
            assert texts <= whole or deletes_too, (holding.name, texts - whole)


def test_erasure_leaves_no_personal_data(anna, bob):
    create_data(bob)
    mail_reset_link.enqueue(anna.contact.email)
    others = {holding.name: list(holding.rows_for(get_person(bob.contact)).values()) for holding in HOLDINGS}
    assert MARK in to_text(whole_database())

    erase(anna.contact, now=timezone.now())

    found = {
        label: [row for row in rows if MARK in to_text(row)]
        for label, rows in whole_database().items()
        if MARK in to_text(rows)
    }
    assert found == {}
    user = User.objects.get(pk=anna.contact_id)
    assert (user.email, user.is_active, user.has_usable_password(), str(user)) == (
        None, False, False, f"User {user.pk}",
    )  # fmt: skip
    assert str(Customer.objects.get(pk=anna.pk)) == "Former customer"
    left = {path for path in store().path("uploads").rglob("*") if path.is_file()} - {*files_of(bob)}
    # The invoice is kept, and so is its paper.
    paper = BillingPaper.objects.get(invoice__bill_to=anna.pk)
    assert left == {store().path(paper.upload.key)}
    for model in (Session, Device, KnownAddress):
        assert not model.objects.filter(user=user).exists()
    assert Membership.objects.get(user=user).status == "cancelled"
    # The records of the business are unchanged.
    order = RepairOrder.objects.get(customer=anna)
    assert (order.part_lines.count(), order.service_lines.count(), str(order.total_cost)) == (1, 1, "20.00")
    assert (anna.orders.get().items.count(), anna.vehicles.count(), user.reward_entries.count()) == (1, 1, 1)
    after = {holding.name: list(holding.rows_for(get_person(bob.contact)).values()) for holding in HOLDINGS}
    assert after == others


def test_erasure_withdraws_the_links_of_passports(alice, bob, now):
    sold = factories.VehicleFactory(customer=alice)
    factories.PassportLinkFactory(vehicle=sold, for_next_owner=True, created_at=now)
    later = hand_over(sold, now)
    theirs = factories.PassportLinkFactory(vehicle__customer=bob)
    erase(alice.contact, now=now + timedelta(days=1))
    assert list(PassportLink.objects.live(now)) == [theirs]
    assert get_own_chain(later) == [later.pk, sold.pk]


def test_erasure_deletes_only_the_persons_own_tasks(settings, now):
    settings.TASKS_RUN_IN = "worker"
    ann, joann = (
        factories.CustomerFactory(contact__pk=pk, contact__email=f"{name}@y.example", contact__first_name="")
        for pk, name in ((1_000_001, "ann"), (1_000_002, "joann"))
    )
    for customer in (ann, joann):
        mail_reset_link.enqueue(customer.contact.email)
        mail_reset_link.enqueue(email=customer.contact.email, page="http://localhost/ann@y.example")
        notify(customer_id=customer.pk, type="SHOP", title="Closed", message="", now=now)
    # The person's number under another parameter is not the person.
    mail_notification.enqueue(notification_id=ann.contact_id)
    gone = factories.TaskFactory(
        task_path="mails.tasks.gone", args_kwargs={"args": ["ann@y.example", 7], "kwargs": {}}
    )
    stays = factories.TaskFactory(
        task_path="mails.tasks.gone", args_kwargs={"args": ["joann@y.example"], "kwargs": {}}
    )
    assert DBTaskResult.objects.count() == 9

    erase(ann.contact, now=now)

    notification = joann.notifications.get()
    left = sorted(
        json.dumps(given, sort_keys=True)
        for given in DBTaskResult.objects.values_list("args_kwargs", flat=True)
    )
    assert left == sorted(
        json.dumps({"args": args, "kwargs": kwargs}, sort_keys=True)
        for args, kwargs in [
            (["joann@y.example"], {}),
            ([], {"email": "joann@y.example", "page": "http://localhost/ann@y.example"}),
            ([notification.pk], {}),
            ([], {"notification_id": ann.contact_id}),
            (["joann@y.example"], {}),
        ]
    )
    assert not DBTaskResult.objects.filter(pk=gone.pk).exists()
    assert DBTaskResult.objects.filter(pk=stays.pk).exists()


def test_parameters_of_every_task_say_whose_they_are():
    """Erasure finds a person's tasks by these names. A task with another parameter must be decided here."""
    found = {
        name: set(signature(value.func).parameters)
        for module in ("accounts.tasks", "customers.tasks", "common.admin.background")
        for name, value in vars(import_module(module)).items()
        if isinstance(value, Task)
    }
    known = {f"{holding.model._meta.model_name}_id" for holding in HOLDINGS}
    known |= {"user_id", "customer_id", "email"} | {"page", "company"}  # the latter are not personal
    assert {name: parameters - known for name, parameters in found.items()} == {name: set() for name in found}


def files_of(customer):
    own = Q(owner=customer.contact) | Q(paper__estimate__repair_order__customer=customer)
    own |= Q(billing_paper__invoice__bill_to=customer) | Q(
        finding_photo__isnull=False, customer_id=customer.pk
    )
    own |= Q(inspection_paper__inspection__repair_order__customer=customer)
    uploads = Upload.objects.filter(own)
    return [store().path(upload.key) for upload in uploads]


def test_account_with_other_login_stays(anna, bob, now):
    successor = factories.UserFactory()
    CustomerUser.objects.create(customer=anna, user=successor)
    vehicle = anna.vehicles.get()
    message = anna.conversations.get().messages.get(number=1)

    erase(anna.contact, now=now)

    anna.refresh_from_db()
    vehicle.refresh_from_db()
    message.refresh_from_db()
    assert (anna.contact, anna.company_name) == (successor, f"{MARK}company")
    assert vehicle.license_plate
    assert (message.body, message.attachments, message.client_id) == ("", [], None)
    own = Upload.objects.filter(customer_id=anna.pk, finding_photo=None)
    assert list(own.values_list("owner", "state")) == [(None, "stored")]


def test_person_with_unfinished_business_is_not_erased(anna, now):
    order = factories.RepairOrderFactory(customer=anna, vehicle=anna.vehicles.get(), status="approved")
    sold = factories.OrderFactory(customer=anna, status="packed")
    before = whole_database()
    with pytest.raises(StillOpen) as refused:
        erase(anna.contact, now=now)
    assert refused.value.text == f"Finish or cancel first: repair order {order.pk}, order {sold.pk}."
    assert whole_database() == before


def test_person_with_an_open_account_is_not_erased(anna, now):
    order = factories.RepairOrderFactory(
        customer=anna, vehicle=anna.vehicles.get(), status="completed", total_cost="13.00"
    )
    invoice = factories.InvoiceFactory(
        repair_order=anna.repair_orders.earliest("id"), is_credited=True, paid=5
    )
    payment = factories.PaymentFactory(customer=anna, open=7)
    factories.AllocationFactory(payment=payment, invoice=None, repair_order=order, amount=13)
    before = whole_database()
    with pytest.raises(StillOpen) as refused:
        erase(anna.contact, now=now)
    assert refused.value.text == (
        f"Finish or cancel first: invoice {invoice.number} with a balance of 15.00, deposit of 13.00 on repair order "
        f"{order.pk}, payment {payment.pk} with 7.00 open."
    )
    assert whole_database() == before


def test_invoice_keeps_its_paper_as_it_was_issued(anna, now):
    paper = {"customer": {"name": "Anna Plugh"}}
    invoice = factories.InvoiceFactory(customer=anna, repair_order__customer=anna, snapshot=paper)
    erase(anna.contact, now=now)
    invoice.refresh_from_db()
    assert invoice.snapshot == paper


def test_unreachable_store_rolls_erasure_back(anna, now, monkeypatch):
    def away(self, key):
        raise StoreUnavailable

    monkeypatch.setattr(LocalStore, "remove", away)
    before = whole_database()
    with pytest.raises(StoreUnavailable):
        erase(anna.contact, now=now)
    assert whole_database() == before


def test_export_has_every_table_and_file_and_no_secret(anna, bob, tmp_path):
    create_data(bob)
    out = StringIO()
    call_command("export_person", "Plugh-Anna@example.com", str(tmp_path / "anna.zip"), stdout=out)
    with ZipFile(tmp_path / "anna.zip") as archive:
        names = archive.namelist()
        tables = {n.removesuffix(".json"): json.loads(archive.read(n)) for n in names if n.endswith(".json")}
        files = [archive.read(n) for n in names if n.startswith("files/")]
    assert set(tables) == {holding.name for holding in HOLDINGS}
    assert files == [b"JPEG"] * 6
    assert f"{sum(map(len, tables.values()))} rows written" in out.getvalue()
    person = get_person(anna.contact)
    for holding in HOLDINGS:
        rows = tables[holding.name]
        if holding.model._meta.pk.name not in holding.secrets:
            assert {row["id"] for row in rows} >= set(holding.rows_for(person).values_list("pk", flat=True))
        assert not any(secret in row for row in rows for secret in holding.secrets)
    costs = {"cost", "unit_cost"}  # what the shop paid
    assert not any(costs & row.keys() for rows in tables.values() for row in rows)
    assert tables["accounts.user"][0]["email"] == "plugh-anna@example.com"
    [batch] = tables["vehicles.telematicsbatch"]
    assert batch["samples"] == [[batch["start"], 45.5, 2.3, 15000.5]]
    assert tables["repair_orders.repairorder"][0]["total_cost"] == "20.00"
    assert bob.contact.email not in dumps(tables).decode()
    assert (tmp_path / "anna.zip").stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="already exists"):
        call_command("export_person", str(anna.contact.uuid), str(tmp_path / "anna.zip"))


def test_command_asks_for_confirmation_and_reports_counts(anna, monkeypatch):
    email = anna.contact.email
    monkeypatch.setattr("builtins.input", lambda question: "no")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase_person", email)
    out = StringIO()
    monkeypatch.setattr("builtins.input", lambda question: email)
    call_command("erase_person", email, stdout=out)
    assert "       2  chat.message\n" in out.getvalue()
    with pytest.raises(CommandError, match="There is no user"):
        call_command("erase_person", email)
    with pytest.raises(CommandError, match="There is no user"):
        call_command("export_person", "nobody", "x.zip")
