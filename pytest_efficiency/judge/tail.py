"""The tail of a ladder's curve: its slope over three windows, with intervals. Pure, and seeded where it draws.

A line is fitted to the logarithms of size and time; what a call costs at n = 0 is taken off first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_efficiency.judge.statistics import median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_efficiency.judge.classes import GrowthClass

# Each window reaches from n_max / w to n_max. A cache step raises one of them, a higher class raises all.
_WINDOWS = (4.0, 16.0, 64.0)
_WINDOW_POINTS = 3
_RESAMPLES = 400
CONFIDENCE = 0.99
# Below this an interval only says that the machine repeats its own bias: placement in memory moves slopes by as much.
_FLOOR = 0.02
# The median of the absolute value of a standard normal variable.
_MEDIAN_OF_NORMAL = 0.6745
_OVERHEAD_RATIO = 4.0
# A point whose work is less than this part of the call overhead says nothing about the work.
_VISIBLE = 0.3
# Of a steep curve the small sizes are no tail: 64 times smaller means 260 000 times faster for n^3.
_TAIL_OF_TIME = 1000.0


@dataclass(frozen=True)
class Sampling:
    """What a ladder has measured so far.

    Attributes:
        sizes: n, ascending; the true n where the generator gives it.
        samples: per size, seconds per call, one figure a round.
        reference: the same for the reference on the same inputs (``over=``): the ratio of the two is judged.
        clock: what was read: "CPU time", "CPU time of all threads", "wall time".
        calls: how many calls were made in all.
        overhead: seconds of one round trip to a worker, already taken off the samples.
        exhausted: the time budget is used up; no more rounds will come.
        can_escalate: the ladder can still be made longer.
        ended: why there is no larger size.
        problem: why there is no usable ladder at all; empty where there is one.
        typical: the inputs of one size differ in luck, and every round had others: their median counts, not the best.
        in_cache: the memory that the largest size needs fits the cache, so that no curve steepens because of it; None
            where nobody has asked yet.
        notes: lines for the report.
    """

    sizes: tuple[float, ...]
    samples: tuple[tuple[float, ...], ...]
    reference: tuple[tuple[float, ...], ...] | None = None
    clock: str = "CPU time"
    calls: int = 0
    overhead: float = 0.0
    exhausted: bool = False
    can_escalate: bool = True
    ended: str = ""
    problem: str = ""
    typical: bool = False
    in_cache: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def rounds(self) -> int:
        """How often every size has been sampled."""
        return min((len(one) for one in self.samples), default=0)

    @property
    def seconds(self) -> tuple[float, ...]:
        """The best time per call at each size; the median where luck decides."""
        return tuple(self._of(one) for one in self.samples)

    @property
    def reference_seconds(self) -> tuple[float, ...] | None:
        """The reference's best (or median) time per call at each size."""
        return None if self.reference is None else tuple(self._of(one) for one in self.reference)

    @property
    def figures(self) -> tuple[float, ...]:
        """What is judged: the time at each size, or its ratio to the reference's."""
        if self.reference_seconds is None:
            return self.seconds
        return tuple(one / other for one, other in zip(self.seconds, self.reference_seconds, strict=True))

    def _of(self, samples: Sequence[float]) -> float:
        if not samples:
            return math.nan
        return median(samples) if self.typical else min(samples)


@dataclass(frozen=True)
class Tail:
    """Slope of one window against what the claim allows there.

    ``low`` and ``high`` hold slope - bound between them; ``repeated`` is the interval of the slope as far as the
    rounds differ, without the scatter of the sizes about the line.
    """

    first: float
    slope: float
    claimed: float
    bound: float
    low: float
    high: float
    repeated: tuple[float, float] = (0.0, 0.0)

    @property
    def excess(self) -> float:
        return self.slope - self.bound


def tails_of(sampling: Sampling, claim: GrowthClass, seed: int) -> list[Tail]:
    """Slope and interval of each window, widest last."""
    import numpy as np

    sizes = np.array(sampling.sizes)
    logs = np.log(sizes)
    ceiling = np.array([claim.ceiling.log_growth(n) for n in sampling.sizes])
    beyond = np.array([claim.next_group.log_growth(n) for n in sampling.sizes])
    best = np.array(sampling.figures)
    drawn = _resampled(sampling.samples, seed, typical=sampling.typical)
    if sampling.reference is not None:
        drawn = drawn / _resampled(sampling.reference, seed + 1, typical=sampling.typical)
    # A ratio of two times has no call overhead of its own to take off.
    subtract = sampling.reference is None and best.max() > _OVERHEAD_RATIO * best[:2].min()
    work, drawn_work, visible = best, drawn, np.ones(len(sizes), dtype=bool)
    if subtract:
        overhead = float(_overhead(sizes, best))
        work = best - overhead
        drawn_work = drawn - _overhead(sizes, drawn)[..., None]
        visible = (work > _VISIBLE * overhead) & (drawn_work > 0).all(axis=0)
        if visible[-_WINDOW_POINTS:].sum() < _WINDOW_POINTS:
            work, drawn_work, visible = best, drawn, np.ones(len(sizes), dtype=bool)
    visible &= best * _TAIL_OF_TIME >= best.max()
    visible[-_WINDOW_POINTS:] = True
    values, drawn_values = np.log(np.where(visible, work, 1.0)), np.log(np.where(visible, drawn_work, 1.0))
    own = np.array([claim.log_growth(n) for n in sampling.sizes])
    tails: list[Tail] = []
    edge = 0.5 * (1.0 - CONFIDENCE)
    scatter = luck = 0.0
    for chosen in _windows(sizes, visible):
        centred = logs[chosen] - logs[chosen].mean()
        weights = centred / (centred @ centred)
        slope = float(values[chosen] @ weights)
        lowest, highest = (float(one) for one in np.quantile(drawn_values[:, chosen] @ weights, [edge, 1.0 - edge]))
        # The widest window comes first: three points say nothing about their own scatter.
        scatter = scatter or _scatter(values[chosen] - values[chosen].mean() - slope * centred)
        luck = luck or _luck(logs[chosen], values[chosen])
        width = math.sqrt(centred @ centred)
        bound = 0.5 * float((ceiling[chosen] + beyond[chosen]) @ weights)
        tails.append(
            Tail(
                first=float(sizes[chosen[0]]),
                slope=slope,
                claimed=float(own[chosen] @ weights),
                bound=bound,
                # To fail a curve must be straight as well, on its widest window; to pass, a bend is no uncertainty: it
                # is what memory does.
                low=min(lowest, slope - max(_FLOOR, 2.0 * (luck if tails else max(scatter, luck)) / width)) - bound,
                high=max(highest, slope + max(_FLOOR, 3.0 * luck / width)) - bound,
                repeated=(lowest, highest),
            )
        )
    return tails[::-1]


def _windows(sizes: Any, visible: Any) -> list[Any]:
    """The indices of each window's sizes, the widest window first; never fewer than three sizes."""
    import numpy as np

    usable = np.flatnonzero(visible)
    counts = [int((visible & (sizes >= sizes[-1] / factor * (1.0 - 1e-9))).sum()) for factor in _WINDOWS]
    return [usable[-count:] for count in sorted({max(count, _WINDOW_POINTS) for count in counts}, reverse=True)]


def _overhead(sizes: Any, seconds: Any) -> Any:
    """What a call costs at n = 0: the line through the two smallest sizes, held between 0 and the smaller time."""
    import numpy as np

    first, second = seconds[..., 0], seconds[..., 1]
    at_zero = first - sizes[0] * (second - first) / (sizes[1] - sizes[0])
    return np.clip(at_zero, 0.0, np.minimum(first, second))


def _scatter(residuals: Any) -> float:
    """Standard deviation of the points about their line, from bends and from luck."""
    points = len(residuals)
    return math.sqrt(float(residuals @ residuals) / (points - 2)) if points >= _WINDOW_POINTS + 2 else 0.0


def _luck(logs: Any, values: Any) -> float:
    """Standard deviation of the points about the line between their neighbours: random inputs of different luck.

    A smooth bend hardly counts here. After Rice (1984), who takes differences of neighbours; with unequal distances.
    """
    import numpy as np

    if len(values) < _WINDOW_POINTS + 2:
        return 0.0
    part = (logs[1:-1] - logs[:-2]) / (logs[2:] - logs[:-2])
    misses = values[1:-1] - (1.0 - part) * values[:-2] - part * values[2:]
    # The median: one step (a cache, a table that grows) is no luck.
    return float(np.median(np.abs(misses) / np.sqrt(1.0 + part**2 + (1.0 - part) ** 2))) / _MEDIAN_OF_NORMAL


def _resampled(samples: Sequence[Sequence[float]], seed: int, *, typical: bool) -> Any:
    """The best (or median) times of ``_RESAMPLES`` bootstrap repetitions, one row each (Efron 1979)."""
    import numpy as np

    rng = np.random.default_rng(seed)
    columns = []
    for one in samples:
        values = np.array(one)
        drawn = values[rng.integers(0, len(values), (_RESAMPLES, len(values)))]
        columns.append(np.median(drawn, axis=1) if typical else drawn.min(axis=1))
    return np.array(columns).T
