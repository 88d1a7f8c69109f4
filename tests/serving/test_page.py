"""The page, in a headless browser: it shows what happens, by keyboard, light and dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondevice.backends.scripted import ScriptedBackend
from ondevice.model import Model
from tests.decoding.helpers import FIRST, STOP
from tests.serving.browser import USABLE, Page, browser
from tests.serving.running import PROGRAM, Running, endless, eventually, running, scripted

pytestmark = pytest.mark.skipif(not USABLE, reason="no Chromium is installed")
WRONG = "@@ -1,0 +2 @@\n+c = missing\n<|diff|>"
RIGHT = "@@ -1,0 +2 @@\n+c = a\n<|diff|>"
ROWS = "[...document.querySelectorAll('.sample{} .program li')].map(row => row.textContent)"
FINISHED = (
    "document.querySelector('.end').textContent && document.getElementById('stop').disabled"
    " && document.querySelector('.rate').textContent.includes('/s')"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found
        assert found.complaints == []


def write(page: Page, server: Running, prompt: str = "write", **fields: str) -> None:
    """Open the page, and ask for a program by keyboard alone."""
    page.open(server.url)
    for name, value in fields.items():
        page.value(f"document.getElementById('{name}').value = {json.dumps(value)}")
    assert page.value("document.activeElement.id") == "prompt"
    page.type(prompt)
    page.press("Enter")


def rows(page: Page) -> list[str]:
    found: list[str] = page.value(ROWS.format(""))
    return found


def text(page: Page, selector: str) -> str:
    found: str = page.value(f"document.querySelector({json.dumps(selector)}).textContent")
    return found


def test_it_writes_a_program(page: Page, server: Running) -> None:
    write(page, server)
    page.wait(FINISHED)
    assert rows(page) == PROGRAM.splitlines()
    assert text(page, ".end") == "complete"
    assert "tokens/s" in text(page, ".rate")
    assert page.value("document.querySelectorAll('.edits li').length") == 2
    assert page.value("document.querySelectorAll('.program .fresh').length") == 2
    assert text(page, "#status") == "complete"
    assert text(page, "#model") == "scripted, on this machine"


def test_it_shows_what_is_taken_back(page: Page) -> None:
    scripts = [f"{FIRST}{text}{STOP}" for text in (WRONG, RIGHT)]
    with running(lambda: Model(ScriptedBackend(scripts), name="wrong")) as server:
        write(page, server)
        page.wait("document.querySelector('.program .gone')")
        assert text(page, ".program .gone") == "c = missing"
        assert "undefined name" in text(page, ".program .why")
        assert "refused and taken back" in text(page, ".edits .refused")
        page.wait(FINISHED)
        page.wait("!document.querySelector('.program .gone')")
        assert rows(page) == ["a = 1", "c = a", "b = 2"]


def test_it_shows_a_line_while_it_is_typed_and_stops(page: Page) -> None:
    with running(endless) as server:
        write(page, server)
        page.wait("document.querySelector('.program .typed')?.textContent.length > 3")
        assert set(text(page, ".typed")) == {"x"}
        page.press("Escape")
        page.wait("document.getElementById('stop').disabled")
        assert server.settles()
        assert text(page, ".end") == "stopped"
        assert text(page, "#status") == "stopped"


def test_samples_stand_side_by_side(page: Page, server: Running) -> None:
    write(page, server, samples="3")
    page.wait("document.querySelector('.sample.best')")
    shown = [page.value(ROWS.format(f":nth-child({n})")) for n in (1, 2, 3)]
    assert shown == [PROGRAM.splitlines()] * 3
    tops = page.value("[...document.querySelectorAll('.sample')].map(s => s.offsetTop)")
    assert len(set(tops)) == 1
    assert "the best" in text(page, ".sample.best h2")


def test_it_goes_on_from_a_program(page: Page, server: Running) -> None:
    write(page, server, source="z = 0\n", max_tokens="1")
    page.wait(FINISHED)
    assert rows(page) == ["z = 0"]
    assert text(page, ".end") == "unfinished: the tokens are used up"


def test_it_copies_and_downloads(page: Page, server: Running, tmp_path: Path) -> None:
    page("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    write(page, server)
    page.wait(FINISHED)
    page.value("document.querySelector('.copy').click()")
    page.wait("document.querySelector('.copy').textContent === 'Copied'")
    assert page.value("navigator.clipboard.readText()") == PROGRAM
    page.value("document.querySelector('.download').click()")
    file = tmp_path / "program.py"
    assert eventually(file.exists)
    assert file.read_text() == PROGRAM


def test_where_copying_is_not_allowed(page: Page, server: Running) -> None:
    page("Browser.setPermission", permission={"name": "clipboard-write"}, setting="denied")
    write(page, server)
    page.wait(FINISHED)
    page.value("document.querySelector('.copy').click()")
    page.wait("document.querySelector('.copy').textContent === 'Selected'")
    assert page.value("getSelection().toString()").split() == PROGRAM.split()
    page("Browser.resetPermissions")


def test_it_asks_for_the_token(page: Page) -> None:
    with running(scripted, token="secret") as server:
        write(page, server)
        page.wait("document.getElementById('error').textContent")
        assert page.value("document.activeElement.id") == "token"
        page.type("secret")
        page.press("Enter")
        page.wait(FINISHED)
        assert rows(page) == PROGRAM.splitlines()
    page.complaints[:] = [text for text in page.complaints if "401" not in text]


def test_an_error_is_told(page: Page, server: Running) -> None:
    write(page, server, prompt="a <|diff|> b")
    page.wait("document.getElementById('error').textContent.includes('<|diff|>')")
    page.complaints[:] = [text for text in page.complaints if "400" not in text]


def test_everything_has_a_name_and_is_reached_by_keyboard(page: Page, server: Running) -> None:
    write(page, server)
    page.wait(FINISHED)
    page.value("document.getElementById('prompt').focus()")
    reached = []
    for _ in range(16):
        reached.append(page.value("document.activeElement.id || document.activeElement.className"))
        page.press("Tab")
    wanted = ["prompt", "write", "samples", "temperature", "seed", "max_tokens", "check"]
    assert [name for name in reached if name in wanted][: len(wanted)] == wanted
    assert {"copy", "download", "program code"} <= set(reached)
    page("Accessibility.enable")
    nodes = page("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "textbox", "spinbutton", "combobox", "list"}
    named = [
        (node["role"]["value"], node.get("name", {}).get("value"))
        for node in nodes
        if not node.get("ignored") and node["role"]["value"] in roles
    ]
    assert len(named) >= 9
    assert all(name for _, name in named), named


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_can_be_read(
    page: Page, server: Running, width: int, dark: bool, tmp_path: Path
) -> None:
    page.open(server.url, width, dark=dark)
    page.type("write")
    page.press("Enter")
    page.wait(FINISHED)
    assert page.value("document.documentElement.scrollWidth") <= width
    low = page.value(CONTRASTS)
    assert low == []
    page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 5000


CONTRASTS = """
(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((c) => c / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || node.disabled || !node.offsetParent) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${node.tagName}.${node.className}`);
  }
  return found;
})()
"""
