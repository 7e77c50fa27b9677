"""Judges a scaling claim on counts of steps, which no load disturbs and which alone see log factors.

A count of interpreter steps may reject a claim, never acquit it: work inside one call into C is invisible to it. Pure:
numbers in, numbers out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_efficiency.judge.classes import KNOWN, GrowthClass, parse_class

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST_SIZES = 5
# Over how many times the smallest size; steep code reaches the limit of steps earlier, and is as easily told apart.
_SMALLEST_RANGE = 8.0
_STEEP_RANGE = (3.0, 16.0)
# Cut-offs for small inputs (insertion sort below 16 items) are another algorithm: they are left out.
_LONGEST_RANGE = 256.0
_SHARE = 0.40
_MISFIT = 0.03
# Random inputs scatter, and a scatter that no class describes must not pass for a higher class.
_BETTER = 2.0


@dataclass(frozen=True)
class Counts:
    """How many steps a call took, per size: ``steps[i][j]`` for the j-th input of size ``sizes[i]``.

    ``source`` says what was counted: "interpreter steps", or whatever the caller's own counter counts.
    """

    sizes: tuple[float, ...]
    steps: tuple[tuple[int, ...], ...]
    source: str = "interpreter steps"

    @property
    def means(self) -> tuple[float, ...]:
        """Steps per size, averaged over the inputs of that size."""
        return tuple(sum(steps) / len(steps) for steps in self.steps)


@dataclass(frozen=True)
class CountsFit:
    """How well the claimed class describes the counts.

    Attributes:
        rejects: the counts outgrow the claim.
        share: the part of the steps at the largest size that belongs to classes above the claim, in the best mixture.
        misfit: root mean square of the relative error of the claim's own best mixture (classes up to the claim).
        best: the class that holds the largest share of the steps at the largest size.
        exponent: the slope of the counts on log-log paper over the upper half of the sizes.
    """

    rejects: bool
    share: float
    misfit: float
    best: GrowthClass
    exponent: float


def fit_counts(counts: Counts, claim: GrowthClass) -> CountsFit | None:
    """Compare the counts with the claim by a non-negative least-squares mixture of classes, in relative errors.

    None where there are too few sizes to say anything.
    """
    import numpy as np

    pairs = [(n, mean) for n, mean in zip(counts.sizes, counts.means, strict=True) if mean > 0]
    pairs = [(n, mean) for n, mean in pairs if n * _LONGEST_RANGE >= pairs[-1][0]]
    if len(pairs) < _FEWEST_SIZES:
        return None
    range_of_n, range_of_steps = (pairs[-1][i] / pairs[0][i] for i in (0, 1))
    if range_of_n < _SMALLEST_RANGE and (range_of_n < _STEEP_RANGE[0] or range_of_steps < _STEEP_RANGE[1]):
        return None
    sizes = [n for n, _ in pairs]
    means = np.array([mean for _, mean in pairs])
    classes = sorted({*map(parse_class, KNOWN), claim}, key=lambda one: one.order)
    full_shares, full_misfit = mixture(sizes, means, classes)
    _, own_misfit = mixture(sizes, means, [one for one in classes if one.order <= claim.order])
    above = sum(share for one, share in zip(classes, full_shares, strict=True) if one.order > claim.order)
    half = len(sizes) // 2
    slope = np.polyfit(np.log(sizes[half:]), np.log(means[half:]), 1)[0]
    return CountsFit(
        rejects=bool(above > _SHARE and own_misfit > _MISFIT and own_misfit > _BETTER * full_misfit),
        share=float(above),
        misfit=own_misfit,
        best=classes[int(np.argmax(full_shares))],
        exponent=float(slope),
    )


def mixture(sizes: Sequence[float], values: Any, classes: Sequence[GrowthClass]) -> tuple[list[float], float]:
    """The non-negative mixture of classes with the least relative error.

    Returns:
        each class's share of the mixture at the largest size, and the root mean square of the relative errors.
    """
    import numpy as np

    largest = sizes[-1]
    # Each class is scaled to 1 at the largest size: 2^n would overflow, and the weights are then the shares.
    columns = np.array([[np.exp(one.log_growth(n) - one.log_growth(largest)) for one in classes] for n in sizes])
    values = np.asarray(values, dtype=float)
    weights = _non_negative(columns * (values[-1] / values)[:, None], np.ones(len(sizes)))
    misfit = float(np.sqrt(np.mean((columns @ weights * values[-1] / values - 1.0) ** 2)))
    total = float(weights.sum()) or 1.0
    return [float(weight / total) for weight in weights], misfit


def _non_negative(matrix: Any, target: Any) -> Any:
    """Least squares with non-negative weights: the active-set method of Lawson and Hanson (1974), chapter 23."""
    import numpy as np

    count = matrix.shape[1]
    weights = np.zeros(count)
    free = np.zeros(count, dtype=bool)
    for _ in range(10 * count):
        gradient = matrix.T @ (target - matrix @ weights)
        gradient[free] = -np.inf
        entering = int(np.argmax(gradient))
        if gradient[entering] <= 1e-10:
            break
        free[entering] = True
        while True:
            trial = np.zeros(count)
            trial[free] = np.linalg.lstsq(matrix[:, free], target, rcond=None)[0]
            if not (trial[free] <= 0.0).any():
                weights = trial
                break
            # Go towards the trial until the first weight reaches zero, and hold that one there.
            blocking = free & (trial <= 0.0)
            step = float(np.min(weights[blocking] / (weights[blocking] - trial[blocking] + 1e-300)))
            weights = weights + step * (trial - weights)
            free &= weights > 1e-14
            weights[~free] = 0.0
            if not free.any():
                break
    return weights
