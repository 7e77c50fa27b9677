"""Every error that this package raises, in one place; imports nothing of the package.

A message has three parts: what was asked, what was found, what to do next.
"""

from __future__ import annotations


class EfficiencyError(Exception):
    """Base of all errors of pytest-efficiency."""


class ClaimError(EfficiencyError, ValueError):
    """A claim that cannot be understood: an unknown growth class, a unit that nobody knows, inputs without sizes."""


class ResultsDiffer(EfficiencyError, AssertionError):
    """Candidate and reference gave different results, so there is nothing to compare the speed of."""


class SubjectError(EfficiencyError):
    """The code under test did not do its part. Base of everything below that is the candidate's own doing."""


class CandidateRaised(SubjectError):
    """The code under test raised, and its exception is none of the built-in classes that may cross the wire.

    ``kind`` is the name of the class, ``text`` its message (cut to 500 bytes), ``where`` the learner's file and line.
    """

    def __init__(self, kind: str, text: str, where: str = "") -> None:
        at = f" ({where})" if where else ""
        super().__init__(f"{kind}: {text}{at}" if text else f"{kind}{at}")
        self.kind = kind
        self.text = text
        self.where = where


class WorkerDied(SubjectError):
    """The process of the code under test ended: a segmentation fault, ``os._exit``, killed by a limit."""


class DeadlinePassed(SubjectError):
    """The code under test did not answer in time, and its process was ended."""


class ReturnedEarly(SubjectError):
    """A call returned before its work was done: it left a thread running, or a generator or coroutine to be asked."""


class SetupFailed(SubjectError):
    """The code under test could not be loaded: an exception, a crash or a hang while importing or warming up."""


class CpuLimitReached(SubjectError):
    """A call was stopped at the CPU-time limit that the caller had set for it.

    ``seconds`` is what it had used; ``setting_up``: it was importing something, which says nothing about its speed.
    """

    def __init__(self, message: str, seconds: float, *, setting_up: bool = False) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.setting_up = setting_up


class WireError(EfficiencyError, TypeError):
    """A value that cannot cross the process boundary, or a reply that is none of ours."""


class BuildError(EfficiencyError):
    """The compiler refused the source, or building it took too long.

    ``source`` is the learner's file, ``line`` where the first error is (None if unknown), ``output`` what the
    compiler wrote from that error on.
    """

    def __init__(self, message: str, *, source: str = "", line: int | None = None, output: str = "") -> None:
        super().__init__(message)
        self.source = source
        self.line = line
        self.output = output


class BackendMissing(EfficiencyError):
    """A backend or compiler that is not installed; the message says what to install."""


class CourseError(EfficiencyError):
    """An exercise or submission folder that is not as it should be."""


class PytestEfficiencyWarning(UserWarning):
    """A test that states a claim and does not use it.

    ``speedup(f, over=g) >= 20`` on a line of its own checks nothing. Write ``assert`` before it. In an exercise the
    same is an error.
    """

    __module__ = "pytest_efficiency"


class HeadroomWarning(PytestEfficiencyWarning):
    """A speedup that passed with less than 1.25 times the claim: another machine may say otherwise.

    Claim less, or make the function faster. How near a pass is to its bound depends on the moment, so no filter turns
    this warning into an error; ``-W ignore::pytest_efficiency.HeadroomWarning`` silences it.
    """

    __module__ = "pytest_efficiency"
