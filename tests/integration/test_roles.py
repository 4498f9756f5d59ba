"""The roles, with the project's own modules: which way addresses lead, and what passes."""

import concurrent.futures

import pytest
from support import net, payloads
from support.client import Session, error_of
from support.net import Backend
from support.roles import NETWORK_ROLES, target_fields

SIZE = 8 << 20


def has_ipv6():
    try:
        net.unused_port("::1")
        return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback")

CASES = [(role, module) for role in NETWORK_ROLES for module in ("plain", "reverse")]
CASES.append(("dialer_fixed", "fixed"))


@pytest.mark.parametrize("role,module", CASES)
def test_carries_any_bytes_both_ways(serve, role, module):
    seen = bytearray()
    sent = payloads.random_bytes(SIZE)
    with Backend(net.recording_echo(seen)) as backend:
        transport = serve(role, module, **target_fields(role, backend))
        with net.connect(transport.bound_address) as client:
            net.send_in_background(client, sent)
            payloads.same(sent, net.receive_exactly(client, SIZE))
    payloads.same(payloads.bits_reversed(sent) if module == "reverse" else sent, bytes(seen))


@pytest.mark.parametrize("role,module", CASES)
def test_half_close_passes_and_the_answer_still_comes(serve, daemon, role, module):
    def count_then_answer(sock, _):
        received = net.receive_all(sock)
        sock.sendall(received[:5] + b" end")
        sock.close()

    with Backend(count_then_answer) as backend:
        transport = serve(role, module, **target_fields(role, backend))
        with net.connect(transport.bound_address) as client:
            client.sendall(b"hello")
            net.shut_write(client)
            answer = net.receive_all(client)
    expected = b"hello end" if module != "reverse" else b"hello" + payloads.bits_reversed(b" end")
    assert answer == expected
    assert daemon.client.wait_ended(transport.name)[0].end_reason == "completed"


def test_reverse_to_reverse_is_plain_again_but_not_on_the_wire(serve):
    text = b"the quick brown fox " * 10_000
    with Backend(net.echo) as backend:
        listener = serve("listener", "reverse", upstream=backend.address)
        with net.Tap(listener.bound_address) as tap:
            dialer = serve("dialer", "reverse", remote=tap.address)
            assert net.exchange(dialer.bound_address, text) == text
            assert bytes(tap.upward) == payloads.bits_reversed(text)
            assert b"fox" not in tap.upward + tap.downward


def test_dialer_takes_clients_at_a_unix_socket(serve, daemon):
    path = daemon.directory / "entry.sock"
    with Backend(net.echo) as backend:
        transport = serve("dialer", "plain", listen=f"unix://{path}", remote=backend.address)
        assert transport.bound_address == f"unix://{path}"
        assert net.exchange(transport.bound_address, b"over a file") == b"over a file"
        daemon.client.stop(transport.name)
        daemon.client.wait_state(transport.name, "STOPPED")
        assert not path.exists()


def test_listener_leads_to_a_unix_socket(serve, daemon):
    with Backend(net.echo, path=daemon.directory / "upstream.sock") as backend:
        transport = serve("listener", "plain", upstream=backend.address)
        assert net.exchange(transport.bound_address, b"into a file") == b"into a file"


@needs_ipv6
@pytest.mark.parametrize("role", NETWORK_ROLES)
def test_ipv6_on_both_sides(serve, role):
    with Backend(net.echo, host="::1") as backend:
        transport = serve(role, "plain", listen="tcp://[::1]:0", **target_fields(role, backend))
        assert transport.bound_address.startswith("tcp://[::1]:")
        assert net.exchange(transport.bound_address, b"six") == b"six"


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
@pytest.mark.parametrize("role", NETWORK_ROLES)
def test_every_address_of_a_name_is_tried(serve, role, host):
    # "localhost" has an address of each family; the backend listens on one of them.
    with Backend(net.echo, host=host) as backend:
        name = f"tcp://localhost:{backend.port}"
        fields = {"upstream": name} if role == "listener" else {"remote": name}
        transport = serve(role, "plain", **fields)
        assert net.exchange(transport.bound_address, b"found") == b"found"


def test_sessions_know_their_peers_and_count_their_bytes(serve, daemon):
    with Backend(net.echo) as backend:
        transport = serve("dialer", "plain", remote=backend.address)
        with net.connect(transport.bound_address) as client:
            client.sendall(b"0123456789")
            assert net.receive_exactly(client, 10) == b"0123456789"
            live, = daemon.client.wait_sessions(transport.name, 1)
            assert live.state == Session.STATE_ACTIVE
            assert live.peer_address.endswith(":%d" % client.getsockname()[1])
            assert live.remote_address.endswith(f":{backend.port}")
            assert live.role == transport.role
            assert live.module_sha256 == transport.module_sha256
        ended, = daemon.client.wait_ended(transport.name)
    assert ended.end_reason == "completed"
    assert ended.accepted_bytes_received == ended.accepted_bytes_sent == 10
    assert ended.dialed_bytes_received == ended.dialed_bytes_sent == 10


@pytest.mark.parametrize("allowed,connects", [
    ("127.0.0.1:{port}", True),
    ("127.0.0.0/8:*", True),
    ("*:{port}", True),
    ("127.0.0.1:1-65535", True),
    ("localhost:{port}", False),  # the module wrote an address, not a name
    ("127.0.0.1:1", False),
    ("10.0.0.0/8:*", False),
])
def test_a_module_dials_only_what_is_allowed(serve, daemon, allowed, connects):
    with Backend(net.echo) as backend:
        transport = serve("dialer_fixed", "fixed",
                          dial_allow=[allowed.format(port=backend.port)],
                          configuration={"watm_cfg": backend.host_port.encode()})
        with net.connect(transport.bound_address) as client:
            if connects:
                client.sendall(b"in")
                assert net.receive_exactly(client, 2) == b"in"
            else:
                assert net.ended(client)
                ended, = daemon.client.wait_ended(transport.name)
                assert ended.end_reason == "dial_failed"
        assert len(backend.accepted) == (1 if connects else 0)


def test_a_role_that_the_module_lacks_is_refused(daemon):
    error = error_of(daemon.client.create, "lacking", role="listener", module="fixed",
                     listen="tcp://127.0.0.1:0", upstream="tcp://127.0.0.1:1")
    assert error.fields == ["transport.role"], error


def test_a_changed_remote_is_for_new_sessions(serve, daemon):
    with Backend(net.echo) as first, Backend(net.source(b"second")) as second:
        transport = serve("dialer", "plain", remote=first.address)
        with net.connect(transport.bound_address) as old:
            old.sendall(b"a")
            assert net.receive_exactly(old, 1) == b"a"
            updated = daemon.client.update("remote", name=transport.name, remote=second.address)
            daemon.client.wait_state(updated.name, "ACTIVE")
            with net.connect(transport.bound_address) as new:
                assert net.receive_all(new) == b"second"
            old.sendall(b"b")
            assert net.receive_exactly(old, 1) == b"b"


def test_many_transports_and_many_sessions_at_once(serve, daemon):
    transports, clients_each = 40, 50
    with Backend(net.echo) as backend:
        entries = [serve(role, "reverse", **target_fields(role, backend)).bound_address
                   for role in (NETWORK_ROLES * transports)[:transports]]
        clients = [net.connect(entry) for entry in entries for _ in range(clients_each)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            def talk(item):
                index, client = item
                message = b"client %d" % index
                client.sendall(message)
                return net.receive_exactly(client, len(message)) == message
            assert all(pool.map(talk, enumerate(clients)))
        assert len(daemon.client.list_sessions(show_ended=False)) == len(clients)
        for client in clients:
            client.close()
