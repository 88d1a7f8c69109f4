"""An editor with a live buffer: python bench/examples/pane.py FILE; Enter asks, Escape stops."""

import sys
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import Input, TextArea

import ondevice


class Pane(App[None]):
    BINDINGS = (("escape", "stop", "Stop"),)

    def __init__(self, model: ondevice.Model, text: str) -> None:
        super().__init__()
        self.model, self.text = model, text

    def compose(self) -> ComposeResult:
        yield TextArea.code_editor(self.text)
        yield Input(placeholder="what to write or change")

    def on_input_submitted(self, request: Input.Submitted) -> None:
        self.run_worker(self.write(request.value), exclusive=True)

    async def write(self, request: str) -> None:
        area = self.query_one(TextArea)
        replay = ondevice.Replay(area.text)
        async for event in self.model.astream(request, source=area.text):
            replay.add(event)
            if area.text != replay.text:
                area.text = replay.text

    def action_stop(self) -> None:
        self.workers.cancel_all()


if __name__ == "__main__":
    with ondevice.load() as loaded:
        Pane(loaded, Path(sys.argv[1]).read_text("utf-8")).run()
