"""A staff day and a member day with a client of openapi-generator's python, against a running server with the demo data.

Run it where `garage_client` is importable: python walk.py http://localhost:8000
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from garage_client import (
    ApiClient,
    Configuration,
    MemberApi,
    MemberBookingInputRequest,
    MemberCredentialsRequest,
    MemberMessageInputRequest,
    ShopAllocationInputRequest,
    ShopApi,
    ShopAuthorisationInputRequest,
    ShopCredentialsRequest,
    ShopCustomerInputRequest,
    ShopDecisionInputRequest,
    ShopEstimateInputRequest,
    ShopIntakeInputRequest,
    ShopIntakeVehicleInputRequest,
    ShopNewJobInputRequest,
    ShopNewLineInputRequest,
    ShopPaymentInputRequest,
    ShopWalkInCheckInInputRequest,
    StaffIntakeApi,
    StaffInvoicesApi,
    StaffLocationsApi,
    StaffPaymentsApi,
    StaffRepairOrdersApi,
)
from garage_client.exceptions import ConflictException

SITE = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000"


def caller(token: str | None = None) -> ApiClient:
    return ApiClient(Configuration(host=SITE, access_token=token))


def staff_day() -> None:
    words = ShopCredentialsRequest(email="admin@example.com", password="admin12345")
    staff = caller(ShopApi(caller()).shop_login_post(words).access)
    [location, *_] = StaffLocationsApi(staff).shop_locations_list(search="Shelbyville").results

    entered = StaffIntakeApi(staff).shop_intake_create(
        shop_intake_input_request=ShopIntakeInputRequest(
            customer=ShopCustomerInputRequest(name="Walter Inn", phone="(555) 010-7777"),
            vehicle=ShopIntakeVehicleInputRequest(year=2019, make="Toyota", model="Camry"),
        )
    )
    assert entered.vehicle_id
    orders = StaffRepairOrdersApi(staff)
    arrival = ShopWalkInCheckInInputRequest(
        vehicle_id=entered.vehicle_id, location_id=location.id, odometer=41250, key_tag="7"
    )
    order = orders.shop_repair_orders_check_in(arrival).id

    [job] = orders.shop_repair_orders_add_job(
        order, shop_new_job_input_request=ShopNewJobInputRequest(name="Wiper blades")
    ).jobs
    for line in (
        ShopNewLineInputRequest(kind="part", name="Wiper blade", quantity=2, unit_price="14.50"),
        ShopNewLineInputRequest(kind="labour", name="Fit wiper blades", hours="0.2"),
    ):
        orders.shop_repair_orders_add_line(order, job.id, line)
    sent = orders.shop_repair_orders_estimate(order, shop_estimate_input_request=ShopEstimateInputRequest())
    assert sent.status == "pending"

    answer = ShopAuthorisationInputRequest(
        method="phone",
        by_name="Walter Inn",
        contact_used="(555) 010-7777",
        total=sent.totals.total,
        decisions=[ShopDecisionInputRequest(job_id=job.id, decision="approved")],
    )
    recorded = orders.shop_repair_orders_authorise(order, answer)
    assert recorded.total == sent.totals.total
    try:
        orders.shop_repair_orders_authorise(order, answer)
    except ConflictException as refusal:
        assert refusal.data.code == "already_answered"
    else:
        raise AssertionError("An answer is recorded once.")
    orders.shop_repair_orders_start(order)
    assert orders.shop_repair_orders_complete(order).status == "completed"

    invoice = orders.shop_repair_orders_invoice(order)
    payment = ShopPaymentInputRequest(
        customer_id=invoice.customer_id,
        location_id=location.id,
        amount=invoice.balance,
        method="card",
        allocations=[ShopAllocationInputRequest(invoice_id=invoice.id, amount=invoice.balance)],
    )
    StaffPaymentsApi(staff).shop_payments_create(payment)
    paid = StaffInvoicesApi(staff).shop_invoices_retrieve(invoice.id)
    assert (paid.paid, paid.balance) == (invoice.balance, "0.00")


def member_day() -> None:
    words = MemberCredentialsRequest(email="john@example.com", password="securepassword123")
    member = MemberApi(caller(MemberApi(caller()).member_login_post(words).access_token))
    [vehicle, *_] = member.member_vehicles_get()
    [place, *_] = member.member_locations_get()

    today = datetime.now(UTC).date()
    days = (today + timedelta(days=days) for days in range(20, 30))
    slots = (member.member_appointment_availability_get(day, place.id).available_slots for day in days)
    start = next(found[0].start for found in slots if found)
    booked = member.member_book_appointment_post(
        MemberBookingInputRequest(
            vehicle_id=vehicle.id, location_id=place.id, start_time=start, services=["oil_change"]
        )
    )
    assert (booked.status, booked.start_time) == ("scheduled", start)
    assert booked.id in {appointment.id for appointment in member.member_upcoming_appointments_get()}
    member.member_appointment_detail_delete(booked.id)

    [thread, *_] = member.member_threads_get()
    posted = member.member_messages_post(
        thread.id, MemberMessageInputRequest(body="Thank you", client_id=str(uuid4()))
    )
    assert member.member_messages_get(thread.id)[-1] == posted


if __name__ == "__main__":
    staff_day()
    member_day()
    sys.stdout.write("both days are as they should be\n")
