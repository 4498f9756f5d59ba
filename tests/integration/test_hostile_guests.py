"""Guests that misbehave: their session ends, counted and logged; a neighbour's goes on."""

import time

import pytest
from support import net, paths
from support.net import Backend
from support.roles import target_fields
from support.waiting import eventually

# Guest -> (role, why its session ends, what the explanation holds). Each file in guests/ is here.
ENDS = {
    "trap_init": ("dialer", "guest_trap", ""),
    "trap_dial": ("dialer", "guest_trap", ""),
    "trap_accept": ("listener", "guest_trap", ""),
    "trap_associate": ("relay", "guest_trap", ""),
    "trap_ctrlpipe": ("dialer", "guest_trap", ""),
    "trap_start": ("dialer", "guest_trap", "unreachable"),
    "exit_init": ("dialer", "guest_exit", "3"),
    "exit_dial": ("dialer", "guest_exit", ""),
    "exit_start": ("dialer", "guest_exit", ""),
    "fail_init": ("dialer", "guest_error", "-28"),
    "fail_dial": ("dialer", "guest_error", "-65"),
    "fail_start": ("dialer", "guest_error", "-65"),
    "fd_garbage": ("dialer", "bad_descriptor", "12345"),
    "fd_internal": ("dialer", "bad_descriptor", ""),
    "fd_stdout": ("dialer", "bad_descriptor", ""),
    "fd_closed": ("dialer", "bad_descriptor", ""),
    "fd_hoard": ("dialer", "guest_error", "descriptor"),
    "accept_twice": ("listener", "guest_error", "-65"),
    "bad_pointers": ("dialer", "guest_error", "-65"),
    "recurse_init": ("dialer", "guest_trap", "stack"),
    "recurse_start": ("dialer", "guest_trap", "stack"),
    "spin_init": ("dialer", "cpu_limit", ""),
    "spin_start": ("dialer", "cpu_limit", ""),
    "memory_hoard": ("dialer", "guest_trap", ""),
}
# These do not end by themselves; they have tests of their own.
ENDLESS = {"log_flood", "write_flood", "ignore_exit"}

# Short, so that the tests are.
LIMITS = {"cpu_burst_max": {"nanos": 300_000_000}, "memory_bytes_max": 64 << 20,
          "stop_grace": {"nanos": 200_000_000}}


def hostile(name):
    return f"hostile-{name.replace('_', '-')}"


@pytest.fixture(autouse=True, scope="module")
def upload_guests(daemon):
    for name in (*ENDS, *ENDLESS):
        daemon.client.upload(hostile(name), paths.module(f"hostile_{name}"))


@pytest.fixture(name="neighbours", autouse=True)
def neighbours_fixture(daemon, serve):
    """A session on every worker; each must answer before, while and after a guest misbehaves."""
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address)
        clients = [net.connect(transport.bound_address) for _ in range(4)]
        live = daemon.client.wait_sessions(transport.name, len(clients))
        assert len({session.worker for session in live}) == daemon.workers

        def ask():
            for client in clients:
                client.settimeout(5)
                client.sendall(b"still there?")
                assert net.receive_exactly(client, 12) == b"still there?"
        ask()
        yield ask
        ask()
        for client in clients:
            client.close()


@pytest.fixture(name="attack")
def attack_fixture(serve):
    """attack(guest, role): a transport of a hostile guest, whose backend echoes."""
    backends = []

    def make(guest, role="dialer"):
        backends.append(Backend(net.echo))
        return serve(role, hostile(guest), limits=LIMITS, dial_allow=["*:*"],
                     **target_fields(role, backends[-1]))
    yield make
    for backend in backends:
        backend.close()


def test_every_guest_has_a_test():
    built = {path.stem.removeprefix("hostile_") for path in paths.MODULES.glob("hostile_*.wasm")}
    assert built == set(ENDS) | ENDLESS


@pytest.mark.parametrize("guest", ENDS)
def test_its_session_ends_and_says_why(daemon, attack, neighbours, guest):
    role, reason, says = ENDS[guest]
    transport = attack(guest, role)
    before = daemon.metric("penstock_sessions_ended_total", reason=reason)
    workers = daemon.worker_pids()
    for count in (1, 2):  # the transport goes on, so the second client meets the same
        with net.connect(transport.bound_address) as client:
            neighbours()
            assert net.ended(client)
        ended = daemon.client.wait_ended(transport.name, count)[-1]
        assert ended.end_reason == reason, ended
        assert ended.end_message and says in ended.end_message, ended
    eventually(lambda: daemon.metric("penstock_sessions_ended_total", reason=reason) >= before + 2,
               what="the metric does not count it")
    logged, = eventually(lambda: daemon.session_log(ended), what="no log line")
    assert logged["reason"] == reason and says in logged["detail"]
    assert daemon.worker_pids() == workers, "a guest ended its worker"


def test_a_trap_is_explained_with_the_functions_names(daemon, attack):
    transport = attack("trap_start")
    with net.connect(transport.bound_address) as client:
        assert net.ended(client)
    ended, = daemon.client.wait_ended(transport.name)
    assert "unreachable" in ended.end_message
    logged, = eventually(lambda: daemon.session_log(ended), what="no log line")
    assert "watm_start_v1" in logged["detail"]


@pytest.mark.parametrize("guest", ["accept_twice", "trap_accept", "fail_init"])
def test_a_failed_handshake_never_reaches_the_upstream(daemon, serve, guest):
    with Backend(net.echo) as backend:
        transport = serve("listener", hostile(guest), limits=LIMITS, upstream=backend.address)
        with net.connect(transport.bound_address) as client:
            assert net.ended(client)
        daemon.client.wait_ended(transport.name)
        assert not backend.accepted


def test_a_flood_of_log_lines_is_limited_and_cannot_forge_any(daemon, attack, neighbours):
    transport = attack("log_flood")
    with net.connect(transport.bound_address):
        daemon.client.wait_sessions(transport.name, 1)
        eventually(lambda: b"flood" in daemon.log_path.read_bytes(), what="nothing was logged")
        neighbours()
        begin, size = time.monotonic(), daemon.log_path.stat().st_size
        eventually(lambda: time.monotonic() - begin > 1, what="a second")
        neighbours()
        grown = daemon.log_path.stat().st_size - size
        assert grown < 1 << 20, f"{grown} bytes of log in a second"
    log = daemon.log_path.read_bytes()
    assert b"\x1b" not in log and b"\a" not in log
    assert not daemon.records(level="fake") and not daemon.records(level="unparsed")
    written = [record for record in daemon.records(guest="true") if "flood" in record["msg"]]
    assert written[-1]["transport"] == transport.name.rpartition("/")[2]


def test_a_writer_that_never_reads_is_held_back(daemon, attack, serve, neighbours):
    del attack
    with Backend(net.hold) as backend:
        transport = serve("dialer", hostile("write_flood"), limits=LIMITS, remote=backend.address)
        with net.connect(transport.bound_address):
            session, = daemon.client.wait_sessions(transport.name, 1)
            looks = []

            def stands():
                looks.append(daemon.client.list_sessions(transport.name)[0].dialed_bytes_sent)
                return looks[-1] and len(looks) > 25 and len(set(looks[-25:])) == 1
            eventually(stands, timeout=20, what="the writer is not held back")
            neighbours()
            daemon.client.terminate(session.name)
        assert daemon.client.wait_ended(transport.name)[0].end_reason == "stopped"


def test_a_guest_that_does_not_hear_the_end_is_ended(daemon, attack):
    transport = attack("ignore_exit")
    with net.connect(transport.bound_address):
        session, = daemon.client.wait_sessions(transport.name, 1)
        daemon.client.terminate(session.name)
        ended, = daemon.client.wait_ended(transport.name)
    assert ended.end_reason == "stopped"


def test_a_role_call_that_takes_too_long_is_ended(daemon, serve):
    with Backend(net.echo) as backend:
        # Dials, and with the answer lost the host's own time limit must end it.
        transport = serve("listener", hostile("spin_init"), upstream=backend.address, limits={
            "cpu_burst_max": {"seconds": 20}, "handshake_timeout": {"nanos": 300_000_000}})
        with net.connect(transport.bound_address) as client:
            assert net.ended(client)
        assert daemon.client.wait_ended(transport.name)[0].end_reason == "handshake_timeout"
