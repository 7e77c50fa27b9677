from __future__ import annotations

import importlib

from pytest_efficiency.judge.scaling import ScalingDecision

# The package has a function of the same name.
module = importlib.import_module("pytest_efficiency.assertions.scaling")


def failed(**more) -> ScalingDecision:
    return ScalingDecision("failed", 1.13, (1.1, 1.15), "", bound=1.31, window=(656.0, 41_648.0), **more)


def test_a_failure_by_the_shape_does_not_name_a_slope_below_the_bound() -> None:
    """n^1.13 under a bound of n^1.31 would contradict the verdict: the share of the higher class is what decided."""
    by_shape = failed(evidence="shape", share=0.52)
    assert module._summary(by_shape) == "a higher class holds 52% of the time at n = 41 648, and ever more beyond"
    assert module._headroom(by_shape) is None


def test_a_failure_by_the_slope_names_it() -> None:
    """With the exponent from which on it is refuted."""
    by_slope = failed()
    assert module._summary(by_slope).startswith("time grows like n^1.13 over n = 656 to 41 648 (refuted from n^1.31")
    assert module._headroom(by_slope) is not None
