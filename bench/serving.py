"""What the server does under load, how it takes clients that leave, and how soon it answers.

usage: python bench/serving.py [--parts load hangups first_hunk] [--clients 32] [--seconds 120]
                               [--single 20] [--hangups 1000] [--requests 20] [--cold 3]
                               [--tries 6] [--backend llama_cpp] [--mixed]
                               [--label TEXT] [--output bench/results/serving.json]

load   one client, many, and one again, each asking as soon as it is answered: tokens a second,
       statuses, the fastest client beside the slowest, the server's memory
hangups  clients that close their connections at random moments: what is left of them
first_hunk  time to the first hunk: by a warm server, by the model in this process in turns with it,
       and by new processes of ``ondevice generate``; of several tries each the least

The bundled model, sampled at temperature 1. Clients and server share the machine, with whatever
else runs on it; the load average before each part is written down. For Linux, since open files are
counted in /proc. Prints what it finds and writes the file; parts that the file holds and that are
not asked for are kept.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from servingbench import first_hunk, hangups, load

from ondevice.backends.machine import usable_cores
from ondevice.evaluation.machine import describe_machine
from ondevice.files import write_atomically

HERE = Path(__file__).parent
PARTS = {"load": load, "hangups": hangups, "first_hunk": first_hunk}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--single", type=float, default=20.0, help="Seconds of the one client.")
    parser.add_argument("--hangups", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--cold", type=int, default=3)
    parser.add_argument("--tries", type=int, default=6)
    parser.add_argument("--backend")
    parser.add_argument("--mixed", action="store_true", help="As `ondevice serve --mixed`.")
    parser.add_argument("--label", help="Said beside the part, such as what else was running.")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "serving.json")
    options = parser.parse_args()
    options.serve = ["--threads", "1"]
    options.serve += ["--backend", options.backend] if options.backend else []
    options.serve += ["--mixed"] if options.mixed else []
    results = json.loads(options.output.read_text()) if options.output.exists() else {}
    for part in options.parts:
        busy = os.getloadavg()[0]
        found = PARTS[part].measure(options)
        sides = [options.backend, options.mixed and "mixed", options.label]
        name = ", ".join([part, *filter(None, sides)])
        machine = describe_machine() | {"cores used": usable_cores(), "load before": busy}
        results[name] = {"machine": machine, **found}
        write_atomically(options.output, json.dumps(results, indent=2) + "\n")
        print(json.dumps({name: found}, indent=2), flush=True)


if __name__ == "__main__":
    main()
