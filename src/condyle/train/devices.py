"""Several devices for one fit: one process each, gradients averaged by Lightning's data-parallel strategy (DDP).

The process that was started is the first of them. It alone writes, tells how far it is and can be interrupted; the others are started
for this fit, build the same learner from the same seed, take their part of every batch, and end with it. (Lightning's own launchers
run the whole command again in every process, or train in copies whose progress and best weights do not come back.)
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from lightning.fabric.plugins.environments import ClusterEnvironment
from lightning.pytorch.strategies import DDPStrategy
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

from condyle.errors import CondyleError, ResourceError, UsageError

logger = logging.getLogger(__name__)

_chosen: ContextVar[int] = ContextVar("devices", default=1)
_GRACE_S = 10.0  # for a process that fails to say why


def number_of(asked: int | str) -> int:
    """How many devices 'auto' or a number means here: graphics processors, or processes on the processors where there are none.

    'auto' takes every graphics processor, and one process where there are none.

    Raises
    ------
    UsageError - it is neither, or there are fewer
    """
    graphics = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "auto":
        return max(1, graphics)
    there = graphics or len(os.sched_getaffinity(0))
    if not str(asked).isdecimal() or int(asked) < 1:
        raise UsageError("devices-unknown", f"{str(asked)!r} is no number of devices.", what_to_do="Give 1, 2, ... or auto.")
    if int(asked) > there:
        kind = "graphics processors" if graphics else "processors, and no graphics processor"
        raise UsageError(
            "too-few-devices", f"{asked} devices were asked for; there are {there} {kind}.", why="Every device needs a process of its own.",
            what_to_do=f"Use --devices {there} or fewer, or auto.",
        )  # fmt: skip
    return int(asked)


@contextmanager
def using(count: int) -> Iterator[None]:
    """Within the block networks whose batches can be shared are trained on so many devices."""
    token = _chosen.set(count)
    try:
        yield
    finally:
        _chosen.reset(token)


def chosen() -> int:
    """The number of ``using``; 1 without it."""
    return _chosen.get()


def place() -> tuple[int, int]:
    """(number of this process from 0, how many there are) in the fit that runs."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def demand_share(batch: int, count: int) -> None:
    """Raises UsageError where a batch leaves a device without a study."""
    if batch < count:
        raise UsageError(
            "batch-smaller-than-devices", f"A batch of {batch} cannot be shared by {count} devices.",
            why="Every device takes its part of every batch.", what_to_do=f"Use a batch of at least {count}, or fewer devices.",
        )  # fmt: skip


def own(batch: NDArray[np.intp]) -> NDArray[np.intp]:
    """The part of a batch that this process takes. Raises as ``demand_share``."""
    number, count = place()
    demand_share(len(batch), count)
    return batch[number::count]


def mean(value: Tensor) -> Tensor:
    """The mean of a value over the devices of this fit, apart from the gradient; all must ask."""
    _, count = place()
    if count == 1:
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / count


def gathered(value: Any) -> list[Any]:
    """What every device has, in their order; all must ask."""
    _, count = place()
    if count == 1:
        return [value]
    found: list[Any] = [None] * count
    distributed.all_gather_object(found, value)
    return found


def shared_out(ask: Callable[[NDArray[np.intp]], NDArray[np.float32]], rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """[row, ...] answers about rows, each device asked about its part of them, all told everything."""
    number, count = place()
    if count == 1:
        return ask(rows)
    parts = gathered(ask(rows[number::count]))
    whole = np.empty((len(rows), *parts[0].shape[1:]), np.float32)
    for at, part in enumerate(parts):
        if len(rows[at::count]):
            whole[at::count] = part
    return whole


def align(network: nn.Module) -> None:
    """Give all devices the first one's statistics of batches: DDP does so before a step, and nobody after the last."""
    if place()[1] > 1:
        for value in network.buffers():
            distributed.broadcast(value, 0)


class Beside(ClusterEnvironment):
    """Tells Lightning that the processes are there already."""

    creates_processes_externally = True
    main_address, main_port = "127.0.0.1", 0  # not used: the processes have met

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return place()[1]

    def set_world_size(self, size: int) -> None:
        assert size == self.world_size()

    def global_rank(self) -> int:
        return place()[0]

    def set_global_rank(self, rank: int) -> None:
        assert rank == self.global_rank()

    def local_rank(self) -> int:
        return self.global_rank()

    def node_rank(self) -> int:
        return 0


def strategy() -> DDPStrategy | str:
    """What Lightning's trainer is given: DDP within ``together``."""
    # An encoder of an input that nobody in this part of the batch has, or an answer that the loss leaves out, gets no gradient.
    return DDPStrategy(cluster_environment=Beside(), find_unused_parameters=True) if place()[1] > 1 else "auto"


@dataclass(frozen=True, slots=True, eq=False)
class _Other:
    process: BaseProcess
    pipe: Connection

    def failure(self, seconds: float) -> CondyleError | None:
        """Why it does not work; None when it does, or has said nothing in that time."""
        if not wait([self.pipe, self.process.sentinel], seconds):
            return None
        with suppress(EOFError, OSError):
            error: CondyleError | None
            error, told = self.pipe.recv()
            logger.debug("%s: %s", self.process.name, told)
            return error
        self.process.join(_GRACE_S)
        return _lost(f"It ended with code {self.process.exitcode}.")


@contextmanager
def together(count: int, follow: Callable[[], object], accelerator: str) -> Iterator[None]:
    """Within the block this process is the first of ``count`` that know of each other; each of the others runs ``follow``.

    Parameters
    ----------
    follow : picklable; comes to its end when the block does
    accelerator : 'cpu', or 'auto' for graphics processors where there are any

    Raises
    ------
    ResourceError - a process could not start, or ended before its time
    CondyleError - what one of them raised
    """
    context = multiprocessing.get_context("spawn")
    graphics = accelerator != "cpu" and torch.cuda.is_available()
    threads, others = torch.get_num_threads(), list[_Other]()
    with TemporaryDirectory(prefix="condyle-devices-") as folder:
        meeting = str(Path(folder) / "meeting")
        try:
            for number in range(1, count):
                near, far = context.Pipe()
                process = context.Process(target=_other, args=(far, follow, number, count, meeting, graphics), daemon=True)
                process.start()
                far.close()
                others.append(_Other(process, near))
            for one in others:
                if failure := one.failure(300.0):
                    raise failure
            _meet(0, count, meeting, graphics)
            yield
            for one in others:
                one.process.join(_GRACE_S)
        except (RuntimeError, SystemExit) as error:  # such as a connection that the other side has closed
            for one in others:
                if failure := one.failure(_GRACE_S):
                    raise failure from error
            raise
        finally:
            for one in others:
                one.process.kill()  # they own nothing, and one that waits for this process would wait for ever
                one.process.join()
                one.pipe.close()
            if distributed.is_initialized():
                distributed.destroy_process_group()
            torch.set_num_threads(threads)


def _meet(number: int, count: int, meeting: str, graphics: bool) -> None:
    if graphics:
        torch.cuda.set_device(number)
    else:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // count))
    distributed.init_process_group(
        "nccl" if graphics else "gloo", init_method=f"file://{meeting}", rank=number, world_size=count, timeout=timedelta(hours=1),
        device_id=torch.device("cuda", number) if graphics else None,
    )  # fmt: skip


def _other(pipe: Connection, follow: Callable[[], object], number: int, count: int, meeting: str, graphics: bool) -> None:
    """The life of a process beside the first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the first, which ends this one
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    try:
        pipe.send((None, "ready"))
        _meet(number, count, meeting, graphics)
        follow()
        distributed.destroy_process_group()
    except BaseException as error:
        known = error if isinstance(error, CondyleError) else _lost(f"{type(error).__name__} in process {number + 1} of {count}.")
        with suppress(OSError):
            pipe.send((known, "".join(traceback.format_exception(error))))
        os._exit(1)


def _end_with_the_first() -> None:
    first = multiprocessing.parent_process()
    assert first is not None
    wait([first.sentinel])
    os._exit(1)


def _lost(why: str) -> CondyleError:
    return ResourceError(
        "device-lost", "The process of another device ended before its time.", why=why,
        what_to_do="Run the same command again, it goes on from the last checkpoint; with --devices 1 if it happens again.",
    )  # fmt: skip
