"""Answers in Markdown: the program is what stands in their fences."""

from __future__ import annotations

import re

from ondevice import checks

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<ticks>```+)[ \t]*(?P<tag>[\w+#.-]*)[^`\n]*(?P<body>\n.*?)"
    r"(?:^[ \t]*(?P=ticks)`*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_INLINE = re.compile(r"```(?:python3?|py)\b(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_PYTHON = frozenset({"python", "python3", "py"})


def program_of(text: str) -> str:
    r"""Return the code of a Markdown answer: its Python fences, joined by ``\n`` and stripped.

    Fences without a tag count where none is tagged as Python; fences of other languages never do.
    A text without such fences is the program itself, and so is one that is valid Python, whose
    fences can only stand in its strings and comments.
    """
    if "```" not in text or checks.tree_of(text):
        return text
    fences = list(_FENCE.finditer(text))
    chosen = [fence for fence in fences if fence["tag"].lower() in _PYTHON]
    chosen = chosen or [fence for fence in fences if not fence["tag"]]
    bodies = [_dedented(fence["body"], len(fence["indent"])) for fence in chosen]
    bodies = bodies or _INLINE.findall(text)
    return "\n".join(bodies).strip() if bodies else text


def _dedented(body: str, indent: int) -> str:
    """Take the fence's own indent, as within a list, off every line that has it."""
    return re.sub(rf"^[ \t]{{1,{indent}}}", "", body, flags=re.MULTILINE) if indent else body
