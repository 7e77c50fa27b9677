"""How much memory a call needs at its peak: the kernel's high-water mark, reset and read from outside.

A thread that samples the memory is blind while native code holds the GIL, ``ru_maxrss`` never falls, and freed heap
that is used again does not show at all. So free memory is given back, the mark is reset through
``/proc/PID/clear_refs``, the call is made, and the mark is read. Where it cannot be reset the memory is sampled, and
the evidence says so.
"""

from __future__ import annotations

import copy
import os
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import EfficiencyError
from pytest_efficiency.judge.memory import PeakEvidence, agreeing
from pytest_efficiency.judge.sizes import size_of
from pytest_efficiency.measure.afterwards import finished
from pytest_efficiency.measure.conditions import Alone
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_efficiency.subject.protocol import Subject

_RESET_THE_MARK = "5"
_SAMPLE_EVERY = 2e-4
# As many as no CPU keeps to itself; touching 4 MB takes a millisecond.
_KNOWN_PAGES = 1024


def _status(pid: int, field: str) -> int | None:
    """Bytes of one field of ``/proc/PID/status``; None where there is no such thing."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _reset_mark(pid: int) -> bool:
    try:
        Path(f"/proc/{pid}/clear_refs").write_text(_RESET_THE_MARK)
    except OSError:
        return False
    return _status(pid, "VmHWM") is not None


@contextmanager
def _one_cpu(pid: int) -> Iterator[bool]:
    """Keep all threads of a process on one CPU, and say whether that went well.

    Since Linux 6.2 every CPU counts pages on its own, and the mark is made of what has been added up so far.
    """
    before: dict[int, set[int]] = {}
    try:
        before.update({number: os.sched_getaffinity(number) for number in _threads(pid)})
        allowed = before.get(pid) or set.union(*before.values())
        # The CPU that it ran on last has its caches.
        last = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[36])
        cpu = last if last in allowed else min(allowed)
        for number in before:
            os.sched_setaffinity(number, {cpu})
        pinned = True
    except (OSError, ValueError, IndexError, TypeError, AttributeError):
        pinned = False
    try:
        yield pinned
    finally:
        started_meanwhile = before.get(pid)
        for number in _threads(pid) if before else ():
            cpus = before.get(number, started_meanwhile)
            if cpus:
                _set_affinity(number, cpus)


def _threads(pid: int) -> list[int]:
    try:
        return [int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()]
    except (OSError, ValueError):
        return []


def _set_affinity(number: int, cpus: set[int]) -> None:
    try:
        os.sched_setaffinity(number, cpus)
    except OSError:
        # The thread has ended, or may use other CPUs by now.
        return


def _resident(pid: int) -> Callable[[], int]:
    """What reads the resident memory of a process, as fast as the system allows."""
    statm = Path(f"/proc/{pid}/statm")
    if statm.exists():
        page = os.sysconf("SC_PAGE_SIZE")
        return lambda: int(statm.read_bytes().split()[1]) * page
    import psutil

    process = psutil.Process(pid)
    return lambda: int(process.memory_info().rss)


@dataclass
class _Run:
    peak: float
    samples: int = 0
    blind: float = 0.0


def _missing(subject: Subject) -> float:
    """How many bytes the mark lacks of a peak that is over: 0-1 MB on 2 CPUs, more on more."""
    pid = subject.pid
    before = _status(pid, "VmHWM") if _reset_mark(pid) else None
    touched = subject.probe("transient", Call(), pages=_KNOWN_PAGES)["bytes"]
    after = _status(pid, "VmHWM")
    if before is None or after is None or not touched:
        return 0.0
    return float(max(0, touched - (after - before)))


def _marked(subject: Subject) -> _Run | None:
    pid = subject.pid
    missing = _missing(subject)
    if not _reset_mark(pid):
        return None
    before = _status(pid, "VmHWM")
    subject.go()
    after, now = _status(pid, "VmHWM"), _status(pid, "VmRSS")
    if before is None or after is None or now is None:
        return None
    # What is still there is counted exactly; the mark alone has to be put right. Where it does not stand out from
    # what is still there, nothing says that there was a peak.
    over = after + missing if after > now else now
    return _Run(float(max(0, over - before)))


def _sampled(subject: Subject) -> _Run:
    read = _resident(subject.pid)
    seen: list[tuple[float, int]] = []
    started, done = threading.Event(), threading.Event()

    def sample() -> None:
        started.set()
        while not done.is_set():
            seen.append((time.perf_counter(), read()))
            done.wait(_SAMPLE_EVERY)

    sampler = threading.Thread(target=sample, name="pytest-efficiency sampler", daemon=True)
    before = read()
    sampler.start()
    started.wait()
    start = time.perf_counter()
    try:
        subject.go()
    finally:
        end = time.perf_counter()
        last = read()
        done.set()
        sampler.join()
    inside = [(when, size) for when, size in seen if start <= when <= end]
    times = [start, *(when for when, _ in inside), end]
    gap = max(later - earlier for earlier, later in pairwise(times))
    peak = max([last, *(size for _, size in inside)]) - before
    return _Run(float(max(0, peak)), len(inside), gap / max(end - start, 1e-9))


@contextmanager
def _small_pages(subject: Subject) -> Iterator[None]:
    """A huge page would count as 2 MB when its first byte is touched."""
    before = subject.probe("hugepages", Call(), disabled=True)["before"]
    try:
        yield
    finally:
        if before is False:
            # What ended the process, if anything did, is on its way to the caller already.
            with suppress(EfficiencyError):
                subject.probe("hugepages", Call(), disabled=False)


def _fresh(subject: Subject, call: Call) -> tuple[Call, bool]:
    """The same arguments as the caller gave, whatever the call before did to them. A worker gets copies anyway."""
    if subject.home == "worker":
        return call, True
    try:
        args, kwargs = copy.deepcopy((call.args, dict(call.kwargs)))
    except Exception:  # noqa: BLE001 - whatever an argument raises that does not like to be copied
        return call, False
    return Call(args, kwargs), True


def measure_peak(subject: Subject, call: Call, *, runs: int = 3, more_runs: int = 3) -> PeakEvidence:
    """Make the call once to warm up and ``runs`` times to measure; again, up to ``more_runs`` times, if they disagree.

    Inputs are there before the mark is reset, and the result is alive when it is read.

    Raises:
        The candidate's own exception, WorkerDied, DeadlinePassed: as `Subject.go`.
    """
    start = time.perf_counter()
    fresh, copied = _fresh(subject, call)
    with finished(subject):
        subject.put([fresh])
        subject.go()
    found: list[_Run] = []
    alone = Alone()
    sampled = False
    with _small_pages(subject), _one_cpu(subject.pid) as pinned:
        while len(found) < runs or (agreeing([run.peak for run in found]) is None and len(found) < runs + more_runs):
            fresh, copied = _fresh(subject, call)
            with alone.part():
                subject.put([fresh])
                subject.trim()
                run = None if sampled else _marked(subject)
                if run is None:
                    sampled = True
                    run = _sampled(subject)
                found.append(run)
    peaks = tuple(run.peak for run in found)
    agreed = agreeing(peaks)
    notes = [] if copied else ["an argument cannot be copied: a call that changes it was measured on what it left"]
    if sampled:
        notes.append("sampled: the high-water mark could not be reset (no writable /proc/PID/clear_refs)")
    if not pinned:
        notes.append("the process could not be kept on one CPU: the mark is less exact")
    return PeakEvidence(
        bytes=min(peaks) if agreed is None else agreed,
        runs=peaks,
        agreed=agreed is not None,
        inputs=_size_of_inputs(call),
        outputs=size_of(_result(subject)),
        sampled=sampled,
        samples=min(run.samples for run in found),
        blind=max(run.blind for run in found),
        pinned=pinned,
        seconds=time.perf_counter() - start,
        notes=(*notes, *alone.notes),
        disturbed=alone.void,
    )


def _size_of_inputs(call: Call) -> int:
    """All arguments together, each object once."""
    distinct = {id(value): value for value in (*call.args, *call.kwargs.values())}
    return sum(size_of(value) for value in distinct.values())


def _result(subject: Subject) -> Any:
    result = subject.get()[-1]
    # A worker sends the arguments of such a function back beside its result.
    in_place = getattr(getattr(subject, "spec", None), "in_place", ())
    return result[0] if subject.name in in_place else result


def footprint(subject: Subject, call: Call) -> float | None:
    """About how many bytes a call takes beside its inputs at its peak; None where the system does not say.

    One call and no repetition: enough to tell kilobytes from what no cache holds.
    """
    subject.put([call], keep=False)
    subject.trim()
    if not _reset_mark(subject.pid):
        return None
    before = _status(subject.pid, "VmHWM")
    subject.go()
    after = _status(subject.pid, "VmHWM")
    return None if before is None or after is None else float(max(0, after - before))
