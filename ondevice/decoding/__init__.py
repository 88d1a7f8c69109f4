"""The engine: sampling, constraint, checks, and taking back what they refuse."""

from ondevice.decoding.engine import Engine
from ondevice.decoding.pool import Pool
from ondevice.decoding.request import Request
from ondevice.decoding.sampling import Sampling
from ondevice.decoding.scheduler import Scheduler, Turn

__all__ = ["Engine", "Pool", "Request", "Sampling", "Scheduler", "Turn"]
