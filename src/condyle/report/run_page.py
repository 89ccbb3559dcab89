"""The page of a training run: its curves, best epochs, time and resources, its recipe and hashes. Written anew after every epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from condyle.report.html_page import render
from condyle.report.line_chart import Line, line_chart, swatch

PAGE = "run.html"


@dataclass(frozen=True, slots=True)
class Fit:
    """One network in training.

    Parameters
    ----------
    name : its place in the run ('fold0/all-seed0')
    history : of each epoch: epoch (from 0), seconds, cpu_seconds, peak_mib, and loss, held_out where there are such
    done : whether its weights are kept
    """

    name: str
    history: tuple[Mapping[str, float], ...]
    done: bool

    @property
    def best(self) -> int | None:
        """Index of the epoch that was lowest on held-out studies; None without such."""
        judged = [(own["held_out"], at) for at, own in enumerate(self.history) if own.get("held_out") == own.get("held_out", float("nan"))]
        return min(judged)[1] if judged else None

    def total(self, name: str) -> float:
        return sum(own.get(name, 0.0) for own in self.history)


@dataclass(frozen=True, slots=True)
class Run:
    """A run.

    Parameters
    ----------
    title : recipe, version and size; facts : (name, value) pairs for people
    recipe : the resolved recipe as YAML
    metric : what ``held_out`` is: 'log_loss', or 'auroc' (then it is 1 - AUROC)
    trials : rows of a search: (number, state, value, settings), empty without one
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    recipe: str
    metric: str
    fits: tuple[Fit, ...]
    finished: bool
    trials: tuple[tuple[str, str, str, str], ...] = ()


def run_page(run: Run) -> str:
    """run.html: self-contained, no script."""
    words = "AUROC of held-out studies" if run.metric == "auroc" else "log loss of held-out studies"
    charts = [
        ("Training loss", line_chart([_line(fit, "loss", "") for fit in run.fits], across="epoch", up="loss")),
        (words, line_chart([_line(fit, "held_out", run.metric) for fit in run.fits], across="epoch", up=words)),
        ("Seconds an epoch", line_chart([_line(fit, "seconds", "") for fit in run.fits], across="epoch", up="seconds")),
    ]
    from markupsafe import Markup

    return render(
        "run.html", styles=("report.css", "run.css"), run=run, charts=[(title, Markup(svg)) for title, svg in charts if svg],
        rows=[(Markup(swatch(number)), *_row(fit, run)) for number, fit in enumerate(run.fits)], metric=words,
        total=sum(fit.total("seconds") for fit in run.fits),
    )  # fmt: skip


def _line(fit: Fit, name: str, metric: str) -> Line:
    values = [own.get(name, float("nan")) for own in fit.history]
    shown = [1 - value for value in values] if metric == "auroc" else values
    return Line(fit.name, tuple(own["epoch"] + 1 for own in fit.history), tuple(shown), fit.best if name == "held_out" else None)


def _row(fit: Fit, run: Run) -> Sequence[str]:
    best = "" if fit.best is None else str(int(fit.history[fit.best]["epoch"]) + 1)
    value = float("nan") if fit.best is None else fit.history[fit.best]["held_out"]
    shown = "" if value != value else f"{1 - value if run.metric == 'auroc' else value:.4f}"
    seconds, cpu = fit.total("seconds"), fit.total("cpu_seconds")
    peak = max((own.get("peak_mib", 0.0) for own in fit.history), default=0.0)
    gpu = max((own.get("gpu_peak_mib", 0.0) for own in fit.history), default=0.0)
    each = seconds / max(len(fit.history), 1)
    busy = f"{cpu / seconds:.1f}" if seconds > 0 and cpu else ""
    memory = (f"{peak:.0f} MiB" if peak else "") + (f", GPU {gpu:.0f} MiB" if gpu else "")
    state = "done" if fit.done else "stopped" if run.finished else "goes on"
    return fit.name, state, str(len(fit.history)), best, shown, f"{seconds:.0f} s", f"{each:.1f} s", busy, memory
