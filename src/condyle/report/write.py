"""A reading becomes a folder of documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from condyle import registry
from condyle.errors import CondyleError, UsageError
from condyle.report.aside import SUMS, write_whole, written_aside
from condyle.study import Reading

FORMATS = ("html", "json", "csv")


def write_report(reading: Reading, out: str | Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write the documents of one reading into the folder ``out``.

    Parameters
    ----------
    reading : Reading
    out : path of the folder; made with its parents. An existing folder is replaced when it is empty
        or an unchanged earlier report, and refused otherwise.
    formats : names of exporters, see ``condyle list exporters``

    Returns
    -------
    the documents written, in the order of ``formats``; the folder also holds ``SHA256SUMS``

    Raises
    ------
    UsageError - an unknown format, or a folder that must not be replaced
    ResourceError - the disk is full; nothing is left that looks whole
    """
    if not formats:
        raise UsageError("no-format", "No format was named.", what_to_do=f"Use some of: {', '.join(registry.plugins('exporters'))}.")
    exporters = [registry.get("exporters", name) for name in dict.fromkeys(formats)]
    files: dict[str, bytes] = {}
    for name, export in zip(dict.fromkeys(formats), exporters, strict=True):
        for file_name, content in export(reading).items():
            if file_name in files or file_name == SUMS or Path(file_name).name != file_name:
                raise CondyleError(
                    "exporter-file-name",
                    f"The exporter {name!r} wants to write {file_name!r}.",
                    why="Each exporter writes its own files, straight into the folder of the report.",
                    what_to_do="Report this to the maker of the exporter.",
                )
            files[file_name] = content
    with written_aside(out) as folder:
        for file_name, content in files.items():
            write_whole(folder / file_name, content)
    return [Path(out) / file_name for file_name in files]
