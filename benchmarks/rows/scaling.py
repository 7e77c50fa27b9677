"""Bounds on growth, true ones and false ones, on the corpus of functions of known complexity.

Each trial is a claim as a library's author writes it, with everything that it does: finding the sizes, counting steps,
pauses and further looks.

    python benchmarks/rows/scaling.py --loads quiet hog1 --seconds 60 [--half tune] [--kinds pure numpy]
        [--questions "next class"] [--only merge_sort] [--show-held]

Which functions of the half "held" were judged wrongly is shown to nobody unless asked for: what is known of them would
find its way into the rules.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import corpus
from harness.alone import run_alone
from harness.trial import Trial
from harness.turns import in_turns

import pytest_efficiency

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOOL = "pytest-efficiency"
TRUE, STEEPER, OVER, NEXT, TWO = QUESTIONS = (
    "true claim",
    "true claim (time grows faster)",
    "true claim, over=",
    "next class",
    "two classes up",
)
HIDDEN = "a function of the half held"


@dataclass(frozen=True)
class Question:
    """One claim about one function, and whether it is true."""

    case: corpus.Case
    text: str
    claim: str
    truth: bool

    def asked(self, load_name: str, *, shown: bool) -> Trial:
        over = self.case.over if self.text == OVER else None
        start = time.perf_counter()
        try:
            verdict = pytest_efficiency.scaling(self.case.function, self.case.inputs, over=over) <= self.claim
            outcome, why = verdict.outcome, verdict.details[0] if verdict.details else verdict.message
        except pytest_efficiency.Unclear as unclear:
            outcome, why = "unclear", unclear.verdict.details[0]
        except Exception as error:  # noqa: BLE001  whatever it raises is no verdict, and the others are still asked
            outcome, why = "raised", f"{type(error).__name__}: {error}"
        seconds = time.perf_counter() - start
        right = "passed" if self.truth else "failed"
        answer = "unclear" if outcome == "unclear" else "right" if outcome == right else "wrong"
        name = self.case.name if shown else HIDDEN
        # An error is no verdict to tune by, and none may hide behind a total.
        detail = f"<= {self.claim!r} of {self.case.true!r}: {why}" if shown else why if outcome == "raised" else ""
        return Trial("scaling", TOOL, name, load_name, self.text, answer, seconds, detail, self.case.half)


def questions(cases: Sequence[corpus.Case]) -> Iterator[Question]:
    """All that is asked about these functions."""
    for case in cases:
        yield Question(case, STEEPER if case.grows_faster else TRUE, case.true, truth=True)
        if case.over is not None:
            yield Question(case, OVER, "1", truth=True)
        for text, claim in ((NEXT, case.next_lower), (TWO, case.two_lower)):
            if claim is not None:
                yield Question(case, text, claim, truth=False)


def prepare() -> None:
    """Build and compile every function."""
    for case in corpus.cases():
        case.warm()


def trials(
    load_name: str,
    *,
    seconds: float,
    seed: int,
    half: corpus.Half | None = None,
    kinds: tuple[corpus.Kind, ...] = corpus.KINDS,
    asked: Sequence[str] = QUESTIONS,
    only: str = "",
    show_held: bool = False,
) -> Iterator[Trial]:
    """Questions about all functions, or those of a half, of some kinds or with ``only`` in their name."""
    cases = [case for case in corpus.cases(half, kinds) if only in case.name]
    for case in cases:
        case.warm()
    corpus.reseed(seed)
    every = [question for question in questions(cases) if question.text in asked]
    for question in in_turns(every, seconds=seconds, rng=random.Random(seed)):
        yield question.asked(load_name, shown=show_held or question.case.half == "tune")


def main() -> None:
    """Parse what is of this row alone, and leave the rest to the harness."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--half", choices=("tune", "held"))
    parser.add_argument("--kinds", nargs="+", choices=corpus.KINDS, default=corpus.KINDS)
    parser.add_argument("--questions", nargs="+", choices=QUESTIONS, default=QUESTIONS)
    parser.add_argument("--only", default="")
    parser.add_argument("--show-held", action="store_true")
    own, rest = parser.parse_known_args()
    chosen = partial(
        trials,
        half=own.half,
        kinds=tuple(own.kinds),
        asked=own.questions,
        only=own.only,
        show_held=own.show_held,
    )
    run_alone(chosen, __doc__, rest)


if __name__ == "__main__":
    main()
