"""What this machine could do at best: how fast it moves bytes, how fast it multiplies.

Writing one token reads every weight and every cached key and value once, and multiplies by each
parameter; so bytes a second and multiplies a second bound the tokens a second (the roofline of
Williams, Waterman and Patterson, 2009). They are measured in a process of their own, whose
libraries keep to the given number of threads:

* bytes: copying arrays of the size of the weights, back and forth, a share of it in each thread;
  read and written bytes count. Weights that fit into the processor's cache come from there, in the
  model's case as in this one.
* multiplies: the product of two matrices of 1,024 x 1,024, in float32 by numpy's library, and of
  8-bit integers by ONNX Runtime; a multiplication with its addition counts once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from ondevice.errors import CheckError
from ondevice.evaluation.onnx_product import integer_product

SIDE = 1024
_VARIABLES = (
    *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
)
_PROBE = """
import json, sys, threading, time
import numpy as np
import onnxruntime
size, threads, side = map(int, sys.argv[1:4])
seconds = float(sys.argv[4])

def copied(stop, totals, place):
    part = max(1 << 16, size // threads // 2)
    one, other = np.ones(part, np.uint8), np.zeros(part, np.uint8)
    # Once at least: a machine under load may let the time pass before a thread begins.
    while not totals[place] or time.perf_counter() < stop:
        for _ in range(8):
            np.copyto(other, one)
            np.copyto(one, other)
        totals[place] += 32 * part

def bandwidth():
    totals, started = [0] * threads, time.perf_counter()
    arguments = [(started + seconds, totals, place) for place in range(threads)]
    workers = [threading.Thread(target=copied, args=one) for one in arguments]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    return sum(totals) / (time.perf_counter() - started)

def multiplies(product):
    product()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        product()
        count += 1
    return count * side**3 / (time.perf_counter() - started)

one = np.random.default_rng(0).random((side, side), np.float32)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(sys.stdin.buffer.read(), options)
whole = {"a": np.random.default_rng(0).integers(0, 255, (side, side), np.uint8)}
products = (lambda: one @ one), (lambda: session.run(None, whole))
print(json.dumps([max(bandwidth() for _ in range(3)),
                  *(max(multiplies(product) for _ in range(3)) for product in products)]))
"""


@dataclass(frozen=True, slots=True)
class Roofline:
    """Bytes a second, for a working set of some size, and multiply-adds a second: in float32, and
    of 8-bit integers."""

    threads: int
    bytes_per_second: float
    multiplies_per_second: float
    int8_multiplies_per_second: float

    @classmethod
    def best(cls, found: Iterable[Roofline]) -> Roofline:
        """Return what was reached at best in several measurements."""
        every = list(found)
        names = ("bytes_per_second", "multiplies_per_second", "int8_multiplies_per_second")
        return cls(every[0].threads, *(max(getattr(one, name) for one in every) for name in names))

    def tokens_per_second(self, bytes_read: float, parameters: int, *, quantized: bool) -> float:
        """Return the bound for one sequence: each token reads so much, and multiplies by each
        parameter once, as integers of 8 bits where the weights are ``quantized``."""
        rate = self.multiplies_per_second
        if quantized:
            rate = max(rate, self.int8_multiplies_per_second)
        return min(self.bytes_per_second / bytes_read, rate / max(1, parameters))


def measure_roofline(working_set: int, threads: int, seconds: float = 0.4) -> Roofline:
    """Measure for weights of ``working_set`` bytes; takes about nine times ``seconds``.

    Raises ``CheckError`` when the process that measures fails.
    """
    # Without its setting, ONNX Runtime leaves an id of the device in the user's folder.
    environment = os.environ | dict.fromkeys(_VARIABLES, str(threads))
    environment["ORT_DISABLE_TELEMETRY"] = "1"
    arguments = [str(working_set), str(threads), str(SIDE), str(seconds)]
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *arguments],
        input=integer_product(SIDE),
        capture_output=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise CheckError(f"the probe of this machine's limits failed: {last}")
    return Roofline(threads, *json.loads(done.stdout))
