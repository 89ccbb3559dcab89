"""RJafroc 2.1.2: a stand-alone algorithm against nine radiologists, three ways."""

import numpy as np

from condyle.evaluate.mrmc import Reads, area_under_roc, obuchowski_rockette, versus_readers
from tests.reference.mrmc import agree, reads
from tests.reference.reading import expected

FOLDER = "14_standalone_vs_readers"


def test_readers_and_cases_random() -> None:
    theirs, ours = expected(FOLDER)["1T-RRRC"], versus_readers(area_under_roc(reads(FOLDER)), "1")
    np.testing.assert_allclose([value for _, value, _ in ours.readers], theirs["fomRAD"], rtol=1e-6)
    for name, value in {
        "fomCAD": ours.model_value, "avgRadFom": ours.readers_mean, "avgDiffFom": ours.difference, "varR": ours.reader_variance,
        "varError": ours.error, "cov2": ours.cov2, "Tstat": ours.statistic, "df": ours.df,
    }.items():  # fmt: skip
        agree(value, theirs[name], name)
    agree(ours.p, theirs["pval"], "p", p=True)
    np.testing.assert_allclose((ours.low, ours.high), theirs["CIAvgDiffFom"], rtol=1e-6)
    np.testing.assert_allclose((ours.reader_low, ours.reader_high), theirs["CIAvgRad"], rtol=1e-6)


def test_cases_fixed_is_far_too_sure() -> None:
    theirs, ours = expected(FOLDER)["1T-RRFC"], versus_readers(area_under_roc(reads(FOLDER)), "1", cases="fixed")
    np.testing.assert_allclose([value for _, value, _ in ours.readers], theirs["fomRAD"], rtol=1e-6)
    for name, value in {
        "fomCAD": ours.model_value, "avgRadFom": ours.readers_mean, "avgDiffFom": ours.difference, "varR": ours.reader_variance,
        "Tstat": ours.statistic, "df": ours.df,
    }.items():  # fmt: skip
        agree(value, theirs[name], name)
    agree(ours.p, theirs["pval"], "p", p=True)
    np.testing.assert_allclose((ours.low, ours.high), theirs["CIAvgDiffFom"], rtol=1e-6)
    np.testing.assert_allclose((ours.reader_low, ours.reader_high), theirs["CIAvgRadFom"], rtol=1e-6)


def test_the_model_doubled_as_an_arm_says_the_same() -> None:
    theirs, study = expected(FOLDER)["2T-RRRC"], reads(FOLDER)
    scores = np.stack([np.repeat(study.score[0, :1], 9, axis=0), study.score[0, 1:]])
    doubled = Reads(("1", "2"), study.readers[1:], study.cases, study.patients, study.patient, study.truth, scores)
    ours = obuchowski_rockette(area_under_roc(doubled))
    assert ours.test is not None
    assert ours.components is not None
    agree(ours.test.statistic, theirs["FStat"], "F")
    agree(ours.test.df2, theirs["df"], "ddf")
    agree(ours.test.p, theirs["pval"], "p", p=True)
    for name, value in {
        "varTR": ours.components.arm_reader, "cov1": ours.components.cov1, "cov2": ours.components.cov2, "cov3": ours.components.cov3,
        "varError": ours.components.error,
    }.items():  # fmt: skip
        agree(value, theirs[name], name)
    assert abs(ours.components.reader - theirs["varR"]) < 1e-15  # both are rounding of 0
    difference, row = ours.differences[0], theirs["ciDiffFom"][0]
    agree(-difference.estimate, row["Estimate"], "difference")
    agree(difference.se, row["StdErr"], "se")
    agree(-difference.high, row["CILower"], "low")
    agree(-difference.low, row["CIUpper"], "high")
    for mean, row in zip(ours.means, theirs["ciAvgRdrEachTrt"], strict=True):
        agree(mean.contrast.estimate, row["Estimate"], "mean")
        agree(mean.contrast.se, row["StdErr"], "se of mean")
        agree(mean.contrast.low, row["CILower"], "low of mean")
        agree(mean.contrast.high, row["CIUpper"], "high of mean")
        agree(mean.cov2, row["Cov2"], "Cov2")
        agree(mean.contrast.df, row["DF"], "df")
