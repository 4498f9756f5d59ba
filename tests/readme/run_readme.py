#!/usr/bin/env python3
"""Runs the tour of README.md, every sh block of it in order, in one shell, and checks what it shows.

Exits 77 (skipped) where there is no grpcurl and no Go to build one.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GO_BIN = ROOT / "build" / "deps" / "go" / "bin"
SKIPPED = 77
TIMEOUT_S = 60
EXPECTED = (
    "penstock.v1.TransportService",  # reflection
    '"ROLE_RELAY"',                  # what the upload found
    "# Architecture",                # the page, through both transports
    '"end_reason": "completed"',
    "penstock_sessions_total",
    '"bound_address": "tcp://127.0.0.1:7481"',
)


def tour():
    section = re.search(r"## Five minutes with grpcurl\n(.*?)\n## ", (ROOT / "README.md").read_text(),
                        re.S)[1]
    return "set -euo pipefail\n" + "\n".join(re.findall(r"```sh\n(.*?)```", section, re.S))


def have_grpcurl():
    if shutil.which("grpcurl") or (GO_BIN / "grpcurl").exists():
        return True
    if not shutil.which("go"):
        return False
    command = ["go", "install", "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.1"]
    return subprocess.run(command, env={**os.environ, "GOBIN": str(GO_BIN)}).returncode == 0


def main():
    if not have_grpcurl():
        print("skipped: there is neither grpcurl nor Go")
        return SKIPPED
    environment = {**os.environ, "PATH": f"{GO_BIN}:{os.environ['PATH']}"}
    with tempfile.TemporaryFile("w+") as output:
        shell = subprocess.Popen(["bash", "-c", tour()], cwd=ROOT, env=environment,
                                 stdin=subprocess.DEVNULL, stdout=output,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            shell.wait(timeout=TIMEOUT_S)
        # Whatever the tour started and a failure left behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        output.seek(0)
        shown = output.read()
    missing = [text for text in EXPECTED if text not in shown]
    if shell.returncode != 0 or missing:
        print(shown)
        print(f"README tour: exit status {shell.returncode}, not shown: {missing}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
