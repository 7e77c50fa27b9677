"""What the running test has claimed so far: the thread between the assertions and pytest.

The plugin sets a `Recorder` around every test; the assertions find it in `current`. Outside pytest there is none, and
a claim simply returns its verdict.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pytest_efficiency.result import LITTLE_HEADROOM, Unclear

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_efficiency.result import Verdict


class Stated(Protocol):
    """A claim object that a test has made."""

    used: bool


@dataclass
class Recorder:
    """Collects the claims of one test and their verdicts.

    ``unclear`` is what an undecided claim raises: pytest's own kind, which unittest, subtests and hypothesis let pass.
    ``graded``: somebody else's files are judged, so no result may go unchecked.
    ``stating`` is asked at every new claim, and may raise: it skips tests that state claims while none are measured.
    """

    unclear: type[Unclear] = Unclear
    budget: float | None = None
    graded: bool = False
    stating: Callable[[], object] | None = None
    claims: list[Stated] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)

    def state(self, claim: Stated) -> None:
        if self.stating is not None:
            self.stating()
        self.claims.append(claim)

    def reach(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)

    def passed_by_little(self) -> list[Verdict]:
        """Speedups that hold with less than `LITTLE_HEADROOM`, one for each claim: under Hypothesis it is made often.

        Of the four kinds only this one has a headroom that another machine changes: a peak is a count of bytes, and
        growth is refuted by a class.
        """
        least: dict[str, Verdict] = {}
        for verdict in self.verdicts:
            if verdict.kind == "speedup" and verdict.outcome == "passed" and verdict.headroom is not None:
                known = least.setdefault(verdict.claim, verdict)
                if known.headroom is not None and verdict.headroom < known.headroom:
                    least[verdict.claim] = verdict
        return [one for one in least.values() if one.headroom is not None and one.headroom < LITTLE_HEADROOM]

    def unused(self) -> list[str]:
        """One line for each claim never compared and each comparison whose result was thrown away."""
        never = [f"{claim!r} was never compared: it checks nothing" for claim in self.claims if not claim.used]
        thrown = [
            f"{verdict.claim} was compared, but nobody looked at the answer: write 'assert' before it"
            for number, verdict in enumerate(self.verdicts)
            if verdict.outcome != "unclear" and number not in self.asked
        ]
        return never + thrown


current: ContextVar[Recorder | None] = ContextVar("pytest_efficiency_recorder", default=None)
