"""Candidates that share their work among threads, and candidates that sleep, get the clock that means something."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pytest_efficiency import Unclear, Verdict, scaling, speedup
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule
from pytest_efficiency.workers.pool import Pool

CODE = """
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor


def hashed(salt, rounds):
    return hashlib.pbkdf2_hmac("sha256", b"password", salt, rounds)


def in_threads(rounds):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(hashed, [b"a", b"b"], [rounds, rounds]))


def one_by_one(rounds):
    return [hashed(salt, rounds) for salt in (b"a", b"b")]


def sleeps(seconds):
    time.sleep(seconds)
    return 7


def sleeps_thrice(seconds):
    time.sleep(3.0 * seconds)
    return 7


def sleeps_per_item(n):
    time.sleep(1e-4 * n)


def sleeps_per_pair(n):
    time.sleep(2e-6 * n * n)


def threads_per_item(n):
    in_threads(20 * n)


def threads_per_pair(n):
    in_threads(n * n // 2)
"""
SIZES = [16, 32, 64, 128, 256]


class Home:
    """The same functions in this process or in a worker."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function: Callable[..., Any] = (
            self._module[name] if isinstance(self._module, dict) else getattr(self._module, name)
        )
        return function


@pytest.fixture(params=["here", "worker"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    if request.param == "here":
        names: dict[str, Any] = {}
        exec(CODE, names)
        yield Home(names)
        return
    (tmp_path / "clocks.py").write_text(CODE)
    pool = Pool()
    yield Home(RemoteModule(pool, ModuleSpec(name="clocks", path=tmp_path / "clocks.py", threads=True)))
    pool.close()


def verdict_of(claim: Callable[[], Verdict]) -> Verdict:
    try:
        verdict = claim()
    except Unclear as unclear:
        return unclear.verdict
    assert bool(verdict) is (verdict.outcome == "passed")
    return verdict


def test_a_speedup_of_calls_that_sleep_is_read_on_the_wall_clock(home: Home) -> None:
    """Three times the sleep is three times the time, though neither uses a CPU."""
    verdict = verdict_of(lambda: speedup(home.sleeps, over=home.sleeps_thrice, args=(0.004,)) >= 2)
    assert (verdict.outcome, verdict.clock) == ("passed", "wall time")
    assert any("sleeps or waits" in line for line in verdict.details)
    assert verdict_of(lambda: speedup(home.sleeps_thrice, over=home.sleeps, args=(0.004,)) >= 2).outcome == "failed"


def test_a_speedup_by_threads_is_read_on_the_wall_clock(home: Home) -> None:
    """CPU time would deny that threads make anything faster; a machine that is too busy for two says so."""
    verdict = verdict_of(lambda: speedup(home.in_threads, over=home.one_by_one, args=(8_000,)) >= 0.4)
    assert verdict.clock == "wall time"
    assert verdict.outcome in ("passed", "unclear")
    if verdict.outcome == "unclear":
        assert "contended" in verdict.message or "throttled" in verdict.message
    assert any("threads inside" in line for line in verdict.details)


@pytest.mark.parametrize("way", ["sleeps", "threads"])
def test_growth_is_read_on_a_clock_that_sees_it(home: Home, way: str) -> None:
    """Sleep on the wall clock, threads in the CPU time of all of them; the calling thread alone waits for them."""
    linear, quadratic = getattr(home, f"{way}_per_item"), getattr(home, f"{way}_per_pair")
    passed = verdict_of(lambda: scaling(linear, lambda n: (n,), sizes=SIZES, budget=3) <= "n")
    assert passed.outcome == "passed"
    # Beside two busy loops the threads may get so little of a core that they look asleep: then the wall clock is read.
    assert passed.clock in (("wall time",) if way == "sleeps" else ("CPU time of all threads", "wall time"))
    failed = verdict_of(lambda: scaling(quadratic, lambda n: (n,), sizes=SIZES, budget=3) <= "n")
    assert failed.outcome == "failed"


def test_threads_of_compiled_code_are_seen() -> None:
    """Numba's threads are none of Python's, and belong to the call as well."""
    numba = pytest.importorskip("numba", reason="numba is not installed")

    @numba.njit(parallel=True)
    def total(n: int) -> float:
        found = 0.0
        for i in numba.prange(n):
            found += (i % 7) ** 0.5
        return found

    verdict = verdict_of(lambda: speedup(total, over=total, args=(4_000_000,), equal=None) >= 0.2)
    assert verdict.clock == "wall time"
    assert any("threads inside" in line for line in verdict.details)


def test_the_pool_that_is_kept_is_as_good_as_one_for_each_call() -> None:
    """Threads that were there before the call are inside it all the same."""

    def one(salt: bytes) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", b"password", salt, 8_000)

    with ThreadPoolExecutor(2) as pool:
        shared = verdict_of(
            lambda: speedup(lambda: list(pool.map(one, [b"a", b"b"])), over=lambda: [one(b"a"), one(b"b")]) >= 0.4
        )
    assert shared.clock == "wall time"
    assert shared.outcome in ("passed", "unclear")


def test_a_call_that_mostly_works_and_sleeps_a_little_is_read_in_cpu_time() -> None:
    """A short pause is no reason to give up the clock that nobody disturbs."""

    def work() -> None:
        end = time.thread_time() + 0.004
        while time.thread_time() < end:
            pass
        time.sleep(0.0005)

    verdict = verdict_of(lambda: speedup(work, over=work) >= 0.5)
    assert (verdict.outcome, verdict.clock) == ("passed", "CPU time")
