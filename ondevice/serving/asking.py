"""From the JSON of a request to what a model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from ondevice.fences import program_of
from ondevice.model import Options
from ondevice.serving.fields import Fields
from ondevice.serving.settings import Settings

CHECKS = ("names", "syntax", "none")
"""The others start programs, and hold up everybody's tokens meanwhile."""
MAX_TOKENS = 32_768
MAX_SAMPLES = 64
MAX_LINES = 100_000
MAX_TRIES = 64
MAX_STOPS = 4
_SEEDS = 2**63 - 1
_SAMPLED = 1.0


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client wants: the request itself, and how it is to be told."""

    prompt: str
    samples: int
    options: Options
    model: str | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False
    include_edits: bool = False
    chat: bool = field(default=False)


def completion(found: dict[str, Any], settings: Settings) -> Ask:
    """Read a request of ``/v1/completions``."""
    fields = Fields(found)
    prompt = fields.take("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise fields.error("prompt", "must be one string")
    best_of = fields.integer("best_of", 1, MAX_SAMPLES)
    fields.refuse("echo", False)
    fields.refuse("suffix", "")
    fields.refuse("logprobs", 0)
    ask = _completion(fields, prompt, None, settings, chat=False)
    if best_of is not None and best_of != ask.samples:
        raise fields.error("best_of", "must be the same as n")
    return ask


def chat(found: dict[str, Any], settings: Settings) -> Ask:
    """Read a request of ``/v1/chat/completions``."""
    fields = Fields(found)
    prompt, source = _conversation(fields)
    fields.refuse("logprobs", False)
    fields.refuse("top_logprobs", 0)
    fields.refuse("tools", [])
    fields.refuse("tool_choice", "none", "auto")
    fields.refuse("functions", [])
    fields.refuse("function_call", "none")
    fields.refuse("response_format", {"type": "text"})
    fields.refuse("modalities", ["text"])
    fields.refuse("store", False)
    for name in ("parallel_tool_calls", "metadata", "service_tier"):
        fields.take(name)  # they change nothing about the answer
    return _completion(fields, prompt, source, settings, chat=True)


def edits(found: dict[str, Any], settings: Settings) -> Ask:
    """Read a request of ``/v1/edits``."""
    fields = Fields(found)
    prompt = fields.text("prompt")
    if prompt is None:
        raise fields.error("prompt", "is missing; say what the program should do")
    samples = fields.integer("samples", 1, MAX_SAMPLES) or 1
    model = fields.text("model")
    options = _sampling(fields, samples)
    options |= _ours(fields, settings)
    fields.end()
    return Ask(prompt.strip(), samples, options, model, stream=True)


def _completion(
    fields: Fields, prompt: str, source: str | None, settings: Settings, *, chat: bool
) -> Ask:
    samples = fields.integer("n", 1, MAX_SAMPLES) or 1
    model = fields.text("model")
    longest = fields.integer("max_completion_tokens", 1, MAX_TOKENS)
    options = _sampling(fields, samples)
    if longest is not None:
        options["max_tokens"] = longest
    for name in ("frequency_penalty", "presence_penalty"):
        fields.refuse(name, 0)
    fields.refuse("logit_bias", {})
    stop = _stops(fields)
    stream = fields.flag("stream")
    streaming = fields.inner("stream_options")
    usage, events = streaming.flag("include_usage"), streaming.flag("include_edits")
    streaming.flag("include_obfuscation")
    streaming.end()
    fields.text("user")
    ours = fields.inner("ondevice")
    if source is not None:
        options["source"] = source
    options |= _ours(ours, settings)
    ours.end()
    fields.end()
    return Ask(prompt.strip(), samples, options, model, stop, stream, usage, events, chat)


def _sampling(fields: Fields, samples: int) -> Options:
    """Take what says how to sample; what is not given is as on the command line."""
    options: Options = {"temperature": _SAMPLED if samples > 1 else 0.0}
    if (temperature := fields.number("temperature", 0, 2)) is not None:
        options["temperature"] = temperature
    if (top_p := fields.number("top_p", 0, 1)) is not None:
        options["top_p"] = top_p
    if (seed := fields.integer("seed", 0, _SEEDS)) is not None:
        options["seed"] = seed
    if (most := fields.integer("max_tokens", 1, MAX_TOKENS)) is not None:
        options["max_tokens"] = most
    return options


def _ours(fields: Fields, settings: Settings) -> Options:
    """Take what only this package knows; see ``Model.stream``."""
    from ondevice.decoding.constraints import Lengths

    options: Options = {"max_seconds": settings.max_seconds}
    if (seconds := fields.number("max_seconds", 0.001, settings.max_seconds)) is not None:
        options["max_seconds"] = seconds
    if (source := fields.text("source")) is not None:
        options["source"] = source
    if (path := fields.text("path")) is not None:
        options["path"] = path
    if (check := fields.choice("check", CHECKS)) is not None:
        options["check"] = check
    if (lengths := fields.choice("lengths", get_args(Lengths))) is not None:
        options["lengths"] = lengths  # type: ignore[typeddict-item]
    if (retries := fields.integer("retries", 0, MAX_TRIES)) is not None:
        options["retries"] = retries
    if (depth := fields.integer("depth", 0, MAX_TRIES)) is not None:
        options["depth"] = depth
    if (lines := fields.integer("max_lines", 1, MAX_LINES)) is not None:
        options["max_lines"] = lines
    if (top_k := fields.integer("top_k", 0, 2**31 - 1)) is not None:
        options["top_k"] = top_k
    if (min_p := fields.number("min_p", 0, 1)) is not None:
        options["min_p"] = min_p
    return options


def _stops(fields: Fields) -> tuple[str, ...]:
    stop = fields.take("stop")
    texts = [stop] if isinstance(stop, str) else stop or []
    good = isinstance(texts, list) and all(isinstance(text, str) and text for text in texts)
    if not good or len(texts) > MAX_STOPS:
        raise fields.error("stop", f"must be a string, or up to {MAX_STOPS}, none of them empty")
    return tuple(texts)


def _conversation(fields: Fields) -> tuple[str, str | None]:
    """Return the request in the last message, and the program that it is about, if any."""
    messages = fields.take("messages")
    if not isinstance(messages, list) or not messages:
        raise fields.error("messages", "must be a list of messages")
    prompt, source = "", None
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            raise fields.error(f"messages[{number}]", "must be an object")
        inner = Fields(message, f"messages[{number}].")
        role = inner.choice("role", ("system", "developer", "user", "assistant"))
        if role is None:
            raise inner.error("role", "is missing")
        text = _content(inner)
        if role == "assistant":
            source = program_of(text)
        prompt = text if role == "user" else ""
    if not prompt:
        raise fields.error("messages", "must end with a message of the user that is not empty")
    return prompt, source


def _content(fields: Fields) -> str:
    content = fields.take("content")
    parts: Sequence[object] = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    kinds = {part.get("type") for part in parts if isinstance(part, dict)}
    if kinds - {"text"} or not all(isinstance(text, str) for text in texts):
        raise fields.error("content", "must be text; images, audio and tools are not supported")
    return "".join(str(text) for text in texts)
