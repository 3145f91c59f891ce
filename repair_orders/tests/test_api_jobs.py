"""The staff's API for jobs, lines, estimates and authorisations of a repair order."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalogue.placeholders import typed_part
from common.domain.caller import Role
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.links import link_of
from repair_orders.estimates.models import Authorisation, Estimate
from repair_orders.estimates.snapshot import instant
from repair_orders.models import Job, PartLine, RepairOrder, ServiceLine
from testing import factories
from testing.shelf import on_shelf
from testing.suites import count_queries, invalid
from testing.worked_example import (
    TEN_PERCENT,
    add_brakes,
    add_labour,
    add_oil,
    add_part,
    answer,
    authorised,
    estimated,
    fresh,
    given,
    new_order,
    reload,
    started,
)
from vehicles.odometer import read_odometer

pytestmark = pytest.mark.django_db
D = Decimal
FIXED = {
    "error": "Not possible in this state",
    "detail": "Lines can change only in a proposed or an approved job of an open order.",
    "code": "lines_are_fixed",
}
UNKNOWN_KEY = "Unknown field."


def url(order, tail=""):
    return f"/api/shop/repair-orders/{order.pk}/{tail}"


def everything(order):
    """Return all rows of an order, to prove that a refusal changed none."""
    return [
        RepairOrder.objects.values().get(pk=order.pk),
        *(
            list(model.objects.filter(repair_order=order).order_by("id").values())
            for model in (Job, PartLine, ServiceLine, Estimate)
        ),
        list(Authorisation.objects.order_by("id").values()),
        order.history.count(),
    ]


@pytest.fixture
def advisor(sign_in):
    return sign_in(factories.UserFactory(role="advisor"))


@pytest.fixture
def order():
    return new_order(policy=TEN_PERCENT)


@pytest.fixture
def job(order):
    return jobs.add_job(order=order, name="Brakes", concern="Squeals")


def job_row(job, *lines, **values):
    return {
        "id": job.pk,
        "position": job.position,
        "name": job.name,
        "concern": job.concern,
        "cause": "",
        "correction": "",
        "technician_id": None,
        "status": "proposed",
        "is_draft": True,
        "recommendation_id": None,
        "amount": "0.00",
        "lines": list(lines),
        **values,
    }


def part_row(line, **values):
    return {
        "id": line.pk,
        "kind": "part",
        "name": "Oil Filter",
        "description": "",
        "part_id": line.part_id,
        "part_number": line.part_number,
        "manufacturer": "Fram",
        "condition": "new",
        "oem": None,
        "quantity": 1,
        "unit_price": "9.49",
        "amount": "9.49",
        "cost": None,
        "taxable": True,
        "warranty_months": 0,
        "core_of": None,
        **values,
    }


def work_row(line, **values):
    return {
        "id": line.pk,
        "kind": "labour",
        "name": "Labor",
        "description": "",
        "service_id": line.service_id,
        "hours": None,
        "rate": None,
        "amount": "45.00",
        "cost": None,
        "taxable": True,
        "warranty_months": 0,
        **values,
    }


class TestJobs:
    def test_add_change_and_remove(self, advisor, order):
        technician = factories.TechnicianFactory()
        before = advisor.get(url(order)).json()
        assert (before["jobs"], before["version"]) == ([], 1)
        response = advisor.post(url(order, "jobs/"), {"name": "Brakes", "concern": "Squeals"}, format="json")
        job = Job.objects.get()
        expected = {**before, "version": 2, "jobs": [job_row(job)]}
        assert (response.status_code, response.json(), response["ETag"]) == (201, expected, '"2"')
        words = {
            "name": "Brake job", "concern": "", "cause": "Worn", "correction": "New pads",
            "technician_id": technician.pk,
        }  # fmt: skip
        response = advisor.patch(url(order, f"jobs/{job.pk}/"), words, format="json")
        assert (response.status_code, response.json()) == (200, {**expected, "jobs": [job_row(job, **words)]})
        response = advisor.patch(url(order, f"jobs/{job.pk}/"), {"technician_id": None}, format="json")
        assert response.json()["jobs"][0]["technician_id"] is None
        response = advisor.delete(url(order, f"jobs/{job.pk}/"))
        assert (response.status_code, response.json()) == (200, {**before, "version": 3})

    def test_canned_job(self, advisor, order):
        canned = factories.CannedJobFactory(name="Oil change", concern="Due")
        line = factories.CannedLineFactory(canned_job=canned, quantity=D("4.50"))
        for position in (2, 3):
            factories.CannedLineFactory(
                canned_job=canned, position=position, kind="labour", part=None, quantity=None, name="Labor",
                amount=D("45.00"),
            )  # fmt: skip
        response = advisor.post(url(order, "jobs/"), {"canned_job_id": canned.pk}, format="json")
        job, sold = Job.objects.get(), PartLine.objects.get()
        part = part_row(sold, quantity=4.5, amount="42.71")
        work = [work_row(line) for line in ServiceLine.objects.exclude(kind="fee").order_by("id")]
        assert (response.status_code, response.json()["jobs"]) == (
            201,
            [job_row(job, part, *work, amount="132.71")],
        )
        assert (job.name, job.concern, sold.part_id) == ("Oil change", "Due", line.part_id)

    @pytest.mark.parametrize(
        ("body", "status", "field"),
        [
            ({}, 400, "name"),
            ({"name": ""}, 400, "name"),
            ({"concern": "Squeals"}, 400, "name"),
            ({"name": "x" * 201}, 400, "name"),
            ({"name": "Brakes", "colour": "red"}, 400, "colour"),
            ({"name": "Brakes", "status": "approved"}, 400, "status"),
            ({"canned_job_id": 999_999}, 404, None),
            ({"name": "Brakes", "version": 0}, 400, "version"),
        ],
    )
    def test_wrong_body(self, advisor, order, body, status, field):
        before = everything(order)
        response = advisor.post(url(order, "jobs/"), body, format="json")
        fields = response.json().get("fields")
        assert (response.status_code, list(fields) if fields else None) == (status, field and [field])
        assert everything(order) == before

    def test_job_of_another_order_is_404(self, advisor, order, job):
        other = new_order()
        for method, tail in (
            ("patch", f"jobs/{job.pk}/"),
            ("delete", f"jobs/{job.pk}/"),
            ("post", f"jobs/{job.pk}/propose/"),
            ("post", f"jobs/{job.pk}/finish/"),
            ("post", f"jobs/{job.pk}/unfinish/"),
        ):
            response = getattr(advisor, method)(url(other, tail), {}, format="json")
            expected = {"error": "Not found", "detail": "Job not found.", "code": "not_found"}
            assert (response.status_code, response.json()) == (404, expected)

    def test_unknown_keys_are_named_everywhere(self, advisor, order, job):
        line = add_part(job, "1", "9.49")
        before = everything(order)
        for method, tail, body in (
            ("patch", "", {}),
            ("post", "jobs/", {"name": "More"}),
            ("patch", f"jobs/{job.pk}/", {}),
            ("post", f"jobs/{job.pk}/propose/", {}),
            ("post", f"jobs/{job.pk}/finish/", {}),
            ("post", f"jobs/{job.pk}/unfinish/", {}),
            ("post", f"jobs/{job.pk}/lines/", {"kind": "part"}),
            ("patch", f"jobs/{job.pk}/lines/{line.pk}/", {}),
            ("post", "estimate/", {}),
            ("post", "approve/", {}),
            ("post", "deny/", {}),
            ("post", "start/", {}),
            ("post", "complete/", {}),
            ("post", "stop/", {"reason": "No"}),
            ("post", "reopen/", {"reason": "No"}),
            ("post", "retax/", {}),
            ("post", "copy/", {}),
        ):
            response = getattr(advisor, method)(url(order, tail), {**body, "colour": "red"}, format="json")
            if tail == "reopen/":  # is for managers
                assert response.status_code == 403
                continue
            answer = response.json()
            assert (response.status_code, answer["code"], list(answer["fields"])) == (
                400,
                "unknown_field",
                ["colour"],
            ), tail
        assert everything(order) == before


class TestLines:
    def test_part_of_the_catalogue(self, advisor, order, job):
        part = factories.PartFactory()
        body = {
            "kind": "part", "part_id": part.pk, "quantity": 4.5, "unit_price": "8.99", "cost": "4.00",
            "condition": "rebuilt", "oem": False, "taxable": False, "warranty_months": 12, "name": "Oil",
            "description": "0W-20", "part_number": "OIL-1", "manufacturer": "Mobil",
        }  # fmt: skip
        response = advisor.post(url(order, f"jobs/{job.pk}/lines/"), body, format="json")
        line = PartLine.objects.get()
        expected = {**body, "id": line.pk, "unit_price": "8.99", "amount": "40.46", "core_of": None}
        answer = response.json()
        assert (response.status_code, answer["jobs"]) == (
            201,
            [job_row(job, expected, amount="40.46")],
        )
        assert (answer["totals"], answer["version"]) == (
            {"subtotal": "42.48", "discount": "4.25", "net": "38.23", "tax": "0.16", "total": "38.39"},
            3,
        )
        assert answer["fees"] == [{"name": "Shop supplies", "amount": "2.02", "taxable": True}]

    def test_values_come_from_catalogue_matrix_and_rate(self, advisor, order, job):
        factories.PriceBandFactory(matrix=factories.PriceMatrixFactory(is_default=True))
        part, service = factories.PartFactory(), factories.ServiceFactory(name="Labor")
        lines = url(order, f"jobs/{job.pk}/lines/")
        bodies = [
            {"kind": "part", "part_id": part.pk},
            {"kind": "part", "part_id": part.pk, "cost": "4.00"},
            {"kind": "part", "name": "Clip", "unit_price": "0.50"},
            {"kind": "labour", "service_id": service.pk},
            {"kind": "labour", "name": "Labor", "hours": "1.8"},
            {"kind": "labour", "name": "Labor", "amount": "45.00"},
            {"kind": "sublet", "name": "Tow", "amount": "21.00", "cost": "15.00"},
        ]
        for body in bodies:
            response = advisor.post(lines, body, format="json")
            assert response.status_code == 201, response.content
        one, two, three = PartLine.objects.order_by("id")
        four, five, six, seven = ServiceLine.objects.exclude(kind="fee").order_by("id")
        assert response.json()["jobs"][0]["lines"] == [
            part_row(one),
            part_row(two, unit_price="12.00", amount="12.00", cost="4.00"),
            part_row(three, name="Clip", unit_price="0.50", amount="0.50", part_number="", manufacturer=""),
            work_row(four),
            work_row(five, hours="1.80", rate="129.95", amount="233.91"),
            work_row(six),
            work_row(seven, kind="sublet", name="Tow", amount="21.00", cost="15.00", taxable=False),
        ]

    def test_change_and_remove(self, advisor, order, job):
        part, work = add_part(job, "1", "9.49"), add_labour(job, "1")
        lines = url(order, f"jobs/{job.pk}/lines/")
        response = advisor.patch(
            f"{lines}{part.pk}/?kind=part", {"quantity": "2", "cost": None, "oem": True}, format="json"
        )
        assert response.status_code == 200
        assert response.json()["jobs"][0]["lines"][0] == part_row(part, quantity=2, amount="18.98", oem=True)
        response = advisor.patch(f"{lines}{work.pk}/?kind=labour", {"amount": "80.00"}, format="json")
        assert response.json()["jobs"][0]["lines"][1] == work_row(work, amount="80.00")
        assert response.json()["jobs"][0]["amount"] == "98.98"
        assert advisor.delete(f"{lines}{work.pk}/?kind=labour").json()["jobs"][0]["amount"] == "18.98"
        assert advisor.delete(f"{lines}{part.pk}/").json()["jobs"] == [job_row(job)]

    def test_kind_says_which_of_two_lines_with_one_id(self, advisor, order, job):
        part = add_part(job, "1", "9.49")
        ServiceLine.objects.filter(kind="fee").update(id=part.pk + 100)
        work = ServiceLine.objects.create(
            id=part.pk, repair_order=order, job=job, service=factories.ServiceFactory(), name="Labor",
            amount=D("45.00"), taxable=True,
        )  # fmt: skip
        before = everything(order)
        address = url(order, f"jobs/{job.pk}/lines/{part.pk}/")
        text = "A part line and a service line of this job have this id. Say which by ?kind=."
        body = {
            "error": "Invalid input",
            "detail": text,
            "fields": {"kind": [text]},
            "code": "kind_is_needed",
        }
        for response in (advisor.patch(address, {"taxable": False}, format="json"), advisor.delete(address)):
            assert (response.status_code, response.json()) == (400, body)
        assert everything(order) == before
        assert advisor.delete(f"{address}?kind=sublet").status_code == 404
        response = advisor.patch(f"{address}?kind=labour", {"taxable": False}, format="json")
        assert [line["taxable"] for line in response.json()["jobs"][0]["lines"]] == [True, False]
        assert advisor.delete(f"{address}?kind=part").status_code == 200
        assert ServiceLine.objects.filter(pk=work.pk).exists()

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ({}, "kind", "This field is required."),
            ({"kind": "fee"}, "kind", '"fee" is not a valid choice. Choose one of: part, labour, sublet.'),
            ({"kind": "part"}, "name", "Give a name, or an id of the catalogue."),
            ({"kind": "labour", "amount": "1.00"}, "name", "Give a name, or an id of the catalogue."),
            (
                {"kind": "part", "name": "Clip"},
                "unit_price",
                "Give a price: the catalogue has none for this line.",
            ),
            ({"kind": "part", "name": "x", "hours": "1"}, "hours", "A line of the kind part has no hours."),
            (
                {"kind": "labour", "name": "x", "quantity": 1},
                "quantity",
                "A line of the kind labour has no quantity.",
            ),
            (
                {"kind": "sublet", "name": "x", "oem": True},
                "oem",
                "A line of the kind sublet has no oem.",
            ),
            (
                {"kind": "sublet", "name": "Tow"},
                "amount",
                "Give a price: the catalogue has none for this line.",
            ),
            (
                {"kind": "part", "name": "x", "unit_price": "-1"},
                "unit_price",
                "Ensure this value is greater than or equal to 0.",
            ),
            (
                {"kind": "part", "name": "x", "unit_price": "1", "quantity": 0},
                "quantity",
                "Ensure this value is greater than or equal to 0.01.",
            ),
            (
                {"kind": "labour", "name": "x", "hours": "1000.01"},
                "hours",
                "Ensure this value is less than or equal to 1000.",
            ),
            (
                {"kind": "part", "name": "x", "unit_price": "1", "condition": "broken"},
                "condition",
                '"broken" is not a valid choice. Choose one of: new, used, rebuilt, reconditioned.',
            ),
        ],
    )
    def test_wrong_line(self, advisor, order, job, body, field, message):
        before = everything(order)
        response = advisor.post(url(order, f"jobs/{job.pk}/lines/"), body, format="json")
        answer = response.json()
        assert (response.status_code, answer["fields"]) == (400, {field: [message]})
        assert everything(order) == before

    def test_line_of_another_job_is_404(self, advisor, order, job):
        line, other = add_part(job, "1", "9.49"), jobs.add_job(order=reload(order), name="Other")
        for response in (
            advisor.patch(url(order, f"jobs/{other.pk}/lines/{line.pk}/"), {"taxable": False}, format="json"),
            advisor.delete(url(order, f"jobs/{other.pk}/lines/{line.pk}/")),
        ):
            expected = {"error": "Not found", "detail": "Line not found.", "code": "not_found"}
            assert (response.status_code, response.json()) == (404, expected)
        fee = ServiceLine.objects.get(kind="fee")
        assert advisor.delete(url(order, f"jobs/{job.pk}/lines/{fee.pk}/?kind=labour")).status_code == 404
        for name in ("part", "service"):
            body = {"kind": "part" if name == "part" else "labour", f"{name}_id": 999_999}
            response = advisor.post(url(order, f"jobs/{job.pk}/lines/"), body, format="json")
            expected = {
                "error": "Not found",
                "detail": f"{name.capitalize()} not found.",
                "code": "not_found",
            }
            assert (response.status_code, response.json()) == (404, expected)

    def test_answered_job_is_fixed(self, advisor):
        order, brakes, oil = authorised(policy=TEN_PERCENT)
        line, before = oil.part_lines.first(), everything(order)
        more = {"kind": "part", "part_id": line.part_id}
        calls = [
            advisor.post(url(order, f"jobs/{oil.pk}/lines/"), more, format="json"),
            advisor.patch(
                url(order, f"jobs/{oil.pk}/lines/{line.pk}/?kind=part"), {"quantity": 9}, format="json"
            ),
            advisor.delete(url(order, f"jobs/{oil.pk}/lines/{line.pk}/?kind=part")),
            advisor.delete(url(order, f"jobs/{brakes.pk}/")),
        ]
        assert [(response.status_code, response.json()) for response in calls] == [(409, FIXED)] * 4
        assert everything(order) == before

    def test_over_the_ceiling(self, advisor):
        order, brakes, _ = started(policy=TEN_PERCENT)
        before = everything(order)
        body = {"kind": "part", "name": "Kit", "unit_price": "48.13"}
        response = advisor.post(url(order, f"jobs/{brakes.pk}/lines/"), body, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Over the authorised amount",
                "detail": "This would make 540.72. The customer authorised work up to 540.71. Send a revised estimate.",
                "code": "over_ceiling",
                "ceiling": "540.71",
                "attempted": "540.72",
                "delta": "0.01",
            },
        )
        assert everything(order) == before
        response = advisor.patch(url(order), {"discount_percent": 0}, format="json")
        assert (response.status_code, response.json()["attempted"]) == (409, "546.18")
        answer = advisor.post(
            url(order, f"jobs/{brakes.pk}/lines/"), {**body, "unit_price": "48.12"}, format="json"
        ).json()
        assert (answer["authorised"], answer["ceiling"], answer["totals"]["total"]) == (
            {"total": "491.56", "net": "453.03"},
            {"basis": "TOTAL", "amount": "540.71"},
            "540.71",
        )


class TestRefusedLines:
    """A line of the catalogue names a part that is offered, and its amount has one measure."""

    def refusal(self, advisor, job, body):
        response = advisor.post(url(job.repair_order, f"jobs/{job.pk}/lines/"), body, format="json")
        assert not job.part_lines.exists()
        assert not job.service_lines.exists()
        return response.status_code, response.json()["fields"]

    @pytest.mark.parametrize("case", ["unlisted", "placeholder"])
    def test_part_that_is_not_offered(self, advisor, job, case):
        part = typed_part() if case == "placeholder" else factories.PartFactory(is_listed=False)
        text = "This is not offered any more. Choose another one, or type the line."
        refused = self.refusal(advisor, job, {"kind": "part", "part_id": part.pk})
        assert refused == (400, {"part_id": [text]})
        response = advisor.post(url(job.repair_order, "parts/"), {"part_id": part.pk}, format="json")
        assert (response.status_code, response.json()["fields"]) == (400, {"part_id": [text]})

    @pytest.mark.parametrize("measure", [{"hours": "1"}, {"rate": "100"}, {"hours": "1", "rate": "100"}])
    def test_amount_beside_hours_or_rate(self, advisor, job, measure):
        body = {"kind": "labour", "name": "Bleed the brakes", "amount": "50.00", **measure}
        assert self.refusal(advisor, job, body) == (
            400,
            {"amount": ["Give hours and a rate, or a flat amount."]},
        )

    def test_two_decisions_for_one_job(self, advisor):
        order = new_order()
        job = jobs.add_job(order=order, name="Brakes")
        add_part(job, "1", "9.49")
        factories.EstimateFactory(repair_order=order)
        decisions = [{"job_id": job.pk, "decision": word} for word in ("approved", "declined")]
        body = {"method": "phone", "by_name": "Pat", "total": "9.49", "decisions": decisions}
        response = advisor.post(url(order, "authorisations/"), body, format="json")
        assert (response.status_code, response.json()["fields"]) == (
            400,
            {"decisions": ["Give one decision for each job."]},
        )


class TestVersion:
    STALE = {
        "error": "The order has changed",
        "detail": "The order has changed since you saw it. Look at it again.",
        "code": "stale_version",
    }

    def calls(self, client, order, job, line):
        """Return each write that takes a version, as a function of its body and headers."""
        lines = url(order, f"jobs/{job.pk}/lines/")
        return [
            lambda body, headers: client.patch(
                url(order), {"notes": "Words", **body}, format="json", headers=headers
            ),
            lambda body, headers: client.post(
                url(order, "jobs/"), {"name": "More", **body}, format="json", headers=headers
            ),
            lambda body, headers: client.post(
                lines, {"kind": "part", "part_id": line.part_id, **body}, format="json", headers=headers
            ),
            lambda body, headers: client.patch(
                f"{lines}{line.pk}/", {"quantity": 3, **body}, format="json", headers=headers
            ),
            lambda body, headers: client.post(url(order, "retax/"), body, format="json", headers=headers),
        ]

    @pytest.mark.parametrize(
        ("step", "body"),
        [
            ("estimate/", {}),
            ("approve/", {}),
            ("deny/", {}),
            ("authorisations/", {"method": "phone", "by_name": "Pat", "total": "9.49", "decisions": []}),
            ("start/", {}),
            ("complete/", {}),
            ("stop/", {"reason": "Sold"}),
            ("reopen/", {"reason": "Forgot"}),
            ("withdraw/", {"reason": "Called"}),
            ("parts/", {"part_id": 1}),
        ],
    )
    def test_step_on_a_stale_version_changes_nothing(self, sign_in, order, step, body):
        client = sign_in(factories.UserFactory(role="manager"))
        before = everything(order)
        present = client.get(url(order)).json()
        response = client.post(url(order, step), {**body, "version": order.version + 1}, format="json")
        expected = {**self.STALE, "version": order.version, "order": present}
        assert (response.status_code, response.json()) == (409, expected)
        assert everything(order) == before

    @pytest.mark.parametrize("number", range(5))
    @pytest.mark.parametrize("by", ["body", "header"])
    def test_stale_version(self, advisor, order, job, number, by):
        line = add_part(job, "1", "9.49")
        call = self.calls(advisor, order, job, line)[number]
        version, before = reload(order).version, everything(order)
        for wrong in (version - 1, version + 1):
            body, headers = ({"version": wrong}, {}) if by == "body" else ({}, {"If-Match": f'"{wrong}"'})
            response = call(body, headers)
            present = advisor.get(url(order)).json()
            body = {**self.STALE, "version": version, "order": present}
            assert (response.status_code, response.json()) == (409, body)
        assert everything(order) == before
        body, headers = ({"version": version}, {}) if by == "body" else ({}, {"If-Match": f'"{version}"'})
        response = call(body, headers)
        assert response.status_code in (200, 201)
        assert response["ETag"] == f'"{response.json()["version"]}"' == f'"{reload(order).version}"'

    def test_removals_honour_if_match(self, advisor, order, job):
        line = add_part(job, "1", "9.49")
        before, version = everything(order), reload(order).version
        for tail in (f"jobs/{job.pk}/", f"jobs/{job.pk}/lines/{line.pk}/"):
            response = advisor.delete(url(order, tail), headers={"If-Match": '"1"'})
            present = advisor.get(url(order)).json()
            body = {**self.STALE, "version": version, "order": present}
            assert (response.status_code, response.json()) == (409, body)
        assert everything(order) == before
        address = url(order, f"jobs/{job.pk}/lines/{line.pk}/")
        assert advisor.delete(address, headers={"If-Match": f'"{version}"'}).status_code == 200

    def test_star_matches_every_version(self, advisor, order, job):
        response = advisor.patch(url(order), {"notes": "x"}, format="json", headers={"If-Match": "*"})
        assert (response.status_code, reload(order).notes) == (200, "x")

    @pytest.mark.parametrize("tag", ["3", 'W/"3"', '"x"', '"-1"', '""'])
    def test_wrong_tag(self, advisor, order, job, tag):
        text = 'If-Match must be the ETag of the order, such as "3".'
        response = advisor.patch(url(order), {"notes": "x"}, format="json", headers={"If-Match": tag})
        body = {"error": "Invalid input", "detail": text, "fields": {}, "code": "wrong_match"}
        assert (response.status_code, response.json(), reload(order).notes) == (400, body, "")

    def test_etag_of_one_order(self, advisor, order):
        assert advisor.get(url(order))["ETag"] == '"1"'
        jobs.add_job(order=order, name="Brakes")
        response = advisor.get(url(order))
        assert (response["ETag"], response.json()["version"]) == ('"2"', 2)


def authorisation_row(order, **values):
    row = Authorisation.objects.latest("id")
    return {
        "id": row.pk,
        "revision": 1,
        "method": "phone",
        "by_name": "Pat",
        "contact_used": "555-0100",
        "taken_by": row.taken_by_id,
        "at": instant(row.at),
        "ip": None,
        "note": "",
        "total": "491.56",
        "net": "453.03",
        "added_taxes": [],
        "withdrawn_at": None,
        "withdrawal_reason": "",
        **values,
    }


class TestEstimates:
    def test_send_and_read_a_revision(self, advisor):
        order = new_order()
        add_labour(jobs.add_job(order=order, name="Diagnosis"), "1")
        before = advisor.get(url(order)).json()
        assert (before["estimates"], before["changed_since_sent"]) == ([], False)
        response = advisor.post(
            url(order, "estimate/"), {"expires_at": "2030-01-01T00:00:00Z", "notes": "Worn"}, format="json"
        )
        revision = Estimate.objects.get()
        row = {
            "id": revision.pk,
            "revision": 1,
            "version": 3,
            "sent_at": instant(revision.sent_at),
            "sent_by": revision.sent_by_id,
            "expires_at": "2030-01-01T00:00:00Z",
            "total": str(revision.total),
            "digest": revision.digest,
            "url": link_of(revision),
            "sent": True,
            "not_sent_because": None,
            "mailed_at": None,
            "state": "sent",
        }
        assert (response.status_code, response.json()) == (
            200,
            before
            | {
                "status": "pending",
                "notes": "Worn",
                "estimated_at": instant(revision.sent_at)[:-1] + response.json()["estimated_at"][19:],
                "estimates": [row],
                "jobs": [{**before["jobs"][0], "is_draft": False}],
            },
        )
        one = advisor.get(url(order, "estimates/1/"))
        assert (one.status_code, one.json()) == (200, {**row, "snapshot": revision.snapshot})
        assert json.dumps(one.json()["snapshot"], sort_keys=True) == json.dumps(
            revision.snapshot, sort_keys=True
        )
        missing = advisor.get(url(order, "estimates/2/"))
        assert (missing.status_code, missing.json()["detail"]) == (404, "Estimate not found.")

    def test_states_of_revisions(self, advisor, now):
        order, _brakes, oil = authorised()
        jobs.propose(job=fresh(oil))
        estimates.send_estimate(order=reload(order), by=None, now=now)
        estimates.send_estimate(order=reload(order), by=None, now=now)

        def words():
            return [row["state"] for row in advisor.get(url(order)).json()["estimates"]]

        assert words() == ["answered", "superseded", "sent"]
        estimates.send_estimate(order=reload(order), by=None, now=now - timedelta(days=60))
        assert words() == ["answered", "superseded", "superseded", "expired"]
        add_part(oil, "1", "1.00")
        assert advisor.get(url(order)).json()["changed_since_sent"] is True

    def test_choice(self, advisor):
        order, brakes, oil = estimated()
        address = url(order, "estimates/1/choice/")
        expected = {
            "subtotal": "503.37", "discount": "50.34", "net": "453.03", "tax": "38.53", "total": "491.56",
        }  # fmt: skip
        response = advisor.get(address, {"approve": f"{brakes.pk}"})
        assert (response.status_code, response.json()) == (200, {"totals": expected})
        both = advisor.get(address, {"approve": f"{brakes.pk},{oil.pk}"}).json()
        assert (both["totals"]["total"], advisor.get(address).json()["totals"]["total"]) == (
            "640.94",
            "0.00",
        )
        response = advisor.get(address, {"approve": "999999"})
        assert (response.status_code, list(response.json()["fields"])) == (400, ["approve"])
        assert advisor.get(address, {"approve": "x"}).status_code == 400

    def body(self, brakes, oil, **values):
        return {
            "method": "phone",
            "by_name": "Pat",
            "contact_used": "555-0100",
            "total": "491.56",
            "decisions": [
                {"job_id": brakes.pk, "decision": "approved"},
                {"job_id": oil.pk, "decision": "declined"},
            ],
            **values,
        }

    def test_authorise(self, advisor):
        order, brakes, oil = estimated(policy=TEN_PERCENT)
        assert advisor.get(url(order, "authorisations/")).json() == []
        response = advisor.post(url(order, "authorisations/"), self.body(brakes, oil), format="json")
        row = authorisation_row(
            order,
            decisions=[
                {"job_id": brakes.pk, "job_name": "Brakes", "amount": "480.40", "decision": "approved"},
                {"job_id": oil.pk, "job_name": "Oil", "amount": "150.41", "decision": "declined"},
            ],
        )
        assert (response.status_code, response.json()) == (201, row)
        assert advisor.get(url(order, "authorisations/")).json() == [row]
        assert reload(order).status == "approved"

    @pytest.mark.parametrize(
        ("change", "status", "named"),
        [
            ({"total": "640.94"}, 409, "total"),
            ({"total": None}, 400, "fields"),
            ({"method": "online"}, 400, "fields"),
            ({"method": "smoke"}, 400, "fields"),
            ({"by_name": ""}, 400, "fields"),
            ({"revision": 2}, 404, None),
            ({"decisions": [{"job_id": 999_999, "decision": "approved"}]}, 400, "fields"),
            ({"decisions": [{"job_id": 1, "decision": "maybe"}]}, 400, "fields"),
            ({"decisions": [{"job_id": 1}]}, 400, "fields"),
            ({"decisions": None}, 400, "fields"),
        ],
    )
    def test_wrong_answer(self, advisor, change, status, named):
        order, brakes, oil = estimated()
        before = everything(order)
        body = self.body(brakes, oil, **change)
        response = advisor.post(url(order, "authorisations/"), body, format="json")
        assert response.status_code == status, response.content
        assert named is None or named in response.json()
        if status == 409:
            assert response.json()["total"] == "491.56"
        assert everything(order) == before

    @pytest.mark.parametrize("case", ["superseded", "expired", "already_answered", "estimate_changed"])
    def test_answer_that_comes_too_late(self, advisor, case, now):
        order, brakes, oil = estimated(sent_at=now - timedelta(days=60) if case == "expired" else now)
        body = self.body(brakes, oil, revision=1)
        title = "The estimate has changed"
        if case == "superseded":
            estimates.send_estimate(order=order, by=None, now=now)
            title = "A newer estimate was sent"
        elif case == "expired":
            title = "The estimate has expired"
        elif case == "already_answered":
            answer(order, {brakes: "approved"})
            title = "Already answered"
        else:
            add_part(oil, "1", "1.00")
        before = everything(order)
        response = advisor.post(url(order, "authorisations/"), body, format="json")
        assert (response.status_code, response.json()["error"]) == (409, title)
        assert everything(order) == before

    def test_without_a_revision_the_order_as_it_is_is_stored(self, advisor, mailoutbox):
        order = new_order()
        brakes, oil = add_brakes(order), add_oil(order)
        body = self.body(brakes, oil)
        stale = advisor.post(url(order, "authorisations/"), {**body, "total": "640.94"}, format="json")
        assert (stale.status_code, stale.json()["code"], Estimate.objects.count()) == (
            409,
            "estimate_changed",
            0,
        )
        response = advisor.post(url(order, "authorisations/"), body, format="json")
        assert (response.status_code, response.json()["total"]) == (201, "491.56")
        row = advisor.get(url(order)).json()
        [sent] = row["estimates"]
        assert (row["status"], sent["revision"], sent["sent"], sent["not_sent_because"], sent["state"]) == (
            "approved", 1, False, "It was read to the customer, whose answer was recorded with it.", "answered"
        )  # fmt: skip
        assert (mailoutbox, order.customer.notifications.count()) == ([], 0)
        again = advisor.post(url(order, "authorisations/"), body, format="json")
        assert (again.status_code, again.json()["code"], Estimate.objects.count()) == (
            409,
            "already_answered",
            1,
        )

    def test_order_without_a_line_cannot_be_answered(self, advisor):
        order = new_order()
        job = jobs.add_job(order=order, name="Brakes")
        body = self.body(job, job, decisions=[])
        response = advisor.post(url(order, "authorisations/"), body, format="json")
        assert (response.status_code, response.json()["code"]) == (400, "nothing_to_send")
        assert (Estimate.objects.count(), reload(order).status) == (0, "requested")

    def test_approve_and_deny_take_who(self, advisor):
        order, _, _ = estimated()
        who = {"method": "text", "by_name": "Pat", "contact_used": "555-0100"}
        response = advisor.post(url(order, "approve/"), {**who, "total": "640.94"}, format="json")
        assert (response.status_code, response.json()["authorised"]) == (
            200,
            {"total": "640.94", "net": "590.23"},
        )
        other, _, _ = estimated()
        response = advisor.post(url(other, "deny/"), {**who, "reason": "Too dear"}, format="json")
        assert (response.status_code, response.json()["denial_reason"]) == (200, "Too dear")
        rows = Authorisation.objects.values_list("method", "by_name", "contact_used")
        assert list(rows) == [("text", "Pat", "555-0100")] * 2
        assert advisor.post(url(order, "deny/"), {"method": "online"}, format="json").status_code == 400


class TestVerbs:
    def test_finish_needs_the_part_or_the_right_to_receive_it(self, sign_in, now):
        order = new_order()
        job, part = jobs.add_job(order=order, name="Filter"), factories.PartFactory(stock=1)
        jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(2))
        estimates.send_estimate(order=reload(order), by=None, now=now)
        estimates.approve(order=reload(order), by=None, now=now)
        actions.start(order=reload(order), by=None, now=now)
        technician = sign_in(factories.UserFactory(role="technician"))
        before = everything(order)
        for tail in (f"jobs/{job.pk}/finish/", "complete/"):
            response = technician.post(url(order, tail))
            assert (response.status_code, response.json()) == (
                409,
                {
                    "error": "Part needed",
                    "detail": "Oil Filter is short of 1.",
                    "code": "part_needed",
                    "part_id": part.pk,
                    "short": 1,
                },
            )
            response = technician.post(url(order, tail), {"received": True}, format="json")
            assert (response.status_code, response.json()) == (
                403,
                {
                    "error": "Access denied",
                    "detail": "Your role does not allow this.",
                    "code": "role_may_not",
                },
            )
        assert (everything(order), on_shelf()) == (before, {part.pk: (1, 1)})
        advisor = sign_in(factories.UserFactory(role="advisor"))
        response = advisor.post(url(order, f"jobs/{job.pk}/finish/"), {"received": True}, format="json")
        assert (response.status_code, response.json()["jobs"][0]["status"]) == (200, "done")
        assert on_shelf() == {part.pk: (0, 0)}
        stop = advisor.post(url(order, "stop/"), {"reason": "No"}, format="json")
        assert (stop.status_code, stop.json()) == (
            409,
            {
                "error": "Some work is done",
                "detail": "A job of this order is done. Complete the order with it instead of stopping it.",
                "code": "finish_instead",
            },
        )
        response = technician.post(url(order, "complete/"))
        assert (response.status_code, response.json()["status"]) == (200, "completed")

    def test_technician_takes_back_that_a_job_is_done(self, sign_in, now):
        order, brakes, _oil = started()
        technician = sign_in(factories.UserFactory(role="technician"))
        before = everything(order)
        early = technician.post(url(order, f"jobs/{brakes.pk}/unfinish/"))
        assert (early.status_code, early.json()) == (
            409,
            {
                "error": "Not possible in this state",
                "detail": "Only a job of an order in progress that is done can be taken back.",
                "code": "illegal_transition",
            },
        )
        assert everything(order) == before
        assert technician.post(url(order, f"jobs/{brakes.pk}/finish/")).status_code == 200
        stale = technician.post(url(order, f"jobs/{brakes.pk}/unfinish/"), HTTP_IF_MATCH='"99"')
        assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
        seen = {"version": reload(order).version}
        response = technician.post(url(order, f"jobs/{brakes.pk}/unfinish/"), seen, format="json")
        body = response.json()
        assert (response.status_code, body["jobs"][0]["status"], body["version"]) == (
            200,
            "approved",
            seen["version"],
        )
        assert everything(order) == before

    @pytest.mark.parametrize("seen", [False, True])
    def test_complete_with_odometer_out(self, advisor, seen):
        order, *_ = started()
        read_odometer(vehicle=order.vehicle, miles=D("500.00"), by=None, now=timezone.now())
        version = {"version": reload(order).version} if seen else {}
        wrong = advisor.post(url(order, "complete/"), {"odometer": 499} | version, format="json")
        text = "The odometer cannot go down: enter at least 500.00 miles."
        assert (wrong.status_code, wrong.json()["fields"]) == (400, {"odometer": [text]})
        assert reload(order).status == "in_progress"
        body = advisor.post(url(order, "complete/"), {"odometer": 512.5} | version, format="json").json()
        assert (body["status"], body["odometer_out"]) == ("completed", 512.5)

    def test_complete_some_jobs(self, advisor, now):
        order, brakes, oil = estimated()
        answer(order, {brakes: "approved", oil: "approved"})
        actions.start(order=reload(order), by=None, now=now)
        wrong = advisor.post(url(order, "complete/"), {"jobs": [999_999]}, format="json")
        text = "Only approved jobs of this order can be finished."
        assert (wrong.status_code, wrong.json()["fields"]) == (400, {"jobs": [text]})
        none = advisor.post(url(order, "complete/"), {"jobs": []}, format="json")
        assert (none.status_code, none.json()["error"]) == (409, "Nothing to complete")
        response = advisor.post(url(order, "complete/"), {"jobs": [oil.pk]}, format="json")
        body = response.json()
        assert (response.status_code, body["status"], body["total_cost"], body["totals"]["total"]) == (
            200,
            "completed",
            "154.75",
            "154.75",
        )
        assert [job["status"] for job in body["jobs"]] == ["declined", "done"]

    def test_stop_copy_and_propose(self, advisor):
        order, _brakes, oil = started()
        response = advisor.post(url(order, f"jobs/{oil.pk}/propose/"))
        assert (response.status_code, response.json()["jobs"][1]["status"]) == (200, "proposed")
        again = advisor.post(url(order, f"jobs/{oil.pk}/propose/"))
        assert (again.status_code, again.json()["error"]) == (409, "Job cannot be proposed")
        assert advisor.post(url(order, "stop/"), {}, format="json").status_code == 400
        stopped = advisor.post(url(order, "stop/"), {"reason": "Too dear"}, format="json").json()
        assert (stopped["status"], stopped["denial_reason"]) == ("denied", "Too dear")
        assert [job["status"] for job in stopped["jobs"]] == ["declined", "deferred"]
        copied = advisor.post(url(order, "copy/"))
        body = copied.json()
        assert (copied.status_code, body["status"], body["totals"]["total"], body["number"]) == (
            201,
            "requested",
            "640.94",
            2,
        )
        assert body["id"] != order.pk
        assert copied["ETag"] == f'"{body["version"]}"'

    def test_reopen_and_withdraw_are_for_managers(self, sign_in, now):
        approved, _, _ = authorised()
        completed, _, _ = started()
        actions.complete(order=completed, by=None, now=now)
        for order, verb, status in ((approved, "withdraw", "pending"), (completed, "reopen", "in_progress")):
            before = everything(order)
            for role in (Role.TECHNICIAN, Role.ADVISOR):
                client = sign_in(factories.UserFactory(role=role))
                response = client.post(url(order, f"{verb}/"), {"reason": "Misheard"}, format="json")
                assert response.status_code == 403
            assert everything(order) == before
            manager = sign_in(factories.UserFactory(role="manager"))
            assert manager.post(url(order, f"{verb}/"), {}, format="json").status_code == 400
            response = manager.post(url(order, f"{verb}/"), {"reason": "Misheard"}, format="json")
            assert (response.status_code, response.json()["status"]) == (200, status)

    @pytest.mark.parametrize(
        ("tail", "least"),
        [
            ("jobs/", Role.ADVISOR),
            ("jobs/{job}/lines/", Role.ADVISOR),
            ("jobs/{job}/propose/", Role.ADVISOR),
            ("jobs/{job}/finish/", Role.TECHNICIAN),
            ("jobs/{job}/unfinish/", Role.TECHNICIAN),
            ("estimate/", Role.ADVISOR),
            ("authorisations/", Role.ADVISOR),
            ("stop/", Role.ADVISOR),
            ("retax/", Role.ADVISOR),
            ("copy/", Role.ADVISOR),
        ],
    )
    def test_roles(self, sign_in, order, job, tail, least):
        ranks = [Role.CUSTOMER, Role.TECHNICIAN, Role.ADVISOR, Role.MANAGER]
        for role in ranks:
            client = sign_in(factories.UserFactory(role=role))
            response = client.post(url(order, tail.format(job=job.pk)), {"colour": "red"}, format="json")
            assert (response.status_code == 403) == (ranks.index(role) < ranks.index(least)), role
        technician = sign_in(factories.UserFactory(role="technician"))
        words = {"cause": "Worn"}
        assert technician.patch(url(order, f"jobs/{job.pk}/"), words, format="json").status_code == 200

    def test_retax(self, advisor, order, job):
        order.location.tax_rules.update(percent=D(5))
        response = advisor.post(url(order, "retax/"))
        assert (response.status_code, response.json()["tax_percent"]) == (200, "5.00")
        certificate = factories.TaxExemptionFactory(customer=order.customer)
        body = advisor.post(url(order, "retax/")).json()
        assert (body["tax_percent"], body["tax_exemption"]) == ("0.00", certificate.number)

    def test_expired_exemption_names_the_tax(self, advisor):
        order, _, _ = started()
        RepairOrder.objects.update(tax_percent=0, tax_exemption="NY-1")
        response = advisor.post(url(order, "complete/"))
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "The exemption has expired",
                "detail": "The customer's exemption from tax is not valid today. "
                "Record a new certificate, or take the tax again.",
                "code": "exemption_expired",
                "tax": "38.53",
            },
        )

    def test_idempotency_key_adds_one_line(self, advisor, order, job):
        body = {"kind": "labour", "name": "Labor", "hours": 1}
        headers = {"Idempotency-Key": "once"}
        first, again = (
            advisor.post(url(order, f"jobs/{job.pk}/lines/"), body, format="json", headers=headers)
            for _ in range(2)
        )
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert ServiceLine.objects.exclude(kind="fee").count() == 1


class TestLabourRates:
    @pytest.fixture
    def diesel(self):
        order = new_order()
        rate = factories.LabourRateFactory(
            location=order.location, name="Diesel", per_hour=D("165.00"), is_default=False
        )
        return order, jobs.add_job(order=order, name="Injector"), rate

    def lines_of(self, response):
        [line] = response.json()["jobs"][0]["lines"]
        return response.status_code, line["hours"], line["rate"], line["amount"]

    def test_line_takes_the_chosen_rate_and_keeps_its_name(self, advisor, diesel):
        order, job, rate = diesel
        body = {"kind": "labour", "name": "Injector", "hours": "1.50", "labour_rate_id": rate.pk}
        added = advisor.post(url(order, f"jobs/{job.pk}/lines/"), body, format="json")
        assert self.lines_of(added) == (201, "1.50", "165.00", "247.50")
        line = ServiceLine.objects.exclude(kind="fee").get()
        line_url = url(order, f"jobs/{job.pk}/lines/{line.pk}/")
        more = advisor.patch(line_url, {"hours": "2.00"}, format="json")
        assert self.lines_of(more) == (200, "2.00", "165.00", "330.00")
        rate.name, rate.per_hour = "Heavy", D("200.00")
        rate.save()
        line.refresh_from_db()
        assert (line.price_source, line.price_rule) == ("rate", "Diesel")
        typed = advisor.patch(line_url, {"rate": "150.00"}, format="json")
        assert self.lines_of(typed) == (200, "2.00", "150.00", "300.00")
        line.refresh_from_db()
        assert (line.price_source, line.price_rule) == ("typed", "")
        again = advisor.patch(line_url, {"labour_rate_id": rate.pk}, format="json")
        assert self.lines_of(again) == (200, "2.00", "200.00", "400.00")

    @pytest.mark.parametrize(
        ("body", "field", "text"),
        [
            ({"kind": "labour"}, "hours", "Give the hours at this rate."),
            (
                {"kind": "labour", "hours": "1", "rate": "90.00"},
                "labour_rate_id",
                "Give a labor rate or dollars an hour, not both.",
            ),
            ({"kind": "labour", "amount": "90.00"}, "amount", "Give hours and a rate, or a flat amount."),
            ({"kind": "sublet", "hours": "1"}, "labour_rate_id", "Only labor has a labor rate."),
            ({"kind": "part"}, "labour_rate_id", "A line of the kind part has no labour_rate_id."),
        ],
    )
    def test_wrong_use_of_a_rate_is_named(self, advisor, diesel, body, field, text):
        order, job, rate = diesel
        body = {"name": "Work", "labour_rate_id": rate.pk, **body}
        response = advisor.post(url(order, f"jobs/{job.pk}/lines/"), body, format="json")
        assert (response.status_code, response.json()["fields"]) == (400, {field: [text]})
        assert not ServiceLine.objects.filter(job=job).exists()

    def test_rate_of_another_location_is_refused(self, advisor, diesel):
        order, job, _ = diesel
        other = factories.LabourRateFactory(is_default=True)
        elsewhere = "This labor rate is of another location. Choose one of the order's location."
        for rate_id, status, text in (
            (other.pk, 400, elsewhere), (other.pk + 1, 404, "Labour rate not found.")
        ):  # fmt: skip
            body = {"kind": "labour", "name": "Work", "hours": "1", "labour_rate_id": rate_id}
            response = advisor.post(url(order, f"jobs/{job.pk}/lines/"), body, format="json")
            assert (response.status_code, response.json()["detail"].removeprefix("labour_rate_id: ")) == (
                status,
                text,
            )


class TestReads:
    def test_explain(self, advisor):
        order, brakes, _ = started(policy=TEN_PERCENT)
        body = advisor.get(url(order), {"explain": "true"}).json()
        rows = {row["figure"]: row for row in body.pop("explain")}
        assert body == advisor.get(url(order)).json()
        fluid = brakes.part_lines.order_by("id").last()
        labour = brakes.service_lines.order_by("id").first()
        assert rows[f"amount of part line {fluid.pk}"] == {
            "figure": f"amount of part line {fluid.pk}",
            "rule": "quantity × price, half up to the cent",
            "inputs": {"quantity": "0.50", "unit_price": "12.99"},
            "result": "6.50",
        }
        assert rows[f"amount of service line {labour.pk}"] == {
            "figure": f"amount of service line {labour.pk}",
            "rule": "hours × rate, half up to the cent",
            "inputs": {
                "hours": "1.80", "rate": "129.95", "rate_is": "the labor rate of the location",
                "labour_rate": order.location.labour_rates.get().name,
            },
            "result": "233.91",
        }  # fmt: skip
        assert {name: rows[name]["result"] for name in ("fee Shop supplies", "tax", "total", "ceiling")} == {
            "fee Shop supplies": "22.97",
            "tax": "38.53",
            "total": "491.56",
            "ceiling": "540.71",
        }
        # Parts for 225.49 and labor for 233.91. Sublet work is no base.
        assert rows["fee Shop supplies"]["inputs"] == {"percent": "5.00", "cap": "25.00", "base": "459.40"}
        # Without the inspection, and less the share of the discount: 434.13.
        assert rows["tax"]["inputs"] == {"taxed": "434.13", "tax_percent": "8.875"}
        assert rows["ceiling"]["inputs"] == {
            "authorised_total": "491.56", "authorised_net": "453.03", "percent": "10.00", "choose": "lesser",
            "basis": "TOTAL",
        }  # fmt: skip
        wrong = advisor.get(url(order), {"explain": "maybe"})
        assert (wrong.status_code, wrong.json()) == (400, invalid("explain", "Must be a valid boolean."))

    def test_explain_names_the_matrix_and_its_band_as_they_were(self, advisor):
        order = new_order()
        band = factories.PriceBandFactory(
            matrix=factories.PriceMatrixFactory(name="Parts", is_default=True),
            from_cost=D(4),
            multiplier=D(3),
        )
        job = jobs.add_job(order=order, name="Filter")
        line = jobs.add_part_line(job=job, part=None, given=given(), name="Filter", unit_cost=D("4.50"))
        band.matrix.delete()
        body = advisor.get(url(order), {"explain": "true"}).json()
        assert next(row for row in body["explain"] if row["figure"] == f"price of part line {line.pk}") == {
            "figure": f"price of part line {line.pk}",
            "rule": "the price matrix of the cost",
            "inputs": {"cost": "4.50", "matrix": "Parts, from 4.00: cost × 3"},
            "result": "13.50",
        }

    def test_explain_counts_the_pieces_of_a_fee(self, advisor):
        location = factories.LocationFactory()
        tires = factories.FeeRuleFactory(
            location=location, name="Tires", kind="per_piece", percent=None, amount=D("2.50"), cap=None
        )
        part = factories.PartFactory()
        tires.parts.add(part)
        order = new_order(location=location)
        job = jobs.add_job(order=order, name="Tires")
        jobs.add_part_line(job=job, part=part, given=given(), quantity=D(4), unit_price=D(90))
        body = advisor.get(url(order), {"explain": "true"}).json()
        assert [row for row in body["explain"] if row["figure"] == "fee Tires"] == [
            {
                "figure": "fee Tires",
                "rule": "per piece, half up to the cent, at most the cap",
                "inputs": {"amount": "2.50", "pieces": "4.00"},
                "result": "10.00",
            }
        ]

    def test_staff_see_drafts_and_customers_do_not(self, advisor):
        order, _, _ = started(policy=TEN_PERCENT)
        add_oil(reload(order))
        body = advisor.get(url(order)).json()
        assert (body["totals"]["total"], body["shown_to_customer"]["total"]) == ("640.94", "491.56")
        assert (body["total_cost"], body["fees"][0]["amount"]) == ("491.56", "25.00")
        assert [job["is_draft"] for job in body["jobs"]] == [False, False, True]

    def test_number_of_queries_does_not_grow(self, advisor, now):
        order, _brakes, _oil = authorised()
        advisor.get(url(order))
        few = count_queries(lambda: advisor.get(url(order)))
        answers = count_queries(lambda: advisor.get(url(order, "authorisations/")))
        for number in range(5):
            job = jobs.add_job(order=reload(order), name=f"Job {number}")
            for _ in range(3):
                add_part(job, "1", "1.00")
                add_labour(job, "0.1")
            estimates.send_estimate(order=reload(order), by=None, now=now)
            answer(order, {job: "approved"})
        assert len(advisor.get(url(order)).json()["jobs"]) == 7
        assert count_queries(lambda: advisor.get(url(order))) == few
        assert count_queries(lambda: advisor.get(url(order, "authorisations/"))) == answers


def test_completed_order_is_frozen(alice, as_alice, advisor, now):
    """The bodies of a completed order are the same bytes after everything in the catalogue has changed."""
    order, brakes, _ = started(policy=TEN_PERCENT, vehicle=factories.VehicleFactory(customer=alice))
    part = factories.PartFactory(stock=5, warranty_months=12)
    jobs.add_part_line(job=fresh(brakes), part=part, given=given(), unit_price=D("10.00"))
    actions.complete(order=reload(order), by=None, now=now)

    def bodies():
        return (
            as_alice.get("/api/shop/repair-orders/customers/me/repair-orders/").content,
            advisor.get(url(order)).content,
            advisor.get(url(order, "estimates/1/")).content,
            advisor.get(url(order), {"explain": "true"}).content,
        )

    before = bodies()
    assert b'"completed"' in before[0] and b"Oil Filter" in before[0]
    for line in PartLine.objects.select_related("part"):
        sold = line.part
        sold.name, sold.part_number, sold.manufacturer = "Renamed", f"NEW-{sold.pk}", "Other"
        sold.unit_price, sold.taxable, sold.warranty_months = D("999.00"), False, 99
        sold.is_listed = sold.is_sold_online = False
        sold.save()
    for service in type(ServiceLine.objects.first().service).objects.all():
        service.name, service.description, service.labor_cost = "Renamed", "Other", D("999.00")
        service.taxable, service.warranty_months = False, 99
        service.save()
    location = order.location
    location.fee_rules.all().delete()
    location.tax_rules.update(percent=D(50), taxes_parts=False)
    location.labour_rates.update(per_hour=D("999.00"))
    location.overrun_policies.all().delete()
    assert bodies() == before


def test_appointment_has_one_order_of_its_vehicle(advisor):
    visit, other = factories.AppointmentFactory(), factories.AppointmentFactory()
    body = {"vehicle_id": visit.vehicle_id, "appointment_id": visit.pk}
    first, again = (advisor.post("/api/shop/repair-orders/", body, format="json") for _ in range(2))
    made = RepairOrder.objects.get()
    assert (first.status_code, made.appointment_id, made.location_id) == (201, visit.pk, visit.location_id)
    assert (again.status_code, again.json()) == (
        409,
        {
            "error": "Appointment has a repair order",
            "detail": f"This appointment has repair order {made.reference}.",
            "code": "appointment_has_order",
            "repair_order_id": made.pk,
            "number": made.number,
        },
    )
    response = advisor.post("/api/shop/repair-orders/", {**body, "appointment_id": other.pk}, format="json")
    text = "The appointment is of another vehicle."
    assert (response.status_code, response.json()["detail"]) == (400, text)
    assert RepairOrder.objects.count() == 1
