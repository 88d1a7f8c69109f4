"""What attributes, calls and methods need of the classes and functions of the same program."""

from __future__ import annotations

import ast

from ondevice.lintseq.needs.scopes import Names
from ondevice.lintseq.needs.structure import Need


class MemberNeeds:
    """Takes note of what the uses of a module's own classes and functions need."""

    def __init__(self, tree: ast.Module, names: Names, need: Need) -> None:
        self._need = need
