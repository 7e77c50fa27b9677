"""What a call leaves running when it returns: threads and processes that go on with its work.

Such work is in no figure of the call, so a claim about it would time the starting of it. Threads that a pool keeps for
the next call are no such work: they wait. So what is new is watched for a moment before anything is said.
"""

from __future__ import annotations

import inspect
import os
import platform
import sys
import threading
import time
import types
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# How long new threads and processes are watched; and how long at most, where they neither use a CPU nor plainly wait
# for more work.
_WINDOW = 0.01
_PATIENCE = 0.3
# CPU time that a thread may use to come to rest after its work was done.
_LEAST = 2e-4
# The pause in which a thread of a pool gets hold of the GIL, and the CPU time that shows that it has.
_MOMENT, _STIRS = 1e-4, 5e-5
_OF_THE_CALL = 0.2
# The numbers of clock_nanosleep and nanosleep: a thread of a pool never waits for work in these.
_SLEEPING = {"x86_64": (230, 35), "aarch64": (115, 101), "riscv64": (115, 101)}.get(platform.machine(), ())
# Where a thread of Python's own pools and queues waits for work.
_WAITING = ("/threading.py", "/queue.py", "/concurrent/futures/thread.py", "/multiprocessing/", "/selectors.py")

# Objects of C that hand out items when they are asked, and do nothing before. Anything of itertools is one as well.
_LAZY = (types.GeneratorType, map, filter, zip, enumerate, reversed)

_before: Snapshot | None = None


class Snapshot:
    """The other threads and the child processes of this process, and what they have used so far.

    ``interval``: how often a thread may ask for the GIL; a call that changes it must not change what is measured next.
    """

    def __init__(self) -> None:
        self.threads = {thread: _used(thread.native_id) for thread in _others()}
        self.children = _children()
        self.interval = sys.getswitchinterval()
        self.began = time.perf_counter()


def left_running(before: Snapshot) -> str:
    """What goes on with the work of a call that was made since ``before``, in words; empty if nothing does."""
    lasted = time.perf_counter() - before.began
    sys.setswitchinterval(before.interval)
    threads = _stirring(before)
    if before.threads and not threads:
        # One that was there before and was given work has to get hold of the GIL first, which was in use until now.
        time.sleep(_MOMENT)
        threads = _stirring(before)
    children = _children() - before.children
    if not threads and not children:
        return ""
    least = max(_LEAST, min(_OF_THE_CALL * lasted, _WINDOW / 2))
    working = _working_thread(threads, set(threads) - set(before.threads), least)
    return working or _working_child(children)


def unfinished(result: object) -> tuple[str, str]:
    """What of a result is still to be computed, in words, and what it needs: "await", "iterate", "collect" or "wait".

    Both are empty where nothing is. Of a list or tuple the first element is looked at as well.
    """
    some = result[0] if type(result) in (list, tuple) and result else result  # type: ignore[index]  # it is one of both
    for value in (result, some):
        kind = type(value).__name__
        if isinstance(value, Future):
            if not value.done():
                return "a future that is not done", "wait"
        elif isinstance(value, Awaitable):
            if inspect.iscoroutine(value):
                value.close()  # or Python warns that nobody awaited it
            return f"an object to be awaited ({kind})", "await"
        elif isinstance(value, AsyncIterator):
            return f"an asynchronous iterator ({kind})", "collect"
        elif isinstance(value, _LAZY) or type(value).__module__ == "itertools":
            return f"an iterator ({kind}), which does its work only when it is asked for items", "iterate"
    return "", ""


def _stirring(before: Snapshot) -> dict[threading.Thread, float]:
    """Threads that are new, or have used a CPU since, with what they have used in their lives."""
    return {
        thread: used
        for thread in _others()
        if (used := _used(thread.native_id)) - before.threads.get(thread, -1.0) > _STIRS
    }


def _working_thread(threads: Mapping[threading.Thread, float], new: Iterable[threading.Thread], least: float) -> str:
    if not threads:
        return ""
    new = list(new)
    asleep = _asleep(new)
    ran = {thread: _ran(thread.native_id) for thread in threads}
    others = time.process_time() - time.thread_time()
    end = time.perf_counter() + _PATIENCE
    while True:
        time.sleep(_WINDOW)
        spent = time.process_time() - time.thread_time() - others
        for thread, before in ran.items():
            if (not thread.is_alive() and spent > least) or _ran(thread.native_id) - before > least:
                return f"the thread {thread.name!r} was still at work"
        # On a busy machine a thread may wait for a core in order to come to rest, or to go on: it has to be seen.
        kept_waiting = [thread for thread in ran if thread.is_alive() and thread_state(thread.native_id) == "R"]
        if not kept_waiting:
            break
        if time.perf_counter() > end:
            return f"the thread {kept_waiting[0].name!r} was still at work"
    # One that has only just been started needs the GIL before it can go to sleep.
    asleep = asleep or _asleep(new)
    if asleep:
        return f"the thread {asleep[0].name!r} was still asleep in the middle of its work"
    # Waiting for something that Python does not know: it ends soon, or it waits for more work.
    restless = [thread for thread in new if not _waits(thread)]
    ended = _ends(restless, lambda thread: not thread.is_alive())
    return f"the thread {ended.name!r} was still at work" if ended is not None else ""


def _asleep(threads: Iterable[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threads if _sleeps(f"/proc/self/task/{thread.native_id}/syscall")]


def _working_child(children: Iterable[int]) -> str:
    watched = [pid for pid in children if _state(pid) not in ("", "Z", "X") and not _serves_python(pid)]
    # A process of a pool is still being started when the call returns, and then waits; work ends, or goes on.
    ended = _ends(watched, lambda pid: _state(pid) in ("", "Z", "X"))
    if ended is not None:
        return f"the process {ended}, which it started, was still at work"
    for pid in watched:
        if _sleeps(f"/proc/{pid}/syscall"):
            return f"the process {pid}, which it started, was still asleep in the middle of its work"
        used = _process_used(pid)
        time.sleep(_WINDOW)
        if _process_used(pid) - used > _WINDOW / 2:
            return f"the process {pid}, which it started, was still at work"
    return ""


def _ends(watched: Sequence[Any], ended: Callable[[Any], bool]) -> Any:
    """The first of these that ends while it is watched."""
    end = time.perf_counter() + _PATIENCE
    while watched and time.perf_counter() < end:
        for one in watched:
            if ended(one):
                return one
        time.sleep(_WINDOW)
    return None


def _others() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread is not threading.current_thread()]


def _used(native: int | None) -> float:
    """Seconds that a thread of this process has run or was ready to run; 0 where the kernel does not tell."""
    return _schedstat(f"/proc/self/task/{native}/schedstat")


def _ran(native: int | None) -> float:
    """Seconds that a thread of this process has run."""
    fields = _read(f"/proc/self/task/{native}/schedstat").split()
    return int(fields[0]) * 1e-9 if fields else 0.0


def thread_state(native: int | None) -> str:
    """The kernel's letter for a thread of this process: "R" runs or wants to; empty where there is none to ask."""
    return _read(f"/proc/self/task/{native}/stat").rpartition(") ")[2][:1]


def _process_used(pid: int) -> float:
    return _schedstat(f"/proc/{pid}/schedstat")


def _schedstat(path: str) -> float:
    fields = _read(path).split()
    return (int(fields[0]) + int(fields[1])) * 1e-9 if len(fields) >= 2 else 0.0


def _sleeps(path: str) -> bool:
    """Whether a thread sleeps for a time that it has chosen, as the kernel tells."""
    number = _read(path).partition(" ")[0].strip()
    return number.isdigit() and int(number) in _SLEEPING


def _waits(thread: threading.Thread) -> bool:
    """Whether the innermost Python function of a thread is one in which pools and queues wait for work."""
    frame = sys._current_frames().get(thread.ident or 0)
    file = frame.f_code.co_filename.replace(os.sep, "/") if frame is not None else ""
    return any(place in file for place in _WAITING)


def _children() -> set[int]:
    """The processes that threads of this process have started and not waited for."""
    try:
        tasks = list(Path("/proc/self/task").iterdir())
    except OSError:
        import psutil

        return {child.pid for child in psutil.Process().children()}
    return {int(pid) for task in tasks for pid in _read(f"{task}/children").split()}


def _state(pid: int) -> str:
    """The letter of ``/proc/PID/stat``: "Z" has ended; empty if there is no such process."""
    if not Path("/proc/self/stat").exists():
        import psutil

        try:
            return "Z" if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE else "S"
        except psutil.NoSuchProcess:
            return ""
    return _read(f"/proc/{pid}/stat").rpartition(") ")[2][:1]


def _serves_python(pid: int) -> bool:
    """Whether a process is one that multiprocessing keeps for itself."""
    command = _read(f"/proc/{pid}/cmdline")
    return "multiprocessing.resource_tracker" in command or "multiprocessing.forkserver" in command


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  a Path costs as much as the read
            return file.read()
    except OSError:
        return ""


def probe(
    function: Callable[..., Any],  # noqa: ARG001 - every probe is called the same way
    args: Sequence[Any],  # noqa: ARG001 - as `function`
    kwargs: Mapping[str, Any],  # noqa: ARG001 - as `function`
    *,
    phase: str = "before",
    results: Sequence[Any] = (),
) -> dict[str, Any]:
    """Asked before a call (``phase="before"``) and after it ("after"); the call itself is made in between.

    Args:
        function, args, kwargs: not called, and of no importance.
        phase: "before" or "after".
        results: the last result of that call, if there is one.

    Returns:
        ``{"left", "returned", "needs"}``: what goes on with the work of that call, in words, and as `unfinished`; each
        empty if there is nothing to say.
    """
    global _before
    if phase == "before":
        _before = Snapshot()
        return {"left": "", "returned": "", "needs": ""}
    before, _before = _before, None
    left = left_running(before) if before is not None else ""
    returned, needs = unfinished(results[-1]) if results else ("", "")
    return {"left": left, "returned": returned, "needs": needs}
