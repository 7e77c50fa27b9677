"""What is kept away from a measurement, and that it comes back."""

import gc
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import pytest_efficiency
from pytest_efficiency.measure.conditions import core_lock, undisturbed


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
    """Global and local events stop arriving inside, and arrive again afterwards."""
    monitoring = sys.monitoring
    tool = next(number for number in (4, 3, 1, 0, 2, 5) if monitoring.get_tool(number) is None)
    events = monitoring.events
    seen = []

    def measured():
        return 1

    monitoring.use_tool_id(tool, "test tool")
    try:
        monitoring.register_callback(tool, events.PY_START, lambda code, *_: seen.append(("start", code)))
        monitoring.register_callback(tool, events.LINE, lambda code, *_: seen.append(("line", code)))
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
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


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
    with core_lock(0.05, cores=[0, 1], folder=folder) as all_of_them:
        assert not all_of_them.held
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


def test_the_lock_follows_no_link_and_uses_no_folder_of_others(tmp_path):
    """A link in place of the lock file, or a folder that others may write to, is not used, and is said."""
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    folder = tmp_path / "locks"
    folder.mkdir(mode=0o700)
    (folder / "core-0.lock").symlink_to(victim)
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
    assert stat.S_IMODE((folder / "core-0.lock").stat().st_mode) & 0o077 == 0
    assert folder.stat().st_uid == os.getuid()
