"""What pyproject.toml cannot say: the exercises travel inside the package, and the solutions can be compiled.

Extension modules are declared only where ``build_ext`` is asked for by name. Declared always, they would make the
wheel platform-specific and put solutions into it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
GENERATED = ["**/__pycache__/*", "**/*.py[cod]", "**/*.so", "**/*.pyd", "**/*.o", "**/.*", "**/.*/**"]


def compiled_solutions() -> dict[str, Any]:
    """The solutions' extension modules and the command that compiles them, if this run asks for ``build_ext``."""
    if "build_ext" not in sys.argv:
        return {}
    sys.path.insert(0, str(ROOT))
    from pytest_efficiency.build.inplace import BuildSolutions, extensions

    return {"ext_modules": extensions(ROOT), "cmdclass": {"build_ext": BuildSolutions}}


setup(
    packages=[*find_packages(include=["pytest_efficiency", "pytest_efficiency.*"]), "pytest_efficiency.exercises"],
    package_dir={"pytest_efficiency.exercises": "exercises"},
    package_data={"pytest_efficiency": ["py.typed"], "pytest_efficiency.exercises": ["**/*"]},
    exclude_package_data={"pytest_efficiency.exercises": GENERATED},
    include_package_data=False,
    **compiled_solutions(),
)
