"""The Prometheus endpoint."""

import subprocess
import urllib.error
import urllib.request

import pytest
from support import net, paths
from support.client import error_of
from support.net import Backend
from support.waiting import eventually

# Each must exist from the start, with every value of its labels.
FROM_THE_START = [
    "penstock_build_info", "penstock_sessions_active", "penstock_sessions_total",
    "penstock_sessions_ended_total", "penstock_session_bytes_total", "penstock_accepts_total",
    "penstock_rejects_total", "penstock_dials_total", "penstock_worker_restarts_total",
    "penstock_guest_traps_total", "penstock_guest_cpu_seconds_total", "penstock_instances",
    "penstock_isolates", "penstock_host_calls_total", "penstock_module_compilations_total",
    "penstock_grpc_requests_total", "penstock_reconcile_runs_total",
    "penstock_session_setup_seconds_count", "penstock_session_duration_seconds_count",
    "penstock_scheduler_wait_seconds_count", "process_open_fds", "process_max_fds",
]
ROLES = ("dialer", "dialer_fixed", "listener", "relay")


def samples(text):
    """Names of all samples."""
    return {line.partition("{")[0].partition(" ")[0]
            for line in text.splitlines() if line and not line.startswith("#")}


def test_promtool_finds_nothing_to_complain_about(daemon, serve):
    promtool = paths.program("promtool", paths.DEPS / "prometheus" / "usr" / "bin")
    if promtool is None:
        pytest.skip("promtool is not installed")
    with Backend(net.echo) as backend:
        net.exchange(serve("relay", "plain", remote=backend.address).bound_address, b"x")
    checked = subprocess.run([promtool, "check", "metrics"], input=daemon.metrics(), text=True,
                             capture_output=True, check=False)
    assert checked.returncode == 0 and not checked.stderr, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", FROM_THE_START)
def test_series_exist_before_anything_happened(new_daemon, name):
    assert name in samples(fresh_metrics(new_daemon))


_FRESH = []


def fresh_metrics(new_daemon):
    """Metrics of a daemon to which nothing has happened, read once."""
    if not _FRESH:
        _FRESH.append(new_daemon(workers=1).start().metrics())
    return _FRESH[0]


def test_every_role_and_reason_has_a_series_from_the_start(new_daemon):
    text = fresh_metrics(new_daemon)
    for role in ROLES:
        for reason in ("completed", "guest_trap", "worker_lost"):
            assert any(line.startswith("penstock_sessions_ended_total{")
                       and f'role="{role}"' in line and f'reason="{reason}"' in line
                       for line in text.splitlines()), (role, reason)


def test_no_label_holds_an_address_a_session_or_a_digest(daemon, serve):
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address)
        net.exchange(transport.bound_address, b"x")
        text = daemon.metrics()
        for secret in (transport.module_sha256, str(backend.port), "127.0.0.1", transport.name):
            assert f'"{secret}' not in text


def test_sessions_and_bytes_are_counted(daemon, serve):
    def total(name):
        return daemon.metric(name, role="relay")

    before = {name: total(name) for name in (
        "penstock_sessions_total", "penstock_sessions_ended_total", "penstock_session_bytes_total")}
    with Backend(net.echo) as backend:
        transport = serve("relay", "plain", remote=backend.address)
        with net.connect(transport.bound_address) as client:
            client.sendall(bytes(1000))
            net.receive_exactly(client, 1000)
            eventually(lambda: total("penstock_sessions_active") == 1, what="it is not active")
    eventually(lambda: total("penstock_sessions_active") == 0, what="it is still active")
    assert total("penstock_sessions_total") == before["penstock_sessions_total"] + 1
    assert total("penstock_sessions_ended_total") == before["penstock_sessions_ended_total"] + 1
    # In at one side and out at the other, there and back.
    assert total("penstock_session_bytes_total") == before["penstock_session_bytes_total"] + 4000


def test_calls_are_counted_by_method_and_code(daemon):
    method = {"method": "GetTransport", "code": "NOT_FOUND"}
    name = "penstock_grpc_requests_total"
    before = daemon.metric(name, **method) or 0
    error_of(daemon.client.get, "tenants/default/transports/nobody")
    eventually(lambda: daemon.metric(name, **method) == before + 1, what=daemon.metrics)


def test_other_paths_and_methods_are_refused(daemon):
    base = "http://" + daemon.metrics_address.removeprefix("tcp://").split("/")[0]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(base + "/nothing", timeout=10)
    assert refused.value.code == 404
