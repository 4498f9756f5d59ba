"""Fetches a web page through a dialer and a listener that run the reverse module, and shows how.

    curl ── plain ──▶ dialer ══ reversed bits ══▶ listener ── plain ──▶ web server

Run by scripts/demo. Exits 1, loudly, when anything is not as it should be.
"""

import argparse
import http.server
import os
import pathlib
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
# pylint: disable=wrong-import-position
from support import net, paths  # noqa: E402
from support.client import ROLES, Session  # noqa: E402
from support.daemon import Daemon  # noqa: E402
from support.payloads import bits_reversed  # noqa: E402
from support.waiting import eventually  # noqa: E402

PAGE = b"""<!doctype html>
<title>Penstock</title>
<h1>It works</h1>
<p>This page came through two WebAssembly transports.</p>
"""
ROLE_NAMES = {number: name for name, number in ROLES.items()}


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    arguments = parser.parse_args()
    # Ended from outside, it must end penstockd too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    daemon = Daemon(workers=os.cpu_count())
    try:
        run(daemon, arguments.keep)
    except (Exception, KeyboardInterrupt) as error:  # pylint: disable=broad-except
        print(f"\ndemo: FAILED: {type(error).__name__}: {error}", file=sys.stderr)
        print(f"demo: the last log lines of penstockd:\n{daemon.tail()}", file=sys.stderr)
        return 1
    finally:
        daemon.close()
    return 0


def run(daemon, keep):
    step("Start penstockd with its defaults in a scratch directory")
    daemon.start()
    info = daemon.client.server_info()
    print(f"penstockd {info.version} (pid {daemon.process.pid}), V8 {info.v8_version}, "
          f"{len(info.workers)} workers: {', '.join(str(w.pid) for w in info.workers)}")

    step("Upload the reverse module over gRPC")
    module = daemon.client.upload("reverse", paths.module("reverse"))
    print(f"{module.name}  {module.size_bytes} bytes  sha256 {module.sha256[:16]}...  "
          f"roles: {', '.join(ROLE_NAMES[role] for role in module.roles)}")

    step("Create a listener that leads to a web server, and a dialer that leads to the listener")
    web = WebServer()
    listener = daemon.client.serve("exit", role="listener", module="reverse",
                                   listen="tcp://127.0.0.1:0", upstream=web.address)
    tap = net.Tap(listener.bound_address)
    dialer = daemon.client.serve("entry", role="dialer", module="reverse",
                                 listen="tcp://127.0.0.1:0", remote=tap.address)
    url = "http://" + dialer.bound_address.removeprefix("tcp://") + "/"
    print(f"curl -> {dialer.bound_address} dialer => wire tap {tap.address} => "
          f"{listener.bound_address} listener -> web server {web.address}")

    step(f"Fetch the page through both: curl {url}")
    fetch(url)
    print(PAGE.decode(), end="")

    step("What the dialer was given, and what passed on the wire")
    show_wire(tap, dialer)

    step("The two sessions")
    show_sessions(daemon)

    step("A few metrics")
    show_metrics(daemon)

    step("Kill a worker with SIGKILL, and fetch again")
    kill_a_worker(daemon)
    fetch(url)
    print("fetched again, the same page")

    step("What to try next")
    show_next(daemon, url, keep)
    if keep:
        wait_for_interrupt()
    tap.close()


def step(title):
    print(f"\n\033[1m== {title}\033[0m" if sys.stdout.isatty() else f"\n== {title}", flush=True)


class WebServer:
    """Serves one page on a loopback port."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(PAGE)))
                self.end_headers()
                self.wfile.write(PAGE)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"tcp://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()


def fetch(url):
    """Gets the page with curl; it must be exactly the one that the web server has."""
    got = subprocess.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "10", url],
                         capture_output=True, check=False)
    if got.returncode != 0:
        raise RuntimeError(f"curl ended with {got.returncode}: {got.stderr.decode().strip()}")
    if got.stdout != PAGE:
        raise RuntimeError(f"another page came back: {got.stdout!r}")


def show_wire(tap, dialer):
    eventually(lambda: bits_reversed(bytes(tap.upward)).startswith(b"GET / HTTP/1.1"),
               what="the wire does not hold the request, reversed")
    wire = bytes(tap.upward)
    plain = bits_reversed(wire)
    host = dialer.bound_address.removeprefix("tcp://").encode()
    if b"Host: " + host not in plain or b"HTTP" in wire:
        raise RuntimeError("what passed on the wire is not the reversed request")
    for title, data in (("plain", plain), ("wire ", wire)):
        for at in range(0, 48, 16):
            row = data[at:at + 16]
            text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
            print(f"{title} {at:04x}  {row.hex(' '):47}  {text}")


def show_sessions(daemon):
    sessions = eventually(lambda: ended_sessions(daemon), what="the sessions have not ended")
    for session in sessions:
        print(f"{session.name.removeprefix('tenants/default/'):32} "
              f"{ROLE_NAMES[session.role]:9} worker {session.worker}  "
              f"from {session.peer_address} to {session.remote_address}  "
              f"in {session.accepted_bytes_received} B, out {session.accepted_bytes_sent} B  "
              f"{session.end_reason}")


def ended_sessions(daemon):
    sessions = daemon.client.list_sessions()
    done = len(sessions) == 2 and all(s.state == Session.STATE_ENDED for s in sessions)
    return sessions if done else None


def show_metrics(daemon):
    wanted = ("penstock_sessions_total", "penstock_session_bytes_total",
              "penstock_module_compilations_total", "penstock_worker_restarts_total")
    lines = [line for line in daemon.metrics().splitlines()
             if line.startswith(wanted) and not line.endswith(" 0")]
    if not any(line.startswith("penstock_session_bytes_total") for line in lines):
        raise RuntimeError("the metrics count no bytes")
    print("\n".join(lines))


def kill_a_worker(daemon):
    victim = daemon.client.server_info().workers[0]
    os.kill(victim.pid, signal.SIGKILL)

    def replaced():
        worker = daemon.client.server_info().workers[0]
        return worker if worker.pid != victim.pid and worker.state == worker.STATE_READY else None
    worker = eventually(replaced, what="the worker was not replaced")
    print(f"worker {victim.index}: pid {victim.pid} is dead, pid {worker.pid} has its place")


def show_next(daemon, url, keep):
    if not keep:
        print("scripts/demo --keep   leaves all of this running, with its addresses")
    else:
        api = next(a for a in daemon.api_addresses if a.startswith("tcp://"))
        api = api.removeprefix("tcp://")
        print(f"curl {url}\n"
              f"grpcurl -plaintext {api} list\n"
              f"grpcurl -plaintext -d '{{\"parent\": \"tenants/default\"}}' {api} "
              "penstock.v1.TransportService/ListTransports\n"
              f"curl http://{daemon.metrics_address.removeprefix('tcp://')}/metrics\n"
              f"ls {daemon.directory}")
    print("scripts/test          runs every test\n"
          "transports/README.md  how to write a module of your own")


def wait_for_interrupt():
    print("\nRunning until Ctrl-C.", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    sys.exit(main())
