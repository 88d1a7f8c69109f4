"""Draw the README's picture: the live view of one generation, in the middle and at its end.

usage: python bench/picture.py [PROMPT] [--edits 2]

Runs the bundled model and writes .github/live.svg.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from rich.console import Console, Group
from rich.text import Text

import ondevice
from ondevice.cli.live import LiveView, highlight, summary
from ondevice.events import Done, EditAccepted, HunkApplied

WIDTH, HEIGHT = 78, 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("prompt", nargs="?", default="write fizzbuzz")
    parser.add_argument("--edits", type=int, default=2, help="show the hunk after so many edits")
    arguments = parser.parse_args()
    view, accepted = LiveView(), 0
    middle: list[Text] = []
    with ondevice.load() as model:
        for event in model.stream(arguments.prompt):
            view.add(event)
            accepted += isinstance(event, EditAccepted)
            if isinstance(event, HunkApplied) and accepted == arguments.edits:
                middle = view.frame(WIDTH, HEIGHT)
    assert isinstance(event, Done)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    command = Text(f'$ ondevice generate "{arguments.prompt}"', style="bold")
    end = [highlight(event.text.removesuffix("\n")), Text(summary(event.stats), style="dim")]
    console.print(Group(command, *middle, Text(), Text("...", style="dim"), Text(), *end))
    target = Path(__file__).parent.parent / ".github" / "live.svg"
    target.parent.mkdir(exist_ok=True)
    console.save_svg(str(target), title="ondevice generate")


if __name__ == "__main__":
    main()
