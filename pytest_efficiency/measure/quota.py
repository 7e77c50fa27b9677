"""How much CPU time a container leaves to this process, and for how long it had to stand still for it.

The kernel takes all cores away from a control group that has used up its share of a period (100 ms as a rule), until
the next one begins. CPU time does not see that, and the wall clock takes it for work.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Level:
    """One control group with a limit: this process's own, or one around it. ``cores`` is the limit in cores."""

    folder: Path
    cores: float
    source: str

    def throttled(self) -> float:
        """Seconds that it has stood still in its life."""
        try:
            return parse_cpu_stat((self.folder / "cpu.stat").read_text())[1]
        except OSError:
            return 0.0


@dataclass(frozen=True)
class Quota:
    """The limits that this process runs under; none as a rule."""

    levels: tuple[Level, ...] = ()

    @property
    def cores(self) -> float:
        """The strictest limit, in cores; infinite where there is none."""
        return min((level.cores for level in self.levels), default=math.inf)

    @property
    def source(self) -> str:
        """The file that holds the strictest limit: "cgroup cpu.max"; empty where there is none."""
        return min(self.levels, key=lambda level: level.cores).source if self.levels else ""

    def throttled(self) -> float:
        """Seconds that this process has been made to stand still since its group exists, at most."""
        return max((level.throttled() for level in self.levels), default=0.0)

    def words(self) -> str:
        """The limit in words; empty where there is none."""
        return f"CPU quota of {self.cores:.3g} cores ({self.source})" if self.levels else ""

    def lines(self, throttled: float) -> tuple[str, ...]:
        """A line for the report of a claim that stood still for ``throttled`` seconds; none without a limit."""
        if not self.levels:
            return ()
        stood = f"throttled for {throttled * 1e3:.0f} ms" if throttled > 0.0 else "not throttled"
        return (f"{self.words()}; {stood} during this claim",)


def parse_cpu_max(text: str) -> float:
    """Cores that ``cpu.max`` allows (control groups of version 2): "50000 100000" is 0.5, "max 100000" no limit."""
    fields = text.split()
    if not fields or fields[0] == "max":
        return math.inf
    return _share(fields[0], fields[1] if len(fields) > 1 else "100000")


def _share(quota: str, period: str) -> float:
    try:
        allowed, of = int(quota), int(period)
    except ValueError:
        return math.inf
    return allowed / of if allowed > 0 and of > 0 else math.inf


def parse_cpu_stat(text: str) -> tuple[int, float]:
    """How often a group was throttled, and for how many seconds, from ``cpu.stat`` of version 1 or 2."""
    values = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if value.strip().isdigit():
            values[name] = int(value)
    seconds = values["throttled_usec"] * 1e-6 if "throttled_usec" in values else values.get("throttled_time", 0) * 1e-9
    return values.get("nr_throttled", 0), seconds


def parse_groups(text: str) -> dict[str, str]:
    """The group of a process for each controller, from ``/proc/PID/cgroup``; "" is the hierarchy of version 2."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, colon, group = rest.partition(":")
        if colon:
            found.update(dict.fromkeys(controllers.split(","), group))
    return found


def parse_mounts(text: str) -> dict[str, tuple[str, str]]:
    """Where control groups are mounted, from ``/proc/self/mountinfo``: "" (version 2) or "cpu" to (group, folder).

    The group is the one that appears as the folder itself: a container often sees no more than its own.
    """
    found: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            found.setdefault("", (fields[3], fields[4]))
        elif kind[0] == "cgroup" and "cpu" in kind[2].split(","):
            found.setdefault("cpu", (fields[3], fields[4]))
    return found


@cache
def find_quota(root: Path = Path("/"), cpus: int | None = None) -> Quota:
    """The limits of this process; looked up once.

    Args:
        root: where ``proc`` and ``sys`` are.
        cpus: how many cores this process may use, from its affinity mask. A limit of as many is none.
    """
    try:
        groups = parse_groups((root / "proc/self/cgroup").read_text())
        mounts = parse_mounts((root / "proc/self/mountinfo").read_text())
    except OSError:
        return Quota()
    if cpus is None:
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    levels = []
    for controller in ("", "cpu"):
        if controller in groups and controller in mounts:
            for folder in _upwards(groups[controller], *mounts[controller]):
                level = _level(root / folder.relative_to("/"), controller)
                if level is not None and level.cores < cpus:
                    levels.append(level)
    return Quota(tuple(levels))


def _upwards(group: str, mounted: str, folder: str) -> list[Path]:
    """The folders of a group and of all around it, the innermost first."""
    top, inside = Path(folder), Path(group)
    if inside.is_relative_to(mounted):
        inside = inside.relative_to(mounted)
    elif ".." in inside.parts:
        return [top]  # the group lies outside of what this process can see
    else:
        inside = inside.relative_to("/")
    place = top / inside
    return [place, *(parent for parent in place.parents if parent.is_relative_to(top))]


def _level(folder: Path, controller: str) -> Level | None:
    try:
        if controller == "":
            return Level(folder, parse_cpu_max((folder / "cpu.max").read_text()), "cgroup cpu.max")
        quota = (folder / "cpu.cfs_quota_us").read_text()
        return Level(folder, _share(quota, (folder / "cpu.cfs_period_us").read_text()), "cgroup cpu.cfs_quota_us")
    except OSError:
        return None  # the outermost group has no such file
