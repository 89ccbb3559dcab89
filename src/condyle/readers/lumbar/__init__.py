"""The lumbar reader family: finds vertebrae, discs and canal, names the levels, grades and measures each."""

from condyle.registry import Plugin

PLUGIN = Plugin(
    "lumbar",
    "Lumbar spine on sagittal T1 and T2: discs, vertebrae and canal found, levels named, graded and measured",
    "condyle.readers.lumbar.family:LumbarReader",
    source="Jamaludin et al., Medical Image Analysis 2017;41:63-73 (grading from disc crops)",
)
