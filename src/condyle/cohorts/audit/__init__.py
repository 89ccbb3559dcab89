"""Audit of a cohort: what in it would make a reader look better than it is (leakage and shortcuts)."""
