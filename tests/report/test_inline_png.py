"""Arrays inside documents: exact or within a step, and no bomb is decoded."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from condyle.report.inline_png import from_inline, to_inline

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))


@settings(deadline=None)  # the first call loads OpenCV
@given(arrays(np.uint8, shapes))
def test_pictures_come_back_exactly(picture):
    back = from_inline(to_inline(picture))
    assert back.dtype == np.uint8
    assert np.array_equal(back, picture)


@settings(deadline=None)  # the first call loads OpenCV
@given(arrays(np.float32, shapes, elements=st.floats(-1e4, 1e4, width=32)))
def test_maps_come_back_within_a_step(values):
    back = from_inline(to_inline(values))
    assert np.abs(back - values).max() <= float(np.ptp(values)) / 65535 + 1e-3


def test_a_map_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        to_inline(np.array([[np.nan]], np.float32))


def png(width, height, depth=8, colour=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(b"\0" * min(10_000_000, height * (1 + width)))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")).decode()


def test_the_hand_made_png_is_a_good_one():
    inline = replace(to_inline(np.zeros((2, 2), np.uint8)), png=png(3, 2))
    assert from_inline(inline).shape == (2, 3)


@pytest.mark.parametrize(
    "text",
    [png(60_000, 60_000), png(2**31 - 1, 2**31 - 1), png(4, 4, colour=2), png(4, 4, depth=16), png(8, 8)[:60], "no base64 !", "", "QUJD"],
    ids=["bomb", "overflow", "colour", "depth", "cut", "text", "empty", "short"],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="inline image"):
        from_inline(replace(to_inline(np.zeros((2, 2), np.uint8)), png=text))
