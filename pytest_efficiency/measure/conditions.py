"""What is kept away from a measurement: the garbage collector, tracers, and other measurements on the same cores."""

from __future__ import annotations

import contextlib
import gc
import os
import stat
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_efficiency.measure.quota import find_quota
from pytest_efficiency.probes.afterwards import thread_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from pytest_efficiency.measure.quota import Quota

# A wall clock that stood still for a larger part than this measures the quota.
THROTTLED = 0.05


@dataclass
class Conditions:
    """What `undisturbed` found: ``suspended`` tracers, and those ``blocked`` that went on all the same.

    With anything in ``blocked`` no figure means anything: coverage alone turned a true 44x into 198x.
    """

    suspended: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


# What sys.settrace and sys.setprofile hold, for this thread and for those started from now on.
_HOOKS: tuple[tuple[str, Callable[[], Any], Callable[[Any], Any]], ...] = (
    ("sys.settrace", sys.gettrace, sys.settrace),
    ("sys.setprofile", sys.getprofile, sys.setprofile),
    ("threading.settrace", threading.gettrace, threading.settrace),
    ("threading.setprofile", threading.getprofile, threading.setprofile),
)


@contextlib.contextmanager
def undisturbed() -> Iterator[Conditions]:
    """No garbage collection and no tracer inside the block; everything is put back afterwards.

    Nothing is collected first: that costs 15 to 83 ms in a large program, more than most verdicts.
    """
    found = Conditions()
    with contextlib.ExitStack() as stack:
        if gc.isenabled():
            gc.disable()
            stack.callback(gc.enable)
        _suspend_monitoring(found, stack)
        for name, get, set_ in _HOOKS:
            hook = get()
            if hook is None:
                continue
            set_(None)
            if callable(hook):
                stack.callback(set_, hook)
            elif hasattr(hook, "enable"):
                stack.callback(hook.enable)  # cProfile before 3.12: a hook of C, which Python shows and cannot set
            (found.suspended if get() is None else found.blocked).append(name)
        yield found


def _suspend_monitoring(found: Conditions, stack: contextlib.ExitStack) -> None:
    """Every tool of sys.monitoring (Python 3.12 and later): coverage with its sysmon core, debuggers, profilers.

    Global events are switched off. Events that a tool has set on single code objects cannot be listed, and each costs
    some 20 ns wherever it lies, even without a callback. So every callback is replaced by one that disables the event
    at the place where it arrives: there it costs nothing from then on. Afterwards all that was disabled is enabled, by
    whomever; tools have to expect that, because any other tool may ask for it at any time.
    """
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is None:
        return
    tools = [(tool, name) for tool in range(6) if (name := monitoring.get_tool(tool)) is not None]
    if not tools:
        return
    events = [value for name, value in vars(monitoring.events).items() if name.isupper() and value]
    stack.callback(monitoring.restart_events)
    for tool, name in tools:
        try:
            before = monitoring.get_events(tool)
            stack.callback(monitoring.set_events, tool, before)
            monitoring.set_events(tool, 0)
            for event in events:
                _silence(monitoring, tool, event, stack)
            found.suspended.append(f"sys.monitoring tool {name}")
        except (ValueError, RuntimeError) as error:
            found.blocked.append(f"sys.monitoring tool {name} ({error})")


def _silence(monitoring: Any, tool: int, event: int, stack: contextlib.ExitStack) -> None:
    def disable(*_: object) -> object:
        return monitoring.DISABLE

    local = event < monitoring.events.RAISE
    try:
        callback = monitoring.register_callback(tool, event, disable if local else None)
    except ValueError:
        return  # an event that has no callback of its own (C_RETURN with CALL, BRANCH by direction)
    stack.callback(monitoring.register_callback, tool, event, callback)


# BLAS leaves its threads spinning for 25 to 60 ms after it was loaded or used, in case there is more to do.
_LONGEST_SPIN = 0.15


def settle(limit: float = _LONGEST_SPIN) -> bool:
    """Wait until no other thread of this process is busy, so that none is taken for a part of the call.

    The clock of the process cannot tell: it counts what runs on another core only every few milliseconds. So the
    kernel's states of the threads are asked, 20 us each. Where there are none to ask nothing is waited for.

    Returns:
        whether they are quiet; after ``limit`` seconds the measurement goes on beside them.
    """
    end = time.monotonic() + limit
    while _others_run():
        if time.monotonic() > end:
            return False
        time.sleep(1e-3)
    return True


def _others_run() -> bool:
    own = threading.get_native_id()
    try:
        others = [int(number) for number in os.listdir("/proc/self/task")]  # noqa: PTH208  ten times as fast as a Path
    except OSError:
        return False
    return any(number != own and thread_state(number) == "R" for number in others)


@dataclass(frozen=True)
class Lock:
    """What `core_lock` obtained. Not ``held`` means contended: measure if you must, and call it unclear.

    ``waited``: seconds until it was obtained or given up.
    """

    held: bool
    note: str = ""
    waited: float = 0.0


# Threads of one process take turns as well. One measurement inside another (a claim in a test that an outer claim runs)
# must not wait for itself: it has what the outer one has.
_mine = threading.RLock()
_outer: list[Lock] = []
# The queue is in the same file as the locks, far above any core's number.
_QUEUE = 1 << 20
# Between two looks at a lock that somebody else holds. Each costs some 15 us, on a core that somebody measures on.
_LOOK_AGAIN = 2e-3


def _after_fork() -> None:
    """Locks are not inherited, and neither is the state of the threads of a parent."""
    global _mine
    _mine = threading.RLock()
    _outer.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextlib.contextmanager
def core_lock(
    deadline: float = 60.0, *, cores: Sequence[int] | None = None, folder: Path | None = None
) -> Iterator[Lock]:
    """Exclude other measurements on the same cores while the block runs.

    One byte of a file is locked for each core that this process may run on: two runs pinned to different cores do not
    wait for each other, one that is not pinned waits for all. Who waits stands in a queue, so that a run which lets go
    and wants the lock again at once comes second. The kernel drops the locks of a process that dies, and those that it
    forked have no part in them. 30 us where nobody else measures.

    Args:
        deadline: seconds to wait before giving up.
        cores: instead of the cores of the affinity mask.
        folder: instead of the per-user folder.
    """
    start = time.monotonic()
    mine = _mine
    if not mine.acquire(timeout=deadline):
        note = f"contended: another thread of this process measured for {deadline:g} s"
        yield Lock(held=False, note=note, waited=time.monotonic() - start)
        return
    try:
        if _outer:
            yield replace(_outer[-1], waited=0.0)
            return
        with contextlib.ExitStack() as stack:
            lock = replace(_take(stack, start + deadline, cores, folder), waited=time.monotonic() - start)
            if not lock.held:
                lock = replace(lock, note=f"{lock.note} for {deadline:g} s")
            _outer.append(lock)
            stack.callback(_outer.pop)
            yield lock
    finally:
        mine.release()


def _take(stack: contextlib.ExitStack, end: float, cores: Sequence[int] | None, folder: Path | None) -> Lock:
    try:
        import fcntl
    except ImportError:
        return Lock(held=True, note="no locks between runs on this system: do not measure in two at once")
    if cores is None:
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    ranges = _ranges(cores)
    try:
        # Locks of the POSIX kind, which closing the file gives back. Ranges are taken in ascending order, and all of
        # the queue before any core, so two runs cannot wait for each other.
        file = os.open(_folder(folder) / "cores.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        stack.callback(os.close, file)
        for first, count in [*((_QUEUE + first, count) for first, count in ranges), *ranges]:
            while True:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, count, first)
                    break
                except (BlockingIOError, PermissionError):
                    if time.monotonic() >= end:
                        names = ", ".join(map(str, cores))
                        which = f"core {names}" if len(cores) == 1 else f"one of the cores {names}"
                        return Lock(held=False, note=f"contended: other runs measured on {which}")
                time.sleep(_LOOK_AGAIN)
        for first, count in ranges:
            fcntl.lockf(file, fcntl.LOCK_UN, count, _QUEUE + first)
    except OSError as error:
        return Lock(held=True, note=f"no lock between runs: {error}")
    return Lock(held=True)


def _ranges(cores: Sequence[int]) -> list[tuple[int, int]]:
    """(first, count) of each run of neighbouring numbers, ascending."""
    found: list[tuple[int, int]] = []
    for core in sorted(set(cores)):
        if found and core == sum(found[-1]):
            found[-1] = found[-1][0], found[-1][1] + 1
        else:
            found.append((core, 1))
    return found


def _folder(folder: Path | None) -> Path:
    """A folder that only this user can write to. Anybody may create names in the shared temporary folder."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    place = folder if folder is not None else Path(tempfile.gettempdir()) / f"pytest-efficiency-{user}"
    try:
        found = place.lstat()
    except FileNotFoundError:
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o022:
        msg = f"{place} is not a folder of this user's alone"
        raise PermissionError(msg)
    return place


class Alone:
    """Keeps what disturbs away from the timed parts of one claim, and remembers what could not be kept away.

    Each part is as short as it can be: another run's may come between two of them.

    Args:
        lock: excludes other runs, like `core_lock`.
        conditions: suspends tracers and the garbage collector, like `undisturbed`.
        quota: the limit on CPU time that this process runs under.

    Attributes:
        void: why nothing measured here can carry a verdict; empty where it can.
        waited: seconds spent waiting for other runs, in all parts; they belong in no budget.
    """

    def __init__(
        self,
        *,
        lock: Callable[[], AbstractContextManager[Lock]] = core_lock,
        conditions: Callable[[], AbstractContextManager[Conditions]] = undisturbed,
        quota: Quota | None = None,
    ) -> None:
        self._lock, self._conditions = lock, conditions
        self._quota = quota if quota is not None else find_quota()
        self._lines: list[str] = []
        self.void = ""
        self.waited = 0.0
        self._measured = self._throttled = 0.0
        self._since: tuple[float, float] | None = None

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """A timed part."""
        with self._lock() as lock, self._conditions() as found:
            self.waited += lock.waited
            if lock.note and lock.note not in self._lines:
                self._lines.append(lock.note)
            if not lock.held:
                self.void = lock.note
            elif found.blocked:
                self.void = f"tracing could not be suspended ({', '.join(found.blocked)}) and distorts every figure"
            self._since = time.monotonic(), self._quota.throttled()
            try:
                yield
            finally:
                (self._measured, self._throttled), self._since = self._so_far(), None

    def _so_far(self) -> tuple[float, float]:
        """Seconds of wall time spent inside the parts, and those of them in which the quota was used up."""
        if self._since is None:
            return self._measured, self._throttled
        start, stood = self._since
        return self._measured + time.monotonic() - start, self._throttled + self._quota.throttled() - stood

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines for the report."""
        return (*self._lines, *self._quota.lines(self._so_far()[1])) if self._quota.levels else tuple(self._lines)

    def throttled_wall(self) -> str:
        """Why a figure read on the wall clock says more about a quota than about the code; empty where it does not."""
        if not self._quota.levels:
            return ""
        measured, throttled = self._so_far()
        return self._quota.lines(throttled)[0] if throttled > THROTTLED * measured > 0.0 else ""
