"""Runs the leak probe beside a call, wherever the call lives, and hands over what it saw."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_efficiency.judge.memory import LeakEvidence, LeakRound
from pytest_efficiency.measure.afterwards import changes_arguments
from pytest_efficiency.measure.conditions import Alone

if TYPE_CHECKING:
    from pytest_efficiency.subject.protocol import Call, Subject


def measure_leak(subject: Subject, call: Call, **options: Any) -> LeakEvidence:
    """Call the subject about 1,400 times (less often if a call takes more than 1 ms) and note what stays.

    Args:
        subject: what is measured.
        call: its arguments, the same in every call, or a copy of them for each if calls change them.
        options: passed on to `pytest_efficiency.probes.leak.probe`.

    Raises:
        The candidate's own exception, WorkerDied, DeadlinePassed: as `Subject.go`.
    """
    start = time.perf_counter()
    # Outside of the timed part, and seen by coverage: it may import, compile, or turn out to do its work later.
    changing = changes_arguments(subject, call)
    alone = Alone()
    with alone.part():
        # What a call puts into its caller's list is no leak.
        found = subject.probe("leak", call, **({"fresh": True} if changing else {}), **options)
    rounds = tuple(
        LeakRound(
            calls=each["calls"],
            heap=None if each["heap"] is None else each["heap"] / each["calls"],
            blocks=each["blocks"] / each["calls"],
        )
        for each in found["rounds"]
    )
    notes = []
    if found.get("fresh"):
        notes.append("a call changes its arguments: each call gets a fresh copy of them")
    elif changing:
        notes.append("a call changes its arguments, which cannot be copied: what it keeps in them counts as leaked")
    if any(each.heap is None for each in rounds):
        notes.append("the C library does not tell the size of its heap: only Python objects were counted")
    if rounds and rounds[0].calls < 20:
        notes.append(f"a call is slow: only {rounds[0].calls} per round, so small leaks cannot be seen")
    return LeakEvidence(rounds, time.perf_counter() - start, (*notes, *alone.notes), disturbed=alone.void)
