"""The process wall: a command in a session of its own, inside resource limits, ended with everything it started.

The weakest wall and the one that is always there. It stops accidents: endless loops, memory bombs, floods of output,
processes left behind. It hides no files and stops no attack on the parent. Knows nobody else in the package.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pytest_efficiency.wall.enter import bind_to_parent, lower

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GIB = 2**30
_ENTER = str(Path(__file__).with_name("enter.py"))
_CHUNK = 65536


@dataclass(frozen=True)
class Limits:
    """What a process may use. Bytes, seconds and numbers; None leaves a limit as it is.

    ``address_space`` is generous, because LLVM and Cling map far more than they touch. ``processes`` counts on top of
    the threads that exist on the machine, because the kernel counts all of a user's threads and not those of one tree;
    it does not bind root.
    """

    address_space: int | None = 8 * GIB
    file_size: int | None = 2 * GIB
    open_files: int | None = 512
    processes: int | None = 512
    cpu_seconds: int | None = None

    def numbers(self) -> list[tuple[str, int]]:
        """Names of ``resource`` constants and their values, as of now. A core file is never written."""
        found: list[tuple[str, int]] = [("RLIMIT_CORE", 0)]
        if self.address_space is not None:
            found.append(("RLIMIT_AS", self.address_space))
        if self.file_size is not None:
            found.append(("RLIMIT_FSIZE", self.file_size))
        if self.open_files is not None:
            found.append(("RLIMIT_NOFILE", self.open_files))
        if self.cpu_seconds is not None:
            found.append(("RLIMIT_CPU", self.cpu_seconds))
        threads = _threads_on_this_machine()
        if self.processes is not None and threads is not None:
            found.append(("RLIMIT_NPROC", threads + self.processes))
        return found


@dataclass(frozen=True)
class Completed:
    """How a command ended. ``output`` is stdout and stderr together, cut in the middle when it was long."""

    returncode: int
    output: str
    timed_out: bool


def limits_for_child(limits: Limits, parent: int) -> None:
    """Step inside ``limits`` in a child that was forked and not executed, and die with ``parent``."""
    bind_to_parent(parent)
    for name, number in limits.numbers():
        lower(name, number)


def start(
    argv: Sequence[str],
    *,
    limits: Limits,
    pass_fds: Sequence[int] = (),
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = subprocess.DEVNULL,
    die_with_thread: bool = False,
) -> subprocess.Popen[bytes]:
    """Start ``argv`` inside ``limits`` as the leader of a new session.

    ``die_with_thread``: the kernel kills it when the *thread* that calls this ends (Linux counts threads here, not
    processes), so ask for it only from a thread that waits for the command.
    """
    parent = os.getpid() if die_with_thread else 0
    wish = json.dumps({"limits": limits.numbers(), "parent": parent})
    return subprocess.Popen(
        [sys.executable, "-I", "-S", _ENTER, wish, *argv],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=None if env is None else dict(env),
        pass_fds=pass_fds,
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process of `start` and everything that stayed in its group; returns when the leader is reaped."""
    # Until the leader is reaped its number, which names the group, cannot be given to somebody else.
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(
    argv: Sequence[str],
    *,
    limits: Limits | None = None,
    timeout: float,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    keep: int = 1_000_000,
) -> Completed:
    """Run a command to its end, or to ``timeout`` seconds; nothing of its group is left when this returns.

    At most ``keep`` bytes of its output are kept: the first half (a compiler's first error) and the last.
    """
    deadline = time.monotonic() + timeout
    process = start(
        argv,
        limits=limits or Limits(),
        env=env,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        die_with_thread=True,
    )
    assert process.stdout is not None
    head, tail, cut = bytearray(), bytearray(), 0
    timed_out = False
    try:
        with process.stdout as pipe:
            os.set_blocking(pipe.fileno(), False)
            poll = select.poll()
            poll.register(pipe.fileno(), select.POLLIN)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    timed_out = True
                    break
                # A background process of the command can hold the pipe open after the command itself has ended.
                ready = poll.poll(min(left, 0.05) * 1000)
                chunk = os.read(pipe.fileno(), _CHUNK) if ready else None
                if chunk:
                    room = max(0, keep // 2 - len(head))
                    head += chunk[:room]
                    tail += chunk[room:]
                    excess = max(0, len(tail) - keep // 2)
                    del tail[:excess]
                    cut += excess
                elif chunk == b"" or _has_ended(process):
                    break
            while not timed_out and not _has_ended(process):
                if time.monotonic() >= deadline:
                    timed_out = True
                time.sleep(0.002)
    finally:
        ended = _has_ended(process)
        kill_group(process)
    middle = f"\n... {cut} bytes cut ...\n" if cut else ""
    output = head.decode(errors="replace") + middle + tail.decode(errors="replace")
    return Completed(process.returncode, output, timed_out and not ended)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a child has ended; where possible without reaping it, so that its number keeps naming the group."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _threads_on_this_machine() -> int | None:
    try:
        loads = Path("/proc/loadavg").read_text(encoding="ascii")
    except OSError:
        return None
    return int(loads.split()[3].partition("/")[2])
