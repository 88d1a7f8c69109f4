"""The command line: arguments and presentation, nothing else."""

from ondevice.cli.app import main

__all__ = ["main"]
