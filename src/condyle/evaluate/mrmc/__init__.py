"""Reader studies: many readers, many cases (MRMC).

Gather the reads (``gather``), choose a figure of merit (``area_under_roc``, ``sensitivity``, ``weighted_afroc`` ...), and analyse it:
``compare_arms`` compares two arms of any design, with random or fixed readers and cases; underneath are
``obuchowski_rockette`` or ``dorfman_berbaum_metz`` for complete designs, ``u_statistics`` for any, ``versus_readers`` for a model
against readers, ``power`` for the next study.
"""

from condyle.evaluate.mrmc.analysis import Approach, Compared, compare_arms
from condyle.evaluate.mrmc.covariance import covariance
from condyle.evaluate.mrmc.dbm import PseudovalueAnalysis, dorfman_berbaum_metz, pseudovalues
from condyle.evaluate.mrmc.design import Design, design_of
from condyle.evaluate.mrmc.each_reader import ReaderGain, reader_gains, reader_value
from condyle.evaluate.mrmc.figure import Figures, accuracy, area_under_roc, sensitivity, specificity
from condyle.evaluate.mrmc.macro import macro
from condyle.evaluate.mrmc.marks import Mark, MarkedReads, afroc, gather_marks, highest_rating, weighted_afroc, weighted_afroc1
from condyle.evaluate.mrmc.model_study import ModelComparison, ModelStudy, model_study
from condyle.evaluate.mrmc.obuchowski_rockette import Analysis, ArmMean, ArmTest, Components, Contrast, obuchowski_rockette
from condyle.evaluate.mrmc.operating_point import at_readers_specificity
from condyle.evaluate.mrmc.planning import Planning, plan_readers
from condyle.evaluate.mrmc.power import Pilot, Power, detectable_effect, patients_needed, power, power_table, sensitivity_to_pilot
from condyle.evaluate.mrmc.reading_time import ReadingTime, reading_time
from condyle.evaluate.mrmc.reads import Reads, gather
from condyle.evaluate.mrmc.seniority import GainSpread, compare_groups, gain_spread
from condyle.evaluate.mrmc.study import AllArms, Comparison, ReaderStudy, reader_study
from condyle.evaluate.mrmc.table import Assembled, Read, Truth, assemble, parse_reads, parse_truth
from condyle.evaluate.mrmc.ustatistics import Moments, UAnalysis, UStatistic, u_statistics
from condyle.evaluate.mrmc.versus_readers import VersusReaders, versus_readers
from condyle.evaluate.mrmc.washout import Washout, washout

__all__ = [
    "AllArms",
    "Analysis",
    "Approach",
    "ArmMean",
    "ArmTest",
    "Assembled",
    "Compared",
    "Comparison",
    "Components",
    "Contrast",
    "Design",
    "Figures",
    "GainSpread",
    "Mark",
    "MarkedReads",
    "ModelComparison",
    "ModelStudy",
    "Moments",
    "Pilot",
    "Planning",
    "Power",
    "PseudovalueAnalysis",
    "Read",
    "ReaderGain",
    "ReaderStudy",
    "ReadingTime",
    "Reads",
    "Truth",
    "UAnalysis",
    "UStatistic",
    "VersusReaders",
    "Washout",
    "accuracy",
    "afroc",
    "area_under_roc",
    "assemble",
    "at_readers_specificity",
    "compare_arms",
    "compare_groups",
    "covariance",
    "design_of",
    "detectable_effect",
    "dorfman_berbaum_metz",
    "gain_spread",
    "gather",
    "gather_marks",
    "highest_rating",
    "macro",
    "model_study",
    "obuchowski_rockette",
    "parse_reads",
    "parse_truth",
    "patients_needed",
    "plan_readers",
    "power",
    "power_table",
    "pseudovalues",
    "reader_gains",
    "reader_study",
    "reader_value",
    "reading_time",
    "sensitivity",
    "sensitivity_to_pilot",
    "specificity",
    "u_statistics",
    "versus_readers",
    "washout",
    "weighted_afroc",
    "weighted_afroc1",
]
