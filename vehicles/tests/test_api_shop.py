from __future__ import annotations

from django.utils import timezone

from testing.factories import VehicleFactory
from testing.suites import ShopCustomerListSuite


def brief(vehicle):
    """Return the vehicle inside other resources, as contract 000 prints it."""
    return {
        "id": vehicle.pk,
        "make": "Honda",
        "model": "Civic",
        "year": 2020,
        "license_plate": "ABC-123",
        "vin": vehicle.vin,
        "color": "Silver",
    }


class TestCustomerVehicles(ShopCustomerListSuite):
    url = "/api/shop/vehicles/customers/me/vehicles/"

    def make(self, customer):
        return VehicleFactory(customer=customer)

    def row(self, vehicle, customer):
        return {
            "id": vehicle.pk,
            "customer": {
                "id": customer.pk,
                "name": "Alice Cooper",
                "phone_number": "(555) 010-0000",
                "email": customer.contact.email,
                "address": "123 Elm St, Springfield, NY 10001",
                "user": customer.contact_id,
            },
            "customer_name": "Alice Cooper",
            "make": "Honda",
            "model": "Civic",
            "year": 2020,
            "vin": vehicle.vin,
            "license_plate": "ABC-123",
            "color": "Silver",
            "customer_email": customer.contact.email,
            "customer_phone": "(555) 010-0000",
        }

    def test_keys_are_in_the_order_of_the_contract(self, alice, as_alice):
        vehicle = self.make(alice)
        body = as_alice.get(self.url).json()
        assert list(body) == ["results", "count", "customer_id", "customer_name"]
        assert list(body["results"][0]) == list(self.row(vehicle, alice))

    def test_archived_vehicles_are_not_listed(self, alice, as_alice):
        VehicleFactory(customer=alice, archived_at=timezone.now())
        assert as_alice.get(self.url).json() == self.envelope(alice, [])

    def test_company_is_shown_by_its_name(self, alice, as_alice):
        alice.company_name = "Cooper & Söhne 🚗"
        alice.save()
        self.make(alice)
        body = as_alice.get(self.url).json()
        assert body["customer_name"] == "Cooper & Söhne 🚗"
        assert body["results"][0]["customer_name"] == "Cooper & Söhne 🚗"
        assert body["results"][0]["customer"]["name"] == "Cooper & Söhne 🚗"

    def test_second_login_sees_the_same_rows_and_the_contact(self, alice, carol, sign_in):
        alice.logins.create(user=carol)
        vehicle = self.make(alice)
        assert sign_in(carol).get(self.url).json() == self.envelope(alice, [self.row(vehicle, alice)])

    def test_customer_without_a_contact_is_shown_as_former(self, alice, carol, sign_in):
        alice.logins.create(user=carol)
        vehicle = self.make(alice)
        alice.contact.delete()
        assert sign_in(carol).get(self.url).json() == {
            "results": [
                {
                    **self.row(vehicle, alice),
                    "customer": {
                        "id": alice.pk,
                        "name": "Former customer",
                        "phone_number": "",
                        "email": "",
                        "address": "123 Elm St, Springfield, NY 10001",
                        "user": None,
                    },
                    "customer_name": "Former customer",
                    "customer_email": "",
                    "customer_phone": "",
                }
            ],
            "count": 1,
            "customer_id": alice.pk,
            "customer_name": "Former customer",
        }
