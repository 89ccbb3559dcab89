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
        self._started = time.monotonic()
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
            self.done = done
            self.total = total if total is not None else self.total
            self.what = what or self.what
            if self._bar is not None:
                self._bar.update(self._task, completed=self.done, total=self.total, description=self.what)
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
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        with self._lock:
            if self._closed:
                return
            known = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("left")) if self.total else (TimeElapsedColumn(),)
            self._bar = Bar(SpinnerColumn(), TextColumn("{task.description}"), *known, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self.what, total=self.total, completed=self.done)
            self._bar.start()

    def _plain_line(self) -> None:
        now = time.monotonic()
        elapsed = now - self._started
        if elapsed < PATIENCE_S or now - self._last_line < PLAIN_EVERY_S or not self.total or not 0 < self.done < self.total:
            return
        self._last_line = now
        left = elapsed / self.done * (self.total - self.done)
        print(f"{self.what}: {self.done} of {self.total}, {_words(left)} left", file=sys.stderr)


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
