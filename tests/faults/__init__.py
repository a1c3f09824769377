"""Breaks things, and counts what is lost and what is doubled: `python -m tests.faults`."""
