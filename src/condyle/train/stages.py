"""How far a run is: pieces of the work tell here, whoever started the run listens.

A run is deep (heads in folds in folds), and none of the functions on the way down has anything to do with a screen, so
the listener is not handed through them. Nobody listening costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

Listener = Callable[[str, int, int], object]
# (folder of the fit, what is known of the epoch: epoch, seconds, loss, held_out, ...)
EpochListener = Callable[[Path, Mapping[str, float]], object]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_stage: ContextVar[str] = ContextVar("stage", default="")
_epochs: ContextVar[tuple[EpochListener, ...]] = ContextVar("epochs", default=())


@contextmanager
def heard_by(listener: Listener | None) -> Iterator[None]:
    """Within the block, ``listener(what, done, total)`` hears how far each piece of work is."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Pieces told within the block carry this name before their own, such as 'fold 2 of 5'."""
    token = _stage.set(f"{_stage.get()}{name}, ")
    try:
        yield
    finally:
        _stage.reset(token)


def tell(what: str, done: int, total: int) -> None:
    """So many steps of a piece of work are done."""
    if (listener := _listener.get()) is not None:
        listener(f"{_stage.get()}{what}", done, total)


@contextmanager
def epochs_heard_by(listener: EpochListener) -> Iterator[None]:
    """Within the block, ``listener`` hears of every epoch of every fit when it has been judged; what it raises ends the fit."""
    token = _epochs.set((*_epochs.get(), listener))
    try:
        yield
    finally:
        _epochs.reset(token)


def epoch_ended(folder: Path, told: Mapping[str, float]) -> None:
    """An epoch of the fit in ``folder`` has been judged."""
    for listener in _epochs.get():
        listener(folder, told)
