"""The code action "edit with ondevice" and the command ``ondevice.edit`` that carries it out.

The command takes one object: ``uri`` and ``request``; ``range``, to edit those lines alone; and of
a code action also ``version``, that of the document, and ``line``, where the comment is that the
edit takes out. It returns ``{"applied": ..., "edit": ...}``, or null where there is no edit, which
``window/showMessage`` explains.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from ondevice.checks import resolve_checks
from ondevice.events import Done, EditAccepted, EditRejected, EditWithdrawn, Event, Line
from ondevice.lsp.changes import workspace_edit
from ondevice.lsp.judging import DocumentCheck
from ondevice.lsp.orders import Order
from ondevice.lsp.progress import progress
from ondevice.lsp.scope import request_comments
from ondevice.lsp.text import shortened
from ondevice.lsp.work import FAILURES, Events

if TYPE_CHECKING:
    from ondevice.lsp.server import Server

COMMAND = "ondevice.edit"
KIND = "refactor.rewrite.ondevice"
_TITLE_LENGTH = 60


def code_actions(
    ls: Server, params: types.CodeActionParams
) -> list[types.CodeAction | types.Command]:
    """Return an action for each request comment in the selection, or on the cursor's line."""
    only = params.context.only
    if only is not None and not any(map(_is_kind, only)):
        return []
    document = ls.document(params.text_document.uri)
    start, end = document.content.offsets(params.range)
    selection = (start, end) if start < end else None
    actions: list[types.CodeAction | types.Command] = []
    for comment in request_comments(document.content.text, start, end):
        order = Order(document, comment.request, document.version, selection, comment)
        request = shortened(comment.request, _TITLE_LENGTH)
        title = f"Edit{' the selection' if selection else ''} with ondevice: {request}"
        command = types.Command(title, COMMAND, arguments=[order.to_json()])
        if _knows_code_actions(ls):
            actions.append(types.CodeAction(title, kind=KIND, command=command))
        else:
            actions.append(command)
    return actions


async def edit(ls: Server, params: types.ExecuteCommandParams) -> dict[str, Any] | None:
    """Carry out the command: decode, and have the client apply what came out."""
    order = Order.read(params.arguments, ls.documents)
    try:
        return await _carry_out(ls, order, params.work_done_token)
    except _Nothing as nothing:
        ls.say(nothing.type, str(nothing))
    except FAILURES as error:
        ls.say(types.MessageType.Error, str(error))
    return None


class _Nothing(Exception):  # noqa: N818 (it is no error)
    """There is nothing to apply, and why."""

    def __init__(self, why: str, type: types.MessageType = types.MessageType.Warning) -> None:
        super().__init__(why)
        self.type = type


async def _carry_out(ls: Server, order: Order, token: types.ProgressToken | None) -> dict[str, Any]:
    name = order.document.name
    if order.is_stale:
        raise _Nothing(f"{name} has changed since; ask again")
    with ls.jobs.running(order.document.uri, "edit") as job:
        try:
            with progress(ls, f"ondevice: {name}", token) as shown:
                done = await _decode(ls, order, shown.report)
        except asyncio.CancelledError:
            if not job.outrun:
                raise
            raise _Nothing(f"{name} {job.outrun}; nothing was applied") from None
    if done.finish_reason != "complete" or done.findings:
        found = "".join(f"; {finding}" for finding in done.findings[:3])
        raise _Nothing(f"the edit is not complete ({done.finish_reason}){found}")
    return await _apply(ls, order, order.scope.document(done.text))


async def _decode(ls: Server, order: Order, report: Callable[[str], None]) -> Done:
    settings, part = ls.settings, order.scope
    if not ls.worker.is_loaded:
        report("loading the model")
    model = await ls.worker.model()
    # What checks know is Python; other languages are as the model writes them.
    names = settings.check if order.document.language == "python" else "none"

    def stream() -> Events:
        return model.stream(
            order.request,
            source=part.source,
            path=order.document.name,
            check=DocumentCheck(resolve_checks(names), part.source, part.document),
            seed=settings.seed,
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            max_seconds=settings.max_seconds,
            retries=settings.retries,
        )

    started = time.perf_counter()
    done = await ls.worker.follow(stream, _teller(report))
    assert isinstance(done, Done), "a stream that is not closed ends with it"
    seconds = time.perf_counter() - started
    ls.log.info("edit %r: %s in %.2f s", order.request, done.finish_reason, seconds)
    return done


async def _apply(ls: Server, order: Order, new: str) -> dict[str, Any]:
    """Send the edit, unless the document is another by now; return what the command does."""
    document = order.document
    if not ls.documents.is_at(document):
        raise _Nothing(f"{document.name} was changed; nothing was applied")
    if new == document.content.text:
        raise _Nothing("the model leaves the program as it is", types.MessageType.Info)
    workspace = ls.client_capabilities.workspace
    abilities = workspace.workspace_edit if workspace else None
    versioned = bool(abilities and abilities.document_changes)
    change = workspace_edit(document, new, versioned=versioned)
    if not workspace or not workspace.apply_edit:
        return {"applied": False, "edit": change}
    params = types.ApplyWorkspaceEditParams(change, label=f"ondevice: {order.request}")
    # Shielded, since pygls takes no answer that nobody awaits.
    answer = await asyncio.shield(ls.workspace_apply_edit_async(params))
    if not answer.applied:
        reason = answer.failure_reason or "the editor gives no reason"
        ls.say(types.MessageType.Warning, f"the editor did not apply the edit: {reason}")
    return {"applied": answer.applied, "edit": change}


def _teller(report: Callable[[str], None]) -> Callable[[Event], None]:
    """Return what makes a stream's events progress."""
    edit, refused = 1, 0

    def tell(event: Event) -> None:
        nonlocal edit, refused
        match event:
            case EditAccepted():
                edit = event.edit + 1
            case EditRejected() | EditWithdrawn():
                edit, refused = event.edit, refused + 1
            case Line():
                pass
            case _:
                return
        report(f"edit {edit}" + (f", {refused} taken back" if refused else ""))

    return tell


def _knows_code_actions(ls: Server) -> bool:
    document = ls.client_capabilities.text_document
    return bool(
        document and document.code_action and document.code_action.code_action_literal_support
    )


def _is_kind(wanted: types.CodeActionKind | str) -> bool:
    """Tell whether a kind that is asked for is the actions', or one that contains it."""
    kind = wanted.value if isinstance(wanted, types.CodeActionKind) else wanted
    return not kind or f"{KIND}.".startswith(f"{kind}.")
