"""The family of several planes: a joint read from any of its series at hand (knee, shoulder)."""

from condyle.registry import Plugin

PLUGIN = Plugin(
    "multiplane",
    "Reads a joint from sagittal, coronal and axial series, any of which may be missing; class maps in every plane",
    "condyle.readers.multiplane.family:MultiplaneReader",
)
