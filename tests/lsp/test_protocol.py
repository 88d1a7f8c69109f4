"""What a client may do wrong, and how the server ends: raw bytes on stdin and stdout."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lsp.editor import BUNDLED, ROOT, scripted

URI = {"uri": "file:///f.py"}
PLACE = {"line": 0, "character": 0}
RANGE = {"start": PLACE, "end": PLACE}
INITIALIZE = {"processId": None, "rootUri": None, "capabilities": {}}
PARSE, REQUEST, METHOD, PARAMS = -32700, -32600, -32601, -32602


class Wire:
    """A server, and what goes to and fro."""

    def __init__(self, *command: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)

    def send(self, message: Any) -> None:
        self.write(json.dumps(message).encode())

    def write(self, body: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout
        length = 0
        while (line := self.process.stdout.readline()).strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def ask(self, method: str, params: Any = None, id: Any = 1) -> Any:
        self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        answer = self.receive()
        assert answer["id"] == id
        return answer

    def tell(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def end(self) -> tuple[int, str]:
        """Close stdin; return the exit code and what was logged."""
        out, errors = self.process.communicate(timeout=30)
        assert out == b"", "the server says nothing more"
        assert b"Traceback" not in errors, errors.decode()
        return self.process.returncode, errors.decode()


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire(*scripted("@@ -0,0 +1 @@\n+x = 1\n<|diff|>\n<|diff|>"))
    yield wire
    wire.process.kill()
    wire.process.communicate()


def test_malformed_requests_are_answered(wire: Wire) -> None:
    early = wire.ask("textDocument/codeAction", {"textDocument": URI})
    assert early["error"]["code"] in (PARAMS, -32002)
    assert wire.ask("shutdown")["error"]["code"] == -32002
    assert "result" in wire.ask("initialize", INITIALIZE)
    assert wire.ask("initialize", INITIALIZE)["error"]["code"] == REQUEST
    wire.tell("initialized", {})
    action = {"textDocument": URI, "range": RANGE, "context": {"diagnostics": []}}
    for method, params, code in [
        ("textDocument/noSuchThing", {}, METHOD),
        ("textDocument/codeAction", None, PARAMS),
        ("textDocument/codeAction", {}, PARAMS),
        ("textDocument/codeAction", [], PARAMS),
        ("textDocument/codeAction", {**action, "range": {"start": PLACE}}, PARAMS),
        ("textDocument/codeAction", {**action, "range": {**RANGE, "end": {"line": "x"}}}, PARAMS),
        ("textDocument/codeAction", {**action, "textDocument": {"uri": 7}}, PARAMS),
        ("textDocument/codeAction", action, PARAMS),
        ("textDocument/completion", {"textDocument": URI}, PARAMS),
        ("textDocument/completion", {"textDocument": URI, "position": {"line": -1}}, PARAMS),
        ("textDocument/completion", {"textDocument": URI, "position": PLACE}, PARAMS),
        ("workspace/executeCommand", {"command": "rm"}, PARAMS),
        ("workspace/executeCommand", {"command": 7}, PARAMS),
        ("workspace/executeCommand", {}, PARAMS),
    ]:
        error = wire.ask(method, params)["error"]
        assert error["code"] == code, (method, params, error)
        assert error["message"]
        assert not error.get("data")
    assert wire.ask("shutdown")["result"] is None
    assert wire.ask("textDocument/codeAction", action)["error"]["code"] == REQUEST
    wire.tell("exit")
    assert wire.end() == (0, "")


def test_arguments_that_are_none(wire: Wire) -> None:
    wire.ask("initialize", INITIALIZE)
    item = {**URI, "languageId": "python", "version": 3, "text": "x = 1\n"}
    wire.tell("textDocument/didOpen", {"textDocument": item})
    good = {"uri": URI["uri"], "request": "add"}
    for arguments, said in [
        (None, "one object"),
        ([], "one object"),
        ([good, good], "one object"),
        (["x"], "one object"),
        ([{"request": "add"}], "not open"),
        ([{**good, "uri": "file:///g.py"}], "not open"),
        ([{"uri": URI["uri"]}], "request"),
        ([{**good, "request": " "}], "request"),
        ([{**good, "request": 7}], "request"),
        ([{**good, "range": 7}], "range"),
        ([{**good, "range": {"start": PLACE}}], "range"),
        ([{**good, "range": {"start": PLACE, "end": {"line": 0, "character": "a"}}}], "range"),
        ([{**good, "line": 0}], "line 0"),
        ([{**good, "line": -1}], "line"),
        ([{**good, "line": "0"}], "line"),
    ]:
        params = {"command": "ondevice.edit", "arguments": arguments}
        error = wire.ask("workspace/executeCommand", params)["error"]
        assert error["code"] == PARAMS
        assert said in error["message"], (arguments, error)


def test_what_is_no_message(wire: Wire) -> None:
    wire.ask("initialize", INITIALIZE)
    for body, code in [
        (b"{", PARSE),
        (b"\xff\xfe", PARSE),
        (b"7", REQUEST),
        (b"null", REQUEST),
        (b'"shutdown"', REQUEST),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "shutdown"}]', REQUEST),
        (b'{"id": 1, "method": "shutdown"}', REQUEST),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', REQUEST),
        (b"[" * 100_000, PARSE),
    ]:
        wire.write(body)
        assert wire.receive()["error"]["code"] == code, body[:80]
    # Of what needs no answer nothing comes back: the next answer is that of the next request.
    for method, params in [
        ("$/noSuchThing", {}),
        ("$/noSuchThing", None),
        ("textDocument/didChange", {}),
        ("textDocument/didClose", {"textDocument": URI}),
        ("$/cancelRequest", {"id": 99}),
        ("window/workDoneProgress/cancel", {"token": "none"}),
    ]:
        wire.tell(method, params)
    wire.send({"jsonrpc": "2.0", "method": "$/noSuchThing"})
    wire.send({"jsonrpc": "2.0", "id": "none", "result": None})
    wire.send({"jsonrpc": "2.0", "id": "none", "error": {"code": 1, "message": ""}})
    wire.ask("shutdown", id="last")


def test_a_change_of_what_is_not_open_is_told_of(wire: Wire) -> None:
    wire.ask("initialize", INITIALIZE)
    change = {"textDocument": {**URI, "version": 2}, "contentChanges": [{"text": ""}]}
    wire.tell("textDocument/didChange", change)
    message = wire.receive()
    assert message["method"] == "window/showMessage"
    assert "is not open in the editor" in message["params"]["message"]


def test_options_that_are_none_are_told_of(wire: Wire) -> None:
    wire.send(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {**INITIALIZE, "initializationOptions": {"maxTokens": 0, "colour": "red"}},
        }
    )
    shown = [wire.receive()["params"]["message"] for _ in range(2)]
    assert "maxTokens: a whole number from 1 on" in shown[0]
    assert "colour: there is no such option" in shown[1]
    assert "result" in wire.receive()


@pytest.mark.parametrize("way", ["exit", "closed"])
def test_going_away_without_a_shutdown(wire: Wire, way: str) -> None:
    wire.ask("initialize", INITIALIZE)
    if way == "exit":
        wire.tell("exit")
    assert wire.end()[0] == 1


def test_going_away_while_the_model_writes() -> None:
    wire = Wire(*scripted("@@ -0,0 +1 @@\n+x = 1" + "1" * 500, delay=0.1))
    wire.ask("initialize", INITIALIZE)
    item = {**URI, "languageId": "python", "version": 1, "text": ""}
    wire.tell("textDocument/didOpen", {"textDocument": item})
    order = {"uri": URI["uri"], "request": "write x"}
    params = {"command": "ondevice.edit", "arguments": [order]}
    wire.send({"jsonrpc": "2.0", "id": 1, "method": "workspace/executeCommand", "params": params})
    assert wire.process.stderr
    for _ in range(3):
        assert wire.process.stderr.readline() == b"step\n"
    _, errors = wire.process.communicate(timeout=30)
    assert wire.process.returncode == 1
    assert set(errors.split()) <= {b"step"}
    assert errors.count(b"step") < 30, "it does not write to the end"


def test_stdout_is_the_protocol_alone() -> None:
    wire = Wire(*BUNDLED, "--stdio", "--log-level", "info")
    wire.ask("initialize", INITIALIZE)
    item = {**URI, "languageId": "python", "version": 1, "text": "# ondevice: write fizzbuzz"}
    wire.tell("textDocument/didOpen", {"textDocument": item})
    order = {"uri": URI["uri"], "request": "write fizzbuzz", "line": 0}
    answer = wire.ask(
        "workspace/executeCommand", {"command": "ondevice.edit", "arguments": [order]}
    )
    assert "FizzBuzz" in json.dumps(answer["result"]["edit"])
    wire.ask("shutdown")
    wire.tell("exit")
    code, log = wire.end()
    assert code == 0
    assert "loaded tiny" in log
    assert "edit 'write fizzbuzz': complete" in log
