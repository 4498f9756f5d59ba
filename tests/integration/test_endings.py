"""How connections end, with the project's module and with a real one: each ends alone."""

import concurrent.futures
import socket

import pytest
from support import daemon as processes
from support import gotools, net, payloads
from support.client import Session
from support.net import Backend, Collector
from support.roles import NETWORK_ROLES, target_fields
from support.waiting import eventually

MODULES = ("plain", "real-plain")


@pytest.fixture(autouse=True, scope="module")
def upload_real(request, daemon):
    """The real module, where Go can fetch it; without it only its own tests are skipped."""
    if any("real-plain" in item.name for item in request.session.items):
        try:
            daemon.client.upload("real-plain", gotools.real_module("plain"))
        except pytest.skip.Exception:
            pass


@pytest.fixture(name="module", params=MODULES)
def module_fixture(request):
    if request.param == "real-plain":
        gotools.real_module("plain")
    return request.param


@pytest.fixture(name="neighbour")
def neighbour_fixture(serve):
    """A session of another transport that must not notice; checked at the end."""
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address)
        with net.connect(transport.bound_address) as client:
            client.sendall(b"before")
            assert net.receive_exactly(client, 6) == b"before"
            yield
            client.sendall(b"after")
            assert net.receive_exactly(client, 5) == b"after"


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("role", NETWORK_ROLES)
def test_a_client_that_resets_ends_only_its_session(serve, daemon, role, module):
    with Backend(net.hold) as backend:
        transport = serve(role, module, **target_fields(role, backend))
        client = net.connect(transport.bound_address)
        client.sendall(b"x" * 100_000)
        daemon.client.wait_sessions(transport.name, 1)
        eventually(lambda: backend.accepted, what="the backend saw no connection")
        net.reset(client)
        daemon.client.wait_ended(transport.name)
        # What it had sent may still arrive; then the end.
        eventually(lambda: reached_end(backend.accepted[0]), what="the backend saw no end")


def reached_end(sock):
    try:
        return sock.recv(1 << 20) == b""
    except ConnectionError:
        return True


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("role", NETWORK_ROLES)
def test_a_backend_that_resets_ends_only_its_session(serve, daemon, role, module):
    def answer_then_reset(sock, _):
        sock.recv(1)
        net.reset(sock)

    with Backend(answer_then_reset) as backend:
        transport = serve(role, module, **target_fields(role, backend))
        with net.connect(transport.bound_address) as client:
            client.sendall(b"x")
            assert net.ended(client)
        daemon.client.wait_ended(transport.name)


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("role,reason", [
    ("dialer", "dial_failed"), ("relay", "dial_failed"), ("listener", "upstream_failed")])
def test_a_refused_backend_ends_only_that_session(serve, daemon, role, reason, module):
    port = net.unused_port()
    address = f"tcp://127.0.0.1:{port}"
    fields = {"upstream": address} if role == "listener" else {"remote": address}
    transport = serve(role, module, **fields)
    for count in (1, 2):
        with net.connect(transport.bound_address) as client:
            assert net.ended(client)
        assert daemon.client.wait_ended(transport.name, count)[-1].end_reason == reason
    # The transport goes on: once there is a backend, it is reached.
    with Backend(net.echo, port=port):
        assert net.exchange(transport.bound_address, b"at last") == b"at last"


@pytest.mark.parametrize("role", NETWORK_ROLES)
def test_a_client_that_ends_its_side_ends_the_backend_too(serve, role, module):
    collector = Collector()
    with Backend(collector) as backend:
        transport = serve(role, module, **target_fields(role, backend))
        with net.connect(transport.bound_address) as client:
            client.sendall(b"all that I have")
            net.shut_write(client)
            assert collector.wait() == b"all that I have"
            assert collector.clean
            assert net.receive_all(client) == b""


@pytest.mark.parametrize("role", NETWORK_ROLES)
def test_a_backend_that_ends_ends_the_client_too(serve, role, module):
    with Backend(net.source(b"parting words")) as backend:
        transport = serve(role, module, **target_fields(role, backend))
        with net.connect(transport.bound_address) as client:
            assert net.receive_all(client) == b"parting words"


@pytest.mark.parametrize("role", NETWORK_ROLES)
def test_a_reader_that_pauses_stops_the_source_and_gets_everything(serve, daemon, role, module):
    size = 64 << 20
    sent = payloads.random_bytes(size)
    progress = []

    def stream(sock, _):
        view = memoryview(sent)
        while view:
            taken = sock.send(view[:65536])
            progress.append(taken)
            view = view[taken:]
        sock.close()

    with Backend(stream) as backend:
        transport = serve(role, module, **target_fields(role, backend))
        with net.connect(transport.bound_address) as client:
            stalled = wait_for_standstill(progress)
            assert stalled < size / 2, "the source was never slowed down"
            before = sum(processes.resident_bytes(pid) for pid in daemon.worker_pids())
            payloads.same(sent, net.receive_all(client))
            after = sum(processes.resident_bytes(pid) for pid in daemon.worker_pids())
    assert abs(after - before) < size / 2


def wait_for_standstill(progress):
    """Bytes taken from the source when it has taken none for 25 looks in a row."""
    looks = []

    def still():
        looks.append(sum(progress))
        return looks[-1] > 0 and len(looks) > 25 and len(set(looks[-25:])) == 1
    eventually(still, timeout=20, what="the source does not stop")
    return looks[-1]


@pytest.mark.parametrize("role", NETWORK_ROLES)
def test_stop_while_busy_is_bounded(serve, daemon, role, module):
    with Backend(net.echo) as backend:
        transport = serve(role, module, limits={"stop_grace": {"seconds": 1}},
                          **target_fields(role, backend))
        with net.connect(transport.bound_address) as client:
            # An echo that is never read: both directions are full.
            net.send_in_background(client, bytes(64 << 20))
            daemon.client.wait_sessions(transport.name, 1)
            eventually(lambda: daemon.client.list_sessions(
                transport.name)[0].accepted_bytes_received > 1 << 20, what="nothing moves")
            daemon.client.stop(transport.name)
            ended, = daemon.client.wait_ended(transport.name, timeout=10)
            assert ended.end_reason == "stopped"
            stopped = daemon.client.wait_state(transport.name, "STOPPED")
            assert stopped.session_count == 0 and not stopped.bound_address
        with pytest.raises(OSError):
            net.connect(transport.bound_address)


def test_stop_lets_nothing_in_and_start_takes_the_same_address(serve, daemon):
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address)
        daemon.client.stop(transport.name)
        daemon.client.wait_state(transport.name, "STOPPED")
        with pytest.raises(ConnectionRefusedError):
            net.connect(transport.bound_address)
        daemon.client.start(transport.name)
        again = daemon.client.wait_state(transport.name, "ACTIVE")
        assert again.bound_address == transport.bound_address
        assert net.exchange(again.bound_address, b"back") == b"back"


def test_a_session_can_be_ended_alone(serve, daemon):
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address)
        with net.connect(transport.bound_address) as one, \
                net.connect(transport.bound_address) as other:
            daemon.client.wait_sessions(transport.name, 2)
            mine = next(s for s in daemon.client.list_sessions(transport.name)
                        if s.peer_address.endswith(":%d" % one.getsockname()[1]))
            daemon.client.terminate(mine.name)
            assert net.ended(one)
            other.sendall(b"still here")
            assert net.receive_exactly(other, 10) == b"still here"
        ended = daemon.client.wait_ended(transport.name, 2)
        # Though the module heard the EXIT and ended as it should.
        assert next(s for s in ended if s.name == mine.name).end_reason == "stopped"


@pytest.mark.parametrize("limit,reason", [
    ({"idle_timeout": {"nanos": 300_000_000}}, "idle_timeout"),
    ({"lifetime_max": {"nanos": 300_000_000}}, "lifetime"),
])
def test_time_limits_end_a_session(serve, daemon, limit, reason):
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address, limits=limit)
        with net.connect(transport.bound_address) as client:
            assert net.ended(client)
        assert daemon.client.wait_ended(transport.name)[0].end_reason == reason


def test_more_connections_than_allowed_are_refused(serve, daemon):
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address, limits={"sessions_max": 2})
        with net.connect(transport.bound_address) as first, \
                net.connect(transport.bound_address) as second:
            daemon.client.wait_sessions(transport.name, 2)
            with net.connect(transport.bound_address) as third:
                assert net.ended(third)
            for client in (first, second):
                client.sendall(b"ok")
                assert net.receive_exactly(client, 2) == b"ok"


def test_nothing_is_kept_after_2000_sessions(serve, daemon, module):
    """After a warm-up, 2,000 sessions more leave no descriptor and at most 4 MB a process."""
    with Backend(net.echo) as backend:
        transport = serve("relay", module, remote=backend.address)
        run_sessions(transport.bound_address, 500)
        daemon.client.wait_sessions(transport.name, 0)
        pids = [daemon.process.pid, *daemon.worker_pids()]
        descriptors = {pid: len(processes.descriptors(pid)) for pid in pids}
        memory = {pid: processes.resident_bytes(pid) for pid in pids}
        run_sessions(transport.bound_address, 2000)
        daemon.client.wait_sessions(transport.name, 0)
        for pid in pids:
            eventually(lambda pid=pid: len(processes.descriptors(pid)) <= descriptors[pid],
                       what=lambda pid=pid: f"{pid} keeps {processes.descriptors(pid)}")
            eventually(lambda pid=pid: processes.resident_bytes(pid) - memory[pid] < 4 << 20,
                       what=lambda pid=pid: f"{pid}: {memory[pid]} bytes before, "
                                            f"{processes.resident_bytes(pid)} after")


def run_sessions(address, count):
    for _ in range(count):
        with net.connect(address) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(b"ping")
            assert net.receive_exactly(client, 4) == b"ping"


def test_a_storm_of_clients_that_vanish_leaves_nothing(serve, daemon, module):
    """Connections that are cut at every stage, many at once, and some that are not."""
    pids = [daemon.process.pid, *daemon.worker_pids()]
    with Backend(net.echo) as backend:
        transport = serve("relay", module, remote=backend.address)
        net.exchange(transport.bound_address, b"warm")
        daemon.client.wait_sessions(transport.name, 0)
        before = {pid: len(processes.descriptors(pid)) for pid in pids}

        def come_and_go(number):
            client = net.connect(transport.bound_address)
            stage = number % 4
            if stage > 0:
                client.sendall(bytes(stage * 20_000))
            if stage > 1:
                net.receive_exactly(client, 10_000)
            if stage < 3:
                net.reset(client)
                return True
            whole = len(net.receive_exactly(client, 50_000)) == 50_000
            client.close()
            return whole
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert all(pool.map(come_and_go, range(800)))
        daemon.client.wait_sessions(transport.name, 0, timeout=20)
        for pid in pids:
            eventually(lambda pid=pid: len(processes.descriptors(pid)) <= before[pid],
                       what=lambda pid=pid: f"{pid} keeps {processes.descriptors(pid)}")
        assert daemon.worker_pids() == pids[1:]
        assert net.exchange(transport.bound_address, b"calm") == b"calm"


def test_ended_sessions_are_listed_with_their_ends(serve, daemon):
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address)
        net.exchange(transport.bound_address, b"x")
        ended, = daemon.client.wait_ended(transport.name)
        assert ended.state == Session.STATE_ENDED
        assert ended.end_time.ToNanoseconds() >= ended.start_time.ToNanoseconds() > 0
        assert daemon.client.list_sessions(transport.name, show_ended=False) == []
