"""A callable of this process as a subject."""

import functools
import os
import signal
import sys
import threading
import time
import timeit
import types

import pytest

from pytest_efficiency.errors import CpuLimitReached
from pytest_efficiency.subject.here import Here, subject_name
from pytest_efficiency.subject.protocol import Call


def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return seconds


def test_results_come_in_order_with_arguments_and_keywords():
    """Each call gets its own; with ``keep=False`` the last result alone is kept."""
    subject = Here(lambda a, b=0: a + b)
    subject.put([Call((1,)), Call((2,), {"b": 10}), Call((3,), {"b": 20})])
    assert subject.go().calls == 3
    assert subject.get() == [1, 12, 23]
    subject.put([Call((1,), {"b": 5})] * 4, keep=False)
    subject.go()
    assert subject.get() == [6]
    subject.put([])
    assert subject.go().calls == 0
    assert subject.get() == []


def test_a_batch_may_be_repeated():
    """The same inputs are used again."""
    calls = []
    subject = Here(calls.append)
    subject.put([Call((1,)), Call((2,))])
    subject.go()
    subject.go()
    assert calls == [1, 2, 1, 2]


def test_both_clocks_are_those_of_the_time_module():
    """A spin of 30 ms is 30 ms of CPU time in thread and process; a sleep is wall time only."""
    subject = Here(spin)
    subject.put([Call((0.01,))] * 3)
    timing = subject.go()
    assert timing.cpu == pytest.approx(0.03, rel=0.2)
    assert timing.process_cpu >= timing.cpu
    assert timing.wall >= timing.cpu * 0.99
    sleeper = Here(time.sleep)
    sleeper.put([Call((0.02,))])
    timing = sleeper.go()
    assert timing.wall >= 0.02
    assert timing.cpu < 0.01
    assert timing.elsewhere == 0.0


@pytest.mark.parametrize("function", [abs, lambda x: x + 1], ids=["C", "Python"])
def test_a_call_costs_what_timeit_says(function):
    """The loop around short calls adds no more to them than `timeit`'s own, within 60 ns and 40 %."""
    subject = Here(function)
    subject.put([Call((1,))] * 20_000, keep=False)
    ours, theirs = [], []
    for _ in range(7):
        ours.append(subject.go().cpu / 20_000)
        theirs.append(timeit.timeit(lambda: function(1), number=20_000, timer=time.thread_time) / 20_000)
    assert min(ours) < min(theirs) * 1.4 + 60e-9


def test_exceptions_are_the_functions_own():
    """Nothing is wrapped."""
    subject = Here(lambda: {}["missing"])
    subject.put([Call()])
    with pytest.raises(KeyError, match="missing"):
        subject.go()


def test_a_call_is_stopped_at_its_cpu_limit():
    """An endless loop ends near the limit, says what it used, and leaves signal and timer as they were."""

    def endless():
        while True:
            pass

    before = signal.getsignal(signal.SIGPROF)
    subject = Here(endless)
    subject.put([Call()])
    with pytest.raises(CpuLimitReached, match="endless was stopped") as stopped:
        subject.go(cpu_limit=0.05)
    assert 0.05 <= stopped.value.seconds < 0.5
    assert signal.getsignal(signal.SIGPROF) is before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_code_that_swallows_exceptions_is_stopped_all_the_same():
    """``except Exception`` does not catch the stop."""

    def stubborn():
        while True:
            try:
                while True:
                    pass
            except Exception:  # noqa: BLE001  what is tested
                continue

    subject = Here(stubborn)
    subject.put([Call()])
    with pytest.raises(CpuLimitReached):
        subject.go(cpu_limit=0.05)


def test_a_call_within_its_limit_is_timed_as_usual():
    """The limit costs nothing and leaves nothing behind."""
    subject = Here(spin)
    subject.put([Call((0.01,))])
    assert subject.go(cpu_limit=10.0).cpu == pytest.approx(0.01, rel=0.5)
    assert subject.get() == [0.01]
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_a_handler_of_somebody_else_is_left_alone():
    """With both timers' signals taken the call simply runs to its end."""

    def theirs(*_):
        return None

    signals = signal.SIGPROF, signal.SIGVTALRM
    before = [signal.signal(number, theirs) for number in signals]
    try:
        subject = Here(spin)
        subject.put([Call((0.05,))])
        assert subject.go(cpu_limit=0.01).cpu >= 0.05
        assert [signal.getsignal(number) for number in signals] == [theirs, theirs]
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def test_outside_the_main_thread_a_call_runs_to_its_end():
    """Signals are the main thread's; elsewhere a limit is no limit and no error."""
    found = []

    def run():
        subject = Here(spin)
        subject.put([Call((0.03,))])
        found.append(subject.go(cpu_limit=0.005).cpu)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60.0)
    assert found[0] >= 0.03


def test_compiling_in_an_installed_package_is_not_stopped(tmp_path, monkeypatch):
    """A first call that spends its time in another package (a JIT, an import) runs to its end."""
    package = tmp_path / "site-packages"
    package.mkdir()
    (package / "some_jit_for_a_test.py").write_text(
        "import time\ndef compiled():\n    end = time.thread_time() + 0.1\n    while time.thread_time() < end: pass\n"
    )
    monkeypatch.syspath_prepend(str(package))
    import some_jit_for_a_test

    def reference():
        some_jit_for_a_test.compiled()
        return "done"

    subject = Here(reference)
    subject.put([Call()])
    assert subject.go(cpu_limit=0.02).cpu >= 0.1
    assert subject.get() == ["done"]
    # The same code as the reference itself is its own work.
    subject = Here(some_jit_for_a_test.compiled)
    subject.put([Call()])
    with pytest.raises(CpuLimitReached):
        subject.go(cpu_limit=0.02)


def test_a_probe_runs_beside_the_function(monkeypatch):
    """The probe of that name gets the function, the arguments and the options."""
    module = types.ModuleType("pytest_efficiency.probes.of_a_test")
    module.probe = lambda function, args, kwargs, **options: {"result": function(*args, **kwargs), **options}
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert Here(pow).probe("of_a_test", Call((2, 5), {"mod": 7}), rounds=3) == {"result": 4, "rounds": 3}


def test_it_lives_in_this_process_and_closes_twice():
    """The pid is ours; trim and close are safe at any time."""
    subject = Here(print)
    assert subject.pid == os.getpid()
    assert subject.home == "here"
    subject.trim()
    subject.close()
    subject.close()


class Callable:
    def __call__(self):
        return None

    def method(self):
        return None


def test_names_are_short():
    """Local functions without their surroundings, methods with their class, partials with what they wrap."""

    def local():
        return None

    assert subject_name(local) == "local"
    assert subject_name(sorted) == "sorted"
    assert subject_name(Callable().method) == "Callable.method"
    assert subject_name(Callable()) == "Callable"
    assert subject_name(functools.partial(pow, 2)) == "partial of pow"
    assert subject_name(lambda: None) == "<lambda>"
    assert Here(pow, "power").name == "power"
