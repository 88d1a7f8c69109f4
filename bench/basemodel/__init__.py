"""The parts of bench/base.py, a module each."""
