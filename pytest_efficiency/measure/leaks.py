"""Runs the leak probe beside a call, wherever the call lives, and hands over what it saw."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_efficiency.judge.memory import LeakEvidence, LeakRound
from pytest_efficiency.measure.afterwards import first_call
from pytest_efficiency.measure.conditions import Alone

if TYPE_CHECKING:
    from pytest_efficiency.subject.protocol import Call, Subject


def measure_leak(subject: Subject, call: Call, **options: Any) -> LeakEvidence:
    """Call the subject about 1,400 times (less often if a call takes more than 1 ms) and note what stays.

    Args:
        subject: what is measured.
        call: its arguments, the same in every call.
        options: passed on to `pytest_efficiency.probes.leak.probe`.

    Raises:
        The candidate's own exception, WorkerDied, DeadlinePassed: as `Subject.go`.
    """
    start = time.perf_counter()
    # Outside of the timed part, and seen by coverage: it may import, compile, or turn out to do its work later.
    first_call(subject, call)
    alone = Alone()
    with alone.part():
        found = subject.probe("leak", call, **options)
    rounds = tuple(
        LeakRound(
            calls=each["calls"],
            heap=None if each["heap"] is None else each["heap"] / each["calls"],
            blocks=each["blocks"] / each["calls"],
        )
        for each in found["rounds"]
    )
    notes = []
    if any(each.heap is None for each in rounds):
        notes.append("the C library does not tell the size of its heap: only Python objects were counted")
    if rounds and rounds[0].calls < 20:
        notes.append(f"a call is slow: only {rounds[0].calls} per round, so small leaks cannot be seen")
    return LeakEvidence(rounds, time.perf_counter() - start, (*notes, *alone.notes), disturbed=alone.void)
