"""Programs that mean harm: each fails or is contained, and the next one is judged rightly.

The headings are the lines of the list in the docstring of ``ondevice.sandbox``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ondevice.sandbox import Assertions, Harness, Job, Limits, Output, Sandbox, Verdict

LIMITS = Limits(seconds=3, memory=256 << 20, output=1 << 20, disk=8 << 20)
TESTS = Assertions(("assert double(2) == 4", "assert double(7) == 14"))
RIGHT = "def double(n):\n    return n * 2\n"
WRONG = "def double(n):\n    return 0\n"

Judge = Callable[..., Verdict]

linux = pytest.mark.skipif(sys.platform != "linux", reason="the system has no means for it")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=LIMITS) as opened:
        yield opened


@pytest.fixture
def judge(sandbox: Sandbox) -> Iterator[Judge]:
    """Judge a program by the tests; afterwards, a right and a wrong one have to be judged so."""

    def judged(program: str, expect: Assertions | Harness | Output = TESTS) -> Verdict:
        return sandbox.judge_one(Job(program, expect))

    yield judged
    assert judged(RIGHT) == Verdict(True, "passed", tests_passed=2)
    assert judged(WRONG).status == "failed"


# The verdict: what a program does to end well without passing.
ENDS = {
    "exits with 0": "import sys\nsys.exit(0)",
    "exits at once": "import os\nos._exit(0)",
    "exits in a test": "import os\ndef double(n):\n    os._exit(0)",
    "raises SystemExit in a test": "def double(n):\n    raise SystemExit(0)",
    "says that it passed": "print('passed')\nprint('OK')\nraise SystemExit",
    "registers a function for the exit": (
        "import atexit, os\natexit.register(lambda: os._exit(0))\n" + WRONG
    ),
    "ends by a signal": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "ends by a fault": "import signal\nsignal.raise_signal(signal.SIGSEGV)",
    "goes on in a fork": "import os\nif os.fork():\n    os._exit(0)\n" + WRONG,
    "forks for more acknowledgments": "import os\nfor _ in range(4):\n    os.fork()\n" + WRONG,
    "swallows every error": (
        "import sys\nsys.excepthook = lambda *_: None\n"
        "import os\nsys.exitfunc = lambda: os._exit(0)\n" + WRONG
    ),
    "replaces exit": (
        "import builtins, os, sys\nbuiltins.exit = sys.exit = os._exit = lambda *_: None\n" + WRONG
    ),
}

# The verdict: what it does to the tests, to the judge and to what they use.
PATCHES = {
    "patches builtins": (
        "import builtins\nbuiltins.AssertionError = type('E', (BaseException,), {})\n"
        "builtins.exec = builtins.compile = lambda *_, **__: None\n" + WRONG
    ),
    "patches the module of builtins in its names": (
        "__builtins__ = {'AssertionError': type(None)}\n" + WRONG
    ),
    "patches the harness": (
        "import sys, os, json, marshal, functools, traceback\n"
        "for module in list(sys.modules.values()):\n"
        "    for name in ('judge', '_steps', 'load', 'loads', 'write', 'partial', 'walk_tb'):\n"
        "        if hasattr(module, name):\n"
        "            setattr(module, name, lambda *_, **__: None)\n" + WRONG
    ),
    "imports the judge": (
        "import ondevice.sandbox.inside.child as c\nc._describe = None\n" + WRONG
    ),
    "writes to every descriptor": (
        "import os\nfor n in range(3, 1024):\n    try:\n        os.write(n, b'passed' * 20)\n"
        "    except OSError:\n        pass\n" + WRONG
    ),
    "reports that it passed": (
        'import os\nos.write(241, b\'!{"kind": "", "status": "passed"}\')\nos._exit(0)'
    ),
    "puts a pipe in place of the judge's": (
        "import os, marshal\nr, w = os.pipe()\n"
        "os.write(w, marshal.dumps(compile('pass', 'x', 'exec')) * 3)\n"
        "for n in range(3, 1024):\n    try:\n        n not in (r, w) and os.dup2(r, n)\n"
        "    except OSError:\n        pass\n" + WRONG
    ),
    "closes the judge's pipes": "import os\nos.closerange(3, 1024)\n" + WRONG,
    "traces": (
        "import sys\ndef hook(frame, event, value):\n    frame.f_trace_opcodes = True\n"
        "    return hook\nsys.settrace(hook)\n" + WRONG
    ),
    "jumps over the tests": (
        "import sys\ndef double(n):\n    def hook(frame, event, value):\n        return hook\n"
        "    frame = sys._getframe(1)\n    frame.f_trace = hook\n    sys.settrace(hook)\n"
        "    frame.f_lineno = frame.f_lineno + 1\n    return 0"
    ),
    "profiles": "import sys\nsys.setprofile(lambda *_: None)\n" + WRONG,
    "listens to audit events": "import sys\nsys.addaudithook(lambda *_: None)\n" + WRONG,
    "raises the limit of recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef double(n):\n    return double(n)"
    ),
    "makes an exception that lies": (
        "class E(BaseException):\n    def __str__(self):\n        import os\n        os._exit(0)\n"
        "def double(n):\n    raise E"
    ),
}

FRAMES = (
    "def double(n):\n    frame = sys._getframe(1)\n"
    "    return next(c for c in frame.f_code.co_consts if isinstance(c, int) and c > n)\n"
)

# The tests: what it does to know them.
READS = {
    "reads the frames above": "import sys\n" + FRAMES,
    "reads the frames behind its own": (
        "import sys\ndef double(n):\n    frame = sys._getframe()\n    while frame:\n"
        "        frame = frame.f_back\n"
        "        for c in frame.f_code.co_consts:\n"
        "            if isinstance(c, int) and c > n:\n                return c"
    ),
    "reads the frames of a traceback": (
        "def double(n):\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n"
        "        frame = e.__traceback__.tb_frame.f_back\n"
        "        return max(c for c in frame.f_code.co_consts if isinstance(c, int))"
    ),
    "reads the frames of all threads": (
        "import sys\ndef double(n):\n    for frame in sys._current_frames().values():\n"
        "        return frame.f_back.f_code.co_consts[-1]"
    ),
    "reads the collector's lists": (
        "import gc, types\ndef double(n):\n    for o in gc.get_objects():\n"
        "        if isinstance(o, types.FrameType):\n            return o.f_code.co_consts[1]\n"
    ),
    "asks who refers to it": (
        "import gc\ndef double(n):\n    return gc.get_referrers(double)[0].f_code.co_consts[1]"
    ),
    "reads the pipe before": (
        "import os\nfor n in range(3, 1024):\n    try:\n        os.set_blocking(n, False)\n"
        "        found = os.read(n, 65536)\n        break\n    except OSError:\n        pass\n"
        "def double(n):\n    return {2: 4, 7: 14}[n] if b'double' in found else 0"
    ),
    "reads the pipe in a thread": (
        "import os, threading\ndef steal():\n    while True:\n        os.read(240, 65536)\n"
        "threading.Thread(target=steal, daemon=True).start()\n" + RIGHT
    ),
    "leaves a thread in a test": (
        "import threading, time\ndef double(n):\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "    return n * 2"
    ),
    "reads its own memory": (
        "import ctypes\ndef double(n):\n    return ctypes.string_at(id(n), 64)[24] * 2\n"
    ),
    "finds the way behind the frames": (
        "import sys, types\nback = types.FrameType.__dict__['f_back'].fget\n"
        "back.__globals__['SHIFT'] = back.__closure__[0].cell_contents\n"
        "def double(n):\n    return back(sys._getframe()).f_code.co_consts[1]\n"
    ),
    "lets that way fail": (
        "import sys, types\nback = types.FrameType.__dict__['f_back'].fget\n"
        "def double(n):\n    try:\n        back(1)\n    except TypeError as e:\n"
        "        frame = e.__traceback__.tb_next.tb_frame\n"
        "        return frame.f_locals['behind'](sys._getframe()).f_code.co_consts[1]\n"
    ),
    "makes the guard blind": (
        "import builtins, sys\nbuiltins.isinstance = lambda *_: False\n"
        "builtins.PermissionError = builtins.ValueError = type(None)\n" + FRAMES
    ),
    "finds the guard by its refusal": (
        "import gc, sys\ntry:\n    gc.get_objects()\nexcept PermissionError as e:\n"
        "    found = e.__traceback__.tb_next.tb_frame\n"
        "    found.f_globals.update(SHIFT=10**9, _ATTRIBUTES=(), _MODULES=())\n" + FRAMES
    ),
    "reads the code of the tests' function": (
        "def double(n):\n    return max(check.__code__.co_consts)\n"
    ),
    "reads its memory as a file": (
        "def double(n):\n    with open('/proc/self/mem', 'rb') as f:\n        return f.read(1)[0]\n"
    ),
}

# The machine: what it does to stay, to spread or to fill it.
FLOODS = {
    "loops": "while True:\n    pass",
    "loops and ignores signals": (
        "import signal\nfor n in set(signal.Signals) - {9, 19}:\n"
        "    signal.signal(n, signal.SIG_IGN)\nwhile True:\n    pass"
    ),
    "sleeps": "import time\ntime.sleep(100)",
    "swallows every exception": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass"
    ),
    "forks without end": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    ),
    "starts threads without end": (
        "import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(100,)).start()"
    ),
    "takes memory": "x = []\nwhile True:\n    x.append(bytearray(1 << 20))",
    "takes memory at once": "x = 'x' * (1 << 40)",
    "computes a power": "x = 9 ** 9 ** 9",
    "floods its output": "while True:\n    print('x' * 65536)",
    "opens files without end": "f = []\nwhile True:\n    f.append(open('/dev/null'))",
    "fills the disk": (
        "n = 0\nwhile True:\n    n += 1\n    with open(f'f{n}', 'wb') as f:\n"
        "        f.write(bytes(1 << 19))"
    ),
    "writes one large file": "with open('f', 'wb') as f:\n    f.truncate(1 << 40)",
    "nests folders": (
        "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')\n" + WRONG
    ),
    "leaves what cannot be removed": (
        "import os\nos.mkdir('d')\nopen('d/f', 'w').close()\nos.chmod('d', 0)\n" + WRONG
    ),
}

OTHERS = {
    "kills its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n" + WRONG,
    "kills its group": "import os, signal\nos.killpg(0, signal.SIGKILL)\n" + WRONG,
    "kills everybody": "import os, signal\nos.kill(-1, signal.SIGKILL)\n" + WRONG,
    "stops its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\n" + WRONG,
    "interrupts its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGINT)\n" + WRONG,
}


@pytest.mark.parametrize("program", ENDS.values(), ids=ENDS)
def test_who_ends_early_does_not_pass(program: str, judge: Judge) -> None:
    verdict = judge(program)
    assert not verdict.passed
    assert verdict.status != "timeout"


@pytest.mark.parametrize("program", PATCHES.values(), ids=PATCHES)
def test_who_patches_does_not_pass(program: str, judge: Judge) -> None:
    assert not judge(program).passed


@pytest.mark.parametrize("program", READS.values(), ids=READS)
def test_who_looks_at_the_tests_does_not_pass(program: str, judge: Judge) -> None:
    assert not judge(program).passed


@pytest.mark.parametrize("program", FLOODS.values(), ids=FLOODS)
def test_who_takes_everything_is_ended(program: str, judge: Judge) -> None:
    verdict = judge(program)
    assert not verdict.passed
    assert verdict.seconds < LIMITS.seconds + 2


@pytest.mark.parametrize("program", OTHERS.values(), ids=OTHERS)
def test_who_turns_on_others_does_not_pass(program: str, judge: Judge) -> None:
    assert not judge(program).passed


def test_a_harness_is_not_read_either(judge: Judge) -> None:
    harness = Harness(
        "def check(candidate):\n    wanted = [4, 14]\n"
        "    for given, want in zip([2, 7], wanted):\n        assert candidate(given) == want\n",
        "double",
    )
    assert judge(RIGHT, harness).passed
    for look in ("f_locals['want']", "f_code.co_consts[1]"):
        program = f"import sys\ndef double(n):\n    return sys._getframe().f_back.{look}\n"
        assert not judge(program, harness).passed
    for look in ("check.__code__.co_consts", "check.__closure__"):
        program = f"def double(n):\n    return n * 2 if {look} else n * 2\n"
        if look.endswith("co_consts"):
            assert not judge(program, harness).passed


def test_the_tests_are_not_there_while_the_program_runs(judge: Judge) -> None:
    """Not in names, nor anywhere in what its frames lead to; nor is what guards them."""
    program = """
import sys
seen, waiting = set(), []
frame = sys._getframe()
while frame:
    waiting += [frame.f_locals, frame.f_globals]
    frame = frame.f_back
found = False
while waiting and len(seen) < 200000:
    thing = waiting.pop()
    if id(thing) in seen:
        continue
    seen.add(id(thing))
    if isinstance(thing, dict):
        waiting += [*thing.keys(), *thing.values()]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        waiting += thing
    elif isinstance(thing, (str, bytes)):
        thing = thing.decode("latin-1") if isinstance(thing, bytes) else thing
        found |= "elbuod"[::-1] + "(7)" in thing
    elif hasattr(thing, "__closure__"):
        found |= "guard" in thing.__module__ and thing.__name__ == "hook"
    elif hasattr(thing, "__dict__"):
        waiting.append(vars(thing))
    elif hasattr(thing, "__slots__"):
        waiting += [getattr(thing, name, None) for name in thing.__slots__]
def double(n):
    return n * 2 if not found else 0
assert len(seen) > 1000
"""
    assert judge(program).passed


def test_who_prints_too_much_is_told_so(judge: Judge) -> None:
    verdict = judge("while True:\n    print('x' * 65536)", Output((("", "x"),)))
    assert (verdict.passed, verdict.status) == (False, "output")


@pytest.mark.parametrize("line", ["10000000", "-3", "true", "[]", '"x"'])
def test_a_forged_report_fails_and_misleads_nobody(judge: Judge, line: str) -> None:
    report = f'!{{"line": {line}, "test_line": {line}, "reason": "x", "kind": "AssertionError"}}'
    verdict = judge(f"import os\nos.write(241, {report.encode()})\nos._exit(0)")
    assert (verdict.passed, verdict.status, verdict.reason) == (False, "failed", "x")
    assert verdict.line in (None, 1)
    assert verdict.test_line in (None, 1)


def test_what_is_said_not_to_be_protected_against(judge: Judge) -> None:
    """So that the docstring stays true: a change here is one there."""
    equal = (
        "class E:\n    def __eq__(self, _):\n        return True\ndef double(n):\n    return E()"
    )
    assert judge(equal).passed
    hidden = "def all(_):\n    return True\n" + WRONG
    assert judge(hidden, Assertions(("assert all(double(n) == 2 * n for n in (1, 2))",))).passed


@linux
def test_children_end_with_the_program(sandbox: Sandbox) -> None:
    """Also those that left its group; all of a worker's processes have its folder on their line."""
    if "others" not in sandbox.protections:
        pytest.skip("there is no namespace on this machine")
    program = """
import os, time
try:
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
except PermissionError:  # a program of root's
    pass
"""
    assert sandbox.judge_one(Job(program + RIGHT, TESTS)).passed
    folder = os.fsencode(sandbox._workers[0]._folder)
    lines = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            lines.append(Path("/proc", process, "cmdline").read_bytes())
    assert sum(folder in line for line in lines) == 2  # the worker, and who waits for it


@linux
class TestOutside:
    """What is not the program's: told by a script's own words, for it may try to its end."""

    def ask(self, sandbox: Sandbox, program: str) -> str:
        outcome = sandbox.run(program)
        assert outcome.status == "ended", outcome
        return outcome.stdout.strip() or outcome.stderr.strip().rpartition("\n")[2]

    def need(self, sandbox: Sandbox, *names: str) -> None:
        for name in names:
            if name not in sandbox.protections:
                pytest.skip(f"{name} is not protected on this machine")

    def test_files_cannot_be_read(self, sandbox: Sandbox, tmp_path: Path) -> None:
        self.need(sandbox, "reading")
        secret = tmp_path / "secret"
        secret.write_text("secret")
        secret.chmod(0o666)
        for path in (secret, "/etc/passwd", __file__, "/proc/1/environ"):
            said = self.ask(sandbox, f"print(open({str(path)!r}).read())")
            assert said.startswith(("PermissionError", "FileNotFoundError")), said
        assert "Error" in self.ask(sandbox, f"import os\nprint(os.listdir({str(tmp_path)!r}))")

    def test_files_cannot_be_written(self, sandbox: Sandbox, tmp_path: Path) -> None:
        self.need(sandbox, "writing")
        tmp_path.chmod(0o777)
        there = tmp_path / "there"
        there.write_text("mine")
        for program in (
            f"open({str(tmp_path / 'new')!r}, 'w')",
            f"open({str(there)!r}, 'w')",
            f"import os\nos.remove({str(there)!r})",
            f"import os\nos.rename({str(there)!r}, 'here')",
            f"import os\nos.symlink('x', {str(tmp_path / 'link')!r})",
            f"import os\nos.truncate({str(there)!r}, 0)",
        ):
            assert "Error" in self.ask(sandbox, program), program
        assert there.read_text() == "mine"
        assert [path.name for path in tmp_path.iterdir()] == ["there"]

    def test_there_is_no_network(self, sandbox: Sandbox) -> None:
        self.need(sandbox, "network")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            program = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)"
            assert "Error" in self.ask(sandbox, program)
        for kind in ("AF_INET, socket.SOCK_DGRAM", "AF_UNIX, socket.SOCK_STREAM"):
            assert "Error" in self.ask(sandbox, f"import socket\nsocket.socket(socket.{kind})")

    def test_there_is_nobody_else(self, sandbox: Sandbox) -> None:
        self.need(sandbox, "others")
        said = self.ask(sandbox, f"import os\nos.kill({os.getpid()}, 0)")
        assert said.startswith("ProcessLookupError")

    def test_the_kernel_is_not_asked_for_more(self, sandbox: Sandbox) -> None:
        self.need(sandbox, "kernel")
        calls = ("unshare(0x10000000)", "ptrace(0, 0, 0, 0)", "mount(0, b'/', 0, 0, 0)")
        for call in calls:
            program = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            program += f"print(libc.{call}, ctypes.get_errno())"
            assert self.ask(sandbox, program) == "-1 1"

    def test_the_environment_is_empty(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Sandbox() as fresh:
            monkeypatch.setenv("SECRET_KEY", "x")
            known = {"HOME", "TMPDIR", "PATH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
            assert set(fresh.run("import os\nprint(*os.environ)").stdout.split()) == known
            assert fresh.run("import os\nprint(os.listdir(), input())").stderr.endswith(
                "EOFError: EOF when reading a line\n"
            )

    def test_what_one_writes_the_next_does_not_find(self, sandbox: Sandbox) -> None:
        self.ask(sandbox, "open('note', 'w').write('x')\nprint(1)")
        assert self.ask(sandbox, "import os\nprint(os.listdir('.'), os.listdir('..'))") == (
            "[] ['work']"
        )
