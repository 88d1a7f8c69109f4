"""Corpora of Python, for pretraining and instruction: from packages and source trees."""

from ondevice.corpora.build import build
from ondevice.corpora.report import Report
from ondevice.corpora.settings import Settings
from ondevice.corpora.sources import Source, installed, source_tree, standard_library

__all__ = ["Report", "Settings", "Source", "build", "installed", "source_tree", "standard_library"]
