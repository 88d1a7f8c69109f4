"""The objects that OpenAI's API answers with, made from events."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Iterable
from typing import Any

from ondevice import __version__
from ondevice.events import Done, Event, SampleFinished
from ondevice.serving.asking import Ask

Finished = SampleFinished | Done
_STOPPED = frozenset({"complete", "passed"})


class Answer:
    """Makes the parts of one answer; ``ask`` says of which kind."""

    def __init__(self, ask: Ask, model: str) -> None:
        self._ask = ask
        name, kind = ("chatcmpl", "chat.completion") if ask.chat else ("cmpl", "text_completion")
        self._common = {
            "id": f"{name}-{secrets.token_hex(12)}",
            "object": kind,
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": f"ondevice-{__version__}",
        }

    def whole(self, events: Iterable[Event]) -> dict[str, Any]:
        """Return the answer that is sent at once."""
        finished, done = _finished(events)
        choices = [self._choice(event) for event in finished]
        return {**self._common, "choices": choices, "usage": _usage(done)}

    def opening(self) -> list[dict[str, Any]]:
        """Return what a stream begins with: in a chat, who speaks."""
        if not self._ask.chat:
            return []
        delta = {"role": "assistant", "content": ""}
        return [
            self._chunk([{"index": at, "delta": delta, "logprobs": None, "finish_reason": None}])
            for at in range(self._ask.samples)
        ]

    def edit(self, event: Event) -> dict[str, Any]:
        """Return the chunk that tells an event, for those who asked for it."""
        return {**self._chunk([]), "ondevice": event.to_json()}

    def closing(self, events: Iterable[Event]) -> list[dict[str, Any]]:
        """Return what a stream ends with: the programs, and why each ended."""
        finished, done = _finished(events)
        chunks = []
        for event in finished:
            choice = self._choice(event)
            if self._ask.chat:
                told = {"index": event.sample, "logprobs": None}
                content = {"content": choice["message"]["content"]}
                chunks.append(self._chunk([{**told, "delta": content, "finish_reason": None}]))
                reason, extra = choice["finish_reason"], choice["ondevice"]
                choice = {**told, "delta": {}, "finish_reason": reason, "ondevice": extra}
            chunks.append(self._chunk([choice]))
        if self._ask.include_usage:
            chunks.append({**self._chunk([]), "usage": _usage(done)})
        return chunks

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self._ask.chat else "text_completion"
        return {**self._common, "object": kind, "choices": choices}

    def _choice(self, event: Finished) -> dict[str, Any]:
        """Return a program as a choice, with what only this package tells under ``ondevice``."""
        text, stopped = _cut(event.text, self._ask.stop)
        if self._ask.chat:
            content: dict[str, Any] = {"message": {"role": "assistant", "content": text}}
        else:
            content = {"text": text}
        return {
            "index": event.sample,
            **content,
            "logprobs": None,
            "finish_reason": "stop" if stopped or event.finish_reason in _STOPPED else "length",
            "ondevice": {
                "finish_reason": event.finish_reason,
                "findings": [dataclasses.asdict(finding) for finding in event.findings],
                "stats": dataclasses.asdict(event.stats),
            },
        }


def _finished(events: Iterable[Event]) -> tuple[list[Finished], Done]:
    """Return the end of each sample, in their order, and of the request."""
    finished: list[Finished] = []
    for event in events:
        if isinstance(event, SampleFinished):
            finished.append(event)
        elif isinstance(event, Done):
            done = event
    finished.sort(key=lambda event: event.sample)
    return finished or [done], done


def _usage(done: Done) -> dict[str, int]:
    """Return what the request cost; tokens that were taken back again count."""
    given, made = done.stats.prompt_tokens, done.stats.tokens
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}


def _cut(text: str, stops: Iterable[str]) -> tuple[str, bool]:
    """Cut a text before the first of some others that occurs in it; tell whether one does."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)
