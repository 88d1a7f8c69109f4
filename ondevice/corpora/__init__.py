"""Corpora of Python for training: from source trees and installed packages, with their licenses."""

from ondevice.corpora.build import Settings, build
from ondevice.corpora.sources import Source, distributions, standard_library, tree

__all__ = ["Settings", "Source", "build", "distributions", "standard_library", "tree"]
