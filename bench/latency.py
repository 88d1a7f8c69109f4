"""What measuring costs: requests with a clock at every event, and without.

usage: python bench/latency.py [--rounds 15] [--backend onnx] [--output bench/results/latency.json]

The sides take turns on the same requests of the bundled model; each round gives a ratio. Prints the
median and the spread, and writes the file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import ondevice
from ondevice.evaluation.latency import LatencyPlan
from ondevice.evaluation.latency.whole import run_requests
from ondevice.evaluation.machine import describe_machine
from ondevice.files import write_atomically

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--backend")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "latency.json")
    options = parser.parse_args()
    plan = LatencyPlan()
    ratios = []
    with ondevice.load(backend=options.backend) as model:
        for number in range(options.rounds + 1):
            order = (measured, plain) if number % 2 else (plain, measured)
            times = {side: side(model, plan) for side in order}
            if number:  # the first round warms up
                ratios.append(times[measured] / times[plain])
    low, _, high = statistics.quantiles(ratios, n=4)
    found = {
        "machine": describe_machine(),
        "backend": model.backend_name,
        "rounds": options.rounds,
        "measured over plain, median": statistics.median(ratios),
        "quartiles": [low, high],
    }
    write_atomically(options.output, json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def plain(model: ondevice.Model, plan: LatencyPlan) -> float:
    started = time.process_time()
    for request in ("say something else", *(one for one in plan.requests for _ in range(2))):
        for _ in model.stream(request, max_tokens=plan.max_tokens):
            pass
    return time.process_time() - started


def measured(model: ondevice.Model, plan: LatencyPlan) -> float:
    started = time.process_time()
    run_requests(model, plan)
    return time.process_time() - started


if __name__ == "__main__":
    main()
