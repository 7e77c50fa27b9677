"""Runs as a script: a process that has loaded trusted packages only, and forks the workers.

``python -I -B zygote.py CONTROL-FD JSON``. A fork of it is a worker with NumPy in a few milliseconds. It is also what
the workers are children of: it ends them with everything they started, sees how they ended, adopts and ends what they
left behind, owns their scratch directories, and ends everything when the parent is gone, however that went. It never
loads code under test.

Where forking after loading is not safe (macOS) it starts each worker anew instead; the rest is the same.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

if __name__ == "__main__":
    _package = types.ModuleType("pytest_efficiency")
    _package.__path__ = [str(Path(__file__).resolve().parent.parent)]
    sys.modules["pytest_efficiency"] = _package

import msgspec

from pytest_efficiency.wall.process import Limits, limits_for_child
from pytest_efficiency.workers import inside
from pytest_efficiency.workers.frames import Line

_encode = msgspec.msgpack.Encoder().encode
_request = msgspec.msgpack.Decoder(tuple[str, int]).decode
_ON_LINUX = sys.platform.startswith("linux")
# How often to look whether the parent still lives, in case somebody else holds its end of the socket open.
_LOOK = 2.0


class Zygote:
    """The loop: requests from the parent, deaths of the children."""

    def __init__(self, control: socket.socket, scratch: Path, *, fork: bool, limits: Limits) -> None:
        self._line = Line(control, most_fds=2)
        self._fork = fork
        self._limits = limits
        self._workers: dict[int, int] = {}
        self._cleaners: set[int] = set()
        self._parent = os.getppid()
        self._scratch = scratch
        self._wake, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        if _ON_LINUX:
            set_child_subreaper = 36
            ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)

    def run(self) -> None:
        """Serve until the parent hangs up or is gone, then end everything."""
        try:
            self._tell("ready", 0, 0)
            while self._turn():
                pass
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass
        except OSError:
            # No process or no directory to be had: the parent reads this when it asks what became of us.
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            self._end()

    def _turn(self) -> bool:
        control = self._line.sock.fileno()
        ready, _, _ = select.select([control, self._wake], [], [], _LOOK)
        if os.getppid() != self._parent:
            return False
        if self._wake in ready:
            with suppress(BlockingIOError):
                os.read(self._wake, 4096)
            self._reap()
        if control in ready:
            self._line.feed()
            while (frame := self._line.frame(65536)) is not None:
                verb, number = _request(frame.message)
                if verb == "fork":
                    self._birth(number, *frame.fds)
                elif verb == "kill":
                    for pid, worker in self._workers.items():
                        if worker == number:
                            _kill(pid)
                else:
                    return False
        return True

    def _tell(self, what: str, number: int, value: int) -> None:
        self._line.send(_encode([what, number, value]))

    def _birth(self, number: int, channel: int, output: int) -> None:
        scratch = self._scratch / str(number)
        scratch.mkdir(mode=0o700)
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                os.setsid()
                _settle(channel, output, scratch)
                limits_for_child(self._limits, zygote)
                with suppress(OSError):
                    # Where memory runs out, this is what the kernel should end first.
                    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
                if not self._fork:
                    os.set_inheritable(3, True)
                    script = str(Path(inside.__file__).resolve())
                    os.execv(sys.executable, [sys.executable, "-I", "-B", script, "3"])
                _reseed()
                inside.main(3)
            except BaseException:  # noqa: BLE001 - whatever it was, the process ends here and says why
                traceback.print_exc()
            finally:
                os._exit(70)
        self._workers[pid] = number
        os.close(channel)
        os.close(output)
        self._tell("born", number, pid)

    def _reap(self) -> None:
        """See who has ended; a worker's group goes with it, and so does what left the group."""
        ended: list[tuple[int, int]] = []
        while True:
            pid = self._who_ended()
            if pid is None:
                break
            number = self._workers.pop(pid, None)
            if number is not None:
                # The leader is not reaped yet, so its number still names the group and nothing else.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            self._cleaners.discard(pid)
            if number is not None:
                ended.append((number, os.waitstatus_to_exitcode(status)))
        if not ended:
            return
        self._end_strays()
        for number, status in ended:
            self._tell("ended", number, status)
            self._clean(self._scratch / str(number))

    def _who_ended(self) -> int | None:
        with suppress(ChildProcessError):
            if hasattr(os, "waitid"):
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                return found.si_pid if found is not None else None
        return None

    def _end_strays(self) -> None:
        """End adopted processes: whoever they belonged to, their own parent is gone."""
        give_up = time.monotonic() + 1.0
        while time.monotonic() < give_up:
            strays = [pid for pid in _children() if pid not in self._workers and pid not in self._cleaners]
            if not strays:
                return
            for pid in strays:
                _kill(pid)
            for pid in strays:
                with suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _clean(self, scratch: Path) -> None:
        with suppress(OSError):
            scratch.rmdir()
            return
        # A million files of theirs must not keep others waiting.
        pid = os.fork()
        if pid == 0:
            try:
                self._line.sock.close()
                shutil.rmtree(scratch, ignore_errors=True)
            finally:
                os._exit(0)
        self._cleaners.add(pid)

    def _end(self) -> None:
        for pid in self._workers:
            _kill(pid)
        for pid in self._workers:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._workers.clear()
        self._end_strays()
        shutil.rmtree(self._scratch, ignore_errors=True)
        os._exit(0)


def _kill(pid: int) -> None:
    for end in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def _children() -> list[int]:
    """Processes whose parent is this one. Empty where there is no /proc, and then there is no adoption either."""
    us = str(os.getpid())
    with suppress(OSError):
        return [int(pid) for pid in Path(f"/proc/{us}/task/{us}/children").read_text(encoding="ascii").split()]
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = entry.read_bytes().rpartition(b") ")[2].split()[:2]
            if parent.decode() == us and state != b"Z":
                found.append(int(entry.parent.name))
    return found


def _settle(channel: int, output: int, scratch: Path) -> None:
    """Descriptors, directory and environment of a worker: 0 is empty, 1 and 2 the output, 3 the channel, no others."""
    import fcntl

    channel = fcntl.fcntl(channel, fcntl.F_DUPFD, 10)
    output = fcntl.fcntl(output, fcntl.F_DUPFD, 10)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(channel, 3, inheritable=False)
    os.closerange(4, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") > 0 else 65536)
    os.chdir(scratch)
    os.environ["HOME"] = os.environ["TMPDIR"] = str(scratch)
    os.environ["NUMBA_CACHE_DIR"] = str(scratch / "numba")
    tempfile.tempdir = None
    numba = sys.modules.get("numba")
    if numba is not None:
        # Read once at import, and a cache must not outlive a claim.
        numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]
    # New ones, because the old remember that they wrote to a file of the zygote's.
    sys.stdout = _stream(1)
    sys.stderr = _stream(2)


def _stream(fd: int) -> TextIO:
    return open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _reseed() -> None:
    """Forks of one process must not draw the same numbers; the standard library sees to its own."""
    if "numpy.random" in sys.modules:
        import numpy as np

        np.random.seed()  # noqa: NPY002 - the generator that old-style code uses


def main() -> None:
    wish: dict[str, Any] = json.loads(sys.argv[2])
    if wish["fork"]:
        # The probe is asked around the first call of every worker, and takes 5 ms to import.
        for package in ["numpy", "pytest_efficiency.probes.afterwards", *wish["preload"]]:
            # A worker that needs it will say so itself, in its own words.
            with suppress(ImportError):
                importlib.import_module(package)
        gc.collect()
        gc.freeze()
    control = socket.socket(fileno=int(sys.argv[1]))
    Zygote(control, Path(wish["scratch"]), fork=wish["fork"], limits=Limits(**wish["limits"])).run()


if __name__ == "__main__":
    main()
