"""A subject that is a callable in this process: for a library author's own code, and for debugging."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import threading
import time
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import CpuLimitReached
from pytest_efficiency.probes.room import with_room
from pytest_efficiency.subject.protocol import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from pytest_efficiency.subject.protocol import Call, Home


def subject_name(function: Callable[..., Any]) -> str:
    """A short name for messages: ``merge_sort``, ``Parser.feed``, ``partial of power``.

    The enclosing functions of a local one are left out: ``test_x.<locals>.fast`` is ``fast`` to its reader.
    """
    if isinstance(function, partial):
        return f"partial of {subject_name(function.func)}"
    for attribute in ("__qualname__", "__name__", "name"):
        name = getattr(function, attribute, None)
        if isinstance(name, str) and name:
            return name.rpartition("<locals>.")[2]
    return type(function).__name__


_inside: ContextVar[bool] = ContextVar("pytest_efficiency_inside", default=False)


def inside_a_measurement() -> bool:
    """Whether the code that asks is being measured in this process."""
    return _inside.get()


@contextmanager
def _measured() -> Iterator[None]:
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


class _Stopped(BaseException):
    """Thrown into the measured code by the CPU timer. A BaseException, so that ``except Exception`` lets it pass."""


def _is_set_up(frame: FrameType | None, own: str) -> bool:
    """Whether the code that is running imports something, or belongs to an installed package that is not ``own``."""
    while frame is not None and frame.f_code.co_filename != __file__:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return True
        for folder in ("/site-packages/", "/dist-packages/"):
            _, found, inside = file.replace(os.sep, "/").partition(folder)
            if found and inside.split("/")[0].removesuffix(".py") != own:
                return True
        frame = frame.f_back
    return False


class _CpuTimer:
    """Stops what runs between `start` and `end` after ``seconds`` of CPU time of the process.

    Works in the main thread only, because only there does Python run signal handlers, and between bytecodes only: one
    long call into C runs to its end. Where it cannot be set the code simply runs on, which costs time and no verdict.
    """

    # A handler that somebody else has set (a sampling profiler, a time limit of the test's own) is left alone.
    _CHOICES = ("ITIMER_PROF", "SIGPROF"), ("ITIMER_VIRTUAL", "SIGVTALRM")

    def __init__(self, seconds: float, own: str) -> None:
        self._seconds = max(seconds, 1e-6)
        self._own = own
        self._timer: int | None = None
        self._signal: signal.Signals | None = None
        self._armed = False
        self._since = 0.0

    def _stop(self, _number: int, frame: FrameType | None) -> None:
        if not self._armed:
            return
        left = self._seconds - self.used
        if left > 0.0 and self._timer is not None:
            # The timer counts whole ticks of the kernel: beside other programs it was seen to fire a quarter early.
            signal.setitimer(self._timer, max(left, 1e-4), 0.05)
            return
        if _is_set_up(frame, self._own):
            # Compiling or importing on the first call says nothing about how slow the function is. Let it run to its
            # end: what it has used so far cannot be told from the work any more.
            self._armed = False
            return
        raise _Stopped

    def start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for timer, number in self._CHOICES:
            which, what = getattr(signal, timer, None), getattr(signal, number, None)
            if which is None or what is None or signal.getsignal(what) is not signal.SIG_DFL:
                continue
            self._timer, self._signal = which, what
            signal.signal(what, self._stop)
            self._armed = True
            self._since = time.process_time()
            # Again every 50 ms: the first one may arrive inside a finaliser, which swallows what is raised in it.
            signal.setitimer(which, self._seconds, 0.05)
            return

    @property
    def used(self) -> float:
        """Seconds of CPU time since `start`."""
        return time.process_time() - self._since

    def end(self) -> None:
        self._armed = False
        if self._timer is not None and self._signal is not None:
            signal.setitimer(self._timer, 0.0)
            signal.signal(self._signal, signal.SIG_DFL)


class Here:
    """A callable of this process as a `Subject`. Its exceptions reach the caller as they are."""

    home: Home = "here"

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.function = function
        self.name = name if name is not None else subject_name(function)
        self._calls: Sequence[Call] = ()
        self._keep = True
        self._results: list[Any] = []

    @property
    def pid(self) -> int:
        return os.getpid()

    def put(self, calls: Sequence[Call], *, keep: bool = True) -> None:
        self._calls, self._keep = calls, keep
        self._results = []

    def _prepared(self) -> Callable[[], Iterator[Any]]:
        """What yields one result per call with as little as possible of ours in between.

        ``starmap`` loops in C: a call that takes 50 ns is then not measured together with 50 ns of our bytecode.
        """
        function, calls = self.function, self._calls
        if any(call.kwargs for call in calls):
            kwargs = calls[0].kwargs
            if any(call.kwargs is not kwargs for call in calls):
                pairs = [(call.args, dict(call.kwargs)) for call in calls]
                return lambda: (function(*args, **kwargs) for args, kwargs in pairs)
            function = partial(function, **kwargs)
        arguments = [call.args for call in calls]
        return lambda: starmap(function, arguments)

    def go(self, cpu_limit: float | None = None) -> Timing:
        self._results = []
        prepared = self._prepared()
        with _measured():
            if cpu_limit is not None:
                return with_room(lambda: self._limited(prepared, cpu_limit))
            return with_room(lambda: self._timed(prepared))

    def _timed(self, prepared: Callable[[], Iterator[Any]]) -> Timing:
        keep = None if self._keep else 1
        process, thread, wall = time.process_time, time.thread_time, time.perf_counter
        process_0, thread_0, wall_0 = process(), thread(), wall()
        results = deque(prepared(), keep)
        wall_1, thread_1, process_1 = wall(), thread(), process()
        self._results = list(results)
        return Timing(len(self._calls), wall_1 - wall_0, thread_1 - thread_0, process_1 - process_0)

    def _limited(self, prepared: Callable[[], Iterator[Any]], cpu_limit: float) -> Timing:
        timer = _CpuTimer(cpu_limit, str(getattr(self.function, "__module__", "")).partition(".")[0])
        try:
            # Inside the try, not a context manager: the signal may arrive before a `with` block has been entered.
            timer.start()
            # A Python loop, so that the signal is seen between two calls of a function in C.
            return self._timed(lambda: (result for result in prepared()))
        except _Stopped:
            self._results = []
            used = timer.used
            msg = f"{self.name} was stopped after {used:.3g} s of CPU time; its limit was {cpu_limit:.3g} s"
            raise CpuLimitReached(msg, used) from None
        finally:
            timer.end()

    def get(self) -> list[Any]:
        return self._results

    def probe(self, probe: str, call: Call, **options: Any) -> dict[str, Any]:
        module = importlib.import_module(f"pytest_efficiency.probes.{probe}")
        with _measured():
            answer: dict[str, Any] = module.probe(self.function, call.args, dict(call.kwargs), **options)
        return answer

    def trim(self) -> None:
        import psutil

        gc.collect()
        # Missing where the C library has no such call (musl): what is free then simply stays with the process.
        if hasattr(psutil, "heap_trim"):
            psutil.heap_trim()

    def close(self) -> None:
        self._calls, self._results = (), []
