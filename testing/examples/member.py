"""Contract 003: calls by John, in an order in which each call finds the rows it needs."""

from __future__ import annotations

from accounts.models import User
from accounts.tokens import reset_token
from appointments.models import Appointment, Location
from chat.models import Conversation
from files.models import Upload
from memberships.models import Plan
from passports.models import PassportLink
from testing.examples.billed import invoice_of
from testing.examples.calls import NEWCOMER, TECHNICIAN, Call, Calls
from vehicles.codes.models import Dtc
from vehicles.fuel.models import FuelLog
from vehicles.models import Vehicle
from vehicles.parking.models import ParkingSpot
from vehicles.schedules.models import ServiceSchedule

JOHN = ("john@example.com", "securepassword123")
NOBODYS = "01890000-0000-7000-8000-000000000000"
FORBIDDEN = [Call(401), Call(403, TECHNICIAN)]


def names() -> dict[str, str]:
    """Return the current values of the names in braces. `new_` is the newest row."""
    own = {"customer__contact__email": JOHN[0]}
    found = {
        "vehicle": Vehicle.objects.filter(**own).order_by("id").first(),
        "new_vehicle": Vehicle.objects.filter(**own).order_by("id").last(),
        "appointment": Appointment.objects.filter(**own).order_by("id").first(),
        "new_appointment": Appointment.objects.filter(**own).order_by("id").last(),
        "location": Location.objects.order_by("id").first(),
        "thread": Conversation.objects.order_by("id").first(),
        "plan": Plan.objects.get(tier="basic"),
        "fuel_log": FuelLog.objects.order_by("id").last(),
        "schedule": ServiceSchedule.objects.filter(vehicle__customer__contact__email=JOHN[0])
        .order_by("id")
        .first(),
        "passport_link": PassportLink.objects.order_by("id").last(),
        "dtc": Dtc.objects.order_by("id").last(),
        "spot": ParkingSpot.objects.order_by("id").last(),
        "upload": Upload.objects.order_by("id").last(),
    }
    found["invoice"] = invoice_of(JOHN[0])
    return {name: str(row.uuid) for name, row in found.items() if row} | {
        "reset": reset_token(User.objects.get(email=NEWCOMER[0]))
    }


def item(*good: Call) -> list[Call]:
    """Return the calls of a row's URL: `good`, then the refusals. The row of another customer is 404."""
    return [*good, *FORBIDDEN, Call(404, NEWCOMER, body=good[0].body)]


def rows(params: dict[str, str], wrong: dict[str, str]) -> list[Call]:
    return [Call(200, JOHN, params), Call(400, JOHN, wrong), *FORBIDDEN]


CIVIC = {
    "vin": "1HGBH41JXMN109186", "make": "Honda", "model": "Civic", "trim": "EX", "year": 2020,
    "odometer": 15000.50, "fuelType": "gasoline",
}  # fmt: skip
BATCH = {
    "vehicleId": "{vehicle}",
    "startTimestamp": 1704067200000,
    "endTimestamp": 1704067800000,
    "samples": [{"t": 1704067200000, "speed": 45.5, "fuelRate": 2.3, "odometer": 15000.5}],
}
BOOKING = {
    "vehicleId": "{vehicle}",
    "locationId": "{location}",
    "startTime": "2026-01-21T15:00:00Z",
    "services": ["oil_change", "tire_rotation"],
}
MESSAGE = {"body": "Hello, I need help with my vehicle", "attachments": [], "clientId": "phone-17"}
RANGE, WRONG_RANGE = {"from": "2026-01-14", "to": "2026-01-14"}, {"from": "yesterday"}
PERSON = {
    "name": "Mary Major", "email": "mary@example.com", "password": "securepassword123",
    "phone": "+1234567890", "referralCode": "REF-ABC123",
}  # fmt: skip


def telematics(name: str, address: str) -> Calls:
    """Return the telematics calls, which are the same at both URLs."""
    return {
        f"member_{name}_get": (
            "get", address,
            [Call(200, JOHN, RANGE), Call(400, JOHN, WRONG_RANGE), *FORBIDDEN, Call(404, NEWCOMER)],
        ),
        f"member_{name}_post": (
            "post", address,
            item(Call(202, JOHN, body=BATCH), Call(400, JOHN, body={**BATCH, "samples": []})),
        ),
        f"member_{name}_summary_get": (
            "get", f"{address}summary/",
            [Call(200, JOHN, RANGE), Call(400, JOHN, WRONG_RANGE), *FORBIDDEN, Call(404, NEWCOMER)],
        ),
    }  # fmt: skip


AUTHENTICATION: Calls = {
    "member_register_post": (
        "post",
        "/api/auth/register/",
        [Call(201, body=PERSON), Call(400, body={**PERSON, "email": JOHN[0]})],
    ),
    "member_login_post": (
        "post",
        "/api/auth/login/",
        [
            Call(200, body={"email": JOHN[0], "password": JOHN[1], "deviceId": "device-uuid-123"}),
            Call(400, body={"email": JOHN[0]}),
            Call(401, body={"email": JOHN[0], "password": "wrong"}),
        ],
    ),
    "member_refresh_post": (
        "post",
        "/api/auth/refresh/",
        [Call(200, JOHN, body={"refreshToken": "{refresh}"}), Call(401, body={"refreshToken": "expired"})],
    ),
    "member_logout_post": (
        "post",
        "/api/auth/logout/",
        [Call(204, JOHN, body={"refreshToken": "{refresh}"}), Call(401, body={"refreshToken": "expired"})],
    ),
}
VEHICLES: Calls = {
    "member_vehicles_get": ("get", "/api/vehicles/", rows({}, {"page": "0"})),
    "member_vehicles_post": (
        "post",
        "/api/vehicles/",
        [
            Call(201, JOHN, body=CIVIC),
            Call(400, JOHN, body={name: value for name, value in CIVIC.items() if name != "vin"}),
            *FORBIDDEN,
        ],
    ),
    "member_vehicle_detail_get": ("get", "/api/vehicles/{vehicle}/", item(Call(200, JOHN))),
    "member_vehicle_detail_put": (
        "put",
        "/api/vehicles/{vehicle}/",
        item(Call(200, JOHN, body={"color": "Green"}), Call(400, JOHN, body={"odometer": 1})),
    ),
    "member_vehicle_detail_patch": (
        "patch",
        "/api/vehicles/{vehicle}/",
        item(Call(200, JOHN, body={"licensePlate": "ABC123"}), Call(400, JOHN, body={"year": 1066})),
    ),
    "member_dongle_link_post": (
        "post",
        "/api/vehicles/{new_vehicle}/link-dongle/",
        item(
            Call(200, JOHN, body={"dongleId": "dongle-123", "connectionType": "BLE"}),
            Call(400, JOHN, body={"dongleId": "dongle-123", "connectionType": "USB"}),
            Call(409, JOHN, body={"dongleId": "OBD-7F3A21", "connectionType": "BLE"}),
        ),
    ),
    "member_dongle_link_delete": (
        "delete",
        "/api/vehicles/{new_vehicle}/link-dongle/",
        item(Call(204, JOHN)),
    ),
    "member_vehicle_detail_delete": ("delete", "/api/vehicles/{new_vehicle}/", item(Call(204, JOHN))),
    **telematics("telematics", "/api/telematics/{vehicle}/"),
    **telematics("vehicle_telematics", "/api/vehicles/{vehicle}/telematics/"),
}
FILL_UP = {
    "vehicle": "{vehicle}", "timestamp": "2026-01-15T00:00:00.000Z", "odometer": 38600, "gallons": 11.4, "price": 39.9,
}  # fmt: skip
FUEL: Calls = {
    "member_fuel_logs_get": (
        "get",
        "/api/vehicles/fuel-logs/",
        [
            *rows({"vehicle_id": "{vehicle}"}, {"vehicle_id": "first"}),
            Call(404, JOHN, {"vehicle_id": NOBODYS}),
        ],
    ),
    "member_fuel_logs_post": (
        "post",
        "/api/vehicles/fuel-logs/",
        [
            Call(201, JOHN, body=FILL_UP),
            Call(400, JOHN, body={**FILL_UP, "odometer": 100}),
            *FORBIDDEN,
            Call(404, NEWCOMER, body=FILL_UP),
        ],
    ),
    "member_vehicle_fuel_logs_get": (
        "get",
        "/api/vehicles/{vehicle}/fuel-logs/",
        [*rows({"page_size": "2"}, {"page": "0"}), Call(404, NEWCOMER)],
    ),
    "member_vehicle_fuel_logs_post": (
        "post",
        "/api/vehicles/{vehicle}/fuel-logs/",
        item(
            Call(201, JOHN, body={"odometer": 38750, "gallons": 5.2, "isFullTank": False}),
            Call(400, JOHN, body={"odometer": 38750, "gallons": 0}),
        ),
    ),
    "member_one_fuel_log_get": ("get", "/api/vehicles/fuel-logs/{fuel_log}/", item(Call(200, JOHN))),
    "member_one_fuel_log_put": (
        "put",
        "/api/vehicles/fuel-logs/{fuel_log}/",
        item(Call(200, JOHN, body={"price": 18.1}), Call(400, JOHN, body={"odometer": 1})),
    ),
    "member_one_fuel_log_patch": (
        "patch",
        "/api/vehicles/fuel-logs/{fuel_log}/",
        item(Call(200, JOHN, body={"notes": "Highway"}), Call(400, JOHN, body={"gallons": -1})),
    ),
    "member_one_fuel_log_delete": ("delete", "/api/vehicles/fuel-logs/{fuel_log}/", item(Call(204, JOHN))),
    "member_fuel_statistics_get": ("get", "/api/vehicles/{vehicle}/fuel-stats/", item(Call(200, JOHN))),
    "member_member_passport_get": ("get", "/api/vehicles/{vehicle}/passport/", item(Call(200, JOHN))),
    # A paper is no JSON.
    "member_member_passport_pdf_get": (
        "get",
        "/api/vehicles/{vehicle}/passport.pdf",
        [*FORBIDDEN, Call(404, NEWCOMER)],
    ),
    "member_member_passport_links_post": (
        "post",
        "/api/vehicles/{vehicle}/passport/links/",
        item(
            Call(201, JOHN, body={"expiresInDays": 7, "forNextOwner": True}),
            Call(400, JOHN, body={"expiresInDays": 91}),
        ),
    ),
    "member_member_passport_links_get": (
        "get",
        "/api/vehicles/{vehicle}/passport/links/",
        item(Call(200, JOHN)),
    ),
    "member_member_passport_link_delete": (
        "delete",
        "/api/vehicles/{vehicle}/passport/links/{passport_link}/",
        item(Call(204, JOHN)),
    ),
}
SPOT = {
    "latitude": 40.712776, "longitude": -74.005974, "address": "Elm St 12", "location_name": "Level 2 - B17",
    "photos": [], "timer_expires_at": "2099-01-15T20:00:00Z",
}  # fmt: skip
PASSPORT: Calls = {
    "member_schedules_get": (
        "get",
        "/api/services/schedules/",
        [
            *rows({"vehicle_id": "{vehicle}", "status": "due-soon"}, {"status": "done"}),
            Call(404, JOHN, {"vehicle_id": NOBODYS}),
        ],
    ),
    "member_one_schedule_get": ("get", "/api/services/schedules/{schedule}/", item(Call(200, JOHN))),
    "member_complete_schedule_post": (
        "post",
        "/api/services/schedules/{schedule}/complete/",
        item(
            Call(200, JOHN, body={"completedDate": "2026-01-10", "completedMileage": 38100}),
            Call(400, JOHN, body={"completedDate": "2099-01-01"}),
        ),
    ),
    "member_codes_get": (
        "get",
        "/api/vehicle-health/dtc/",
        [
            *rows({"vehicle_id": "{vehicle}", "active_only": "true"}, {"active_only": "maybe"}),
            Call(404, JOHN, {"vehicle_id": NOBODYS}),
        ],
    ),
    "member_clear_code_patch": (
        "patch",
        "/api/vehicle-health/dtc/{dtc}/clear/",
        item(Call(200, JOHN), Call(409, JOHN)),
    ),
    "member_codes_post": (
        "post",
        "/api/vehicle-health/dtc/",
        [
            Call(201, JOHN, body={"vehicle": "{vehicle}", "code": "P0301"}),
            Call(400, JOHN, body={"vehicle": "{vehicle}", "code": "P9301"}),
            *FORBIDDEN,
            Call(404, NEWCOMER, body={"vehicle": "{vehicle}", "code": "P0301"}),
        ],
    ),
    "member_one_code_get": ("get", "/api/vehicle-health/dtc/{dtc}/", item(Call(200, JOHN))),
    "member_clear_code_post": (
        "post",
        "/api/vehicle-health/dtc/{dtc}/clear/",
        item(Call(200, JOHN), Call(409, JOHN)),
    ),
    "member_vehicle_health_get": ("get", "/api/vehicle-health/", rows({}, {"page": "0"})),
    "member_one_vehicle_health_get": ("get", "/api/vehicle-health/{vehicle}/", item(Call(200, JOHN))),
    "member_due_list_get": (
        "get",
        "/api/due/",
        [
            *rows({"vehicleId": "{vehicle}"}, {"kind": "oil"}),
            Call(404, JOHN, {"vehicleId": NOBODYS}),
        ],
    ),
    "member_parking_spots_get": ("get", "/api/parking/", rows({"active": "true"}, {"active": "maybe"})),
    "member_parking_spots_post": (
        "post",
        "/api/parking/",
        [
            Call(201, JOHN, body=SPOT),
            Call(400, JOHN, body={**SPOT, "latitude": 91}),
            *FORBIDDEN,
            Call(404, JOHN, body={**SPOT, "vehicle": NOBODYS}),
        ],
    ),
    "member_active_parking_spot_get": ("get", "/api/parking/active/", item(Call(200, JOHN))),
    "member_one_parking_spot_get": ("get", "/api/parking/{spot}/", item(Call(200, JOHN))),
    "member_one_parking_spot_patch": (
        "patch",
        "/api/parking/{spot}/",
        item(
            Call(200, JOHN, body={"timerExpiresAt": "2099-01-15T21:00:00Z"}),
            Call(400, JOHN, body={"timerExpiresAt": "2020-01-01T00:00:00Z"}),
        ),
    ),
    "member_clear_parking_spot_post": ("post", "/api/parking/clear/", [Call(200, JOHN), *FORBIDDEN]),
    "member_one_parking_spot_delete": ("delete", "/api/parking/{spot}/", item(Call(204, JOHN))),
}
APPOINTMENTS: Calls = {
    "member_locations_get": ("get", "/api/appointments/locations/", rows({}, {"page": "0"})),
    "member_location_detail_get": (
        "get",
        "/api/appointments/locations/{location}/",
        [Call(200, JOHN), *FORBIDDEN],
    ),
    "member_appointment_availability_get": (
        "get",
        "/api/appointments/availability/",
        [
            Call(200, JOHN, {"locationId": "{location}", "date": "2026-01-21"}),
            Call(400, JOHN, {"locationId": "{location}", "date": "tomorrow"}),
            *FORBIDDEN,
            Call(404, JOHN, {"locationId": NOBODYS, "date": "2026-01-21"}),
        ],
    ),
    "member_book_appointment_post": (
        "post",
        "/api/appointments/book/",
        [
            Call(201, JOHN, body=BOOKING),
            Call(409, JOHN, body=BOOKING),  # the vehicle has an appointment then
            Call(400, JOHN, body={**BOOKING, "startTime": "2026-01-21T15:10:00Z"}),
            *FORBIDDEN,
            Call(404, JOHN, body={**BOOKING, "locationId": NOBODYS}),
        ],
    ),
    "member_appointments_get": (
        "get",
        "/api/appointments/",
        [*rows({"status": "scheduled"}, {"status": "done"}), Call(404, JOHN, {"vehicleId": NOBODYS})],
    ),
    "member_upcoming_appointments_get": ("get", "/api/appointments/upcoming/", rows({}, {"page": "0"})),
    "member_appointment_detail_get": ("get", "/api/appointments/{appointment}/", item(Call(200, JOHN))),
    "member_appointment_detail_put": (
        "put",
        "/api/appointments/{appointment}/",
        item(
            Call(200, JOHN, body={"startTime": "2026-01-22T15:00:00Z"}),
            Call(400, JOHN, body={"services": ["car wash"]}),
            Call(409, JOHN, body={"startTime": BOOKING["startTime"]}),
        ),
    ),
    "member_appointment_detail_patch": (
        "patch",
        "/api/appointments/{appointment}/",
        item(
            Call(200, JOHN, body={"services": ["oil_change"]}),
            Call(400, JOHN, body={"startTime": "at ten"}),
            Call(409, JOHN, body={"startTime": BOOKING["startTime"]}),
        ),
    ),
    "member_appointment_detail_delete": (
        "delete",
        "/api/appointments/{new_appointment}/",
        item(Call(204, JOHN), Call(409, JOHN)),
    ),
}
INVOICES: Calls = {
    "member_member_invoices_get": (
        "get",
        "/api/invoices/",
        rows({"open": "true"}, {"vehicleId": "first"}),
    ),
    "member_member_invoice_get": ("get", "/api/invoices/{invoice}/", item(Call(200, JOHN))),
    # A paper is no JSON.
    "member_member_invoice_pdf_get": (
        "get",
        f"/api/invoices/{NOBODYS}/pdf/",
        [*FORBIDDEN, Call(404, JOHN)],
    ),
}
MEMBERSHIP: Calls = {
    "member_plans_get": ("get", "/api/memberships/plans/", rows({}, {"page": "0"})),
    "member_my_membership_get": ("get", "/api/memberships/me/", item(Call(200, JOHN))),
    "member_my_membership_post": (
        "post",
        "/api/memberships/me/",
        [
            Call(201, NEWCOMER, body={"planId": "{plan}"}),
            Call(400, NEWCOMER, body={}),
            *FORBIDDEN,
            Call(404, NEWCOMER, body={"planId": NOBODYS}),
            Call(409, JOHN, body={"planId": "{plan}"}),
        ],
    ),
    "member_my_membership_delete": (
        "delete",
        "/api/memberships/me/",
        [Call(204, NEWCOMER), *FORBIDDEN, Call(404, NEWCOMER)],
    ),
    "member_offers_get": (
        "get",
        "/api/offers/",
        [
            *rows({"vehicleId": "{vehicle}", "lat": "40.7128", "lng": "-74.0060"}, {"lat": "40.7128"}),
            Call(404, JOHN, {"vehicleId": NOBODYS}),
        ],
    ),
    "member_my_referrals_get": ("get", "/api/referrals/me/", [Call(200, JOHN), *FORBIDDEN]),
    "member_apply_referral_post": (
        "post",
        "/api/referrals/apply/",
        [
            Call(201, NEWCOMER, body={"code": "REF-ABC123"}),
            Call(400, JOHN, body={"code": "REF-ABC123"}),
            *FORBIDDEN,
            Call(409, NEWCOMER, body={"code": "REF-ABC123"}),
        ],
    ),
}
CHAT: Calls = {
    "member_presign_post": (
        "post",
        "/api/files/presign/",
        [
            Call(200, JOHN, body={"filename": "receipt.jpg", "contentType": "image/jpeg"}),
            Call(400, JOHN, body={"filename": "receipt.exe", "contentType": "application/exe"}),
            Call(401),
        ],
    ),
    "member_file_get": ("get", "/api/files/{upload}/", [Call(401), Call(404, NEWCOMER)]),
    "member_threads_get": ("get", "/api/chat/threads/", [*rows({}, {"status": "done"})[:2], Call(401)]),
    "member_threads_post": (
        "post",
        "/api/chat/threads/",
        [
            Call(201, JOHN, body={"subject": "A question", "initialMessage": "Do you service EVs?"}),
            Call(400, JOHN, body={"initialMessage": "Hello"}),
            Call(401),
        ],
    ),
    "member_one_thread_get": (
        "get",
        "/api/chat/threads/{thread}/",
        [Call(200, JOHN), Call(401), Call(404, NEWCOMER)],
    ),
    "member_messages_get": (
        "get",
        "/api/chat/threads/{thread}/messages/",
        [
            Call(200, JOHN, {"since": "2024-01-01T00:00:00Z"}),
            Call(400, JOHN, {"since": "yesterday"}),
            Call(401),
            Call(404, NEWCOMER),
        ],
    ),
    "member_messages_post": (
        "post",
        "/api/chat/threads/{thread}/messages/",
        [
            Call(201, JOHN, body=MESSAGE),
            Call(200, JOHN, body=MESSAGE),
            Call(400, JOHN, body={"body": " "}),
            Call(401),
            Call(404, NEWCOMER, body=MESSAGE),
        ],
    ),
    "member_one_thread_patch": (
        "patch",
        "/api/chat/threads/{thread}/",
        [
            Call(200, JOHN, body={"status": "closed"}),
            Call(400, JOHN, body={"status": "done"}),
            Call(401),
            Call(404, NEWCOMER, body={"status": "closed"}),
        ],
    ),
    "member_chat_ticket_post": ("post", "/api/chat/ticket/", [Call(201, JOHN), Call(401)]),
}
CONTACT = {
    "name": "Mary Major", "email": "mary@example.com", "phone": "+1234567890", "userType": "non-member",
    "message": "Do you service EVs?",
}  # fmt: skip
PROFILE_CHANGE = {"first_name": "John", "last_name": "Doe", "phone": "+1234567890"}


def profile(name: str, address: str) -> Calls:
    """Return the calls of the profile, which are the same at both URLs."""
    return {
        f"member_{name}_get": ("get", address, [Call(200, JOHN), *FORBIDDEN]),
        f"member_{name}_patch": (
            "patch",
            address,
            [Call(200, JOHN, body=PROFILE_CHANGE), Call(400, JOHN, body={"phone": "none"}), *FORBIDDEN],
        ),
    }


NOT_SET_UP = [Call(503, JOHN, body={}), *FORBIDDEN]
ACCOUNT: Calls = {
    **profile("user_profile", "/api/users/profile/"),
    **profile("auth_profile", "/api/auth/profile/"),
    "member_savings_overview_get": ("get", "/api/auth/savings/", [Call(200, JOHN), *FORBIDDEN]),
    "member_payment_plans_get": ("get", "/api/payments/plans/", [Call(200)]),
    "member_create_payment_intent_post": ("post", "/api/payments/create-payment-intent/", NOT_SET_UP),
    "member_confirm_payment_post": ("post", "/api/payments/confirm-payment/", NOT_SET_UP),
    "member_toggle_renewal_post": (
        "post",
        "/api/users/toggle-auto-renew/",
        [
            Call(200, JOHN, body={"autoRenew": True}),
            Call(400, JOHN, body={}),
            *FORBIDDEN,
            Call(404, NEWCOMER, body={"autoRenew": True}),
        ],
    ),
    "member_cancel_membership_post": (
        "post",
        "/api/users/cancel-membership/",
        [
            Call(200, JOHN, body={"reason": "I sold my car."}),
            Call(400, JOHN, body={"reason": "x" * 2001}),
            *FORBIDDEN,
            Call(404, JOHN, body={"reason": "I sold my car."}),
        ],
    ),
    "member_contact_post": (
        "post",
        "/api/auth/contact/",
        [Call(201, body=CONTACT), Call(400, body={**CONTACT, "email": "mary"})],
    ),
    "member_request_deletion_post": (
        "post",
        "/api/users/request-deletion/",
        [
            Call(202, body={"email": JOHN[0], "reason": "I moved."}),
            Call(400, body={"email": "john"}),
            Call(403, TECHNICIAN, body={}),
            Call(409, JOHN, body={"reason": "I moved."}),
        ],
    ),
    "member_users_change_password_post": (
        "post",
        "/api/users/change-password/",
        [
            Call(400, JOHN, body={"old_password": "wrong", "new_password": "another long one 16"}),
            Call(401),
            Call(200, JOHN, body={"old_password": JOHN[1], "new_password": "another long one 16"}),
        ],
    ),
}
NEW_PASSWORD = {"password": "another long one 17", "passwordConfirm": "another long one 17"}
PASSWORDS: Calls = {
    "member_forgot_password_post": (
        "post",
        "/api/auth/forgot-password/",
        [Call(202, body={"email": NEWCOMER[0]}), Call(400, body={"email": "john"})],
    ),
    "member_change_password_post": (
        "post",
        "/api/auth/password/change/",
        [
            Call(400, NEWCOMER, body={"oldPassword": "wrong", "newPassword": "another long one 16"}),
            Call(401),
            Call(200, NEWCOMER, body={"oldPassword": NEWCOMER[1], "newPassword": "another long one 16"}),
        ],
    ),
    "member_reset_password_post": (
        "post",
        "/api/auth/reset-password/",
        [
            Call(200, body={"token": "{reset}", **NEW_PASSWORD}),
            Call(400, body={"token": "used-or-expired", **NEW_PASSWORD}),
        ],
    ),
}
ALL = {
    **AUTHENTICATION,
    **VEHICLES,
    **FUEL,
    **PASSPORT,
    **APPOINTMENTS,
    **INVOICES,
    **MEMBERSHIP,
    **CHAT,
    **ACCOUNT,
    **PASSWORDS,
}
