"""Export and erasure of one person's data: the export is complete, and erasure leaves no data without a reason."""

from __future__ import annotations

import json
from io import StringIO
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import models
from django.utils import timezone

from accounts.models import Device, KnownAddress, Session, User
from accounts.tasks import mail_reset_link
from chat.models import Message
from common.domain.encoding import dumps
from common.domain.models import IdempotencyKey
from customers.models import Customer, CustomerUser
from files.models import Upload, UploadState
from files.stores import LocalStore, StoreUnavailable, store
from memberships.models import Membership
from privacy.erase import StillOpen, erase
from privacy.holdings import HOLDINGS
from privacy.persons import get_person
from repair_orders.models import RepairOrder
from testing import factories

pytestmark = pytest.mark.django_db
MARK = "plugh-"  # marks every text that a person could have entered
TEXTS = (models.CharField, models.TextField, models.JSONField)
APPS = {h.model._meta.app_label for h in HOLDINGS} | {"catalogue"}
# Tables of the shop's own data, which may name the member of staff who changed a row, and tables without persons.
WITHOUT_PERSONAL_DATA = {
    *("Location", "OpeningHours", "Closure", "Bay", "ServiceType", "ReportedProblem"),
    *("Part", "Service", "Plan", "Offer", "OfferMake"),
    "Event",  # ids, states and amounts
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
    factories.AppointmentFactory(customer=customer, vehicle=vehicle, status="completed")
    order = factories.RepairOrderFactory(
        customer=customer, vehicle=vehicle, status="completed", total_cost="20.00"
    )
    factories.PartLineFactory(repair_order=order)
    factories.ServiceLineFactory(repair_order=order)
    upload = uploaded(user, customer)
    factories.RepairPhotoFactory(repair_order=order, upload=upload)
    uploaded(user, None)
    sold = factories.OrderFactory(customer=customer, status="returned")
    item = factories.OrderItemFactory(order=sold)
    factories.ReturnLineFactory(
        return_request=factories.ReturnRequestFactory(order=sold, status="refunded"), item=item
    )
    conversation = factories.ConversationFactory(customer=customer)
    first = factories.MessageFactory(conversation=conversation, number=1)
    factories.MessageFactory(conversation=conversation, number=2, author=None, is_support=True)
    conversation.last_message = first
    conversation.save()
    factories.SupportTicketFactory(conversation=conversation, order=sold)
    factories.NotificationFactory(customer=customer)
    factories.MembershipFactory(user=user)
    factories.RewardEntryFactory(user=user)
    factories.ReferralFactory(referrer=user)
    factories.SessionFactory(user=user)
    factories.DeviceFactory(user=user)
    factories.KnownAddressFactory(user=user)
    factories.TechnicianFactory(user=user)
    factories.IdempotencyKeyFactory(user_id=user.pk, created_at=now)


def uploaded(user: User, customer: Customer | None) -> Upload:
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
        for row in holding.rows_for(person):
            for name, blank in holding.overwrites.items():
                if blank == "":
                    setattr(row, name, f"{MARK}{name}"[: row._meta.get_field(name).max_length])
            row.save()
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
    personal = {m.__name__ for m in ours if has_path(m) or m in (User, Customer)}
    assert personal | {"IdempotencyKey"} == {h.model.__name__ for h in HOLDINGS}
    assert {m.__name__ for m in ours} - {h.model.__name__ for h in HOLDINGS} == WITHOUT_PERSONAL_DATA


def test_every_text_field_is_overwritten_or_kept_for_reason():
    for holding in HOLDINGS:
        texts = {f.name for f in holding.model._meta.concrete_fields if isinstance(f, TEXTS)}
        decided = {*holding.overwrites, *holding.keeps, *holding.secrets}
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
    assert not [p for p in store().path("uploads").rglob("*") if p.is_file() and p not in files_of(bob)]
    for model in (Session, Device, KnownAddress):
        assert not model.objects.filter(user=user).exists()
    assert Membership.objects.get(user=user).status == "cancelled"
    # The records of the business are unchanged.
    order = RepairOrder.objects.get(customer=anna)
    assert (order.part_lines.count(), order.service_lines.count(), str(order.total_cost)) == (1, 1, "20.00")
    assert (anna.orders.get().items.count(), anna.vehicles.count(), user.reward_entries.count()) == (1, 1, 1)
    after = {holding.name: list(holding.rows_for(get_person(bob.contact)).values()) for holding in HOLDINGS}
    assert after == others


def files_of(customer):
    uploads = Upload.objects.filter(owner=customer.contact)
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
    assert list(Upload.objects.filter(customer_id=anna.pk).values_list("owner", "state")) == [
        (None, "stored")
    ]


def test_person_with_unfinished_business_is_not_erased(anna, now):
    order = factories.RepairOrderFactory(customer=anna, vehicle=anna.vehicles.get(), status="approved")
    sold = factories.OrderFactory(customer=anna, status="packed")
    before = whole_database()
    with pytest.raises(StillOpen) as refused:
        erase(anna.contact, now=now)
    assert refused.value.text == f"Finish or cancel first: repair order {order.pk}, order {sold.pk}."
    assert whole_database() == before


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
    assert files == [b"JPEG", b"JPEG"]
    assert f"{sum(map(len, tables.values()))} rows written" in out.getvalue()
    person = get_person(anna.contact)
    for holding in HOLDINGS:
        rows = tables[holding.name]
        assert {row["id"] for row in rows} >= set(holding.rows_for(person).values_list("pk", flat=True))
        assert not any(secret in row for row in rows for secret in holding.secrets)
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
