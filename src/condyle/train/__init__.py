"""Training: a recipe and a cohort become a package. The only part that imports torch, and only when it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from condyle.train.run import train as train

__all__ = ["train"]


def __getattr__(name: str) -> Any:
    if name != "train":
        raise AttributeError(f"module 'condyle.train' has no attribute {name!r}")
    from condyle.train.run import train

    return train
