"""What a GIL claim says on interpreters that can do without one; no such interpreter is needed to ask."""

from __future__ import annotations

import hashlib
import sys

import pytest

from pytest_efficiency import Unclear, gil
from pytest_efficiency.probes import gilstate

RELEASES = hashlib.pbkdf2_hmac, "sha256", b"password", b"salt", 1000


def test_without_a_gil_the_claim_is_void(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither passed nor failed, whichever of the two was claimed."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    # Undecided claims are asked again after a while, and this one stays as it is.
    monkeypatch.setattr("pytest_efficiency.assertions.claim.pause", lambda _: None)
    for claimed in ("released", "held"):
        with pytest.raises(Unclear, match=r"runs without a GIL.*the claim is void"):
            getattr(gil(*RELEASES), claimed)


def test_a_gil_that_came_with_the_code_fails_and_is_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line says so, not how the call uses the GIL that nobody wanted; with one from the start it passes."""
    assert gil(*RELEASES).released
    monkeypatch.setattr(gilstate, "_before", False)
    verdict = gil(*RELEASES).released
    assert not verdict
    assert "failed, the GIL was switched back on" in verdict.message
