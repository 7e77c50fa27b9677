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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


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
        # Last in, first out: tracers come back after monitoring, as sys.settrace is itself a monitoring tool.
        for name, get, set_ in _HOOKS:
            hook = get()
            if hook is None:
                continue
            set_(None)
            stack.callback(set_, hook)
            (found.suspended if get() is None else found.blocked).append(name)
        yield found


def _suspend_monitoring(found: Conditions, stack: contextlib.ExitStack) -> None:
    """Every tool of sys.monitoring (Python 3.12 and later): coverage with its sysmon core, debuggers, profilers.

    Global events are switched off. Events that a tool has set on single code objects cannot be listed, so its
    callbacks are taken away as well: what is left of those costs nanoseconds.
    """
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is None:
        return
    events = [value for name, value in vars(monitoring.events).items() if name.isupper() and value]
    for tool in range(6):
        name = monitoring.get_tool(tool)
        if name is None:
            continue
        try:
            before = monitoring.get_events(tool)
            monitoring.set_events(tool, 0)
            stack.callback(monitoring.set_events, tool, before)
            for event in events:
                try:
                    callback = monitoring.register_callback(tool, event, None)
                except ValueError:
                    continue  # an event that has no callback of its own (C_RETURN with CALL, BRANCH by direction)
                if callback is not None:
                    stack.callback(monitoring.register_callback, tool, event, callback)
            found.suspended.append(f"sys.monitoring tool {name}")
        except (ValueError, RuntimeError) as error:
            found.blocked.append(f"sys.monitoring tool {name} ({error})")


@dataclass(frozen=True)
class Lock:
    """What `core_lock` obtained. Not ``held`` means contended: measure if you must, and call it unclear."""

    held: bool
    note: str = ""


# One measurement inside another (a claim in a test that an outer claim runs) must not wait for itself.
_mine = threading.RLock()
_depth = 0  # re-entrance belongs to the process, as the locks do


@contextlib.contextmanager
def core_lock(
    deadline: float = 60.0, *, cores: Sequence[int] | None = None, folder: Path | None = None
) -> Iterator[Lock]:
    """Exclude other measurements on the same cores while the block runs.

    One file lock for each core that this process may run on: two runs pinned to different cores do not wait for each
    other, one that is not pinned waits for all. Locks are taken in ascending order, so two runs cannot wait for each
    other, and the kernel drops those of a process that dies.

    Args:
        deadline: seconds to wait before giving up.
        cores: instead of the cores of the affinity mask.
        folder: instead of the per-user folder.
    """
    global _depth
    with _mine:
        if _depth:
            _depth += 1
            try:
                yield Lock(held=True)
            finally:
                _depth -= 1
            return
        _depth = 1
        try:
            with contextlib.ExitStack() as stack:
                yield _take(stack, deadline, cores, folder)
        finally:
            _depth = 0


def _take(stack: contextlib.ExitStack, deadline: float, cores: Sequence[int] | None, folder: Path | None) -> Lock:
    try:
        import fcntl
    except ImportError:
        return Lock(held=True, note="no locks between runs on this system: do not measure in two at once")
    if cores is None:
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    end = time.monotonic() + deadline
    try:
        place = _folder(folder)
        for core in sorted(cores):
            file = os.open(place / f"core-{core}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, file)
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        note = f"contended: another run measured on core {core} for {deadline:g} s"
                        return Lock(held=False, note=note)
                time.sleep(0.005)
    except OSError as error:
        return Lock(held=True, note=f"no lock between runs: {error}")
    return Lock(held=True)


def _folder(folder: Path | None) -> Path:
    """A folder that only this user can write to. Anybody may create names in the shared temporary folder."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    place = folder if folder is not None else Path(tempfile.gettempdir()) / f"pytest-efficiency-{user}"
    place.mkdir(mode=0o700, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o022:
        msg = f"{place} is not a folder of this user's alone"
        raise PermissionError(msg)
    return place
