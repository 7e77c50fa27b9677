from __future__ import annotations

import pytest

from pytest_efficiency.build.sources import read_sources
from pytest_efficiency.errors import BuildError

OPTIONS = frozenset({"openmp"})


def test_what_a_source_includes_from_its_folder_belongs_to_it(write) -> None:
    """Directly or through another header; a header nobody includes does not."""
    source = write("a.cpp", '#include <vector>\n#include "one.h"\n')
    write("one.h", '#include "sub/two.h"')
    write("sub/two.h", '#include "three.h"')
    write("sub/three.h", "")
    write("unused.h", "")
    assert set(read_sources(source, OPTIONS).files) == {"a.cpp", "one.h", "sub/two.h", "sub/three.h"}


@pytest.mark.parametrize(
    "line",
    [
        'include "b.pxi"',
        "from b cimport f",
        "cimport numpy, b",
        "    cimport b as other",
        'cdef extern from "b.h":',
        '# verbatim C\ncdef extern from *:\n    """\n    #include "b.h"\n    """',
    ],
)
def test_what_a_pyx_includes_belongs_to_it(line: str, write) -> None:
    """Cython has five ways to take in a file."""
    source = write("a.pyx", line)
    for name in ("b.pxi", "b.pxd", "b.h"):
        write(name, "")
    assert len(read_sources(source, OPTIONS).files) == 2


def test_a_pxd_of_the_same_name_belongs_to_a_pyx(write) -> None:
    """Cython reads it unasked."""
    source = write("a.pyx", "")
    write("a.pxd", "")
    assert set(read_sources(source, OPTIONS).files) == {"a.pyx", "a.pxd"}


@pytest.mark.parametrize("path", ["../reference.h", "/etc/hostname", "sub/../../x.h"])
def test_an_include_outside_the_folder_is_refused(path: str, write) -> None:
    """Answers lie there, and the cache's key would not see a change."""
    source = write("a.c", f'\n#include "{path}"\n')
    with pytest.raises(BuildError, match=r"line 2 of a\.c includes .* outside its folder") as caught:
        read_sources(source, OPTIONS)
    assert caught.value.line == 2


def test_a_link_is_refused_as_source_and_as_header(write) -> None:
    """It would pull in any file that the grader can read."""
    target = write("elsewhere.txt", "")
    link = target.with_name("a.c")
    link.symlink_to(target)
    with pytest.raises(BuildError, match="no regular file"):
        read_sources(link, OPTIONS)
    source = write("b.c", '#include "b.h"')
    source.with_name("b.h").symlink_to(target)
    with pytest.raises(BuildError, match=r"b\.h is no regular file"):
        read_sources(source, OPTIONS)


def test_a_linked_folder_is_not_followed(write, tmp_path) -> None:
    """The header is then not found, which the compiler says."""
    source = write("a.c", '#include "sub/x.h"')
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.h").write_text("")
    (source.parent / "sub").symlink_to(tmp_path / "other")
    assert set(read_sources(source, OPTIONS).files) == {"a.c"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# distutils: language = c++\n", 1),
        ("# cython: language_level=3\n#distutils : extra_compile_args=-march=native\n", 2),
    ],
)
def test_distutils_lines_are_refused(text: str, line: int, write) -> None:
    """They choose flags, sources and include paths: those are the exercise's."""
    with pytest.raises(BuildError, match="same for everybody") as caught:
        read_sources(write("a.pyx", text), OPTIONS)
    assert caught.value.line == line
    assert "pytest-efficiency: openmp" in str(caught.value)


def test_a_source_may_ask_for_known_options_only(write) -> None:
    """An unknown one is an error that lists the known."""
    for text in (
        "# pytest-efficiency: openmp\n",
        "// pytest-efficiency: openmp\n",
        "/* pytest-efficiency: openmp */\n",
    ):
        assert read_sources(write("a.cpp", text), OPTIONS).options == {"openmp"}
    assert read_sources(write("a.cpp", "int pytest;\n"), OPTIONS).options == set()
    with pytest.raises(BuildError, match=r"line 1 asks for '-Ofast'.*the options are openmp"):
        read_sources(write("a.cpp", "// pytest-efficiency: -Ofast\n"), OPTIONS)


def test_what_cannot_be_a_source_is_refused_with_its_reason(write, tmp_path) -> None:
    """Too large, not UTF-8, not there, or with a name that is no module's."""
    source = write("a.c", "")
    source.write_bytes(b"\n\n// \xff\n")
    with pytest.raises(BuildError, match=r"line 3 of a\.c is not UTF-8"):
        read_sources(source, OPTIONS)
    with pytest.raises(BuildError, match="2000000 bytes"):
        read_sources(write("b.c", " " * 2_000_000), OPTIONS)
    with pytest.raises(BuildError, match="could not be read: No such file"):
        read_sources(tmp_path / "nowhere.c", OPTIONS)
    with pytest.raises(BuildError, match="no Python identifier"):
        read_sources(write("my-sort.c", ""), OPTIONS)
