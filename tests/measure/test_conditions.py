"""What is kept away from a measurement, and that it comes back."""

import contextlib
import cProfile
import gc
import os
import stat
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from itertools import pairwise
from pathlib import Path
from types import FunctionType

import pytest

import pytest_efficiency
from pytest_efficiency import Unclear, gil, memory, scaling
from pytest_efficiency import speedup as speedup_of
from pytest_efficiency.measure.batches import SpeedupMeter
from pytest_efficiency.measure.conditions import Alone, Conditions, Lock, _ranges, core_lock, settle, undisturbed
from pytest_efficiency.measure.highwater import measure_peak
from pytest_efficiency.measure.ladder import Ladder
from pytest_efficiency.measure.leaks import measure_leak
from pytest_efficiency.measure.quota import Level, Quota
from pytest_efficiency.measure.ticker import probe_gil
from pytest_efficiency.subject.here import Here
from pytest_efficiency.subject.protocol import Call


def test_garbage_collection_is_off_inside_and_back_afterwards():
    """On stays on and off stays off, also when the block raises."""
    assert gc.isenabled()
    inside = []

    def fail():
        with undisturbed():
            inside.append(gc.isenabled())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == [False]
    assert gc.isenabled()
    gc.disable()
    try:
        with undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("module", [sys, threading])
@pytest.mark.parametrize("hook", ["trace", "profile"])
def test_tracers_are_suspended_and_restored(module, hook):
    """Both hooks, of this thread and of those to come: absent inside, named, and the same object afterwards."""
    get, set_ = getattr(module, f"get{hook}"), getattr(module, f"set{hook}")

    def mine(*_):
        return None

    before = get()
    set_(mine)
    try:
        with undisturbed() as found:
            inside = get()
        after = get()
    finally:
        set_(before)
    assert inside is None
    assert after is mine
    assert f"{module.__name__}.set{hook}" in found.suspended
    assert not found.blocked


def test_nothing_to_suspend_is_nothing_said():
    """Without tracers both lists are empty."""
    hooks = sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()
    with undisturbed() as found:
        pass
    assert not found.blocked
    if hooks == (None,) * 4 and not hasattr(sys, "monitoring"):
        assert not found.suspended


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
def test_tools_of_sys_monitoring_are_suspended_and_restored():
    """Global and local events stop arriving inside, and arrive again afterwards; what a tool holds is unchanged."""
    monitoring = sys.monitoring
    tool = next(number for number in (4, 3, 1, 0, 2, 5) if monitoring.get_tool(number) is None)
    events = monitoring.events
    seen = []

    def measured():
        return 1

    monitoring.use_tool_id(tool, "test tool")
    try:
        callbacks = {
            events.PY_START: lambda code, *_: seen.append(("start", code)),
            events.LINE: lambda code, *_: seen.append(("line", code)),
        }
        for event, callback in callbacks.items():
            monitoring.register_callback(tool, event, callback)
        monitoring.set_events(tool, events.PY_START)
        monitoring.set_local_events(tool, measured.__code__, events.LINE)

        def kinds():
            seen.clear()
            measured()
            return {kind for kind, code in seen if code is measured.__code__}

        assert kinds() == {"start", "line"}
        with undisturbed() as found:
            assert kinds() == set()
        assert kinds() == {"start", "line"}
        assert "sys.monitoring tool test tool" in found.suspended
        assert monitoring.get_tool(tool) == "test tool"
        assert monitoring.get_events(tool) == events.PY_START
        assert monitoring.get_local_events(tool, measured.__code__) == events.LINE
        for event, callback in callbacks.items():
            assert monitoring.register_callback(tool, event, None) is callback
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
def test_local_events_cost_nothing_inside_and_come_back_where_they_were_disabled(speedup, monkeypatch):
    """A tool watches each line of one function: suspended it costs what an equal one without a tool does."""
    monitoring = sys.monitoring
    tool = next(number for number in (4, 3, 1, 0, 2, 5) if monitoring.get_tool(number) is None)
    lines = []

    def plain():
        total = 0
        for i in range(300):
            if i % 3:
                total += i
            else:
                total -= 1
        return total

    watched = FunctionType(plain.__code__.replace(co_name="watched"), globals(), "watched")
    monitoring.use_tool_id(tool, "test tool")
    try:
        monitoring.register_callback(tool, monitoring.events.LINE, lambda _code, line: lines.append(line))
        monitoring.set_local_events(tool, watched.__code__, monitoring.events.LINE)
        assert speedup(watched, over=plain) >= 0.75
        lines.clear()
        watched()
        assert len(lines) > 600
        # Both ways: where nothing but the callback is taken away, each line still costs its event.
        monitoring.register_callback(tool, monitoring.events.LINE, None)
        monkeypatch.setitem(
            SpeedupMeter.__init__.__kwdefaults__, "conditions", lambda: contextlib.nullcontext(Conditions())
        )
        assert speedup(plain, over=watched) >= 1.2
    finally:
        monitoring.set_events(tool, 0)
        monitoring.set_local_events(tool, watched.__code__, 0)
        monitoring.free_tool_id(tool)


def test_everything_comes_back_after_an_exception_in_every_meter(monkeypatch):
    """A candidate that raises in its third call leaves the collector and the tracer as they were."""

    def tracer(*_):
        return None

    for measure in (
        lambda f: list(SpeedupMeter(Here(f), Here(abs), call=Call((1,))).rounds()),
        lambda f: list(Ladder(Here(f), lambda n: (n,)).rounds()),
        lambda f: probe_gil(Here(f), Call((1,))),
        lambda f: measure_leak(Here(f), Call((1,))),
        lambda f: measure_peak(Here(f), Call((1,))),
    ):
        calls = []

        def third_time(n, calls=calls):
            calls.append((gc.isenabled(), sys.gettrace()))
            if len(calls) > 2:
                raise KeyError
            return n

        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            with pytest.raises(KeyError):
                measure(third_time)
            assert sys.gettrace() is tracer
        finally:
            sys.settrace(before)
        assert gc.isenabled()
        assert calls[0] == (True, tracer)  # the first call is the one that coverage sees
        assert calls[-1] == (False, None)


HOLD = """
import sys
from pathlib import Path
from pytest_efficiency.measure.conditions import core_lock
with core_lock(30.0, cores=[int(sys.argv[2])], folder=Path(sys.argv[1])) as lock:
    print(lock.held, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_run(tmp_path):
    """Starts a process that holds the lock of a core until the test ends."""
    started = []
    environment = {**os.environ, "PYTHONPATH": str(Path(pytest_efficiency.__file__).parents[1])}

    def start(core):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / "locks"), str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        started.append(process)
        assert process.stdout.readline() == b"True\n"
        return process

    yield start
    for process in started:
        process.communicate(timeout=60.0)


def test_runs_on_the_same_core_exclude_each_other(tmp_path, other_run):
    """While another process holds core 1 its lock is contended, an unpinned run too; core 0 alone is free."""
    other_run(1)
    folder = tmp_path / "locks"
    with core_lock(0.05, cores=[1], folder=folder) as same:
        assert not same.held
        assert "core 1" in same.note
        assert same.waited >= 0.05
    with core_lock(0.05, cores=[0, 1], folder=folder) as all_of_them:
        assert not all_of_them.held
        assert "0, 1" in all_of_them.note
    with core_lock(0.05, cores=[0], folder=folder) as beside:
        assert beside.held


def test_a_run_that_was_killed_holds_nothing(tmp_path, other_run):
    """The kernel gives the lock back: the next run does not wait for a process that is gone."""
    process = other_run(0)
    process.kill()
    process.wait(60.0)
    with core_lock(10.0, cores=[0], folder=tmp_path / "locks") as lock:
        assert lock.held


def test_a_measurement_inside_another_does_not_wait_for_itself(tmp_path):
    """The same process may enter twice, and again after it has left."""
    for _ in range(2):
        with core_lock(5.0, cores=[0], folder=tmp_path) as outer, core_lock(5.0, cores=[0], folder=tmp_path) as inner:
            assert outer.held
            assert inner.held


def test_a_measurement_inside_a_contended_one_is_contended(tmp_path, other_run):
    """The inner one has what the outer one has, and no more."""
    other_run(0)
    folder = tmp_path / "locks"
    with core_lock(0.05, cores=[0], folder=folder) as outer, core_lock(0.05, cores=[0], folder=folder) as inner:
        assert not outer.held
        assert not inner.held
        assert inner.note == outer.note


def test_threads_of_one_process_take_turns(tmp_path):
    """The kernel's lock belongs to the process, so a second thread waits here, and no longer than its deadline."""
    found = []

    def other():
        with core_lock(0.05, cores=[0], folder=tmp_path) as lock:
            found.append(lock)

    with core_lock(5.0, cores=[0], folder=tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert [lock.held for lock in found] == [False]
    assert "another thread" in found[0].note
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert found[1].held


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_neither_holds_nor_keeps_the_lock(tmp_path):
    """A pool that the measured code forks must not keep others out after the run that started it has died."""
    code = """
        import os, sys, time
        from pathlib import Path
        from pytest_efficiency.measure.conditions import core_lock
        folder = Path(sys.argv[1])
        with core_lock(5.0, cores=[0], folder=folder):
            if os.fork() == 0:
                with core_lock(0.05, cores=[0], folder=folder) as inside:
                    print(inside.held, flush=True)
                sys.stdin.read()
                os._exit(0)
            time.sleep(0.5)
            os._exit(1)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"False\n"
        process.wait(60.0)
        with core_lock(10.0, cores=[0], folder=tmp_path) as lock:
            assert lock.held
        process.stdin.close()


def test_two_runs_alternate(tmp_path):
    """A run that lets go and wants the lock again at once does not keep the other one out."""
    code = """
        import sys, time
        from pathlib import Path
        from pytest_efficiency.measure.conditions import core_lock
        folder, log = Path(sys.argv[1]), open(sys.argv[2], "a", buffering=1)
        (folder / sys.argv[3]).touch()
        while len(list(folder.glob("ready*"))) < 2:
            time.sleep(0.001)
        for _ in range(40):
            with core_lock(30.0, cores=[0, 1], folder=folder) as lock:
                start = time.monotonic()
                time.sleep(0.004)
                log.write(f"{sys.argv[3]} {start} {time.monotonic()} {lock.held}\\n")
    """
    folder, log = tmp_path / "locks", tmp_path / "log"
    folder.mkdir(mode=0o700)
    command = [sys.executable, "-c", textwrap.dedent(code), str(folder), str(log)]
    runs = [subprocess.Popen([*command, name]) for name in ("ready1", "ready2")]
    assert [run.wait(120.0) for run in runs] == [0, 0]
    lines = sorted((line.split() for line in log.read_text().splitlines()), key=lambda line: float(line[1]))
    assert all(held == "True" for *_, held in lines)
    assert all(float(one[2]) <= float(next_one[1]) for one, next_one in pairwise(lines))
    names = [line[0] for line in lines]
    # Strict turns as long as both want it; without a queue one run took all of its forty first.
    assert sum(one != next_one for one, next_one in pairwise(names)) > 60


def test_the_lock_follows_no_link_and_uses_no_folder_of_others(tmp_path):
    """A link in place of the lock file, or a folder that others may write to, is not used, and is said."""
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    folder = tmp_path / "locks"
    folder.mkdir(mode=0o700)
    (folder / "cores.lock").symlink_to(victim)
    with core_lock(0.05, cores=[0], folder=folder) as lock:
        assert "no lock between runs" in lock.note
    assert victim.read_text() == "untouched"
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with core_lock(0.05, cores=[0], folder=open_to_all) as lock:
        assert "alone" in lock.note


def test_the_lock_makes_a_private_folder(tmp_path):
    """Nobody else may list or write it, and the files are for this user only."""
    folder = tmp_path / "new"
    with core_lock(0.05, cores=[0], folder=folder) as lock:
        assert lock.held
        assert lock.note == ""
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE((folder / "cores.lock").stat().st_mode) & 0o077 == 0
    assert folder.stat().st_uid == os.getuid()


def test_neighbouring_cores_are_one_range():
    """However many cores there are, an unpinned run locks them at once."""
    assert _ranges(range(128)) == [(0, 128)]
    assert _ranges([5, 0, 1, 7, 6, 1]) == [(0, 2), (5, 3)]
    assert _ranges([]) == []


def lock_of(held=True, note="", waited=0.0):
    return lambda: contextlib.nullcontext(Lock(held, note, waited))


def test_what_could_not_be_kept_away_makes_a_claim_void():
    """A lock not obtained in any of the parts, or a tracer that goes on: a reason. Otherwise none."""
    alone = Alone(lock=lock_of(), quota=Quota())
    with alone.part():
        assert not gc.isenabled()
    assert (alone.void, alone.notes) == ("", ())
    locks = iter([Lock(held=False, note="contended", waited=2.0), Lock(held=True, waited=0.5)])
    alone = Alone(lock=lambda: contextlib.nullcontext(next(locks)), quota=Quota())
    for _ in range(2):
        with alone.part():
            pass
    assert (alone.void, alone.notes, alone.waited) == ("contended", ("contended",), 2.5)
    blocked = Alone(lock=lock_of(), conditions=lambda: contextlib.nullcontext(Conditions(blocked=["x"])), quota=Quota())
    with blocked.part():
        pass
    assert "tracing could not be suspended (x)" in blocked.void


class FakeQuota(Quota):
    """Stands still for so many seconds whenever it is asked again."""

    def throttled(self):
        asked.append(None)
        return step * len(asked)


asked, step = [], 0.0


@pytest.mark.parametrize(("stood", "wrong"), [(10.0, True), (1e-9, False)])
def test_a_quota_that_stops_the_clock_is_a_reason_on_the_wall_clock_alone(monkeypatch, stood, wrong):
    """More than 5 % of the time spent standing still; the line for the report is there in any case."""
    monkeypatch.setattr(sys.modules[__name__], "step", stood)
    quota = FakeQuota((Level(Path("/nowhere"), 0.5, "cgroup cpu.max"),))
    alone = Alone(lock=lock_of(), quota=quota)
    with alone.part():
        time.sleep(0.001)
        assert bool(alone.throttled_wall()) is wrong
    assert bool(alone.throttled_wall()) is wrong
    assert "CPU quota of 0.5 cores (cgroup cpu.max); throttled for" in alone.notes[0]
    assert alone.void == ""


@pytest.mark.parametrize("kind", ["speedup", "scaling", "gil", "peak", "leak"])
def test_every_kind_of_claim_is_unclear_where_another_run_keeps_the_cores(kind, monkeypatch):
    """Contended is no verdict, and the reason is said."""
    note = "contended: other runs measured on core 0 for 60 s"
    monkeypatch.setattr(
        Alone.__init__, "__kwdefaults__", {**Alone.__init__.__kwdefaults__, "lock": lock_of(False, note)}
    )
    for module in ("claim", "speedup"):
        monkeypatch.setattr(sys.modules[f"pytest_efficiency.assertions.{module}"], "pause", lambda _: None)
    monkeypatch.setitem(SpeedupMeter.__init__.__kwdefaults__, "lock", lock_of(False, note))
    claims = {
        "speedup": lambda: speedup_of(sorted, over=sorted, args=([3, 1, 2],)) >= 0.1,
        "scaling": lambda: scaling(sorted, lambda n: (list(range(n)),), budget=0.5) <= "n^2",
        "gil": lambda: gil(time.sleep, 0.001).released,
        "peak": lambda: memory(list, range(10)).peak <= "8 MB",
        "leak": lambda: memory(list, range(10)).leaked <= "0 B",
    }
    with pytest.raises(Unclear, match="contended: other runs measured on core 0"):
        claims[kind]()


def test_a_profiler_of_c_goes_on_after_the_measurement():
    """cProfile shows an object that cannot be called as its hook, and counts calls before and after, not inside."""

    def work():
        return 1

    profile = cProfile.Profile()
    profile.enable()
    try:
        work()
        with undisturbed() as found:
            assert not found.blocked
            for _ in range(10):
                work()
        work()
    finally:
        profile.disable()
    profile.create_stats()
    counts = {name: calls for (_, _, name), (calls, *_) in profile.stats.items()}
    assert counts["work"] == 2


def test_a_thread_that_spins_is_waited_for() -> None:
    """As long as it does: BLAS lets its threads spin after use, and a call would seem to have threads inside."""
    until = time.monotonic() + 0.05
    done = threading.Event()

    def spin() -> None:
        data = bytes(1 << 20)
        while time.monotonic() < until:
            zlib.crc32(data)  # without the GIL
        done.set()

    thread = threading.Thread(target=spin)
    thread.start()
    assert settle(limit=10.0)
    assert done.is_set()
    thread.join()


def test_a_thread_that_never_rests_is_not_waited_for_for_ever() -> None:
    """The measurement goes on, and says so to whoever asks."""
    enough = threading.Event()

    def spin() -> None:
        data = bytes(1 << 20)
        while not enough.is_set():
            zlib.crc32(data)

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        assert not settle(limit=0.02)
    finally:
        enough.set()
        thread.join()
    assert settle(limit=10.0)
