"""A reading becomes a folder of documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from condyle import registry
from condyle.errors import CondyleError, InputError, UsageError
from condyle.outputs import SUMS, write_through, written_aside
from condyle.registry import Plugin
from condyle.study import Reading, Study

FORMATS = ("html", "json", "csv")


def write_report(
    reading: Reading,
    out: str | Path,
    formats: Sequence[str] = FORMATS,
    *,
    source: Study | None = None,
    language: str = "en",
    phrases: str | Path | None = None,
) -> list[Path]:
    """Write the documents of one reading into the folder ``out``.

    Parameters
    ----------
    reading : Reading
    out : path of the folder; made with its parents. An existing folder is replaced when it is empty
        or an unchanged earlier report, and refused otherwise.
    formats : names of exporters, see ``condyle list exporters``
    source : the study that was read; the DICOM exporters copy patient and study from its headers
    language, phrases : of the plain-text report: 'en' or 'de', and a file with phrases of your own

    Returns
    -------
    the documents written, in the order of ``formats``; the folder also holds ``SHA256SUMS``

    Raises
    ------
    UsageError - an unknown format, or a folder that must not be replaced
    InputError - a DICOM format without a DICOM source
    ResourceError - the disk is full; nothing is left that looks whole
    """
    if not formats:
        raise UsageError("no-format", "No format was named.", what_to_do=f"Use some of: {', '.join(registry.plugins('exporters'))}.")
    exporters = [registry.get("exporters", name) for name in dict.fromkeys(formats)]
    refuse_without_source(formats, source)
    given = {"source": source, "language": language, "phrases": phrases}
    files: dict[str, bytes] = {}
    for name, export in zip(dict.fromkeys(formats), exporters, strict=True):
        options: dict[str, Any] = {option: given[option] for option in options_of(name)}
        for file_name, content in export(reading, **options).items():
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
            write_through(folder / file_name, content)
    return [Path(out) / file_name for file_name in files]


def options_of(name: str) -> tuple[str, ...]:
    """What an exporter wants to be given beside the reading."""
    plugin = registry.plugins("exporters").get(name)
    return plugin.options if isinstance(plugin, Plugin) else ()


def refuse_without_source(formats: Sequence[str], source: Study | None) -> None:
    """Raise InputError when a format goes back into a PACS and the study did not come as DICOM. Worth asking before long work."""
    wanting = [name for name in formats if "source" in options_of(name)]
    if not wanting or (source is not None and any(one.format == "dicom" and one.used for one in source.series)):
        return
    formats_there = sorted({one.format for one in source.series}) if source else []
    raise InputError(
        "dicom-source-needed", f"The format {wanting[0]!r} cannot be written for this study.",
        where=f"study {source.study_key}" if source else "",
        why="DICOM objects carry the patient and study of their source images"
        + (f", and this study came as {', '.join(formats_there)}." if formats_there else ", and a stored reading holds neither."),
        what_to_do="Read the DICOM study itself, or choose other formats.",
    )  # fmt: skip
