"""The knee: sites and findings."""

from __future__ import annotations

from condyle.anatomy.catalogue import FindingEntry, Joint, Scale

_NAMES = {
    "meniscal_tear": "Meniscal tear", "cartilage_defect": "Cartilage defect", "acl_injury": "ACL injury",
    "pcl_injury": "PCL injury", "mcl_injury": "MCL injury", "lcl_injury": "LCL injury",
    "fat_pad_injury": "Infrapatellar fat pad injury", "plica": "Synovial plica", "cyst": "Cyst",
    "effusion": "Joint effusion", "bone_contusion": "Bone contusion", "osteoarthritis": "Osteoarthritis",
    "fracture": "Fracture", "synovitis": "Synovitis",
}  # fmt: skip

OSTEOARTHRITIS = Scale(
    name="osteoarthritis",
    steps=(0, 1, 2, 3, 4),
    meanings=(
        "no sign of it",
        "doubtful: cartilage a little thinner, no definite osteophyte",
        "definite osteophytes, less than half of the cartilage lost",
        "osteophytes and about two thirds of the cartilage lost",
        "large osteophytes, most of the cartilage lost, marrow changed",
    ),
    source="steps in the manner of Kellgren and Lawrence, Ann Rheum Dis 1957;16:494-502, on MRI",
    marked_from=2,
)

KNEE = Joint(
    name="knee",
    title="Knee",
    levels=(),
    sides=("left", "right"),
    compartments=("medial", "lateral", "patellofemoral"),
    findings=(
        *(FindingEntry(name, title, "binary") for name, title in _NAMES.items()),
        FindingEntry(
            "abnormality", "Any abnormality", "binary",
            explanation="Something in the knee is not normal, whatever it is; where nobody says so, present when another finding is.",
            source="the task 'abnormal' of MRNet, Bien et al., PLoS Medicine 2018;15:e1002699",
        ),
        FindingEntry("osteoarthritis_grade", "Osteoarthritis (worst compartment)", "ordinal", scale=OSTEOARTHRITIS),
    ),
)
