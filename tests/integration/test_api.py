"""The API's manners: names, masks, etags, pages, repeated and dry requests, watches, health."""

import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase)
from support import net, paths
from support.client import (TENANT, Client, Transport, error_of, mask, module_pb2, new_request_id,
                            session_pb2, transport_pb2)
from support.net import Backend
from support.waiting import eventually

REMOTE = "tcp://127.0.0.1:1"
SERVICES = [f"penstock.v1.{name}Service" for name in ("Module", "Server", "Session", "Transport")]


@pytest.fixture(name="create")
def create_fixture(daemon):
    """create(id, ...): a relay that is not enabled; deleted when the test ends."""
    made = []

    def make(transport_id, **fields):
        values = {"role": "relay", "module": "plain", "listen": "tcp://127.0.0.1:0",
                  "remote": REMOTE, "enabled": False} | fields
        made.append(daemon.client.create(transport_id, **values))
        return made[-1]
    yield make
    for each in made:
        try:
            daemon.client.delete(each.name)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.NOT_FOUND


# -- create and get ---------------------------------------------------------------------------


def test_create_answers_with_the_resource(daemon, create):
    made = create("made", description="what it is for", labels={"team": "a"})
    assert made.name == f"{TENANT}/transports/made"
    assert made.uid and made.etag and made.create_time.seconds
    assert made.create_time == made.update_time
    assert made.module == f"{TENANT}/modules/plain"
    assert made.state == Transport.STATE_STOPPED
    got = daemon.client.get(made.name)
    made.observed_revision = got.observed_revision  # is reached a moment later
    assert got == made


def test_output_only_fields_of_a_request_are_ignored(create):
    made = create("ignored", uid="mine", state=Transport.STATE_FAILED, session_count=7,
                  bound_address="tcp://127.0.0.1:9")
    assert made.uid != "mine" and made.state == Transport.STATE_STOPPED
    assert made.session_count == 0 and not made.bound_address


def test_validate_only_checks_and_stores_nothing(daemon):
    good = {"role": "relay", "module": "plain", "listen": "tcp://127.0.0.1:0", "remote": REMOTE}
    checked = daemon.client.create("dry", validate_only=True, **good)
    assert checked.listen == "tcp://127.0.0.1:0"
    name = f"{TENANT}/transports/dry"
    assert error_of(daemon.client.get, name).code == grpc.StatusCode.NOT_FOUND
    bad = good | {"listen": "nowhere"}
    error = error_of(daemon.client.create, "dry", validate_only=True, **bad)
    assert error.fields == ["transport.listen"]


def test_validate_only_upload_stores_nothing(daemon):
    checked = daemon.client.upload("dry", paths.module("reverse"), validate_only=True)
    assert checked.abi == "watm/v1"
    assert not [m for m in daemon.client.list_modules() if m.name.endswith("/dry")]


def test_a_repeated_create_gets_the_first_answer(daemon, create):
    request_id = new_request_id()
    first = create("once", request_id=request_id)
    again = daemon.client.create("once", request_id=request_id, role="relay", module="plain",
                                 listen="tcp://127.0.0.1:0", remote=REMOTE, enabled=False)
    assert again.uid == first.uid
    error = error_of(daemon.client.create, "other", request_id=request_id, role="relay",
                     module="plain", listen="tcp://127.0.0.1:0", remote=REMOTE)
    assert (error.reason, error.fields) == ("REQUEST_ID_REUSED", ["request_id"])
    # Without the request's identity it is another request, and the name is taken.
    error = error_of(daemon.client.create, "once", role="relay", module="plain",
                     listen="tcp://127.0.0.1:0", remote=REMOTE)
    assert error.code == grpc.StatusCode.ALREADY_EXISTS


def test_unknown_names_say_which(daemon):
    for call, name in ((daemon.client.get, f"{TENANT}/transports/nobody"),
                       (daemon.client.delete, f"{TENANT}/transports/nobody"),
                       (daemon.client.start, f"{TENANT}/transports/nobody")):
        error = error_of(call, name)
        assert error.code == grpc.StatusCode.NOT_FOUND
        assert error.resource == ("penstock.dev/Transport", name)


# -- update -----------------------------------------------------------------------------------


def test_a_mask_changes_only_what_it_names(daemon, create):
    made = create("masked", description="old", labels={"a": "1"})
    changed = daemon.client.update("description", name=made.name, description="new",
                                   labels={"b": "2"})
    assert changed.description == "new" and dict(changed.labels) == {"a": "1"}
    assert changed.etag != made.etag and changed.uid == made.uid


def test_without_a_mask_the_populated_fields_change(daemon, create):
    made = create("populated", description="old", labels={"a": "1"})
    changed = daemon.client.update(name=made.name, description="new")
    assert changed.description == "new" and dict(changed.labels) == {"a": "1"}
    assert changed.remote == REMOTE


def test_a_star_replaces_everything(daemon, create):
    made = create("starred", description="old", labels={"a": "1"})
    changed = daemon.client.update("*", name=made.name, module=made.module, role=made.role,
                                   listen=made.listen, remote="tcp://127.0.0.1:2")
    assert not changed.description and not changed.labels and changed.remote == "tcp://127.0.0.1:2"


def test_a_nested_field_changes_alone(daemon, create):
    made = create("nested", limits={"sessions_max": 5, "memory_bytes_max": 1 << 20})
    changed = daemon.client.update("limits.sessions_max", name=made.name,
                                   limits={"sessions_max": 6})
    assert changed.limits.sessions_max == 6 and changed.limits.memory_bytes_max == 1 << 20


def test_allow_missing_creates(daemon):
    name = f"{TENANT}/transports/missing"
    module = f"{TENANT}/modules/plain"
    fields = {"name": name, "module": module, "role": module_pb2.ROLE_RELAY, "remote": REMOTE,
              "listen": "tcp://127.0.0.1:0"}
    assert error_of(daemon.client.update, **fields).code == grpc.StatusCode.NOT_FOUND
    assert daemon.client.update(allow_missing=True, **fields).uid
    daemon.client.delete(name)


def test_validate_only_update_changes_nothing(daemon, create):
    made = create("unchanged", description="old")
    dry = daemon.client.update("description", name=made.name, description="new",
                               validate_only=True)
    assert dry.description == "new"
    got = daemon.client.get(made.name)
    assert (got.description, got.etag) == (made.description, made.etag)


def test_a_stale_etag_is_aborted_everywhere(daemon, create):
    made = create("stale")
    daemon.client.update("description", name=made.name, description="changed")
    for call in (lambda: daemon.client.update("description", name=made.name, description="x",
                                              etag=made.etag),
                 lambda: daemon.client.start(made.name, made.etag),
                 lambda: daemon.client.stop(made.name, made.etag),
                 lambda: daemon.client.delete(made.name, made.etag)):
        assert error_of(call).code == grpc.StatusCode.ABORTED
    current = daemon.client.get(made.name)
    assert current.description == "changed"
    daemon.client.delete(made.name, current.etag)


def test_a_module_changes_its_description_and_keeps_its_bytes(daemon):
    before = daemon.client.upload("described", paths.module("plain"))
    after = daemon.client.modules.UpdateModule(module_pb2.UpdateModuleRequest(
        module=module_pb2.Module(name=before.name, description="better", etag=before.etag),
        update_mask=mask("description")))
    assert after.description == "better" and after.sha256 == before.sha256
    daemon.client.modules.DeleteModule(module_pb2.DeleteModuleRequest(name=before.name))


def test_a_replaced_module_serves_new_sessions(daemon, serve):
    daemon.client.upload("replaced", paths.module("plain"))
    seen = bytearray()
    with Backend(net.recording_echo(seen)) as backend:
        transport = serve("relay", "replaced", remote=backend.address)
        with net.connect(transport.bound_address) as old:
            old.sendall(b"a")
            assert net.receive_exactly(old, 1) == b"a"
            new = daemon.client.upload("replaced", paths.module("reverse"), replace=True)
            eventually(lambda: daemon.client.get(transport.name).module_sha256 == new.sha256,
                       what="the transport keeps the old module")
            eventually(lambda: exchanged_reversed(transport.bound_address, seen),
                       what="new sessions run the old module")
            old.sendall(b"a")
            assert net.receive_exactly(old, 1) == b"a"
            assert seen[-1:] == b"a"


def exchanged_reversed(address, seen):
    """Whether a new session passes 0x01 on as 0x80."""
    assert net.exchange(address, b"\x01") == b"\x01"
    return seen[-1:] == b"\x80"


def test_a_module_in_use_stays(daemon, create):
    create("user")
    request = module_pb2.DeleteModuleRequest(name=f"{TENANT}/modules/plain")
    error = error_of(daemon.client.modules.DeleteModule, request)
    assert error.code == grpc.StatusCode.FAILED_PRECONDITION
    assert daemon.client.upload("plain", paths.module("plain"), replace=True)


# -- lists ------------------------------------------------------------------------------------


def test_pages_hold_everything_once_in_order(daemon, create):
    names = {create(f"page-{index}").name for index in range(7)}
    seen, token, sizes = [], "", []
    while True:
        page = daemon.client.transports.ListTransports(transport_pb2.ListTransportsRequest(
            parent=TENANT, page_size=3, page_token=token))
        sizes.append(len(page.transports))
        seen += [transport.name for transport in page.transports]
        token = page.next_page_token
        if not token:
            break
    assert seen == sorted(seen) and set(seen) == names and sizes == [3, 3, 1]


def test_a_page_token_holds_only_for_its_list(daemon, create):
    for index in range(2):
        create(f"token-{index}")
    page = daemon.client.transports.ListTransports(transport_pb2.ListTransportsRequest(
        parent=TENANT, page_size=1))
    for call in (lambda: daemon.client.modules.ListModules(module_pb2.ListModulesRequest(
                     parent=TENANT, page_token=page.next_page_token)),
                 lambda: daemon.client.sessions.ListSessions(session_pb2.ListSessionsRequest(
                     parent=f"{TENANT}/transports/-", page_token=page.next_page_token))):
        error = error_of(call)
        assert error.code == grpc.StatusCode.INVALID_ARGUMENT
        assert error.fields == ["page_token"]


# -- watch ------------------------------------------------------------------------------------


class Watcher:
    """Collects what a watch says until it is closed."""

    def __init__(self, client, revision=0):
        self.call = client.transports.WatchTransports(transport_pb2.WatchTransportsRequest(
            parent=TENANT, revision=revision), timeout=60)
        self.seen = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            for message in self.call:
                self.seen.append(message)
        except grpc.RpcError:
            pass

    def wait(self, condition):
        return eventually(lambda: next((m for m in list(self.seen) if condition(m)), None),
                          what=lambda: self.seen)

    def close(self):
        self.call.cancel()
        self.thread.join(10)


CHANGES = transport_pb2.WatchTransportsResponse


def test_a_watch_shows_what_is_and_then_each_change(daemon, create):
    made = create("watched")
    watcher = Watcher(daemon.client)
    watcher.wait(lambda m: m.change == CHANGES.CHANGE_SYNCED)
    assert {m.transport.name for m in watcher.seen if m.transport.name} == {made.name}
    daemon.client.start(made.name)
    watcher.wait(lambda m: m.transport.state == Transport.STATE_ACTIVE)
    daemon.client.stop(made.name)
    daemon.client.wait_state(made.name, "STOPPED")
    daemon.client.delete(made.name)
    gone = watcher.wait(lambda m: m.change == CHANGES.CHANGE_DELETED)
    assert gone.transport == Transport(name=made.name)
    revisions = [m.revision for m in watcher.seen]
    assert revisions == sorted(revisions)
    watcher.close()


def test_a_watch_resumes_after_a_revision(daemon, create):
    create("first")
    watcher = Watcher(daemon.client)
    synced = watcher.wait(lambda m: m.change == CHANGES.CHANGE_SYNCED)
    watcher.close()
    second = create("second")
    resumed = Watcher(daemon.client, revision=synced.revision)
    resumed.wait(lambda m: m.transport.name == second.name)
    # Not the whole set again; states may be told twice.
    assert CHANGES.CHANGE_SYNCED not in [m.change for m in resumed.seen]
    assert all(m.revision >= synced.revision for m in resumed.seen)
    resumed.close()


def test_sessions_can_be_watched(daemon, serve):
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address)
        call = daemon.client.sessions.WatchSessions(
            session_pb2.WatchSessionsRequest(parent=transport.name), timeout=30)
        states = []
        with net.connect(transport.bound_address) as client:
            for message in call:
                states.append(message.session.state)
                if message.session.state == session_pb2.Session.STATE_ACTIVE:
                    net.shut_write(client)
                if message.session.state == session_pb2.Session.STATE_ENDED:
                    break
        call.cancel()
    assert states[-2:] == [session_pb2.Session.STATE_ACTIVE, session_pb2.Session.STATE_ENDED]


# -- the server -------------------------------------------------------------------------------


def test_what_a_transport_waits_for_is_in_its_conditions(daemon, create):
    with Backend(net.echo) as squatter:
        made = create("blocked", listen=squatter.address, enabled=True)
        failed = daemon.client.wait_state(made.name, "FAILED")
        bound = next(c for c in failed.conditions if c.type == "AddressBound")
        assert bound.status == bound.STATUS_FALSE and bound.message
        assert not failed.bound_address
    # It is retried: once the port is free, the transport takes it.
    assert daemon.client.wait_state(made.name, "ACTIVE", 20).bound_address == squatter.address


def test_health_for_the_server_and_each_service(daemon):
    for service in ("", *SERVICES):
        answer = daemon.client.health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING, service
    error = error_of(daemon.client.health.Check,
                     health_pb2.HealthCheckRequest(service="penstock.v1.Nothing"))
    assert error.code == grpc.StatusCode.NOT_FOUND


def test_reflection_lists_the_services(daemon):
    database = ProtoReflectionDescriptorDatabase(daemon.client.channel)
    assert set(SERVICES) <= set(database.get_services())


def test_both_kinds_of_address_serve_the_same(daemon):
    assert [a.split("://")[0] for a in daemon.api_addresses] == ["unix", "tcp"]
    other = Client(daemon.api_addresses[1])
    assert other.server_info().start_time == daemon.client.server_info().start_time
    other.close()


def test_server_info_tells_what_runs(daemon):
    info = daemon.client.server_info()
    assert info.version and info.v8_version and info.isolation_mode in ("strict", "dense")
    assert [worker.index for worker in info.workers] == list(range(daemon.workers))
    assert info.metrics_address.endswith("/metrics")
