from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pytest_efficiency.wall.process import Limits, kill_group, run, start

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = [sys.executable, "-I", "-S", "-c"]


def test_output_and_exit_status_come_back() -> None:
    """stdout and stderr arrive together, in order, with the exit status."""
    done = run([*PYTHON, "import os; os.write(1, b'out '); os.write(2, b'err'); os._exit(3)"], timeout=60)
    assert (done.returncode, done.output, done.timed_out) == (3, "out err", False)


def test_environment_and_directory_are_those_given(tmp_path: Path) -> None:
    """A command sees the given variables alone, and works in the given directory."""
    code = "import os; print(os.getcwd(), os.environ.get('A'), os.environ.get('HOME'))"
    done = run([*PYTHON, code], timeout=60, cwd=tmp_path, env={"A": "1"})
    assert done.output.split() == [str(tmp_path), "1", "None"]


def test_a_missing_command_says_so() -> None:
    """A command that is not installed ends with 127 and one line."""
    done = run(["no-such-compiler-anywhere"], timeout=60)
    assert done.returncode == 127
    assert "cannot run no-such-compiler-anywhere" in done.output


def test_a_command_is_stopped_in_time() -> None:
    """A command that does not end is killed at its deadline; one that does is not reported late."""
    began = time.monotonic()
    done = run([*PYTHON, "print('here', flush=True); import signal; signal.pause()"], timeout=2.0)
    assert done.timed_out
    assert done.returncode == -signal.SIGKILL
    assert time.monotonic() - began < 30
    assert not run([*PYTHON, "pass"], timeout=60).timed_out


def test_what_a_command_leaves_behind_ends_with_it() -> None:
    """A background process that holds the output open neither delays the answer nor survives it."""
    code = """
import os, signal, sys
if os.fork() == 0:
    print(os.getpid(), flush=True)
    signal.alarm(100)
    signal.pause()
import time
time.sleep(0.5)
"""
    began = time.monotonic()
    done = run([*PYTHON, code], timeout=60)
    assert done.returncode == 0
    assert time.monotonic() - began < 30
    assert has_ended(int(done.output))


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie that nobody has reaped; waits for it a while."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            return bool(poll.poll(20_000))
        finally:
            os.close(fd)
    return True


def test_a_flood_of_output_is_cut_in_the_middle() -> None:
    """The first and the last of a long output are kept, and how much was cut is told."""
    code = "import os\nos.write(1, b'first ')\nfor _ in range(100): os.write(1, b'x' * 65536)\nos.write(1, b' last')"
    done = run([*PYTHON, code], timeout=60, keep=2000)
    assert done.output.startswith("first x")
    assert done.output.endswith("x last")
    assert re.search(r"\.\.\. \d{7} bytes cut \.\.\.", done.output)
    assert len(done.output) < 2100


@pytest.mark.parametrize(
    ("limits", "code", "right"),
    [
        (Limits(address_space=2**30), "b'x' * 2**31", "MemoryError"),
        (Limits(file_size=1000), "f = open('file', 'wb', 0)\nwhile True: f.write(b'x' * 999)", "File too large"),
        (Limits(open_files=20), "import os; [os.dup(0) for _ in range(30)]", "Too many open files"),
    ],
    ids=["memory", "file size", "descriptors"],
)
def test_limits_hold(limits: Limits, code: str, right: str, tmp_path: Path) -> None:
    """A command is inside the limits that it was given, and would not have been stopped without them."""
    done = run([*PYTHON, code], limits=limits, timeout=60, cwd=tmp_path)
    assert done.returncode == 1
    assert right in done.output


def test_cpu_time_is_limited() -> None:
    """A command that burns more than its CPU seconds is ended by the kernel, long before its deadline."""
    done = run([*PYTHON, "while True: pass"], limits=Limits(cpu_seconds=1), timeout=300)
    assert done.returncode in {-signal.SIGXCPU, -signal.SIGKILL}
    assert not done.timed_out


def test_a_started_command_leads_its_own_session() -> None:
    """A started command has a session of its own, gains no privileges, and its group ends with it."""
    code = """
import os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(os.getsid(0) == os.getpid(), status["NoNewPrivs"].strip(), flush=True)
input()
"""
    process = start([*PYTHON, code], limits=Limits(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    with process.stdin, process.stdout:
        assert process.stdout.readline().split() == [b"True", b"1"]
        assert process.poll() is None
        kill_group(process)
    assert process.returncode == -signal.SIGKILL
    kill_group(process)
