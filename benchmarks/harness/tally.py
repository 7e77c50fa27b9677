"""From trials to figures: how many, how many wrong and unclear, and how long a verdict took."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.trial import Trial

FIELDS = ("row", "tool", "question", "half", "load")


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


@dataclass(frozen=True)
class Tally:
    """What a group of trials adds up to.

    Attributes:
        trials: how many there were.
        wrong: how many answers were wrong.
        unclear: how many were unclear.
        median: wall seconds of a verdict, half of them took no longer; NaN without any trial, as the next two.
        most: 95 % took no longer.
        worst: the longest.
    """

    trials: int
    wrong: int
    unclear: int
    median: float
    most: float
    worst: float

    @property
    def wrong_percent(self) -> float:
        return 100.0 * self.wrong / self.trials if self.trials else math.nan

    @property
    def unclear_percent(self) -> float:
        return 100.0 * self.unclear / self.trials if self.trials else math.nan


def tally(trials: Iterable[Trial]) -> Tally:
    every = list(trials)
    seconds = [one.seconds for one in every]
    return Tally(
        trials=len(every),
        wrong=sum(one.answer == "wrong" for one in every),
        unclear=sum(one.answer == "unclear" for one in every),
        median=quantile(seconds, 0.5),
        most=quantile(seconds, 0.95),
        worst=max(seconds, default=math.nan),
    )


def grouped(trials: Iterable[Trial], by: Sequence[str] = FIELDS) -> dict[tuple[str, ...], Tally]:
    """A tally for each combination of these fields' values, in the order in which they first appear."""
    groups: dict[tuple[str, ...], list[Trial]] = defaultdict(list)
    for one in trials:
        groups[tuple(getattr(one, field) for field in by)].append(one)
    return {key: tally(members) for key, members in groups.items()}
