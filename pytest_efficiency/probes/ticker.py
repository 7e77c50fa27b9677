"""Whether a call lets go of the GIL: a second thread that can move only when it does.

The ticker sleeps 10 us and then needs the GIL to note the time. With a switch interval of 100 s it never *asks* for the
GIL, so it moves only when the measured code lets go. Batches of calls alternate with a control that lets go all the
time (``hashlib.pbkdf2_hmac``), which is the 100 % mark under the load of the moment.

A tick proves a release, not a useful one. So the ticker also *holds* the GIL while asleep and reads the CPU clock of
the measured thread across it: code that really runs without the GIL goes on, code that lets go for a moment stands
still.

Runs beside the code under test, which could forge the answer if it wanted to.
"""

from __future__ import annotations

import gc
import hashlib
import statistics
import sys
import sysconfig
import threading
import time
from collections import Counter
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_efficiency.probes.gilhold import Hold, holder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_NAP = 1e-5
_NEVER_ASK = 100.0
# A gap counts as "the GIL was free" up to this multiple of the control's: NumPy lets go for 1 us inside calloc, a
# waiting ticker slips in, and that proves nothing about the milliseconds before.
_SLOWER_THAN_CONTROL = 2.0
# What decides whether a release is a useful one, and how long to look for it on a busy machine.
_SHORTEST_HOLD, _LONGEST_HOLD = 100, 300
_HOLDS, _MORE_HOLDS = 12, 60
_HOLD_WINDOWS = 12
_CALLS_ALONE = 20
# Where the share of time lies between these, more batches are made: a burst of load in one of them could decide. The
# same where the control itself hardly moves.
_DOUBTFUL = 0.1, 0.6
_TOO_BUSY = 0.15
_MORE_BATCHES = 3
# No judge decides on one batch, so two are made whatever they take.
_FEWEST_BATCHES = 2
# Timer slack, 50 us by default, makes every short sleep 60 us too long; these naps are the resolution of the probe.
_PR_SET_TIMERSLACK = 29
_GOLDEN = 0.618


class _Ticker:
    """A thread that notes when it had the GIL; in holding mode it keeps it for a while and watches the other thread."""

    def __init__(self) -> None:
        #: When it had the GIL, and the CPU time that the measured thread had used by then (None if unknown).
        self.ticks: list[tuple[float, float | None]] = []
        self.holds: list[Hold] = []
        self.interval_changed = False
        self._hold_us = 0
        self._stop = False
        self._measured = threading.get_ident(), threading.get_native_id()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pytest-efficiency ticker", daemon=True)

    @contextmanager
    def running(self) -> Iterator[_Ticker]:
        """Ticks inside the ``with`` block, and changes the switch interval, which whoever set it has to restore."""
        sys.setswitchinterval(_NEVER_ASK)
        self._thread.start()
        try:
            self._ready.wait()
            yield self
        finally:
            self._stop = True
            self._thread.join()

    @contextmanager
    def holding(self, microseconds: int) -> Iterator[None]:
        """Inside the ``with`` block every tick keeps the GIL for so long."""
        self._hold_us = microseconds
        try:
            yield
        finally:
            self._hold_us = 0

    def _run(self) -> None:
        sleep, now, interval = time.sleep, time.perf_counter, sys.getswitchinterval
        keeper = holder(*self._measured)
        _sharpen_timers()
        self._ready.set()
        cpu = keeper.cpu if keeper is not None else None
        while not self._stop:
            # Between two holds time enough for the measured thread to wake up and take its turn, and not the same
            # time again and again, which could be that of the thread's own rhythm.
            sleep(_NAP + 1e-6 * self._hold_us * (1.0 + len(self.ticks) * _GOLDEN % 1.0))
            self.ticks.append((now(), cpu() if cpu is not None else None))
            if interval() != _NEVER_ASK:
                self.interval_changed = True
                sys.setswitchinterval(_NEVER_ASK)
            if self._hold_us and keeper is not None:
                self.holds.append(keeper.hold(self._hold_us))
        if keeper is not None:
            keeper.close()


def _sharpen_timers() -> None:
    """Set the timer slack of this thread to 1 ns, where there is such a thing."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    except (ImportError, OSError, TypeError, AttributeError):
        pass


def _waited_for_cpu() -> float:
    """Seconds that this thread was ready to run and another one ran; 0 where the kernel does not tell."""
    try:
        fields = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()
        return int(fields[1]) * 1e-9
    except (OSError, ValueError, IndexError):
        return 0.0


class _Window:
    """The ticks during one stretch of work."""

    def __init__(self, ticker: _Ticker, work: Callable[[], int]) -> None:
        ticker.ticks.clear()
        ticker.holds.clear()
        start = time.perf_counter()
        self.calls = work()
        end = time.perf_counter()
        if sys.getswitchinterval() != _NEVER_ASK:
            ticker.interval_changed = True
            sys.setswitchinterval(_NEVER_ASK)
        self.seconds = end - start
        ticks = [tick for tick in ticker.ticks if start < tick[0] < end]
        # The first tick ends a nap that began before the window, so it only opens the first gap. The last gap ends
        # without a tick: code that never lets go again is seen in it.
        self.gaps = [later - earlier for (earlier, _), (later, _) in pairwise([*ticks, (end, None)])]
        self.used = [
            later - earlier if earlier is not None and later is not None else None
            for (_, earlier), (_, later) in pairwise(ticks)
        ]
        self.ticks = len(ticks)
        self.holds = list(ticker.holds)

    def free(self, gap_limit: float) -> tuple[int, float]:
        """How many ticks followed the one before within ``gap_limit`` seconds, and the share of time these cover."""
        short = [gap for gap in self.gaps if gap <= gap_limit]
        ticks = sum(gap <= gap_limit for gap in self.gaps[:-1])
        return (ticks, sum(short) / self.seconds) if ticks else (0, 0.0)

    def work(self, gap_limit: float) -> float | None:
        """The share of these gaps in which the measured thread used a CPU; None if that is unknown."""
        short = [
            (gap, min(gap, used))
            for gap, used in zip(self.gaps, self.used, strict=False)
            if gap <= gap_limit and used is not None
        ]
        return sum(used for _, used in short) / sum(gap for gap, _ in short) if short else None


def _control(seconds: float) -> Callable[[], int]:
    """One call that works for about ``seconds`` without the GIL."""
    if hasattr(hashlib, "pbkdf2_hmac"):

        def work(amount: int) -> None:
            hashlib.pbkdf2_hmac("sha256", b"pytest", b"efficiency", amount)
    else:
        # Missing without OpenSSL. Hashing more than 2 KB lets go of the GIL as well.
        block = bytes(1 << 20)

        def work(amount: int) -> None:
            for _ in range(max(1, amount // 3000)):
                hashlib.sha256(block).digest()

    amount = 3000
    start = time.thread_time()
    work(amount)
    amount = max(1, round(amount * seconds / max(time.thread_time() - start, 1e-6)))

    def once() -> int:
        work(amount)
        return 1

    return once


def _repeated(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], seconds: float
) -> Callable[[], int]:
    """Calls the function until ``seconds`` are over, and answers how often."""

    def batch() -> int:
        now = time.perf_counter
        end = now() + seconds
        calls, chunk = 0, 1
        while True:
            for _ in range(chunk):
                function(*args, **kwargs)
            calls += chunk
            left = end - now()
            if left <= 0:
                return calls
            # Few looks at the clock: it is a measurable part of a call that takes 0.1 us.
            chunk = max(1, min(calls, int(calls * left / (seconds - left) / 2)))

    return batch


def _batch(window: _Window, controls: Sequence[_Window]) -> dict[str, Any]:
    gap = statistics.median([gap for control in controls for gap in control.gaps] or [0.0])
    limit = gap * _SLOWER_THAN_CONTROL
    ticks, share = window.free(limit)
    of_controls = [control.free(limit) for control in controls]
    known = [work for control in controls if (work := control.work(limit)) is not None]
    return {
        "calls": window.calls,
        "seconds": window.seconds,
        "ticks": ticks,
        "all_ticks": window.ticks,
        "share": share,
        "control_gap": gap,
        "control_ticks": sum(ticks for ticks, _ in of_controls),
        "control_share": statistics.fmean(share for _, share in of_controls),
        "work": window.work(limit),
        "control_work": statistics.fmean(known) if known else None,
    }


def _doubtful(batches: Sequence[Mapping[str, Any]]) -> bool:
    free = sum(float(batch["share"] * batch["seconds"]) for batch in batches)
    control = sum(float(batch["control_share"] * batch["seconds"]) for batch in batches)
    seconds = sum(float(batch["seconds"]) for batch in batches)
    return control < _TOO_BUSY * seconds or _DOUBTFUL[0] < free / control < _DOUBTFUL[1]


def _waiting_room(ticker: _Ticker) -> tuple[int, int] | None:
    """Where a thread waits for the GIL, as the kernel tells it: seen on a thread that lets go for moments only."""

    def moments() -> int:
        end = time.perf_counter() + 5e-3
        while time.perf_counter() < end:
            time.sleep(0)
        return 1

    places: Counter[tuple[int, int]] = Counter()
    with ticker.holding(_LONGEST_HOLD):
        for _ in range(_HOLD_WINDOWS):
            places.update(hold.after.where for hold in _Window(ticker, moments).holds if hold.after.where)
            if places and places.most_common(1)[0][1] > 2:
                return places.most_common(1)[0][0]
    return None


def _mixed(holds: Sequence[Hold], room: tuple[int, int] | None) -> bool:
    """Whether the thread waits for the GIL after some holds and not after others, which may be chance."""
    waiting = sum(hold.after.within(room) for hold in holds)
    return 0.2 * len(holds) < waiting < 0.95 * len(holds)


def _hold(ticker: _Ticker, batch: Callable[[], int], control: Callable[[], int], call: float) -> dict[str, Any]:
    room = _waiting_room(ticker)
    # Shorter than the call, so that most holds end before the call does; long against the 60 us that the shortest
    # sleep takes, and the few that a thread needs to notice that it has to wait.
    microseconds = round(min(_LONGEST_HOLD, max(_SHORTEST_HOLD, 0.2e6 * call)))

    def informative(work: Callable[[], int]) -> list[Hold]:
        return [hold for hold in _Window(ticker, work).holds if hold.informative(room)]

    holds: list[Hold] = []
    windows = 0
    with ticker.holding(microseconds):
        controls = informative(control)
        while windows < _HOLD_WINDOWS and (len(holds) < _HOLDS or (_mixed(holds, room) and len(holds) < _MORE_HOLDS)):
            holds += informative(batch)
            windows += 1
    return {
        "microseconds": microseconds,
        "holds": len(holds),
        "share": statistics.fmean(hold.share for hold in holds) if holds else 0.0,
        "waiting": statistics.fmean(hold.after.within(room) for hold in holds) if room and holds else None,
        "control_holds": len(controls),
        "control_share": statistics.fmean(hold.share for hold in controls) if controls else 0.0,
    }


class _Alone:
    """A batch without a ticker, which would make the measured thread wait for it."""

    def __init__(self, call: Callable[[], int], seconds: float) -> None:
        waited, cpu, start = _waited_for_cpu(), time.thread_time(), time.perf_counter()
        self.call_seconds = float("inf")
        calls, now = 0, start
        # Many calls, because the shortest is wanted: a neighbour can only make a call longer.
        while now < start + seconds or (calls < _CALLS_ALONE and now < start + 10 * seconds):
            before = now
            calls += call()
            now = time.perf_counter()
            self.call_seconds = min(self.call_seconds, now - before)
        cpu = time.thread_time() - cpu
        # A thread that another process pushes off its CPU wanted to run; one that sleeps did not.
        self.busy = min(1.0, (cpu + _waited_for_cpu() - waited) / (now - start))


def probe(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    batches: int = 3,
    batch_seconds: float = 0.02,
    hold_from: float = 3e-4,
    budget: float = 4.0,
) -> dict[str, Any]:
    """Call ``function(*args, **kwargs)`` in batches beside a ticker.

    Args:
        function: what is measured.
        args: its arguments, the same in every call.
        kwargs: its keyword arguments.
        batches: how many batches, each between two controls; three times as many where the answer is in doubt.
        batch_seconds: how long a batch takes at least.
        hold_from: the shortest call, in seconds, that the GIL is taken away from.
        budget: after so many seconds no further batch begins; two are always made.

    Returns:
        ``{"gil", "free_threaded", "gil_forced", "interval_changed", "call_seconds", "busy", "batches": [...], "hold":
        {...} or None}``. ``call_seconds``, the shortest, and ``busy``, the share of time in which the calling thread
        used a CPU or waited for one, are from a batch without a ticker. A batch has ``calls``, ``seconds``, the number
        of ``ticks`` that came as fast as the control's, the ``share`` of time that these cover, the share of that time
        in which the calling thread did ``work`` (None if unknown), and the same of the controls around it. ``hold`` has
        the number of ``holds`` in which the calling thread had a CPU, the mean ``share`` of a hold that it ran, in what
        part of them it ended ``waiting`` for the GIL (None if the kernel does not tell), and the control's share.
    """
    enabled = bool(getattr(sys, "_is_gil_enabled", lambda: True)())
    answer: dict[str, Any] = {
        "gil": enabled,
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "gil_forced": getattr(sys.flags, "gil", None) == 1,
        "interval_changed": False,
        "call_seconds": 0.0,
        "busy": 1.0,
        "batches": [],
        "hold": None,
    }
    if not enabled:
        return answer
    interval = sys.getswitchinterval()
    collecting = gc.isenabled()
    gc.disable()
    try:
        function(*args, **kwargs)
        begun = time.perf_counter()
        control, batch = _control(batch_seconds), _repeated(function, args, kwargs, batch_seconds)
        alone = _Alone(_repeated(function, args, kwargs, 0.0), batch_seconds)
        answer["call_seconds"], answer["busy"] = alone.call_seconds, alone.busy
        answer["interval_changed"] = sys.getswitchinterval() != interval
        with _Ticker().running() as ticker:
            controls = [_Window(ticker, control)]
            windows: list[_Window] = []
            while len(windows) < batches or (len(windows) < batches * _MORE_BATCHES and _doubtful(answer["batches"])):
                windows.append(_Window(ticker, batch))
                controls.append(_Window(ticker, control))
                answer["batches"].append(_batch(windows[-1], controls[-2:]))
                if time.perf_counter() - begun > budget and len(windows) >= _FEWEST_BATCHES:
                    break
            if alone.call_seconds >= hold_from and any(found["ticks"] for found in answer["batches"]):
                answer["hold"] = _hold(ticker, batch, control, alone.call_seconds)
            answer["interval_changed"] |= ticker.interval_changed
    finally:
        sys.setswitchinterval(interval)
        if collecting:
            gc.enable()
    return answer
