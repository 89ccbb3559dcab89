"""``from condyle.evaluate import ...``: functions, whichever of the files of the same names were imported before."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import types

import condyle.evaluate as evaluate


def test_every_name_is_a_function_or_a_class_and_says_what_it_is() -> None:
    for part in pkgutil.iter_modules(evaluate.__path__):
        importlib.import_module(f"condyle.evaluate.{part.name}")
    for name in evaluate.__all__:
        found = getattr(evaluate, name)
        assert not isinstance(found, types.ModuleType), name
        assert callable(found), name
        assert found.__doc__, name


def test_the_example_computes_what_it_says() -> None:
    assert doctest.testmod(evaluate).failed == 0
    assert doctest.testmod(evaluate).attempted == 2
