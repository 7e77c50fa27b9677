"""Which clock is chosen, from fixed timings; and the kernel's figures against `time`."""

import os
import sys
import threading
import time

import pytest

from pytest_efficiency.measure.clocks import RunQueue, Sample, choose_clock
from pytest_efficiency.subject.protocol import Timing


def sample(wall, cpu, process=None, waited=0.0):
    return Sample(Timing(1, wall, cpu, cpu if process is None else process), waited)


WORK = [sample(0.010, 0.010)] * 3


def test_pure_work_is_read_by_cpu_time_or_by_the_wall_if_short():
    """CPU time from a millisecond on, wall time below, without a reason to give."""
    assert choose_clock(WORK, WORK).clock == "CPU time"
    short = choose_clock(WORK, WORK, short=True)
    assert (short.clock, short.why) == ("wall time", "")


def test_waiting_for_a_core_is_not_sleeping():
    """CPU / wall of 0.33 is work beside two busy loops when the kernel says it waited, and sleep when it did not."""
    crowded = [sample(0.030, 0.010, waited=0.019)] * 3
    asleep = [sample(0.030, 0.010)] * 3
    assert choose_clock(WORK, crowded).clock == "CPU time"
    choice = choose_clock(WORK, asleep)
    assert choice.clock == "wall time"
    assert "candidate sleeps" in choice.why
    assert "reference sleeps" in choose_clock(asleep, WORK).why


def test_threads_inside_need_the_wall_clock():
    """Twice the CPU time in the process; 10 % more is another thread's bookkeeping."""
    choice = choose_clock(WORK, [sample(0.010, 0.010, process=0.020)] * 3)
    assert choice.threads
    assert "threads inside" in choice.why
    assert choose_clock(WORK, [sample(0.010, 0.010, process=0.011)] * 3).clock == "CPU time"


def test_a_call_that_waits_for_its_own_threads_does_not_sleep():
    """A pool's calling thread uses no CPU: whose waiting for a core counts is that of the others."""
    pool = [sample(0.010, 0.0002, process=0.018)] * 3
    assert choose_clock(WORK, pool).threads
    assert choose_clock(pool, WORK).threads
    crowded = [sample(0.040, 0.0002, process=0.018)] * 3
    assert choose_clock(WORK, crowded).threads
    # Another thread's bookkeeping during a sleep is no work that it waits for.
    asleep = choose_clock(WORK, [sample(0.100, 0.0002, process=0.001)] * 3)
    assert (asleep.clock, asleep.threads) == ("wall time", False)


def test_one_odd_sample_of_three_decides_nothing():
    """An interrupted calibration does not switch the clock."""
    odd = [sample(0.010, 0.010), sample(0.050, 0.010), sample(0.010, 0.010, process=0.030)]
    assert choose_clock(odd, odd).clock == "CPU time"


def test_times_of_zero_choose_a_clock_all_the_same():
    """A clock that stands still is no division by zero."""
    assert choose_clock([sample(0.0, 0.0)], [sample(0.0, 0.0)]).clock == "CPU time"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="schedstat is Linux's")
def test_running_and_waiting_make_up_the_wall_time_of_pure_work():
    """For a busy loop CPU time plus the waiting that the kernel reports is the wall time, whatever else runs."""
    queue = RunQueue(os.getpid(), threading.get_native_id())
    waited, cpu, wall = queue.waited(), time.thread_time(), time.perf_counter()
    while time.thread_time() - cpu < 0.1:
        pass
    wall, cpu, waited = time.perf_counter() - wall, time.thread_time() - cpu, queue.waited() - waited
    queue.close()
    assert cpu + waited == pytest.approx(wall, rel=0.3)
    assert queue.waited() == 0.0


def test_a_process_that_does_not_exist_has_waited_for_nothing():
    """A worker that has just ended is no error of the clock's."""
    queue = RunQueue(1 << 30)
    assert (queue.waited(), queue.all_waited()) == (0.0, 0.0)
    assert RunQueue(os.getpid()).all_waited() >= 0.0
