"""What may come next while an edit is decoded: a constraint for each dialect."""

from ondevice.decoding.constraints.base import Constraint, Lengths, Mending
from ondevice.decoding.constraints.lintseq import LintSeqConstraint
from ondevice.decoding.constraints.matcher import Matchers
from ondevice.decoding.constraints.unified import UnifiedConstraint

__all__ = ["Constraint", "Lengths", "LintSeqConstraint", "Matchers", "Mending", "UnifiedConstraint"]
