from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondevice.edits import Header

from .strategies import few


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("@@ -0,0 +1,3 @@", Header(0, 0, 0, 3)),
        ("@@ -0,0 +1 @@", Header(0, 0, 0, 1)),
        ("@@ -4,0 +5,2 @@", Header(4, 0, 4, 2)),
        ("@@ -5 +5 @@", Header(4, 1, 4, 1)),
        ("@@ -1,2 +0,0 @@", Header(0, 2, 0, 0)),
        ("@@ -7,3 +8,0 @@", Header(6, 3, 8, 0)),
    ],
)
def test_both_ways(text: str, header: Header) -> None:
    assert Header.parse(text) == header
    assert str(header) == text


numbers = st.integers(0, 10**8)


@few
@given(numbers, numbers, numbers, numbers)
def test_any_header_is_read_back(a: int, b: int, c: int, d: int) -> None:
    header = Header(a, b, c, d)
    assert Header.parse(str(header)) == header


def test_a_count_of_one_may_be_spelled_out() -> None:
    assert Header.parse("@@ -3,1 +3,1 @@") == Header(2, 1, 2, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@@",
        "@@ @@",
        "@@ -1 +1",
        "@@ -1 +1 @",
        "@@ -1 +1 @@@",
        "@@ -1 +1 @@\r",
        " @@ -1 +1 @@",
        "@@ -1  +1 @@",
        "@@ -1, +1 @@",
        "@@ -01 +1 @@",
        "@@ -a +1 @@",
        "@@ +1 -1 @@",
        "@@ -0 +1 @@",
        "@@ -1 +0 @@",
        "@@ -1,0,0 +2 @@",
        "@@ -\u0661 +1 @@",
        "@@ -" + "9" * 5000 + " +1 @@",
    ],
)
def test_what_is_no_header(text: str) -> None:
    assert Header.parse(text) is None


def test_a_section_heading_is_read_where_it_may_stand() -> None:
    assert Header.parse("@@ -1 +1 @@ def f():") is None
    assert Header.parse("@@ -1 +1 @@ def f():", heading=True) == Header(0, 1, 0, 1)
    assert Header.parse("@@ -1 +1 @@def f():", heading=True) is None
