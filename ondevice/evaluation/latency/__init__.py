"""How fast a model runs here: from bare evaluation, as llama-bench has it, to whole requests."""

from ondevice.evaluation.latency.measure import differences, measure
from ondevice.evaluation.latency.plan import LatencyPlan, Variant, find_variants

__all__ = ["LatencyPlan", "Variant", "differences", "find_variants", "measure"]
