"""What ``condyle doctor`` measures: one fact a function, none of them changes anything."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from condyle.errors import CondyleError

NEEDED_GIB = 1.0
DECODERS = {
    "compressed DICOM": "imagecodecs",
    "NIfTI": "nibabel",
    "pictures": "cv2",
    "ONNX graphs": "onnxruntime",
}


EXTRAS = {
    "train": "torch", "evaluate": "statsmodels", "report": "matplotlib", "dicom-out": "highdicom", "pdf": "reportlab",
    "openvino": "openvino", "search": "optuna", "tensorboard": "tensorboardX",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing about the installation.

    Parameters
    ----------
    name : str - what was looked at
    found : str - what is there
    ok : bool
    advice : str - what to do when it is not
    exit_code : int - what the command returns when it is not
    """

    name: str
    found: str
    ok: bool = True
    advice: str = ""
    exit_code: int = 3


def examine() -> tuple[Fact, ...]:
    """All facts, in the order in which a person would mend them."""
    looks: tuple[Callable[[], list[Fact]], ...] = (_versions, _processor, _disk, _decoders, _packages, _plugins, _key)
    return tuple(fact for look in looks for fact in look())


def _versions() -> list[Fact]:
    from condyle import __version__

    wanted = sys.version_info >= (3, 11)
    return [
        Fact("condyle", __version__),
        Fact("Python", platform.python_version(), wanted, "Install Python 3.11 or newer."),
        Fact("system", f"{platform.system()} {platform.machine()}"),
        Fact("extras", _extras()),
    ]


def _extras() -> str:
    """Those that are installed, and those that are not: what can be had by ``pip install 'condyle[NAME]'``."""
    there = [extra for extra, name in EXTRAS.items() if _installed(name)]
    missing = [extra for extra in EXTRAS if extra not in there]
    return (", ".join(there) or "none (core only)") + (f"; not installed: {', '.join(missing)}" if missing else "")


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _processor() -> list[Fact]:
    flags: set[str] = set()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        line = next((line for line in info.read_text().splitlines() if line.startswith(("flags", "Features"))), "")
        flags = set(line.partition(":")[2].split())
    fast = [name for name in ("avx2", "avx512f", "avx512_vnni", "amx_int8", "asimd") if name in flags]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [Fact("processor", f"{cores} cores, {', '.join(fast) or 'no vector flags seen'}")]


def _disk() -> list[Fact]:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return [Fact("free disk here", f"{free:.1f} GiB", free >= NEEDED_GIB, "Free some space: reports and unpacked archives need room.", 5)]


def _decoders() -> list[Fact]:
    facts = []
    for use, module in DECODERS.items():
        try:
            __import__(module)
            facts.append(Fact(f"decoder for {use}", module))
        except ImportError as error:
            facts.append(Fact(f"decoder for {use}", f"{module} does not load ({error})", False, "pip install --force-reinstall condyle", 4))
    return facts


def _packages() -> list[Fact]:
    from condyle.readers import list_packages

    shelved = list_packages()
    if not shelved:
        return [Fact("packages", "none", False, "Install Condyle again, or bring a package in: condyle packages import PATH.", 4)]
    return [
        Fact(f"package {one.name}", f"{one.info.version}, whole" if one.info else one.problem, not one.problem, "Import it again.", 4)
        for one in shelved
    ]


def _plugins() -> list[Fact]:
    from condyle.registry import KINDS, Unavailable, plugins

    facts = []
    for kind in KINDS:
        found = plugins(kind)
        broken = [one for one in found.values() if isinstance(one, Unavailable)]
        facts.append(Fact(kind, ", ".join(found) or "none", not broken, "; ".join(f"{one.name}: {one.reason}" for one in broken), 4))
    return facts


def _key() -> list[Fact]:
    place = Path(os.environ.get("CONDYLE_KEY_FILE", Path.home() / ".config" / "condyle" / "key"))
    if not place.exists():
        return [Fact("pseudonymisation key", f"{place} is made at the first reading")]
    try:
        private = place.stat().st_mode & 0o077 == 0
        usable = os.access(place, os.R_OK)
    except OSError as error:
        raise CondyleError(
            "key-file", "The key file cannot be looked at.", where=str(place), why=f"{error.strerror}.",
            what_to_do="Make its folder readable for you, or point CONDYLE_KEY_FILE to another place.",
        ) from error  # fmt: skip
    return [Fact("pseudonymisation key", str(place), private and usable, f"It must be readable by you alone: chmod 600 {place}")]
