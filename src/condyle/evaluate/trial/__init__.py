"""Randomised trials of reading with and without help: flow, balance, clustered outcomes, reading times."""
