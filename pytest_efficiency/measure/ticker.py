"""Runs the ticker beside a call, wherever the call lives, and hands over what it saw."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pytest_efficiency.judge.gil import GilEvidence, Hold, TickBatch

if TYPE_CHECKING:
    from pytest_efficiency.subject.protocol import Call, Subject


def probe_gil(subject: Subject, call: Call, **options: Any) -> GilEvidence:
    """Call the subject for 0.2-0.5 s beside a thread that can move only when it lets go of the GIL.

    Args:
        subject: what is measured.
        call: its arguments, the same in every call.
        options: passed on to `pytest_efficiency.probes.ticker.probe`.

    Raises:
        The candidate's own exception, WorkerDied, DeadlinePassed: as `Subject.go`.
    """
    start = time.perf_counter()
    found = subject.probe("ticker", call, **options)
    hold = found["hold"]
    return GilEvidence(
        batches=tuple(
            TickBatch(
                ticks=batch["ticks"],
                share=batch["share"],
                control_ticks=batch["control_ticks"],
                control_share=batch["control_share"],
                seconds=batch["seconds"],
                calls=batch["calls"],
                control_gap=batch["control_gap"],
                work=batch["work"],
                control_work=batch["control_work"],
            )
            for batch in found["batches"]
        ),
        hold=None
        if hold is None
        else Hold(hold["holds"], hold["share"], hold["waiting"], hold["control_share"], hold["microseconds"]),
        call_seconds=found["call_seconds"],
        busy=found["busy"],
        gil=found["gil"],
        free_threaded=found["free_threaded"],
        gil_forced=found["gil_forced"],
        interval_changed=found["interval_changed"],
        seconds=time.perf_counter() - start,
        data=found,
    )
