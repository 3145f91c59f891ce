"""Parking: where a user left the vehicle, and until when."""
