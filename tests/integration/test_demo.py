"""scripts/demo.py: shows the main job, and fails loudly when it cannot."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

from support import paths
from support.waiting import eventually

DEMO = [sys.executable, str(paths.ROOT / "scripts" / "demo.py")]


def test_it_shows_the_main_job():
    shown = subprocess.run(DEMO, capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for expected in ("<h1>It works</h1>", "plain 0000  47 45 54 20", "wire  0000  e2 a2 2a 04",
                     "penstock_session_bytes_total", "is dead", "fetched again"):
        assert expected in shown.stdout


def test_keep_leaves_it_running_until_interrupted():
    with subprocess.Popen([*DEMO, "--keep"], stdout=subprocess.PIPE, text=True) as kept:
        lines = []
        for line in kept.stdout:
            lines.append(line)
            if line.startswith("Running until"):
                break
        text = "".join(lines)
        url = re.search(r"^curl (http://\S+/)$", text, re.M)[1]
        assert b"It works" in urllib.request.urlopen(url, timeout=10).read()
        kept.send_signal(signal.SIGINT)
        assert kept.wait(30) == 0
    directory = re.search(r"^ls (\S+)$", text, re.M)[1]
    eventually(lambda: not os.path.exists(directory), what="the scratch directory is left")


def test_it_fails_loudly(tmp_path):
    broken = subprocess.run(DEMO, capture_output=True, text=True, timeout=60, check=False,
                            env=os.environ | {"PENSTOCK_BIN_DIR": str(tmp_path)})
    assert broken.returncode == 1
    assert "FAILED" in broken.stderr
