"""The roles that may call each operation, and the statuses of refusals."""

from __future__ import annotations

from common.domain.caller import STAFF
from config.roles import PERMISSIONS
from testing.roles import OPERATIONS as STAFF_OPERATIONS
from testing.roles import ROLES
from trust.operations import Operation

# Operation for staff only -> the roles that may call it.
STAFFS = {
    name: {role for role, cell in zip(ROLES, cells, strict=True) if cell == "yes"}
    for name, _, *cells in STAFF_OPERATIONS
}
# Operation that customers and staff share -> the permission that staff need.
SHARED = {
    "member_threads_get": "chat.view_conversation",
    "member_one_thread_get": "chat.view_conversation",
    "member_messages_get": "chat.view_conversation",
    "member_messages_post": "chat.add_message",
    "member_one_thread_patch": "chat.change_conversation",
    "member_file_get": "files.view_upload",
}


def expected_of(operation: Operation, who: str) -> set[int] | None:
    """Return the statuses of a refusal, or None if the caller is allowed."""
    if who == "anonymous":
        return {302} if operation.is_fleets else {401}
    if operation.name in STAFFS:
        role = "admin" if who == "root" else who if who in STAFF else "customer"
        return None if role in STAFFS[operation.name] else {403}
    if who == "root" or who in STAFF:
        role = "admin" if who == "root" else who
        needed = SHARED.get(operation.name)
        if needed:
            return None if needed in PERMISSIONS[role] else {403}
        return ({404} if operation.is_fleets else {403}) if operation.kind else None
    return {404} if operation.kind else None
