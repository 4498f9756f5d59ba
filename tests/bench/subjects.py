"""What is measured. A subject forwards TCP connections from an address of its own to the backend.

To add one, write a class with these members and name it in SUBJECTS:
  key, title      for tables
  start(backend, cores, workers)   returns when connections are accepted
  target          "ADDRESS:PORT" of its own, None for the backend itself
  pids()          every process that does its work
  notes()         a dictionary of whatever else is worth keeping, after the last measurement
  close()
"""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import grpc
import pytest

from support import gotools, paths
from support.client import Client
from support.daemon import Daemon
from support.waiting import eventually

import figures
import processes


class Unavailable(Exception):
    """The subject cannot run here."""


# Below those that the kernel gives to outgoing connections, so that a free one stays free.
_ports = iter(range(21000, 32000))


def free_port():
    """A port at which nothing listens, and which this run has not used yet."""
    for port in _ports:
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Unavailable("no free port")


class Loopback:
    """Nothing in between: what load generator and backend reach by themselves."""

    key = figures.LOOPBACK
    title = "loopback"
    target = None

    def start(self, backend, cores, workers):
        pass

    def pids(self):
        return []

    def notes(self):
        return {}

    def close(self):
        pass


class HAProxy:
    """HAProxy as a TCP forwarder, one thread, everything else as it comes."""

    key = figures.PEER
    title = "HAProxy"
    _CONFIGURATION = """
global
  nbthread 1
  maxconn 8000
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen relay
  bind {target}
  server backend {backend}
"""

    def __init__(self):
        self._directory = None
        self._process = None
        self.target = None

    @staticmethod
    def program():
        """(path, environment) of haproxy: the system's, or what scripts/bench unpacked."""
        unpacked = paths.DEPS / "haproxy"
        path = paths.program("haproxy", "/usr/sbin", unpacked / "usr" / "sbin")
        if path is None:
            raise Unavailable("haproxy is not installed; scripts/bench fetches it")
        libraries = ":".join(map(str, unpacked.glob("usr/lib/*-linux-gnu")))
        return path, os.environ | ({"LD_LIBRARY_PATH": libraries} if libraries else {})

    def start(self, backend, cores, workers):
        path, environment = self.program()
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="penstock-bench-"))
        self.target = f"127.0.0.1:{free_port()}"
        configuration = self._directory / "haproxy.cfg"
        configuration.write_text(self._CONFIGURATION.format(target=self.target, backend=backend))
        with processes.pinned(cores):
            self._process = subprocess.Popen([path, "-db", "-q", "-f", str(configuration)],
                                             env=environment, stderr=subprocess.DEVNULL)
        eventually(self._accepts, what="haproxy does not listen")

    def _accepts(self):
        host, port = self.target.split(":")
        with socket.socket() as sock:
            return sock.connect_ex((host, int(port))) == 0

    def pids(self):
        return processes.tree(self._process.pid)

    def notes(self):
        path, environment = self.program()
        output = subprocess.run([path, "-v"], env=environment, capture_output=True, text=True,
                                check=True)
        return {"version": output.stdout.split()[2]}

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            shutil.rmtree(self._directory, ignore_errors=True)


class Penstock:
    """penstockd with one relay transport."""

    def __init__(self, key, title, module):
        self.key = key
        self.title = title
        self._module = module
        self._daemon = None
        self.target = None

    def start(self, backend, cores, workers):
        data = self._module()
        self._daemon = Daemon(workers=workers)
        with processes.pinned(cores):
            self._daemon.start()
        self._daemon.client.upload("bench", data)
        transport = self._daemon.client.serve("bench", module="bench", role="relay",
                                              listen="tcp://127.0.0.1:0",
                                              remote=f"tcp://{backend}")
        self.target = transport.bound_address.removeprefix("tcp://")
        # The server ends a connection that is idle for the minutes that a run takes.
        self._daemon.client.close()

    def pids(self):
        return processes.tree(self._daemon.process.pid)

    def notes(self):
        """What its own metrics say, or the end of its log if it does not answer."""
        try:
            with contextlib.closing(Client(self._daemon.api_addresses[0])) as client:
                info = client.server_info()
        except grpc.RpcError:
            return {"silent": self._daemon.tail(5)}
        return {
            "version": info.version,
            "v8_version": info.v8_version,
            "isolation_mode": info.isolation_mode,
            "module_compilations": self._daemon.metric("penstock_module_compilations_total"),
            "sessions": self._daemon.metric("penstock_sessions_total"),
            "worker_restarts": self._daemon.metric("penstock_worker_restarts_total"),
        }

    def close(self):
        if self._daemon is not None:
            self._daemon.close()


def _go_plain():
    try:
        return gotools.real_module("plain")
    except pytest.skip.Exception as error:
        raise Unavailable(str(error)) from error


# In the order in which each round measures them.
SUBJECTS = {
    figures.LOOPBACK: Loopback,
    figures.PEER: HAProxy,
    "penstock-go": lambda: Penstock("penstock-go", "Penstock, Go", _go_plain),
    "penstock-c": lambda: Penstock("penstock-c", "Penstock, C", lambda: paths.module("plain")),
}
