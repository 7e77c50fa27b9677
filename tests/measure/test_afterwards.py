"""Calls that return before their work is done are refused, in this process and in a worker; honest pools are not."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing.pool
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from pytest_efficiency import ReturnedEarly, gil, memory, scaling, speedup
from pytest_efficiency.measure.afterwards import first_call, refuse_function
from pytest_efficiency.probes.afterwards import Snapshot, left_running, probe, unfinished
from pytest_efficiency.subject.here import Here
from pytest_efficiency.subject.protocol import Call
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule
from pytest_efficiency.workers.pool import Pool


def work(seconds: float = 0.05) -> int:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return 7


async def coroutine(*_: Any) -> int:
    await asyncio.sleep(0)
    return 7


def generator(*_: Any) -> Iterator[int]:
    yield 7


async def asynchronous(*_: Any) -> Any:
    yield 7


def no_op(*_: Any) -> int:
    return 7


@pytest.mark.parametrize(
    ("function", "words"),
    [
        pytest.param(coroutine, ["coroutine function", "asyncio.run(coroutine(*args))"], id="coroutine"),
        pytest.param(partial(coroutine, 1), ["coroutine function", "asyncio.run"], id="partial"),
        pytest.param(generator, ["generator function", "list(generator(*args))"], id="generator"),
        pytest.param(asynchronous, ["asynchronous generator function", "collects"], id="asynchronous"),
    ],
)
def test_functions_that_do_nothing_when_called_are_refused_before_they_are(
    function: Callable[..., Any], words: list[str]
) -> None:
    """All four kinds of claims name what it is, and what to hand over in its place."""
    claims: list[Callable[[], object]] = [
        lambda: speedup(function, over=no_op) >= 2,
        lambda: scaling(function, lambda n: (n,)) <= "n",
        lambda: gil(function).released,
        lambda: memory(function).peak <= "8 MB",
        lambda: memory(function).leaked <= "0 B",
    ]
    for claim in claims:
        with pytest.raises(ReturnedEarly) as caught:
            claim()
        assert all(word in str(caught.value) for word in words)


def test_a_function_that_runs_is_not_refused() -> None:
    """Plain functions, builtins, classes, and functions whose generator is consumed."""
    for function in (no_op, sorted, int, lambda: list(generator()), lambda: asyncio.run(coroutine())):
        refuse_function(function, "f")


def done(value: int) -> Future[int]:
    future: Future[int] = Future()
    future.set_result(value)
    return future


@pytest.mark.parametrize(
    ("make", "needs"),
    [
        (coroutine, "await"),
        (generator, "iterate"),
        (asynchronous, "collect"),
        (lambda: map(abs, [1]), "iterate"),
        (lambda: filter(None, [1]), "iterate"),
        (lambda: zip([1], [2], strict=True), "iterate"),
        (lambda: chain([1], [2]), "iterate"),
        (Future, "wait"),
        (lambda: [Future(), Future()], "wait"),
        (lambda: (coroutine(), 1), "await"),
        (lambda: done(1), ""),
        (lambda: [done(1)], ""),
        (lambda: [1, 2], ""),
        (list, ""),
        (lambda: iter([1]), ""),
        (lambda: range(3), ""),
        (lambda: None, ""),
        (lambda: {"a": 1}, ""),
    ],
    ids=[str(number) for number in range(18)],
)
def test_results_that_are_still_to_be_computed_are_known(make: Callable[[], Any], needs: str) -> None:
    """Whatever does its work later; a future that is done, and an iterator over what is there, have done theirs."""
    assert unfinished(make())[1] == needs


def test_a_lazy_result_is_refused_by_every_kind_of_claim() -> None:
    """Where the function itself looks like any other, its first result tells."""

    def lazy(*_: Any) -> Iterator[int]:
        return map(abs, range(10))

    claims: list[Callable[[], object]] = [
        lambda: speedup(lazy, over=no_op) >= 2,
        lambda: speedup(no_op, over=lazy) >= 2,
        lambda: scaling(lazy, lambda n: (n,)) <= "n",
        lambda: gil(lazy).released,
        lambda: memory(lazy).peak <= "8 MB",
        lambda: memory(lazy).leaked <= "0 B",
    ]
    for claim in claims:
        with pytest.raises(ReturnedEarly, match=r"returned an iterator \(map\).*list\(lazy\(\*args\)\)"):
            claim()


def starts_a_thread() -> None:
    threading.Thread(target=work, name="straggler").start()


def starts_a_short_thread() -> None:
    threading.Thread(target=work, args=(0.015,), name="straggler").start()


def starts_a_sleeping_thread() -> None:
    threading.Thread(target=time.sleep, args=(0.5,), name="straggler").start()


def starts_work_in_c() -> None:
    arguments = ("sha256", b"password", b"salt", 100_000)
    threading.Thread(target=hashlib.pbkdf2_hmac, args=arguments, name="straggler").start()


def leaves_a_pool_at_work() -> None:
    pool = ThreadPoolExecutor(1, thread_name_prefix="straggler")
    pool.submit(work)
    pool.shutdown(wait=False)


def starts_a_process() -> None:
    started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.6)"]))


def starts_a_busy_process() -> None:
    code = "import time\nend = time.monotonic() + 0.8\nwhile time.monotonic() < end: pass"
    started.append(subprocess.Popen([sys.executable, "-c", code]))


started: list[subprocess.Popen[bytes]] = []


@pytest.fixture
def leftovers() -> Iterator[None]:
    """Whatever a test has left running has ended when the next one begins."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("straggler"):
            thread.join()
    while started:
        started.pop().wait()


@pytest.mark.parametrize(
    "function",
    [
        starts_a_thread,
        starts_a_short_thread,
        starts_a_sleeping_thread,
        starts_work_in_c,
        leaves_a_pool_at_work,
        starts_a_process,
        starts_a_busy_process,
    ],
)
@pytest.mark.usefixtures("leftovers")
def test_work_that_outlives_the_call_is_refused(function: Callable[[], None]) -> None:
    """Threads and processes that were not there before and go on: the claim is refused, and says to wait for them."""
    with pytest.raises(ReturnedEarly, match=r"returned while the (thread 'straggler|process).*join its threads"):
        first_call(Here(function), Call())


@pytest.mark.usefixtures("leftovers")
@pytest.mark.parametrize("kind", ["speedup", "scaling", "gil", "peak", "leak"])
def test_every_kind_of_claim_refuses_it(kind: str) -> None:
    """At its first call, before a thousand others have been started."""
    calls = []

    def function(*_: Any) -> int:
        calls.append(None)
        starts_a_thread()
        return 7

    claims: dict[str, Callable[[], object]] = {
        "speedup": lambda: speedup(function, over=no_op) >= 2,
        "scaling": lambda: scaling(function, lambda n: (n,)) <= "n",
        "gil": lambda: gil(function).released,
        "peak": lambda: memory(function).peak <= "8 MB",
        "leak": lambda: memory(function).leaked <= "0 B",
    }
    with pytest.raises(ReturnedEarly):
        claims[kind]()
    assert len(calls) == 1


def jobs_of_its_own() -> Callable[[], int]:
    """A pool as people write it by hand: a thread in a loop of its own around a queue."""
    jobs: queue.SimpleQueue[Callable[[], int]] = queue.SimpleQueue()
    answers: queue.SimpleQueue[int] = queue.SimpleQueue()

    def serve() -> None:
        while True:
            answers.put(jobs.get()())

    def function() -> int:
        if not threads:
            threads.append(threading.Thread(target=serve, daemon=True))
            threads[0].start()
        jobs.put(lambda: work(0.002))
        return answers.get()

    threads: list[threading.Thread] = []
    return function


def joins() -> int:
    threads = [threading.Thread(target=work, args=(0.002,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 7


def waits_for_a_process() -> int:
    return subprocess.run([sys.executable, "-c", "pass"], check=True).returncode


def test_threads_that_wait_for_more_work_are_no_leftovers() -> None:
    """A pool that the first call starts and keeps, Python's or one's own, has done its work when the call returns."""
    with ThreadPoolExecutor(2) as pool:
        first_call(Here(lambda: pool.submit(work, 0.002).result()), Call())
        first_call(Here(lambda: list(pool.map(work, [0.001] * 4))), Call())
    with multiprocessing.pool.ThreadPool(2) as threads:
        first_call(Here(lambda: threads.map(work, [0.001] * 4)), Call())
    first_call(Here(jobs_of_its_own()), Call())
    first_call(Here(joins), Call())
    first_call(Here(waits_for_a_process), Call())


def test_a_pool_of_processes_that_is_kept_is_no_leftover() -> None:
    """Its processes are started by the call, and wait for the next one."""
    made: list[Any] = []

    def function() -> list[int]:
        if not made:
            made.append(multiprocessing.get_context("fork").Pool(2))
        return list(made[0].map(abs, [1, -2]))

    try:
        first_call(Here(function), Call())
    finally:
        made[0].terminate()
        made[0].join()


def test_a_job_left_in_a_pool_that_was_there_before_is_seen() -> None:
    """No thread is new, and one of them works on."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(no_op).result()
        with pytest.raises(ReturnedEarly, match="was still at work"):
            first_call(Here(lambda: pool.submit(work, 0.05) and None), Call())


def test_nothing_started_costs_nothing_to_find_out() -> None:
    """No waiting where nothing is new, whatever other threads there are."""
    idle = threading.Event()
    thread = threading.Thread(target=idle.wait)
    thread.start()
    try:
        before = Snapshot()
        start = time.thread_time()
        assert left_running(before) == ""
        # A pause of 10 ms would show in the wall time, which a busy machine stretches; the work itself in CPU time.
        assert time.thread_time() - start < 5e-3
    finally:
        idle.set()
        thread.join()


def test_a_changed_switch_interval_is_put_back() -> None:
    """What is measured next is not measured under the candidate's own setting."""
    interval = sys.getswitchinterval()
    first_call(Here(lambda: sys.setswitchinterval(1e-5)), Call())
    assert sys.getswitchinterval() == pytest.approx(interval)


def test_the_probe_needs_no_call_before() -> None:
    """Asked after nothing, it has seen nothing."""
    assert probe(no_op, (), {}, phase="after") == {"left": "", "returned": "", "needs": ""}


IN_WORKER = """
import threading, time

def work(seconds=0.05):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return 7

def straggles(n=1):
    threading.Thread(target=work).start()
    return n

def lazy(n=1):
    return (i for i in range(n))

async def coroutine(n=1):
    return n

def joins(n=1):
    thread = threading.Thread(target=work, args=(0.001,))
    thread.start()
    thread.join()
    return n

def plain(n=1):
    return n
"""


@pytest.fixture
def module(tmp_path: Path) -> Iterator[RemoteModule]:
    (tmp_path / "late.py").write_text(IN_WORKER)
    pool = Pool()
    yield RemoteModule(pool, ModuleSpec(name="late", path=tmp_path / "late.py", threads=True))
    pool.close()


@pytest.mark.parametrize(
    ("name", "words"), [("straggles", "still at work"), ("lazy", r"iterator \(generator\)"), ("coroutine", "awaited")]
)
@pytest.mark.parametrize("kind", ["speedup", "scaling", "gil", "peak", "leak"])
def test_a_submission_in_a_worker_is_refused_likewise(module: RemoteModule, name: str, words: str, kind: str) -> None:
    """The worker is asked what its call left, and says so."""
    function = getattr(module, name)
    claims: dict[str, Callable[[], object]] = {
        "speedup": lambda: speedup(function, over=module.plain) >= 2,
        "scaling": lambda: scaling(function, lambda n: (n,)) <= "n",
        "gil": lambda: gil(function).released,
        "peak": lambda: memory(function).peak <= "8 MB",
        "leak": lambda: memory(function).leaked <= "0 B",
    }
    with pytest.raises(ReturnedEarly, match=words):
        claims[kind]()


def test_a_submission_in_a_worker_that_joins_is_measured(module: RemoteModule) -> None:
    """Threads inside a call are nobody else's business."""
    assert memory(module.joins).peak <= "8 MB"
