"""What a meter may ask of the code it measures, wherever that code lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Home = Literal["here", "worker"]


@dataclass(frozen=True)
class Call:
    """The arguments of one call."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Timing:
    """What one *go* cost, in seconds for the whole batch.

    ``cpu`` is the CPU time of the thread that made the calls (in a worker: of its main thread), ``process_cpu`` that
    of the whole process, so that threads inside the call show as a difference. ``elsewhere`` is the CPU time that the
    worker spent since the previous receipt outside of *go* (decoding in *put*, encoding in *get*, idle); 0 here.
    """

    calls: int
    wall: float
    cpu: float
    process_cpu: float
    elsewhere: float = 0.0


class Subject(Protocol):
    """Something that can be called, timed and probed; one process (or this one), one function.

    A timed call is three messages: *put* (inputs arrive and are decoded), *go* (only this is timed), *get* (results).
    """

    name: str
    home: Home

    @property
    def pid(self) -> int:
        """The process in which the function runs."""

    def put(self, calls: Sequence[Call], *, keep: bool = True) -> None:
        """Deliver the inputs of the next batch. ``keep=False``: only the last result of the batch is kept for *get*."""

    def go(self, cpu_limit: float | None = None) -> Timing:
        """Make all calls of the batch, in order. May be repeated: the same inputs are used again.

        Raises:
            CpuLimitReached: the batch used more than ``cpu_limit`` seconds of CPU and was stopped.
            the candidate's own exception: a built-in class with its text, else CandidateRaised.
            WorkerDied, DeadlinePassed: as they say (worker only).
        """

    def get(self) -> list[Any]:
        """The results of the last *go*, in order; with ``keep=False`` a list of the last one alone."""

    def probe(self, probe: str, call: Call, **options: Any) -> dict[str, Any]:
        """Run ``pytest_efficiency.probes.<probe>.probe(function, call.args, call.kwargs, **options)`` beside the code.

        The answer is plain data (dict, list, str, int, float, bool, None).
        """

    def trim(self) -> None:
        """Collect garbage and give free heap memory back to the kernel, in the process of the function."""

    def close(self) -> None:
        """End the worker. Safe to call twice. Nothing to do here."""
