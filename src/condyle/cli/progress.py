"""Progress with time left, for work that takes longer than two seconds."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

PATIENCE_S = 2.0
PLAIN_EVERY_S = 15.0


class Progress:
    """Counts steps. A bar on a terminal, a line now and then elsewhere, nothing when the work is short.

    The time left follows from the steps of this run. Work whose number of steps is not known beforehand reports first
    what an earlier run had done: that took no time today.

    Parameters
    ----------
    what : the work in a few words
    total : number of steps, or None
    shown : bool - False keeps it silent
    """

    def __init__(self, what: str, total: int | None, *, shown: bool) -> None:
        self.what = what
        self.total = total
        self.done = 0
        self._started = self._since = time.monotonic()
        self._done_before = None if total is None else 0
        self._bar: Any = None
        self._task: Any = None
        self._last_line = 0.0
        self._lock = threading.Lock()
        self._closed = False
        self._timer: threading.Timer | None = None
        if shown:
            self._timer = threading.Timer(PATIENCE_S, self._show)
            self._timer.daemon = True
            self._timer.start()

    def advance(self, steps: int = 1, *, what: str = "") -> None:
        """Some steps are done; ``what`` renames the work."""
        self.update(self.done + steps, self.total, what=what)

    def update(self, done: int, total: int | None = None, *, what: str = "") -> None:
        """So many steps of so many are done."""
        with self._lock:
            if self._done_before is None or (what and what != self.what):
                self._since, self._done_before = time.monotonic(), done
            self.done = done
            self.total = total if total is not None else self.total
            self.what = what or self.what
            if self._bar is not None:
                self._on_bar()
            elif self._timer is not None and not sys.stderr.isatty():
                self._plain_line()

    def close(self) -> None:
        """The work is over."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def _show(self) -> None:
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        with self._lock:
            if self._closed:
                return
            told = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
            self._bar = Bar(SpinnerColumn(), *told, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self.what, total=None, state="")
            self._on_bar()
            self._bar.start()

    def _on_bar(self) -> None:
        self._bar.update(self._task, completed=self.done, total=self.total, description=self.what, state=self._state())

    def _plain_line(self) -> None:
        now = time.monotonic()
        if now - self._started < PATIENCE_S or now - self._last_line < PLAIN_EVERY_S or not self.total or not 0 < self.done < self.total:
            return
        self._last_line = now
        print(f"{self.what}: {self._state()}", file=sys.stderr)

    def _state(self) -> str:
        """'3 of 10, 20 s left', as far as it is known."""
        if not self.total:
            return ""
        new = self.done - (self._done_before or 0)
        left = (time.monotonic() - self._since) / new * (self.total - self.done) if new > 0 else None
        return f"{self.done} of {self.total}" + (f", {duration(left)} left" if left is not None else "")


def duration(seconds: float) -> str:
    """'45 s', '12 min', '3.5 h'."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
