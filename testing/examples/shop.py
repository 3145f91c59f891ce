"""Contract 000: the dashboard of Alice, and the staff's API on the same nouns."""

from __future__ import annotations

from typing import Any

from passports.models import PassportLink
from testing.examples.billed import BILLED, invoice_of, names_of_staff
from testing.examples.calls import ADMIN, NEWCOMER, TECHNICIAN, Call, Calls

ALICE = ("alice.cooper@customer.com", "password123")


def names() -> dict[str, Any]:
    """Return the ids of what is billed, and of the newest passport link. The contract prints the other ids."""
    link = PassportLink.objects.order_by("id").last()
    invoice = str(invoice_of(ALICE[0]).pk)
    return {"invoice": invoice, "passport_link": str(link.uuid) if link else "", **names_of_staff()}


def refusals(wrong: dict[str, str]) -> list[Call]:
    """Return the calls that every customer's list refuses."""
    return [Call(400, ALICE, params=wrong), Call(401), Call(403, TECHNICIAN), Call(404, NEWCOMER)]


CREDENTIALS = dict(zip(("email", "password"), ALICE, strict=True))
LIST = "/api/shop/{0}/customers/me/{0}/"
MINE = LIST.format("estimates")
INVOICES = LIST.format("invoices")
INSPECTIONS = LIST.format("inspections")
NO_PHOTO = "01900000-0000-7000-8000-000000000000"
REFUSED = [Call(401), Call(403, TECHNICIAN), Call(404, NEWCOMER)]
ANSWER = {
    "total": "814.66",
    "by_name": "Alice Cooper",
    "decisions": [{"job_id": 4, "decision": "approved"}],
}
OWN_BOOKING = {"vehicle_id": 40, "date": "2026-01-26T09:00:00", "description": "Oil change and tire rotation"}
PROBLEM = {"vehicle_id": 40, "description": "The brakes squeal when the car is cold."}
CALLS: Calls = {
    "shop_login_post": (
        "post",
        "/api/token/",
        [
            Call(200, body=CREDENTIALS),
            Call(400, body={"email": ALICE[0]}),
            Call(401, body={**CREDENTIALS, "password": "wrong"}),
        ],
    ),
    "shop_refresh_post": (
        "post",
        "/api/token/refresh/",
        [Call(200, ALICE, body={"refresh": "{refresh}"}), Call(401, body={"refresh": "expired"})],
    ),
    "shop_verify_post": (
        "post",
        "/api/token/verify/",
        [Call(200, ALICE, body={"token": "{access}"}), Call(401, body={"token": "expired"})],
    ),
    "shop_logout_post": (
        "post",
        "/api/token/blacklist/",
        [Call(200, ALICE, body={"refresh": "{refresh}"}), Call(401, body={"refresh": "expired"})],
    ),
    "shop_customer_profile_get": (
        "get",
        "/api/auth/customer-profile/",
        [Call(200, ALICE), Call(401), Call(403, TECHNICIAN), Call(404, NEWCOMER)],
    ),
    "shop_current_user_get": ("get", "/api/auth/user/", [Call(200, ALICE), Call(401)]),
    "shop_customer_appointments_get": (
        "get",
        LIST.format("appointments"),
        [Call(200, ALICE, {"status": "pending"}), *refusals({"dateFrom": "tomorrow"})],
    ),
    # The last vehicle has an appointment then.
    "shop_customer_appointments_post": (
        "post",
        LIST.format("appointments"),
        [
            Call(201, ALICE, body=OWN_BOOKING),
            Call(400, ALICE, body={**OWN_BOOKING, "date": "tomorrow"}),
            Call(401, body=OWN_BOOKING),
            Call(403, TECHNICIAN, body=OWN_BOOKING),
            Call(404, NEWCOMER, body=OWN_BOOKING),
            Call(409, ALICE, body=OWN_BOOKING),
        ],
    ),
    "shop_vehicle_problems_get": (
        "get",
        "/api/shop/vehicle-problems/",
        [Call(200, ALICE, {"vehicle_id": "40", "status": "open,pending"}), *refusals({"status": "broken"})],
    ),
    "shop_vehicle_problems_post": (
        "post",
        "/api/shop/vehicle-problems/",
        [
            Call(201, ALICE, body=PROBLEM),
            Call(400, ALICE, body={"vehicle_id": 40}),
            Call(401, body=PROBLEM),
            Call(403, TECHNICIAN, body=PROBLEM),
            Call(404, NEWCOMER, body=PROBLEM),
        ],
    ),
    "shop_customer_vehicles_get": (
        "get",
        LIST.format("vehicles"),
        [Call(200, ALICE), *refusals({"page": "0"})],
    ),
    "shop_customer_repair_orders_get": (
        "get",
        LIST.format("repair-orders"),
        [Call(200, ALICE, {"status": "in_progress"}), *refusals({"status": "denied"})],
    ),
    "shop_customer_estimates_get": ("get", MINE, [Call(200, ALICE), *refusals({"page": "0"})]),
    "shop_customer_estimate_get": ("get", f"{MINE}3/", [Call(200, ALICE), *REFUSED]),
    # A paper is no JSON.
    "shop_customer_estimate_pdf_get": ("get", f"{MINE}9999/pdf/", REFUSED),
    "shop_customer_inspections_get": (
        "get",
        INSPECTIONS,
        [Call(200, ALICE, {"repair_order_id": "13"}), *refusals({"repair_order_id": "first"})],
    ),
    "shop_customer_inspection_get": ("get", f"{INSPECTIONS}1/", [Call(200, ALICE), *REFUSED]),
    # A photo and a paper are no JSON.
    "shop_customer_inspection_photo_get": ("get", f"{INSPECTIONS}1/photos/{NO_PHOTO}/", REFUSED),
    "shop_customer_inspection_pdf_get": ("get", f"{INSPECTIONS}9999/pdf/", REFUSED),
    "shop_customer_invoices_get": (
        "get",
        INVOICES,
        [Call(200, ALICE, {"open": "true"}), *refusals({"open": "perhaps"})],
    ),
    "shop_customer_invoice_get": ("get", f"{INVOICES}{{invoice}}/", [Call(200, ALICE), *REFUSED]),
    "shop_customer_account_get": (
        "get",
        "/api/shop/invoices/customers/me/account/",
        [Call(200, ALICE), *REFUSED],
    ),
    "shop_customer_statements_get": (
        "get",
        LIST.format("statements"),
        [Call(200, ALICE), *refusals({"page": "0"})],
    ),
    "shop_customer_invoice_pdf_get": ("get", f"{INVOICES}9999/pdf/", REFUSED),
    "shop_customer_credit_note_pdf_get": (
        "get",
        "/api/shop/invoices/customers/me/credit-notes/9999/pdf/",
        REFUSED,
    ),
    "shop_customer_receipt_pdf_get": ("get", "/api/shop/invoices/customers/me/payments/9999/pdf/", REFUSED),
    "shop_customer_statement_pdf_get": ("get", f"{LIST.format('statements')}9999/pdf/", REFUSED),
    "shop_customer_estimate_choice_get": (
        "get",
        f"{MINE}3/choice/",
        [Call(200, ALICE, {"approve": "4"}), Call(400, ALICE, {"approve": "first"}), *REFUSED],
    ),
    "shop_customer_estimate_answer_post": (
        "post",
        f"{MINE}3/answer/",
        [
            Call(400, ALICE, body={"total": "814.66"}),
            Call(403, TECHNICIAN, body=ANSWER),
            Call(409, ALICE, body={**ANSWER, "total": "0.00"}),
            Call(200, ALICE, body=ANSWER),
        ],
    ),
    "shop_current_user_update_put": (
        "put",
        "/api/auth/user/update/",
        [
            Call(200, ALICE, body={"first_name": "Alice", "last_name": "Cooper"}),
            Call(400, ALICE, body={"first_name": ""}),
            Call(401, body={"first_name": "Alice"}),
        ],
    ),
}


STAFF = "/api/shop/"
# noun: (an id, parameters of a list that finds it, invalid parameters)
NOUNS = {
    "appointments": (53, {"search": "civic", "status": "pending"}, {"status": "done"}),
    "vehicles": (40, {"search": "ABC-123"}, {"archived": "perhaps"}),
    "recommendations": (2, {"vehicle_id": "52", "status": "open"}, {"status": "purple"}),
    "schedule-templates": (1, {"search": "oil"}, {"is_listed": "perhaps"}),
    "service-schedules": (1, {"vehicle_id": "40"}, {"vehicle_id": "mine"}),
    "repair-orders": (9, {"search": "camry", "status": "in_progress"}, {"created_from": "yesterday"}),
    "customers": (19, {"search": "alice cooper"}, {"ordering": "age"}),
    "parts": (136, {"search": "TRANS-FLUID"}, {"page_size": "1000"}),
    "services": (134, {"search": "rotate"}, {"colour": "red"}),
    "canned-jobs": (2, {"search": "brakes", "is_listed": "true"}, {"is_listed": "perhaps"}),
    "price-matrices": (1, {"search": "standard"}, {"colour": "red"}),
    "inspection-templates": (2, {"search": "brake", "is_listed": "true"}, {"is_listed": "perhaps"}),
    "inspections": (2, {"repair_order_id": "13"}, {"repair_order_id": "first"}),
    "labour-rates": (1, {"location_id": "2"}, {"location_id": "here"}),
    "tax-rules": (1, {"location_id": "2"}, {"ordering": "age"}),
    "fee-rules": (1, {"is_active": "true"}, {"page": "0"}),
    "overrun-policies": (1, {"location_id": "2"}, {"search": "ten"}),
    "technicians": (27, {"search": "tech@"}, {"location_id": "here"}),
    "api-keys": (1, {"revoked": "false"}, {"revoked": "perhaps"}),
    "webhooks": (1, {"active": "false"}, {"active": "perhaps"}),
    "shifts": (1, {"technician_id": "28"}, {"technician_id": "Tara"}),
    "absences": (1, {"location_id": "2", "date_from": "2026-01-01"}, {"date_from": "soon"}),
    "time-entries": (1, {"technician_id": "27"}, {"date_from": "monday"}),
    "locations": (1, {"search": "springfield"}, {"page": "0"}),
}
# The endings of the operations that answer 201.
CREATES = (
    "add_finding",
    "_create",
    "_transfer",
    "_odometer",
    "_add_job",
    "_add_line",
    "_authorise",
    "_recommend",
    "_copy",
    "_comeback",
    "_add_discount",
    "_walk_in",
    "_check_in",
    "_clock_in",
    "_start_inspection",
    "_add_to_estimate",
)
BOOKING = {
    "customer_id": 19, "vehicle_id": 40, "location_id": 1, "start": "2026-01-26T15:00:00Z", "services": ["oil_change"],
}  # fmt: skip
# operation: (method, URL, body, status of the same call again, or None where it can be repeated)
WRITES: dict[str, tuple[str, str, dict[str, Any], int | None]] = {
    "appointments_assign": ("post", "appointments/54/assign/", {"technician_id": 27}, None),
    "appointments_check_in": (
        "post",
        "appointments/54/check-in/",
        {"description": "The brakes squeal.", "anyway": True},
        409,
    ),
    "appointments_move": ("post", "appointments/53/move/", {"start": "2026-01-27T15:00:00Z"}, None),
    "appointments_partial_update": ("patch", "appointments/53/", {"notes": "Key in the box"}, None),
    "appointments_start": ("post", "appointments/54/start/", {}, 409),
    "appointments_complete": ("post", "appointments/54/complete/", {}, 409),
    "appointments_cancel": ("post", "appointments/53/cancel/", {}, 409),
    "appointments_walk_in": (
        "post",
        "appointments/walk-in/",
        {"vehicle_id": 52, "location_id": 2, "minutes": 45},
        409,
    ),
    # Before the row that is refused when it is sent again: PostgreSQL numbers a refused row, too.
    "vehicles_transfer": ("post", "vehicles/49/transfer/", {"customer_id": 21}, 409),
    "vehicles_create": (
        "post",
        "vehicles/",
        {"customer_id": 19, "vin": "1HGBH41JXMN109187", "make": "Honda", "model": "Civic", "year": 2021},
        400,
    ),
    "vehicles_partial_update": ("patch", "vehicles/40/", {"odometer": "31900.00"}, None),
    "vehicles_read_odometer": (
        "post",
        "vehicles/40/odometer/",
        {"miles": "31950.00", "source": "CHECK_IN", "note": "Key tag 4"},
        None,
    ),
    "vehicles_correct_odometer": (
        "post",
        "vehicles/40/odometer/correct/",
        {"miles": "5.00", "reason": "New instrument cluster", "base": True},
        None,
    ),
    "vehicles_archive": ("post", "vehicles/48/archive/", {}, 409),
    "vehicles_restore": ("post", "vehicles/48/restore/", {}, 409),
    "recommendations_create": (
        "post",
        "recommendations/",
        {"vehicle_id": 40, "text": "Replace the wiper blades", "urgency": "later", "amount": "39.90"},
        None,
    ),
    "recommendations_partial_update": (
        "patch",
        "recommendations/2/",
        {"due_on": "2026-03-01", "due_miles": "36000.00"},
        None,
    ),
    "schedule_templates_create": (
        "post",
        "schedule-templates/",
        {"name": "Timing belt", "interval_miles": 60000, "interval_months": 72},
        400,
    ),
    "schedule_templates_partial_update": ("patch", "schedule-templates/1/", {"interval_months": 12}, None),
    "service_schedules_complete": ("post", "service-schedules/1/complete/", {}, None),
    "service_schedules_recommend": ("post", "service-schedules/2/recommend/", {}, None),
    "recommendations_dismiss": ("post", "recommendations/1/dismiss/", {}, 409),
    "repair_orders_create": (
        "post",
        "repair-orders/",
        {"vehicle_id": 40, "description": "Squeaks", "tax_percent": "8.25"},
        None,
    ),
    "repair_orders_check_in": (
        "post",
        "repair-orders/check-in/",
        {"vehicle_id": 40, "location_id": 2, "odometer": 31960, "description": "Squeaks", "anyway": True},
        None,
    ),
    "repair_orders_partial_update": ("patch", "repair-orders/10/", {"discount_percent": "10.00"}, None),
    "repair_orders_add_part": ("post", "repair-orders/10/parts/", {"part_id": 136, "quantity": 2}, None),
    "repair_orders_add_service": ("post", "repair-orders/10/services/", {"service_id": 134}, None),
    "repair_orders_add_job": (
        "post",
        "repair-orders/10/jobs/",
        {"name": "Rear brakes", "concern": "They grind."},
        None,
    ),
    "repair_orders_change_job": ("patch", "repair-orders/10/jobs/2/", {"cause": "Sensor unplugged"}, None),
    "repair_orders_add_line": (
        "post",
        "repair-orders/10/jobs/2/lines/",
        {"kind": "labour", "name": "Test drive", "hours": "0.40", "rate": "129.95"},
        None,
    ),
    "repair_orders_change_line": (
        "patch",
        "repair-orders/53/jobs/48/lines/91/?kind=part",
        {"unit_price": "118.00", "quantity": 1},
        None,
    ),
    "repair_orders_remove_line": ("delete", "repair-orders/53/jobs/48/lines/91/?kind=part", {}, 404),
    "technicians_clock_in": ("post", "technicians/27/clock-in/", {"job_id": 47, "switch": True}, None),
    "time_entries_partial_update": (
        "patch",
        "time-entries/1/",
        {"ended": "2026-01-13T11:30:00Z", "reason": "The test drive was left out."},
        None,
    ),
    "technicians_clock_out": ("post", "technicians/27/clock-out/", {}, 409),
    "repair_orders_propose_job": ("post", "repair-orders/53/jobs/46/propose/", {}, 409),
    "repair_orders_remove_job": ("delete", "repair-orders/53/jobs/48/", {}, 404),
    "repair_orders_finish_job": ("post", "repair-orders/53/jobs/47/finish/", {}, 409),
    "repair_orders_unfinish_job": ("post", "repair-orders/53/jobs/47/unfinish/", {}, 409),
    "repair_orders_authorise": (
        "post",
        "repair-orders/32/authorisations/",
        {
            "revision": 1,
            "method": "phone",
            "by_name": "Rosa Wind",
            "contact_used": "(555) 010-3300",
            "total": "379.10",
            "decisions": [{"job_id": 24, "decision": "approved"}],
        },
        409,
    ),
    "repair_orders_withdraw": ("post", "repair-orders/13/withdraw/", {"reason": "Called again"}, 409),
    "repair_orders_stop": ("post", "repair-orders/9/stop/", {"reason": "The car is sold."}, 409),
    "repair_orders_comeback": ("post", "repair-orders/14/comeback/", {}, None),
    "repair_orders_reopen": ("post", "repair-orders/14/reopen/", {"reason": "A bulb was forgotten."}, 409),
    "repair_orders_retax": ("post", "repair-orders/10/retax/", {}, None),
    "repair_orders_add_discount": (
        "post",
        "repair-orders/10/discounts/",
        {"kind": "offer", "offer_id": 2},
        409,
    ),
    "repair_orders_remove_discount": ("delete", "repair-orders/10/discounts/4/", {}, 404),
    "repair_orders_copy": ("post", "repair-orders/14/copy/", {}, None),
    "repair_orders_remove_part": ("delete", "repair-orders/11/parts/23/", {}, 404),
    "repair_orders_remove_service": ("delete", "repair-orders/11/services/22/", {}, 404),
    "repair_orders_estimate": ("post", "repair-orders/10/estimate/", {"notes": "Pads are worn"}, None),
    "repair_orders_approve": ("post", "repair-orders/10/approve/", {}, 409),
    "repair_orders_start": ("post", "repair-orders/10/start/", {}, 409),
    "repair_orders_complete": ("post", "repair-orders/10/complete/", {}, 409),
    "repair_orders_deny": ("post", "repair-orders/11/deny/", {"reason": "Not worth it"}, 409),
    "customers_create": (
        "post",
        "customers/",
        {
            "first_name": "Walter",
            "last_name": "Inn",
            "email": "walter@example.com",
            "phone": "(555) 010-7777",
        },
        400,
    ),
    "customers_withdraw_verification": ("post", "customers/19/withdraw_verification/", {}, None),
    "customers_verify": ("post", "customers/19/verify/", {}, None),
    "customers_partial_update": ("patch", "customers/19/", {"city": "Shelbyville"}, None),
    "customers_merge": ("post", "customers/23/merge/", {"into_id": 22}, 409),
    "parts_create": (
        "post",
        "parts/",
        {"name": "Cabin Filter", "part_number": "FILT-CAB-1", "unit_price": "21.50"},
        400,
    ),
    "parts_partial_update": ("patch", "parts/136/", {"unit_price": "19.49"}, None),
    "parts_receive": (
        "post",
        "parts/136/receive/",
        {"pieces": 12, "unit_cost": "7.8500", "reference": "PO 1042"},
        None,
    ),
    "parts_count": ("post", "parts/136/count/", {"pieces": 11, "reason": "One was damaged"}, None),
    "parts_order_from_vendor": (
        "post",
        "parts/136/order-from-vendor/",
        {"pieces": 6, "vendor": "NAPA", "reference": "PO 1043", "expected_on": "2026-12-03"},
        None,
    ),
    "parts_return_to_vendor": (
        "post",
        "parts/136/return-to-vendor/",
        {"pieces": 2, "reference": "RMA 77"},
        None,
    ),
    "parts_destroy": ("delete", "parts/153/", {}, 404),
    "services_create": ("post", "services/", {"name": "Wheel Repair", "labor_cost": "80.00"}, None),
    "services_partial_update": ("patch", "services/134/", {"labor_cost": "55.00"}, None),
    "services_destroy": ("delete", "services/143/", {}, 404),
    "canned_jobs_create": (
        "post",
        "canned-jobs/",
        {
            "name": "Battery",
            "concern": "Does not start",
            "lines": [
                {"kind": "part", "part_id": 136, "quantity": "0.50"},
                {"kind": "labour", "service_id": 134, "hours": "0.40"},
                {"kind": "labour", "name": "Code the battery", "amount": "25.00"},
                {"kind": "sublet", "name": "Disposal", "amount": "5.00"},
            ],
        },
        400,
    ),
    "canned_jobs_partial_update": ("patch", "canned-jobs/2/", {"concern": "Brakes grind"}, None),
    "canned_jobs_destroy": ("delete", "canned-jobs/3/", {}, 404),
    "price_matrices_create": (
        "post",
        "price-matrices/",
        {
            "name": "Fleet",
            "bands": [
                {"from_cost": "0.00", "multiplier": "2.5"},
                {"from_cost": "20.00", "margin": "33.3333"},
            ],
        },
        400,
    ),
    "price_matrices_partial_update": (
        "patch",
        "price-matrices/1/",
        {"bands": [{"from_cost": "0.00", "multiplier": "3"}, {"from_cost": "100.00", "margin": "40"}]},
        None,
    ),
    "price_matrices_destroy": ("delete", "price-matrices/2/", {}, 404),
    "labour_rates_create": (
        "post",
        "labour-rates/",
        {"location_id": 1, "name": "Diagnosis", "per_hour": "119.00"},
        400,
    ),
    "labour_rates_partial_update": ("patch", "labour-rates/1/", {"per_hour": "134.95"}, None),
    "labour_rates_destroy": ("delete", "labour-rates/3/", {}, 404),
    "tax_rules_create": ("post", "tax-rules/", {"location_id": 1, "percent": "8.25"}, 400),
    "tax_rules_partial_update": ("patch", "tax-rules/1/", {"percent": "8.625"}, None),
    "tax_rules_destroy": ("delete", "tax-rules/2/", {}, 404),
    "fee_rules_create": (
        "post",
        "fee-rules/",
        {"location_id": 1, "name": "Tire disposal", "kind": "per_piece", "amount": "2.50", "part_ids": [136]},
        400,
    ),
    "fee_rules_partial_update": ("patch", "fee-rules/1/", {"percent": "14.9", "cap": "59.60"}, None),
    "fee_rules_destroy": ("delete", "fee-rules/2/", {}, 404),
    "overrun_policies_create": (
        "post",
        "overrun-policies/",
        {
            "location_id": 1,
            "percent": "10",
            "amount": "10.00",
            "choose": "greater",
            "cap": "50.00",
            "basis": "TOTAL",
        },
        400,
    ),
    "overrun_policies_partial_update": ("patch", "overrun-policies/1/", {"basis": "NET"}, None),
    "overrun_policies_destroy": ("delete", "overrun-policies/2/", {}, 404),
    "phone_calls_create": (
        "post",
        "customers/19/phone-calls/",
        {"outcome": "Asks her husband about the brakes", "next_on": "2099-12-03"},
        None,
    ),
    "tax_exemptions_create": (
        "post",
        "customers/19/tax-exemptions/",
        {"number": "ST-119-88213", "valid_from": "2026-01-01", "valid_until": "2028-12-31"},
        None,
    ),
    "tax_exemptions_partial_update": (
        "patch",
        "customers/19/tax-exemptions/2/",
        {"valid_until": "2029-12-31"},
        None,
    ),
    "locations_partial_update": (
        "patch",
        "locations/1/",
        {"legal_name": "Springfield Garage Inc.", "registration_number": "R-7100411"},
        None,
    ),
    "technicians_create": ("post", "technicians/", {"name": "Tina Torque", "location_id": 1}, None),
    "technicians_partial_update": ("patch", "technicians/27/", {"role": "master technician"}, None),
    "api_keys_create": (
        "post",
        "api-keys/",
        {
            "name": "Bookkeeping",
            "role": "manager",
            "addresses": ["192.0.2.0/24"],
            "expires_at": "2099-12-31T00:00:00Z",
        },
        None,
    ),
    "api_keys_revoke": ("post", "api-keys/1/revoke/", {}, 409),
    "webhooks_create": (
        "post",
        "webhooks/",
        {
            "url": "https://hooks.example.com/orders",
            "description": "Web shop",
            "types": ["orders.*", "catalogue.part.changed"],
        },
        None,
    ),
    "webhooks_partial_update": ("patch", "webhooks/1/", {"is_active": True, "types": []}, None),
    "webhooks_test": ("post", "webhooks/1/test/", {}, None),
    "webhooks_replay": ("post", "webhooks/1/replay/", {"after": 0, "until": 20}, None),
    "webhooks_replay_delivery": ("post", "webhooks/deliveries/1/replay/", {}, None),
    "webhooks_rotate_secret": ("post", "webhooks/1/rotate-secret/", {}, None),
    "webhooks_destroy": ("delete", "webhooks/2/", {}, 404),
    "shifts_create": (
        "post",
        "shifts/",
        {"technician_id": 29, "weekday": "sunday", "begins": "09:00", "ends": "13:00"},
        409,
    ),
    "shifts_partial_update": ("patch", "shifts/1/", {"ends": "17:30"}, None),
    "shifts_destroy": ("delete", "shifts/1/", {}, 404),
    "absences_create": (
        "post",
        "absences/",
        {
            "technician_id": 28,
            "first_day": "2026-02-10",
            "begins": "08:00",
            "ends": "12:00",
            "reason": "Training",
        },
        None,
    ),
    "absences_partial_update": ("patch", "absences/1/", {"last_day": "2026-02-20"}, None),
    "absences_destroy": ("delete", "absences/1/", {}, 404),
    "inspection_templates_create": (
        "post",
        "inspection-templates/",
        {
            "name": "Tire check",
            "items": [
                {"group": "Front", "name": "Tread, front left", "unit": "mm"},
                {"group": "Front", "name": "Tread, front right", "unit": "mm"},
            ],
        },
        400,
    ),
    "inspection_templates_partial_update": (
        "patch",
        "inspection-templates/3/",
        {"items": [{"group": "All", "name": "Tread", "unit": "mm"}]},
        None,
    ),
    "repair_orders_start_inspection": (
        "post",
        "repair-orders/53/inspections/",
        {"template_id": 2, "technician_id": 27},
        409,
    ),
    "inspections_record": (
        "patch",
        "inspections/3/findings/21/",
        {"rating": "red", "value": "2", "note": "Worn to the indicators."},
        None,
    ),
    "inspections_add_finding": (
        "post",
        "inspections/3/findings/",
        {"name": "Exhaust is loose", "rating": "yellow"},
        None,
    ),
    "inspections_add_to_estimate": ("post", "inspections/3/findings/21/add-to-estimate/", {}, 409),
    "inspections_finish": ("post", "inspections/3/finish/", {"anyway": True}, 409),
    "inspection_templates_destroy": ("delete", "inspection-templates/3/", {}, 404),
}


def staff_calls() -> Calls:
    """Return the calls of the staff's operations, in an order in which each finds the rows it needs."""
    calls: Calls = {}
    for noun, (number, params, wrong) in NOUNS.items():
        name = f"shop_{noun.replace('-', '_')}"
        calls[f"{name}_list"] = (
            "get",
            f"{STAFF}{noun}/",
            [Call(200, ADMIN, params), Call(400, ADMIN, wrong)],
        )
        calls[f"{name}_retrieve"] = ("get", f"{STAFF}{noun}/{number}/", [Call(200, ADMIN), Call(403, ALICE)])
    calls["shop_locations_availability"] = (
        "get",
        f"{STAFF}locations/1/availability/",
        [
            Call(200, ADMIN, {"date": "2026-01-26", "services": "brake_service"}),
            Call(400, ADMIN, {"date": "monday"}),
            Call(403, ALICE),
        ],
    )
    calls["shop_vehicles_odometer"] = (
        "get",
        f"{STAFF}vehicles/40/odometer/",
        [Call(200, ADMIN), Call(403, ALICE)],
    )
    passport = f"{STAFF}vehicles/40/passport"
    calls["shop_vehicles_passport"] = ("get", f"{passport}/", [Call(200, ADMIN), Call(403, ALICE)])
    calls["shop_vehicles_passport_pdf"] = ("get", f"{passport}.pdf", [Call(401), Call(403, ALICE)])
    calls["shop_vehicles_share_passport"] = (
        "post",
        f"{passport}/links/",
        [
            Call(201, ADMIN, body={"expires_in_days": 7, "for_next_owner": True}),
            Call(400, ADMIN, body={"expires_in_days": 91}),
        ],
    )
    calls["shop_vehicles_passport_links"] = (
        "get",
        f"{passport}/links/",
        [Call(200, ADMIN), Call(400, ADMIN, {"colour": "red"}), Call(403, ALICE)],
    )
    calls["shop_vehicles_withdraw_passport"] = (
        "delete",
        f"{passport}/links/{{passport_link}}/",
        [Call(204, ADMIN), Call(409, ADMIN), Call(403, ALICE)],
    )
    calls["shop_appointments_create"] = (
        "post",
        f"{STAFF}appointments/",
        # There are two bays, and a vehicle is in one of them at a time.
        [
            Call(status, ADMIN, body={**BOOKING, "vehicle_id": vehicle})
            for status, vehicle in ((201, 27), (201, 41), (409, 40))
        ],
    )
    order = f"{STAFF}repair-orders/53/"
    for operation, address in (
        ("revision", "estimates/1/"),
        ("choice", "estimates/1/choice/"),
        ("authorisations", "authorisations/"),
    ):
        calls[f"shop_repair_orders_{operation}"] = (
            "get",
            f"{order}{address}",
            [Call(200, ADMIN), Call(400, ADMIN, {"colour": "red"}), Call(403, ALICE)],
        )
    calls["shop_repair_orders_discounts"] = (
        "get",
        f"{STAFF}repair-orders/10/discounts/",
        [Call(200, ADMIN), Call(400, ADMIN, {"colour": "red"}), Call(403, ALICE)],
    )
    # A paper is no JSON.
    for operation, address in (
        ("estimate_pdf", "estimates/9/pdf/"),
        ("authorisations_pdf", "authorisations/pdf/"),
    ):
        calls[f"shop_repair_orders_{operation}"] = (
            "get",
            f"{STAFF}repair-orders/10/{address}",
            [Call(404, ADMIN), Call(403, ALICE)],
        )
    for operation, address in (("photo", f"photos/{NO_PHOTO}/"), ("pdf", "pdf/")):
        calls[f"shop_inspections_{operation}"] = (
            "get",
            f"{STAFF}inspections/9999/{address}",
            [Call(404, ADMIN), Call(403, ALICE)],
        )
    exemptions = f"{STAFF}customers/19/tax-exemptions/"
    reads = [
        ("list", exemptions, [Call(200, ADMIN), Call(400, ADMIN, {"page": "0"})]),
        ("retrieve", f"{exemptions}2/", [Call(200, ADMIN), Call(403, ALICE)]),
        ("destroy", f"{exemptions}2/", [Call(204, ADMIN), Call(404, ADMIN)]),
    ]
    for operation, (method, address, body, again) in WRITES.items():
        status = 201 if operation.endswith(CREATES) else 200
        status = 204 if operation.endswith("_destroy") else status
        made = [Call(status, ADMIN, body=body)] + ([Call(again, ADMIN, body=body)] if again else [])
        if operation == "technicians_clock_in":
            made.insert(0, Call(409, ADMIN, body={"job_id": 47}))  # a clock runs on another job
        if operation == "repair_orders_check_in":
            made.append(Call(409, ADMIN, body={"vehicle_id": 40}))  # it has open orders
        if operation in ("appointments_partial_update", "appointments_move"):
            taken = {"location_id": BOOKING["location_id"], "start": BOOKING["start"]}
            made.append(Call(409, ADMIN, body=taken))  # both bays were booked above
        calls[f"shop_{operation}"] = (method, f"{STAFF}{address}", made)
    for action, address, made in reads:  # after the certificate is recorded
        calls[f"shop_tax_exemptions_{action}"] = ("delete" if action == "destroy" else "get", address, made)
    calls["shop_phone_calls_list"] = (
        "get",
        f"{STAFF}customers/19/phone-calls/",
        [Call(200, ADMIN), Call(400, ADMIN, {"page": "0"}), Call(403, ALICE)],
    )
    calls["shop_webhooks_deliveries"] = (
        "get",
        f"{STAFF}webhooks/1/deliveries/",
        [Call(200, ADMIN, {"state": "waiting"}), Call(400, ADMIN, {"state": "sent"}), Call(403, ALICE)],
    )
    calls["shop_parts_moves"] = ("get", f"{STAFF}parts/136/moves/", [Call(200, ADMIN), Call(403, ALICE)])
    calls["shop_follow_ups_list"] = (
        "get",
        f"{STAFF}follow-ups/",
        [Call(200, ADMIN, {"location_id": 2}), Call(400, ADMIN, {"created_to": "today"}), Call(403, ALICE)],
    )
    calls["shop_events_feed"] = (
        "get",
        f"{STAFF}events/",
        [
            Call(200, ADMIN, {"types": "billing.invoice.issued,orders.*", "limit": "2"}),
            Call(400, ADMIN, {"types": "billing.paid"}),
            Call(403, ALICE),
        ],
    )
    calls["shop_due_due"] = (
        "get",
        f"{STAFF}due/",
        [
            Call(200, ADMIN, {"kind": "service,code", "page_size": "3"}),
            Call(400, ADMIN, {"kind": "oil"}),
            Call(403, ALICE),
            Call(404, ADMIN, {"customer_id": "999999"}),
        ],
    )
    calls["shop_reminders_list"] = (
        "get",
        f"{STAFF}reminders/",
        [Call(200, ADMIN, {"kind": "service"}), Call(400, ADMIN, {"kind": "oil"}), Call(403, ALICE)],
    )
    visit = {"location_id": 1, "bay_id": 1, "start": "2026-01-27T15:00:00Z", "description": "Squeals"}
    calls["shop_intake_create"] = (
        "post",
        f"{STAFF}intake/",
        [
            Call(
                201,
                ADMIN,
                body={
                    "customer": {"name": "Lynda Park", "phone": "(555) 887-2211"},
                    "vehicle": {
                        "make": "Honda",
                        "model": "Accord",
                        "year": 2003,
                        "license_plate": "KTZ 4471",
                    },
                    "appointment": visit,
                },
            ),
            Call(409, ADMIN, body={"customer_id": 19, "vehicle_id": 40, "appointment": visit}),
            Call(403, ALICE),
        ],
    )
    calls["shop_vehicles_create"] = calls.pop(
        "shop_vehicles_create"
    )  # PostgreSQL numbers its refused row, too
    calls["shop_board_board"] = (
        "get",
        f"{STAFF}board/",
        [
            Call(200, ADMIN, {"location_id": "1", "day": "2026-01-15"}),
            Call(400, ADMIN, {"day": "soon"}),
            Call(403, ALICE),
        ],
    )
    cleaner = {"method": "PATCH", "path": f"{STAFF}parts/136/", "body": {"unit_price": "21.50"}}
    calls["shop_batch_run"] = (
        "post",
        f"{STAFF}batch/",
        [
            Call(200, ADMIN, body={"requests": [cleaner, {**cleaner, "path": f"{STAFF}parts/999999/"}]}),
            Call(400, ADMIN, body={"requests": []}),
            Call(403, ALICE),
        ],
    )
    calls["shop_search_find"] = (
        "get",
        f"{STAFF}search/",
        [Call(200, ADMIN, params={"q": "cooper camry"}), Call(400, ADMIN), Call(403, ALICE)],
    )
    calls["shop_needed_parts_list"] = ("get", f"{STAFF}needed-parts/", [Call(200, ADMIN), Call(403, ALICE)])
    return calls


def billing_calls() -> Calls:
    """Return the calls of the staff's billing, in an order in which each finds the rows it needs."""
    order, invoice, customer = f"{STAFF}repair-orders/{BILLED}/", f"{STAFF}invoices/", f"{STAFF}customers/"
    payment, note = f"{STAFF}payments/", f"{STAFF}credit-notes/"
    check, card = (
        {"customer_id": 19, "location_id": 1, "amount": amount, "method": method, "reference": reference}
        for amount, method, reference in (("400.00", "check", "2231"), ("50.00", "card", "Slip 77"))
    )
    pays = {"allocations": [{"invoice_id": "{issued}", "amount": "300.00"}]}
    keeps = {"allocations": [{"repair_order_id": 13, "amount": "50.00"}]}
    opening = {"location_id": 2, "amount": "120.00", "day": "2024-12-31"}
    unseen = [Call(404, ADMIN), Call(403, ALICE)]  # a paper is no JSON
    seen = [Call(200, ADMIN), Call(403, ALICE)]
    rest = {"allocations": [{"invoice_id": "{issued}", "amount": "67.26"}]}
    return {
        "shop_repair_orders_invoice": (
            "post",
            f"{order}invoice/",
            [Call(201, ADMIN, body={"po_number": "PO 7"}), Call(409, ADMIN, body={})],
        ),
        "shop_payments_create": (
            "post",
            payment,
            [
                Call(201, ADMIN, body={**card, **keeps}),
                Call(201, ADMIN, body={**check, "received_on": "2026-01-14", **pays}),
                Call(400, ADMIN, body={**check, "method": "barter"}),
                # Refused before the row is numbered, which PostgreSQL would do for a refused one, too.
                Call(409, ADMIN, body={**check, "customer_id": 23}),
            ],
        ),
        "shop_payments_allocate": (
            "post",
            f"{payment}{{check}}/allocate/",
            [Call(200, ADMIN, body=rest), Call(409, ADMIN, body=rest)],
        ),
        "shop_invoices_credit": (
            "post",
            f"{invoice}{{issued}}/credit-notes/",
            [
                Call(201, ADMIN, body={"amount": "10.00", "reason": "It took a day longer."}),
                Call(409, ADMIN, body={"amount": "1000.00", "reason": "It took a day longer."}),
            ],
        ),
        "shop_payments_refund": (
            "post",
            f"{payment}{{check}}/refund/",
            [
                Call(200, ADMIN, body={"amount": "10.00", "reason": "It took a day longer."}),
                Call(409, ADMIN, body={"amount": "1000.00", "reason": "It took a day longer."}),
            ],
        ),
        "shop_payments_reverse": (
            "post",
            f"{payment}{{deposit}}/reverse/",
            [Call(status, ADMIN, body={"reason": "Wrong customer"}) for status in (200, 409)],
        ),
        "shop_repair_orders_vehicle_out": (
            "post",
            f"{order}vehicle-out/",
            [Call(status, ADMIN, body={"odometer": 32000}) for status in (200, 409)],
        ),
        "shop_repair_orders_billing": ("get", f"{order}billing/", seen),
        "shop_invoices_list": (
            "get",
            invoice,
            [Call(200, ADMIN, {"repair_order_id": str(BILLED)}), Call(400, ADMIN, {"open": "perhaps"})],
        ),
        "shop_invoices_retrieve": ("get", f"{invoice}{{issued}}/", seen),
        "shop_invoices_pdf": ("get", f"{invoice}9999/pdf/", unseen),
        "shop_invoices_send": ("post", f"{invoice}{{issued}}/send/", seen),
        "shop_credit_notes_list": ("get", note, [Call(200, ADMIN), Call(400, ADMIN, {"page": "0"})]),
        "shop_credit_notes_retrieve": ("get", f"{note}{{note}}/", seen),
        "shop_credit_notes_pdf": ("get", f"{note}9999/pdf/", unseen),
        "shop_payments_list": (
            "get",
            payment,
            [Call(200, ADMIN, {"method": "check"}), Call(400, ADMIN, {"method": "barter"})],
        ),
        "shop_payments_retrieve": ("get", f"{payment}{{check}}/", seen),
        "shop_payments_pdf": ("get", f"{payment}9999/pdf/", unseen),
        "shop_payments_send": ("post", f"{payment}{{check}}/send/", seen),
        "shop_customers_account": ("get", f"{customer}19/account/", seen),
        "shop_customers_open_account": (
            "post",
            f"{customer}26/opening-balance/",
            [
                Call(201, ADMIN, body=opening),
                Call(409, ADMIN, body={**opening, "location_id": 1, "day": "2026-01-15"}),
            ],
        ),
        "shop_statements_retrieve": (
            "get",
            f"{customer}26/statements/2025-12/",
            [Call(200, ADMIN), Call(403, ALICE)],
        ),
        "shop_statements_send": ("post", f"{customer}26/statements/2025-12/send/", seen),
        "shop_statements_list": (
            "get",
            f"{customer}26/statements/",
            [Call(200, ADMIN), Call(400, ADMIN, {"page": "0"})],
        ),
        "shop_statements_pdf": ("get", f"{customer}9999/statements/2025-12/pdf/", unseen),
        "shop_statement_runs_create": (
            "post",
            f"{STAFF}statement-runs/",
            [Call(201, ADMIN, body={"month": "2025-12"}), Call(400, ADMIN, body={"month": "2026-12"})],
        ),
        "shop_statement_runs_list": (
            "get",
            f"{STAFF}statement-runs/",
            [Call(200, ADMIN), Call(400, ADMIN, {"page": "0"})],
        ),
        "shop_statement_runs_retrieve": ("get", f"{STAFF}statement-runs/{{run}}/", seen),
        **_parts_calls(),
        **_report_calls(),
    }


def _report_calls() -> Calls:
    reports, close = f"{STAFF}reports/", {"location_id": 1, "day": "2026-01-15", "cash_counted": "0.00"}
    by_day = {"location_id": "1", "day": "2026-01-15"}
    period = {"location_id": "1", "from": "2026-01-01", "to": "2026-01-31"}
    asked = {
        "day_sheet": by_day,
        "tax": period,
        "receivables": {},
        "open_orders": {},
        "hours": period,
        "declined": period,
        "comebacks": period,
        "journal": period,
    }
    calls: Calls = {
        f"shop_reports_{name}": (
            "get",
            f"{reports}{name.replace('_', '-')}/",
            [Call(200, ADMIN, params), Call(400, ADMIN, {"colour": "red"}), Call(403, ALICE)],
        )
        for name, params in asked.items()
    }
    # Last, because what is posted later counts on the next day.
    calls["shop_reports_close"] = (
        "post",
        f"{reports}day-sheet/close/",
        [Call(201, ADMIN, body=close), Call(409, ADMIN, body=close)],
    )
    calls["shop_reports_list"] = (
        "get",
        f"{reports}closed-days/",
        [Call(200, ADMIN), Call(400, ADMIN, {"page": "0"})],
    )
    return calls


def _parts_calls() -> Calls:
    bought, returned = f"{STAFF}orders/", f"{STAFF}returns/"
    parcel = {"courier_name": "Parcels Inc.", "tracking_number": "PX-1001"}
    steps = [
        ("orders_confirm", f"{bought}{{bought}}/confirm/", {"method": "transfer", "reference": "TR 501"}),
        ("orders_pack", f"{bought}{{bought}}/pack/", {}),
        ("orders_ship", f"{bought}{{bought}}/ship/", parcel),
        ("orders_deliver", f"{bought}{{bought}}/deliver/", {}),
        ("orders_cancel", f"{bought}{{dropped}}/cancel/", {}),
        ("returns_approve", f"{returned}{{refunded}}/approve/", {}),
        ("returns_receive", f"{returned}{{refunded}}/receive/", {}),
        ("returns_refund", f"{returned}{{refunded}}/refund/", {"restock": True}),
        ("returns_refuse", f"{returned}{{refused}}/refuse/", {"reason": "It was used."}),
    ]
    calls: Calls = {
        f"shop_{name}": ("post", address, [Call(status, ADMIN, body=body) for status in (200, 409)])
        for name, address, body in steps
    }
    for noun, number in (("orders", "{bought}"), ("returns", "{refunded}")):
        calls[f"shop_{noun}_list"] = (
            "get",
            f"{STAFF}{noun}/",
            [Call(200, ADMIN), Call(400, ADMIN, {"status": "purple"})],
        )
        calls[f"shop_{noun}_retrieve"] = (
            "get",
            f"{STAFF}{noun}/{number}/",
            [Call(200, ADMIN), Call(403, ALICE)],
        )
    return calls


ALL = {**CALLS, **staff_calls(), **billing_calls()}
