"""Quality: what can still be mended while the patient is there. One file a check, each a plug-in.

A check is a function ``(study, volumes, joint) -> tuple[Check, ...]`` in the entry-point group
``condyle.checks``: pure, deterministic, without exceptions on any study; a property that cannot be
measured gives ``passed=None`` with the reason; a property that does not apply gives nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from condyle.quality.protocol import PROTOCOLS, Protocol, Slot, protocol
from condyle.registry import Unavailable, plugins
from condyle.study import Check, Study, Volume

__all__ = ["PROTOCOLS", "Protocol", "Slot", "check", "protocol"]


def check(study: Study, volumes: Mapping[str, Volume], joint: str = "lumbar") -> tuple[Check, ...]:
    """Run every installed check.

    Parameters
    ----------
    study : as opened; series that are not used, localisers, maps and diffusion series are passed over
    volumes : by series_id; a series without its volume is checked by its headers and geometry only
    joint : a joint with a protocol: 'lumbar', 'knee', 'shoulder'

    Returns
    -------
    tuple of Check - by name of the check, then in the order of the series

    Raises
    ------
    UsageError - a joint without a protocol
    """
    protocol(joint)
    found: list[Check] = []
    for name, plugin in plugins("checks").items():
        if isinstance(plugin, Unavailable):
            found.append(Check(name, None, None, None, "", f"The check {name} could not be made: its plug-in cannot be loaded."))
        else:
            found.extend(plugin.load()(study, volumes, joint))
    return tuple(found)
