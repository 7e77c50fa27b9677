"""Speedups of known ratio, claimed nearer and further from the truth, here and across workers.

Each trial is a claim as a library's author writes it, with everything that it does: first calls, comparing results,
the lock, pauses and further looks. Across workers it includes starting them.

    python benchmarks/rows/speedup.py --loads quiet hog1 --seconds 60 [--only "speedup here" --calls short]
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.alone import run_alone
from harness.trial import Trial
from harness.turns import in_turns
from rows.pairs import PAIRS

import pytest_efficiency
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule
from pytest_efficiency.workers.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.trial import Answer
    from rows.pairs import Pair

TOOL = "pytest-efficiency"
# True over claimed. Across workers the ratio itself moves too much for the nearest two.
QUESTIONS = (0.5, 0.67, 0.8, 1.25, 1.5, 2.0, 5.0)
NEAR = (0.8, 1.25)
# So often does each pair come up in one pass: many verdicts about short calls cost as much as one about long ones.
WEIGHTS = {"short": 6, "1 ms": 3, "10 ms": 3, "300 ms": 1}


def asked(
    row: str,
    case: str,
    load_name: str,
    question: str,
    make: Callable[[], Any],
    claim: float,
    truth: str,
    calls: str = "",
) -> Trial:
    """One claim: ``make`` gives the claim object, ``truth`` is the outcome that is right."""
    start = time.perf_counter()
    try:
        verdict = make() >= claim
    except pytest_efficiency.Unclear as unclear:
        verdict = unclear.verdict
    seconds = time.perf_counter() - start
    answer: Answer = "unclear" if verdict.outcome == "unclear" else "right" if verdict.outcome == truth else "wrong"
    detail = f"{verdict.value:.4g}x of a claimed {claim:.4g}x, {verdict.rounds} rounds, {verdict.data['why']}"
    return Trial(row, TOOL, case, load_name, question, answer, seconds, detail, calls)


@dataclass(frozen=True)
class Question:
    """One claim about one pair."""

    row: str
    pair: Pair
    factor: float
    make: Callable[[], Any]

    def asked(self, load_name: str) -> Trial:
        claim, truth = self.pair.ratio / self.factor, "passed" if self.factor > 1.0 else "failed"
        question = f"{self.factor:g}"
        return asked(self.row, self.pair.name, load_name, question, self.make, claim, truth, self.pair.calls)


def prepare() -> None:
    """Compile what is compiled, before anything is timed."""
    for pair in PAIRS:
        pair.here()


def here() -> Iterator[Question]:
    """The pairs as functions of this process, called with the same argument each time."""
    for pair in PAIRS:
        candidate, reference = pair.here()
        for factor in QUESTIONS:
            make = partial(pytest_efficiency.speedup, candidate, over=reference, args=(7,))
            yield Question("speedup here", pair, factor, make)


def workers(pool: Pool, folder: Path, rng: random.Random) -> Iterator[Question]:
    """The pairs as modules in workers, with fresh arguments for every call."""
    for pair in PAIRS:
        one, other = pair.written(folder)
        candidate = RemoteModule(pool, ModuleSpec(one.stem, one, preload=pair.preload)).f
        reference = RemoteModule(pool, ModuleSpec(other.stem, other, preload=pair.preload, role="reference")).f
        for factor in QUESTIONS:
            if factor not in NEAR:
                make = partial(
                    pytest_efficiency.speedup,
                    candidate,
                    over=reference,
                    inputs=lambda: (rng.randrange(1_000_000),),
                )
                yield Question("speedup workers", pair, factor, make)


def trials(
    load_name: str, *, seconds: float, seed: int, only: str = "", calls: str = "", near: bool = True
) -> Iterator[Trial]:
    """Both rows; ``only`` one of them, ``calls`` of one length, or not ``near`` the claim."""
    rng = random.Random(seed)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pool = Pool()
        stack.callback(pool.close)
        questions = [
            question
            for question in (*here(), *workers(pool, folder, rng))
            if only in ("", question.row)
            and calls in ("", question.pair.calls)
            and (near or question.factor not in NEAR)
            for _ in range(WEIGHTS[question.pair.calls])
        ]
        for question in in_turns(questions, seconds=seconds, rng=rng):
            yield question.asked(load_name)


def main() -> None:
    """Parse what is of this row alone, and leave the rest to the harness."""
    options = {}
    for name in ("only", "calls"):
        if f"--{name}" in sys.argv:
            at = sys.argv.index(f"--{name}")
            options[name] = sys.argv[at + 1]
            del sys.argv[at : at + 2]
    if "--far" in sys.argv:
        sys.argv.remove("--far")
        options["near"] = False
    run_alone(partial(trials, **options), __doc__)


if __name__ == "__main__":
    main()
