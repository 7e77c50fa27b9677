"""A slow reference, 3 s against 10 ms, and a claim of 10x: whoever waits for it to end needs 6 to 15 s.

A reference in Python, one that spends its time in NumPy calls of a microsecond, and, in a worker, one that spends it in
a single call into C. In the process of the test such a call cannot be stopped half-way, and takes its 3 s.

    python benchmarks/rows/slow_reference.py --loads quiet hog2 --seconds 20
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.alone import run_alone
from harness.turns import in_turns
from rows.pairs import slow
from rows.speedup import asked

import pytest_efficiency
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule
from pytest_efficiency.workers.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.trial import Trial

ROW = "slow reference"
CLAIM = 10.0


def trials(load_name: str, *, seconds: float, seed: int) -> Iterator[Trial]:
    """Here and in workers, in turn."""
    rng = random.Random(seed)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pool = Pool()
        stack.callback(pool.close)
        claims = []
        for pair in slow():
            if pair.stoppable:
                candidate, reference = pair.here()
                make = partial(pytest_efficiency.speedup, candidate, over=reference, args=(7,))
                claims.append((f"{pair.name}, here", make))
            one, other = pair.written(folder)
            make = partial(
                pytest_efficiency.speedup,
                RemoteModule(pool, ModuleSpec(one.stem, one, preload=pair.preload)).f,
                over=RemoteModule(pool, ModuleSpec(other.stem, other, preload=pair.preload, role="reference")).f,
                inputs=lambda: (rng.randrange(1_000_000),),
            )
            claims.append((f"{pair.name}, in workers", make))
        for case, make in in_turns(claims, seconds=seconds, rng=rng):
            yield asked(ROW, case, load_name, "true claim", make, CLAIM, "passed", "")


if __name__ == "__main__":
    run_alone(trials, __doc__)
