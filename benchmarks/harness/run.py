"""The schedule: every module of trials, ours and the peers, gets its share of the time under every load."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.loads import LOADS, load
from harness.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

INSTALL = "pip install -r benchmarks/peers/requirements.txt"
# A module that is not done this long after its time is ended: no trial takes longer.
GRACE = 20.0
IMPORTED_IN = 120.0
# Scaling takes longest and is promised beside busy loops alone.
BUSY_LOOPS = ("quiet", "hog1", "hog2")


@dataclass(frozen=True)
class Part:
    """One module of trials.

    Attributes:
        name: the row, or rows, that it fills; what ``--only`` selects.
        module: below benchmarks/.
        share: of the time, relative to the other parts.
        loads: those that it is tried under.
        once: whether it is asked in the first pass alone, because one answer takes tens of seconds.
    """

    name: str
    module: str
    share: float
    loads: tuple[str, ...] = LOADS
    once: bool = False

    @property
    def is_peer(self) -> bool:
        return self.module.startswith("peers.")


PARTS = (
    Part("scaling", "rows.scaling", 40.0, BUSY_LOOPS),
    Part("scaling", "peers.scaling", 30.0, BUSY_LOOPS),
    Part("speedup", "rows.speedup", 26.0),
    Part("speedup", "peers.speedup", 16.0),
    Part("slow_reference", "rows.slow_reference", 5.0),
    Part("slow_reference", "peers.slow_reference", 40.0, ("quiet",), once=True),
    Part("gil", "rows.gil", 12.0),
    Part("gil", "peers.gil", 6.0),
    Part("memory", "rows.memory", 12.0),
    Part("memory", "peers.memory", 8.0),
)
NAMES = tuple(dict.fromkeys(part.name for part in PARTS))


class Ended(Exception):
    """The module's process is gone, or was ended because it took too long."""


class Child:
    """A module in its own process; the imports are done when this is made.

    Raises:
        Ended: it could not be imported, with the reason.
        ModuleNotFoundError: it needs a package that is not installed, or is itself not there.
    """

    def __init__(self, module: str) -> None:
        self.module = module
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed in `close`
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("child.py")), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # ended with all that it starts, and not reached by a terminal's Ctrl-C
        )
        self._pending = b""
        try:
            first = self._answer(time.monotonic() + IMPORTED_IN)
        except BaseException:
            self.close()
            raise
        if "ready" not in first:
            self.close()
            if "absent" in first:
                raise ModuleNotFoundError(name=str(first["absent"]))
            raise Ended(str(first["error"]))
        self.missing: list[str] = list(first["ready"])  # type: ignore[call-overload]  # our own child's line of JSON

    def trials(self, load_name: str, *, seconds: float, seed: int) -> Iterator[Trial]:
        """Its trials.

        Raises:
            Ended: it failed, died or did not stop; the process is ended, make another.
        """
        command = json.dumps({"load_name": load_name, "seconds": seconds, "seed": seed})
        assert self._process.stdin is not None
        deadline = time.monotonic() + seconds + GRACE
        try:
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()
            while "done" not in (answer := self._answer(deadline)):
                if "error" in answer:
                    raise Ended(str(answer["error"]))
                yield Trial(**answer["trial"])  # type: ignore[arg-type]  # as `child` wrote it
        except BaseException:
            self.close()
            raise

    def _answer(self, deadline: float) -> dict[str, object]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._pending:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                msg = f"{self.module} did not stop in time and was ended"
                raise Ended(msg)
            more = os.read(descriptor, 65536)
            if not more:
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)  # a zombie keeps its group's number
                self._end()
                msg = f"{self.module} died with {self._process.returncode}\n{self._last_words()}"
                raise Ended(msg)
            self._pending += more
        line, _, self._pending = self._pending.partition(b"\n")
        answer: dict[str, object] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read()[-2000:]

    def _end(self) -> None:
        if self._process.returncode is None:  # nobody has waited for it yet, so that the number is still its own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """End it with all that it has started."""
        self._end()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


@dataclass
class Run:
    """What a run of the schedule found.

    Attributes:
        trials: all of them, in the order in which they were made.
        skipped: what was not there, in words, each once.
        failures: what went wrong; a run without any has run every row.
    """

    trials: list[Trial] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def run(
    found: Run,
    parts: Sequence[Part],
    loads: Sequence[str],
    *,
    seconds: float,
    passes: int,
    seed: int,
    say: Callable[[str], None],
    each: Callable[[Trial], None],
) -> None:
    """Fill ``found``. An interrupt is raised on, with all that was found until then in it.

    Every pass goes through all loads, and under each of them through all parts, a row's peers right after it: what the
    machine does in the meantime meets them alike.

    Args:
        found: where the trials go.
        parts: what is tried.
        loads: names of loads.
        seconds: wall time for all trials; the one that is under way then may end. What has to be built and compiled
            comes before that.
        passes: over how many rounds that time is spread.
        seed: for the order of cases.
        say: told about progress.
        each: told about each trial.
    """
    children: dict[str, Child] = {}
    try:
        here = [part for part in parts if _start(part, children, found, say)]
        end = time.monotonic() + seconds
        slots = [
            (one_pass, name, part)
            for one_pass in range(passes)
            for name in loads
            for part in here
            if name in part.loads and not (part.once and one_pass)
        ]
        silent = {part.module for _, _, part in slots}
        while slots:
            current = slots[0][:2]
            with load(current[1]):
                while slots and slots[0][:2] == current:
                    part = slots[0][2]
                    left = end - time.monotonic()
                    if left <= 0.0:
                        say(f"{current[1]:6} {part.module:22} no time was left")
                        slots.pop(0)
                        continue
                    granted = left * part.share / sum(one.share for _, _, one in slots)
                    slots.pop(0)
                    if _slice(part, children, found, current[1], granted, seed + len(slots), say, each):
                        silent.discard(part.module)
        found.failures += [f"{module} came to no verdict" for module in sorted(silent)]
    finally:
        for child in children.values():
            child.close()


def _start(part: Part, children: dict[str, Child], found: Run, say: Callable[[str], None]) -> bool:
    """Whether the part can be tried."""
    try:
        child = children[part.module] = Child(part.module)
    except ModuleNotFoundError as error:
        said = f"{part.module}: {error.name} is not installed: {INSTALL}"
        if part.is_peer and error.name != part.module:
            found.skipped.append(said)
        else:
            found.failures.append(f"{part.module} needs {error.name}")
            said = found.failures[-1]
        say(said)
        return False
    except Ended as error:
        found.failures.append(f"{part.module}: {error}")
        say(found.failures[-1])
        return False
    for name in child.missing:
        found.skipped.append(f"{part.module}: {name} is not installed: {INSTALL}")
        say(found.skipped[-1])
    return True


def _slice(
    part: Part,
    children: dict[str, Child],
    found: Run,
    load_name: str,
    seconds: float,
    seed: int,
    say: Callable[[str], None],
    each: Callable[[Trial], None],
) -> int:
    """How many verdicts the part came to in its share of the time."""
    start, before = time.monotonic(), len(found.trials)
    try:
        child = children.get(part.module) or children.setdefault(part.module, Child(part.module))
        for one in child.trials(load_name, seconds=seconds, seed=seed):
            found.trials.append(one)
            each(one)
    except (Ended, ModuleNotFoundError) as error:
        children.pop(part.module, None)
        found.failures.append(f"{part.module} under {load_name}: {error}")
        say(found.failures[-1])
    made = found.trials[before:]
    wrong, unclear = (sum(one.answer == answer for one in made) for answer in ("wrong", "unclear"))
    took = time.monotonic() - start
    answers = f"{len(made)} verdicts, {wrong} wrong, {unclear} unclear"
    say(f"{load_name:6} {part.module:22} {took:5.1f} s of {seconds:5.1f}: {answers}")
    return len(made)
