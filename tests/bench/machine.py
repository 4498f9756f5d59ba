"""What a figure depends on besides the code."""

import datetime
import os
import pathlib
import platform
import re
import subprocess

from support import paths


def _processor():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*: (.*)$", text, re.M)
    return found[1] if found else platform.machine()


def _system():
    text = pathlib.Path("/etc/os-release").read_text()
    found = re.search(r'^PRETTY_NAME="(.*)"$', text, re.M)
    return found[1] if found else platform.system()


def _memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _commit():
    result = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"],
                            cwd=paths.ROOT, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"


def describe():
    return {
        "date": datetime.date.today().isoformat(),
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(_memory_gib()),
        "system": _system(),
        "kernel": platform.release(),
    }
