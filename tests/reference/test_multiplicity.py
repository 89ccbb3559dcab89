"""Folder 25: R's p.adjust."""

from __future__ import annotations

import pytest

from condyle.evaluate import multiplicity
from tests.reference.reading import expected, table

NAMES = {"holm": "holm", "bh": "benjamini_hochberg", "hochberg": "hochberg", "bonferroni": "bonferroni", "by": "benjamini_yekutieli"}


@pytest.mark.parametrize("name", NAMES)
def test_25(name: str) -> None:
    found = getattr(multiplicity, NAMES[name])(table("25_multiplicity", "p.csv")["p"])
    assert found.tolist() == pytest.approx(expected("25_multiplicity")[name], abs=1e-12)
