"""How far a run is: pieces of the work tell here, whoever started the run listens.

A run is deep (heads in folds in folds), and none of the functions on the way down has anything to do with a screen, so
the listener is not handed through them. Nobody listening costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], object]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_stage: ContextVar[str] = ContextVar("stage", default="")


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
