"""The sides of bench/runtimes.py: this package and other runtimes of the same weights."""
