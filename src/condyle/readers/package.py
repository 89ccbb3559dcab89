"""A package on disk: a folder, or the same as one ``.condyle`` zip.

    package.yaml     what it is, what it needs, how its numbers become statements, sha256 of every other file
    graphs/*.onnx    networks
    card.md          for people
    metrics.json     measured accuracy

A package comes from outside, so it is treated as hostile: nothing is executed, nothing is unpickled, no path leaves
the package, every file is compared with its hash before it is used, and a file nobody listed is an error.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from condyle.errors import PackageError
from condyle.outputs import file_aside, write_through, written_aside
from condyle.readers.spec import PackageSpec, record
from condyle.safe_yaml import load_yaml
from condyle.study import PackageInfo

SCHEMA_VERSION = 1
SPEC = "package.yaml"
SUFFIX = ".condyle"
MAX_FILES, MAX_BYTES = 64, 2 << 30  # eight folds of a transformer a plane (scope_shoulder) are 1.8 GiB


@dataclass(frozen=True, slots=True, eq=False)
class Package:
    """A verified package, wholly in memory.

    Parameters
    ----------
    spec : PackageSpec
    files : path within the package -> bytes, each equal to its hash
    sha256 : of package.yaml, which holds the hashes of everything else: it stands for the whole package
    text : package.yaml, byte for byte
    origin : where it was read from; kept out of documents
    """

    spec: PackageSpec
    files: Mapping[str, bytes]
    sha256: str
    text: bytes
    origin: str = ""

    @property
    def info(self) -> PackageInfo:
        spec = self.spec
        credit = "; ".join(dict.fromkeys(part for part in (spec.credit, *(data.credit for data in spec.data)) if part))
        return PackageInfo(spec.name, spec.version, self.sha256, spec.intended_use, spec.trained_on, spec.limits, spec.licence, credit)

    def graph(self, name: str) -> bytes:
        """The ONNX bytes of a graph. Raises PackageError when the package has none of that name."""
        if name not in self.spec.graphs:
            raise PackageError("graph-missing", f"The package {self.spec.name!r} has no graph {name!r}.", what_to_do="Use a whole package.")
        return self.files[self.spec.graphs[name].file]


def open_package(path: Path | str) -> Package:
    """Read and verify a package.

    Parameters
    ----------
    path : folder, or ``.condyle`` file

    Raises
    ------
    PackageError - not a package, an unknown schema version, wrong or missing keys, a file that is missing, altered,
        unlisted or outside of the package
    """
    path = Path(path)
    if path.is_dir():
        raw = _from_folder(path)
    elif path.is_file():
        raw = _from_zip(path)
    else:
        raise PackageError("package-missing", "There is no package here.", where=path.name, what_to_do="See `condyle list packages`.")
    if SPEC not in raw:
        raise PackageError(
            "package-damaged", "This is not a package.", where=path.name, why=f"It holds no {SPEC}.",
            what_to_do="Give a package folder or file.",
        )  # fmt: skip
    text = raw.pop(SPEC)
    spec = parse_spec(text, path.name)
    _verify(spec, raw, path.name)
    return Package(spec, raw, hashlib.sha256(text).hexdigest(), text, str(path))


@lru_cache(maxsize=8)  # the package that suits a study is looked up by it, and is then opened
def parse_spec(text: bytes, where: str) -> PackageSpec:
    """package.yaml as data. Raises PackageError with every wrong key."""
    content = load_yaml(text, lambda reason: _damaged(where, reason))
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        raise PackageError(
            "package-schema", f"The package is of schema version {version!r}, which this Condyle does not know.", where=where,
            why=f"It reads version {SCHEMA_VERSION}.", what_to_do="Update Condyle, or use a package made for this version.",
        )  # fmt: skip
    faults: list[str] = []
    spec: PackageSpec = record(PackageSpec)(content, "", faults)
    if faults:
        raise PackageError(
            "package-damaged", f"{SPEC} is not as it must be.", where=where, why="; ".join(faults),
            what_to_do="Mend the recipe or fetch the package again.",
        )  # fmt: skip
    for graph in spec.graphs.values():
        if graph.file not in spec.files:
            place = f"{where}: {graph.file}"
            raise PackageError("package-damaged", "A graph's file is not listed.", where=place, what_to_do="Fetch the package again.")
    return spec


def write_package(out: Path | str, spec: Mapping[str, Any], files: Mapping[str, bytes]) -> Package:
    """Write a package, verified as it will be on reading. Written aside and renamed when whole.

    Parameters
    ----------
    out : folder to make, or a ``.condyle`` file; must not exist
    spec : contents of package.yaml without ``files``, which is computed here
    files : path within the package -> bytes

    Raises
    ------
    PackageError - ``out`` exists, or the package would not be valid
    """
    out = Path(out)
    if out.exists():
        raise PackageError("package-exists", "There is something already.", where=out.name, what_to_do="Remove it or choose another name.")
    content = {**spec, "schema_version": SCHEMA_VERSION, "files": {name: _sha256(data) for name, data in sorted(files.items())}}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120).encode()
    parse_spec(text, out.name)
    return _store(out, {SPEC: text, **files})


def copy_package(package: Package, out: Path | str) -> Package:
    """Write what was verified, and nothing else that lay beside it; the copy has the same identity.

    Parameters
    ----------
    out : folder to make, or a ``.condyle`` file

    Raises
    ------
    UsageError - ``out`` exists or cannot be written
    ResourceError - the disk is full
    """
    return _store(Path(out), {SPEC: package.text, **package.files})


def _store(out: Path, files: Mapping[str, bytes]) -> Package:
    """The package as it reads back, before it has its name."""
    if out.suffix == SUFFIX:
        with file_aside(out) as single:
            write_through(single, _zipped(files))
            package = open_package(single)
    else:
        with written_aside(out, sums=False) as folder:
            for name, data in files.items():
                target = folder / _safe(name, out.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                write_through(target, data)
            package = open_package(folder)
    return replace(package, origin=str(out))


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip whose bytes depend on the files only."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            _safe(name, name)
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _from_folder(folder: Path) -> dict[str, bytes]:
    root = folder.resolve()
    found: dict[str, bytes] = {}
    total = 0
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_symlink() or not file.resolve().is_relative_to(root):
            raise _outside(folder.name, name)
        if file.is_dir():
            continue
        if not file.is_file():
            raise _outside(folder.name, name)  # a pipe or device gives other bytes each time
        total += file.stat().st_size
        if len(found) >= MAX_FILES or total > MAX_BYTES:
            raise _too_large(folder.name)
        found[name] = file.read_bytes()
    return found


def _from_zip(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                name = _safe(entry.filename, path.name)
                if len(found) >= MAX_FILES or name in found:
                    raise _too_large(path.name)
                # The size in the directory of the zip is only a claim: read no more than is allowed.
                with archive.open(entry) as stream:
                    data = stream.read(MAX_BYTES - total + 1)
                total += len(data)
                if total > MAX_BYTES:
                    raise _too_large(path.name)
                found[name] = data
    except OSError as error:
        if error.errno:
            raise
        raise _no_whole_zip(path, error) from None  # bz2 says so of damaged bytes
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError) as error:
        raise _no_whole_zip(path, error) from None
    return found


def _no_whole_zip(path: Path, error: Exception) -> PackageError:
    return PackageError(
        "package-damaged", "The package file cannot be unpacked.", where=path.name, why=f"It is no whole zip ({type(error).__name__}).",
        what_to_do="Fetch it again.",
    )  # fmt: skip


def _safe(name: str, where: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts or "\0" in name:
        raise _outside(where, name)
    return path.as_posix()


def _verify(spec: PackageSpec, files: Mapping[str, bytes], where: str) -> None:
    missing = sorted(set(spec.files) - set(files))
    unlisted = sorted(set(files) - set(spec.files))
    altered = sorted(name for name in set(spec.files) & set(files) if _sha256(files[name]) != spec.files[name])
    reasons = [
        f"{title}: {', '.join(names)}" for title, names in (("missing", missing), ("altered", altered), ("not listed", unlisted)) if names
    ]
    if reasons:
        raise PackageError(
            "package-altered", "The package is not as it was made.", where=where, why="; ".join(reasons),
            what_to_do="Fetch the package again.",
        )  # fmt: skip


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _outside(where: str, name: str) -> PackageError:
    shown = name if name.isprintable() else "?"
    place = f"{where}: {shown}"
    return PackageError(
        "package-unsafe", "A file of the package lies outside of it.", where=place,
        why="Its name leaves the folder, or it is a link.", what_to_do="Do not use it.",
    )  # fmt: skip


def _damaged(where: str, reason: str) -> PackageError:
    return PackageError("package-damaged", f"{SPEC} cannot be used.", where=where, why=reason, what_to_do="Fetch the package again.")


def _too_large(where: str) -> PackageError:
    return PackageError(
        "package-too-large", "The package is larger than any real one.", where=where,
        why=f"At most {MAX_FILES} files, {MAX_BYTES >> 20} MiB.", what_to_do="Do not use it.",
    )  # fmt: skip
