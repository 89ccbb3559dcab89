"""Adapters of public data sets: one file each, from the release's own layout to a cohort folder.

Contract: ``import_<name>(source, out, *, copy=False) -> Imported``. ``out`` is absent or an empty folder; the source is
only read; what was left out is listed with its reason; unknown stays empty.
"""
