"""Suites, verdicts and pass@k."""
