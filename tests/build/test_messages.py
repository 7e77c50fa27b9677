"""The compilers' words are quoted as gcc 12.2, GNU ld 2.40 and Cython 3.3 wrote them."""

from __future__ import annotations

from pytest_efficiency.build.messages import excerpt, first_error

GCC = """\
a.cpp: In function 'int f(int)':
a.cpp:2:1: warning: no return statement in function returning non-void [-Wreturn-type]
    2 | int f(int) {}
      | ^~~
a.cpp:6:29: error: no match for 'operator<' (operand types are 'X' and 'X')
    6 | bool g(X a, X b) { return a < b; }
      |                           ~ ^ ~
a.cpp:9:1: error: expected ';' before '}' token
    9 | }
      | ^
"""
TEMPLATE = """\
In file included from /opt/include/pybind11/attr.h:13,
                 from /opt/include/pybind11/pybind11.h:12,
                 from a.cpp:1:
/opt/include/pybind11/detail/common.h: In instantiation of 'struct strip<int>':
/opt/include/pybind11/pybind11.h:332:36:   required from 'cpp_function(Func&&) [with Func = int]'
a.cpp:3:10:   required from here
/opt/include/pybind11/detail/common.h:1072:49: error: 'operator()' is not a member of 'int'
 1072 |     using type = typename remove_class<decltype(&F::operator())>::type;
      |                                                 ^~~~~~~~~~~~~~
"""
GENERATED = """\
a.c: In function 'bar':
a.c:1256:40: error: 'nope' undeclared (first use in this function)
 1256 |     static int bar(int x) { return x + nope; }
      |                                        ^~~~
"""
LINKER = """\
/usr/bin/ld: /tmp/ccLm7oTH.o: in function `f':
a.c:(.text+0x9): undefined reference to `g'
collect2: error: ld returned 1 exit status
"""
CYTHON = """\
warning: a.pyx:1:4: Unused entry 'x'

Error compiling Cython file:
------------------------------------------------------------
...
def f(int n):
    return x +
              ^
------------------------------------------------------------
a.pyx:2:14: Expected an identifier or literal

Error compiling Cython file:
------------------------------------------------------------
a.pyx:4:11: undeclared name not builtin: foo
"""


def test_the_first_error_of_gcc_is_found_behind_warnings() -> None:
    """With the compiler's text, and an excerpt that ends before the next error."""
    error = first_error(GCC, "a.cpp", {"a.cpp": ""})
    assert (error.file, error.line) == ("a.cpp", 6)
    assert error.text == "no match for 'operator<' (operand types are 'X' and 'X')"
    assert excerpt(error).splitlines()[-1].strip() == "|                           ~ ^ ~"


def test_an_error_inside_a_librarys_template_is_told_at_the_learners_line() -> None:
    """Nobody can mend line 1072 of common.h."""
    error = first_error(TEMPLATE, "a.cpp", {"a.cpp": ""})
    assert (error.file, error.line) == ("a.cpp", 3)
    assert error.text == "'operator()' is not a member of 'int'"


def test_an_error_in_a_header_of_the_learners_is_told_there() -> None:
    """The header was written by them too."""
    output = "In file included from a.cpp:1:\none.h:7:5: error: 'x' was not declared in this scope\n"
    error = first_error(output, "a.cpp", {"a.cpp": "", "one.h": ""})
    assert (error.file, error.line) == ("one.h", 7)


def test_an_error_in_verbatim_c_is_found_in_the_pyx() -> None:
    """The generated file has other line numbers, but the line itself stands in both."""
    source = 'cdef extern from *:\n    """\n    static int bar(int x) { return x + nope; }\n    """\n'
    assert first_error(GENERATED, "a.pyx", {"a.pyx": source}).line == 3


def test_an_undefined_symbol_is_told_where_it_is_used() -> None:
    """The linker knows no line; the name does."""
    error = first_error(LINKER, "a.c", {"a.c": "int g(int);\nint f(int x) { return g(x); }\n"})
    assert (error.file, error.line, error.text) == ("a.c", 1, "undefined reference to `g'")


def test_the_first_error_of_cython_is_found_with_the_lines_it_quotes() -> None:
    """A warning before it is no error."""
    error = first_error(CYTHON, "a.pyx", {"a.pyx": ""})
    assert (error.file, error.line, error.text) == ("a.pyx", 2, "Expected an identifier or literal")
    assert "return x +" in excerpt(error)
    assert "foo" not in excerpt(error)


def test_output_of_no_known_form_is_given_as_it_is() -> None:
    """A compiler that crashed, or one nobody tried."""
    error = first_error("as: out of memory\n\n", "a.c", {"a.c": ""})
    assert (error.file, error.line, error.text) == ("a.c", None, "as: out of memory")
    assert first_error("", "a.c", {"a.c": ""}).text == "it wrote nothing"


def test_a_long_output_is_cut() -> None:
    """A missing bracket in a template can print a megabyte."""
    output = "a.c:1:1: error: x\n" + "      | y\n" * 100_000
    error = first_error(output, "a.c", {"a.c": ""})
    assert len(error.output) < 9_000
    assert len(excerpt(error).splitlines()) == 8
