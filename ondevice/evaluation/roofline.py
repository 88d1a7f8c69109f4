"""What this machine could do at best: how fast it moves bytes, how fast it multiplies.

Writing one token reads every weight once, and multiplies by it; so bytes a second and multiplies a
second bound the tokens a second (the roofline of Williams, Waterman and Patterson, 2009). Both are
measured in a process of their own, whose numerical library keeps to the given number of threads:

* bytes: copying arrays of the size of the weights, back and forth, a share of it in each thread;
  read and written bytes count. Weights that fit into the processor's cache come from there, in the
  model's case as in this one.
* multiplies: the product of two matrices of 1,024 x 1,024 in float32; a multiplication with its
  addition counts once. Quantized kernels may do more, so that a share can exceed 100%.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from ondevice.errors import CheckError

_VARIABLES = (
    *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
)
_PROBE = """
import json, sys, threading, time
import numpy as np
size, threads, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])

def copied(stop, totals, place):
    part = max(1 << 16, size // threads // 2)
    one, other = np.ones(part, np.uint8), np.zeros(part, np.uint8)
    total = 0
    while time.perf_counter() < stop:
        for _ in range(8):
            np.copyto(other, one)
            np.copyto(one, other)
        total += 32 * part
    totals[place] = total

def bandwidth():
    totals, started = [0] * threads, time.perf_counter()
    arguments = [(started + seconds, totals, place) for place in range(threads)]
    workers = [threading.Thread(target=copied, args=one) for one in arguments]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    return sum(totals) / (time.perf_counter() - started)

def multiplies():
    one = np.random.default_rng(0).random((1024, 1024), np.float32)
    one @ one
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        one @ one
        count += 1
    return count * 1024**3 / (time.perf_counter() - started)

print(json.dumps([max(bandwidth() for _ in range(3)), max(multiplies() for _ in range(3))]))
"""


@dataclass(frozen=True, slots=True)
class Roofline:
    """Bytes a second, for a working set of some size, and multiply-adds a second in float32."""

    threads: int
    bytes_per_second: float
    multiplies_per_second: float

    def tokens_per_second(self, bytes_read: int, parameters: int) -> float:
        """Return the bound for one sequence: each token reads so much, and multiplies by each
        parameter once."""
        by_bytes = self.bytes_per_second / bytes_read
        return min(by_bytes, self.multiplies_per_second / max(1, parameters))


def measure_roofline(working_set: int, threads: int, seconds: float = 0.4) -> Roofline:
    """Measure for weights of ``working_set`` bytes; takes about six times ``seconds``.

    Raises ``CheckError`` when the process that measures fails.
    """
    environment = os.environ | dict.fromkeys(_VARIABLES, str(threads))
    arguments = [str(working_set), str(threads), str(seconds)]
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise CheckError(f"the probe of this machine's limits failed: {last}")
    moved, multiplied = json.loads(done.stdout)
    return Roofline(threads, moved, multiplied)
