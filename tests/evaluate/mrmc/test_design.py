import numpy as np
import pytest

from condyle.evaluate.mrmc.design import WORDS, design_of_mask

T, R, N = 2, 4, 12


def grid(rule) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.array([[[bool(rule(t, r, n)) for n in range(N)] for r in range(R)] for t in range(T)])


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("crossed", lambda t, r, n: True),
        ("cases nested in readers", lambda t, r, n: n % R == r),
        ("cases nested in arms", lambda t, r, n: n % T == t),
        ("readers nested in arms", lambda t, r, n: r % T == t),
        ("nested in arms", lambda t, r, n: r % T == t and n % T == t),
        ("split-plot", lambda t, r, n: n % 2 == r % 2),
        ("partially paired", lambda t, r, n: not (t == 0 and r == 3)),
        ("missing reads", lambda t, r, n: (t, r, n) != (1, 2, 5)),
    ],
)
def test_recognised(name, rule) -> None:  # type: ignore[no-untyped-def]
    found = design_of_mask(grid(rule))
    assert found.name == name
    assert found.balanced == (name not in ("partially paired", "missing reads"))
    assert WORDS[name] in str(found)


def test_blocks_of_a_split_plot() -> None:
    assert design_of_mask(grid(lambda t, r, n: n % 2 == r % 2)).blocks == (0, 1, 0, 1)
