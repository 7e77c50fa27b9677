"""What submissions do to their worker, and what the parent makes of it."""

from __future__ import annotations

import math
import os
import resource
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pytest_efficiency.errors import (
    CandidateRaised,
    CpuLimitReached,
    DeadlinePassed,
    SetupFailed,
    WireError,
    WorkerDied,
)
from pytest_efficiency.subject.protocol import Call
from pytest_efficiency.subject.worker import RemoteModule, WorkerSubject
from pytest_efficiency.workers import channel as channel_module
from pytest_efficiency.workers import frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_efficiency.workers.pool import Pool
    from pytest_efficiency.workers.spec import ModuleSpec

    Module = Callable[..., ModuleSpec]
    Watch = Callable[[int], Callable[[], bool]]


def test_it_runs_elsewhere(pool: Pool, module: Module) -> None:
    """A call runs in another process, whose number is the subject's, and not in this one."""
    spec = module("import os\ndef pid(): return os.getpid()")
    answer = RemoteModule(pool, spec)
    shared = answer.pid()
    assert shared == answer.pid() != os.getpid()
    subject = answer.pid.subject()
    subject.put([Call()])
    subject.go()
    assert subject.get() == [subject.pid]
    assert subject.pid not in {shared, os.getpid()}
    subject.close()


# ---- deaths

DEATHS = {
    "segfault": ("import ctypes\nctypes.string_at(0)", r"segmentation fault \(SIGSEGV\)[^\x00]*line 5 in f"),
    "_exit": ("import os\nos._exit(3)", r"left with exit status 3 \(os\._exit or exit\(\)\)"),
    "_exit(0)": ("import os\nos._exit(0)", r"left with exit status 0"),
    "abort": ("import os\nos.abort()", r"aborted \(SIGABRT\)"),
    "killed": ("import os\nos.kill(os.getpid(), 9)", r"killed \(SIGKILL\): out of memory\?"),
    "terminated": ("import os\nos.kill(os.getpid(), 15)", r"ended by signal SIGTERM"),
    "hung up": ("import os\nos.close(3)\nwhile True: pass", r"closed its connection"),
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_death_in_a_call_is_told(pool: Pool, module: Module, death: str) -> None:
    """A worker that dies in a call costs that call: the message says how, and the next one has a new worker."""
    body, words = DEATHS[death]
    answer = RemoteModule(pool, module(indented(body) + "\ndef g(): return 5"))
    with pytest.raises(WorkerDied, match=rf"answer\.py ended its process while calling f: {words}"):
        answer.f()
    assert answer.g() == 5


def indented(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"\n\ndef f():\n{lines}"


@pytest.mark.parametrize("death", [name for name in DEATHS if name != "hung up"])
def test_a_death_at_import_is_told(pool: Pool, module: Module, death: str) -> None:
    """A module whose import kills its process is set-up that failed."""
    body, words = DEATHS[death]
    words = words.replace("[^\\x00]*line 5 in f", "")
    with pytest.raises(SetupFailed, match=rf"answer\.py ended its process while being imported: {words}"):
        RemoteModule(pool, module(body)).f()


HANGS = {
    "Python": "while True: pass",
    "C, with the GIL": "import ctypes\nwhile True: ctypes.PyDLL(None).pause()",
    "C, without the GIL": "import ctypes\nwhile True: ctypes.CDLL(None).usleep(100_000)",
    "deaf to signals": "import signal\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: signal.pause()",
}


@pytest.mark.parametrize("hang", HANGS)
def test_a_hang_in_a_call_is_ended(pool: Pool, module: Module, watch: Watch, hang: str) -> None:
    """A call that does not return is ended at its limit, its process too, and the message names the function."""
    spec = module(indented(HANGS[hang]), call_limit=0.3)
    subject = WorkerSubject(pool, spec, "f")
    has_ended = watch(subject.pid)
    subject.put([Call()])
    with pytest.raises(DeadlinePassed, match=r"answer\.py did not return from f within 0\.3 s"):
        subject.go()
    assert has_ended()
    with pytest.raises(DeadlinePassed):
        subject.get()
    subject.close()


@pytest.mark.parametrize("hang", HANGS)
def test_a_hang_at_import_is_ended_and_costs_its_limit_once(pool: Pool, module: Module, hang: str) -> None:
    """A module that hangs while being imported is ended at its set-up limit; asking again waits no second time."""
    answer = RemoteModule(pool, module(HANGS[hang], setup_limit=0.3))
    with pytest.raises(SetupFailed, match=r"answer\.py was not imported within 0\.3 s"):
        answer.f()
    births = len(pool._channels)
    with pytest.raises(SetupFailed, match=r"was not imported within"):
        answer.g()
    assert len(pool._channels) == births


def test_waiting_for_a_core_is_not_charged(module: Module, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time in which the worker could not run does not count towards its limit, up to a factor."""
    subject = WorkerSubject(pool, module("import time\ndef f(): time.sleep(0.8)", call_limit=0.2), "f")
    clock = subject._channel._clock
    assert clock is not None
    monkeypatch.setattr(clock, "delay", lambda: 100.0)
    subject.put([Call()])
    assert subject.go().wall >= 0.8
    subject.close()
    subject = WorkerSubject(pool, module("import time\ndef f(): time.sleep(60)", call_limit=0.1), "f")
    monkeypatch.setattr(subject._channel._clock, "delay", lambda: 100.0)
    subject.put([Call()])
    with pytest.raises(DeadlinePassed):
        subject.go()
    subject.close()


# ---- exceptions

EXCEPTIONS: dict[str, tuple[str, type[Exception], str]] = {
    "ValueError": ("raise ValueError('no', 3)", ValueError, r"\('no', 3\)"),
    "KeyError": ("{}['x']", KeyError, r"^'x'\n"),
    "ZeroDivisionError": ("1 / 0", ZeroDivisionError, "division by zero"),
    "AssertionError": ("assert 1 == 2, 'not so'", AssertionError, "not so"),
    "FileNotFoundError": ("open('/no/such')", FileNotFoundError, "No such file"),
    "RecursionError": ("f()", RecursionError, "maximum recursion"),
    "MemoryError": ("raise MemoryError('all')", MemoryError, "^all"),
    "UnicodeDecodeError": ("b'\\xff'.decode()", CandidateRaised, "UnicodeDecodeError: .*invalid start byte"),
    "StopIteration": ("next(iter(()))", CandidateRaised, "StopIteration"),
    "SystemExit": ("import sys; sys.exit(3)", CandidateRaised, r"SystemExit: 3 \(answer\.py, line \d+\)"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt('x')", CandidateRaised, "KeyboardInterrupt: x"),
    "interrupted": ("import os; os.kill(os.getpid(), 2)\n    while True: pass", CandidateRaised, "KeyboardInterrupt"),
    "BaseException": ("raise BaseException('deep')", CandidateRaised, "BaseException: deep"),
    "its own": ("raise type('Mine', (BaseException,), {})('x')", CandidateRaised, "Mine: x"),
    "skip": ("import pytest; pytest.skip('please')", CandidateRaised, "Skipped: please"),
    "mute": ("raise type('Mute', (Exception,), {'__str__': None})", CandidateRaised, "Mute: .*could not be read"),
    "escape codes": ("raise ValueError('\\x1b[31mred\\x1b[0m\\r')", ValueError, r"^\[31mred\[0m\n"),
    "long": ("raise ValueError('x' * 10**6)", ValueError, r"^x{500}\.\.\.\n"),
    "big int": ("raise ValueError(10**50)", ValueError, r"^10{50}\n"),
    "surrogate": ("raise ValueError('\\ud800')", ValueError, "\ud800"),
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_cross(pool: Pool, module: Module, name: str) -> None:
    """A built-in exception is raised here as itself, any other as CandidateRaised; the worker lives on."""
    body, kind, words = EXCEPTIONS[name]
    answer = RemoteModule(pool, module(f"def f():\n    {body}\nimport os\ndef pid(): return os.getpid()"))
    before = answer.pid()
    with pytest.raises(kind, match=words) as caught:
        answer.f()
    assert type(caught.value) is kind
    assert answer.pid() == before


def test_exceptions_say_where(pool: Pool, module: Module) -> None:
    """The learner's own line is a note on the exception, or in the text of a CandidateRaised."""
    answer = RemoteModule(pool, module("import json\ndef f():\n    json.loads('{')\n"))
    with pytest.raises(CandidateRaised, match=r"JSONDecodeError: .*\(answer\.py, line 3\)"):
        answer.f()
    answer = RemoteModule(pool, module("def f():\n\n    return [][1]"))
    with pytest.raises(IndexError) as caught:
        answer.f()
    assert caught.value.__notes__ == ["raised in answer.py, line 3"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "x = 1\n1 / 0",
            r"answer\.py could not be imported: ZeroDivisionError: division by zero \(answer\.py, line 2\)",
        ),
        ("def f(:", r"SyntaxError: .*answer\.py, line 1"),
        ("import sys\nsys.exit('bye')", "SystemExit: bye"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("print('look here')\nraise BaseException", r"BaseException[^\x00]*look here"),
    ],
    ids=["raises", "syntax", "exits", "interrupts", "imports", "speaks"],
)
def test_a_module_that_raises_is_setup_that_failed(pool: Pool, module: Module, source: str, words: str) -> None:
    """What a module raises while being imported, and what it wrote, is in the message."""
    with pytest.raises(SetupFailed, match=words):
        RemoteModule(pool, module(source)).f()


def test_an_unknown_function_is_answered_with_the_known(pool: Pool, module: Module) -> None:
    """A misspelt name is an AttributeError at the call, which lists the functions that the module defines."""
    spec = module(
        "from math import sqrt\nimport os\nLIMIT = 3\ndef merge(): pass\ndef merge_sort(): pass\ndef _own(): pass"
    )
    answer = RemoteModule(pool, spec)
    with pytest.raises(AttributeError, match=r"answer\.py has no function 'merge_srot'; .*: merge, merge_sort$"):
        answer.merge_srot([])
    with pytest.raises(TypeError, match=r"'LIMIT' in answer\.py is a int, not a function"):
        answer.LIMIT()
    assert {"merge", "merge_sort"} <= set(dir(answer))


# ---- floods, lies, leftovers


def test_a_flood_neither_blocks_nor_fills(pool: Pool, module: Module) -> None:
    """Output is drained while a call runs; its end is kept, the rest counted."""
    source = """
    import os
    def flood(megabytes):
        for _ in range(megabytes * 16):
            os.write(1, b'x' * 65535 + b'\\n')
        print('the end')
        return megabytes
    def die():
        print('last words')
        os._exit(1)
    """
    spec = module(source)
    subject = WorkerSubject(pool, spec, "flood")
    subject.put([Call((20,))])
    subject.go()
    assert subject.get() == [20]
    said = subject._channel.output()
    assert said.endswith("the end\n")
    assert len(said) <= channel_module.KEPT_OUTPUT
    assert subject._channel.flooded >= 20 * 2**20 - channel_module.KEPT_OUTPUT
    subject.close()
    with pytest.raises(WorkerDied, match=r"The end of what it wrote:\nlast words"):
        RemoteModule(pool, spec).die()


def test_a_flood_at_import_does_not_block(pool: Pool, module: Module) -> None:
    """A module that fills its pipe while being imported is loaded all the same, also when started ahead."""
    spec = module("import os\nfor _ in range(64): os.write(2, b'x' * 65536)\ndef f(): return 1")
    pool.ahead(spec)
    subject = WorkerSubject(pool, spec, "f")
    subject.put([Call()])
    subject.go()
    assert subject.get() == [1]
    subject.close()


LIES: dict[str, tuple[str, type[Exception], str]] = {
    "noise": ("os.write(3, b'\\xff' * 100)", WireError, "a message of at most"),
    "a forged receipt": (
        "os.write(3, struct.pack('<IIQ', 12, 0, 0) + b'\\x93\\xc4\\x0812345678\\xc3\\xc0'[:12])",
        WireError,
        "a reply",
    ),
    "an oversized reply": ("os.write(3, struct.pack('<IIQ', 2**32 - 1, 0, 0))", WireError, "a message of at most"),
    "a slow drip": ("os.write(3, b'\\0')\n    while True: pass", DeadlinePassed, "did not return from f"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_forged_reply_ends_the_worker(pool: Pool, module: Module, watch: Watch, lie: str) -> None:
    """A reply that is none of ours is an error of its own call, and its worker is ended."""
    body, kind, words = LIES[lie]
    spec = module(f"import os, struct\ndef f():\n    {body}\n    return 1", call_limit=1.0)
    subject = WorkerSubject(pool, spec, "f")
    has_ended = watch(subject.pid)
    subject.put([Call()])
    with pytest.raises(kind, match=words):
        subject.go()
    assert has_ended()
    subject.close()


def test_a_reply_before_its_request_ends_the_worker(pool: Pool, module: Module, watch: Watch) -> None:
    """Nothing may be readable before a request is sent."""
    source = """
    import os, threading
    reading, writing = os.pipe()
    def f():
        def speak():
            os.read(reading, 1)
            os.write(3, b'x' * 100)
        threading.Thread(target=speak, daemon=True).start()
    def g():
        os.write(writing, b'x')
    """
    spec = module(source)
    subject = WorkerSubject(pool, spec, "f")
    has_ended = watch(subject.pid)
    channel = subject._channel
    channel.put("f", [((), {})], keep=True)
    channel.run("f")
    channel.put("g", [((), {})], keep=True)

    def go_on() -> None:
        for _ in range(10_000):
            channel.run("g")

    with pytest.raises(WireError, match=r"answer\.py: a "):
        go_on()
    assert has_ended()
    subject.close()


def test_what_a_worker_started_ends_with_it(pool: Pool, module: Module, watch: Watch) -> None:
    """Children of a worker end with it: in its group, in a session of their own, and adopted daemons."""
    source = """
    import os, signal
    def linger(how):
        reading, writing = os.pipe()
        if os.fork() == 0:
            if how != 'child':
                os.setsid()
            if how == 'daemon' and os.fork():
                os._exit(0)
            signal.alarm(120)
            os.write(writing, str(os.getpid()).encode())
            while True:
                signal.pause()
        if how == 'daemon':
            os.wait()
        return int(os.read(reading, 100))
    """
    spec = module(source)
    for how in ("child", "session", "daemon"):
        subject = WorkerSubject(pool, spec, "linger")
        subject.put([Call((how,))])
        subject.go()
        has_ended = watch(*subject.get())
        subject.close()
        assert has_ended()


# ---- values


def test_values_cross_both_ways(pool: Pool, module: Module) -> None:
    """What goes through a function that returns its argument comes back the same."""
    answer = RemoteModule(pool, module("def same(x): return x\ndef kind(x): return type(x).__name__"))
    for value in (
        3**500,
        (1, (2,)),
        {1, (2, 3)},
        frozenset("ab"),
        1 - 2j,
        {1: {"x": [None]}},
        bytearray(b"x"),
        "\ud800",
    ):
        back = answer.same(value)
        assert type(back) is type(value)
        assert back == value
        assert answer.kind(value) == type(value).__name__
    assert math.isnan(answer.same(math.nan))
    scalar = answer.same(np.float32(0.1))
    assert type(scalar) is np.float32
    assert scalar == np.float32(0.1)


@pytest.mark.parametrize("memory_files", [True, False])
def test_large_arrays_cross_both_ways(
    pool: Pool, module: Module, memory_files: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 MB of floats, a strided and a read-only view of them arrive there and back, by memory file and without."""
    monkeypatch.setattr(frames, "HAVE_MEMORY_FILES", memory_files)
    source = """
    def look(a):
        return a.strides, a.flags.writeable, a.flags.c_contiguous, a.flags.owndata, float(a.sum())
    def same(a):
        return a
    """
    answer = RemoteModule(pool, module(source))
    array = np.arange(1e6).reshape(1000, 1000)
    frozen = array.copy()
    frozen.flags.writeable = False
    for value in (array, array[:, ::2], array[::-1].T, frozen, array):
        strides, writeable, contiguous, _, total = answer.look(value)
        assert strides == value.strides
        assert writeable == value.flags.writeable
        assert contiguous == value.flags.c_contiguous
        assert total == pytest.approx(value.sum())
        back = answer.same(value)
        assert back.strides == value.strides
        assert back.flags.writeable == value.flags.writeable
        assert np.array_equal(back, value)


def test_what_cannot_cross_is_named_both_ways(pool: Pool, module: Module) -> None:
    """An argument or a result that cannot cross is named with type and place, and the worker lives on."""
    answer = RemoteModule(pool, module("class Foo: pass\ndef f(*args): return [1, {'x': Foo()}]\ndef g(): return 1"))
    with pytest.raises(WireError, match="argument 2 of f, key 'y': an object of type object"):
        answer.f(1, {"y": object()})
    with pytest.raises(WireError, match=r"answer\.py: the result of f, item 1, key 'x': an object of type answer\.Foo"):
        answer.f(1)
    assert answer.g() == 1


def test_objects_that_lie_are_not_asked(pool: Pool, module: Module) -> None:
    """Subclasses with methods of their own do not cross, so that none of these is ever called here."""
    source = """
    import numpy as np
    class Yes(int):
        __eq__ = lambda self, other: True
        __hash__ = int.__hash__
    class Array(np.ndarray):
        pass
    def number(): return Yes(3)
    def array(): return np.zeros(3).view(Array)
    """
    answer = RemoteModule(pool, module(source))
    for name, kind in (("number", "Yes"), ("array", "Array")):
        with pytest.raises(WireError, match=f"the result of {name}: an object of type answer.{kind}"):
            getattr(answer, name)()


# ---- clocks

BURN = """
import resource, threading, time
def used(): return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
def burn(seconds):
    before, end = used(), time.process_time() + seconds
    while time.process_time() < end: pass
    return used() - before
def beside(seconds):
    thread = threading.Thread(target=burn, args=(seconds,))
    thread.start()
    thread.join()
def later(seconds):
    threading.Thread(target=burn, args=(seconds,), daemon=True).start()
def child(seconds):
    import os
    if os.fork() == 0:
        burn(seconds)
        os._exit(0)
    os.wait()
def idle(seconds): time.sleep(seconds)
def nothing(): pass
"""


def test_the_clock_from_outside_agrees_with_the_one_inside(pool: Pool, module: Module) -> None:
    """CPU time read from outside is what the worker's own resource usage says, within a few per cent."""
    subject = WorkerSubject(pool, module(BURN), "burn")
    for seconds in (0.02, 0.1, 0.3):
        subject.put([Call((seconds,))] * 2)
        timing = subject.go()
        inside = sum(subject.get())
        assert timing.calls == 2
        assert timing.process_cpu == pytest.approx(inside, rel=0.05, abs=5e-3)
        assert timing.cpu == pytest.approx(inside, rel=0.05, abs=5e-3)
        assert timing.wall >= timing.cpu * 0.99
    subject.close()


def test_sleeping_costs_no_cpu_time(pool: Pool, module: Module) -> None:
    """A call that sleeps costs wall time alone."""
    subject = WorkerSubject(pool, module(BURN), "idle")
    subject.put([Call((0.2,))])
    timing = subject.go()
    assert timing.wall >= 0.2
    assert timing.process_cpu < 0.05
    subject.close()


@pytest.mark.parametrize("who", ["beside", "child"])
def test_threads_and_children_show_as_a_difference(pool: Pool, module: Module, who: str) -> None:
    """What other threads and finished children burn is in the process's time and not in the main thread's."""
    subject = WorkerSubject(pool, module(BURN), who)
    subject.put([Call((0.2,))])
    timing = subject.go()
    assert timing.process_cpu >= 0.17
    assert timing.cpu < 0.05
    subject.close()


def test_work_between_calls_is_charged(pool: Pool, module: Module) -> None:
    """CPU time burnt by a thread between two calls shows as time elsewhere, which honest code has next to none of."""
    channel = pool.fresh(module(BURN))
    channel.put("nothing", [((), {})], keep=True)
    channel.go("nothing")
    assert channel.go("nothing").elsewhere < 0.02
    channel.put("later", [((0.2,), {})], keep=True)
    started = channel.go("later")
    clock = channel._clock
    assert clock is not None
    before = clock.process() - started.process_cpu
    give_up = time.monotonic() + 60
    while clock.process() - before < 0.2 and time.monotonic() < give_up:
        time.sleep(0.01)
    assert started.process_cpu + channel.go("nothing").elsewhere >= 0.18
    channel.close()


def test_a_cpu_limit_stops_a_batch(pool: Pool, module: Module, watch: Watch) -> None:
    """A batch is stopped at its CPU limit and says what it had used; one below its limit is not."""
    channel = pool.fresh(module(BURN))
    has_ended = watch(channel.pid)
    channel.put("burn", [((0.05,), {})], keep=True)
    assert channel.go("burn", cpu_limit=1.0).process_cpu < 1.0
    channel.put("burn", [((20.0,), {})], keep=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with pytest.raises(CpuLimitReached, match=r"answer\.py: burn was stopped at 0\.1 s of CPU time") as caught:
        channel.go("burn", cpu_limit=0.1)
    assert 0.1 <= caught.value.seconds < 0.5
    # Waiting for the limit is not done by spinning.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 0.05
    assert has_ended()
    channel.close()


def test_a_call_that_is_stopped_while_it_imports_says_so(pool: Pool, module: Module) -> None:
    """An import on the first call is no work; a loop is, also where it runs in C and hears no signal of Python's."""
    source = """
    import sys
    def imports():
        from importlib.machinery import ModuleSpec
        class Slow:
            def find_spec(self, name, path, target=None):
                if name == "slow":
                    while True: pass
        sys.meta_path.insert(0, Slow())
        import slow
    def burns():
        while True: pass
    def burns_in_c():
        import hashlib
        hashlib.pbkdf2_hmac("sha256", b"", b"", 1 << 30)
    """
    spec = module(source)
    for name, expected in (("imports", True), ("burns", False), ("burns_in_c", False)):
        channel = pool.fresh(spec)
        channel.put(name, [((), {})], keep=True)
        with pytest.raises(CpuLimitReached) as caught:
            channel.go(name, cpu_limit=0.05)
        assert caught.value.setting_up is expected
        channel.close()


def test_a_receipt_always_has_the_same_size(pool: Pool, module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reply to *go* is as long after an exception as after success, and carries nothing."""
    sizes: list[int] = []
    opened = channel_module.Channel._receipt

    def weigh(self: Any, frame: frames.Frame, nonce: bytes, name: str) -> None:
        sizes.append(len(frame.message))
        opened(self, frame, nonce, name)

    monkeypatch.setattr(channel_module.Channel, "_receipt", weigh)
    answer = RemoteModule(pool, module("def f(): return 'x' * 1000\ndef g(): raise ValueError('y' * 1000)"))
    answer.f()
    with pytest.raises(ValueError, match="yyy"):
        answer.g()
    assert len(sizes) == 2
    assert sizes[0] == sizes[1]
