"""Randomised trials of reading with and without help: flow, balance, clustered outcomes, reading times."""

from condyle.evaluate.trial.balance import BalanceLine, balance
from condyle.evaluate.trial.effect import BinaryEffect, TimeEffect, binary_effect, interaction, time_effect
from condyle.evaluate.trial.flow import ArmFlow, Flow, flow, per_protocol
from condyle.evaluate.trial.study import INTENTION, PROTOCOL, OutcomeLine, TrialStudy, trial_study
from condyle.evaluate.trial.table import Trial, Unit, parse_trial

__all__ = [
    "INTENTION",
    "PROTOCOL",
    "ArmFlow",
    "BalanceLine",
    "BinaryEffect",
    "Flow",
    "OutcomeLine",
    "TimeEffect",
    "Trial",
    "TrialStudy",
    "Unit",
    "balance",
    "binary_effect",
    "flow",
    "interaction",
    "parse_trial",
    "per_protocol",
    "time_effect",
    "trial_study",
]
