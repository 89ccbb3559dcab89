"""What a run keeps in its work folder: every file whole or not at all, a full disk told as that (``outputs.file_aside``)."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from condyle.outputs import file_aside, write_whole


def keep_array(path: Path, values: ArrayLike) -> None:
    """One array as .npy. Raises ResourceError where there is no room."""
    with file_aside(path) as part, part.open("wb") as file:
        try:
            np.save(file, values, allow_pickle=False)
        except OSError as error:
            # numpy tells a write that was cut short in words, without the number by which a full disk is known
            raise error if error.errno else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def keep_arrays(path: Path, *, compressed: bool = False, **arrays: ArrayLike) -> None:
    """Named arrays as .npz. Raises ResourceError where there is no room."""
    save: Any = np.savez_compressed if compressed else np.savez
    with file_aside(path) as part, part.open("wb") as file:
        save(file, **arrays)


def keep_json(path: Path, content: Any) -> None:
    """Plain data as JSON. Raises ResourceError where there is no room."""
    with file_aside(path) as part:
        part.write_text(json.dumps(content, indent=1), encoding="utf-8")


def keep_weights(path: Path, state: Mapping[str, Any]) -> None:
    """Weights by name as torch stores them. Raises ResourceError where there is no room.

    By way of memory: torch's own writer says RuntimeError where the disk is full, and says it for other reasons, too.
    """
    import torch

    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_whole(path, buffer.getvalue())
