"""Outlines as pixels lie where the page draws them, and doubt is told by dashes, not by colour alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from condyle.report.draw import drawn
from condyle.report.pictures import pictures
from condyle.report.statements import catalogue


def both(reading):
    return reading.key_images[0], pictures(reading, catalogue("lumbar"))[0]


def test_an_outline_is_drawn_where_it_lies(lumbar):
    image, picture = both(lumbar)
    plain, lined = drawn(replace(picture, shapes=()), image, names=False), drawn(picture, image, names=False)
    rows, columns = np.nonzero((plain != lined).any(axis=-1))
    for shape in picture.shapes:
        points = np.array([[float(v) for v in pair.split()] for pair in shape.path.strip("MZ").split("L")]) * 2
        nearest = [np.hypot(rows - y, columns - x).min() for x, y in points]
        assert max(nearest) < (16 if shape.weight == "uncertain" else 2)  # a vertex may fall into the gap between two dashes


def test_uncertain_is_dashed(lumbar):
    image, picture = both(lumbar)
    disc = next(one for one in picture.shapes if one.weight)
    base = drawn(replace(picture, shapes=()), image, names=False).astype(int)

    def inked(weight):
        shown = drawn(replace(picture, shapes=(replace(disc, weight=weight),)), image, names=False)
        return (np.abs(shown - base).max(axis=-1) > 40).sum()

    assert 0.3 * inked("abnormal") < inked("uncertain") < 0.8 * inked("abnormal")


def test_a_window_is_the_part_of_the_whole(lumbar):
    image, picture = both(lumbar)
    whole, box = drawn(picture, image), (40.0, 60.0, 100.0, 75.0)
    np.testing.assert_array_equal(drawn(picture, image, box=box), whole[120:270, 80:280])


def test_names_are_written(lumbar):
    image, picture = both(lumbar)
    assert (drawn(picture, image) != drawn(picture, image, names=False)).any()
