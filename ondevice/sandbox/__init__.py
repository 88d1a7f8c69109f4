"""Run programs that nobody has read, and judge them.

A program runs in a fresh process, forked from a warm one, in an empty folder, with an empty
environment, and with nothing to read unless it is given. The verdict does not come from what it
prints or how it exits: tests are sent through a pipe once the program has come to its end, and only
what drives them can acknowledge that they held.

What that protects against, always:

* **Ends**: exit codes, ``os._exit``, exit functions, words such as "passed", signals and faults,
  copies of itself by ``fork``: none of them is an acknowledgment.
* **Patches**: of builtins, of ``math``, of this package, of descriptors; tracing and profiling. The
  steps are driven by iterators of C with no Python frame of their own, an audit hook refuses
  tracing, and what tests use of builtins is put back before they run. The judge's descriptors lie
  above the limit of open files, so no other file can be put in their place.
* **Looks**: the tests are not in the program's memory before it has come to its end. Later, frames
  of tests, their code, the collector's lists, ctypes and threads that stay are refused.
* **Floods**: of time, processor time, memory, output, files and processes, by limits; whoever is
  left is killed, with the process group at least.

And where the system has the means, which ``Sandbox.protections`` and ``ondevice doctor`` tell:

* **others**: signals to the judge or to any process; what a program started ends with it, wherever
  it went (a process namespace on Linux).
* **outside**: files can be read only in the system's and Python's own folders, and written only in
  the program's (Landlock on Linux, ``sandbox-exec`` on macOS); the disk is bounded (tmpfs).
* **network**: there is none (a namespace and seccomp on Linux, ``sandbox-exec`` on macOS).
* **kernel**: debugging, mounting, namespaces, keys, BPF and the like are refused (seccomp).
* **user**: root becomes nobody, if nobody can read the Python that runs; otherwise a program of
  root's cannot start processes.

What it does not protect against:

* A program written against this package that reads or changes the memory of its own process by
  other means than ctypes (a hole in the interpreter, native code of an installed package, ctypes
  with ``native=True``) can forge a verdict about itself. So can, on macOS and Windows, a thread
  that takes tests out of the pipe while they are on their way.
* Results that are made to look right: an object that says of everything that it equals it, or a
  name of the program that hides a builtin which the tests use (``all = lambda _: True``). Tests
  that compare types, or ``repr``, tell.
* A program that tells tests by their arguments, and answers only these.
* Holes in the kernel, and channels of time between processes.
* On macOS what its kernel does not limit (memory, processes), and processes that leave their group.
  On Windows there are no limits but on time, and no protection of files and network: run only what
  you would run yourself. Neither has been tried on such machines, only simulated.
"""

from __future__ import annotations

from ondevice.sandbox.job import (
    Assertions,
    Expectation,
    Harness,
    Job,
    Limits,
    Outcome,
    Output,
    Verdict,
)
from ondevice.sandbox.pool import PROTECTIONS, Sandbox

__all__ = [
    "PROTECTIONS",
    "Assertions",
    "Expectation",
    "Harness",
    "Job",
    "Limits",
    "Outcome",
    "Output",
    "Sandbox",
    "Verdict",
]
