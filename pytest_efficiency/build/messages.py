"""What a compiler wrote, cut to the first error and told in the learner's own file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_efficiency.build.sources import line_of

_SHOWN_LINES = 8
_OUTPUT_LIMIT = 8_000  # characters kept of what follows the first error

_GCC = re.compile(r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<text>.*)$", re.MULTILINE)
_CYTHON = re.compile(r"^(?P<file>[^\s:]+\.p(?:yx|xd|xi)):(?P<line>\d+):\d+: (?P<text>.*)$", re.MULTILINE)
_UNDEFINED = re.compile(r"^.*(?P<text>undefined reference to [`'](?P<symbol>\w+)').*$", re.MULTILINE)
_QUOTED = re.compile(r"^\s*\d+ \| (?P<code>.*)$", re.MULTILINE)


@dataclass(frozen=True)
class FirstError:
    """Where the first error is in the learner's files, what the compiler says, and its output from there on."""

    file: str
    line: int | None
    text: str
    output: str


def first_error(output: str, source: str, files: dict[str, str]) -> FirstError:
    """Find the first error in a compiler's ``output``.

    Args:
        source: the name of the learner's file.
        files: the learner's files by name; an error elsewhere, as in a template of a library's header or in generated
            C, is traced back to the line of theirs that led there.
    """
    cython, gcc = _CYTHON.search(output), _GCC.search(output)
    if cython is not None:
        # Cython prints the lines before the place, then the place and the text.
        heading = output.rfind("Error compiling Cython file:", 0, cython.start())
        line = int(cython["line"])
        return FirstError(cython["file"], line, cython["text"], _cut(output[max(heading, 0) :]))
    if gcc is not None:
        file, line_or_none = _theirs(output, gcc, source, files)
        return FirstError(file, line_or_none, gcc["text"], _cut(output[gcc.start() :]))
    undefined = _UNDEFINED.search(output)
    if undefined is not None:
        used = re.search(rf"\b{undefined['symbol']}\b", files[source])
        line_or_none = None if used is None else line_of(files[source], used.start())
        return FirstError(source, line_or_none, undefined["text"], _cut(output[undefined.start() :]))
    lines = [line for line in output.splitlines() if line.strip()]
    return FirstError(source, None, lines[-1].strip() if lines else "it wrote nothing", _cut(output))


def excerpt(error: FirstError) -> str:
    """The first lines of the compiler's own words on ``error``, up to its next error."""
    lines = error.output.strip().splitlines()
    shown = []
    for number, line in enumerate(lines):
        if number and (_GCC.match(line) or line.startswith("Error compiling Cython file:")):
            break
        shown.append(line[:200])
    if len(shown) > _SHOWN_LINES:
        # Cython says what is wrong in the last of its lines, gcc in the first.
        cython = shown[0].startswith("Error compiling Cython file:")
        shown = shown[-_SHOWN_LINES:] if cython else shown[:_SHOWN_LINES]
    return "\n".join(shown).rstrip()


def _theirs(output: str, error: re.Match[str], source: str, files: dict[str, str]) -> tuple[str, int | None]:
    """The learner's file and line that an error of gcc belongs to."""
    file, line = error["file"].removeprefix("./"), int(error["line"])
    if file in files:
        return file, line
    quoted = _QUOTED.search(output, error.end())
    if quoted is not None and file.rpartition(".")[0] == source.rpartition(".")[0]:
        # Generated C: verbatim C of the .pyx stands in it as it was written.
        for number, text in enumerate(files[source].splitlines(), start=1):
            if text.strip() and text.strip() == quoted["code"].strip():
                return source, number
    names = "|".join(re.escape(name) for name in files)
    mention = re.compile(rf"^(?:In file included from |\s+from )?(?:\./)?(?P<file>{names}):(?P<line>\d+)", re.MULTILINE)
    # gcc writes the way into a template before the error: the last of their lines is the one that asked for it.
    before = list(mention.finditer(output, 0, error.start()))
    found = before[-1] if before else mention.search(output, error.end())
    return (source, None) if found is None else (found["file"], int(found["line"]))


def _cut(output: str) -> str:
    output = output.strip("\n")
    return output if len(output) <= _OUTPUT_LIMIT else f"{output[:_OUTPUT_LIMIT]}\n... cut"
