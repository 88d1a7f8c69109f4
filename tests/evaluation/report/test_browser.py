"""The page as a browser lays it out, on a desk and on a phone."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ondevice.evaluation.report import page
from tests.evaluation.report.test_report import document

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
# A window has a least width, a frame has none: the page is looked at in one, and tells the frame
# around it how wide it is, and which of its charts' texts are cut off or lie on each other.
PROBE = """<script>
addEventListener('load', () => {
  const faults = [];
  for (const chart of document.querySelectorAll('svg')) {
    const frame = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll('text')].map(
      text => [text.textContent, text.getBoundingClientRect()]);
    for (const [text, box] of texts)
      if (box.left < frame.left - 1 || box.right > frame.right + 1
          || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        faults.push(`cut off: ${text}`);
    texts.forEach(([one, a], place) => texts.slice(place + 1).forEach(([other, b]) => {
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (width > 0 && height > 2) faults.push(`${one} lies on ${other}`);
    }));
  }
  const root = document.documentElement;
  parent.document.title = JSON.stringify([root.clientWidth, root.scrollWidth, faults]);
});
</script></body>"""


def shown(width: int, made: dict[str, Any], folder: Path) -> tuple[list[Any], str]:
    """Return what the page tells of itself at a width, and what the browser logged."""
    assert CHROMIUM
    inner = html.escape(page(made).replace("</body>", PROBE), quote=True)
    style = f"border:0;width:{width}px;height:6000px"
    outer = f'<!doctype html><body><iframe style="{style}" srcdoc="{inner}"></iframe></body>'
    file = folder / "frame.html"
    file.write_text(outer, encoding="utf-8")
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
            *("--no-first-run", "--disable-background-networking", "--disable-sync"),
            *("--disable-component-update", f"--user-data-dir={folder / 'profile'}"),
            *("--window-size=1400,900", "--enable-logging=stderr", "--dump-dom"),
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (title,) = re.findall(r"<title>(\[.*?\])</title>", done.stdout)
    return json.loads(html.unescape(title)), done.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_the_page_without_complaint(width: int, tmp_path: Path) -> None:
    made = document(12345.0)
    # Curves over a decade, over less than a tick of it, and over many.
    for name, low, high in (("k", 1, 16), ("tokens", 31, 2345), ("seconds", 0.11, 0.19)):
        points = [[low * (high / low) ** (n / 9), n / 9, 0.01] for n in range(10)]
        made["scaling"][0][name] = points
    (inner, scrolled, faults), logged = shown(width, made, tmp_path)
    assert inner == width
    assert scrolled == width
    assert faults == []
    assert ":CONSOLE" not in logged
