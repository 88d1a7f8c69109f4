"""What a request asks for, as far as its words tell."""

from __future__ import annotations

import pytest

from ondevice.evaluation.suites.everyday import read_tasks
from ondevice.prompts import asks_to_replace
from tests.test_bundled import TASKS


@pytest.mark.parametrize("request_", ["rename f to g", "Please remove the loop", "x. Simplify it"])
def test_requests_for_lines_to_change(request_: str) -> None:
    assert asks_to_replace(request_)


@pytest.mark.parametrize("request_", ["add a rename method", "f should not remove x", "fizzbuzz"])
def test_requests_that_do_not_say_so(request_: str) -> None:
    assert not asks_to_replace(request_)


def test_those_taken_for_such_mostly_are() -> None:
    edits = [task for task in read_tasks(TASKS) if task["kind"] == "edit"]
    found = [
        task["insert_only"]
        for task in edits
        for wording in task["instructions"]
        if asks_to_replace(wording)
    ]
    assert len(found) > 50
    assert sum(found) / len(found) < 0.1
