"""WATMs that nobody here built, in every role that they export, with 100 MB each way."""

import pytest
from support import net, payloads
from support.client import ROLES
from support.net import Backend, Collector
from support.roles import ALL_ROLES, REAL_FIXED_PORT, target_fields

SIZE = 100 * 1000 * 1000

# TinyGo's collector is conservative: random payload looks like pointers, and once the heap is large
# enough for every buffer to hold one, nothing is freed any more. This is room for all that SIZE
# bytes each way can leave behind.
ROOMY = {"memory_bytes_max": 1 << 30}

pytestmark = pytest.mark.usefixtures("real_modules")

# reverse.wasm reverses the bytes of whatever it reads at once.
CHECKS = {"real-plain": payloads.same, "real-reverse": payloads.pieces_reversed}


@pytest.fixture(scope="module", name="payload")
def payload_fixture():
    return payloads.random_bytes(SIZE)


@pytest.fixture(name="lead")
def lead_fixture(serve):
    """lead(module, role, handler): an entry address that leads to a backend of `handler`."""
    backends = []

    def make(module, role, handler):
        port = REAL_FIXED_PORT if role == "dialer_fixed" else 0
        backends.append(Backend(handler, port=port))
        fields = target_fields(role, backends[-1], own_fixed=False)
        return serve(role, module, limits=ROOMY, **fields).bound_address
    yield make
    for backend in backends:
        backend.close()


@pytest.mark.parametrize("module", CHECKS)
def test_the_server_knows_what_they_are(daemon, module):
    name = f"tenants/default/modules/{module}"
    stored = next(m for m in daemon.client.list_modules() if m.name == name)
    assert sorted(stored.roles) == sorted(ROLES[role] for role in ALL_ROLES)
    assert stored.abi == "watm/v1"
    assert "env.water_accept" in stored.imports
    assert stored.memory.minimum_bytes == 2 * 65536


@pytest.mark.parametrize("role", ALL_ROLES)
@pytest.mark.parametrize("module", CHECKS)
def test_all_that_a_client_sent_arrives_although_it_closed_at_once(lead, payload, module, role):
    collector = Collector()
    with net.connect(lead(module, role, collector)) as client:
        client.sendall(payload)
    CHECKS[module](payload, collector.wait())
    assert collector.clean


@pytest.mark.parametrize("role", ALL_ROLES)
@pytest.mark.parametrize("module", CHECKS)
def test_all_that_a_backend_sent_arrives_although_it_closed_at_once(lead, payload, module, role):
    with net.connect(lead(module, role, net.source(payload))) as client:
        CHECKS[module](payload, net.receive_all(client))


@pytest.mark.parametrize("role", ALL_ROLES)
@pytest.mark.parametrize("module", CHECKS)
def test_both_ways_at_once(lead, payload, module, role):
    seen = bytearray()
    with net.connect(lead(module, role, net.recording_echo(seen))) as client:
        net.send_in_background(client, payload)
        received = net.receive_exactly(client, SIZE)
    CHECKS[module](payload, bytes(seen))
    CHECKS[module](bytes(seen), received)


def test_reverse_undoes_itself_message_by_message(serve):
    """Two of them in a row, in step: each message is one piece on both sides."""
    with Backend(net.echo) as backend:
        listener = serve("listener", "real-reverse", upstream=backend.address)
        with net.Tap(listener.bound_address) as tap:
            dialer = serve("dialer", "real-reverse", remote=tap.address)
            with net.connect(dialer.bound_address) as client:
                for number in range(50):
                    message = b"message %d" % number
                    client.sendall(message)
                    assert net.receive_exactly(client, len(message)) == message
            assert bytes(tap.upward).startswith(b"0 egassem1 egassem")
