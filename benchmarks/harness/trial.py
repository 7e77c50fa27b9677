"""One trial: one tool's answer to one question of known truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Answer = Literal["right", "wrong", "unclear"]


@dataclass(frozen=True)
class Trial:
    """What a tool said.

    Attributes:
        row: the row of the table: "scaling", "speedup here", "speedup workers", "slow reference", "gil", "memory".
        tool: "pytest-efficiency", or a peer with its version: "big_O 0.11.0".
        case: the function or pair that was judged.
        load: the load beside it, one of `harness.loads.LOADS`.
        question: what was asked: "true claim", "next class", "two classes up", a true/claimed ratio such as "0.67", ...
        answer: whether it was right. A peer that has no third answer is never unclear.
        seconds: wall time of the verdict.
        detail: what was measured, for whoever asks why.
        half: "tune" or "held" for the scaling corpus.
    """

    row: str
    tool: str
    case: str
    load: str
    question: str
    answer: Answer
    seconds: float
    detail: str = ""
    half: str = ""
