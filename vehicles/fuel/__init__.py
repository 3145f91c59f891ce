"""Fuel logs: what was filled in at which odometer, and the consumption between full tanks."""
