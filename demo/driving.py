"""Record a week of driving as a dongle reports it: two trips a day, with a sample every five seconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import pi, sin

from demo.calendar import Calendar
from vehicles.models import Vehicle
from vehicles.telematics.actions import record_batch
from vehicles.telematics.samples import Samples, validate_samples

_SECONDS = 5
# (local hour, minute, duration in minutes)
_TRIPS = [(7, 40, 25), (17, 20, 30)]


def drive_a_week(vehicle: Vehicle, calendar: Calendar) -> None:
    """Record the trips of the last seven days, without today. They set the vehicle's odometer to the last reading."""
    miles = float(vehicle.odometer)
    for days in range(-7, 0):
        for hour, minute, minutes in _TRIPS:
            begin = calendar.local_time(days, hour, minute)
            end = begin + timedelta(minutes=minutes)
            samples = _trip(_milliseconds(begin), minutes * 60 // _SECONDS, miles)
            record_batch(
                vehicle_id=vehicle.pk,
                start=_milliseconds(begin),
                end=_milliseconds(end),
                samples=samples,
                now=calendar.now,
            )
            miles = samples.odometer[-1] or miles


def _trip(start: int, count: int, miles: float) -> Samples:
    """Return the samples of a trip: slow, then fast, then slow, with a stop of 20 seconds every four minutes."""
    times, speeds, rates, odometer = [], [], [], []
    for step in range(count):
        seconds = step * _SECONDS
        cruising = 22 + 38 * sin(pi * step / count) + 3 * sin(step / 7)
        speed = 0.0 if seconds % 240 >= 220 else round(max(cruising, 0), 1)
        miles += speed * _SECONDS / 3600
        times.append(start + seconds * 1000)
        speeds.append(speed)
        rates.append(round(0.3 + speed * 0.034, 2))
        odometer.append(round(miles, 2))
    return validate_samples(times, speeds, rates, odometer)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
