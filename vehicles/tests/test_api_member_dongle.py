"""Contract 003, "Vehicles": linking and unlinking the dongle."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from testing import factories
from testing.storms import parallel
from testing.suites import refused, stored
from vehicles.models import Vehicle
from vehicles.tests.test_api_member import DONGLE, URL, at, row

pytestmark = pytest.mark.django_db
LINKED = {"dongleId": "dongle-123", "dongleConnectionType": "BLE"}
DONGLE_TAKEN = {"error": "This dongle is linked to another vehicle."}


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(
        customer=alice, trim="EX", fuel_type="gasoline", odometer=Decimal("15000.50")
    )


class TestDongle:
    @pytest.mark.parametrize("connection", ["BLE", "WIFI", "CLOUD"])
    def test_contract_example(self, civic, as_alice, connection):
        response = as_alice.post(
            at(civic, "link-dongle/"), DONGLE | {"connectionType": connection}, format="json"
        )
        assert (response.status_code, response.json()) == (
            200,
            row(civic, **LINKED | {"dongleConnectionType": connection}),
        )
        assert as_alice.get(URL).json() == [response.json()]

    def test_linking_again_changes_nothing_and_another_dongle_replaces(self, civic, as_alice):
        as_alice.post(at(civic, "link-dongle/"), DONGLE, format="json")
        before = stored(civic)
        response = as_alice.post(at(civic, "link-dongle/"), DONGLE, format="json")
        assert (response.status_code, response.json()) == (200, row(civic, **LINKED))
        assert stored(civic) == before
        other = {"dongleId": "dongle-9", "connectionType": "WIFI"}
        response = as_alice.post(at(civic, "link-dongle/"), other, format="json")
        assert response.json() == row(civic, dongleId="dongle-9", dongleConnectionType="WIFI")

    @pytest.mark.parametrize("owner", ["alice", "bob"])
    def test_dongle_of_another_vehicle_is_a_conflict(self, civic, as_alice, request, owner):
        other = factories.VehicleFactory(
            customer=request.getfixturevalue(owner), dongle_id="dongle-123", dongle_connection="BLE"
        )
        before = [stored(civic), stored(other)]
        response = as_alice.post(at(civic, "link-dongle/"), DONGLE, format="json")
        refused(response, 409, DONGLE_TAKEN, civic, other, before=before)

    def test_unlinked_dongle_can_be_linked_again(self, civic, alice, as_alice):
        other = factories.VehicleFactory(customer=alice)
        as_alice.post(at(civic, "link-dongle/"), DONGLE, format="json")
        response = as_alice.delete(at(civic, "link-dongle/"))
        assert (response.status_code, response.content) == (204, b"")
        assert as_alice.get(at(civic)).json() == row(civic)
        before = stored(civic)
        assert as_alice.delete(at(civic, "link-dongle/")).status_code == 204
        assert stored(civic) == before
        assert as_alice.post(at(other, "link-dongle/"), DONGLE, format="json").status_code == 200

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, {"dongleId", "connectionType"}),
            (DONGLE | {"connectionType": "USB"}, {"connectionType"}),
            (DONGLE | {"dongleId": " "}, {"dongleId"}),
            (DONGLE | {"dongleId": None}, {"dongleId"}),
            (DONGLE | {"dongleId": "x" * 101}, {"dongleId"}),
        ],
    )
    def test_invalid_body_is_reported_by_field(self, civic, as_alice, body, fields):
        before = stored(civic)
        response = as_alice.post(at(civic, "link-dongle/"), body, format="json")
        assert (response.status_code, set(response.json())) == (400, fields)
        assert stored(civic) == before


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_links_of_one_dongle_have_one_winner(sign_in):
    alice = factories.CustomerFactory()
    vehicles = factories.VehicleFactory.create_batch(10, customer=alice)
    client = sign_in(alice.contact)
    responses = parallel(10, lambda n: client.post(at(vehicles[n], "link-dongle/"), DONGLE, format="json"))
    assert sorted(response.status_code for response in responses) == [200] + [409] * 9
    winner = next(response.json()["id"] for response in responses if response.status_code == 200)
    assert Vehicle.objects.get(dongle_id="dongle-123").uuid == UUID(winner)
