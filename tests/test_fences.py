"""Answers in Markdown, and the programs in them."""

from __future__ import annotations

import pytest

from ondevice.fences import program_of

CASES = [
    ("plain", "x = 1\n", "x = 1\n"),
    ("no fence", "Just words.", "Just words."),
    ("one", "Here:\n```python\nx = 1\n```\nDone.", "x = 1"),
    # Joined as the published implementation does: with the line ends around each fence's code.
    ("two", "A:\n```python\nx = 1\n```\nB:\n```python\ny = 2\n```\n", "x = 1\n\n\ny = 2"),
    ("untagged", "So:\n```\nx = 1\n```\n", "x = 1"),
    ("py", "So:\n```py\nx = 1\n```\n", "x = 1"),
    ("capitals", "So:\n```Python\nx = 1\n```\n", "x = 1"),
    ("attributes", "So:\n```python title='a'\nx = 1\n```\n", "x = 1"),
    ("tagged ones first", "So:\n```python\nx = 1\n```\nprints\n```\n1\n```\n", "x = 1"),
    ("another language", "Run:\n```bash\nls\n```\nSo:\n```python\nx = 1\n```\n", "x = 1"),
    ("only another language", "Run:\n```bash\nls\n```\n", "Run:\n```bash\nls\n```\n"),
    ("after another language", "a\n```bash\nls\n```\n\n```\nx = 1\n```\n", "x = 1"),
    ("never closed", "So:\n```python\nx = 1\ny = 2", "x = 1\ny = 2"),
    ("within a line", "So: ```python\nx = 1\n``` there.", "x = 1"),
    ("in a list", "1. So:\n   ```python\n   if x:\n       y()\n   ```\n", "if x:\n    y()"),
    ("longer ticks", "So:\n````python\nx = '''\n```\n'''\n````\n", "x = '''\n```\n'''"),
    ("in a string", 'def f():\n    """\n    ```python\n    f()\n    ```\n    """\n', None),
    ("empty", "So:\n```python\n```\n", ""),
]


@pytest.mark.parametrize(
    ("text", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_programs(text: str, expected: str | None) -> None:
    assert program_of(text) == (text if expected is None else expected)
