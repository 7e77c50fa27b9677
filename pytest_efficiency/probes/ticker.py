"""Whether a call lets go of the GIL: a second thread that can move only when it does.

The ticker naps and then needs the GIL to note what it sees. With a switch interval of 100 s it never *asks* for the
GIL, so it moves only when the measured code lets go. Batches of calls alternate with a control that lets go all the
time (``hashlib.pbkdf2_hmac``), which shows whether the ticker gets a CPU at all under the load of the moment.

Each nap ends at a moment that the measured code cannot choose, so each is a sample: was the GIL free, or did the ticker
have to wait? And what did the measured thread do, with the GIL free: work, sleep, or wait for a CPU? What it used of a
CPU is counted and not the time that passed, so that other programs do not count.

Runs beside the code under test, which could forge the answer if it wanted to.
"""

from __future__ import annotations

import gc
import hashlib
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_efficiency.probes import gilstate
from pytest_efficiency.probes.gilwatch import Tick, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_NAP = 1e-5
_NEVER_ASK = 100.0
_GOLDEN = 0.618
_CONTROL_SECONDS = 0.01
# Work of a control's single call: short, so that a busy machine does not make the control long.
_CONTROL_CALL = 2e-3
_CALLS_ALONE = 3
_ALONE_SECONDS = 0.01
# time.sleep(0) sleeps for 60 us before Python 3.13.1: that is a moment, and not what anybody would call a sleep.
_USEFUL_NAP = 1e-4
# A thread that used less than this since the last tick may not have run at all: what it would do is unknown.
_MOVED = 5e-6
# Without the kernel's word on sleeps, a tick this much later than the control's had to wait.
_LATER = 2.0
# A last gap this much longer than the control's is one in which the ticker waits for the GIL.
_SILENCE = 4.0
# Two batches answer where nearly everything was free; more are made where the answer is in doubt, or where the control
# hardly moves: a burst of load in one of them could decide.
_FEWEST_BATCHES = 2
_MANY_TICKS = 20
_DOUBTFUL = 0.1, 0.6
_FEW_TICKS = 10
_MORE_BATCHES = 3


class _Ticker:
    """A thread that notes what it sees whenever it has the GIL."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.interval_changed = False
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

    def _run(self) -> None:
        sleep, interval = time.sleep, sys.getswitchinterval
        watcher = Watcher(*self._measured)
        note = watcher.note
        self._ready.set()
        ticks = 0
        while not self._stop:
            # Not the same time again and again, which could be that of the thread's own rhythm.
            ticks += 1
            sleep(_NAP * (1.0 + ticks * _GOLDEN % 1.0))
            self.ticks.append(note())
            if interval() != _NEVER_ASK:
                self.interval_changed = True
                sys.setswitchinterval(_NEVER_ASK)
        watcher.close()


class _Window:
    """The ticks during one stretch of work."""

    def __init__(self, ticker: _Ticker, work: Callable[[], int]) -> None:
        last = ticker.ticks[-1:]
        ticker.ticks.clear()
        cpu, self.start = time.thread_time(), time.perf_counter()
        self.calls = work()
        self.end, self.cpu = time.perf_counter(), time.thread_time()
        if sys.getswitchinterval() != _NEVER_ASK:
            ticker.interval_changed = True
            sys.setswitchinterval(_NEVER_ASK)
        self.seconds = self.end - self.start
        self.ticks = [tick for tick in ticker.ticks if self.start < tick.time < self.end]
        # The first nap began before the window. What the ticker waited after it is the window's own.
        self._first = [
            Tick(self.start, cpu if tick.cpu is not None else None, tick.sleeps, tick.queued, None) for tick in last
        ]

    @property
    def gaps(self) -> list[float]:
        return [later.time - earlier.time for earlier, later in pairwise(self.ticks)]

    def count(self, gap: float, used: float, dozing: float, call: float) -> dict[str, float]:
        """How this time was spent, in seconds.

        Args:
            gap: the median time between two ticks of the control.
            used: the CPU time that a thread working without the GIL uses in such a gap.
            dozing: the share of time that the code sleeps when nobody looks.
            call: the time of one call.

        Returns:
            Of the measured thread's CPU time what it spent ``free`` of the GIL and what it spent as its holder
            (``held``); of the time that it ``slept`` with the GIL free, and with the GIL in its hands (``stuck``).
        """
        found = dict.fromkeys(("free", "held", "slept", "stuck"), 0.0)
        for earlier, later in pairwise([*self._first, *self.ticks]):
            wall = later.time - earlier.time
            cpu = wall if later.cpu is None or earlier.cpu is None else min(wall, later.cpu - earlier.cpu)
            if later.sleeps is not None and earlier.sleeps is not None:
                naps = later.sleeps - earlier.sleeps
            else:
                naps = 1 + (wall > _LATER * gap)
            if naps > 1:
                # As much as a nap for the moment that was sampled, and what the thread went on beyond that: neither
                # the ticker's time in a queue for a CPU nor its being woken too late is the holder's, and the holder
                # let go before the next call had ended, or the ticker would never have moved.
                late = later.queued - earlier.queued + naps * gap
                found["held"] += used + min(max(0.0, cpu - late), call)
                found["stuck"] += max(0.0, wall - cpu - late)
            elif earlier.time == self.start:
                continue
            elif _asleep(later, cpu, wall) and not (later.at_a_lock and (cpu >= _MOVED or dozing < _DOUBTFUL[0])):
                found["slept"] += wall
            elif cpu >= _MOVED:
                found["free"] += min(cpu, _LATER * used)
        silence = self.end - (self.ticks[-1].time if self.ticks else self.start)
        if silence > _SILENCE * gap:
            before = [*self._first, *self.ticks][-1:]
            used_by_then = before[0].cpu if before else None
            cpu = silence if used_by_then is None else min(silence, self.cpu - used_by_then)
            found["held"] += min(max(0.0, cpu - gap), call)
            found["stuck"] += max(0.0, silence - cpu - gap)
        return found


def _asleep(tick: Tick, cpu: float, wall: float) -> bool:
    """Whether the thread slept at this tick; by what it used until then, where the kernel does not tell."""
    return cpu < wall / 2 if tick.asleep is None else tick.asleep


_control_amount = 0
_asked = count()


def _control() -> Callable[[], None]:
    """One call that works without the GIL for about 2 ms of CPU time."""
    global _control_amount  # how much this machine does in that time is found out once
    if hasattr(hashlib, "pbkdf2_hmac"):

        def work(amount: int) -> None:
            hashlib.pbkdf2_hmac("sha256", b"pytest", b"efficiency", amount)
    else:
        # Missing without OpenSSL. Hashing more than 2 KB lets go of the GIL as well.
        block = bytes(1 << 20)

        def work(amount: int) -> None:
            for _ in range(max(1, amount // 3000)):
                hashlib.sha256(block).digest()

    if not _control_amount:
        start = time.thread_time()
        work(3000)
        _control_amount = max(1, round(3000 * _CONTROL_CALL / max(time.thread_time() - start, 1e-6)))
    return lambda: work(_control_amount)


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


class _Alone:
    """Some calls without a ticker, which would make the measured thread wait for it."""

    def __init__(self, call: Callable[[], int]) -> None:
        queued, all_cpu = _queued(), time.process_time()
        calls: list[tuple[float, float, int]] = []
        now = start = time.perf_counter()
        while now < start + _ALONE_SECONDS or (len(calls) < _CALLS_ALONE and now < start + 5 * _ALONE_SECONDS):
            cpu, naps, before = time.thread_time(), _naps(), time.perf_counter()
            call()
            now = time.perf_counter()
            calls.append((now - before, time.thread_time() - cpu, _naps() - naps))
        queued, all_cpu = _queued() - queued, time.process_time() - all_cpu
        wall, cpu, naps = (sum(each) for each in zip(*calls, strict=True))
        # A thread that another process pushes off its CPU neither works nor sleeps.
        asleep = max(0.0, wall - cpu - queued)
        shortest = min(calls)
        self.call_seconds = shortest[0]
        if not naps:
            self.busy = 1.0
        elif shortest[2]:
            # The call that was disturbed least. The kernel counts a part of short sleeps as time in the queue.
            self.busy = min(1.0, shortest[1] / shortest[0])
        else:
            self.busy = cpu / (cpu + asleep) if cpu > 0.0 else 1.0
        self.nap = asleep / max(1, naps)
        # Sleeping for moments lets nobody work. Waiting for other threads of the call is another matter.
        self.useful = self.nap >= _USEFUL_NAP or all_cpu - cpu > max(asleep, _ALONE_SECONDS) / 2


def _naps() -> int:
    """How often this thread has slept; where the system does not tell, once each time that it is asked."""
    try:
        import resource

        return int(resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw)
    except (ImportError, AttributeError):
        return next(_asked)


def _queued() -> float:
    """For how many seconds this thread was ready to run and another one ran; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()
        return int(fields[1]) * 1e-9
    except (OSError, ValueError, IndexError):
        return 0.0


def _batch(window: _Window, controls: Sequence[_Window], alone: _Alone) -> dict[str, Any]:
    gap = statistics.median([gap for control in controls for gap in control.gaps] or [0.0])
    used = [
        min(gap, later.cpu - earlier.cpu)
        for control in controls
        for earlier, later in pairwise(control.ticks)
        if later.cpu is not None and earlier.cpu is not None and later.cpu - earlier.cpu >= _MOVED
    ]
    free = sum(each for control in controls for each in control.gaps)
    times = window.count(gap, statistics.median(used) if used else gap, 1.0 - alone.busy, alone.call_seconds)
    awake = _part(times["free"], times["held"])
    asleep = _part(times["slept"], times["stuck"]) if alone.useful else 0.0
    known = alone.busy * (times["free"] + times["held"])
    if alone.useful:
        known += (1.0 - alone.busy) * (times["slept"] + times["stuck"])
    return {
        "calls": window.calls,
        "seconds": window.seconds,
        "ticks": len(window.ticks),
        "share": alone.busy * awake + (1.0 - alone.busy) * asleep,
        "known": known,
        "control_ticks": sum(len(control.ticks) for control in controls),
        "control_share": free / sum(control.seconds for control in controls),
        **times,
    }


def _part(one: float, other: float) -> float:
    return one / (one + other) if one + other > 0.0 else 0.0


def _enough(batches: Sequence[Mapping[str, Any]], wanted: int) -> bool:
    """Whether these batches answer the question, or no more of them will."""
    if len(batches) < _FEWEST_BATCHES:
        return False
    if all(batch["ticks"] >= _MANY_TICKS and batch["share"] >= _DOUBTFUL[1] for batch in batches):
        return True
    if len(batches) < wanted:
        return False
    few = sum(batch["control_ticks"] for batch in batches) < _FEW_TICKS * len(batches)
    known = sum(batch["known"] for batch in batches)
    share = sum(batch["share"] * batch["known"] for batch in batches) / known if known else 0.0
    doubtful = few or _DOUBTFUL[0] < share < _DOUBTFUL[1]
    return not doubtful or len(batches) >= wanted * _MORE_BATCHES


def probe(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    batches: int = 3,
    batch_seconds: float = 0.02,
    budget: float = 4.0,
) -> dict[str, Any]:
    """Call ``function(*args, **kwargs)`` in batches beside a ticker.

    Args:
        function: what is measured.
        args: its arguments, the same in every call.
        kwargs: its keyword arguments.
        batches: how many batches, each between two controls; two where these say the same and say it clearly, three
            times as many where the answer is in doubt.
        batch_seconds: how long a batch takes at least.
        budget: after so many seconds no further batch begins; two are always made.

    Returns:
        ``{"gil", "gil_before", "interval_changed", "call_seconds", "busy", "nap", "batches": [...]}``. Of calls without
        a ticker are ``call_seconds``, the shortest; ``busy``, the share of its time in which the calling thread used a
        CPU and did not sleep; and ``nap``, the mean time of a sleep of it. A batch has ``calls``, ``seconds``,
        ``ticks``, and the ``share`` of time that the call did without the GIL: it worked, or slept for long enough to
        be of use. It is made of the calling thread's CPU time ``free`` of the GIL and ``held``, and of the times that
        it ``slept`` with the GIL free, and was ``stuck`` asleep with the GIL in its hands; ``known`` is how much of
        these that is. Of the controls around it there are their ticks, and the share of time that these cover.
    """
    enabled = gilstate.enabled()
    answer: dict[str, Any] = {
        "gil": enabled,
        "gil_before": gilstate.before(),
        "interval_changed": False,
        "call_seconds": 0.0,
        "busy": 1.0,
        "nap": 0.0,
        "batches": [],
    }
    if not enabled:
        return answer
    interval = sys.getswitchinterval()
    collecting = gc.isenabled()
    gc.disable()
    try:
        begun = time.perf_counter()
        control = _repeated(_control(), (), {}, _CONTROL_SECONDS)
        batch = _repeated(function, args, kwargs, batch_seconds)
        alone = _Alone(_repeated(function, args, kwargs, 0.0))
        answer.update(call_seconds=alone.call_seconds, busy=alone.busy, nap=alone.nap)
        answer["interval_changed"] = sys.getswitchinterval() != interval
        with _Ticker().running() as ticker:
            before = _Window(ticker, control)
            while not _enough(answer["batches"], batches):
                window, after = _Window(ticker, batch), _Window(ticker, control)
                answer["batches"].append(_batch(window, (before, after), alone))
                before = after
                if time.perf_counter() - begun > budget and len(answer["batches"]) >= _FEWEST_BATCHES:
                    break
            answer["interval_changed"] |= ticker.interval_changed
    finally:
        sys.setswitchinterval(interval)
        if collecting:
            gc.enable()
    return answer
