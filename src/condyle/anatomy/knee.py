"""The knee: sites and findings."""

from __future__ import annotations

from condyle.anatomy.catalogue import FindingEntry, Joint

_NAMES = {
    "meniscal_tear": "Meniscal tear", "cartilage_defect": "Cartilage defect", "acl_injury": "ACL injury",
    "pcl_injury": "PCL injury", "mcl_injury": "MCL injury", "lcl_injury": "LCL injury",
    "fat_pad_injury": "Infrapatellar fat pad injury", "plica": "Synovial plica", "cyst": "Cyst",
    "effusion": "Joint effusion", "bone_contusion": "Bone contusion", "osteoarthritis": "Osteoarthritis",
    "fracture": "Fracture", "synovitis": "Synovitis",
}  # fmt: skip

KNEE = Joint(
    name="knee",
    title="Knee",
    levels=(),
    sides=("left", "right"),
    compartments=("medial", "lateral", "patellofemoral"),
    findings=tuple(FindingEntry(name, title, "binary") for name, title in _NAMES.items()),
)
