"""The statistics behind the verdicts: quantiles of Student's t, trimmed means, and error split over many looks.

Pure functions of numbers. Written out here because scipy costs half a second of import for these three formulas.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def t_probability(t: float, df: int) -> float:
    """P(-t < T < t) for Student's t with ``df`` degrees of freedom, ``t`` >= 0.

    Exact finite sums for whole degrees of freedom: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3
    and 26.7.4 (with theta = atan(t / sqrt(df))).
    """
    theta = math.atan2(t, math.sqrt(df))
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = df % 2 == 1
    term = cosine if odd else 1.0
    total = 0.0
    # The sums run over cos, cos^3, ... (odd) and 1, cos^2, cos^4, ... (even), up to the power df - 2.
    for power in range(1 if odd else 0, df - 1, 2):
        total += term
        term *= cosine * cosine * (power + 1) / (power + 2)
    return (theta + sine * total) * 2.0 / math.pi if odd else sine * total


@lru_cache(maxsize=1024)
def t_quantile(p: float, df: int) -> float:
    """The value that Student's t with ``df`` degrees of freedom stays below with probability ``p`` (0 < p < 1).

    Found by bisection of the exact probability over the angle atan(t / sqrt(df)), which is bounded where t is not.
    Good to about 1e-9 relative for the tails used here (1e-7 and above); tested against published tables.

    Raises:
        ValueError: ``p`` outside (0, 1), or ``df`` below 1.
    """
    if not 0.0 < p < 1.0 or df < 1:
        msg = f"t_quantile needs 0 < p < 1 and df >= 1, got p = {p!r} and df = {df!r}"
        raise ValueError(msg)
    if p < 0.5:
        return -t_quantile(1.0 - p, df)
    inside = 2.0 * p - 1.0
    low, high = 0.0, math.pi / 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if t_probability(math.tan(middle) * math.sqrt(df), df) < inside:
            low = middle
        else:
            high = middle
    return math.tan((low + high) / 2.0) * math.sqrt(df)


def median(values: Sequence[float]) -> float:
    """The middle value; the mean of the two middle ones of an even number. NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2.0


def trimmed_interval(
    values: Sequence[float], error: float, *, trim: float = 0.1, floor: float = 0.0
) -> tuple[float, float, float]:
    """Trimmed mean with the ends of its t interval: (mean, low, high).

    The standard error is that of the winsorised sample (Tukey and McLaughlin 1963, Sankhya A 25, 331-352), with
    h - 1 degrees of freedom for the h values that remain.

    Args:
        values: at least two finite numbers.
        error: probability that the interval misses, both sides together.
        trim: share left out on each side, rounded down to whole values.
        floor: smallest standard deviation believed. Three rounds that agree by chance to 0.01 % prove nothing.
    """
    n = len(values)
    cut = int(trim * n)
    ordered = sorted(values)
    kept = ordered[cut : n - cut]
    h = len(kept)
    mean = math.fsum(kept) / h
    winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
    centre = math.fsum(winsorised) / n
    variance = math.fsum((value - centre) ** 2 for value in winsorised) / (n - 1)
    half = t_quantile(1.0 - error / 2.0, h - 1) * max(math.sqrt(variance), floor) * math.sqrt(n) / h
    return mean, mean - half, mean + half


def share_of_error(look: int, total: float) -> float:
    """What the ``look``-th look (1, 2, ...) may spend of the ``total`` probability of a wrong interval.

    ``total`` * 6 / (pi k)^2 sums to ``total`` over all looks, so peeking after every few rounds costs nothing.
    """
    return total * 6.0 / (math.pi * look) ** 2
