"""``ondevice bench passk``: the share of problems that a model solves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ondevice.cli.columns import columns
from ondevice.errors import RequestError


def passk(
    suite: Annotated[
        str, typer.Option(help="everyday-wordings or everyday-tasks: what training held out.")
    ] = "everyday-wordings",
    model: Annotated[str | None, typer.Option("--model", "-m", help="Name, file, folder.")] = None,
    backend: Annotated[str | None, typer.Option(help="onnx or llama_cpp.")] = None,
    tasks: Annotated[
        Path, typer.Option(help="Folder of the everyday tasks, from the repository.")
    ] = Path("bench/everyday"),
    samples: Annotated[int, typer.Option(min=1, help="Programs a problem.")] = 1,
    temperature: Annotated[float, typer.Option(help="0: greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="As in generate.")] = 0.95,
    check: Annotated[str, typer.Option(help="As in generate.")] = "names",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first problems.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to decode with.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write samples and figures as JSON.")
    ] = None,
) -> None:
    """Share of problems whose program passes its tests (pass@k).

    The programs are run on this machine, with a time limit and no other protection.
    """
    import ondevice
    from ondevice.evaluation.everyday import read_everyday
    from ondevice.evaluation.passk import summarize, write_samples

    if samples > 1 and temperature == 0:
        raise RequestError(
            "at --temperature 0 all samples of a problem are the same; give --samples 1, or a "
            "temperature"
        )
    problems = read_everyday(tasks, suite.removeprefix("everyday-"))[:limit]
    parameters: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "check": check}
    done = []
    with ondevice.load(model, backend=backend, threads=threads) as loaded:
        name = f"{loaded.name} on {loaded.backend_name}"
        for sample in write_samples(loaded, problems, samples, **parameters):
            done.append(sample)
            if len(done) % 20 == 0:
                passed = sum(sample.passed for sample in done)
                typer.echo(f"{len(done)}/{len(problems) * samples}, {passed} passed", err=True)
    figures = summarize(done, [k for k in (1, 5, 10, 50) if k <= samples])
    heading = {"suite": suite + (f" (first {limit})" if limit else ""), "model": name}
    print(columns([(key, str(value)) for key, value in {**heading, **figures}.items()]))
    if output:  # after the table, so that a bad path costs no result
        _write(output, {**heading, **parameters, **figures}, [s.to_json() for s in done])


def _write(path: Path, figures: dict[str, Any], samples: list[dict[str, Any]]) -> None:
    from ondevice.evaluation.machine import describe_machine
    from ondevice.files import write_atomically

    content = {"machine": describe_machine(), "figures": figures, "samples": samples}
    write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
