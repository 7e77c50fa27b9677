"""The learner's loop: edit a NumPy solution, run its exercise again. Target: a verdict in 2 s, whole process.

    python benchmarks/edit_run.py [--runs 5]

Works on a copy of the exercise. Every run follows an edit, so nothing that was loaded before can be used again.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXERCISE = Path("03_vectorise/shifted_product")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "exercises" / EXERCISE
        shutil.copytree(ROOT / "exercises" / EXERCISE, folder)
        solved = (ROOT / "solutions" / EXERCISE / "numpy" / "shifted_product.py").read_text()
        seconds = []
        for number in range(runs):
            (folder / "shifted_product.py").write_text(f"{solved}\nEDITED = {number}\n")
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "exercises"],
                cwd=name,
                check=False,
                capture_output=True,
                text=True,
            )
            seconds.append(time.perf_counter() - start)
            if done.returncode != 0:
                raise SystemExit(done.stdout)
    middle, worst = statistics.median(seconds), max(seconds)
    print(f"edit and run: median {middle:.2f} s, worst {worst:.2f} s of {runs} whole processes")


if __name__ == "__main__":
    main()
