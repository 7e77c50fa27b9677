"""What a judge answers: one frozen type for all four claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_efficiency.result import Outcome


@dataclass(frozen=True)
class Decision:
    """What the numbers so far say about the claim.

    Attributes:
        outcome: "passed", "failed" or "unclear"; None asks for more rounds.
        value: the best estimate of what was claimed, in the claim's unit (NaN when there is none).
        interval: lower and upper end of the confidence interval of ``value``; an infinite end means "no bound".
        why: the rule that decided, or what is still missing, in a few words that fit into a report.
    """

    outcome: Outcome | None
    value: float
    interval: tuple[float, float]
    why: str

    @property
    def final(self) -> bool:
        """Whether measuring can stop."""
        return self.outcome is not None
