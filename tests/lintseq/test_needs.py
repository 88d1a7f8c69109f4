"""What goes when a line goes: case by case, and against pyflakes on programs at large."""

from __future__ import annotations

import ast
import json
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondevice import checks
from ondevice.lintseq.needs import Graph, Layout

EVERYDAY = Path(__file__).parents[2] / "bench" / "everyday"


def left(program: str, marked: str = "#!") -> str:
    """Delete the lines of a program that end with the mark; return what is left."""
    lines = program.removesuffix("\n").split("\n")
    doomed = [number for number, line in enumerate(lines) if line.endswith(marked)]
    assert doomed
    there = bytearray(b"\1") * len(lines)
    Graph(Layout(lines), ast.parse(program)).delete(doomed, there)
    return "".join(f"{line}\n" for line, kept in zip(lines, there, strict=True) if kept)


def kept(program: str) -> str:
    """Return the lines of a program that are marked as those to be kept."""
    return "".join(f"{line}\n" for line in program.split("\n") if line.endswith("#="))


# In each program the line marked #! is deleted; those marked #= are to be left.
STRUCTURE = {
    "a header without a body": """\
if 1:
    x = 1  #!
print(3)  #=
""",
    "all of a chain without its if": """\
if 1:  #!
    x = 1
elif 2:
    x = 2
else:
    x = 3
print(3)  #=
""",
    "an elif alone": """\
if 1:  #=
    x = 1  #=
elif 2:  #!
    x = 2
else:  #=
    x = 3  #=
""",
    "a loop's else": """\
for i in "ab":  #!
    print(i)
else:
    print("done")
""",
    "a try without handlers": """\
try:
    x = 1
except OSError:  #!
    x = 2
print(3)  #=
""",
    "a try that still has its finally": """\
try:  #=
    x = 1  #=
except OSError:  #!
    x = 2
finally:  #=
    print(3)  #=
""",
    "a try's else without handlers": """\
try:  #=
    x = 1  #=
except OSError:  #!
    x = 2
else:
    print(2)
finally:  #=
    print(3)  #=
""",
    "decorators without what they decorate": """\
@staticmethod
def f():  #!
    return 1
print(3)  #=
""",
    "a match without cases": """\
match 1:
    case 1:  #!
        print(1)
print(3)  #=
""",
    "an element of a list": """\
x = [  #=
    1,  #=
    2,  #!
]  #=
""",
    "the end of a list": """\
x = [
    1,
]  #!
print(3)  #=
""",
    "a line of a docstring": '''\
def f():  #=
    """Do it.  #=
    Once more.  #=
    At length.  #!
    #="""  #=
''',
    "the end of a docstring": '''\
def f():  #=
    """Do it.
    """  #!
    return 1  #=
''',
    "a body behind a comment further left": """\
def f():  #!
    x = 1
# further left  #=
    return x
print(3)  #=
""",
    "a parameter": """\
def f(  #=
    a,  #=
    b,  #!
):  #=
    print(a)  #=
    print(b)
""",
}

NAMES = {
    "a use without its binding": """\
x = 1  #!
print(x)
print(3)  #=
""",
    "a use with another binding before it": """\
x = 1  #=
x = 2  #!
print(x)  #=
""",
    "a use whose other binding comes later": """\
x = 1  #!
print(x)
x = 2  #=
""",
    "a function's use whose binding comes later": """\
def f():  #=
    return x  #=
x = 1  #!
x = 2  #=
""",
    "an update without its start": """\
def f(values):
    total = 0  #!
    for value in values:
        total += value
    return total
print(3)  #=
""",
    "a branch that no longer binds": """\
def f(n):  #=
    if n:  #=
        x = 1  #=
    else:
        x = 2  #!
    return x
""",
    "a branch that no longer leaves": """\
def f(n):  #=
    if n:  #=
        x = 1  #=
    elif n is None:  #=
        print(2)  #=
        return 2  #!
    else:  #=
        x = 3  #=
    return x
""",
    "an elif that is gone with its binding": """\
def f(n):  #=
    if n:  #=
        x = 1  #=
    elif n is None:  #!
        x = 2
    else:  #=
        x = 3  #=
    return x  #=
""",
    "a handler that no longer binds": """\
def f(text):  #=
    try:  #=
        return int(text)  #=
    except ValueError:  #=
        n = 0  #!
        print(text)  #=
    return n
""",
    "a builtin's name": """\
max = 3  #!
print(max(1, 2))  #=
""",
    "a name that another turn of the loop binds": """\
def f(rows):  #=
    for row in rows:
        if row:
            x = [row]  #!
    while x:
        x = x[1:]
    return rows  #=
""",
    "a variable in place of a function": """\
def day(t):  #=
    day = ["Mo", "Tu"]  #!
    print(t)  #=
    return day[t]
print(day(1))  #=
""",
    "a global's name in a function": """\
n = 1  #=
def f():  #=
    n = 2  #!
    return n  #=
""",
    "a global that is updated": """\
n = 1  #=
def f():
    global n  #!
    n += 1
print(3)  #=
""",
    "a global that a function binds": """\
def f():  #=
    global n  #!
    n = 1  #=
def g():
    return n
""",
    "a nonlocal": """\
def f():  #=
    n = 1  #!
    def g():
        nonlocal n
        n += 2
    return 3  #=
""",
    "a name that is exported": """\
__all__ = [  #=
    "f",
    "g",  #=
]  #=
def f():  #!
    return 1
def g():  #=
    return 2  #=
""",
    "a comprehension's own name": """\
x = 1  #!
print([x for x in "ab"])  #=
""",
    "a class body that is not seen by its methods": """\
n = 1  #!
class C:  #=
    n = 2  #=
    def f(self):
        return n
""",
    "a name in an annotation that is a text": """\
class C:  #!
    pass
def f(x: "C"):
    return x
print(3)  #=
""",
    "an annotation that is no longer postponed": """\
from __future__ import annotations  #!
def f(x: C):
    return x
class C:  #=
    y = 1  #=
def g(x: C):  #=
    return x  #=
""",
    "a name that a star does not stand for": """\
from os import *  #=
def f():  #=
    print(path)  #=
    y = 1  #!
    return y
""",
    "a star that may bind a name": """\
from os import *  #!
print(path)
print(3)  #=
""",
    "a name that is missing on purpose": """\
try:  #=
    unicode  #=
except NameError:  #=
    print(3)  #=
x = 1  #!
""",
}

MEMBERS = {
    "an attribute that nothing assigns": """\
class C:  #=
    def __init__(self):
        self.x = 1  #!
    def f(self):
        return self.x
    def g(self):  #=
        return 2  #=
""",
    "an attribute that is assigned later in the same method": """\
class C:  #=
    def __init__(self):
        self.x = 1  #!
    def f(self):  #=
        y = self.x
        self.x = 2  #=
""",
    "an attribute of an instance": """\
class C:  #=
    x = 1  #!
    y = 2  #=
c = C()  #=
print(c.x)
print(c.y)  #=
""",
    "a base's attribute": """\
class B:  #=
    x = 1  #!
    y = 2  #=
class C(B):  #=
    z = 3  #=
print(C().x)
""",
    "a class that has any attribute": """\
class C:  #=
    x = 1  #!
    def __getattr__(self, name):  #=
        return 2  #=
print(C().x)  #=
""",
    "an attribute that starts as None": """\
class C:  #=
    def __init__(self):  #=
        self.x: list | None = None  #=
    def f(self):
        self.x = [1]  #!
    def g(self):
        return self.x[0]
    def h(self):
        return self.x()
""",
    "a value that is no longer returned": """\
def f():  #=
    print(1)  #=
    return 2  #!
x = f()
f()  #=
""",
    "items of what is no longer returned": """\
def f():  #=
    print(1)  #=
    return [2]  #!
for item in f():
    print(item)
""",
    "arguments for a constructor": """\
class C:  #=
    def __init__(self, x):  #!
        print(x)
    def f(self):  #=
        return 1  #=
c = C(1)
d = C  #=
""",
    "fields of a dataclass": """\
from dataclasses import dataclass  #=
@dataclass  #=
class C:  #=
    x: int  #=
    y: int  #!
print(C(1, 2))
print(C(1))  #=
""",
    "a dataclass that is none": """\
from dataclasses import dataclass  #=
@dataclass  #!
class C:  #=
    x: int  #=
print(C(1))
""",
    "a static method that is none": """\
class C:  #=
    y = 1  #=
    @staticmethod  #!
    def f(x):
        return x
""",
    "a setter that is none": """\
class C:  #=
    @property  #=
    def x(self):  #=
        return 1  #=
    @x.setter  #!
    def x(self, value):
        print(value)
""",
    "a setter of what is no property": """\
class C:  #=
    y = 1  #=
    @property  #!
    def x(self):  #=
        return self.y  #=
    @x.setter
    def x(self, value):
        print(value)
""",
    "an item of what is no property": """\
class C:  #=
    @property  #!
    def x(self):  #=
        return "a b"  #=
    def f(self):
        return self.x.split()
""",
    "a field of what is no dataclass": """\
from dataclasses import dataclass, field  #=
@dataclass  #!
class C:  #=
    y = 1  #=
    x: list = field(default_factory=list)
""",
    "an annotation in what is no dataclass": """\
from dataclasses import dataclass  #=
@dataclass  #!
class C:  #=
    x: int  #=
    def f(self):
        return self.x
""",
    "places of a text": """\
a = "{} {}".format(
    1,
    2,  #!
)
b = "%s %s" % (
    a,
    2)
print(3)  #=
""",
    "special methods that return nothing": """\
class C:  #=
    y = 1  #=
    def __len__(self):
        print("...")
        return 1  #!
""",
    "an iterator without a next": """\
class C:  #=
    y = 1  #=
    def __iter__(self):
        return self
    def __next__(self):  #!
        return 1
""",
    "items of what has none": """\
class C:  #=
    y = 1  #=
    def __getitem__(self, key):  #!
        return key
print(C()[1])
""",
    "an abstract method": """\
from abc import ABC, abstractmethod  #=
class B(ABC):  #=
    @abstractmethod  #=
    def f(self):  #=
        \"\"\"Do it.\"\"\"  #=
class C(B):  #=
    y = 1  #=
    def f(self):  #!
        return 1
print(C())
""",
    "a base's constructor": """\
class B:  #=
    def __init__(self):  #=
        self.x = 1  #=
class C(B):  #=
    y = 1  #=
    def __init__(self):
        super().__init__()  #!
        self.z = 2
""",
}


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(program, id=name)
        for group in (STRUCTURE, NAMES, MEMBERS)
        for name, program in group.items()
    ],
)
def test_what_goes(program: str) -> None:
    ast.parse(program)
    assert left(program) == kept(program)


def test_names_that_nothing_binds() -> None:
    program = "print(x)\ndef f():\n    return y\n"
    graph = Graph(Layout(program.removesuffix("\n").split("\n")), ast.parse(program))
    assert graph.undefined == [(0, "x"), (2, "y")]


def programs() -> Iterator[str]:
    """Every fourth everyday program, and some of the standard library."""
    for name in ("algorithms", "classes", "practical", "scripts"):
        for line in (EVERYDAY / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()[::4]:
            yield from json.loads(line)["programs"]
    library = Path(sysconfig.get_path("stdlib"))
    for name in ("bisect", "contextlib", "dis", "fnmatch", "heapq", "shlex", "textwrap"):
        yield (library / f"{name}.py").read_text(encoding="utf-8")


def test_what_is_left_passes_pyflakes() -> None:
    rng = random.Random(0)
    states = 0
    for program in programs():
        if checks.names(program):
            continue  # pyflakes takes a name that another turn of the loop binds for undefined
        lines = program.removesuffix("\n").split("\n")
        graph = Graph(Layout(lines), ast.parse(program))
        there = bytearray(b"\1") * len(lines)
        while any(there):
            seed = rng.choice([number for number in range(len(lines)) if there[number]])
            graph.delete([seed], there)
            text = "".join(f"{line}\n" for line, kept in zip(lines, there, strict=True) if kept)
            assert checks.names(text) == [], text
            states += 1
    assert states > 1000


def test_a_line_that_a_backslash_continues_needs_the_next() -> None:
    assert left("import os \\\n#!\n\nprint(3)\n") == "\nprint(3)\n"
    assert left("x = 1 + \\\n    2  #!\nprint(3)\n") == "print(3)\n"
    assert left("if 1:\n    \\\nx = 1\n    y = 2  #!\n") == "if 1:\n    \\\nx = 1\n"
