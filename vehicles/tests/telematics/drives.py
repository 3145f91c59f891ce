"""Samples for tests: a steady drive and strategies of arbitrary samples."""

from __future__ import annotations

from hypothesis import strategies as st

from vehicles.telematics.samples import EARLIEST, HIGHEST, Samples

T = 1704067200000  # the start in contract 003's sample, 2024-01-01T00:00:00Z


def steady(count, *, t=T, step=1000, speed=60.0, rate=2.0, odometer=100.0):
    """Return a drive at one speed with a sample every `step` milliseconds."""
    miles = speed * step / 3_600_000
    return Samples(
        [t + n * step for n in range(count)],
        [speed] * count,
        [rate] * count,
        [round(odometer + n * miles, 2) for n in range(count)],
    )


def readings(highest):
    """Return a strategy of columns: decimals, any float, integers, with and without missing readings."""
    numbers = [
        st.integers(0, int(highest)),
        st.floats(0, highest, allow_subnormal=True),
        *(
            st.integers(0, int(highest) * 10**places).map(lambda n, p=places: n / 10**p)
            for places in (1, 2, 6, 9)
        ),
    ]
    return st.one_of(*(st.lists(kind | st.none(), min_size=40, max_size=40) for kind in numbers), *(
        st.lists(kind, min_size=40, max_size=40) for kind in numbers
    ))  # fmt: skip


@st.composite
def samples(draw, first=EARLIEST, last=EARLIEST + 86_400_000):
    """Draw 1 to 40 samples in order of time."""
    t = sorted(draw(st.sets(st.integers(first, last), min_size=1, max_size=40)))
    return Samples(t, *(draw(readings(HIGHEST[name]))[: len(t)] for name in Samples._fields[1:]))
