"""The parent's side of one worker: requests with deadlines, its output, its clocks, its end."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from pytest_efficiency.errors import CpuLimitReached, DeadlinePassed, SetupFailed, WireError, WorkerDied
from pytest_efficiency.workers import failures, frames, wire
from pytest_efficiency.workers.clock import cpu_clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_efficiency.workers.clock import CpuClock
    from pytest_efficiency.workers.nursery import Nursery
    from pytest_efficiency.workers.spec import ModuleSpec

KEPT_OUTPUT = 65536
# A reply may be larger than the request it answers, but not without measure: decoding takes up to 60 bytes a byte.
_MOST = 64 * 2**20
# A deadline counts the time in which the worker could run. On a crowded machine it gets this many times as long.
_CROWDED = 6.0
_LOOK = 0.5
# A probe makes many calls.
_PROBE_LIMIT = 60.0
_NIL = b"\xc0"
_encode = msgspec.msgpack.Encoder().encode
_reply = msgspec.msgpack.Decoder(tuple[bytes, bool, msgspec.Raw]).decode


@dataclass(frozen=True)
class Receipt:
    """What one *go* cost, in seconds; the words are those of `subject.protocol.Timing`."""

    wall: float
    cpu: float
    process_cpu: float
    elsewhere: float


class Channel:
    """One worker. After it has died, hung or lied, every request raises what happened then."""

    def __init__(self, nursery: Nursery, spec: ModuleSpec) -> None:
        self.spec = spec
        self.unanswered = False
        self.ended: Exception | None = None
        self.flooded = 0
        self.hung = False
        # Put, go and get belong together when several threads of a test call functions of one module.
        self.lock = threading.RLock()
        self.closed = False
        self._nursery = nursery
        self._number, sock, self._output = nursery.birth()
        sock.setblocking(False)
        os.set_blocking(self._output, False)
        self._sock = sock
        self._line = frames.Line(sock)
        self._tail = bytearray()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._poll.register(self._output, select.POLLIN)
        self._pid: int | None = None
        self._clock: CpuClock | None = None
        self._charged = 0.0
        self._sent = 0
        self._loading: bytes | None = None
        self._names: list[str] | None = None
        self._number_is_gone = False
        self._owner = os.getpid()

    @property
    def pid(self) -> int:
        """The process, which also leads the group of everything that it starts."""
        if self._pid is None:
            self._pid = self._nursery.pid(self._number)
        return self._pid

    def alive(self) -> bool:
        """Whether requests can be answered, as far as anybody knows."""
        return self.ended is None and not self.closed and self._nursery.alive(self._number)

    def output(self) -> str:
        """The last 64 KB of what the worker wrote to stdout and stderr."""
        self._drain()
        return self._tail.decode(errors="replace")

    # ---- loading: asked for at once, waited for when somebody needs the module

    def begin_load(self) -> None:
        """Ask the worker to load its module, without waiting for it."""
        spec = self.spec
        wish = {
            "name": spec.name,
            "path": str(spec.path.absolute()),
            "kind": spec.kind,
            "adapter": str(spec.adapter.absolute()) if spec.adapter is not None else "",
            "binding": str(spec.binding.absolute()) if spec.binding is not None else "",
            "preload": list(spec.preload),
            "in_place": sorted(spec.in_place),
        }
        message, _ = wire.encode(wish)
        self._loading = self._post("load", message, (), time.monotonic() + spec.setup_limit, "being imported")

    def load(self) -> list[str]:
        """Wait until the module is loaded; the names of its functions.

        Raises:
            SetupFailed: it raised, crashed or hung.
        """
        if self._names is not None:
            return self._names
        if self.ended is not None:
            raise self.ended
        if self._loading is None:
            self.begin_load()
        assert self._loading is not None
        _ = self.pid  # the zygote may still be busy with its own imports, which is not the learner's time
        file = self.spec.path.name
        try:
            ok, value = self._finish(self._loading, self.spec.setup_limit, "being imported")
        except (WorkerDied, DeadlinePassed) as error:
            self.hung = isinstance(error, DeadlinePassed)
            self.ended = SetupFailed(str(error))
            raise self.ended from None
        if not ok:
            said = failures.last_words(self.output())
            self.ended = SetupFailed(f"{file} could not be imported: {failures.described(value, self.spec)}{said}")
            self._end()
            raise self.ended
        if type(value) is not list or not all(type(name) is str for name in value):
            self._lied("loading was not answered with a list of names")
        self._names = value
        self._clock = cpu_clock(self.pid)
        self._charged, _ = self._clock.settled()
        return value

    # ---- the three messages, and what may be asked beside them

    def put(self, name: str, calls: Sequence[tuple[tuple[Any, ...], Mapping[str, Any]]], *, keep: bool) -> None:
        """Deliver a batch of inputs."""
        message, buffers = wire.encode_batch(name, calls, keep)
        self._sent = len(message) + sum(raw.nbytes for raw in buffers)
        self._ask("put", message, buffers, f"receiving the arguments of {name}")
        self._line.outbox.tidy()

    def run(self, name: str) -> None:
        """Have the batch called, without looking at a clock."""
        self._check()
        start = time.monotonic()
        doing = f"calling {name}"
        nonce = self._post("go", _NIL, (), start + self.spec.call_limit, doing)
        self._receipt(self._await(start, self.spec.call_limit, doing), nonce, name)

    def go(self, name: str, cpu_limit: float | None = None) -> Receipt:
        """Have the batch called and timed; nothing else is between the two readings of the clock."""
        self._check()
        clock = self._clock
        assert clock is not None
        doing = f"calling {name}"
        before, main_before = self._settled(clock, doing)
        start = time.monotonic()
        nonce = self._post("go", _NIL, (), start + self.spec.call_limit, doing)
        if cpu_limit is None:
            frame = self._await(start, self.spec.call_limit, doing)
        else:
            frame = self._await_within(start, doing, name, before, cpu_limit)
        wall = time.monotonic() - start
        after, main_after = self._settled(clock, doing)
        elsewhere, self._charged = before - self._charged, after
        self._receipt(frame, nonce, name)
        return Receipt(wall, main_after - main_before, after - before, max(0.0, elsewhere))

    def get(self, name: str) -> list[Any]:
        """The results of the last *go*."""
        value = self._ask("get", _NIL, (), f"handing over the results of {name}")
        if type(value) is not list:
            self._lied("results did not come as a list")
        return value

    def probe(self, probe: str, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], options: Any) -> Any:
        """Have a probe run beside the code under test."""
        message, buffers = wire.encode([probe, name, args, dict(kwargs), dict(options)], f"the arguments of {name}")
        limit = self.spec.call_limit + _PROBE_LIMIT
        return self._ask("probe", message, buffers, f"calling {name}", limit)

    def trim(self) -> None:
        """Collect garbage and give free memory back."""
        self._ask("trim", _NIL, (), "giving memory back")

    def freeze(self) -> None:
        """Have the worker and all it started stand still."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def abandon(self) -> None:
        """Forget the worker, which is about to be ended together with its zygote."""
        self._number_is_gone = True
        self.close()

    def close(self) -> None:
        """End the worker and everything it started. Safe to call twice."""
        if self.closed:
            return
        self.closed = True
        if self.ended is None:
            self.ended = WorkerDied(f"the worker of {self.spec.path.name} is closed; ask the pool for a fresh one")
        if os.getpid() == self._owner and not self._number_is_gone:
            self._end()
        self._line.close()
        os.close(self._output)
        self._output = -1
        if self._clock is not None:
            self._clock.close()

    # ---- one request

    def _check(self) -> None:
        if self.ended is not None:
            raise self.ended
        if self._names is None:
            self.load()

    def _ask(
        self, verb: str, message: bytes, buffers: Sequence[memoryview], doing: str, limit: float | None = None
    ) -> Any:
        self._check()
        limit = limit or self.spec.call_limit
        nonce = self._post(verb, message, buffers, time.monotonic() + limit, doing)
        ok, value = self._finish(nonce, limit, doing)
        if not ok:
            raise failures.exception(value, self.spec)
        return value

    def _receipt(self, frame: frames.Frame, nonce: bytes, name: str) -> None:
        ok, raw = self._open(frame, nonce)
        if bytes(raw) != _NIL:
            self._lied("a receipt carried something")
        if not ok:
            self.get(name)
            self._lied("a call failed and nothing was raised")

    def _settled(self, clock: CpuClock, doing: str) -> tuple[float, float]:
        try:
            return clock.settled()
        except ProcessLookupError:
            self._died(doing)

    def _finish(self, nonce: bytes, limit: float, doing: str) -> tuple[bool, Any]:
        frame = self._await(time.monotonic(), limit, doing)
        try:
            ok, raw = self._open(frame, nonce)
            try:
                return ok, wire.decode(raw, frame.blob)
            finally:
                if frame.blob is not None:
                    frame.blob.close()
        except WireError as error:
            self._lied(str(error))

    def _open(self, frame: frames.Frame, nonce: bytes) -> tuple[bool, msgspec.Raw]:
        try:
            echoed, ok, raw = _reply(frame.message)
        except (msgspec.MsgspecError, RecursionError):
            self._lied("a reply has a form that is none of ours")
        if echoed != nonce:
            self._lied("a reply answers no request of ours")
        self.unanswered = False
        return ok, raw

    def _post(self, verb: str, message: bytes, buffers: Sequence[memoryview], deadline: float, doing: str) -> bytes:
        try:
            early = self._line.pending() or self._sock.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            early = False
        except OSError:
            self._died(doing)
        if early:
            self._lied("a reply came before its request")
        nonce = os.urandom(8)
        pieces, fd = frames.pack(_encode([nonce, verb, msgspec.Raw(message)]), buffers, self._line.outbox)
        for piece in pieces:
            view = memoryview(piece)
            while view.nbytes:
                view = view[self._send(view, fd, deadline, doing) :]
                fd = -1
        self.unanswered = True
        return nonce

    def _send(self, view: memoryview, fd: int, deadline: float, doing: str) -> int:
        while True:
            try:
                if fd < 0:
                    return self._sock.send(view)
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))]
                return self._sock.sendmsg([view], rights)
            except BlockingIOError:
                pass
            except OSError:
                self._died(doing)
            if time.monotonic() > deadline:
                self._hung(doing)
            self._poll.modify(self._sock, select.POLLOUT)
            try:
                for found, _ in self._poll.poll(_LOOK * 1000):
                    if found == self._output:
                        self._drain()
            finally:
                self._poll.modify(self._sock, select.POLLIN)

    # ---- waiting

    def _await(self, start: float, limit: float, doing: str) -> frames.Frame:
        deadline = start + limit
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                deadline = self._extended(start, limit)
                if time.monotonic() >= deadline:
                    self._hung(doing)
                continue
            frame = self._turn(min(left, _LOOK), doing)
            if frame is not None:
                return frame

    def _await_within(self, start: float, doing: str, name: str, before: float, cpu_limit: float) -> frames.Frame:
        clock = self._clock
        assert clock is not None
        deadline = start + self.spec.call_limit
        while True:
            try:
                used = clock.process() - before
            except ProcessLookupError:
                used = 0.0
            if used > cpu_limit:
                # It may have finished since: what is done need not be stopped.
                frame = self._turn(0.0, doing)
                if frame is None:
                    self._stop(name, used, cpu_limit)
                return frame
            if time.monotonic() >= deadline:
                deadline = self._extended(start, self.spec.call_limit)
                if time.monotonic() >= deadline:
                    self._hung(doing)
            # The clock of a running process is behind by up to a tick, so the last look can be a little late.
            frame = self._turn(min(max(cpu_limit - used, 0.001), _LOOK), doing)
            if frame is not None:
                return frame

    def _turn(self, patience: float, doing: str) -> frames.Frame | None:
        """Wait for something to happen, at most so long; the reply, if it has come whole."""
        # Rounded up, because poll() counts whole milliseconds and 0 would spin.
        for found, _ in self._poll.poll(int(patience * 1000) + 1):
            if found == self._output:
                self._drain()
                continue
            try:
                self._line.feed()
                frame = self._line.frame(_MOST + 8 * self._sent)
            except BlockingIOError:
                continue
            except (EOFError, OSError):
                self._died(doing)
            except WireError as error:
                self._lied(str(error))
            if frame is not None:
                return frame
        return None

    def _extended(self, start: float, limit: float) -> float:
        """A deadline without the time that the worker spent waiting for a core: a busy machine decides nothing."""
        if self._clock is None and self._pid is not None:
            with suppress(OSError):
                self._clock = cpu_clock(self._pid)
        if self._clock is None:
            return start + limit
        delay = self._clock.delay()
        return start + min(limit + delay, limit * _CROWDED)

    def _drain(self) -> None:
        """Take what the worker wrote off its hands, so that a flood blocks neither side; keep the end of it."""
        if self._output < 0:
            return
        with suppress(BlockingIOError):
            chunk = os.read(self._output, KEPT_OUTPUT)
            if not chunk:
                # Everybody who could write is gone; a closed pipe would wake poll() for ever.
                with suppress(KeyError):
                    self._poll.unregister(self._output)
            self._tail += chunk
            excess = len(self._tail) - KEPT_OUTPUT
            if excess > 0:
                self.flooded += excess
                del self._tail[:excess]

    # ---- ends

    def _end(self) -> int | None:
        return self._nursery.kill(self._number)

    def _signal(self, which: signal.Signals) -> None:
        if not self.alive():
            return
        with suppress(PermissionError):
            try:
                os.killpg(self.pid, which)
            except ProcessLookupError:
                # Born so recently that it does not lead a group yet, and has started nothing either.
                with suppress(ProcessLookupError):
                    os.kill(self.pid, which)

    def _died(self, doing: str) -> NoReturn:
        status = self._nursery.status(self._number, 1.0)
        if status is None:
            self._end()
        what = failures.how_it_ended(status)
        self._fail(WorkerDied, f"{self.spec.path.name} ended its process while {doing}: {what}")

    def _hung(self, doing: str) -> NoReturn:
        self._end()
        file = self.spec.path.name
        if doing == "being imported":
            text = f"{file} was not imported within {self.spec.setup_limit:g} s, and was stopped"
        elif doing.startswith("calling "):
            function = doing.removeprefix("calling ")
            text = f"{file} did not return from {function} within {self.spec.call_limit:g} s, and was stopped"
        else:
            text = f"{file} was not done {doing} within {self.spec.call_limit:g} s, and was stopped"
        self._fail(DeadlinePassed, text)

    def _stop(self, name: str, used: float, cpu_limit: float) -> NoReturn:
        # Its faulthandler writes down where it is, and then it ends: whether in an import, or in what is measured.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGABRT)
            self._nursery.status(self._number, 1.0)
        self._end()
        text = f"{self.spec.path.name}: {name} was stopped at {cpu_limit:.3g} s of CPU time; it had used {used:.3g} s"
        self.ended = CpuLimitReached(text, used, setting_up=failures.was_setting_up(self.output()))
        raise self.ended

    def _lied(self, what: str) -> NoReturn:
        self._end()
        self.ended = WireError(f"{self.spec.path.name}: {what}; its worker was ended")
        raise self.ended

    def _fail(self, kind: type[Exception], text: str) -> NoReturn:
        while True:
            before = len(self._tail) + self.flooded
            self._drain()
            if len(self._tail) + self.flooded == before:
                break
        self.ended = kind(text + failures.last_words(self.output()))
        raise self.ended from None  # what the socket said when the other end was gone is no news to anybody
