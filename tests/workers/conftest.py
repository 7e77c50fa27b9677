"""Workers for tests: inside limits tight enough that this machine survives whatever a test finds broken."""

from __future__ import annotations

import contextlib
import os
import select
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from pytest_efficiency.wall.process import Limits
from pytest_efficiency.workers.pool import Pool
from pytest_efficiency.workers.spec import ModuleSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TIGHT = Limits(address_space=4 * 2**30, file_size=2**28, open_files=128, processes=64, cpu_seconds=60)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """One pool for the tests of a module."""
    pool = Pool(limits=TIGHT)
    yield pool
    pool.close()


@pytest.fixture
def module(tmp_path: Path) -> Callable[..., ModuleSpec]:
    """Write a submission and describe it."""

    def write(source: str, **options: Any) -> ModuleSpec:
        path = tmp_path / "answer.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return ModuleSpec("answer", path, **options)

    return write


@pytest.fixture
def watch() -> Iterator[Callable[[int], Callable[[], bool]]]:
    """Keep an eye on a process: ``watch(pid)`` gives a function that waits until it has ended, and says whether."""
    with contextlib.ExitStack() as stack:

        def watch(pid: int) -> Callable[[], bool]:
            # A descriptor of the process and not its number, which may be given to another.
            fd = os.pidfd_open(pid)
            stack.callback(os.close, fd)

            def has_ended() -> bool:
                poll = select.poll()
                poll.register(fd, select.POLLIN)
                return bool(poll.poll(20_000))

            return has_ended

        yield watch
