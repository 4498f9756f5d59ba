"""The gRPC API through the generated client."""

import hashlib
import sys
import uuid

import grpc
from google.protobuf import field_mask_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2_grpc

from support import paths
from support.waiting import eventually

sys.path.insert(0, str(paths.GENERATED))
# pylint: disable=wrong-import-position
from penstock.v1 import module_pb2, module_pb2_grpc  # noqa: E402
from penstock.v1 import server_pb2, server_pb2_grpc  # noqa: E402
from penstock.v1 import session_pb2, session_pb2_grpc  # noqa: E402
from penstock.v1 import transport_pb2, transport_pb2_grpc  # noqa: E402

TENANT = "tenants/default"
CHUNK_SIZE = 256 * 1024
ROLES = {
    "dialer": module_pb2.ROLE_DIALER,
    "dialer_fixed": module_pb2.ROLE_DIALER_FIXED,
    "listener": module_pb2.ROLE_LISTENER,
    "relay": module_pb2.ROLE_RELAY,
}
Transport = transport_pb2.Transport
Session = session_pb2.Session


def channel_target(address):
    """What grpcio wants for "unix:///path" or "tcp://host:port"."""
    return address.removeprefix("tcp://") if address.startswith("tcp://") else address


def mask(*names):
    return field_mask_pb2.FieldMask(paths=names)


class Client:
    """Every service on one channel, and the calls that tests make all the time."""

    def __init__(self, address):
        # Subchannels are shared within a process; a server that comes back at the same address must
        # be tried anew, not with the back-off that the old one earned.
        options = [("grpc.use_local_subchannel_pool", 1),
                   ("grpc.max_reconnect_backoff_ms", 200)]
        self.channel = grpc.insecure_channel(channel_target(address), options=options)
        self.modules = module_pb2_grpc.ModuleServiceStub(self.channel)
        self.transports = transport_pb2_grpc.TransportServiceStub(self.channel)
        self.sessions = session_pb2_grpc.SessionServiceStub(self.channel)
        self.server = server_pb2_grpc.ServerServiceStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def close(self):
        self.channel.close()

    # -- modules -------------------------------------------------------------------------------

    def upload(self, module_id, data, **header):
        """Stores `data`; `header` overrides fields of the upload's header."""
        return self.modules.UploadModule(upload_messages(module_id, data, **header), timeout=60)

    def list_modules(self):
        """All modules, over all pages."""
        found, token = [], ""
        while True:
            page = self.modules.ListModules(module_pb2.ListModulesRequest(
                parent=TENANT, page_size=1000, page_token=token), timeout=30)
            found.extend(page.modules)
            token = page.next_page_token
            if not token:
                return found

    # -- transports ----------------------------------------------------------------------------

    def create(self, transport_id, request_id="", validate_only=False, **fields):
        """Creates an enabled transport; does not wait for it."""
        return self.transports.CreateTransport(transport_pb2.CreateTransportRequest(
            parent=TENANT, transport_id=transport_id, validate_only=validate_only,
            request_id=request_id, transport=transport(**fields)), timeout=30)

    def get(self, name):
        return self.transports.GetTransport(transport_pb2.GetTransportRequest(name=name),
                                            timeout=30)

    def update(self, *names, allow_missing=False, validate_only=False, **fields):
        return self.transports.UpdateTransport(transport_pb2.UpdateTransportRequest(
            transport=Transport(**fields), update_mask=mask(*names) if names else None,
            allow_missing=allow_missing, validate_only=validate_only), timeout=30)

    def delete(self, name, etag=""):
        self.transports.DeleteTransport(
            transport_pb2.DeleteTransportRequest(name=name, etag=etag), timeout=30)

    def start(self, name, etag=""):
        return self.transports.StartTransport(
            transport_pb2.StartTransportRequest(name=name, etag=etag), timeout=30)

    def stop(self, name, etag=""):
        return self.transports.StopTransport(
            transport_pb2.StopTransportRequest(name=name, etag=etag), timeout=30)

    def wait_state(self, name, state, timeout=10):
        """The transport, once it is in `state` ("ACTIVE")."""
        wanted = Transport.State.Value(f"STATE_{state}")
        last = None

        def reached():
            nonlocal last
            last = self.get(name)
            return last if last.state == wanted else None
        return eventually(reached, timeout, what=lambda: f"{name} is not {state}: {last}")

    def serve(self, transport_id, **fields):
        """Creates an enabled transport and waits until it accepts."""
        return self.wait_state(self.create(transport_id, **fields).name, "ACTIVE")

    # -- sessions ------------------------------------------------------------------------------

    def list_sessions(self, transport="-", show_ended=True):
        """All sessions of a transport's ID or name, over all pages."""
        parent = transport if "/" in transport else f"{TENANT}/transports/{transport}"
        found, token = [], ""
        while True:
            page = self.sessions.ListSessions(session_pb2.ListSessionsRequest(
                parent=parent, page_size=1000, page_token=token, show_ended=show_ended), timeout=30)
            found.extend(page.sessions)
            token = page.next_page_token
            if not token:
                return found

    def wait_sessions(self, transport, count, timeout=10):
        """The live sessions of a transport, once there are `count`."""
        live = []

        def reached():
            live[:] = self.list_sessions(transport, show_ended=False)
            return len(live) == count
        eventually(reached, timeout, what=lambda: f"{len(live)} sessions, not {count}")
        return live

    def wait_ended(self, transport, count=1, timeout=10):
        """The ended sessions of a transport, once there are `count`, in their order."""
        ended = []

        def reached():
            ended[:] = [s for s in self.list_sessions(transport) if s.state == Session.STATE_ENDED]
            return len(ended) >= count
        eventually(reached, timeout, what=lambda: f"{len(ended)} sessions ended, not {count}")
        return ended

    def terminate(self, name):
        self.sessions.TerminateSession(session_pb2.TerminateSessionRequest(name=name), timeout=30)

    def server_info(self):
        return self.server.GetServerInfo(server_pb2.GetServerInfoRequest(), timeout=30)


def transport(role=None, module=None, enabled=True, **fields):
    """A Transport from friendly values: role "dialer", module "plain" or a full name."""
    if role is not None:
        fields["role"] = ROLES.get(role, role)
    if module is not None:
        fields["module"] = module if "/" in module else f"{TENANT}/modules/{module}"
    return Transport(enabled=enabled, **fields)


def upload_messages(module_id, data, chunks=None, **header):
    """The messages of an upload; `header` overrides, `chunks` replaces the data's pieces."""
    values = {"parent": TENANT, "module_id": module_id, "size_bytes": len(data),
              "sha256": hashlib.sha256(data).hexdigest()} | header
    yield module_pb2.UploadModuleRequest(header=module_pb2.UploadModuleHeader(**values))
    if chunks is None:
        chunks = [data[at:at + CHUNK_SIZE] for at in range(0, len(data), CHUNK_SIZE)]
    for chunk in chunks:
        yield module_pb2.UploadModuleRequest(chunk=chunk)


class ApiError:
    """What an RpcError says: code, message, reason, metadata and the fields it is about."""

    def __init__(self, error):
        self.code = error.code()
        self.message = error.details()
        self.reason = self.domain = None
        self.metadata, self.fields, self.resource = {}, [], None
        for detail in _details(error):
            if isinstance(detail, error_details_pb2.ErrorInfo):
                self.reason, self.domain = detail.reason, detail.domain
                self.metadata = dict(detail.metadata)
            elif isinstance(detail, error_details_pb2.BadRequest):
                self.fields = [v.field for v in detail.field_violations]
            elif isinstance(detail, error_details_pb2.ResourceInfo):
                self.resource = (detail.resource_type, detail.resource_name)

    def __repr__(self):
        return f"{self.code} {self.reason} {self.fields} {self.message!r}"


_DETAIL_TYPES = (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest,
                 error_details_pb2.ResourceInfo, error_details_pb2.PreconditionFailure,
                 error_details_pb2.QuotaFailure)


def _details(error):
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for packed in status_pb2.Status.FromString(value).details:
            for kind in _DETAIL_TYPES:
                if packed.Is(kind.DESCRIPTOR):
                    message = kind()
                    packed.Unpack(message)
                    yield message


def error_of(call, *args, **kwargs):
    """The ApiError with which `call` fails; it must fail."""
    try:
        result = call(*args, **kwargs)
    except grpc.RpcError as error:
        return ApiError(error)
    raise AssertionError(f"was not refused: {result}")


def new_request_id():
    return str(uuid.uuid4())
