"""Whole runs of pytest under coverage, under other tracers, and beside each other: verdicts stay what they are.

Each check is tried both ways: with what it is about taken away, the same claims come out visibly wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from pytest_efficiency.measure import quota

CODE = """
def looped(n=3000):
    total = 0
    for i in range(n):
        if i % 2:
            total += i
        else:
            total -= 1
    return total

def in_c(n=20_000):
    return sum(range(n)) * 0 + looped(0)

def only_here(n):
    if n > 0:
        return 1
    return 2

def mixed(n):
    # In C like n, and in lines of Python like its root: a tracer that is on makes the second part the larger one.
    total = sum(range(n))
    for i in range(int(n ** 0.5) * 30):
        total += i
        total -= i
    return total

def root_of(n):
    total = 0
    for i in range(int(n ** 0.5) * 30):
        total += i
        total -= i
    return total
"""

# What the true ratio is, is asked first, of the same two functions without any tracer; then both bounds are claimed.
CLAIMS = """
import json
from pathlib import Path

import code_under_test as code

TRUE = json.loads(Path("true.json").read_text()) if Path("true.json").exists() else None

def test_ratio(speedup):
    claim = speedup(code.in_c, over=code.looped, equal=None)
    back = speedup(code.looped, over=code.in_c, equal=None)
    if TRUE is None:
        Path("true.json").write_text(json.dumps(claim.ratio))
        assert back >= claim.ratio ** -1 * 0.6
        return
    assert claim >= TRUE * 0.6
    assert back >= 0.6 / TRUE

def test_growth(scaling):
    assert scaling(code.mixed, lambda n: (n,), over=code.root_of, sizes=[10_000, 30_000, 100_000, 300_000]) <= "n"
    claim = scaling(code.mixed, lambda n: (n,), over=code.root_of, sizes=[10_000, 30_000, 100_000, 300_000])
    assert claim.exponent > 0.2

def test_memory(memory):
    assert memory(code.looped).leaked <= "0 B"
    assert memory(bytearray, 8_000_000).peak <= "1.1 outputs"

def test_lines_after_a_claim(speedup):
    assert speedup(code.only_here, over=code.looped, args=(3,), equal=None) >= 2
    after = code.only_here(0)
    assert after == 2
"""

# The two places where whatever is to be kept away is suspended.
SUSPENDS_NOTHING = """
from pytest_efficiency.measure import conditions
conditions._HOOKS = ()
conditions._suspend_monitoring = lambda *_: None
"""

RESTORED = """
import sys

def state():
    found = [sys.gettrace()]
    monitoring = getattr(sys, "monitoring", None)
    for tool in range(6) if monitoring else ():
        if monitoring.get_tool(tool) is None:
            continue
        import code_under_test
        found += [tool, monitoring.get_tool(tool), monitoring.get_events(tool)]
        for function in vars(code_under_test).values():
            if hasattr(function, "__code__"):
                found.append(monitoring.get_local_events(tool, function.__code__))
        for event in (1 << number for number in range(17)):
            try:
                callback = monitoring.register_callback(tool, event, None)
                monitoring.register_callback(tool, event, callback)
            except ValueError:
                continue
            found.append((event, callback))
    return found

def test_tracers_are_as_they_were(speedup, memory, gil, scaling):
    import code_under_test as code

    code.looped(5), code.in_c(5), code.mixed(5), state()
    before = state()
    assert any(one is not None for one in before), "nothing traces, so nothing is tested"
    assert speedup(code.in_c, over=code.looped, equal=None) >= 0.01
    assert memory(code.looped).leaked <= "0 B"
    assert memory(code.looped).peak <= "8 MB"
    assert gil(code.looped).held
    assert scaling(code.looped, lambda n: (n,)) <= "n"
    assert state() == before
"""


def cores() -> list[str]:
    """The ways in which coverage can watch this Python."""
    return ["ctrace", "sysmon"] if hasattr(sys, "monitoring") else ["ctrace", "pytrace"]


def lines_of(pytester: pytest.Pytester) -> set[int]:
    """The lines of the code under test that coverage reports as run."""
    subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", "cov.json"], cwd=pytester.path, check=True)
    files = json.loads((pytester.path / "cov.json").read_text())["files"]
    return set(files["code_under_test.py"]["executed_lines"])


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose tests claim something of code that is watched line by line."""
    # Our own run may be under coverage itself.
    for name in ("COV_CORE_SOURCE", "COV_CORE_CONFIG", "COV_CORE_DATAFILE", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(code_under_test=CODE)
    return pytester


@pytest.mark.parametrize("core", cores())
def test_verdicts_under_coverage_are_those_without(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, core: str
) -> None:
    """The same ratio, growth and memory; lines that a claim runs, and those after it, are covered all the same."""
    project.makepyfile(test_them=CLAIMS)
    arguments = ("-p", "no:cacheprovider", "-p", "no:benchmark")
    project.runpytest_subprocess(*arguments, "-k", "ratio").assert_outcomes(passed=1, deselected=3)
    monkeypatch.setenv("COVERAGE_CORE", core)
    project.runpytest_subprocess(*arguments, "--cov=code_under_test").assert_outcomes(passed=4)
    lines = (project.path / "code_under_test.py").read_text().splitlines()
    run = {lines[number - 1].strip() for number in lines_of(project)}
    assert {"total += i", "total -= 1", "return 1", "return 2", "return sum(range(n)) * 0 + looped(0)"} <= run


@pytest.mark.parametrize("core", cores())
def test_what_traces_is_as_it_was_after_every_kind_of_claim(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, core: str
) -> None:
    """The tracer, and of sys.monitoring the tools, their events, those of each function, and their callbacks."""
    project.makepyfile(test_them=RESTORED)
    monkeypatch.setenv("COVERAGE_CORE", core)
    project.runpytest_subprocess("-p", "no:benchmark", "--cov=code_under_test").assert_outcomes(passed=1)


def test_without_suspending_coverage_the_same_claims_are_wrong(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: a ratio changes with the tracer, if nobody takes it away."""
    project.makepyfile(test_them=CLAIMS)
    project.runpytest_subprocess("-p", "no:benchmark", "-k", "ratio").assert_outcomes(passed=1, deselected=3)
    project.makeconftest(SUSPENDS_NOTHING)
    monkeypatch.setenv("COVERAGE_CORE", "ctrace")
    result = project.runpytest_subprocess("-p", "no:benchmark", "--cov=code_under_test", "-k", "ratio")
    result.assert_outcomes(failed=1, deselected=3)


# A tracer that keeps what it sees, and is as slow as those written in Python are.
KEEPS = """
import hashlib
import sys
import threading
import time
from pathlib import Path

import code_under_test as code
import pytest

kept = []

keeps = False

def tracer(frame, event, arg):
    if keeps:
        # Of a size that goes back to the kernel when it is freed, so that one test leaves no room for the next.
        kept.append(bytes(600))
    else:
        for _ in range(10):
            pass
    return tracer

@pytest.fixture(autouse=True)
def traced(request):
    global keeps
    kept.clear()
    keeps = "memory" in request.fixturenames
    sys.settrace(tracer)
    yield
    sys.settrace(None)

def small_hashes():
    # Each lets go of the GIL for some 30 us; the lines around it hold it.
    block = bytes(50_000)
    for _ in range(20):
        hashlib.sha256(block)
        for _ in range(400):
            pass
            pass
            pass

def counts():
    total = 0
    for i in range(50):
        total += i
    return total

def test_leak(memory):
    assert memory(counts).leaked <= "0 B"

def test_peak(memory):
    def many():
        for i in range(20_000):
            i += 1
        return bytes(1_000_000)

    assert memory(many).peak <= "2 MB"

def test_gil(gil):
    assert gil(small_hashes).released

def test_growth(scaling):
    sizes = [10_000, 30_000, 100_000, 300_000]
    claim = scaling(code.mixed, lambda n: (n,), over=code.root_of, sizes=sizes, budget=1)
    assert claim.exponent > 0.2
"""


@pytest.mark.parametrize("suspended", [True, False])
def test_memory_growth_and_the_gil_under_a_tracer_of_python(pytester: pytest.Pytester, suspended: bool) -> None:
    """What the tracer keeps is no leak of the code, and its time is not the code's; left on, all four are wrong."""
    pytester.makepyfile(code_under_test=CODE, test_them=KEEPS)
    if not suspended:
        pytester.makeconftest(SUSPENDS_NOTHING)
    result = pytester.runpytest_subprocess("-p", "no:benchmark", "--efficiency-unclear=fail")
    result.assert_outcomes(**({"passed": 4} if suspended else {"failed": 4}))


# Each call of a candidate writes down when it was made; the first call of a look, which no figure contains, is made
# before the lock is taken.
BESIDE = """
import os
import time
from pathlib import Path

import pytest
from pytest_efficiency.measure import conditions

if os.environ.get("UNLOCKED"):
    import contextlib
    from pytest_efficiency.measure import batches

    free = lambda: contextlib.nullcontext(conditions.Lock(held=True))
    conditions.Alone.__init__.__kwdefaults__["lock"] = free
    batches.SpeedupMeter.__init__.__kwdefaults__["lock"] = free

calls, before = [], []

def candidate(n=0):
    start = time.monotonic()
    end = start + 0.002
    while time.monotonic() < end:
        pass
    if conditions._outer or os.environ.get("UNLOCKED"):
        calls.append((start, time.monotonic()))
    else:
        before.append(start)
    return 7

def slower(n=0):
    return max(candidate(n) for _ in range(4))

@pytest.fixture(autouse=True)
def written():
    calls.clear()
    before.clear()
    yield
    assert len(before) <= 4, "only the first call of each of four looks is made without the lock"
    with Path(os.environ["LOG"]).open("a") as log:
        log.writelines(f"{os.getpid()} {start} {end}\\n" for start, end in calls)

@pytest.mark.parametrize("number", range(4))
def test_speedup(speedup, number):
    assert speedup(candidate, over=slower) >= 2

@pytest.mark.parametrize("number", range(2))
def test_scaling(scaling, number):
    assert scaling(candidate, lambda n: (n,), sizes=[1, 2, 4, 8, 16, 32], budget=0.4) <= "n^2"

@pytest.mark.parametrize("number", range(2))
def test_gil(gil, number):
    assert gil(candidate).held

@pytest.mark.parametrize("number", range(2))
def test_memory(memory, number):
    assert memory(candidate).leaked <= "64 kB"
"""


def overlaps(log: Path) -> tuple[int, int]:
    """How many calls of one process lie inside calls of another, and how often measuring passed between them."""
    calls = sorted(
        (float(start), float(end), int(pid))
        for pid, start, end in (line.split() for line in log.read_text().splitlines())
    )
    turns = [(one, other) for one, other in pairwise(calls) if one[2] != other[2]]
    return sum(other[0] < one[1] for one, other in turns), len(turns)


@pytest.mark.parametrize("way", ["xdist", "two runs", "unlocked"])
def test_timed_parts_of_two_runs_never_overlap(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """pytest -n 2, and two runs beside each other: no call of the one lies within a call of the other."""
    pytester.makepyfile(BESIDE)
    log = pytester.path / "log"
    monkeypatch.setenv("LOG", str(log))
    # Not the folder of this user, where the run of these tests has its own lock.
    monkeypatch.setenv("TMPDIR", str(pytester.path))
    if way == "unlocked":
        monkeypatch.setenv("UNLOCKED", "1")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark"]
    if way == "xdist":
        runs = [subprocess.Popen([*command, "-n", "2", "--dist=load"], cwd=pytester.path, stdout=subprocess.PIPE)]
    else:
        runs = [subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE) for _ in range(2)]
    said = [run.communicate(timeout=240)[0].decode() for run in runs]
    assert all("failed" not in one and "error" not in one for one in said), said
    inside, turns = overlaps(log)
    assert turns > 0
    assert (inside > 0) is (way == "unlocked")


@pytest.mark.parametrize("claims", [True, False])
def test_a_quota_is_named_where_claims_were_made(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, claims: bool
) -> None:
    """In the summary, and to nobody who claims nothing."""
    level = quota.Level(Path("/nowhere"), 0.5, "cgroup cpu.max")
    monkeypatch.setattr(quota, "find_quota", lambda: quota.Quota((level,)))
    test = "assert speedup(abs, over=lambda n: [abs(n) for _ in range(100)][0], args=(1,)) >= 2" if claims else "pass"
    pytester.makepyfile(f"def test_it(speedup):\n    {test}")
    result = pytester.runpytest("-p", "no:benchmark")
    result.assert_outcomes(passed=1)
    assert ("CPU quota of 0.5 cores (cgroup cpu.max)" in result.stdout.str()) is claims
