"""The passport in the contracts and in the staff's API."""
