"""The LintSeq paper's comparison (arXiv 2410.02749), at the size of a laptop.

usage: python bench/paper.py train   [--folder runs/paper] [--steps 150] [--seeds 1 2 3]
       python bench/paper.py measure [--problems 60] [--samples 50] [--tune-problems 20]
                                     [--backend llama_cpp] [--output bench/results/paper.json]
       python bench/paper.py show    [--picture models/tiny/paper.svg]

train    tunes the same base weights on the tasks of two fields, answered by plain programs (each as
         one edit), by LintSeq sequences, and by sequences whose lines were deleted at random. A
         step is a number of tokens, so all spend the same tokens; "plain, same programs" sees as
         many examples as LintSeq instead, in fewer tokens
measure  draws samples for held-out wordings, each side at the temperature that gave it the best
         pass@10 on other held-out wordings; with checks at decoding and without
show     prints the table and draws pass@k against k and against tokens

All three go on where they were stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from paperbench import measuring, showing, training

HERE = Path(__file__).parent
STAGES = {"train": training, "measure": measuring, "show": showing}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--folder", type=Path, default=Path("runs/paper"))
    parser.add_argument("--start", type=Path, default=Path("models/laptop/checkpoint"))
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--tune-problems", type=int, default=20)
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--backend", default="llama_cpp")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "paper.json")
    parser.add_argument("--picture", type=Path, default=Path("models/tiny/paper.svg"))
    options = parser.parse_args()
    STAGES[options.stage].carry_out(options)


if __name__ == "__main__":
    main()
