"""The shoulder: findings."""

from __future__ import annotations

from condyle.anatomy.catalogue import FindingEntry, Joint

SHOULDER = Joint(
    name="shoulder",
    title="Shoulder",
    levels=(),
    sides=("left", "right"),
    compartments=(),
    findings=(
        FindingEntry("bankart_lesion", "Bankart lesion", "binary"),
        FindingEntry("rotator_cuff_tear", "Rotator cuff tear", "binary"),
    ),
)
