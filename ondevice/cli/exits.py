"""The exit codes of every command."""

DONE = 0
"""It ran, and what came out is finished and checked."""
UNFINISHED = 1
"""It ran, but what came out is unfinished or fails its check; it was printed all the same."""
USAGE = 2
"""The request cannot be carried out as it stands: arguments, prompt, data, output."""
UNUSABLE = 3
"""A model, file or dependency is missing or damaged."""
INTERRUPTED = 130
"""Ctrl-C, as shells count it."""
STDOUT_CLOSED = 141
"""Whoever read stdout went away, as shells count it."""
