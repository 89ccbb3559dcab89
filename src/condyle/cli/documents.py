"""What ``condyle read`` makes of a reading: corrections and an earlier reading put in, documents written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from condyle import registry
from condyle.errors import UsageError

if TYPE_CHECKING:
    from condyle.study import Study

Corrections = Annotated[
    Path | None, typer.Option("--corrections", readable=False, help="corrections.json, saved from the report of this very reading.")
]
Prior = Annotated[Path | None, typer.Option("--prior", readable=False, help="reading.json of an earlier study of the same patient.")]
Language = Annotated[str, typer.Option("--language", help="Language of the plain-text report: en or de.")]
Phrases = Annotated[
    Path | None, typer.Option("--phrases", readable=False, help="YAML file with phrases of your own for the plain-text report.")
]


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents that were asked for. ``corrections`` and ``earlier`` are loaded, or None."""

    formats: tuple[str, ...]
    corrections: Any = None
    earlier: Any = None
    language: str = "en"
    phrases: Path | None = None

    def refuse(self, studies: tuple[Study, ...]) -> None:
        """Raise before the work what could only fail after it."""
        from condyle.report.write import refuse_without_source

        if (self.corrections or self.earlier) and len(studies) > 1:
            raise UsageError(
                "one-study-only", f"Corrections and an earlier reading belong to one study; {len(studies)} were found.",
                what_to_do=f"Choose one with --study: {', '.join(study.study_key for study in studies)}.",
            )  # fmt: skip
        for study in studies:
            refuse_without_source(self.formats, study)

    def write(self, reading: Any, out: Path, source: Study | None) -> tuple[Any, list[Path]]:
        """The reading as the documents show it, and their paths."""
        from condyle.report import write_report

        if self.corrections is not None:
            from condyle.report.corrections import corrected

            reading = corrected(reading, self.corrections)
        if self.earlier is not None:
            from condyle.report.compare import compared

            reading = compared(reading, self.earlier)
        return reading, write_report(reading, out, self.formats, source=source, language=self.language, phrases=self.phrases)


def documents(
    formats: tuple[str, ...], corrections: Path | None, prior: Path | None, language: str, phrases: Path | None
) -> Documents:
    """Everything that was asked for, looked at before the work: a misspelt format, a file that is none of ours.

    Raises
    ------
    UsageError - an unknown format or language
    InputError, TableError - corrections, an earlier reading or phrases that cannot be used
    """
    from condyle.report import load_reading
    from condyle.report.corrections import load_corrections
    from condyle.report.phrases import load_phrases

    for name in formats:
        registry.get("exporters", name)
    if "text" in formats or phrases is not None or language != "en":
        load_phrases(language, phrases)
    return Documents(
        formats, None if corrections is None else load_corrections(corrections), None if prior is None else load_reading(prior), language,
        phrases,
    )  # fmt: skip
