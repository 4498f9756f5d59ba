"""What is measured about each subject. To add a figure, add a row."""

import dataclasses
from collections.abc import Mapping


LOOPBACK = "loopback"  # the subject that is none
PEER = "haproxy"  # the subject that ratios are against


@dataclasses.dataclass(frozen=True)
class Value:
    """A number in the load generator's report."""

    field: str
    unit: str
    label: str = ""  # when a figure has several
    more_is_better: bool = True


@dataclasses.dataclass(frozen=True)
class Cost:
    """CPU time that the subject spends on a unit of work."""

    unit: str
    scale: float  # seconds a unit, times this


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    title: str
    load: Mapping
    values: tuple[Value, ...]
    cost: Cost


_MEGABYTES = (Value("mb_per_s", "MB/s"),)
_PER_GIGABYTE = Cost("s/GB", 1e9)
_LATENCY = (
    Value("p50_us", "µs", "p50", more_is_better=False),
    Value("p99_us", "µs", "p99", more_is_better=False),
    Value("p999_us", "µs", "p99.9", more_is_better=False),
)
_PER_EXCHANGE = Cost("µs/exchange", 1e6)
_SESSIONS = (Value("sessions_per_s", "1/s"),)
_PER_SESSION = Cost("ms/session", 1e3)

FIGURES = (
    Figure("bulk-1", "bulk one way, 1 connection", {"mode": "bulk"}, _MEGABYTES, _PER_GIGABYTE),
    Figure("bulk-16", "bulk one way, 16 connections", {"mode": "bulk", "connections": 16},
           _MEGABYTES, _PER_GIGABYTE),
    Figure("bulk-1-window", "bulk one way, 1 connection, 256 KiB in flight",
           {"mode": "bulk", "window_bytes": 256 * 1024}, _MEGABYTES, _PER_GIGABYTE),
    Figure("echo-1", "bulk echo, 1 connection", {"mode": "bulk-echo"}, _MEGABYTES, _PER_GIGABYTE),
    Figure("echo-16", "bulk echo, 16 connections", {"mode": "bulk-echo", "connections": 16},
           _MEGABYTES, _PER_GIGABYTE),
    Figure("ping-1k", "1 KB exchange", {"mode": "ping-pong", "message_bytes": 1024}, _LATENCY,
           _PER_EXCHANGE),
    Figure("ping-4", "4 B exchange", {"mode": "ping-pong", "message_bytes": 4}, _LATENCY,
           _PER_EXCHANGE),
    Figure("sessions-1", "new sessions, 1 at once", {"mode": "sessions"}, _SESSIONS,
           _PER_SESSION),
    Figure("sessions-16", "new sessions, 16 at once", {"mode": "sessions", "connections": 16},
           _SESSIONS, _PER_SESSION),
)

IDLE_CONNECTIONS = 1000


@dataclasses.dataclass(frozen=True)
class Bar:
    """What every Penstock subject must reach."""

    figure: str
    field: str
    at_least: float
    text: str


BARS = (
    Bar("bulk-1", "mb_per_s", 100, "≥ 100 MB/s on one connection"),
    Bar("sessions-16", "sessions_per_s", 300, "≥ 300 new sessions a second"),
    Bar("idle", "held", IDLE_CONNECTIONS, f"{IDLE_CONNECTIONS:,} idle sessions held"),
)
