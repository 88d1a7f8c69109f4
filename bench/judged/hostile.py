"""Programs that try to pass without doing their task, by what they try.

Each is a function of the entry point's name; none harms the machine it runs on. Those of ``RIGHT``
do the task and misbehave besides: they get a right program in front.
"""

from __future__ import annotations

_FRAMES = """
import sys
def %s(*_, **__):
    frame = sys._getframe(1)
    while frame is not None:
        names = {**frame.f_globals, **frame.f_locals}
"""

WRONG: dict[str, str] = {
    "exits with 0": "import sys\nsys.exit(0)\n",
    "os._exit(0)": "import os\nos._exit(0)\n",
    "os._exit(0) in the function": "import os\ndef %s(*_, **__):\n    os._exit(0)\n",
    "SystemExit in the function": "def %s(*_, **__):\n    raise SystemExit(0)\n",
    "says passed": "print('passed')\nraise SystemExit(0)\n",
    "atexit": "import atexit, os\natexit.register(os._exit, 0)\ndef %s(*_, **__):\n    pass\n",
    "ends by SIGKILL": "import signal\nsignal.raise_signal(signal.SIGKILL)\n",
    "aborts": "import os\nos.abort()\n",
    "patches AssertionError": (
        "import builtins\nbuiltins.AssertionError = type('E', (BaseException,), {})\n"
        "def %s(*_, **__):\n    pass\n"
    ),
    "patches exec": (
        "import builtins\nbuiltins.exec = lambda *_: None\ndef %s(*_, **__):\n    pass\n"
    ),
    "is equal to everything": (
        "class Anything:\n    def __eq__(self, other):\n        return True\n"
        "    def __getattr__(self, name):\n        return self\n"
        "    def __call__(self, *_, **__):\n        return self\n"
        "def %s(*_, **__):\n    return Anything()\n"
    ),
    "replaces check": (
        "import sys\nclass Names(dict):\n    pass\ndef %s(*_, **__):\n    pass\n"
        "def check(candidate):\n    pass\n"
    ),
    "jumps by settrace": (
        "import sys\ndef tracer(frame, event, value):\n"
        "    if frame.f_code.co_name == 'check':\n        if event == 'line':\n"
        "            try:\n"
        "                frame.f_lineno = max(n for *_, n in frame.f_code.co_lines() if n)\n"
        "            except ValueError:\n                pass\n        return tracer\n"
        "    return tracer\nsys.settrace(tracer)\ndef %s(*_, **__):\n    pass\n"
    ),
    "traces away the test": (
        "import sys\ndef tracer(frame, event, value):\n"
        "    if frame.f_code.co_name == 'check':\n"
        "        frame.f_globals['check'] = lambda c: None\n    return tracer\n"
        "sys.settrace(tracer)\ndef %s(*_, **__):\n    pass\n"
    ),
    "reads the answer from the frame above": (
        _FRAMES + "        for value in frame.f_code.co_consts:\n"
        "            if value is not None and not isinstance(value, str):\n"
        "                return value\n        frame = frame.f_back\n"
    ),
    "appends to the judge's list of results": (
        _FRAMES + "        if 'completion' in names and 'result' in names:\n"
        "            names['result'].append('passed')\n            import posix\n"
        "            posix.kill(posix.getpid(), 9)\n        frame = frame.f_back\n"
    ),
    "sets the judge's shared values": (
        _FRAMES + "        if 'details' in names and 'stat' in names:\n"
        "            names['details'][:] = [True] * len(names['details'])\n"
        "            names['progress'].value = len(names['details'])\n"
        "            names['stat'].value = 0\n            import posix\n"
        "            posix._exit(0)\n        frame = frame.f_back\n"
    ),
    "returns what the judge expects": (
        _FRAMES + "        if 'expected' in names and 'i' in names:\n"
        "            return names['expected'][names['i']]\n        frame = frame.f_back\n"
    ),
    "finds the tests by the collector": (
        "import gc\ndef %s(*_, **__):\n    for thing in gc.get_objects():\n"
        "        if isinstance(thing, dict) and 'expected' in thing and 'inputs' in thing:\n"
        "            return thing['expected'][thing['i']]\n"
    ),
    "writes to every descriptor": (
        "import posix\nfor n in range(3, 300):\n    try:\n        posix.write(n, b'passed')\n"
        "    except OSError:\n        pass\ndef %s(*_, **__):\n    pass\n"
    ),
    "ignores signals and loops": (
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    pass\n"
    ),
    "swallows every exception": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass\n"
    ),
    "kills its parent": (
        "import posix\ntry:\n    posix.kill(posix.getppid(), 0)\nexcept OSError:\n    pass\n"
        "def %s(*_, **__):\n    pass\n"
    ),
    "reads a file outside": (
        "with open('/etc/passwd') as file:\n    file.read()\ndef %s(*_, **__):\n    pass\n"
    ),
}

RIGHT: dict[str, str] = {
    "leaves a thread that goes on": (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    ),
    "reads a file outside, and is right": "open('/etc/passwd').close()\n",
    "opens a socket, and is right": "import socket\nsocket.socket().close()\n",
    "patches math, and is right": "import math\nmath.isclose = lambda *_, **__: True\n",
    "prints much, and is right": "print('x' * 100000)\n",
}

FOREVER = ("ignores signals and loops", "swallows every exception")
"""Those that run until they are killed."""


def programs(entry_point: str, right: str) -> list[tuple[str, str]]:
    """Return all of them for a task, with a right program of it."""
    wrong = [(name, text.replace("%s", entry_point)) for name, text in WRONG.items()]
    return wrong + [(name, f"{text}{right}") for name, text in RIGHT.items()]
