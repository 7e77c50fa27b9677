"""Runs the ticker beside a call, wherever the call lives, and hands over what it saw."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_efficiency.judge.gil import GilEvidence, TickBatch
from pytest_efficiency.measure.afterwards import changes_arguments
from pytest_efficiency.measure.conditions import Alone

if TYPE_CHECKING:
    from pytest_efficiency.subject.protocol import Call, Subject

_CHANGING = "a call changes its arguments: every call after the first worked on what the one before had left"


def probe_gil(subject: Subject, call: Call, **options: Any) -> GilEvidence:
    """Call the subject for 0.1-0.4 s beside a thread that can move only when it lets go of the GIL.

    Args:
        subject: what is measured.
        call: its arguments, the same in every call.
        options: passed on to `pytest_efficiency.probes.ticker.probe`.

    Raises:
        The candidate's own exception, WorkerDied, DeadlinePassed: as `Subject.go`.
    """
    start = time.perf_counter()
    # Outside of the timed part, and seen by coverage: it may import, compile, or turn out to do its work later.
    changing = changes_arguments(subject, call)
    alone = Alone()
    with alone.part():
        found = subject.probe("ticker", call, **options)
    return GilEvidence(
        batches=tuple(
            TickBatch(
                ticks=batch["ticks"],
                share=batch["share"],
                control_ticks=batch["control_ticks"],
                control_share=batch["control_share"],
                seconds=batch["seconds"],
                calls=batch["calls"],
                known=batch["known"],
            )
            for batch in found["batches"]
        ),
        call_seconds=found["call_seconds"],
        busy=found["busy"],
        nap=found["nap"],
        gil=found["gil"],
        gil_before=found["gil_before"],
        interval_changed=found["interval_changed"],
        seconds=time.perf_counter() - start,
        disturbed=alone.void,
        notes=(*((_CHANGING,) if changing else ()), *alone.notes),
        data=found,
    )
