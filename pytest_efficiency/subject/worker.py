"""A function of a module that lives in a worker process: called like a function, or timed as a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import ClaimError, CpuLimitReached, WireError
from pytest_efficiency.subject.here import inside_a_measurement
from pytest_efficiency.subject.protocol import Timing
from pytest_efficiency.workers.spec import ModuleSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_efficiency.subject.protocol import Call, Home
    from pytest_efficiency.workers.channel import Channel
    from pytest_efficiency.workers.pool import Pool

__all__ = ["ModuleSpec", "RemoteFunction", "RemoteModule", "WorkerSubject"]


class RemoteModule:
    """A module in a worker: its attributes are functions that can be called here.

    That a function does not exist is found out when it is called, and then the ones that exist are named.
    """

    def __init__(self, pool: Pool, spec: ModuleSpec) -> None:
        self._pool = pool
        self._spec = spec

    def __getattr__(self, name: str) -> RemoteFunction:
        if name.startswith("__"):
            # Protocols of Python ask for these, and the answer must be the usual one.
            raise AttributeError(name)
        return RemoteFunction(self._pool, self._spec, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._pool.shared(self._spec).load()]

    def __repr__(self) -> str:
        return f"<{self._spec.role} {self._spec.path.name} in a worker>"


class RemoteFunction:
    """One function of a module in a worker. Calls share one worker, which is replaced after a death."""

    def __init__(self, pool: Pool, spec: ModuleSpec, name: str) -> None:
        self.pool = pool
        self.spec = spec
        self.name = name
        self.__name__ = name
        self.__qualname__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function in its worker; what it raises is raised here.

        Arguments are copies, except in functions that are declared to work in place: what these did to a list, dict,
        set, bytearray or array is done to the caller's.

        Raises:
            CandidateRaised: an exception that is not built-in.
            WorkerDied, DeadlinePassed, SetupFailed: as they say.
            WireError: an argument or the result cannot cross the process boundary.
            ClaimError: a claim measures a function of this process that only calls this one.
        """
        if inside_a_measurement():
            msg = (
                f"a claim was made about a function that calls {self.spec.role}.{self.name}, which runs in another "
                f"process where nothing of it would be measured; hand over {self.spec.role}.{self.name} itself"
            )
            raise ClaimError(msg)
        channel = self.pool.shared(self.spec)
        with channel.lock:
            try:
                channel.put(self.name, [(args, kwargs)], keep=True)
                channel.run(self.name)
                results = channel.get(self.name)
            except BaseException:
                # A time limit of the test's own, or Ctrl-C: the answer that still comes must not meet the next call.
                if channel.unanswered:
                    channel.close()
                raise
        if len(results) != 1:
            msg = f"one result of {self.name} was expected and {len(results)} came"
            raise WireError(msg)
        (result,) = results
        if self.name not in self.spec.in_place:
            return result
        result, new_args, new_kwargs = _parts(result, len(args), set(kwargs))
        for old, new in zip(args, new_args, strict=True):
            _update(old, new)
        for key, old in kwargs.items():
            _update(old, new_kwargs[key])
        return result

    def subject(self) -> WorkerSubject:
        """The function in a worker of its own, for one timed claim."""
        return WorkerSubject(self.pool, self.spec, self.name)

    def __repr__(self) -> str:
        return f"<{self.spec.role}.{self.name} in a worker>"


class WorkerSubject:
    """A function in a fresh worker; see `protocol.Subject`.

    For a function that works in place each result is a tuple (result, arguments, keyword arguments after the call).
    """

    home: Home = "worker"

    def __init__(self, pool: Pool, spec: ModuleSpec, name: str) -> None:
        self.pool = pool
        self.spec = spec
        self.name = name
        self._channel: Channel = pool.fresh(spec)
        self._calls = 0

    @property
    def pid(self) -> int:
        """The worker's process."""
        return self._channel.pid

    def put(self, calls: Sequence[Call], *, keep: bool = True) -> None:
        """Deliver the inputs of the next batch; a worker that was stopped at a CPU limit is replaced first."""
        if isinstance(self._channel.ended, CpuLimitReached):
            self._channel.close()
            self._channel = self.pool.fresh(self.spec)
        self._channel.put(self.name, [(call.args, call.kwargs) for call in calls], keep=keep)
        self._calls = len(calls)

    def go(self, cpu_limit: float | None = None) -> Timing:
        """Make all calls of the batch."""
        receipt = self._channel.go(self.name, cpu_limit)
        return Timing(self._calls, receipt.wall, receipt.cpu, receipt.process_cpu, receipt.elsewhere)

    def get(self) -> list[Any]:
        """The results of the last *go*."""
        return self._channel.get(self.name)

    def probe(self, probe: str, call: Call, **options: Any) -> dict[str, Any]:
        """Run a probe beside the function, in the worker."""
        answer = self._channel.probe(probe, self.name, call.args, call.kwargs, options)
        if type(answer) is not dict:
            msg = f"the probe {probe} of {self.name} answered with {type(answer).__name__}, not with a dict"
            raise WireError(msg)
        return answer

    def trim(self) -> None:
        """Collect garbage and give free memory back, in the worker."""
        self._channel.trim()

    def close(self) -> None:
        """End the worker."""
        self._channel.close()

    def __repr__(self) -> str:
        return f"<{self.spec.role}.{self.name} in worker {self.pid}>"


def _parts(result: Any, args: int, kwargs: set[str]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    if type(result) is tuple and len(result) == 3:
        value, new_args, new_kwargs = result
        right = type(new_args) is tuple and len(new_args) == args
        if right and type(new_kwargs) is dict and set(new_kwargs) == kwargs:
            return value, new_args, new_kwargs
    msg = "the arguments of a function that works in place did not come back as they went"
    raise WireError(msg)


def _update(old: Any, new: Any) -> None:
    """Do to the caller's object what was done to its copy."""
    if type(old) is not type(new):
        msg = f"an argument that is worked on in place went as {type(old).__name__}, back came {type(new).__name__}"
        raise WireError(msg)
    if isinstance(old, (list, bytearray)):
        old[:] = new
    elif isinstance(old, (dict, set)):
        old.clear()
        old.update(new)
    elif type(old).__module__ == "numpy" and hasattr(old, "flags") and old.ndim and old.flags.writeable:
        if old.shape != new.shape or old.dtype != new.dtype:
            msg = f"an array of {old.dtype} {old.shape} came back as {new.dtype} {new.shape}"
            raise WireError(msg)
        old[...] = new
