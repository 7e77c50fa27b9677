"""README and docs are executed: what a reader sees is what the code does.

A comment in front of a fenced block says what is done with it:

* ``<!-- pytest: passed=1, failed=1 -->``: a test file; pytest runs it and ends with exactly these outcomes.
* ``<!-- fragment -->``: Python that needs its surroundings; it is only compiled.
* ``<!-- file: PATH -->``: written to PATH in the page's own folder, where its commands run.
* ``<!-- output: NAME -->``: what the test file before it prints; or, if it begins with a ``$`` line, what that command
  prints in the page's folder (``<!-- output: NAME, status=1 -->``: and ends with). It contains the lines shown, in this
  order and without gaps where no ``...`` stands. Numbers and their units, paths, the width of rules and columns are
  not compared.
* ``<!-- checkout -->``, anywhere on the page: the page's folder holds a copy of the exercises and their solutions.

Any other Python block is run as a script. Blocks of TOML and JSON are parsed, links followed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from pytest_efficiency import errors
from pytest_efficiency.course import exercise as course
from pytest_efficiency.report.score import COLUMNS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *filter(Path.is_file, [ROOT / "README.md"])]
SCHEMA = json.loads((ROOT / "pytest_efficiency" / "report" / "result-1.schema.json").read_text())

_FENCE = re.compile(r"(?P<indent> *)(?P<mark>`{3,}|~{3,})(?P<language>[\w+-]*)[^`]*")
_COMMENT = re.compile(r"\s*<!--\s*(.*?)\s*-->\s*")
_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*")
# A figure and what it is counted in: 12, 1.7x, 250 µs, [95.0, 101.2]. Whatever changes from run to run.
_FIGURE = re.compile(
    r"[-+]?\d(?:[\d.,_]| (?=\d{3}\b))*(?<![.,])(?:e[-+]?\d+)?(?: ?(?:%|x|ns|us|µs|ms|s|B|kB|MB|GB)\b|%)?"
)
# A reader's first run finds no cache of an earlier one, and pytest-benchmark is there for those who ask for it.
_FOUND = ["-p", "no:cacheprovider"]
_WITHOUT_TABLES = ["-p", "no:benchmark"]


@dataclass(frozen=True)
class Block:
    """A fenced block, with the comment that stands in front of it."""

    page: Path
    line: int
    language: str
    directive: str
    text: str

    @property
    def kind(self) -> str:
        return self.directive.partition(":")[0].strip()

    @property
    def arguments(self) -> list[str]:
        return [part.strip() for part in self.directive.partition(":")[2].split(",") if part.strip()]

    @property
    def is_command(self) -> bool:
        return self.kind == "output" and self.text.startswith("$ ")

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path, text: str | None = None) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found = []
    comment, inside = "", None
    lines: list[str] = []
    for number, line in enumerate((page.read_text() if text is None else text).splitlines(), start=1):
        fence = _FENCE.fullmatch(line)
        if inside is not None:
            start, opened = inside
            if fence and fence["mark"].startswith(opened["mark"]) and not fence["language"]:
                indent = len(opened["indent"])
                body = "".join(f"{one[indent:] if one[:indent].isspace() else one}\n" for one in lines)
                found.append(Block(page, start, opened["language"], comment, body))
                inside, comment = None, ""
            else:
                lines.append(line)
        elif fence:
            inside, lines = (number, fence), []
        elif said := _COMMENT.fullmatch(line):
            comment = said[1]
        elif line.strip():
            comment = ""
    assert inside is None, f"{page}:{inside[0]}: this block is never closed"
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
KINDS = {"", "pytest", "fragment", "file", "output", "checkout"}


def selected(keep: object) -> list[object]:
    return [pytest.param(block, id=block.where) for block in BLOCKS if keep(block)]  # type: ignore[operator]


def environment(tmp_path: Path) -> dict[str, str]:
    """The reader's machine: no cache of ours, no settings of the run that is testing, a terminal of 100 columns."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_", "COVERAGE", "GITHUB_"))
    }
    scripts = Path(sys.executable).parent
    path = os.pathsep.join([str(scripts), inherited.get("PATH", "")])
    ours = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "COLUMNS": "100", "NO_COLOR": "1", "PATH": path}
    return {**inherited, **ours, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def outcomes(output: str) -> dict[str, int]:
    """The counts of pytest's last line."""
    last = [line for line in output.splitlines() if re.search(r" in [\d.]+s( \(.*\))? =*$", line)][-1]
    return {
        word.removesuffix("s") if word.startswith(("warning", "error")) else word: int(number)
        for number, word in re.findall(r"(\d+) (not started|not built|\w+)(?=[,]| in )", last)
    }


@pytest.mark.parametrize("block", selected(lambda one: one.kind == "pytest"))
def test_a_test_file_ends_as_it_says(block: Block, tmp_path: Path) -> None:
    """The block is a whole test file; its outcomes are those in the comment and no others, its output what is shown."""
    here = BLOCKS.index(block)
    shown = [one for one in BLOCKS[here + 1 : here + 2] if one.kind == "output" and not one.is_command]
    name = re.search(r"^(test_\w+\.py)\b", shown[0].text if shown else "", re.MULTILINE)
    (tmp_path / (name[1] if name else "test_example.py")).write_text(block.text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    expected = {name: int(number) for name, _, number in (part.partition("=") for part in block.arguments)}
    command = [sys.executable, "-m", "pytest", *_FOUND, *_WITHOUT_TABLES]
    done = subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert outcomes(done.stdout) == expected, done.stdout + done.stderr
    for one in shown:
        missing = first_missing(one.text.splitlines(), done.stdout.splitlines())
        assert missing is None, f"{one.where}: not printed: {missing}\n\nprinted was:\n{done.stdout}"


@pytest.mark.parametrize("block", selected(lambda one: one.language == "python" and one.kind in ("", "checkout")))
def test_a_script_runs(block: Block, tmp_path: Path) -> None:
    """The block is a program: it ends without an error."""
    (tmp_path / "example.py").write_text(block.text)
    command = [sys.executable, "-W", "error", "example.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", selected(lambda one: one.language == "python" and one.kind in ("fragment", "file")))
def test_a_fragment_compiles(block: Block) -> None:
    """The block is Python, as far as can be told without what surrounds it."""
    compile(block.text, block.where, "exec")


@pytest.mark.parametrize("block", selected(lambda one: one.language == "toml"))
def test_toml_parses(block: Block) -> None:
    """The block is TOML."""
    tomllib.loads(block.text)


@pytest.mark.parametrize("block", selected(lambda one: one.language == "json"))
def test_json_parses(block: Block) -> None:
    """The block is JSON, and keeps to the schema where it says so."""
    said = json.loads(block.text)
    if isinstance(said, dict) and "schema" in said:
        jsonschema.validate(said, SCHEMA)


SESSIONS = [page for page in PAGES if any(block.is_command for block in blocks_of(page))]


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in SESSIONS])
def test_a_session_prints_what_it_shows(page: Path, tmp_path: Path) -> None:
    """Files are written and commands run as a reader would; every line shown is printed, in this order."""
    folder = tmp_path / "work"
    folder.mkdir()
    if "<!-- checkout -->" in page.read_text():
        for name in ("exercises", "solutions"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("conftest.py", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
    else:
        (folder / "pytest.ini").write_text("[pytest]\n")
    for block in blocks_of(page):
        if block.kind == "file":
            path = folder / block.arguments[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.is_command:
            run_console(block, folder, environment(tmp_path))


def run_console(block: Block, folder: Path, env: dict[str, str]) -> None:
    prompt, *shown = block.text.splitlines()
    words = shlex.split(prompt[2:])
    status = dict(part.split("=") for part in block.arguments[1:]).get("status", "0")
    if words[0] == "pytest":
        words[:1] = [sys.executable, "-m", "pytest", *_FOUND]
        words += [] if "--benchmark" in prompt else _WITHOUT_TABLES
    words = [sys.executable if word == "python" else word for word in words]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    missing = first_missing(shown, printed.splitlines())
    assert missing is None, f"{block.where}: not printed: {missing}\n\nprinted was:\n{printed}"
    assert done.returncode == int(status), f"{block.where}: ended with {done.returncode}\n{printed}"


def alike(line: str) -> str:
    """What of a line is the same in every run."""
    line = re.sub(r"/\S*/", "/", line)
    line = re.sub(r"([=\-_])\1{2,}", r"\1\1\1", line)
    return " ".join(_FIGURE.sub("#", line).split())


def first_missing(shown: list[str], printed: list[str]) -> str | None:
    """The first shown line that is not where it should be among the printed ones, or None."""
    have = [alike(line) for line in printed if line.strip()]
    place, gap = 0, True
    for line in shown:
        if not line.strip():
            continue
        if line.strip() == "...":
            gap = True
            continue
        wanted = alike(line)
        if gap:
            while place < len(have) and have[place] != wanted:
                place += 1
        if place >= len(have) or have[place] != wanted:
            return line
        place, gap = place + 1, False
    return None


def test_the_comparison_of_output_sees_a_difference() -> None:
    """Other words, another order and a gap that is not shown are noticed; other figures are not."""
    printed = ["=== 2 failed in 1.21s ===", "", "a: 12.1x [11, 13.5] in 3 rounds", "b: 250 µs", "c"]
    assert first_missing(["==== 1 failed in 0.9s ====", "a: 9x [8.5, 9] in 26 rounds", "b: 1.2 ms"], printed) is None
    assert first_missing(["a: 9x [8.5, 9] in 26 rounds", "...", "c"], printed) is None
    assert first_missing(["a: 9x [8.5, 9] in 26 rounds", "c"], printed) == "c"
    assert first_missing(["b: 250 µs", "...", "a: 9x [8.5, 9] in 26 rounds"], printed) is not None
    assert first_missing(["a: 9x [8.5, 9] in 26 batches"], printed) is not None


# Links


def anchors_of(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    seen: Counter[str] = Counter()
    found = set()
    for line in without_blocks(page.read_text()).splitlines():
        heading = _HEADING.fullmatch(line)
        if heading:
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            found.add(name if not seen[name] else f"{name}-{seen[name]}")
            seen[name] += 1
    return found


def without_blocks(text: str) -> str:
    return re.sub(r"^( *)(`{3,}|~{3,}).*?^ *\2`*~*$", "", text, flags=re.MULTILINE | re.DOTALL)


def broken_links(page: Path, text: str) -> list[str]:
    wrong = []
    for target in _LINK.findall(without_blocks(text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors_of(path)):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_relative_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that exists, and a heading in it."""
    assert broken_links(page, page.read_text()) == []


def test_the_check_of_links_sees_a_broken_one() -> None:
    """A missing file and a missing heading are both noticed; a link in a code block is none."""
    page = ROOT / "docs" / "index.md"
    text = "[a](nowhere.md) [b](index.md#nowhere) [c](index.md) [d](https://example.org/x)\n```\n[e](no.md)\n```\n"
    assert broken_links(page, text) == ["nowhere.md", "index.md#nowhere"]


def test_every_page_is_on_the_map() -> None:
    """docs/index.md links to all the others."""
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(index.read_text())}
    assert {page for page in PAGES if page.is_relative_to(index.parent)} - {index} <= linked


# The reference is complete, and names nothing that does not exist


def reference(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text()


@pytest.mark.parametrize("block", [pytest.param(block, id=block.where) for block in BLOCKS])
def test_every_comment_is_understood(block: Block) -> None:
    """A misspelt comment, or output of nothing, would leave its block unchecked."""
    assert block.kind in KINDS
    before = BLOCKS[BLOCKS.index(block) - 1]
    assert block.kind != "output" or block.is_command or (before.kind == "pytest" and before.page == block.page)


def test_options_are_all_described(pytestconfig: pytest.Config) -> None:
    """Each option and each ini setting of the plugin has its place in the reference, and no page names another."""
    # pytest has no public way to list options; its help is what a user sees.
    command = [sys.executable, "-m", "pytest", "--help"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ours = text.partition("performance claims and exercises")[2].partition("\n\n")[0]
    options = set(re.findall(r"^ +(--[a-z-]+)", ours, re.MULTILINE))
    settings = set(re.findall(r"^ +(efficiency_\w+)", text, re.MULTILINE))
    assert len(options) > 4
    assert len(settings) > 1
    described = reference("options.md")
    assert {name for name in options | settings if f"`{name}" not in described} == set()
    named = {
        found
        for page in PAGES
        for found in re.findall(r"--(?:efficiency-[a-z]+|solution|submission)\b", page.read_text())
    }
    assert named <= options


def test_states_are_all_described() -> None:
    """Each letter of the plugin, and each state of the result file."""
    from pytest_efficiency.plugin import _LETTERS

    described = reference("options.md")
    assert {
        f"| `{letter}` | {state} " for state, letter in _LETTERS.items() if f"| `{letter}` | {state} " not in described
    } == set()
    states = SCHEMA["$defs"]["test"]["properties"]["state"]["enum"]
    assert {state for state in states if f"`{state}`" not in reference("result-file.md")} == set()


def test_keys_of_an_exercise_are_all_described() -> None:
    """Each key of exercise.toml, each column and each backend."""
    described = reference("exercise-toml.md")
    names = {*course._REQUIRED, *course._OPTIONAL, *course.BACKENDS, *COLUMNS}
    assert {name for name in names if f"`{name}`" not in described} == set()


def test_keys_of_the_result_file_are_all_described() -> None:
    """Each key that the schema knows, at any depth."""
    described = reference("result-file.md")

    def keys(part: object) -> set[str]:
        if not isinstance(part, dict):
            return set()
        own = set(part.get("properties", {}))
        return own.union(*(keys(one) for one in part.values()))

    assert {key for key in keys(SCHEMA) if f"`{key}`" not in described} == set()


def test_signatures_are_those_of_the_code() -> None:
    """Each of the four functions has the parameters that the reference says, with the same defaults."""
    import ast
    import inspect

    import pytest_efficiency

    found = {}
    for block in blocks_of(ROOT / "docs" / "reference" / "claims.md"):
        for node in ast.parse(block.text).body if block.language == "python" else ():
            if isinstance(node, ast.FunctionDef):
                found[node.name] = ast.unparse(node.args)
    for name in ("speedup", "scaling", "gil", "memory"):
        signature = inspect.signature(getattr(pytest_efficiency, name))
        plain = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
        written = str(inspect.Signature(plain)).strip("()")
        written = re.sub(r"<function (\w+) at 0x\w+>", r"\1", written)
        assert found[name] == written.replace("=() ,", "=(),") if written.count("(") else found[name] == written


def test_the_map_of_the_house_has_the_arrows_of_the_import_check() -> None:
    """docs/explanation/architecture.md draws what tests/test_imports.py allows."""
    spec = importlib.util.spec_from_file_location("imports", ROOT / "tests" / "test_imports.py")
    assert spec is not None
    assert spec.loader is not None
    imports = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(imports)
    page = ROOT / "docs" / "explanation" / "architecture.md"
    drawn = next(block.text for block in blocks_of(page) if "->" in block.text)
    arrows = {line.split("->")[0].strip(): set(line.split("->")[1].strip().split(", ")) for line in drawn.splitlines()}
    assert arrows == {part: known for part, known in imports.ARROWS.items() if known}


def test_errors_are_all_described() -> None:
    """Each class that this package raises or warns with."""
    described = reference("claims.md")
    names = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert {name for name in {*names, "Unclear"} if f"`{name}`" not in described} == set()
