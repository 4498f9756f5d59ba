"""What was acknowledged survives kill -9: modules, transports, and their addresses."""

import concurrent.futures
import sqlite3

import pytest
from support import net, paths
from support.net import Backend
from support.client import TENANT, error_of
from support.daemon import DaemonEnded


@pytest.fixture(name="running")
def running_fixture(new_daemon):
    running = new_daemon(workers=1).start()
    running.client.upload("plain", paths.module("plain"))
    return running


def test_transports_come_back_with_their_addresses(running):
    client = running.client
    with Backend(net.echo) as backend:
        before = [
            client.serve("chosen", role="relay", module="plain", listen="tcp://127.0.0.1:0",
                         remote=backend.address, description="its port was picked",
                         labels={"a": "b"}),
            client.serve("socket", role="dialer", module="plain", remote=backend.address,
                         listen=f"unix://{running.directory}/entry.sock"),
            client.create("off", role="listener", module="plain", listen="tcp://127.0.0.1:0",
                          upstream=backend.address, enabled=False),
        ]
        running.kill()
        running.start()
        for old in before:
            state = "ACTIVE" if old.enabled else "STOPPED"
            new = running.client.wait_state(old.name, state)
            for field in ("uid", "etag", "bound_address", "description", "labels", "module",
                          "create_time", "role", "listen"):
                assert getattr(new, field) == getattr(old, field), field
            if new.enabled:
                assert net.exchange(new.bound_address, b"still") == b"still"


def test_modules_come_back_and_their_bytes_are_known(running):
    before = running.client.list_modules()
    running.kill()
    running.start()
    assert running.client.list_modules() == before
    # The server holds these bytes: the header alone is enough.
    again = running.client.upload("again", paths.module("plain"), chunks=[])
    assert again.sha256 == before[0].sha256


def test_a_stopped_transport_and_a_deleted_one_stay_so(running):
    client = running.client
    kept = client.serve("kept", role="relay", module="plain", listen="tcp://127.0.0.1:0",
                        remote="tcp://127.0.0.1:1")
    gone = client.serve("gone", role="relay", module="plain", listen="tcp://127.0.0.1:0",
                        remote="tcp://127.0.0.1:1")
    client.stop(kept.name)
    client.delete(gone.name)
    running.kill()
    running.start()
    assert not running.client.get(kept.name).enabled
    assert error_of(running.client.get, gone.name).code.name == "NOT_FOUND"


def test_every_acknowledged_create_of_many_is_there(running):
    """Killed in the midst of writes: what the caller was told must hold."""
    acknowledged = []

    def create(number):
        try:
            acknowledged.append(running.client.create(
                f"t{number}", role="relay", module="plain", listen="tcp://127.0.0.1:0",
                remote="tcp://127.0.0.1:1", enabled=False).name)
        except Exception:  # noqa: BLE001  # pylint: disable=broad-except
            return  # not acknowledged, for whatever reason the dying server gave

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(create, number) for number in range(400)]
        next(concurrent.futures.as_completed(futures))
        while len(acknowledged) < 40:
            pass
        running.process.kill()
    running.kill()
    running.start()
    for name in acknowledged:
        assert running.client.get(name).name == name


def test_a_file_that_is_no_database_is_refused_at_start(new_daemon):
    running = new_daemon(workers=1)
    running.start()
    running.terminate()
    for path in running.state_dir.rglob("*"):
        if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3":
            path.write_bytes(b"this is not a database" * 500)
    with pytest.raises(DaemonEnded):
        running.start()
    assert running.process.returncode != 0


def test_the_state_is_sqlite_and_holds_no_configuration_in_reads(running):
    secret = b"hunter2-" * 4
    created = running.client.create("s", role="relay", module="plain", listen="tcp://127.0.0.1:0",
                                    remote="tcp://127.0.0.1:1",
                                    configuration={"watm_cfg": secret, "files": {"ca.pem": b"x"}})
    assert created.configuration.size_bytes == len(secret)
    assert not created.configuration.watm_cfg and not created.configuration.files
    assert created.configuration.sha256 == net.digest(secret)
    assert list(created.configuration.file_names) == ["ca.pem"]
    assert secret not in running.client.get(created.name).SerializeToString()
    databases = [p for p in running.state_dir.rglob("*")
                 if p.is_file() and p.read_bytes()[:15] == b"SQLite format 3"]
    assert databases and all(p.stat().st_mode & 0o077 == 0 for p in databases)
    for path in databases:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert secret.decode() not in running.log_path.read_text()
    assert created.name == f"{TENANT}/transports/s"
