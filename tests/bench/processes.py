"""What the kernel says about processes: CPU time, memory, cores."""

import contextlib
import os
import pathlib
import time

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """Fields of /proc/PID/stat from the third on; None when the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def tree(pid):
    """`pid` and every process below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(entry)) is not None:
            children.setdefault(int(stat[1]), []).append(int(entry))
    found = [pid]
    for parent in found:
        found.extend(children.get(parent, []))
    return found


def cpu_seconds(pids):
    """User and system time that the processes have used."""
    stats = [stat for stat in map(_stat, pids) if stat is not None]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / _TICKS_PER_SECOND


def pss_bytes(pids):
    """Proportional set size of the processes together: pages that they share count once."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def settled_pss_bytes(pids, limit=5.0, interval=0.5):
    """pss_bytes() once it moves by less than 1 % in `interval` seconds, or after `limit`."""
    deadline = time.monotonic() + limit
    last = pss_bytes(pids)
    while time.monotonic() < deadline:
        time.sleep(interval)
        now = pss_bytes(pids)
        if abs(now - last) < 0.01 * last:
            return now
        last = now
    return last


@contextlib.contextmanager
def pinned(cores):
    """Processes that are started within run on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
