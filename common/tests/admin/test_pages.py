"""Every page of the admin answers, and the number of a list's queries does not grow with its rows."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from accounts.models import ApiKey, Device, EmailChange, KnownAddress, Referral, RewardEntry, Session, User
from appointments.models import (
    Absence,
    Appointment,
    Bay,
    Closure,
    Location,
    OpeningHours,
    ReportedProblem,
    ServiceType,
    Shift,
    Technician,
)
from billing.models import ClosedDay, CreditNote, Invoice, InvoiceSeries, Payment, Statement
from catalogue.models import Part, Reservation, Service, StockMove
from catalogue.pricing.models import CannedJob, CannedLine, PriceBand, PriceMatrix
from chat.models import Conversation, Message, SupportTicket
from common.domain.models import Event, IdempotencyKey
from customers.models import Customer, CustomerUser, Invitation, Notification, PhoneCall
from files.models import Upload
from inspections.models import Inspection, Template
from integrations.models import Delivery, Webhook
from memberships.models import Membership, Offer, OfferMake, Plan
from orders.models import Order, OrderItem, ReturnLine, ReturnRequest
from passports.models import PassportLink
from reminders.models import ReminderMail
from repair_orders.models import PartLine, RepairOrder, RepairPhoto, ServiceLine
from repair_orders.pricing.models import FeeRule, LabourRate, OverrunPolicy, TaxExemption, TaxRule
from repair_orders.time_entries.models import TimeEntry
from testing import factories
from testing.admin import changelist, page
from vehicles.codes.models import Dtc
from vehicles.models import Recommendation, TelematicsBatch, Vehicle
from vehicles.schedules.models import ScheduleTemplate

FACTORIES = {
    ApiKey: factories.ApiKeyFactory,
    Appointment: factories.AppointmentFactory,
    Bay: factories.BayFactory,
    CannedJob: factories.CannedJobFactory,
    CannedLine: factories.CannedLineFactory,
    Closure: factories.ClosureFactory,
    Customer: factories.CustomerFactory,
    CustomerUser: factories.CustomerUserFactory,
    DBTaskResult: factories.TaskFactory,
    Device: factories.DeviceFactory,
    EmailChange: factories.EmailChangeFactory,
    Event: factories.EventFactory,
    FeeRule: factories.FeeRuleFactory,
    Group: factories.GroupFactory,
    IdempotencyKey: factories.IdempotencyKeyFactory,
    Inspection: factories.InspectionFactory,
    Dtc: factories.DtcFactory,
    PassportLink: factories.PassportLinkFactory,
    Invitation: factories.InvitationFactory,
    KnownAddress: factories.KnownAddressFactory,
    LabourRate: factories.LabourRateFactory,
    Location: factories.LocationFactory,
    Membership: factories.MembershipFactory,
    Message: factories.MessageFactory,
    Notification: factories.NotificationFactory,
    Offer: factories.OfferFactory,
    OfferMake: factories.OfferMakeFactory,
    OpeningHours: factories.OpeningHoursFactory,
    Order: factories.OrderFactory,
    OrderItem: factories.OrderItemFactory,
    OverrunPolicy: factories.OverrunPolicyFactory,
    Part: factories.PartFactory,
    Reservation: factories.ReservationFactory,
    StockMove: factories.StockMoveFactory,
    PartLine: factories.PartLineFactory,
    Referral: factories.ReferralFactory,
    PhoneCall: factories.PhoneCallFactory,
    Plan: factories.PlanFactory,
    PriceBand: factories.PriceBandFactory,
    PriceMatrix: factories.PriceMatrixFactory,
    Recommendation: factories.RecommendationFactory,
    ReminderMail: factories.ReminderMailFactory,
    RepairOrder: factories.RepairOrderFactory,
    RepairPhoto: factories.RepairPhotoFactory,
    ReportedProblem: factories.ReportedProblemFactory,
    RewardEntry: factories.RewardEntryFactory,
    ReturnLine: factories.ReturnLineFactory,
    ReturnRequest: factories.ReturnRequestFactory,
    Webhook: factories.WebhookFactory,
    Delivery: factories.DeliveryFactory,
    ScheduleTemplate: factories.ScheduleTemplateFactory,
    Service: factories.ServiceFactory,
    ServiceLine: factories.ServiceLineFactory,
    ServiceType: factories.ServiceTypeFactory,
    Session: factories.SessionFactory,
    TaxExemption: factories.TaxExemptionFactory,
    TaxRule: factories.TaxRuleFactory,
    Technician: factories.TechnicianFactory,
    Shift: factories.ShiftFactory,
    Absence: factories.AbsenceFactory,
    Template: factories.InspectionTemplateFactory,
    TelematicsBatch: factories.TelematicsBatchFactory,
    TimeEntry: factories.TimeEntryFactory,
    Upload: factories.UploadFactory,
    ClosedDay: factories.ClosedDayFactory,
    Conversation: factories.ConversationFactory,
    CreditNote: factories.CreditNoteFactory,
    Invoice: factories.InvoiceFactory,
    InvoiceSeries: factories.InvoiceSeriesFactory,
    Payment: factories.PaymentFactory,
    Statement: factories.StatementFactory,
    SupportTicket: factories.SupportTicketFactory,
    User: factories.UserFactory,
    Vehicle: factories.VehicleFactory,
}
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
KEPT_IN_HISTORY = [model for model in MODELS if hasattr(model, "history")]


def test_every_model_is_registered():
    assert set(FACTORIES) <= set(MODELS)


@each_model
def test_list_has_a_constant_number_of_queries(desk, model):
    FACTORIES[model]()
    desk.get(changelist(model))  # content types are read once per process
    with CaptureQueriesContext(
        connection,
    ) as one:
        assert desk.get(changelist(model)).status_code == 200
    FACTORIES[model].create_batch(29)
    ContentType.objects.get_for_model(model)
    with CaptureQueriesContext(connection) as thirty:
        assert desk.get(changelist(model)).status_code == 200
    assert len(thirty) == len(one)


@each_model
def test_list_searches(desk, model):
    FACTORIES[model]()
    response = desk.get(changelist(model), {"q": "nothing is called that"})
    assert response.status_code == 200
    assert response.context["cl"].result_count == 0


@each_model
def test_add_page_answers(desk, model):
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    response = desk.get(url)
    may_add = admin.site._registry[model].has_add_permission(response.wsgi_request)
    assert response.status_code == (200 if may_add else 403)


@each_model
def test_change_page_answers(desk, model):
    assert desk.get(page(FACTORIES[model]())).status_code == 200


@pytest.mark.parametrize("model", KEPT_IN_HISTORY, ids=lambda model: model._meta.label)
def test_history_pages_answer_and_restore_nothing(desk, model):
    row = FACTORIES[model]()
    then = row.history.latest()
    assert desk.get(page(row, "history")).status_code == 200
    assert desk.get(page(row, "simple_history", then.pk)).status_code == 200
    assert desk.post(page(row, "simple_history", then.pk)).status_code == 403
    assert row.history.count() == 1


@pytest.mark.parametrize(
    "model",
    [
        Appointment,
        Customer,
        Location,
        Membership,
        Order,
        Plan,
        RepairOrder,
        ReturnRequest,
        Technician,
        User,
        Vehicle,
    ],
    ids=lambda m: m.__name__,
)
def test_history_is_not_deletable(desk, model):
    row = FACTORIES[model]()
    assert desk.post(page(row, "delete"), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_index_answers(desk):
    assert desk.get(reverse("tables")).status_code == 200


def test_customer_is_refused(client, alice):
    client.force_login(alice.contact)
    response = client.get(reverse("admin:index"))
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/login/?next=/admin/")
    response = client.post(
        "/admin/login/", {"username": alice.contact.email, "password": factories.PASSWORD, "next": "/admin/"}
    )
    assert "staff account" in response.content.decode()


def test_staff_see_models_of_their_permissions(client, tim):
    client.force_login(tim)
    assert client.get(reverse("tables")).status_code == 200
    assert client.get(changelist(Appointment)).status_code == 200
    assert client.get(changelist(User)).status_code == 403
