"""penstockd as a process: the one place that knows its command line and what it prints."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.request

from support import paths
from support.client import Client
from support.waiting import eventually


class DaemonEnded(Exception):
    """It ended before it served."""


class Daemon:
    """A penstockd with a state directory of its own, which outlives kill() and start()."""

    def __init__(self, workers=2, state_dir=None, arguments=()):
        # Short, because the path of a Unix socket may have 107 bytes.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="penstock-"))
        self.state_dir = state_dir or self.directory / "state"
        self.log_path = self.directory / "log"
        self.workers = workers
        self.arguments = list(arguments)
        self.process = None
        self.client = None
        self.metrics_address = None
        self.api_addresses = []
        self._records = []
        self._reader = None

    # -- life ----------------------------------------------------------------------------------

    def start(self, timeout=20):
        """Starts it and waits until it says that it serves."""
        command = [
            str(paths.BIN / "penstockd"),
            "--state-dir", str(self.state_dir),
            "--api-listen", f"unix://{self.directory}/api.sock,tcp://127.0.0.1:0",
            "--metrics-listen", "tcp://127.0.0.1:0",
            "--workers", str(self.workers),
            "--log-format", "json",
            *self.arguments,
        ]
        self._records = []
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, cwd=self.directory)
        self._reader = threading.Thread(target=self._read_log, args=(self.process.stdout,),
                                        daemon=True)
        self._reader.start()
        serving = eventually(self._serving, timeout, what=lambda: self.tail())
        self.api_addresses = serving["api"].split(",")
        self.metrics_address = serving["metrics"]
        self.client = Client(self.api_addresses[0])
        eventually(self._workers_ready, timeout, what="workers are not ready")
        return self

    def kill(self):
        """Ends it as a crash would."""
        self.process.kill()
        self._gone()

    def terminate(self, timeout=30):
        """Asks for an orderly end. Returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout)
        self._gone()
        return self.process.returncode

    def close(self):
        """Ends it in any case and forgets its files."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.terminate(10)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._reader is not None:
            self._reader.join(10)
        shutil.rmtree(self.directory, ignore_errors=True)

    def alive(self):
        return self.process.poll() is None

    def _gone(self):
        self.process.wait()
        self._reader.join(10)
        if self.client is not None:
            self.client.close()
            self.client = None

    # -- what it says --------------------------------------------------------------------------

    def _read_log(self, stream):
        with open(self.log_path, "ab") as log:
            for line in stream:
                log.write(line)
                log.flush()
                try:
                    self._records.append(json.loads(line))
                except ValueError:
                    self._records.append({"level": "unparsed",
                                          "msg": line.decode(errors="replace")})

    def _serving(self):
        if not self.alive():
            raise DaemonEnded(f"penstockd ended with {self.process.returncode}:\n{self.tail()}")
        return next((r for r in list(self._records) if r.get("msg") == "serving"), None)

    def _workers_ready(self):
        ready = [w for w in self.client.server_info().workers if w.state == w.STATE_READY]
        return len(ready) == self.workers

    def records(self, **fields):
        """Log records since the start that have all these values."""
        return [r for r in list(self._records)
                if all(r.get(key) == value for key, value in fields.items())]

    def session_log(self, session):
        """The line about the end of a session."""
        return self.records(msg="session ended", session=session.name.rpartition("/")[2])

    def tail(self, count=30):
        """The log's last lines, for a failing test."""
        return "\n".join(json.dumps(r) for r in self._records[-count:])

    def metrics(self):
        """The metrics' text."""
        host_port = self.metrics_address.removeprefix("tcp://")
        with urllib.request.urlopen(f"http://{host_port}/metrics", timeout=10) as response:
            return response.read().decode()

    def metric(self, name, **labels):
        """Sum of the samples of `name` that have these labels; None when there is none."""
        total = None
        for line in self.metrics().splitlines():
            sample, _, value = line.rpartition(" ")
            base, _, rest = sample.partition("{")
            if base == name and all(f'{k}="{v}"' in rest for k, v in labels.items()):
                total = (total or 0.0) + float(value)
        return total

    # -- what it uses --------------------------------------------------------------------------

    def worker_pids(self):
        return [w.pid for w in self.client.server_info().workers]


def process_exists(pid):
    """Whether `pid` runs (a zombie does not)."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def descriptors(pid):
    """What the descriptors of `pid` lead to: number -> target."""
    found = {}
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(entry)] = os.readlink(f"/proc/{pid}/fd/{entry}")
        except FileNotFoundError:
            pass
    return found


def resident_bytes(pid):
    """Resident memory of `pid`."""
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
