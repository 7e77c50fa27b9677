"""What loading the plugin costs a project that does not use it. Target: under 10 ms.

Two figures: the modules' own import time (``python -X importtime``), and whole pytest processes side by side, with and
without ``-p no:efficiency``, in alternation, so that whatever the machine does meets both.

    python benchmarks/plugin_load.py [--runs 30]
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def environment(folder: Path) -> dict[str, str]:
    """As in a usual installation: modules are compiled once. The cache lies in the temporary folder."""
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**usual, "PYTHONPYCACHEPREFIX": str(folder / "cache")}


def imported(folder: Path) -> float:
    """Milliseconds that pytest_efficiency's modules add to ``pytest --version``-like start-up, by importtime."""
    code = "import pytest; import pytest_efficiency.plugin, pytest_efficiency.plugin_report"
    said = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    total = 0
    for line in said.splitlines():
        found = re.fullmatch(r"import time:\s+(\d+) \|\s+(\d+) \|( +)(\S+)", line)
        # Top-level rows carry what they pull in themselves; pytest's own row comes first and is not ours.
        if found and len(found[3]) == 1 and found[4].startswith("pytest_efficiency"):
            total += int(found[2])
    return total / 1000


def cpu_of(arguments: list[str], folder: Path) -> float:
    """CPU milliseconds of one pytest process, from the kernel's account of an ended child."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        msg = f"pytest {' '.join(arguments)} ended with {process.returncode}"
        raise SystemExit(msg)
    return (usage.ru_utime + usage.ru_stime) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        cpu_of([], folder)
        imports = [imported(folder) for _ in range(5)]
        differences = []
        for _ in range(runs):
            without = cpu_of(["-p", "no:efficiency"], folder)
            differences.append(cpu_of([], folder) - without)
    print(f"imports: {min(imports):.1f} ms (best of 5, -X importtime)")
    low, middle, high = statistics.quantiles(differences, n=4)
    spread = f"quartiles {low:.1f} to {high:.1f}, {runs} pairs"
    print(f"whole processes, CPU time with minus without: median {middle:.1f} ms ({spread})")


if __name__ == "__main__":
    main()
