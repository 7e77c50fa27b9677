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
    # A build front end does not put the project's folder on the path.
    sys.path.insert(0, str(ROOT))
    import shutil
    from concurrent.futures import ThreadPoolExecutor

    from setuptools import Extension
    from setuptools.command.build_ext import build_ext
    from setuptools.errors import CompileError

    from pytest_efficiency.build import Built, build
    from pytest_efficiency.build.describe import solutions
    from pytest_efficiency.errors import BackendMissing, BuildError

    found = {name: (source, backend) for name, source, backend in solutions(ROOT)}

    class BuildSolutions(build_ext):
        """Build as a test run does, with its flags and into its cache, and place what was made under ``build/``.

        ``--inplace`` would put libraries beside the sources, where they shadow what a learner or a test looks for; so
        the tree of ``solutions/`` is repeated in ``build/solutions/`` instead.
        """

        def run(self) -> None:
            with ThreadPoolExecutor(max_workers=self.parallel or 1) as several:
                for name, built in several.map(self._build, [extension.name for extension in self.extensions]):
                    target = self._place(name, built)
                    print(f"{name}: {target.relative_to(ROOT) if target.is_relative_to(ROOT) else target}")

        def _build(self, name: str) -> tuple[str, Built]:
            source, backend = found[name]
            try:
                return name, build(source, backend=backend)
            except (BackendMissing, BuildError) as error:
                # A message of the command's own kind ends it without a traceback.
                raise CompileError(str(error)) from error

        def _place(self, name: str, built: Built) -> Path:
            top = ROOT / "build" if self.inplace else Path(self.build_lib)
            target = top.joinpath(*name.split(".")[:-1], built.path.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(built.path, target)
            return target

    modules = [Extension(name, [str(source.relative_to(ROOT))]) for name, (source, _) in found.items()]
    return {"ext_modules": modules, "cmdclass": {"build_ext": BuildSolutions}}


setup(
    packages=[*find_packages(include=["pytest_efficiency", "pytest_efficiency.*"]), "pytest_efficiency.exercises"],
    package_dir={"pytest_efficiency.exercises": "exercises"},
    package_data={"pytest_efficiency": ["py.typed", "report/*.json"], "pytest_efficiency.exercises": ["**/*"]},
    exclude_package_data={"pytest_efficiency.exercises": GENERATED},
    include_package_data=False,
    **compiled_solutions(),
)
