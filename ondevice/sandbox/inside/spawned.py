"""The interpreter that ``spawner`` starts for one program."""

from __future__ import annotations

import json
import marshal
import os
import sys
from typing import NoReturn

from ondevice.sandbox.inside import wire
from ondevice.sandbox.inside.child import Task, World
from ondevice.sandbox.inside.limits import address_space, prepare
from ondevice.sandbox.inside.server import import_all


def main() -> NoReturn:
    """Run the program that stdin names; the arguments are those of ``server.main``."""
    settings = json.loads(sys.argv[2])
    sys.path += [path for path in settings["path"] if path not in sys.path]
    import_all(settings["preload"])
    request = marshal.loads(wire.receive(0))
    steps, acknowledgments = os.dup(0), os.dup(1)
    folder = settings["folder"]
    judged = request["kind"] == "tests"
    for descriptor, name, flags in [
        (0, "stdin", os.O_RDONLY),
        (1, "stdout", os.O_WRONLY),
        (2, "stderr", os.O_WRONLY),
    ]:
        path = os.devnull if judged and descriptor else os.path.join(folder, name)
        opened = os.open(path, flags | getattr(os, "O_BINARY", 0))
        os.dup2(opened, descriptor)
        os.close(opened)
    world = World(
        os.path.join(folder, "work"),
        (),
        native=settings["native"],
        grouped=True,
        token=request["token"].encode(),
    )
    task = Task(
        request["program"],
        prepare(request["limits"], address_space()),
        None,
        steps if judged else -1,
        acknowledgments if judged else -1,
    )
    del settings, request
    world.enter()
    world.run(task)
