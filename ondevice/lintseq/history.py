"""The states that a sequence of edits goes through, each line known by its place in the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ondevice.edits import Edit


class History:
    """What edits make of an empty buffer, state by state.

    The edits must fit, as those that a reader returns do. A line keeps its identity from the edit
    that inserts it, whatever else reads the same.
    """

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits
        self._texts = [line.text for edit in edits for hunk in edit.hunks for line in hunk.new]
        last: list[int] = []
        for state in self._identities():
            last = state
        self._places = {identity: place for place, identity in enumerate(last)}
        self.lines = [self._texts[identity] for identity in last]
        """The lines of the last state."""

    @property
    def text(self) -> str:
        """The last state."""
        return "".join(f"{line}\n" for line in self.lines)

    def states(self) -> Iterator[tuple[str, list[int | None]]]:
        """Yield each state after an edit: its text, and for each line its index in the last.

        A line that a later edit removes has none.
        """
        for state in self._identities():
            text = "".join(f"{self._texts[identity]}\n" for identity in state)
            yield text, [self._places.get(identity) for identity in state]

    def _identities(self) -> Iterator[list[int]]:
        """Yield each state as numbers of lines, in the order in which the edits name them."""
        state: list[int] = []
        count = 0
        for edit in self._edits:
            grown: list[int] = []
            cursor = 0
            for hunk in edit.hunks:
                grown += state[cursor : hunk.start]
                cursor = hunk.start
                for line in hunk.lines:
                    if line.op == "+":
                        grown.append(count)
                    elif line.op == " ":
                        grown.append(state[cursor])
                    cursor += line.op != "+"
                    count += line.op != "-"
            state = grown + state[cursor:]
            yield state
