"""A claim about a function that only calls a candidate would measure nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_efficiency import gil, memory, scaling, speedup
from pytest_efficiency.errors import ClaimError
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule
from pytest_efficiency.workers.pool import Pool


@pytest.mark.parametrize(
    "claim",
    [
        lambda f: gil(lambda: f(10)).released,
        lambda f: memory(lambda: f(10)).peak <= "1 MB",
        lambda f: scaling(lambda n: f(n) + 1, lambda n: (n,)) <= "n",
        lambda f: speedup(lambda: f(10), over=lambda: 10) >= 2,
    ],
    ids=["gil", "memory", "scaling", "speedup"],
)
def test_a_wrapper_around_a_candidate_is_refused(tmp_path: Path, claim: object) -> None:
    """The message names the function to hand over instead."""
    (tmp_path / "same.py").write_text("def same(n):\n    return n\n")
    pool = Pool()
    try:
        candidate = RemoteModule(pool, ModuleSpec(name="same", path=tmp_path / "same.py"))
        assert candidate.same(3) == 3
        with pytest.raises(ClaimError, match=r"hand over candidate\.same itself"):
            claim(candidate.same)  # type: ignore[operator]  # one of the functions above
        assert candidate.same(4) == 4, "outside a claim it can be called as before"
    finally:
        pool.close()


class Interrupted(BaseException):
    """What a time limit of the test's own raises."""


def test_an_interrupted_call_does_not_meet_the_next_one(tmp_path: Path) -> None:
    """The worker that is still busy with it is ended, and the next call has another."""
    import signal

    (tmp_path / "slow.py").write_text(
        "import os, time\n\ndef sleep(s):\n    time.sleep(s)\n    return s\n\ndef where():\n    return os.getpid()\n"
    )

    def interrupt(*_: object) -> None:
        raise Interrupted

    pool = Pool()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        candidate = RemoteModule(pool, ModuleSpec(name="slow", path=tmp_path / "slow.py"))
        first = candidate.where()
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Interrupted):
            candidate.sleep(5.0)
        assert candidate.sleep(0.0) == 0.0
        assert candidate.where() != first
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        pool.close()
