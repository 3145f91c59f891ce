"""The passport of a vehicle: its history without personal data, and the links that share it (docs/design, D140)."""
