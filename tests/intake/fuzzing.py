"""Mutations of real DICOM files, and what intake must do with each: pixels or a sentence, soon, within bounds.

    python -m tests.intake.fuzzing FOLDER --count 10000 --seed 1     # every file under FOLDER in turn

The same seed gives the same mutations. A fault is printed with the seed that makes it again.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from condyle.errors import CondyleError
from condyle.intake import load_volume, open_studies
from condyle.intake.blob import Blob
from condyle.intake.dicom_file import NATIVE, read_dicom, read_with_pydicom
from condyle.intake.eligible import damage, not_an_mr_image
from condyle.intake.frame import Frame
from condyle.intake.pixels import read_frames

MOST_SECONDS = 20.0  # of CPU, for one mutated file
MOST_BYTES = 2 << 30  # of address space beyond what is there, threads and the arenas of their allocator included
LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
REPRESENTATIONS = (*LONG, *b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US ZZ".split())
NUMBERS = (*b"0 -1 1 1e308 -1e308 1e-300 nan inf 99999999999999 abc".split(), b"", b"1\\2\\3\\4\\5\\6\\7", b"0\\0\\0")
SHORTS = (0, 1, 2, 8, 12, 16, 17, 32, 64, 255, 256, 4096, 32767, 32768, 65535)


def elements(data: bytes) -> list[tuple[int, int, int]]:
    """(start, start of the value, end) of the top-level elements of an explicit little-endian file, as far as they can be walked."""
    found = []
    position = 132
    while position + 12 <= len(data):
        long = data[position + 4 : position + 6] in LONG
        value = position + (12 if long else 8)
        length = struct.unpack_from("<I", data, position + 8)[0] if long else struct.unpack_from("<H", data, position + 6)[0]
        if value + length > len(data) or not data[position + 4 : position + 6].isalpha():
            break
        found.append((position, value, value + length))
        position = value + length
    return found


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    return head + (struct.pack("<HI", 0, len(value)) if vr in LONG else struct.pack("<H", len(value) & 0xFFFF)) + value


def _sequence(rng: random.Random, depth: int) -> bytes:
    """A sequence of items, of defined or undefined length, nested."""
    inner = _element(0x00080060, b"CS", b"MR")
    if depth:
        inner += _sequence(rng, depth - 1)
    undefined = rng.random() < 0.6
    body = b"\xff" * 4 + inner + b"\xfe\xff\x0d\xe0" + bytes(4) if undefined else struct.pack("<I", len(inner)) + inner
    items = (b"\xfe\xff\x00\xe0" + body) * (1 if depth else rng.randint(0, 3))
    head = struct.pack("<HH", rng.choice((0x0008, 0x0040, 0x0029)), rng.randint(0x1000, 0x2000)) + b"SQ" + bytes(2)
    if rng.random() < 0.6:
        return head + b"\xff" * 4 + items + (b"\xfe\xff\xdd\xe0" + bytes(4) if rng.random() < 0.9 else b"")
    return head + struct.pack("<I", len(items) + rng.choice((0, 0, 0, 1, 8, -8)) & 0xFFFFFFFF) + items


def truncated(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def flipped(data: bytes, rng: random.Random) -> bytes:
    made = bytearray(data)
    reach = len(made) if rng.random() < 0.4 else min(len(made), 4096)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        made[rng.randrange(reach)] = rng.randrange(256)
    return bytes(made)


def other_representation(data: bytes, rng: random.Random) -> bytes:
    found = elements(data)
    if not found:
        return flipped(data, rng)
    start = rng.choice(found)[0]
    return data[: start + 4] + rng.choice(REPRESENTATIONS) + data[start + 6 :]


def other_length(data: bytes, rng: random.Random) -> bytes:
    found = elements(data)
    if not found:
        return flipped(data, rng)
    start, value, end = rng.choice(found)
    near = (end - value + 1, end - value + 2, max(end - value - 1, 0))
    length = rng.choice((0, 1, *near, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, rng.randrange(1 << 16)))
    if value - start == 12:
        return data[: start + 8] + struct.pack("<I", length) + data[value:]
    return data[: start + 6] + struct.pack("<H", length & 0xFFFF) + data[value:]


def inserted(data: bytes, rng: random.Random) -> bytes:
    found = elements(data)
    place = rng.choice(found)[0] if found else 132
    value = rng.randbytes(rng.choice((0, 2, 8, 300, 20_000)))
    private = _element(0x00290000 + rng.randint(0x10, 0x30FF), rng.choice(REPRESENTATIONS), value)
    return data[:place] + (_sequence(rng, rng.choice((0, 1, 2, 30))) if rng.random() < 0.6 else private) + data[place:]


def rearranged(data: bytes, rng: random.Random) -> bytes:
    """An element dropped, doubled, or moved elsewhere."""
    found = elements(data)[:-1]
    if len(found) < 3:
        return flipped(data, rng)
    start, _, end = rng.choice(found)
    kind = rng.randrange(3)
    if kind == 0:
        return data[:start] + data[end:]
    if kind == 1:
        return data[:end] + data[start:end] + data[end:]
    place = rng.choice(found)[0]
    without = data[:start] + data[end:]
    place -= end - start if place > start else 0
    return without[:place] + data[start:end] + without[place:]


def other_number(data: bytes, rng: random.Random) -> bytes:
    """Extremes in place of a number: text of DS and IS, binary of US."""
    found = [place for place in elements(data) if data[place[0] + 4 : place[0] + 6] in (b"DS", b"IS", b"US")]
    if not found:
        return flipped(data, rng)
    start, value, end = rng.choice(found)
    if data[start + 4 : start + 6] == b"US":
        return data[:value] + struct.pack("<H", rng.choice(SHORTS)) + data[value + 2 :]
    text = rng.choice(NUMBERS)
    parts = data[value:end].split(b"\\")
    parts[rng.randrange(len(parts))] = text
    new = b"\\".join(parts) if rng.random() < 0.7 else text
    new += b" " * (len(new) % 2)
    return data[: start + 6] + struct.pack("<H", len(new) & 0xFFFF) + new + data[end:]


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    truncated, flipped, other_representation, other_length, inserted, rearranged, other_number, other_number,
)  # fmt: skip


def mutated(data: bytes, seed: str) -> bytes:
    """One to three mutations; the same for the same seed."""
    rng = random.Random(seed)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if len(data) > 1:
            data = rng.choice(MUTATIONS)(data, rng)
    return data


def read(path: Path) -> str:
    """What intake makes of one file: 'pixels', 'refused' or 'unused'. Any exception but Condyle's own comes through."""
    opened = open_studies(path)
    loaded = refused = 0
    for series in (one for study in opened.studies for one in study.series):
        try:
            volume = load_volume(series)
        except CondyleError as error:
            refused += bool(error.what and error.why)  # without a reason it counts as left out in silence
            continue
        assert np.isfinite(volume.pixels).all()
        assert np.isfinite(volume.geometry.affine).all()
        loaded += 1
    if not loaded and not refused:
        assert opened.unused or opened.problems, "a file left out in silence"
    return "pixels" if loaded else "refused" if refused else "unused"


def stored(path: Path, parse: Callable[[Blob], Any]) -> Any:
    """Stored values of every frame by one of the two parsers; None when it gives none."""
    try:
        file = parse(Blob(str(path), path.name, path.stat().st_size))
        if not_an_mr_image(file) or damage(file):
            return None
        shape = file.layout.rows, file.layout.columns
        return file, read_frames([Frame(file, number, None, None, None, *shape) for number in range(file.layout.frames)])
    except CondyleError:
        return None


def compare(path: Path) -> bool:
    """Whether both parsers and pydicom's own pixels are there to be compared; asserts that they agree bit for bit."""
    import pydicom

    fast, slow = stored(path, read_dicom), stored(path, read_with_pydicom)
    if fast is None or fast[0].dataset is not None:
        return False  # not read by the fast walk
    assert slow is not None, "the fast walk gives pixels where pydicom's header gives none"
    assert np.array_equal(fast[1], slow[1]), "the fast walk gives other pixels"
    if fast[0].layout.syntax not in NATIVE:
        return True  # codecs differ in what they make of damaged streams
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = pydicom.dcmread(path, force=True).pixel_array
        except Exception:  # pydicom refuses more than intake does
            return True
    own = fast[1].ravel()
    assert theirs.size >= own.size, "pydicom gives fewer pixels"  # it may take what is too much for further frames
    assert np.array_equal(own, theirs.ravel()[: own.size]), "pydicom gives other pixels"
    return True


def check(data: bytes, path: Path) -> tuple[str, bool]:
    """(what intake makes of these bytes, whether pixels were compared). Raises ``AssertionError`` and whatever intake lets through."""
    path.write_bytes(data)
    begun = time.process_time()
    outcome = read(path)
    took = time.process_time() - begun
    assert took < MOST_SECONDS, f"{took:.0f} s"
    return outcome, compare(path)


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Large allocations fail inside, whether or not they would ever be filled."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    there = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (there + MOST_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--largest", type=int, default=1 << 20, help="files above so many bytes are left out")
    asked = parser.parse_args()
    files = [path for path in sorted(asked.folder.rglob("*")) if path.is_file() and path.suffix not in (".md", ".csv", ".txt")]
    files = [path for path in files if 0 < path.stat().st_size <= asked.largest]
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, bounded():
        for number in range(asked.count):
            source, seed = files[number % len(files)], f"{asked.seed} {number}"
            try:
                outcome, compared = check(mutated(source.read_bytes(), seed), Path(folder) / "x")
                outcomes.update([outcome] + ["compared"] * compared)
            except Exception as error:  # every kind is a fault to be told
                outcomes["FAULT"] += 1
                print(f"{source.relative_to(asked.folder)} seed {seed!r}: {type(error).__name__}: {error}", flush=True)
    print(f"{asked.count} mutations of {len(files)} files: {dict(outcomes)}")
    return int(outcomes["FAULT"] > 0)


if __name__ == "__main__":
    sys.exit(main())
