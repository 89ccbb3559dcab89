"""report.txt: a plain draft in the structure in which radiologists report: technique, findings by level, impression.

Meant to be pasted and edited, so lines are not broken: that is the business of the program it is pasted into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from condyle.anatomy import Joint
from condyle.report.phrases import Phrases, load_phrases
from condyle.report.sites import in_ranges, in_reading_order, site_title
from condyle.report.statements import catalogue, how_sure, title, value_text, weight
from condyle.study import Change, Finding, Reading, Series, Site


def export(reading: Reading, *, language: str = "en", phrases: str | Path | None = None) -> dict[str, bytes]:
    """The exporter.

    Raises
    ------
    UsageError, InputError - a language that is not there, a phrases file that is not understood
    """
    draft = _Draft(reading, catalogue(reading.joint), load_phrases(language, phrases))
    blocks = (draft.head(), draft.technique(), draft.findings(), draft.gaps(), draft.comparison(), draft.review(), draft.impression())
    text = "\n\n".join("\n".join(lines) for block in blocks if (lines := list(block)))
    return {"report.txt": (text + "\n").encode("utf-8")}


@dataclass(frozen=True, slots=True)
class _Draft:
    """One reading in the words of one language."""

    reading: Reading
    joint: Joint
    phrases: Phrases

    def head(self) -> Iterator[str]:
        say, reading = self.phrases.say, self.reading
        yield say("headings", "title", joint=self.phrases.word("joints", self.joint.name, self.joint.title.lower())).upper()
        yield say("headings", "draft")
        package = reading.package
        yield say("lines", "keys", study=reading.study_key, patient=reading.patient_key, package=package.name, version=package.version)

    def technique(self) -> Iterator[str]:
        yield self.phrases.say("headings", "technique")
        used = set(self.reading.used_series.values())
        if names := [self._series(one) for one in self.reading.series if one.series_id in used]:
            yield self.phrases.say("lines", "series", series=", ".join(names))
        for check in self.reading.checks:
            if check.passed is False:
                yield self.phrases.say("lines", "quality", sentence=check.sentence)

    def findings(self) -> Iterator[str]:
        yield self.phrases.say("headings", "findings")
        for flag in self.reading.flags:
            yield self.phrases.word("flags", flag, flag.replace("_", " "))
        for site in self._sites():
            here = [one for one in self.reading.findings if one.site == site and one.decision != "not_assessed"]
            if here:
                statements = "; ".join(self._statement(one) for one in here)
                yield self.phrases.say("lines", "site", site=self._site(site), statements=statements) + "."

    def gaps(self) -> Iterator[str]:
        """Findings that were not assessed, with their reasons; those with the same sites and reason together."""
        by_name: dict[tuple[str, str], list[Finding]] = {}
        for one in self.reading.findings:
            if one.decision == "not_assessed":
                by_name.setdefault((one.finding, one.reason), []).append(one)
        merged: dict[tuple[tuple[Site, ...], str], list[str]] = {}
        for (_, reason), found in by_name.items():
            merged.setdefault((tuple(one.site for one in found), reason), []).append(self._title(found[0]))
        if not merged and not self.joint.not_covered:
            return
        yield self.phrases.say("headings", "not_assessed")
        for (sites, reason), titles in merged.items():
            where = self._ranges([site for site in sites if site != Site()])
            names = {"findings": _capital(", ".join(titles)), "reason": self.phrases.word("reasons", reason, reason)}
            yield self.phrases.say("lines", "gap", sites=where, **names) if where else self.phrases.say("lines", "gap_everywhere", **names)

    def comparison(self) -> Iterator[str]:
        found = self.reading.comparison
        if found is None:
            return
        yield self.phrases.say("headings", "comparison")
        changed = [one for one in found.changes if one.verdict == "changed"]
        reasons = {one.reason for one in found.changes}
        if found.changes and all(one.verdict == "not_comparable" for one in found.changes):
            yield self.phrases.say("lines", "not_comparable", study=found.study_key, reason=" ".join(sorted(reasons)))
        elif not changed:
            yield self.phrases.say("lines", "no_change", study=found.study_key)
        yield from (self._change(one) for one in changed)

    def review(self) -> Iterator[str]:
        corrected = [one for one in self.reading.reviews if one.action != "accepted"]
        if not corrected:
            return
        yield self.phrases.say("headings", "review")
        for one in corrected:
            done = self.phrases.word("words", one.action, one.action) + (f" ({one.by})" if one.by else "")
            before = self._said(one.original)
            site, finding = self._site(one.original.site), self._title(one.original)
            yield self.phrases.say("lines", "reviewed", done=done, site=site, finding=finding, before=before)

    def impression(self) -> Iterator[str]:
        yield self.phrases.say("headings", "impression")
        lines = [self.phrases.word("flags", flag, flag.replace("_", " ")) for flag in self.reading.flags]
        marked: set[Site] = set()
        for site in self._sites():
            if abnormal := self._weighing(site, "abnormal"):
                statements = ", ".join(self._statement(one, sure=False) for one in abnormal)
                lines.append(self.phrases.say("lines", "abnormal", site=self._site(site), statements=statements))
                marked.add(site)
        doubts = [(site, one) for site in self._sites() for one in self._weighing(site, "uncertain")]
        if doubts:
            named = "; ".join(f"{self._site(site)} {self._title(one)}" for site, one in doubts)
            lines.append(self.phrases.say("lines", "uncertain", list=named))
        assessed = [site for site in self._sites() if self._weighing(site, "normal", "given")]
        if not marked:
            lines.append(self.phrases.say("lines", "nothing_abnormal" if assessed or doubts else "nothing_assessed"))
        marked |= {site for site, _ in doubts}
        if clear := [site for site in assessed if site not in marked]:
            lines.append(self.phrases.say("lines", "nothing_marked", sites=self._ranges(clear)))
        yield from (f"{number}. {line}" for number, line in enumerate(lines, 1))

    def _ranges(self, sites: Sequence[Site]) -> str:
        return ", ".join(in_ranges(sites, self._sites(), self.joint, self.phrases.word("words", "to", "to")))

    def _sites(self) -> list[Site]:
        return in_reading_order((one.site for one in self.reading.findings), self.joint)

    def _weighing(self, site: Site, *weights: str) -> Sequence[Finding]:
        return [
            one for one in self.reading.findings if one.site == site and one.kind != "measurement" and weight(one, self.joint) in weights
        ]

    def _site(self, site: Site) -> str:
        return site_title(site, self.joint) if site != Site() else self.phrases.word("words", "whole", "whole joint")

    def _title(self, finding: Finding) -> str:
        return self.phrases.of_finding(finding.finding, "title") or title(finding, self.joint)

    def _statement(self, finding: Finding, *, sure: bool = True) -> str:
        """'disc herniation (87%)', 'no disc bulging', 'uncertain: Modic change (48%)', 'disc height 7.2 mm'."""
        name = self._title(finding)
        given = self.phrases.of_finding(finding.finding, "given")
        if finding.kind != "binary":
            text = (given or "{grade}{value} {unit}").format(
                grade="" if finding.grade is None else finding.grade, value=_value(finding), unit=finding.unit
            ).strip()  # fmt: skip
            text = text if given else f"{name} {text}"
        elif finding.decision == "absent":
            return self.phrases.of_finding(finding.finding, "absent") or f"{name}: {self.phrases.word('words', 'absent', 'absent')}"
        else:
            text = (self.phrases.of_finding(finding.finding, "present") or name) if finding.decision == "present" else name
        text = f"{text} ({finding.note})" if finding.note and sure else text
        percent = how_sure(finding, self.joint).removeprefix("grade ") if sure and finding.kind == "binary" else ""
        text = self.phrases.say("words", "sure", text=text, percent=percent) if percent else text
        return self.phrases.say("words", "uncertain", text=text) if finding.decision == "uncertain" else text

    def _said(self, finding: Finding | None) -> str:
        if finding is None or finding.decision == "not_assessed":
            return self.phrases.word("words", "not_assessed", "not assessed")
        if finding.kind == "binary" and finding.decision != "uncertain":
            return self.phrases.word("words", finding.decision, finding.decision)
        return self._statement(finding, sure=False)

    def _change(self, change: Change) -> str:
        one = change.now or change.before
        assert one is not None
        names = {"site": self._site(one.site), "finding": self._title(one)}
        return self.phrases.say("lines", "change", before=self._said(change.before), now=self._said(change.now), **names)

    def _series(self, series: Series) -> str:
        plane, weighting = str(series.role.plane.value or ""), str(series.role.weighting.value or "").upper()
        return self.phrases.say("lines", "series_one", plane=self.phrases.word("words", plane, plane), weighting=weighting).strip()


def _value(finding: Finding) -> str:
    return value_text(finding).removesuffix(finding.unit).replace("\u00a0", " ").strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
