"""Where packages are found by name: shipped ones, the user's, and folders named in the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from condyle import registry
from condyle.errors import PackageError, UsageError
from condyle.readers.engines import DEFAULT, chosen_engine
from condyle.readers.package import SPEC, SUFFIX, Package, copy_package, open_package, parse_spec
from condyle.readers.suits import parts_named
from condyle.study import PackageInfo, Reading, Study

ENVIRONMENT = "CONDYLE_PACKAGES"
_FIRST = "lumbar"  # of the shipped packages; what none of them is for is left to it, and it refuses what it does not read


class Reader(Protocol):
    """A loaded package: deterministic, says what it did not assess and why."""

    @property
    def info(self) -> PackageInfo: ...

    def open(self) -> None:
        """Open all graphs now and not at the first reading. Raises PackageError where they do not fit the family."""

    def read(self, study: Study, *, maps: bool = True) -> Reading:
        """Read a study; ``maps=False`` leaves out the class maps, which a table of scores has no use for and which take longest."""
        ...


@dataclass(frozen=True, slots=True)
class Shelved:
    """A package found by name, whole or not.

    Parameters
    ----------
    name : str - of its folder or file
    path : Path
    info : PackageInfo or None when the package is damaged
    problem : str - why it cannot be used; empty when it can
    family, joint : str - as in its package.yaml
    findings : tuple of str
    """

    name: str
    path: Path
    info: PackageInfo | None
    problem: str = ""
    family: str = ""
    joint: str = ""
    findings: tuple[str, ...] = ()


def package_folders() -> tuple[Path, ...]:
    """Folders that are searched, in order: CONDYLE_PACKAGES, the user's own, those shipped with Condyle."""
    named = [Path(one) for one in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if one]
    return (*named, user_folder(), _shipped_folder())


def user_folder() -> Path:
    """Where ``import_package`` puts packages (XDG base directories)."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "condyle" / "packages"


def _shipped_folder() -> Path:
    return Path(str(files("condyle") / "packages"))


def find_package(name_or_path: str | Path) -> Path:
    """The path of a package. A text without a path separator and suffix is a name; the first folder that has it wins.

    Raises
    ------
    PackageError - no such package; the names that exist are listed
    """
    path = Path(name_or_path)
    try:
        is_path = path.suffix == SUFFIX or len(path.parts) > 1 or (path / SPEC).is_file()
        there = is_path and path.exists()
    except OSError:  # too long for a file name, or not readable: no package can be there
        is_path, there = True, False
    if there:
        return path
    if is_path:
        raise PackageError("package-missing", "There is no package at this path.", where=path.name, what_to_do="Check the path.")
    candidates = _candidates(package_folders())
    if str(name_or_path) in candidates:
        return candidates[str(name_or_path)]
    raise PackageError(
        "package-missing", f"There is no package named {str(name_or_path)!r}.", why=f"Known: {', '.join(candidates) or 'none'}.",
        what_to_do="See `condyle list packages`, or give the path of a package.",
    )  # fmt: skip


def package_names() -> tuple[str, ...]:
    """Names of all packages that can be found by name, whole or not; no file is read."""
    return tuple(_candidates(package_folders()))


def list_packages() -> tuple[Shelved, ...]:
    """Every package that can be found by name, damaged ones with their problem."""
    return tuple(verify_package(path) for path in _candidates(package_folders()).values())


def verify_package(name_or_path: str | Path) -> Shelved:
    """Read a package and compare every file with its hash. Never raises for a damaged one: its ``problem`` says why."""
    path = find_package(name_or_path)
    name = path.name.removesuffix(SUFFIX)
    try:
        package = open_package(path)
    except PackageError as error:
        return Shelved(name, path, None, " ".join(part for part in (error.what, error.why) if part))
    spec = package.spec
    return Shelved(name, path, package.info, "", spec.family, spec.joint, spec.findings)


def check_package(name_or_path: str | Path) -> Package:
    """A package that is whole and fit to read: what it says of itself holds, and its family opens every graph.

    Raises
    ------
    PackageError - missing or damaged, of a family that is not there, or unfit; all faults at once
    """
    from condyle.readers.fitness import faults_of

    package = open_package(find_package(name_or_path))
    faults = faults_of(package, lambda: _family(package, DEFAULT).open())
    if faults:
        raise PackageError(
            "package-unfit", f"The package {package.spec.name!r} is whole, but it cannot read.", where=Path(name_or_path).name,
            why=" ".join(faults), what_to_do="Mend what made it, and make it again.",
        )  # fmt: skip
    return package


def import_package(path: str | Path) -> Shelved:
    """Check a package and copy it to the user's folder, under its own name.

    Raises
    ------
    PackageError - it is damaged or unfit, or a package of that name is there already, installed or shipped
    """
    if not Path(path).exists():
        raise PackageError("package-missing", "There is no package here.", where=Path(path).name, what_to_do="Check the path.")
    package = check_package(Path(path).absolute())
    if package.spec.name in _candidates((_shipped_folder(),)):
        raise PackageError(
            "package-name-shipped", f"A package named {package.spec.name!r} comes with Condyle and would be hidden.",
            what_to_do=f"Use the new one by its path, give it another name, or put its folder into {ENVIRONMENT} to prefer it knowingly.",
        )  # fmt: skip
    folder = user_folder()
    target = folder / (package.spec.name + (SUFFIX if Path(path).is_file() else ""))
    taken = [one for one in (folder / package.spec.name, folder / (package.spec.name + SUFFIX)) if one.exists()]
    if taken:
        raise PackageError(
            "package-exists", f"A package named {package.spec.name!r} is installed already.", where=taken[0].name,
            what_to_do="Remove it first, or use the new one by its path.",
        )  # fmt: skip
    copy_package(package, target)
    return verify_package(target)


def package_for(study: Study) -> str:
    """Name of the shipped package for the joint that the headers name; ``lumbar`` where they name none, several, or another."""
    named = parts_named(study)
    shipped = _candidates((_shipped_folder(),)) if len(named) == 1 else {}
    for name in sorted(shipped, key=lambda own: own != _FIRST):
        if parse_spec((shipped[name] / SPEC).read_bytes(), name).joint in named:
            return name
    return _FIRST


def load_package(name_or_path: str | Path, *, engine: str = "") -> Reader:
    """A verified package as a reader.

    Parameters
    ----------
    engine : that runs its graphs: 'onnxruntime' or 'openvino' (optional extra). '' takes CONDYLE_ENGINE, else onnxruntime

    Raises
    ------
    UsageError - no such engine
    PackageError - missing, damaged, of an unknown schema version or of an unknown family
    """
    package = open_package(find_package(name_or_path))
    return _family(package, chosen_engine(engine))


def _family(package: Package, engine: str) -> Reader:
    try:
        build = registry.get("families", package.spec.family)
    except UsageError as error:
        raise PackageError(
            "family-unknown", f"The package {package.spec.name!r} is of the family {package.spec.family!r}, which is not installed.",
            why=error.what_to_do, what_to_do="Install the package that provides it, or update Condyle.",
        ) from None  # fmt: skip
    reader: Reader = build(package) if engine == DEFAULT else build(package, engine=engine)
    return reader


def _candidates(folders: tuple[Path, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.suffix == ".part":
                continue  # half of a package, from a run that was killed
            if (path.is_dir() and (path / SPEC).is_file()) or (path.is_file() and path.suffix == SUFFIX):
                found.setdefault(path.name.removesuffix(SUFFIX), path)
    return found
