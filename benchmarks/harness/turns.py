"""The order in which a row asks: shuffled anew each time round, so that stopping early samples all questions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

Question = TypeVar("Question")


def in_turns(questions: Sequence[Question], *, seconds: float, rng: random.Random) -> Iterator[Question]:
    """The questions in shuffled order, again and again, until so many seconds of wall time are used; none of none."""
    end = time.monotonic() + seconds
    order = list(questions)
    while order:
        rng.shuffle(order)
        for question in order:
            if time.monotonic() > end:
                return
            yield question
