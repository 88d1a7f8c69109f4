"""The parts of ``bench/lintseq.py``: one measurement a module, and what they share."""
