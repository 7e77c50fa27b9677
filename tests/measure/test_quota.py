"""CPU quotas of control groups: from texts, from a tree of folders, and live where this machine lets us make one."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pytest_efficiency.measure.quota import (
    Level,
    Quota,
    find_quota,
    parse_cpu_max,
    parse_cpu_stat,
    parse_groups,
    parse_mounts,
)

STAT_2 = """usage_usec 3127544
user_usec 2900000
system_usec 227544
nr_periods 40
nr_throttled 13
throttled_usec 512345
nr_bursts 0
burst_usec 0
"""
STAT_1 = "nr_periods 11\nnr_throttled 10\nthrottled_time 494045428\nnr_bursts 0\nburst_time 0\n"
MOUNT_2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
# A container without a namespace of its own for control groups: what is mounted is its group, not the root.
MOUNT_BOUND = "612 601 0:26 /docker/abc /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n"
MOUNT_1 = (
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
)


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("50000 100000\n", 0.5),
        ("250000 100000\n", 2.5),
        ("20000\n", 0.2),
        ("max 100000\n", math.inf),
        ("", math.inf),
        ("what 100000\n", math.inf),
        ("-1 100000\n", math.inf),
        ("10000 0\n", math.inf),
    ],
)
def test_cpu_max_is_read_as_cores(text: str, cores: float) -> None:
    """Quota over period; "max" and what cannot be understood limit nothing."""
    assert parse_cpu_max(text) == cores


def test_cpu_stat_tells_the_throttled_time_in_seconds() -> None:
    """Microseconds in version 2, nanoseconds in version 1, zero where the kernel does not tell."""
    assert parse_cpu_stat(STAT_2) == (13, pytest.approx(0.512345))
    assert parse_cpu_stat(STAT_1) == (10, pytest.approx(0.494045428))
    assert parse_cpu_stat("usage_usec 5\nnonsense\nnr_throttled x\n") == (0, 0.0)


def test_the_group_of_each_hierarchy_is_found() -> None:
    """Version 2 is the one without controllers; names may hold colons."""
    groups = parse_groups("12:cpu,cpuacct:/a/b\n9:name=systemd:/\n0::/user.slice/x:y\n")
    assert groups == {"cpu": "/a/b", "cpuacct": "/a/b", "name=systemd": "/", "": "/user.slice/x:y"}


def test_mounts_are_found_among_others() -> None:
    """The hierarchy with the cpu controller, not cpuset or the tmpfs around them."""
    assert parse_mounts(MOUNT_2) == {"": ("/", "/sys/fs/cgroup")}
    assert parse_mounts(MOUNT_BOUND) == {"": ("/docker/abc", "/sys/fs/cgroup")}
    assert parse_mounts(MOUNT_1) == {
        "cpu": ("/", "/sys/fs/cgroup/cpu,cpuacct"),
        "": ("/", "/sys/fs/cgroup/unified"),
    }
    assert parse_mounts("short line\nx - y\n") == {}


def tree(root: Path, group: str, mounts: str, files: dict[str, str]) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(group)
    (root / "proc/self/mountinfo").write_text(mounts)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_limit_of_a_group_around_counts_as_well(tmp_path: Path) -> None:
    """The strictest of all levels is the limit, and whichever stood still longest is what was lost."""
    files = {
        "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        "sys/fs/cgroup/a/b/cpu.stat": STAT_2.replace("512345", "0"),
        "sys/fs/cgroup/a/cpu.max": "50000 100000\n",
        "sys/fs/cgroup/a/cpu.stat": STAT_2,
    }
    quota = find_quota(tree(tmp_path, "0::/a/b\n", MOUNT_2, files), 2)
    assert quota.cores == 0.5
    assert quota.throttled() == pytest.approx(0.512345)
    assert quota.words() == "CPU quota of 0.5 cores (cgroup cpu.max)"
    assert quota.lines(0.12) == ("CPU quota of 0.5 cores (cgroup cpu.max); throttled for 120 ms during this claim",)
    assert "not throttled" in quota.lines(0.0)[0]


@pytest.mark.parametrize("group", ["0::/\n", "0::/docker/abc\n"])
def test_a_container_sees_its_own_limit(tmp_path: Path, group: str) -> None:
    """With and without a namespace of its own, where the folder that is mounted is its group."""
    mounts = MOUNT_2 if group == "0::/\n" else MOUNT_BOUND
    quota = find_quota(tree(tmp_path, group, mounts, {"sys/fs/cgroup/cpu.max": "150000 100000\n"}), 2)
    assert quota.cores == 1.5
    assert quota.throttled() == 0.0


def test_version_1_is_understood(tmp_path: Path) -> None:
    """Quota and period are two files there, and -1 is no limit."""
    place = "sys/fs/cgroup/cpu,cpuacct/job/"
    files = {
        place + "cpu.cfs_quota_us": "30000\n",
        place + "cpu.cfs_period_us": "100000\n",
        place + "cpu.stat": STAT_1,
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    quota = find_quota(tree(tmp_path, "1:cpu,cpuacct:/job\n0::/\n", MOUNT_1, files), 2)
    assert quota.cores == pytest.approx(0.3)
    assert quota.source == "cgroup cpu.cfs_quota_us"
    assert quota.throttled() == pytest.approx(0.494045428)


@pytest.mark.parametrize("text", ["max 100000\n", "200000 100000\n", "400000 100000\n"])
def test_a_limit_that_cannot_bind_is_none(tmp_path: Path, text: str) -> None:
    """As many cores as the process may use anyway: nothing is said and nothing read."""
    quota = find_quota(tree(tmp_path, "0::/\n", MOUNT_2, {"sys/fs/cgroup/cpu.max": text}), 2)
    assert quota == Quota()
    assert (quota.words(), quota.lines(1.0), quota.cores, quota.source) == ("", (), math.inf, "")


def test_a_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    """No /proc, or a group that lies outside of what can be seen."""
    assert find_quota(tmp_path, 2) == Quota()
    outside = tree(tmp_path / "outside", "0::/../other\n", MOUNT_2, {"sys/fs/cgroup/cpu.max": "50000 100000\n"})
    assert find_quota(outside, 2).cores == 0.5
    assert Level(tmp_path, 0.5, "x").throttled() == 0.0


LIVE = """
    import hashlib, os, sys
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from pytest_efficiency import Unclear, speedup
    from pytest_efficiency.measure.quota import find_quota

    # Looks that follow each other at once are as unclear, and sooner over.
    sys.modules["pytest_efficiency.assertions.speedup"].pause = lambda _: None
    Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
    assert 0.29 < find_quota().cores < 0.31, find_quota()

    def work(n=150_000):
        total = 0
        for i in range(n):
            total += i
        return total

    def hashed(rounds):
        with ThreadPoolExecutor(2) as pool:
            done = pool.map(lambda salt: hashlib.pbkdf2_hmac("sha256", b"password", salt, rounds), [b"a", b"b"])
            return list(done)[0][0] * 0

    verdict = speedup(lambda: work(30_000), over=work, equal=None) >= 2.5
    print(verdict.outcome, verdict.clock, *verdict.details, sep="|")
    try:
        verdict = speedup(lambda: hashed(5_000), over=lambda: hashed(40_000)) >= 1.2
    except Unclear as unclear:
        verdict = unclear.verdict
    print(verdict.outcome, verdict.clock, verdict.message, sep="|")
"""


def own_group() -> Path | None:
    """A group with a limit of 0.3 cores, where this user may make one."""
    try:
        mounts = parse_mounts(Path("/proc/self/mountinfo").read_text())
    except OSError:
        return None
    for controller, quota, text in (("", "cpu.max", "30000 100000"), ("cpu", "cpu.cfs_quota_us", "30000")):
        if controller not in mounts:
            continue
        folder = Path(mounts[controller][1], f"pytest-efficiency-{os.getpid()}")
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            if not (folder / quota).exists():
                raise PermissionError
            (folder / quota).write_text(text)
        except OSError:
            folder.rmdir()
            continue
        return folder
    return None


def test_a_live_quota_is_named_and_takes_no_verdict_from_cpu_time() -> None:
    """Under 0.3 cores CPU time decides as ever; the wall clock of calls that stood still does not."""
    folder = own_group()
    if folder is None:
        pytest.skip("this user may not make control groups with a quota here")
    try:
        found = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(LIVE), str(folder)], capture_output=True, text=True, check=False
        )
    finally:
        folder.rmdir()
    assert found.returncode == 0, found.stderr
    by_cpu, by_wall = found.stdout.splitlines()
    assert by_cpu.startswith("passed|CPU time|")
    assert "CPU quota of 0.3 cores" in by_cpu
    assert "during this claim" in by_cpu  # a fast verdict may come before the first pause
    assert by_wall.startswith("unclear|wall time|")
    assert "CPU quota of 0.3 cores" in by_wall
