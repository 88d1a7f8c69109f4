"""The parts of bench/converter.py."""
