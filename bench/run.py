"""Run every measurement in a process of its own and write bench/RESULTS.md with a plot (`make bench`).

`python -m bench.run repair_orders chat` runs only those and prints them. It leaves the file as it is, because the file
holds the results of one run. A measurement that fails is reported in its place, the others still run, and the exit
code is not zero.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path

from bench import plot
from bench.report import Section, table_of_goals
from bench.servers import LOGIN, ROOT, ROUNDS, SECONDS, WORKERS

# In the order of the table of goals.
SECTIONS = (
    "repair_orders", "customer_profile", "lists", "writes", "desk", "growth", "telematics", "chat", "sqlite", "process"
)  # fmt: skip
VERSIONS = (
    "django", "djangorestframework", "granian", "uvicorn", "websockets", "psycopg", "orjson",
    "django-ninja", "fastapi", "sqlalchemy", "asyncpg", "pydantic",
)  # fmt: skip
PLOT = ROOT / "bench" / "results.svg"
RESULTS = ROOT / "bench" / "RESULTS.md"


def main(names: list[str]) -> int:
    """Run the measurements and return the exit code: 0 if all were measured, whether or not a goal was reached."""
    if unknown := set(names) - set(SECTIONS):
        sys.exit(f"No such measurement: {', '.join(sorted(unknown))}. There are: {', '.join(SECTIONS)}.")
    began, load = time.monotonic(), os.getloadavg()[0]
    sections, failed = [], []
    for name in names or SECTIONS:
        print(f"[{time.monotonic() - began:5.0f} s] {name} …", flush=True)
        try:
            section = measured(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the other measurements still run
            traceback.print_exc()
            failed.append(name)
            section = Section(
                f"{name}: not measured", text=[f"`{type(error).__name__}: {first_line(error)}`"]
            )
        sections.append(section)
        print("\n".join(goal.row() for goal in section.goals), flush=True)
    minutes = (time.monotonic() - began) / 60
    if names:
        print("\n\n".join(str(section) for section in sections))
    else:
        goals = [goal for section in sections for goal in section.goals]
        PLOT.write_text(plot.svg(goals))
        RESULTS.write_text(results(sections, failed, minutes=minutes, load=load))
        print(
            f"{RESULTS.relative_to(ROOT)} and {PLOT.relative_to(ROOT)} written after {minutes:.0f} minutes."
        )
    if failed:
        print(f"Not measured: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def measured(name: str) -> Section:
    """Measure in a new process, because each measurement sets Django up over a database of its own."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        return process.submit(_measure, name).result()


def _measure(name: str) -> Section:
    return import_module(f"bench.{name}").measure()


def first_line(error: BaseException) -> str:
    return (str(error).strip() or "no message").splitlines()[0][:200]


def results(sections: list[Section], failed: list[str], *, minutes: float, load: float) -> str:
    """Return the text of RESULTS.md: the goals, the machine, then each section."""
    goals = [goal for section in sections for goal in section.goals]
    return "\n".join(
        [
            "# Results",
            "",
            (
                f"Written by `make bench` in one run of {minutes:.0f} minutes: {ROUNDS} alternating rounds of {SECONDS:g} s and "
                f"{WORKERS} workers, unless a section states otherwise. Servers, databases and the load share the machine. Ratios are "
                "taken round by round, and a goal is reached if the median reaches it. Bodies are compared before anything is "
                "timed."
            ),
            "",
            *table_of_goals(goals),
            "",
            *([f"**Not measured, because it failed: {', '.join(failed)}.**", ""] if failed else []),
            f"![Each result against its goal]({PLOT.name})",
            "",
            "## Machine and versions",
            "",
            *machine(load),
            "",
            *(section.markdown() for section in sections),
        ]
    )


def machine(load: float) -> list[str]:
    """Return lines that describe the machine. `load` is the load average of the minute before the run."""
    memory = next(
        line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal")
    )
    gigabytes = int(memory.split()[1]) / 1024**2
    return [
        f"{processor()}, {os.cpu_count()} cores, {gigabytes:.0f} GB, {platform.system()} {platform.release()}; load before the run {load:.1f}.",
        "",
        f"Python {platform.python_version()}, PostgreSQL {of_postgres()}, Redis {of_redis()}; "
        + ", ".join(f"{name} {of_package(name)}" for name in VERSIONS)
        + ".",
    ]


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def of_package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "–"


def of_postgres() -> str:
    import psycopg

    with psycopg.connect(f"{LOGIN} dbname=postgres") as connection:
        return connection.execute("SHOW server_version").fetchone()[0].split()[0]


def of_redis() -> str:
    from redis import Redis

    from bench.servers import ENV

    return str(Redis.from_url(ENV["REDIS_URL"]).info("server")["redis_version"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
