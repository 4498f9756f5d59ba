"""Programs that nobody here wrote: grpcurl, and the Go runtime for WATM."""

import json
import subprocess

import pytest
from support import gotools, net, paths, payloads
from support.client import TENANT
from support.gotools import GoPeer
from support.net import Backend, Collector
from support.waiting import eventually

# -- grpcurl ----------------------------------------------------------------------------------


@pytest.fixture(name="grpcurl")
def grpcurl_fixture(daemon):
    """grpcurl(*arguments): what it prints about the daemon."""
    program = gotools.grpcurl()
    address = daemon.api_addresses[1].removeprefix("tcp://")

    def run(*arguments, data=None):
        flags = ["-plaintext", *(["-d", json.dumps(data)] if data is not None else [])]
        result = subprocess.run([program, *flags, address, *arguments], capture_output=True,
                                text=True, check=False, timeout=60)
        assert result.returncode == 0, result.stderr
        return result.stdout
    return run


def test_grpcurl_lists_and_describes(grpcurl):
    listed = grpcurl("list").split()
    for service in ("Module", "Server", "Session", "Transport"):
        assert f"penstock.v1.{service}Service" in listed
    assert "grpc.health.v1.Health" in listed
    assert "rpc CreateTransport" in grpcurl("describe", "penstock.v1.TransportService")
    assert "bound_address" in grpcurl("describe", "penstock.v1.Transport")


def test_grpcurl_creates_a_transport_and_watches_it(daemon, grpcurl):
    with Backend(net.echo) as backend:
        made = json.loads(grpcurl("penstock.v1.TransportService/CreateTransport", data={
            "parent": TENANT, "transport_id": "curled", "transport": {
                "module": f"{TENANT}/modules/plain", "role": "ROLE_RELAY", "enabled": True,
                "listen": "tcp://127.0.0.1:0", "remote": backend.address}}))
        assert made["name"] == f"{TENANT}/transports/curled"
        seen = watch_until_active(daemon, made["name"])
        assert net.exchange(seen["bound_address"], b"curl") == b"curl"
    daemon.client.delete(made["name"])


def watch_until_active(daemon, name):
    """The transport, as a watch by grpcurl shows it once it accepts."""
    watching = subprocess.Popen(
        [gotools.grpcurl(), "-plaintext", "-max-time", "30", "-d", json.dumps({"parent": TENANT}),
         daemon.api_addresses[1].removeprefix("tcp://"),
         "penstock.v1.TransportService/WatchTransports"], stdout=subprocess.PIPE, text=True)
    text = ""
    try:
        for line in watching.stdout:
            text += line
            if line != "}\n":
                continue
            message, text = json.loads(text), ""
            transport = message.get("transport", {})
            if transport.get("name") == name and transport.get("state") == "STATE_ACTIVE":
                return transport
    finally:
        watching.kill()
        watching.wait()
    raise AssertionError(f"the watch ended without {name}")


# -- the Go runtime ---------------------------------------------------------------------------

MESSAGES = [b"message %d" % number for number in range(20)]


@pytest.fixture(name="module_file", params=["plain", "reverse"])
def module_file_fixture(request, daemon, tmp_path):
    """(name here, file for the peer) of a real module, on both sides the same."""
    data = gotools.real_module(request.param)
    daemon.client.upload(f"real-{request.param}", data, replace=True)
    path = tmp_path / "module.wasm"
    path.write_bytes(data)
    return f"real-{request.param}", path


def in_step(address):
    """One message at a time: reverse.wasm reverses what it reads at once."""
    with net.connect(address) as client:
        for message in MESSAGES:
            client.sendall(message)
            assert net.receive_exactly(client, len(message)) == message


def test_their_dialer_through_our_listener(serve, module_file):
    name, path = module_file
    with Backend(net.echo) as backend:
        listener = serve("listener", name, upstream=backend.address)
        with net.Tap(listener.bound_address) as tap, \
                GoPeer("dialer", module=path, remote=tap.host_port) as peer:
            in_step(peer.address)
            assert bytes(tap.upward).startswith(MESSAGES[0]) == (name == "real-plain")


def test_our_dialer_through_their_listener(serve, module_file):
    name, path = module_file
    with Backend(net.echo) as backend, \
            GoPeer("listener", module=path, upstream=backend.host_port) as peer, \
            net.Tap(peer.address) as tap:
        in_step(serve("dialer", name, remote=tap.address).bound_address)
        assert bytes(tap.upward).startswith(MESSAGES[0]) == (name == "real-plain")


def test_their_relay_between_our_dialer_and_listener(serve, daemon, tmp_path):
    daemon.client.upload("real-plain", gotools.real_module("plain"), replace=True)
    path = tmp_path / "module.wasm"
    path.write_bytes(gotools.real_module("plain"))
    with Backend(net.echo) as backend:
        listener = serve("listener", "real-plain", upstream=backend.address)
        with GoPeer("relay", module=path,
                    remote=listener.bound_address.removeprefix("tcp://")) as peer:
            in_step(serve("dialer", "real-plain", remote=peer.address).bound_address)


@pytest.mark.parametrize("name", ["plain", "reverse"])
def test_our_modules_run_in_their_runtime(serve, tmp_path, name):
    """The C modules keep to the contract, not to this host: 1 MB through both runtimes."""
    sent = payloads.random_bytes(1 << 20)
    collector = Collector()
    path = tmp_path / "module.wasm"
    path.write_bytes(paths.module(name))
    with Backend(collector) as backend, \
            GoPeer("listener", module=path, upstream=backend.host_port) as peer:
        dialer = serve("dialer", name, remote=peer.address)
        with net.connect(dialer.bound_address) as client:
            client.sendall(sent)
            eventually(lambda: len(collector.received) >= len(sent),
                       what=lambda: f"{len(collector.received)} bytes arrived")
    payloads.same(sent, bytes(collector.received))
