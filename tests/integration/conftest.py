"""Fixtures of all integration tests: a daemon for each file, and transports that clean up."""

import itertools
import pathlib
import resource
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
# pylint: disable=wrong-import-position
from support import gotools, paths  # noqa: E402
from support.daemon import Daemon, process_exists  # noqa: E402
from support.waiting import eventually  # noqa: E402

SKIPPED_STATUS = 77  # CTest's SKIP_RETURN_CODE

# Tests with thousands of sessions hold both ends of each; penstockd inherits the limit.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def pytest_sessionfinish(session, exitstatus):
    """A file of which every test was skipped says so to CTest."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    ran = any(reporter.stats.get(kind) for kind in ("passed", "failed", "error"))
    if exitstatus == 0 and not ran and reporter.stats.get("skipped"):
        session.exitstatus = SKIPPED_STATUS


def _finish(daemon):
    """An orderly end, and nothing left of it."""
    if daemon.process is None or not daemon.alive():
        daemon.close()
        return
    pids = daemon.worker_pids()
    status = daemon.terminate()
    log = daemon.tail()
    daemon.close()
    assert status == 0, f"penstockd ended with {status}:\n{log}"
    assert not [pid for pid in pids if process_exists(pid)], "workers outlived penstockd"


@pytest.fixture(scope="module")
def daemon():
    """A running daemon with the project's modules plain, reverse and fixed, for all of a file."""
    running = Daemon().start()
    for name in ("plain", "reverse", "fixed"):
        running.client.upload(name, paths.module(name))
    yield running
    _finish(running)


@pytest.fixture
def new_daemon():
    """Makes daemons for one test: new_daemon(workers=1).start()."""
    made = []

    def make(**arguments):
        made.append(Daemon(**arguments))
        return made[-1]
    yield make
    for each in made:
        _finish(each)


_counter = itertools.count(1)


@pytest.fixture
def serve(daemon):
    """serve(role, module, ...): a transport that accepts; deleted when the test ends.

    Addresses default to a free TCP port of the loopback.
    """
    made = []

    def make(role, module, listen="tcp://127.0.0.1:0", **fields):
        transport = daemon.client.serve(f"t{next(_counter)}", role=role, module=module,
                                        listen=listen, **fields)
        made.append(transport.name)
        return transport
    yield make
    for name in made:
        daemon.client.delete(name)
    assert daemon.alive(), daemon.tail()
    # A test leaves no sessions to the next one.
    for name in made:
        eventually(lambda name=name: not daemon.client.list_sessions(name, show_ended=False),
                   what=f"{name} still has sessions")


@pytest.fixture(scope="module")
def real_modules(daemon):
    """Uploads the WATMs of the Go module as real-plain and real-reverse."""
    for name in ("plain", "reverse"):
        daemon.client.upload(f"real-{name}", gotools.real_module(name))
