"""A process that is killed while it writes a change leaves the old file or the new one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="it takes fork and SIGKILL")

ROOT = Path(__file__).parents[2]
OLD = "".join(f"number_{n} = {n}\n" for n in range(3000))
NEW = OLD.replace("= 7\n", "= 8\n") + "total = 1\n"

# Killed at the first call of a C function, at the second ..., until a child gets to its end.
EVERY_MOMENT = """
import os, signal, sys
from pathlib import Path
from ondevice.textfile import TextFile

file, new = Path(sys.argv[1]), Path(sys.argv[2]).read_text()
old = file.read_bytes()
TextFile.read(file).write(file.read_text())  # imports what is imported at the first time
last, seen = 0, set()
while True:
    file.write_bytes(old)
    last += 1
    child = os.fork()
    if not child:
        opened, left = TextFile.read(file), last
        def profile(frame, event, argument):
            global left
            left -= event.startswith("c_")
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.setprofile(profile)
        opened.write(new)
        sys.setprofile(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    content = file.read_bytes()
    assert content in (old, new.encode()), (last, len(content))
    seen.add(content == old)
    if not os.WIFSIGNALED(status):
        assert status == 0 and content != old
        break
print(last, seen == {True, False})
"""

# Makes one change after another, each of which adds a line at the end.
OVER_AND_OVER = """
import itertools, sys
import ondevice
from ondevice.backends.scripted import ScriptedBackend
from ondevice.cli import main

for turn in itertools.count(1):
    diff = f"@@ -{turn},0 +{turn + 1} @@\\n+x = {turn}\\n<|diff|>\\n<|diff|>"
    model = ondevice.Model(ScriptedBackend(diff), name="scripted")
    type(model._manner).tokens = lambda *_: ([1], [])  # a script follows a short prompt
    ondevice.load = lambda *_, **__: model
    assert main(["edit", sys.argv[1], "add", "--write", "--check", "none"]) == 0
"""


def run(script: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_killed_at_every_call(tmp_path: Path) -> None:
    file, new = tmp_path / "f.py", tmp_path / "new.py"
    file.write_text(OLD)
    new.write_text(NEW)
    with run(EVERY_MOMENT, str(file), str(new)) as process:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    moments, both = out.split()
    assert int(moments) > 50
    assert both == "True", "some were killed before the change, some after"


def test_killed_at_random(tmp_path: Path) -> None:
    rng = random.Random(0)
    for number in range(6):
        file = tmp_path / f"f{number}.py"
        file.write_text("x = 0\n")
        with run(OVER_AND_OVER, str(file)) as process:
            assert process.stdout
            shown = 0
            while shown < 3:  # each change is written before it is shown
                line = process.stdout.readline()
                assert line, "it ended by itself"
                shown += line.startswith("---")
            time.sleep(rng.uniform(0, 0.3))
            os.kill(process.pid, signal.SIGKILL)
            process.stdout.read()
        lines = file.read_text().split("\n")
        assert lines == ["x = 0", *(f"x = {turn}" for turn in range(1, len(lines) - 1)), ""]
        assert len(lines) > 4
