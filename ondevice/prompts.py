"""From a request to the text that a model is given: by its own template, or as a chat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ondevice.edits import Buffer, Dialect, LintSeq, Unified
from ondevice.edits.unified import FENCE
from ondevice.errors import ModelFormatError

if TYPE_CHECKING:
    from ondevice.backends.base import ChatFormat

_SYSTEM = (
    "You edit files. Answer with a unified diff of the file that you are given, in one block "
    f"that begins with {FENCE}diff, and with nothing else."
)
_REPLY = f"{FENCE}diff\n"
"""How the answer begins; what the model writes is the diff from its first line on."""
_INSTRUCTION, _SOURCE, _PATH = "{instruction}", "{source}", "program.py"


_TO_REPLACE = re.compile(
    r"(?:^|[.;,!?:] )(?:please |just |can you |could you )*"
    r"(?:remove|delete|rename|replace|rewrite|simplify|refactor|convert|inline|swap|reorder"
    r"|restructure|rework|shorten|deduplicate|move|split|merge|get rid|reformat|clean up)\b",
    re.IGNORECASE,
)


def asks_to_replace(instruction: str) -> bool:
    """Tell whether a request asks outright for lines to go or to change: "rename f to g".

    Most requests that need it do not say so; of those that are taken for such, few are not.
    """
    return _TO_REPLACE.search(instruction) is not None


@dataclass(frozen=True, slots=True)
class Template:
    """The prompt of a model that was trained to write edits.

    ``text`` holds ``{instruction}`` and, for dialects that show the file, ``{source}``.
    """

    text: str

    def fill(self, instruction: str, buffer: Buffer, dialect: Dialect) -> tuple[str, str]:
        """Return the prompt, and the text of a history that made the buffer."""
        # One after the other, the source last: neither may be taken for the template.
        before, _, after = self.text.partition(_INSTRUCTION)
        source = _file_text(buffer)
        text = before.replace(_SOURCE, source) + instruction + after.replace(_SOURCE, source)
        if _SOURCE in self.text or not isinstance(dialect, LintSeq):
            return text, ""
        return text, dialect.write_history(buffer)


@dataclass(frozen=True, slots=True)
class Chat:
    """The prompt of a general model: its chat template, with a request for a unified diff."""

    format: ChatFormat

    def fill(self, instruction: str, buffer: Buffer, dialect: Dialect) -> tuple[str, str]:
        """Return the prompt, up to the opening of the block that holds the diff; no history.

        Raises ``ModelFormatError`` where the model's template cannot be filled in.
        """
        path = dialect.path if isinstance(dialect, Unified) else ""
        request = _request(instruction, path, _file_text(buffer))
        try:
            text = self._render([("system", _SYSTEM), ("user", request)])
        except ModelFormatError:
            # Some templates know no system message (Gemma's), and say so by an error.
            text = self._render([("user", f"{_SYSTEM}\n\n{request}")])
        return text + _REPLY, ""

    def _render(self, messages: list[tuple[str, str]]) -> str:
        from ondevice.chat_templates import render

        values = {
            "messages": [{"role": role, "content": content} for role, content in messages],
            "add_generation_prompt": True,
            "bos_token": self.format.bos_token,
            "eos_token": self.format.eos_token,
        }
        try:
            return render(self.format.template, values)
        except Exception as error:  # a template is a program of someone else's
            raise ModelFormatError(
                f"the model's chat template cannot be filled in: {error}; describe the model in an "
                "ondevice.json beside it, with a prompt_template"
            ) from error


def unified_template(chat: ChatFormat | None) -> str:
    """Return the text of a ``Template`` that asks for a unified diff of a file, as a chat where
    the model has one.

    Raises ``ModelFormatError`` where the model's chat template cannot be filled in.
    """
    if chat is None:
        return f"{_SYSTEM}\n\n{_request(_INSTRUCTION, _PATH, _SOURCE)}\n\n{_REPLY}"
    return Chat(chat).fill(_INSTRUCTION, Buffer.from_text(_SOURCE), Unified(_PATH))[0]


def _request(instruction: str, path: str, source: str) -> str:
    if not source:
        return f"{instruction}\n\nThe file {path} is empty."
    longest = max(map(len, re.findall("`+", source)), default=0)
    fence = "`" * max(len(FENCE), longest + 1)
    end = "" if source.endswith("\n") else "\n"
    return f"{instruction}\n\nThis is the file {path}:\n\n{fence}\n{source}{end}{fence}"


def _file_text(buffer: Buffer) -> str:
    # A byte-order mark is no part of the lines that the diff is about.
    return buffer.text.removeprefix(buffer.bom)
