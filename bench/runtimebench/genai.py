"""onnxruntime-genai as a process: a line of JSON asks for tokens, a line tells the seconds.

usage: python genai.py GRAPH_FOLDER THREADS
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime_genai


def main() -> None:
    folder, threads = sys.argv[1:]
    config = onnxruntime_genai.Config(folder)
    settings = json.loads((Path(folder) / "genai_config.json").read_text())
    decoder = settings["model"]["decoder"]
    session = {**decoder["session_options"], "intra_op_num_threads": int(threads)}
    config.overlay(json.dumps({"model": {"decoder": {"session_options": session}}}))
    model = onnxruntime_genai.Model(config)
    tokenizer = onnxruntime_genai.Tokenizer(model)
    for line in sys.stdin:
        print(seconds(model, tokenizer, json.loads(line)), flush=True)


def seconds(
    model: onnxruntime_genai.Model, tokenizer: onnxruntime_genai.Tokenizer, asked: dict
) -> float:
    started = time.perf_counter()
    prompt = tokenizer.encode(asked["prompt"])
    length = len(prompt) + asked["tokens"]
    parameters = onnxruntime_genai.GeneratorParams(model)
    parameters.set_search_options(
        do_sample=True,
        random_seed=asked["seed"],
        temperature=asked["temperature"],
        top_k=asked["top_k"],
        top_p=asked["top_p"],
        min_length=length,
        max_length=length,
    )
    generator = onnxruntime_genai.Generator(model, parameters)
    generator.append_tokens(prompt)
    stream = tokenizer.create_stream()
    count = 0
    while not generator.is_done():
        generator.generate_next_token()
        stream.decode(generator.get_next_tokens()[0])
        count += 1
    assert count == asked["tokens"], count
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
