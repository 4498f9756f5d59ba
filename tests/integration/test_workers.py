"""Worker processes: what one may hold, what its death costs, and how everything ends."""

import os
import re
import signal
import time

import pytest
from support import daemon as processes
from support import net, paths
from support.net import Backend
from support.waiting import eventually


@pytest.fixture(name="entry")
def entry_fixture(serve):
    """Entry address of an echo through a relay."""
    with Backend(net.echo) as backend:
        yield serve("relay", "plain", remote=backend.address)


def workers_by_pid(daemon):
    return {worker.pid: worker for worker in daemon.client.server_info().workers}


def test_a_worker_holds_only_what_it_was_sent_or_made(daemon, entry):
    with net.connect(entry.bound_address) as client:
        client.sendall(b"x")
        assert net.receive_exactly(client, 1) == b"x"
        listening = listening_inodes()
        harmless = re.compile(r"socket:|pipe:|/memfd:|anon_inode:\[(eventpoll|eventfd|timerfd)\]"
                              r"|/dev/null$")
        for pid in daemon.worker_pids():
            held = processes.descriptors(pid)
            strange = {fd: target for fd, target in held.items() if not harmless.match(target)}
            assert not strange, f"worker {pid} holds {strange}"
            assert not listening & set(re.findall(r"socket:\[(\d+)\]", "".join(held.values())))


def listening_inodes():
    """Inodes of all listening TCP sockets of this network namespace."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(table):
            with open(table, encoding="ascii") as lines:
                found |= {line.split()[9] for line in list(lines)[1:] if line.split()[3] == "0A"}
    return found


def test_a_worker_is_a_sandboxed_process_of_its_own(daemon):
    for pid in daemon.worker_pids():
        with open(f"/proc/{pid}/status", encoding="ascii") as lines:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)
        assert int(status["PPid"]) == daemon.process.pid
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2", "no system call filter"


def test_killing_a_worker_ends_only_its_sessions(daemon, entry):
    clients = [net.connect(entry.bound_address) for _ in range(8)]
    by_port = {f":{c.getsockname()[1]}": c for c in clients}
    sessions = daemon.client.wait_sessions(entry.name, len(clients))
    victim = daemon.client.server_info().workers[0]
    lost = [s for s in sessions if s.worker == victim.index]
    kept = [s for s in sessions if s.worker != victim.index]
    assert lost and kept, "all sessions are on one worker"
    restarts = daemon.metric("penstock_worker_restarts_total")

    os.kill(victim.pid, signal.SIGKILL)
    begin = time.monotonic()
    for session in lost:
        assert net.ended(client_of(session, by_port))
    assert net.exchange(entry.bound_address, b"new") == b"new"
    assert time.monotonic() - begin < 1, "no new session within a second"
    for session in kept:
        client = client_of(session, by_port)
        client.sendall(b"alive")
        assert net.receive_exactly(client, 5) == b"alive"

    ended = daemon.client.wait_ended(entry.name, len(lost))
    assert {s.name for s in ended if s.end_reason == "worker_lost"} == {s.name for s in lost}
    back = eventually(lambda: ready_again(daemon, victim), what="the worker is not back")
    assert back.restart_count == victim.restart_count + 1
    assert daemon.metric("penstock_worker_restarts_total") == restarts + 1
    for client in clients:
        client.close()


def client_of(session, by_port):
    return next(c for port, c in by_port.items() if session.peer_address.endswith(port))


def ready_again(daemon, victim):
    worker = daemon.client.server_info().workers[victim.index]
    return worker if worker.state == worker.STATE_READY and worker.pid != victim.pid else None


def test_all_workers_killed_at_once_come_back(daemon, entry):
    old = daemon.worker_pids()
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: answers(entry.bound_address), what="no worker serves")
    eventually(lambda: not set(old) & set(daemon.worker_pids()) and all(
        w.state == w.STATE_READY for w in daemon.client.server_info().workers),
        what="not all workers are back")
    assert not [pid for pid in old if processes.process_exists(pid)]


def answers(address):
    try:
        return net.exchange(address, b"?") == b"?"
    except OSError:
        return False


def test_a_module_is_compiled_once_and_not_for_each_session(daemon, entry):
    for _ in range(20):
        net.exchange(entry.bound_address, b"x")
    compiled = daemon.metric("penstock_module_compilations_total")
    for _ in range(50):
        net.exchange(entry.bound_address, b"x")
    assert daemon.metric("penstock_module_compilations_total") == compiled


@pytest.mark.parametrize("busy", [False, True])
def test_sigterm_ends_everything_within_a_bound(new_daemon, busy):
    running = new_daemon(workers=2, arguments=["--drain-timeout", "2s"]).start()
    running.client.upload("plain", paths.module("plain"))
    pids = running.worker_pids()
    with Backend(net.echo) as backend:
        transport = running.client.serve("t", role="relay", module="plain",
                                         listen="tcp://127.0.0.1:0", remote=backend.address)
        client = net.connect(transport.bound_address)
        if busy:  # an echo that nobody reads
            net.send_in_background(client, bytes(32 << 20))
        running.client.wait_sessions(transport.name, 1)
        begin = time.monotonic()
        assert running.terminate() == 0
        assert time.monotonic() - begin < 8
        # The client is let go: whatever is still on its way, and then the end.
        while not net.ended(client):
            pass
    assert not [pid for pid in pids if processes.process_exists(pid)]


def test_workers_do_not_outlive_a_penstockd_that_is_killed(new_daemon):
    running = new_daemon(workers=2).start()
    pids = running.worker_pids()
    running.kill()
    eventually(lambda: not [pid for pid in pids if processes.process_exists(pid)],
               what="workers outlived penstockd")
