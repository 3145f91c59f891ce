"""The contract of a URL."""

from __future__ import annotations

from common.http.contracts.base import Contract
from common.http.contracts.care import CARE
from common.http.contracts.crm import CRM
from common.http.contracts.fleet import FLEET
from common.http.contracts.member import MEMBER
from common.http.contracts.shop import SHOP

CONTRACTS: tuple[Contract, ...] = (SHOP, FLEET, CARE, MEMBER, CRM)

_BY_PREFIX = sorted(
    ((prefix, contract) for contract in CONTRACTS for prefix in contract.prefixes),
    key=lambda pair: -len(pair[0]),
)
# The documentation belongs to no contract, so its problems are pages.
_NO_CONTRACT = ("/api/docs/", "/api/schema/")


def contract_for(path: str) -> Contract | None:
    """Return the contract with the longest prefix of `path`, or None for pages such as the admin."""
    path = path if path.endswith("/") else f"{path}/"
    if path.startswith(_NO_CONTRACT):
        return None
    return next((contract for prefix, contract in _BY_PREFIX if path.startswith(prefix)), None)
