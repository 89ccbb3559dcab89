"""Training: a recipe and a cohort become a package. The only part that imports torch, and only when it trains."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from condyle.train.run import train as train

__all__ = ["train"]


class _TrainModule(ModuleType):
    """``condyle.train`` names this package and the function; once the package is imported Python binds the name to the
    package, so the package answers to the call as well. Torch is loaded at the call."""

    def __call__(self, *given: Any, **named: Any) -> Any:
        from condyle.train.run import train

        return train(*given, **named)


def __getattr__(name: str) -> Any:
    if name != "train":
        raise AttributeError(f"module 'condyle.train' has no attribute {name!r}")
    from condyle.train.run import train

    return train


sys.modules[__name__].__class__ = _TrainModule
