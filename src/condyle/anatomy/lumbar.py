"""The lumbar spine: levels, findings and scales."""

from __future__ import annotations

from condyle.anatomy.catalogue import FindingEntry, Joint, Scale

PFIRRMANN = Scale(
    name="pfirrmann",
    steps=(1, 2, 3, 4, 5),
    meanings=(
        "homogeneous and bright like CSF, normal height",
        "bright but inhomogeneous, often with a dark horizontal band, normal height",
        "grey, border between nucleus and annulus unclear, height normal or slightly less",
        "grey to black, border lost, height normal to moderately less",
        "black and collapsed",
    ),
    source="Pfirrmann et al., Spine 2001;26:1873-1878",
    marked_from=4,
)

HEIGHTS = "after Dabbs and Dabbs, Spine 1990;15:1366-1369: means over bands of the disc in place of single points"

# Counted from the sacrum upward.
LEVELS = (
    "L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1", "T11-T12", "T10-T11", "T9-T10", "T8-T9", "T7-T8",
)  # fmt: skip

# Exist only together with the flag 'numbering_uncertain'.
TRANSITIONAL_LEVELS = ("L5-L6", "L6-S1", "S1-S2")

_T2 = ("t2",)
_ANY = ("t1", "t2")

LUMBAR = Joint(
    name="lumbar",
    title="Lumbar spine",
    levels=LEVELS,
    sides=(),
    compartments=(),
    findings=(
        FindingEntry(
            "pfirrmann", "Disc degeneration (Pfirrmann)", "ordinal", (_T2,), PFIRRMANN,
            explanation="Grade of disc degeneration from structure, signal and height on sagittal T2.",
            source=PFIRRMANN.source,
        ),
        FindingEntry(
            "disc_narrowing", "Disc narrowing", "binary", (_ANY,),
            explanation="Loss of disc height in relation to the next normal disc.",
            source="van der Graaf et al., Scientific Data 2024;11:264",
        ),
        FindingEntry(
            "bulging", "Disc bulging", "binary", (_ANY,),
            explanation="Disc outline beyond the vertebral edge over more than a quarter of its circumference.",
            source="Fardon et al., Spine J 2014;14:2525-2545",
        ),
        FindingEntry(
            "herniation", "Disc herniation", "binary", (_ANY,),
            explanation="Focal displacement of disc material beyond the disc space, under a quarter of the circumference.",
            source="Fardon et al., Spine J 2014;14:2525-2545",
        ),
        FindingEntry(
            "spondylolisthesis", "Spondylolisthesis", "binary", (_ANY,),
            explanation="Slip of a vertebra against the one below; measured lying down, which underestimates it.",
            source="Meyerding, Surg Gynecol Obstet 1932;54:371-377",
        ),
        FindingEntry(
            "modic", "Modic change", "binary", (("t1",), _T2),
            explanation="Signal change of the marrow beside the end plate; present or not, the type is not assessed.",
            source="Modic et al., Radiology 1988;166:193-199",
        ),
        FindingEntry(
            "upper_endplate", "Upper end-plate defect", "binary", (_ANY,),
            explanation="Defect of the end plate above the disc (the lower end plate of the upper vertebra).",
            source="van der Graaf et al., Scientific Data 2024;11:264",
        ),
        FindingEntry(
            "lower_endplate", "Lower end-plate defect", "binary", (_ANY,),
            explanation="Defect of the end plate below the disc (the upper end plate of the lower vertebra).",
            source="van der Graaf et al., Scientific Data 2024;11:264",
        ),
        FindingEntry(
            "modic_type", "Modic type", "category", (("t1",), _T2),
            explanation="Type of the marrow change; not assessed by the shipped package.",
            source="Modic et al., Radiology 1988;166:193-199",
        ),
        FindingEntry(
            "disc_height", "Disc height", "measurement", unit="mm",
            explanation="Mean distance of the end plates over the middle four fifths of the disc, on the mid-sagittal slice.",
            source=HEIGHTS,
        ),
        *(
            FindingEntry(
                f"disc_height_{part}", f"Disc height, {part}", "measurement", unit="mm",
                explanation=f"Distance of the end plates over the {part} third of the disc's middle four fifths.",
                source=HEIGHTS,
            )
            for part in ("anterior", "middle", "posterior")
        ),
        FindingEntry(
            "disc_height_index", "Disc height index", "measurement",
            explanation="Disc height over the mean depth of the two vertebral bodies beside it.",
            source="Frobin et al., Clin Biomech 1997;12(Suppl 1):S1-S63",
        ),
        FindingEntry(
            "slip", "Vertebral slip", "measurement", unit="mm",
            explanation="Offset of the back walls of two vertebrae along the disc, positive when the upper one lies in front.",
            source="Meyerding, Surg Gynecol Obstet 1932;54:371-377",
        ),
        FindingEntry(
            "slip_percent", "Vertebral slip, share of the end plate", "measurement", unit="%",
            explanation="Slip over the depth of the lower vertebra's upper end plate; measured lying down, which underestimates it.",
            source="Meyerding, Surg Gynecol Obstet 1932;54:371-377",
        ),
        FindingEntry(
            "canal_diameter", "Spinal canal diameter", "measurement", unit="mm",
            explanation="Antero-posterior diameter of the spinal canal behind the disc, on the mid-sagittal slice.",
        ),
        FindingEntry(
            "lordosis_l1_s1", "Lordosis L1 to S1", "measurement", unit="degrees",
            explanation="Angle between the upper end plates of L1 and S1, lying down.",
            source="Vialle et al., J Bone Joint Surg Am 2005;87:260-267",
        ),
        FindingEntry(
            "lordosis_l1_l5", "Lordosis L1 to L5", "measurement", unit="degrees",
            explanation="Angle between the upper end plate of L1 and the lower one of L5, lying down.",
            source="Vialle et al., J Bone Joint Surg Am 2005;87:260-267",
        ),
    ),
    not_covered=("central canal stenosis", "foraminal stenosis", "lateral recess stenosis"),
)  # fmt: skip
