"""Runs penstock-load, the load generator and backend."""

import json
import subprocess

from support import paths

import processes

_GRACE_SECONDS = 60


class LoadFailed(Exception):
    """The load generator itself failed."""


class Load:
    """Where load comes from: the cores that it runs on, and the port where its backend listens."""

    def __init__(self, cores, backend_port):
        self.cores = cores
        self.backend_port = backend_port

    @property
    def backend(self):
        return f"127.0.0.1:{self.backend_port}"

    def command(self, arguments, target):
        flags = [part for key, value in arguments.items() if key != "mode"
                 for part in (f"--{key.replace('_', '-')}", str(value))]
        return [str(paths.BIN / "penstock-load"), arguments["mode"], "--backend", self.backend,
                "--target", target or self.backend, *flags]

    def run(self, arguments, target):
        """The report of one run; `target` None is the backend itself."""
        seconds = (arguments.get("warm_up_ms", 0) + arguments.get("duration_ms", 0)) / 1000
        with processes.pinned(self.cores):
            process = subprocess.Popen(self.command(arguments, target), stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
        try:
            output, errors = process.communicate(timeout=seconds + _GRACE_SECONDS)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise LoadFailed("penstock-load hangs") from error
        if process.returncode != 0:
            raise LoadFailed(errors.strip() or f"penstock-load: status {process.returncode}")
        return json.loads(output)

    def hold(self, connections, target, while_held):
        """Holds idle connections; (report when they stand, result of while_held(), last report)."""
        arguments = {"mode": "idle", "connections": connections}
        with processes.pinned(self.cores):
            process = subprocess.Popen(self.command(arguments, target), stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            line = process.stdout.readline()
            if not line:
                raise LoadFailed(process.stderr.read().strip())
            result = while_held()
            output, _ = process.communicate("\n", timeout=_GRACE_SECONDS)
            return json.loads(line), result, json.loads(output)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
