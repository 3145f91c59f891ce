"""The staff API for price matrices and canned jobs."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from catalogue.pricing.models import CannedJob, CannedLine, PriceBand, PriceMatrix
from testing import factories
from testing.suites import WritableNounSuite, invalid, refused, stored

NOT_BOTH = "Enter a multiplier or a margin, not both."


def band(from_cost, multiplier=None, margin=None):
    return {"from_cost": from_cost, "multiplier": multiplier, "margin": margin}


class TestPriceMatrices(WritableNounSuite):
    noun, name, ordering = "price-matrices", "Price matrix", ("name",)
    item_allow = "GET, HEAD, PATCH, DELETE"
    new: ClassVar[dict[str, Any]] = {"name": "Standard"}
    change: ClassVar[dict[str, Any]] = {
        "name": "Retail",
        "bands": [band("0.00", multiplier="4.00"), band("4.00", margin="33.3333")],
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("name", "", "This field may not be blank."),
        ("name", "x" * 101, "Ensure this field has no more than 100 characters."),
        ("is_default", "perhaps", "Must be a valid boolean."),
        ("bands", "none", 'Expected a list of items but got type "str".'),
    ]

    def make(self, **values):
        matrix = factories.PriceMatrixFactory(**values)
        factories.PriceBandFactory(matrix=matrix, from_cost="10.00", multiplier=None, margin="50.0000")
        factories.PriceBandFactory(matrix=matrix, from_cost="0.00", multiplier="2.5000")
        return matrix

    def called(self, text):
        return factories.PriceMatrixFactory(name=text)

    def row(self, matrix):
        return {
            "id": matrix.pk,
            "name": matrix.name,
            "is_default": False,
            "bands": [band("0.00", multiplier="2.50"), band("10.00", margin="50.00")],
        }

    def test_body_that_was_read_can_be_sent_back(self, as_ada):
        matrix = self.make()
        body = as_ada.get(self.item(matrix)).json()
        del body["id"]
        other = {**body, "name": "Other"}
        created = as_ada.post(self.url, other, format="json").json()
        assert {**created, "id": None} == {**other, "id": None, "is_default": True}
        before = [stored(row) for row in PriceBand.objects.order_by("id")]
        response = as_ada.patch(self.item(matrix), body, format="json")
        assert (response.status_code, response.json()) == (200, self.row(matrix))
        assert [stored(row) for row in PriceBand.objects.order_by("id")] == before
        assert PriceBand.history.count() == 4  # nothing differs, so nothing is written

    def test_bands_are_replaced_and_history_shows_what_differs(self, as_ada, ada):
        matrix = self.make()
        bands = [
            band("0.00", multiplier="2.50"),
            band("10.00", multiplier="1.80"),
            band("20.00", margin="30.00"),
        ]
        response = as_ada.patch(self.item(matrix), {"bands": bands}, format="json")
        assert response.json() == {**self.row(matrix), "bands": bands}
        changes = PriceBand.history.filter(history_user=ada).order_by("history_id")
        assert [(str(row.from_cost), row.history_type) for row in changes] == [("10.00", "~"), ("20.00", "+")]
        as_ada.patch(self.item(matrix), {"bands": bands[1:2]}, format="json")
        assert PriceBand.objects.get().from_cost == 10
        assert PriceBand.history.filter(history_type="-").count() == 2

    @pytest.mark.parametrize(
        ("bands", "field", "message"),
        [
            (
                [band("0.00", "1.00"), band("0.00", "2.00")],
                "bands[1].from_cost",
                "Another band begins at 0.00.",
            ),
            ([band("0.00", "1.00"), band("5.00", "2.00", "10.00")], "bands[1].multiplier", NOT_BOTH),
            ([band("0.00")], "bands[0].multiplier", NOT_BOTH),
            (
                [band("0.00", "1.00"), band("-1.00", "2.00")],
                "bands[1].from_cost",
                "Ensure this value is greater than or equal to 0.",
            ),
            ([{"multiplier": "1.00"}], "bands[0].from_cost", "This field is required."),
            (
                [band("0.00", margin="100.00")],
                "bands[0].margin",
                "Ensure this value is less than or equal to 99.99.",
            ),
            (
                [band("0.00", margin="1.00001")],
                "bands[0].margin",
                "Ensure that there are no more than 4 decimal places.",
            ),
        ],
    )
    def test_wrong_band_is_named_and_nothing_changes(self, as_ada, bands, field, message):
        matrix = self.make()
        rows = [matrix, *matrix.bands.all()]
        before = [stored(row) for row in rows]
        for response in (
            as_ada.patch(self.item(matrix), {"name": "New", "bands": bands}, format="json"),
            as_ada.post(self.url, {**self.new, "bands": bands}, format="json"),
        ):
            body = invalid(field, message)
            if message in (NOT_BOTH, "Another band begins at 0.00."):
                body |= {"error": "Wrong band", "detail": message, "code": "wrong_band"}
            refused(response, 400, body, *rows, before=before)
        assert (PriceMatrix.objects.count(), PriceBand.objects.count()) == (1, 2)

    def test_unknown_key_of_a_band_is_named(self, as_ada):
        matrix = self.make()
        body = {"bands": [{**band("0.00", "1.00"), "id": 1}]}
        response = as_ada.patch(self.item(matrix), body, format="json")
        assert (response.status_code, list(response.json()["fields"])) == (400, ["bands[0].id"])
        assert response.json()["code"] == "unknown_field"

    def test_taken_name_is_refused(self, as_ada):
        matrix, other = self.make(name="Taken"), self.make()
        before, body = (
            [stored(matrix), stored(other)],
            invalid("name", "A price matrix with this name already exists."),
        )
        body |= {"detail": "A price matrix with this name already exists.", "code": "price_matrix_name_taken"}
        for response in (
            as_ada.patch(self.item(other), {"name": "Taken", "bands": []}, format="json"),
            as_ada.post(self.url, {**self.new, "name": "Taken"}, format="json"),
        ):
            refused(response, 400, body, matrix, other, before=before)
        assert PriceBand.objects.count() == 4

    def test_first_is_the_default_and_the_default_moves(self, as_ada):
        first = as_ada.post(self.url, {"name": "A", "is_default": False}, format="json").json()
        second = as_ada.post(self.url, {"name": "B"}, format="json").json()
        assert (first["is_default"], second["is_default"]) == (True, False)
        third = as_ada.post(self.url, {"name": "C", "is_default": True}, format="json").json()
        assert list(PriceMatrix.objects.filter(is_default=True).values_list("id", flat=True)) == [third["id"]]
        response = as_ada.patch(f"{self.url}{third['id']}/", {"is_default": False}, format="json")
        message = "One of them must be the default. Make another one the default instead."
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "A default is needed",
                "detail": message,
                "fields": {"is_default": [message]},
                "code": "default_is_needed",
            },
        )
        as_ada.patch(f"{self.url}{first['id']}/", {"is_default": True}, format="json")
        assert list(PriceMatrix.objects.filter(is_default=True).values_list("id", flat=True)) == [first["id"]]

    def test_default_is_removed_last(self, as_ada):
        first = as_ada.post(self.url, {"name": "A"}, format="json").json()
        other = self.make()
        response = as_ada.delete(f"{self.url}{first['id']}/")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "The default cannot be removed",
                "detail": "Make another one the default, then remove this one.",
                "code": "default_stays",
            },
        )
        for pk in (other.pk, first["id"]):
            assert as_ada.delete(f"{self.url}{pk}/").status_code == 204
        assert (PriceMatrix.objects.count(), PriceBand.objects.count()) == (0, 0)


class TestCannedJobs(WritableNounSuite):
    noun, name, ordering = "canned-jobs", "Canned job", ("name",)
    item_allow = "GET, HEAD, PATCH, DELETE"
    new: ClassVar[dict[str, Any]] = {"name": "Brakes, front"}
    change: ClassVar[dict[str, Any]] = {"name": "Brakes", "concern": "", "is_listed": False, "lines": []}
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("name", "", "This field may not be blank."),
        ("name", "x" * 201, "Ensure this field has no more than 200 characters."),
        ("concern", "x" * 10_001, "Ensure this field has no more than 10000 characters."),
        ("is_listed", None, "This field may not be null."),
        ("lines", {}, 'Expected a list of items but got type "dict".'),
    ]

    def make(self, **values):
        job = factories.CannedJobFactory(**values)
        factories.CannedLineFactory(canned_job=job, position=2, quantity="4.50")
        factories.CannedLineFactory(
            canned_job=job, position=1, kind="labour", part=None, quantity=None, name="Bleed", hours="0.80"
        )
        return job

    def called(self, text):
        return factories.CannedJobFactory(concern=text)

    def row(self, job):
        part = job.lines.get(position=2).part_id
        return {
            "id": job.pk,
            "name": job.name,
            "concern": "Brakes squeal",
            "is_listed": True,
            "lines": [
                line("labour", name="Bleed", hours="0.80"),
                line("part", part_id=part, quantity="4.50"),
            ],
        }

    def test_body_that_was_read_can_be_sent_back(self, as_ada):
        job = self.make()
        body = as_ada.get(self.item(job)).json()
        del body["id"]
        before = [stored(row) for row in CannedLine.objects.order_by("id")]
        response = as_ada.patch(self.item(job), body, format="json")
        assert (response.status_code, response.json()) == (200, self.row(job))
        assert [stored(row) for row in CannedLine.objects.order_by("id")] == before
        created = as_ada.post(self.url, {**body, "name": "Copy"}, format="json").json()
        assert {**created, "id": None} == {**body, "id": None, "name": "Copy"}

    def test_lines_of_every_kind_are_stored_in_their_order(self, as_ada):
        part, service = factories.PartFactory(), factories.ServiceFactory()
        lines = [
            line("part", part_id=part.pk, quantity="0.50"),
            line("labour", service_id=service.pk),
            line("labour", service_id=service.pk, hours="1.25", amount="80.00"),
            line("labour", name="Road test", amount="20.00"),
            line("sublet", name="State inspection", amount="21.00", cost="15.00"),
            line("part", part_id=part.pk, quantity="2.00"),
        ]
        created = as_ada.post(self.url, {**self.new, "lines": lines}, format="json").json()
        assert created["lines"] == lines
        response = as_ada.patch(f"{self.url}{created['id']}/", {"lines": lines[::-1]}, format="json")
        assert response.json()["lines"] == lines[::-1]

    @pytest.mark.parametrize(
        ("wrong", "field", "message"),
        [
            ({"kind": "part", "quantity": "1.00"}, "part", "Enter the part of a part line."),
            ({"kind": "part", "part_id": "{part}"}, "quantity", "Enter the quantity of a part line."),
            (
                {"kind": "part", "part_id": "{part}", "quantity": "1.00", "hours": "1.00"},
                "hours",
                "A part line has no hours.",
            ),
            ({"kind": "labour"}, "service", "A labour line needs a service or a name."),
            (
                {"kind": "labour", "name": "Test"},
                "hours",
                "A labour line with a name needs hours or an amount.",
            ),
            (
                {"kind": "labour", "name": "Test", "service_id": "{service}"},
                "name",
                "A labour line has a service or a name, not both.",
            ),
            ({"kind": "sublet", "name": "Tow"}, "amount", "Enter the amount of a sublet line."),
            (
                {"kind": "labour", "name": "Test", "hours": "1.00", "cost": "1.00"},
                "cost",
                "A labour line has no cost.",
            ),
            ({"kind": "sublet", "amount": "1.00"}, "name", "Enter the name of a sublet line."),
            (
                {"kind": "sublet", "name": "Tow", "amount": "1.00", "part_id": "{part}"},
                "part",
                "A sublet line has no part.",
            ),
            ({"kind": "fee"}, "kind", '"fee" is not a valid choice. Choose one of: part, labour, sublet.'),
            (
                {"kind": "part", "part_id": "{part}", "quantity": "0.00"},
                "quantity",
                "Ensure this value is greater than or equal to 0.01.",
            ),
            (
                {"kind": "part", "part_id": "{part}", "quantity": "1.005"},
                "quantity",
                "Ensure that there are no more than 2 decimal places.",
            ),
        ],
    )
    def test_wrong_line_is_named_and_nothing_changes(self, as_ada, wrong, field, message):
        ids = {"{part}": factories.PartFactory().pk, "{service}": factories.ServiceFactory().pk}
        wrong = {name: ids.get(value, value) for name, value in wrong.items()}
        field = f"lines[1].{field}_id" if field in ("part", "service") else f"lines[1].{field}"
        job = self.make()
        rows = [job, *job.lines.all()]
        before = [stored(row) for row in rows]
        lines = [{"kind": "sublet", "name": "Tow", "amount": "5.00"}, wrong]
        for response in (
            as_ada.patch(self.item(job), {"name": "New", "lines": lines}, format="json"),
            as_ada.post(self.url, {**self.new, "lines": lines}, format="json"),
        ):
            assert (response.status_code, response.json()["fields"]) == (400, {field: [message]})
        assert [stored(row) for row in rows] == before
        assert (CannedJob.objects.count(), CannedLine.objects.count()) == (1, 2)

    def test_unknown_article_is_404_and_named(self, as_ada):
        for name in ("part", "service"):
            body = {**self.new, "lines": [line("labour"), {"kind": "part", f"{name}_id": 999}]}
            response = as_ada.post(self.url, body, format="json")
            assert (response.status_code, response.json()) == (
                404,
                {"error": "Not found", "detail": f"{name.capitalize()} not found.", "code": "not_found"},
            )
        assert CannedJob.objects.count() == 0

    def test_removed_job_takes_its_lines_along(self, as_ada):
        job = self.make()
        assert as_ada.delete(self.item(job)).status_code == 204
        assert (CannedJob.objects.count(), CannedLine.objects.count()) == (0, 0)

    def test_part_of_a_canned_job_is_not_removed(self, as_ada):
        job = self.make()
        part = job.lines.get(position=2).part
        refused(
            as_ada.delete(f"/api/shop/parts/{part.pk}/"),
            409,
            {
                "error": "Article is in a canned job",
                "detail": "This article is in a canned job. Take it out of the job first.",
                "code": "article_in_canned_job",
            },
            part,
            before=[stored(part)],
        )

    def test_filter_by_listing(self, as_ada):
        listed, kept = self.make(), self.make(is_listed=False)
        assert self.found(as_ada, is_listed="true") == [listed.pk]
        assert self.found(as_ada, is_listed="false") == [kept.pk]

    def test_taken_name_is_refused(self, as_ada):
        job = self.make(name="Taken")
        response = as_ada.post(self.url, {"name": "Taken"}, format="json")
        body = invalid("name", "A canned job with this name already exists.")
        body |= {"detail": "A canned job with this name already exists.", "code": "canned_job_name_taken"}
        refused(response, 400, body, job, before=[stored(job)])


def line(kind, **values):
    empty = dict.fromkeys(("part_id", "service_id", "quantity", "hours", "amount", "cost"))
    return {"kind": kind, "name": "", **empty, **values}
