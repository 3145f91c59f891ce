"""Lock a vehicle to change it, or for work on it (docs/design, D25)."""

from __future__ import annotations

from common.domain.database import lock_for_share
from common.domain.errors import DomainError, Missing
from customers.actions import hold_customer
from customers.models import Customer
from vehicles.models import Vehicle


class AlreadyArchived(DomainError):
    code = "already_archived"
    title = "Vehicle is archived"
    message = "This vehicle is already archived."


class VehicleNotOfCustomer(Missing):
    code = "vehicle_not_found"
    title = "Vehicle not found"
    message = "Vehicle not found."


def check_in_use(*, vehicle: Vehicle, customer: Customer) -> None:
    """Raise VehicleNotOfCustomer unless the vehicle belongs to the customer and is not archived."""
    if vehicle.customer_id != customer.pk or vehicle.archived_at is not None:
        raise VehicleNotOfCustomer(field="vehicle")


def hold_in_use(*, vehicle: Vehicle, customer: Customer) -> None:
    """Lock a vehicle and its customer for share, and check that work for them can begin.

    Until the transaction ends the vehicle is neither archived nor moved to another owner, and the customer is neither
    merged nor deleted. Raises VehicleNotOfCustomer, CustomerIsMerged, NoCustomerRecord.
    """
    lock_for_share(vehicle)
    check_in_use(vehicle=vehicle, customer=customer)
    hold_customer(customer)


def lock_in_use(vehicle: Vehicle) -> None:
    """Lock a vehicle and read it again. Raises AlreadyArchived."""
    vehicle.refresh_from_db(from_queryset=Vehicle.objects.select_for_update(no_key=True))
    if vehicle.archived_at is not None:
        raise AlreadyArchived
