"""All bad input, in one table: what is wrong, and the code, reason and field that the caller gets.

Whatever it is, nothing is stored, nothing leaks, and the server goes on.
"""

import dataclasses
import gzip
from typing import Callable

import pytest
from support import net, paths, wasm
from support import daemon as processes
from support.client import (TENANT, Client, error_of, module_pb2, session_pb2, transport_pb2,
                            upload_messages)
from support.net import Backend
from support.wasm import EXPORTS, I32, I64
from support.waiting import eventually


@dataclasses.dataclass
class Bad:
    """One row."""
    name: str
    call: Callable[[Client], object]
    code: str
    reason: str
    field: str | None = None
    says: str = ""  # must be in the message


def upload(**header):
    """A row's call: an upload of the plain module with something wrong in the header."""
    module_id = header.pop("module_id", "bad")
    return lambda client: client.upload(module_id, paths.module("plain"), **header)


def bytes_(data):
    """A row's call: an upload of these bytes."""
    return lambda client: client.upload("bad", data() if callable(data) else data)


def create(**fields):
    """A row's call: a transport that would be right but for these fields."""
    good = {"role": "relay", "module": "plain", "listen": "tcp://127.0.0.1:0",
            "remote": "tcp://127.0.0.1:1", "enabled": False}
    good |= {key: value for key, value in fields.items() if key != "transport_id"}
    return lambda client: client.create(fields.get("transport_id", "bad"), **good)


def update(*names, **fields):
    """A row's call: an update of the transport that exists."""
    return lambda client: client.update(
        *names, **{"name": f"{TENANT}/transports/taken"} | fields)


def list_transports(**fields):
    return lambda client: client.transports.ListTransports(
        transport_pb2.ListTransportsRequest(**{"parent": TENANT} | fields))


def list_modules(**fields):
    return lambda client: client.modules.ListModules(
        module_pb2.ListModulesRequest(**{"parent": TENANT} | fields))


def list_sessions(**fields):
    return lambda client: client.sessions.ListSessions(
        session_pb2.ListSessionsRequest(**{"parent": f"{TENANT}/transports/-"} | fields))


def without(name):
    return {key: value for key, value in EXPORTS.items() if key != name}


INVALID = "INVALID_ARGUMENT"

UPLOADS = [
    Bad("not wasm", bytes_(b"#!/bin/sh\necho hello\n" * 10), INVALID, "NOT_WASM"),
    Bad("gzip", bytes_(lambda: gzip.compress(paths.module("plain"))), INVALID, "NOT_WASM"),
    Bad("a component", bytes_(b"\0asm\x0d\0\1\0" + bytes(20)), INVALID, "COMPONENT"),
    Bad("truncated", bytes_(lambda: paths.module("plain")[:-100]), INVALID, "TRUNCATED"),
    Bad("a header and nothing", bytes_(wasm.MAGIC), INVALID, "MISSING_EXPORT", says="memory"),
    Bad("a length beyond the end", bytes_(wasm.MAGIC + b"\x01\xff\xff\xff\xff\x0f"), INVALID,
        "TRUNCATED"),
    Bad("sections out of order", bytes_(wasm.MAGIC + wasm.section(3, b"\0") +
                                        wasm.section(1, b"\0")), INVALID, "MALFORMED"),
    Bad("a body that does not validate", bytes_(lambda: wasm.watm().replace(
        b"\x04\x00\x41\x00\x0b", b"\x04\x00\x42\x00\x0b")), INVALID, "COMPILE_FAILED"),
    Bad("the unmerged v1", bytes_(wasm.watm(exports=EXPORTS | {"watm_userpipe_v1": 1})), INVALID,
        "WRONG_ABI", says="WATM v1"),
    Bad("water-rs", bytes_(wasm.watm(imports=[("env", "connect_tcp", (I32, I32), (I32,))],
                                     exports={"_water_v1": 0})), INVALID, "WRONG_ABI"),
    Bad("legacy v0", bytes_(wasm.watm(imports=[("env", "host_dial", (), (I32,))],
                                      exports={"_water_init": 0, "_water_dial": 1})), INVALID,
        "WRONG_ABI", says="v0"),
    *[Bad(f"without {name}", bytes_(wasm.watm(exports=without(name))), INVALID, "MISSING_EXPORT",
          says=name) for name in ("watm_init_v1", "watm_ctrlpipe_v1", "watm_start_v1")],
    Bad("without a role", bytes_(wasm.watm(exports=without("watm_dial_v1"))), INVALID,
        "NO_ROLE", says="watm_dial_v1"),
    Bad("a listener that cannot accept", bytes_(wasm.watm(
        exports=without("watm_dial_v1") | {"watm_accept_v1": 1})), INVALID, "NO_ROLE",
        says="water_accept"),
    Bad("without the network", bytes_(wasm.watm(imports=(), network=None)), INVALID,
        "NO_NETWORK", says="water_dial"),
    Bad("without memory", bytes_(wasm.watm(export_memory=False)), INVALID, "MISSING_EXPORT",
        says="memory"),
    Bad("wrong parameters", bytes_(wasm.watm(exports=EXPORTS | {"watm_init_v1": 2})), INVALID,
        "WRONG_SIGNATURE", says="watm_init_v1"),
    Bad("wrong results", bytes_(wasm.watm(results=(I64,))), INVALID, "WRONG_SIGNATURE"),
    Bad("a re-exported import", bytes_(wasm.watm(reexport="watm_start_v1")), INVALID,
        "REEXPORTED_IMPORT", says="watm_start_v1"),
    Bad("an unknown import", bytes_(wasm.watm(imports=[("env", "launch", (), (I32,))])), INVALID,
        "UNKNOWN_IMPORT", says="env.launch"),
    Bad("a wrong import", bytes_(wasm.watm(imports=[("env", "water_accept", (I64,), (I32,))])),
        INVALID, "WRONG_SIGNATURE", says="water_accept"),
    Bad("shared memory", bytes_(wasm.watm(memory=b"\x03\x01\x02")), INVALID, "SHARED_MEMORY"),
    Bad("too much memory", bytes_(wasm.watm(memory=b"\x00" + wasm.unsigned(65536))), INVALID,
        "LIMIT_EXCEEDED", says="memory"),
    Bad("exception handling", bytes_(wasm.watm(tags=True)), INVALID, "UNSUPPORTED_FEATURE",
        says="exception"),
    Bad("too big", upload(size_bytes=(64 << 20) + 1), "RESOURCE_EXHAUSTED", "MODULE_TOO_LARGE"),
    Bad("wrong digest", upload(sha256="0" * 64), INVALID, "DIGEST_MISMATCH", "header.sha256"),
    Bad("no digest", upload(sha256="abc"), INVALID, "INVALID_DIGEST", "header.sha256"),
    Bad("more bytes than said", upload(size_bytes=10), INVALID, "SIZE_MISMATCH",
        "header.size_bytes"),
    Bad("fewer bytes than said", upload(size_bytes=1 << 20), INVALID, "SIZE_MISMATCH",
        "header.size_bytes"),
    Bad("no bytes", upload(size_bytes=0), INVALID, "INVALID_SIZE", "header.size_bytes"),
    Bad("a negative size", upload(size_bytes=-1), INVALID, "NEGATIVE_SIZE", "header.size_bytes"),
    Bad("module name taken", lambda client: client.upload("plain", paths.module("reverse")),
        "ALREADY_EXISTS", "MODULE_EXISTS"),
    Bad("bad module id", upload(module_id="Bad_Id"), INVALID, "INVALID_ID", "header.module_id"),
    Bad("bad parent", upload(parent="tenants"), INVALID, "INVALID_NAME", "header.parent"),
    Bad("unknown tenant", upload(parent="tenants/nobody"), "NOT_FOUND", "TENANT_NOT_FOUND"),
    Bad("bad request id", upload(request_id="7"), INVALID, "INVALID_REQUEST_ID",
        "header.request_id"),
    Bad("no header", lambda client: client.modules.UploadModule(
        iter([module_pb2.UploadModuleRequest(chunk=b"x")])), INVALID, "MISSING_HEADER", "header"),
    Bad("two headers", lambda client: client.modules.UploadModule(
        iter(list(upload_messages("bad", b"x" * 100, chunks=[])) * 2)), INVALID,
        "DUPLICATE_HEADER", "header"),
    Bad("too large a chunk", lambda client: client.upload(
        "bad", bytes(3 << 20), chunks=[bytes((1 << 20) + 1)]), INVALID, "CHUNK_TOO_LARGE",
        "chunk"),
    Bad("nothing at all", lambda client: client.modules.UploadModule(iter(())), INVALID,
        "MISSING_HEADER", "header"),
]

TRANSPORTS = [
    Bad("unknown module", create(module="nobody"), "NOT_FOUND", "MODULE_NOT_FOUND"),
    Bad("bad module name", create(module="tenants/default/plain"), INVALID, "INVALID_NAME",
        "transport.module"),
    Bad("no module", create(module=None), INVALID, "REQUIRED_FIELD_MISSING", "transport.module"),
    Bad("another tenant's module", create(module="tenants/other/modules/plain"), INVALID,
        "MODULE_OF_OTHER_TENANT", "transport.module"),
    Bad("no role", create(role=0), INVALID, "REQUIRED_FIELD_MISSING", "transport.role"),
    Bad("a role of the future", create(role=99), INVALID, "UNKNOWN_ROLE", "transport.role"),
    Bad("a role that the module lacks", create(module="fixed"), INVALID, "ROLE_NOT_SUPPORTED",
        "transport.role"),
    *[Bad(f"listen {listen!r}", create(listen=listen), INVALID, "INVALID_ADDRESS",
          "transport.listen")
      for listen in ("127.0.0.1:80", "udp://127.0.0.1:1", "tcp://127.0.0.1",
                     "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "tcp://:80",
                     "tcp://[::1:80", "tcp://127.0.0.1:80/path", "tcp://a b:1", "unix://relative",
                     "unix:///" + "x" * 200, "tcp://" + "h" * 300 + ":1",
                     "tcp://example.com:80")],
    Bad("no listen", create(listen=""), INVALID, "REQUIRED_FIELD_MISSING", "transport.listen"),
    Bad("a relay at a unix socket", create(listen="unix:///tmp/x"), INVALID, "INVALID_ADDRESS",
        "transport.listen"),
    Bad("a bad remote", create(remote="tcp://host"), INVALID, "INVALID_ADDRESS",
        "transport.remote"),
    Bad("remote port 0", create(remote="tcp://127.0.0.1:0"), INVALID, "INVALID_ADDRESS",
        "transport.remote"),
    Bad("a dialer without a remote", create(role="dialer", remote=""), INVALID,
        "REQUIRED_FIELD_MISSING", "transport.remote"),
    Bad("a relay that leads nowhere", create(remote=""), INVALID, "REQUIRED_FIELD_MISSING",
        "transport.remote"),
    Bad("a listener without an upstream", create(role="listener", remote=""), INVALID,
        "REQUIRED_FIELD_MISSING", "transport.upstream"),
    Bad("a bad upstream", create(role="listener", remote="", upstream="unix://x"), INVALID,
        "INVALID_ADDRESS", "transport.upstream"),
    Bad("an upstream that nobody uses", create(upstream="tcp://127.0.0.1:1"), INVALID,
        "FIELD_NOT_APPLICABLE", "transport.upstream"),
    Bad("no address that a module may dial", create(role="dialer_fixed", module="fixed", remote=""),
        INVALID, "REQUIRED_FIELD_MISSING", "transport.dial_allow"),
    *[Bad(f"dial_allow {pattern!r}", create(dial_allow=["good.example:443", pattern]), INVALID,
          "INVALID_DIAL_PATTERN", "transport.dial_allow[1]")
      for pattern in ("", "host", "host:", "host:0x50", "host:9-1", "10.0.0.0/33:1", "a*b:1")],
    Bad("a negative limit", create(limits={"sessions_max": -1}), INVALID, "NEGATIVE_LIMIT",
        "transport.limits.sessions_max"),
    Bad("a negative duration", create(limits={"idle_timeout": {"seconds": -1}}), INVALID,
        "INVALID_DURATION", "transport.limits.idle_timeout"),
    Bad("no duration", create(limits={"idle_timeout": {"nanos": 2_000_000_000}}), INVALID,
        "INVALID_DURATION", "transport.limits.idle_timeout"),
    Bad("too long a time", create(limits={"stop_grace": {"seconds": 1 << 30}}), INVALID,
        "LIMIT_OUT_OF_RANGE", "transport.limits.stop_grace"),
    Bad("too much memory", create(limits={"memory_bytes_max": 1 << 50}), INVALID,
        "LIMIT_OUT_OF_RANGE", "transport.limits.memory_bytes_max"),
    Bad("less memory than the module begins with", create(limits={"memory_bytes_max": 1 << 16}),
        INVALID, "LIMIT_OUT_OF_RANGE", "transport.limits.memory_bytes_max"),
    Bad("a bad label", create(labels={"Capital": "x"}), INVALID, "INVALID_LABEL",
        "transport.labels"),
    Bad("too long a description", create(description="x" * 5000), INVALID, "TOO_LONG",
        "transport.description"),
    Bad("too many patterns", create(dial_allow=["*:1"] * 300), INVALID, "TOO_MANY",
        "transport.dial_allow"),
    Bad("too large a configuration", create(configuration={"watm_cfg": bytes((1 << 20) + 1)}),
        INVALID, "CONFIGURATION_TOO_LARGE", "transport.configuration"),
    *[Bad(f"file {name!r}", create(configuration={"files": {name: b"x"}}), INVALID,
          "INVALID_FILE_NAME", "transport.configuration.files")
      for name in ("", ".", "..", "../x", "a/b", "/etc/passwd", "x" * 256)],
    Bad("watm.cfg twice", create(configuration={"watm_cfg": b"x", "files": {"watm.cfg": b"y"}}),
        INVALID, "DUPLICATE_FILE", "transport.configuration.files"),
    Bad("name taken", create(transport_id="taken"), "ALREADY_EXISTS", "TRANSPORT_EXISTS"),
    *[Bad(f"id {value!r}", create(transport_id=value), INVALID, "INVALID_ID", "transport_id")
      for value in ("", "A", "1a", "a_b", "a-", "-", "x" * 64, "a/b", "\u00e9")],
    Bad("bad request id", create(request_id="not a uuid"), INVALID, "INVALID_REQUEST_ID",
        "request_id"),
    Bad("no transport", lambda client: client.transports.CreateTransport(
        transport_pb2.CreateTransportRequest(parent=TENANT, transport_id="bad")), INVALID,
        "REQUIRED_FIELD_MISSING"),
    Bad("unknown tenant", lambda client: client.transports.CreateTransport(
        transport_pb2.CreateTransportRequest(parent="tenants/nobody", transport_id="bad",
                                             transport=transport_pb2.Transport(listen="x"))),
        "NOT_FOUND", "TENANT_NOT_FOUND"),
]

UPDATES = [
    Bad("unknown field in a mask", update("colour"), INVALID, "UNKNOWN_FIELD", "update_mask",
        says="colour"),
    Bad("a field of a value in a mask", update("labels.a"), INVALID, "UNKNOWN_FIELD",
        "update_mask"),
    Bad("a star among others", update("*", "description"), INVALID, "UNKNOWN_FIELD",
        "update_mask"),
    Bad("another role", update("role", role=module_pb2.ROLE_DIALER), INVALID, "IMMUTABLE_FIELD",
        "transport.role"),
    Bad("stale etag", update("description", description="x", etag="1"), "ABORTED", "STALE_ETAG"),
    Bad("no etag", update("description", description="x", etag="what"), "ABORTED", "STALE_ETAG"),
    Bad("a bad address", update("listen", listen="nowhere"), INVALID, "INVALID_ADDRESS",
        "transport.listen"),
    Bad("a bad name", update("description", name="transports/taken"), INVALID, "INVALID_NAME",
        "transport.name"),
    Bad("an unknown name", update("description", name=f"{TENANT}/transports/nobody"), "NOT_FOUND",
        "TRANSPORT_NOT_FOUND"),
    Bad("an unknown module", update("module", module=f"{TENANT}/modules/nobody"), "NOT_FOUND",
        "MODULE_NOT_FOUND"),
]

NAMES = [
    *[Bad(f"get {name!r}", lambda client, name=name: client.get(name), INVALID, "INVALID_NAME",
          "name") for name in ("", "x", f"{TENANT}/transports/", f"{TENANT}/transports/A",
                               f"{TENANT}/transports/a/b", f"{TENANT}/modules/plain",
                               f"/{TENANT}/transports/a", f"{TENANT}/transports/-")],
    Bad("get another tenant's", lambda client: client.get("tenants/other/transports/taken"),
        "NOT_FOUND", "TENANT_NOT_FOUND"),
    Bad("no such session", lambda client: client.terminate(
        f"{TENANT}/transports/taken/sessions/999999"), "NOT_FOUND", "SESSION_NOT_FOUND"),
    Bad("a bad session name", lambda client: client.terminate(
        f"{TENANT}/transports/taken/sessions/x"), INVALID, "INVALID_NAME", "name"),
    Bad("a module in use", lambda client: client.modules.DeleteModule(
        module_pb2.DeleteModuleRequest(name=f"{TENANT}/modules/plain")), "FAILED_PRECONDITION",
        "MODULE_IN_USE"),
    *[Bad(f"negative page size of {call.__name__}", call(page_size=-1), INVALID,
          "NEGATIVE_PAGE_SIZE", "page_size")
      for call in (list_transports, list_modules, list_sessions)],
    *[Bad(f"page token of {call.__name__}", call(page_token="nonsense"), INVALID,
          "INVALID_PAGE_TOKEN", "page_token")
      for call in (list_transports, list_modules, list_sessions)],
    *[Bad(f"bad parent of {call.__name__}", call(parent="what"), INVALID, "INVALID_NAME", "parent")
      for call in (list_transports, list_modules, list_sessions)],
    Bad("a watch from before the beginning", lambda client: next(
        client.transports.WatchTransports(transport_pb2.WatchTransportsRequest(
            parent=TENANT, revision=-1), timeout=10)), INVALID, "INVALID_REVISION", "revision"),
    Bad("watch from the future", lambda client: next(client.transports.WatchTransports(
        transport_pb2.WatchTransportsRequest(parent=TENANT, revision=1 << 60), timeout=10)),
        "OUT_OF_RANGE", "REVISION_OUT_OF_RANGE"),
]


@pytest.fixture(scope="module", name="taken", autouse=True)
def taken_fixture(daemon):
    """A transport that exists, and goes on carrying traffic."""
    with Backend(net.echo) as backend:
        yield daemon.client.serve("taken", role="relay", module="plain",
                                  listen="tcp://127.0.0.1:0", remote=backend.address)


def stored(client):
    return (client.list_modules(), [
        (t.name, t.etag) for t in list_transports(page_size=1000)(client).transports])


@pytest.mark.parametrize("bad", [
    pytest.param(bad, id=f"{group}: {bad.name}")
    for group, rows in (("upload", UPLOADS), ("transport", TRANSPORTS), ("update", UPDATES),
                        ("name", NAMES))
    for bad in rows])
def test_bad_input_is_refused(daemon, bad):
    before = stored(daemon.client)
    error = error_of(bad.call, daemon.client)
    assert (error.code.name, error.reason) == (bad.code, bad.reason), error
    assert error.domain == "penstock.dev"
    if bad.field is not None:
        assert error.fields == [bad.field], error
    assert bad.says in error.message and len(error.message) > 20, error
    assert stored(daemon.client) == before


def test_an_address_of_another_transport_is_refused(daemon):
    fields = {"role": "relay", "module": "plain", "remote": "tcp://127.0.0.1:1",
              "listen": f"tcp://127.0.0.1:{net.unused_port()}"}
    first = daemon.client.serve("first", **fields)
    before = stored(daemon.client)
    error = error_of(daemon.client.create, "second", **fields)
    assert (error.code.name, error.reason) == ("FAILED_PRECONDITION", "ADDRESS_IN_USE")
    assert error.metadata["transport"] == first.name
    assert stored(daemon.client) == before
    daemon.client.delete(first.name)


def test_an_address_that_somebody_else_has_is_in_the_conditions(daemon):
    with Backend(net.echo) as squatter:
        made = daemon.client.create("second", role="relay", module="plain", enabled=True,
                                    listen=squatter.address, remote="tcp://127.0.0.1:1")
        failed = daemon.client.wait_state(made.name, "FAILED")
        bound = next(c for c in failed.conditions if c.type == "AddressBound")
        assert (bound.status, bound.reason) == (bound.STATUS_FALSE, "PortInUse")
        daemon.client.delete(made.name)


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:0", "tcp://192.0.2.1:0", "tcp://[::]:0"])
def test_an_api_beyond_the_loopback_is_refused_at_start(new_daemon, address):
    running = new_daemon(workers=1, arguments=["--api-listen", address])
    with pytest.raises(processes.DaemonEnded):
        running.start()
    assert "loopback" in running.tail()


def test_after_all_that_the_server_is_as_before(daemon, taken):
    pids = daemon.worker_pids()
    descriptors = {pid: len(processes.descriptors(pid)) for pid in [daemon.process.pid, *pids]}
    for bad in UPLOADS:
        error_of(bad.call, daemon.client)
    assert net.exchange(taken.bound_address, b"as ever") == b"as ever"
    assert daemon.worker_pids() == pids
    for pid, count in descriptors.items():
        eventually(lambda pid=pid, count=count: len(processes.descriptors(pid)) <= count,
                   what=lambda pid=pid: processes.descriptors(pid))
    leftovers = [p for p in daemon.state_dir.rglob("*") if p.is_file() and "tmp" in p.name.lower()]
    assert not leftovers
