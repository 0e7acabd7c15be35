"""Which of two versions do people prefer? Assignment, interleaving, tests, guards; all pure."""

from latelight.experiments.assignment import Arm, Assignment, Exposure, exposed
from latelight.experiments.click_models import (
    Attraction,
    Cascade,
    ClickModel,
    PositionBased,
    click_model,
)
from latelight.experiments.guards import (
    DEFAULT_GUARDS,
    Guard,
    GuardVerdict,
    Histogram,
    LatencyGuard,
    RateGuard,
    Traffic,
    check_guards,
    sample_ratio_p_value,
)
from latelight.experiments.horizon import (
    HorizonTest,
    n_for_means,
    n_for_preference,
    n_for_sequential,
    n_for_shares,
    read_means,
    read_preference,
)
from latelight.experiments.interleaving import (
    Interleaved,
    balanced,
    credit,
    interleave,
    team_draft,
)
from latelight.experiments.sequential import (
    MeanTest,
    Moments,
    difference_of_means,
    proportion_p_value,
    proportion_sequence,
)
from latelight.experiments.simulate import (
    Design,
    Outcome,
    Paper,
    simulate_ab,
    simulate_interleaving,
)

__all__ = [
    "DEFAULT_GUARDS",
    "Arm",
    "Assignment",
    "Attraction",
    "Cascade",
    "ClickModel",
    "Design",
    "Exposure",
    "Guard",
    "GuardVerdict",
    "Histogram",
    "HorizonTest",
    "Interleaved",
    "LatencyGuard",
    "MeanTest",
    "Moments",
    "Outcome",
    "Paper",
    "PositionBased",
    "RateGuard",
    "Traffic",
    "balanced",
    "check_guards",
    "click_model",
    "credit",
    "difference_of_means",
    "exposed",
    "interleave",
    "n_for_means",
    "n_for_preference",
    "n_for_sequential",
    "n_for_shares",
    "proportion_p_value",
    "proportion_sequence",
    "read_means",
    "read_preference",
    "sample_ratio_p_value",
    "simulate_ab",
    "simulate_interleaving",
    "team_draft",
]
