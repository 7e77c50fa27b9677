"""Where the workers of a pair run, and that everybody is let go again."""

import os
import random
import subprocess
import sys

import pytest

from pytest_efficiency.measure.cores import OneCore


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.kill()
    process.communicate()


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two cores to choose from"
)
def test_a_process_is_held_on_one_core_and_this_thread_on_the_others(sleeper):
    """Both get back what they had."""
    ours, theirs = os.sched_getaffinity(0), os.sched_getaffinity(sleeper)
    core = OneCore(random.Random(1))
    try:
        core.hold(sleeper)
        core.hold(sleeper)
        assert len(os.sched_getaffinity(sleeper)) == 1
        assert os.sched_getaffinity(0) == ours - os.sched_getaffinity(sleeper)
    finally:
        core.release()
    assert os.sched_getaffinity(0) == ours
    assert os.sched_getaffinity(sleeper) == theirs


def test_a_process_that_has_ended_is_no_problem():
    """Nobody is moved then."""
    core = OneCore(random.Random(1))
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    core.hold(1 << 30)
    assert before is None or os.sched_getaffinity(0) == before
    core.release()
