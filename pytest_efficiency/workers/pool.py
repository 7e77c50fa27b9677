"""All workers of one run: one shared by the correctness cases of a module, a fresh one for each timed claim."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal

from pytest_efficiency.errors import EfficiencyError, SetupFailed
from pytest_efficiency.wall.process import Limits
from pytest_efficiency.workers.channel import Channel
from pytest_efficiency.workers.nursery import Nursery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_efficiency.workers.spec import ModuleSpec

# Far above what any claim needs; it ends what a bug of ours could leave behind.
_CPU_SECONDS = 1800
_Key = tuple["ModuleSpec", tuple[tuple[int, int], ...]]


class Pool:
    """Starts workers behind a wall, and ends them all.

    ``wall``: "process". ``zygotes``: whether workers fork from a process that has loaded the trusted packages; by
    default where that is safe (Linux). ``limits``: what each worker may use.
    """

    def __init__(
        self, wall: Literal["process"] = "process", *, zygotes: bool | None = None, limits: Limits | None = None
    ) -> None:
        if wall != "process":
            msg = f"the wall {wall!r} was asked for; this version has only 'process'; use that one"
            raise EfficiencyError(msg)
        self.wall = wall
        self._fork = sys.platform.startswith("linux") if zygotes is None else zygotes
        self._limits = limits or Limits(cpu_seconds=_CPU_SECONDS)
        self._nurseries: dict[tuple[tuple[str, ...], bool], Nursery] = {}
        self._channels: set[Channel] = set()
        self._shared: dict[_Key, Channel] = {}
        self._ahead: defaultdict[_Key, list[Channel]] = defaultdict(list)
        self._hung: dict[_Key, SetupFailed] = {}
        self._quiet = 0
        self._later: list[ModuleSpec] = []
        self._lock = threading.RLock()
        # Also runs at exit, and when nobody holds the pool any more.
        self._finalizer = weakref.finalize(self, _close_all, self._nurseries, os.getpid())

    def fresh(self, spec: ModuleSpec) -> Channel:
        """A worker that has loaded the module and done nothing else; the caller closes it.

        Raises:
            SetupFailed: the module could not be loaded.
        """
        key = _key(spec)
        with self._lock:
            if key in self._hung:
                raise self._hung[key]
            waiting = self._ahead[key]
            channel = waiting.pop(0) if waiting else self._birth(spec)
            if self._quiet:
                channel.thaw()  # it was being started ahead, and is needed inside the timed part itself
        try:
            channel.load()
        except SetupFailed as error:
            if channel.hung:
                # A module that hangs costs its limit once, not once for every test.
                self._hung[key] = error
            channel.close()
            raise
        return channel

    def shared(self, spec: ModuleSpec) -> Channel:
        """The one worker of a module's correctness cases; a new one after it has died or its file has changed."""
        key = _key(spec)
        with self._lock:
            channel = self._shared.get(key)
            if channel is not None and channel.alive():
                return channel
            for old in [known for known in self._shared if known[0] == spec]:
                self._shared.pop(old).close()
            self._shared[key] = channel = self.fresh(spec)
            return channel

    def ahead(self, spec: ModuleSpec) -> None:
        """Start a worker that the next `fresh` of the module will take; does not wait, and not during `quiet`."""
        with self._lock:
            if self._quiet:
                self._later.append(spec)
                return
            key = _key(spec)
            if self._ahead[key] or key in self._hung:
                return
            channel = self._birth(spec)
            channel.begin_load()
            self._ahead[key].append(channel)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Nothing is started in here, and what is being started stands still: something is being timed."""
        with self._lock:
            self._quiet += 1
            if self._quiet == 1:
                for channel in self._loading():
                    channel.freeze()
        try:
            yield
        finally:
            with self._lock:
                self._quiet -= 1
                if not self._quiet:
                    for channel in self._loading():
                        channel.thaw()
                    later, self._later = self._later, []
                    for spec in later:
                        self.ahead(spec)

    def close(self) -> None:
        """End every worker and everything that they started. Safe to call twice."""
        with self._lock:
            for channel in self._channels:
                channel.abandon()
            self._channels.clear()
            self._shared.clear()
            self._ahead.clear()
            self._finalizer()

    def _loading(self) -> list[Channel]:
        return [channel for waiting in self._ahead.values() for channel in waiting]

    def _birth(self, spec: ModuleSpec) -> Channel:
        if not self._finalizer.alive:
            msg = f"a worker for {spec.path.name} was asked for, and the pool is closed; make another"
            raise EfficiencyError(msg)
        which = (tuple(sorted(set(spec.preload))), spec.threads)
        nursery = self._nurseries.get(which)
        if nursery is None or nursery.lost():
            if nursery is not None:
                nursery.close()
            nursery = Nursery(which[0], threads=spec.threads, fork=self._fork, limits=self._limits)
            self._nurseries[which] = nursery
        channel = Channel(nursery, spec)
        self._channels = {known for known in self._channels if not known.closed} | {channel}
        return channel


def _close_all(nurseries: dict[tuple[tuple[str, ...], bool], Nursery], owner: int) -> None:
    if os.getpid() == owner:
        for nursery in nurseries.values():
            nursery.close()
    nurseries.clear()


def _key(spec: ModuleSpec) -> _Key:
    """A module as its files are now: edited, it is another one."""
    return spec, tuple(_stamp(path) for path in (spec.path, spec.adapter, spec.binding) if path is not None)


def _stamp(path: Path) -> tuple[int, int]:
    with suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return 0, 0
