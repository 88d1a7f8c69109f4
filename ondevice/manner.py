"""How a model is asked, and how it answers: its prompt, and the dialect of its edits."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ondevice.edits import LINTSEQ, SEPARATOR, TEMPLATE, UNIFIED, Buffer, Dialect, LintSeq, Unified
from ondevice.errors import ModelFormatError, PromptTooLongError, RequestError
from ondevice.plugins import DIALECTS, find_plugin, plugin_names
from ondevice.prompts import Chat, Template

if TYPE_CHECKING:
    from ondevice.backends import Backend
    from ondevice.catalogue import Manifest


@dataclass(frozen=True, slots=True)
class Manner:
    """A prompt and a dialect that go together; of ours, the dialect is given by its name."""

    prompts: Chat | Template
    dialect: str | Dialect

    @classmethod
    def of(
        cls,
        backend: Backend,
        name: str,
        manifest: Manifest | None,
        dialect: str | Dialect | None,
        template: str | None,
    ) -> Self:
        """Return the manner that a model was trained for, changed as its user says.

        Raises ``ModelFormatError`` where neither tells, and see ``changed``.
        """
        if manifest and manifest.prompt_template is not None:
            own = cls(Template(manifest.prompt_template), manifest.dialect)
        elif manifest and not backend.chat:
            raise ModelFormatError(
                f"the model {name!r} is to be asked by the chat template of its files, and they "
                "have none; pull or export it again"
            )
        elif backend.chat and (manifest or not _has_separator(backend)):
            own = cls(Chat(backend.chat), UNIFIED.name)
        else:
            own = cls(Template(TEMPLATE), LINTSEQ.name)
        if own.dialect == LINTSEQ.name and dialect is None and not _has_separator(backend):
            raise ModelFormatError(
                f"the model {name!r} has no token {SEPARATOR}, so it was not trained to write edit "
                "sequences; a general model needs a chat template in its files, or the dialect and "
                "the prompt_template that it is to be asked with"
            )
        return own.changed(dialect, template)

    @property
    def name(self) -> str:
        """The name of the dialect."""
        return self.dialect if isinstance(self.dialect, str) else self.dialect.name

    @property
    def separator(self) -> str:
        """What ends an edit, and so may not stand in a prompt."""
        return SEPARATOR if isinstance(self.dialect, str) else self.dialect.reader_class.separator

    @property
    def has_constraint(self) -> bool:
        """Whether the runtime knows what may come next in this dialect."""
        return isinstance(self.dialect, str)

    def changed(self, dialect: str | Dialect | None, template: str | None) -> Self:
        """Return the manner with another dialect or prompt, where they are given.

        Raises ``RequestError`` for what cannot be.
        """
        manner = self
        if template is not None:
            if not isinstance(template, str) or "{instruction}" not in template:
                raise RequestError("the prompt_template has no {instruction}, where requests go")
            manner = dataclasses.replace(manner, prompts=Template(template))
        if dialect is not None:
            manner = dataclasses.replace(manner, dialect=_known(dialect))
        if isinstance(manner.prompts, Chat) and manner.dialect != UNIFIED.name:
            raise RequestError(
                "a chat model is asked for unified diffs; for another dialect, give the "
                "prompt_template that asks for it"
            )
        return manner

    def begin(self, source: str | None, path: str) -> tuple[Buffer, Dialect]:
        """Return the buffer to start from, and the dialect for a file of that name.

        Raises ``RequestError`` for a name that no diff can hold.
        """
        for name, text in (("source", source or ""), ("path", path)):
            if not isinstance(text, str):
                raise RequestError(f"{name} must be a text, not {text!r}")
        buffer = Buffer.from_text(source or "")
        if not isinstance(self.dialect, str):
            return buffer, self.dialect
        if self.dialect == LINTSEQ.name:
            return buffer, LINTSEQ
        try:
            return buffer, Unified(path, buffer.newline, isinstance(self.prompts, Chat))
        except ValueError as error:
            raise RequestError(str(error)) from error

    def tokens(
        self, prompt: str, buffer: Buffer, dialect: Dialect, backend: Backend, name: str
    ) -> tuple[list[int], list[int]]:
        """Return the tokens of a prompt, and those that stand for what the buffer holds.

        ``name`` is the model's. Raises ``RequestError`` for a prompt that is empty or holds the
        separator, and ``PromptTooLongError`` where no room for an answer is left.
        """
        if not prompt.strip():
            raise RequestError("the prompt is empty; say what the program should do")
        if self.separator and self.separator in prompt:
            raise RequestError(
                f"the prompt contains {self.separator}, which a model reads as the end of the "
                "prompt"
            )
        text, history = self.prompts.fill(prompt, buffer, dialect)
        tokens, prefix = backend.tokenize(text), [*backend.prefix_tokens]
        if tokens[: len(prefix)] != prefix:  # a chat template may have put them in
            tokens = prefix + tokens
        past = backend.tokenize(history)
        if len(tokens) + len(past) >= backend.context_length:
            what = "the prompt and the program to change have" if buffer.lines else "the prompt has"
            advice = "change a shorter one" if buffer.lines else "shorten the prompt"
            raise PromptTooLongError(
                f"{what} {len(tokens) + len(past)} tokens, but the context of {name!r} holds "
                f"{backend.context_length}, what is written included; {advice}, or take a "
                "model with a longer context"
            )
        return tokens, past


def _has_separator(backend: Backend) -> bool:
    pieces = [backend.token_bytes(token) for token in backend.tokenize(SEPARATOR)]
    return pieces == [SEPARATOR.encode()]


def _known(dialect: str | Dialect) -> str | Dialect:
    """Return one of our dialects by its name, and any other as an object."""
    if isinstance(dialect, str):
        if dialect in (LINTSEQ.name, UNIFIED.name):
            return dialect
        brought: Dialect | None = find_plugin(DIALECTS, dialect)
        if brought is None:
            *others, last = LINTSEQ.name, UNIFIED.name, *plugin_names(DIALECTS)
            raise RequestError(
                f"no dialect is called {dialect!r}; there are {', '.join(others)} and {last}, and "
                "any edits.Dialect"
            )
        return brought
    if not isinstance(dialect, Dialect):
        raise RequestError(f"a dialect is a name or an edits.Dialect, not {dialect!r}")
    return dialect.name if type(dialect) in (LintSeq, Unified) else dialect
