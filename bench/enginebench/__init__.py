"""The parts of bench/engine.py, a module each."""
