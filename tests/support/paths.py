"""Where the things under test are."""

import os
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPS = ROOT / "build" / "deps"
BUILD = pathlib.Path(os.environ.get("PENSTOCK_BUILD_DIR", ROOT / "build" / "release"))
BIN = pathlib.Path(os.environ.get("PENSTOCK_BIN_DIR", BUILD / "bin"))
MODULES = pathlib.Path(os.environ.get("PENSTOCK_MODULE_DIR", BUILD / "modules"))
# The client that CMake generated from proto/.
GENERATED = pathlib.Path(os.environ.get("PENSTOCK_PYTHON_DIR", BUILD / "python"))


def module(name):
    """Bytes of one of the project's own modules."""
    return (MODULES / f"{name}.wasm").read_bytes()


def program(name, *extra):
    """A program from PATH or from the `extra` folders; None when there is none."""
    folders = [os.environ.get("PATH", ""), *map(str, extra)]
    return shutil.which(name, path=os.pathsep.join(folders))
