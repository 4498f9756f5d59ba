"""Peers from the Go module proxy. All of them are optional: without Go their tests are skipped."""

import functools
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from support import paths

WATER = "github.com/refraction-networking/water@v0.7.1-alpha"
GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"
BIN = paths.DEPS / "go" / "bin"


def _unavailable(why):
    """Skips, unless Go is here and this is CI: then nothing may be left out."""
    if shutil.which("go") and os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@functools.cache
def _go(*arguments, directory=None):
    """Runs go; (its output, None) or (None, why it failed)."""
    if shutil.which("go") is None:
        return None, "Go is not installed"
    environment = os.environ | {"GOBIN": str(BIN), "GOFLAGS": "-buildvcs=false"}
    result = subprocess.run(["go", *arguments], cwd=directory or paths.DEPS, env=environment,
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        return None, f"go {arguments[0]} failed: {result.stderr.strip()[-500:]}"
    return result.stdout, None


def real_module(name):
    """Bytes of a WATM that the Go module carries: "plain" or "reverse"."""
    output, why = _go("mod", "download", "-json", WATER)
    if why:
        _unavailable(why)
    folder = pathlib.Path(json.loads(output)["Dir"])
    return (folder / "transport" / "v1" / "testdata" / f"{name}.wasm").read_bytes()


def grpcurl():
    """Path of grpcurl."""
    path = BIN / "grpcurl"
    if not path.exists():
        why = _go("install", GRPCURL)[1]
        if why:
            _unavailable(why)
    return str(path)


def gopeer():
    """Path of the Go runtime's command line, tests/integration/gopeer."""
    path = BIN / "gopeer"
    why = _go("build", "-o", str(path), ".",
              directory=paths.ROOT / "tests" / "integration" / "gopeer")[1]
    if why:
        _unavailable(why)
    return str(path)


class GoPeer:
    """A module in the Go runtime, in one role; see gopeer/main.go for the arguments."""

    def __init__(self, role, **arguments):
        flags = [part for key, value in arguments.items() for part in (f"-{key}", str(value))]
        self._process = subprocess.Popen([gopeer(), role, *flags], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                         text=True)
        first = self._process.stdout.readline()
        assert first.startswith("listening "), f"gopeer said {first!r}"
        self.address = "tcp://" + first.split()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.kill()
        self._process.wait()
