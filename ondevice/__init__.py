"""On-device inference for edit-sequence language models.

>>> import ondevice
>>> with ondevice.load() as model:
...     result = model.generate("write fizzbuzz")
>>> "FizzBuzz" in result.text
True
"""

from __future__ import annotations

from ondevice import errors, events
from ondevice.loading import load
from ondevice.model import Model
from ondevice.replay import Replay
from ondevice.results import Result

__version__ = "0.1.0"
__all__ = ["Model", "Replay", "Result", "__version__", "errors", "events", "load"]
