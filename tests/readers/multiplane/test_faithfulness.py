"""``scripts/faithfulness.py`` asks the same network that reads."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from condyle.readers import find_package, open_package
from condyle.readers.multiplane.graphs import open_ensemble
from condyle.readers.multiplane.network import answer


def test_remembered_slices_give_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parents[3] / "scripts/faithfulness.py"
    spec = importlib.util.spec_from_file_location("faithfulness", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "faithfulness", script)
    monkeypatch.syspath_prepend(path.parent)  # it uses another script
    spec.loader.exec_module(script)
    own = open_ensemble(open_package(find_package("knee_nine")))
    remembering = replace(own, members=tuple(script.Remembering(one) for one in own.members))
    size, slots = own.spec.pixels, len(own.slots)
    grey = np.random.default_rng(0).normal(0, 1, (slots, own.spec.slices, size, size)).astype(np.float32)
    shown = np.zeros((slots, own.spec.slices), bool)
    shown[:, :2] = True
    plain, twice = (answer(one.members, one.slots, grey, shown, one.attention, len(one.findings)) for one in (own, remembering))
    assert np.allclose(plain.logits, twice.logits, atol=1e-5)
    assert plain.maps is not None
    assert twice.maps is not None
    assert np.allclose(plain.maps, twice.maps, atol=1e-5)
