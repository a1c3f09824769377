"""Measurements, apart from the tests: ``python -m tests.bench [NAME ...]``; a module a measurement."""
