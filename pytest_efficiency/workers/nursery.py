"""The parent's hold on one zygote: births, deaths, and its end."""

from __future__ import annotations

import itertools
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import msgspec

from pytest_efficiency.errors import EfficiencyError
from pytest_efficiency.wall.process import Limits, kill_group, start
from pytest_efficiency.workers.frames import Line

_ZYGOTE = str(Path(__file__).resolve().with_name("zygote.py"))
# Importing Cling on a busy machine has been seen to take half a minute.
_START_LIMIT = 120.0
_END_LIMIT = 5.0
_UNLIMITED = Limits(address_space=None, file_size=None, open_files=None, processes=None)
_encode = msgspec.msgpack.Encoder().encode
_report = msgspec.msgpack.Decoder(tuple[str, int, int]).decode
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# What a compiler or a shared library of the interpreter may need; everything else of the caller's stays with him.
_KEPT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "CLING_STANDARD_PCH",
)


class Nursery:
    """One zygote and the workers born of it. Each worker has a number that is never used twice."""

    def __init__(self, preload: tuple[str, ...], *, threads: bool, fork: bool, limits: Limits) -> None:
        self._numbers = itertools.count(1)
        self._pids: dict[int, int] = {}
        self._statuses: dict[int, int] = {}
        self._lock = threading.RLock()
        self._ready = False
        self._closed = False
        self._owner = os.getpid()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the zygote
        # The zygote removes it, also when we were killed; we do, when the zygote was.
        self._scratch = tempfile.mkdtemp(prefix="pytest-efficiency-")
        ours, theirs = socket.socketpair()
        wish = json.dumps({"preload": list(preload), "fork": fork, "limits": asdict(limits), "scratch": self._scratch})
        with theirs:
            self._process: subprocess.Popen[bytes] = start(
                [sys.executable, *_isolation(), "-B", _ZYGOTE, str(theirs.fileno()), wish],
                limits=_UNLIMITED,
                pass_fds=(theirs.fileno(),),
                env=_environment(threads=threads),
                cwd="/",
                stdout=self._said,
                stderr=self._said,
            )
        self._line = Line(ours)

    def birth(self) -> tuple[int, socket.socket, int]:
        """Ask for a worker, without waiting: its number, our end of its channel, and where its output arrives."""
        with self._lock:
            number = next(self._numbers)
            ours, theirs = socket.socketpair()
            output, their_output = os.pipe()
            with theirs:
                try:
                    self._line.send(_encode(["fork", number]), fds=(theirs.fileno(), their_output))
                except OSError:
                    ours.close()
                    os.close(output)
                    raise self._lost() from None
                finally:
                    os.close(their_output)
            return number, ours, output

    def pid(self, number: int) -> int:
        """The process of a worker, once it is born."""
        self._pump(_START_LIMIT, lambda: number in self._pids)
        try:
            return self._pids[number]
        except KeyError:
            raise self._lost() from None

    def kill(self, number: int) -> int | None:
        """End a worker and everything it started; its exit status, a negative signal number if one ended it."""
        with self._lock:
            if number not in self._statuses:
                with suppress(OSError):
                    self._line.send(_encode(["kill", number]))
            return self.status(number, _END_LIMIT)

    def status(self, number: int, patience: float = 0.0) -> int | None:
        """How a worker ended; None if it has not, or if nobody can tell any more."""
        self._pump(patience, lambda: number in self._statuses)
        return self._statuses.get(number)

    def alive(self, number: int) -> bool:
        """Whether a worker that was born has not been reported ended."""
        self._pump(0.0, lambda: False)
        return not self._closed and number not in self._statuses

    def lost(self) -> bool:
        """Whether the zygote has ended, and its workers with it."""
        return self._closed or self._process.poll() is not None

    def close(self) -> None:
        """End the zygote, which ends its workers. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._line.close()
            self._said.close()
            if os.getpid() != self._owner:
                # A fork of ours: the zygote is not its child and serves another process.
                return
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_LIMIT)
            kill_group(self._process)
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _pump(self, patience: float, enough: object) -> None:
        assert callable(enough)
        deadline = time.monotonic() + patience
        with self._lock:
            while not self._closed:
                try:
                    while (frame := self._line.frame(4096)) is not None:
                        what, number, value = _report(frame.message)
                        if what == "born":
                            self._pids[number] = value
                        elif what == "ended":
                            self._statuses[number] = value
                        self._ready = True
                    if enough():
                        return
                    poll = select.poll()
                    poll.register(self._line.sock, select.POLLIN)
                    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                        return
                    self._line.feed()
                except (EOFError, OSError):
                    return

    def _lost(self) -> EfficiencyError:
        said = ""
        with suppress(OSError, ValueError):
            self._said.seek(0)
            said = self._said.read(4000).decode(errors="replace").strip()
        state = "ended" if self._process.poll() is not None else f"not ready after {_START_LIMIT:.0f} s"
        msg = (
            f"a worker process was asked for, and the process that starts workers is {state}. "
            f"What it wrote: {said or 'nothing'}. Check that `{sys.executable} -I -c 'import msgspec, numpy'` works"
        )
        return EfficiencyError(msg)


def _isolation() -> list[str]:
    """Flags that keep the caller's directory and environment out of ``sys.path``."""
    import site

    spec = msgspec.__file__
    user = site.getusersitepackages()
    # Installed with ``pip install --user``: full isolation would not find our own dependencies.
    return ["-E", "-P"] if spec.startswith(user + os.sep) else ["-I"]


def _environment(*, threads: bool) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment.setdefault("LANG", "C.UTF-8")
    if not threads:
        environment.update(dict.fromkeys(_THREADS, "1"))
    return environment
