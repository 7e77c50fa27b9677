"""Build on demand, once per content: the same files, flags, compiler and versions are compiled a single time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_efficiency.build.compile import compile_into
from pytest_efficiency.build.describe import describe
from pytest_efficiency.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_efficiency.build.describe import Description

_UNUSED_SECONDS = 60 * 24 * 3600.0
_LOG = "build.log"


@dataclass(frozen=True)
class Built:
    """What a build made.

    ``kind`` says how ``path`` is loaded: "extension" is imported as the source's stem, "library" is opened by ctypes.
    ``seconds`` is what this call took; ``cached`` that nothing had to be compiled; ``log`` what the compilers wrote,
    warnings for the most part.
    """

    path: Path
    seconds: float
    cached: bool
    log: str
    kind: Literal["extension", "library"]


def build(source: Path, *, backend: str, cache: Path | None = None, timeout: float = 120) -> Built:
    """Build ``source`` for ``backend``, or find what an earlier build of the same content made.

    Processes and threads that ask for the same thing at once wait for the first of them. Nothing is written beside the
    source.

    Args:
        source: the file to build; its stem is the module's name.
        backend: "cython" (.pyx), "pybind11" (.cpp) or "c" (.c).
        cache: where built things are kept; by default the user's cache folder.
        timeout: seconds that the compilers may take together.

    Raises:
        BuildError: the source is refused, or building took too long; says the learner's file and line.
        BackendMissing: a compiler or package is not installed.
    """
    began = time.monotonic()
    description = describe(source, backend)
    cache = default_cache() if cache is None else cache
    key = _key(description)
    folder = cache / key[:2] / key
    library = folder / description.output
    cached = library.is_file()
    if not cached:
        try:
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            msg = (
                f"{source.name} was to be built in {cache}, which cannot be made: {error}; "
                f"set XDG_CACHE_HOME to a folder that can be written to"
            )
            raise BuildError(msg, source=str(source)) from None
        # Twice the limit: whoever holds the lock may take all of it, and then it is our turn.
        with _locked(cache / f"{key[:2]}.lock", source, deadline=began + 2 * timeout):
            cached = library.is_file()
            if not cached:
                _build_into(folder, description, cache, timeout)
    with contextlib.suppress(OSError):  # a cache that is only readable is still a cache
        os.utime(library)
    log = (folder / _LOG).read_text(errors="replace")
    return Built(library, time.monotonic() - began, cached, log, description.kind)


def default_cache() -> Path:
    """The user's cache folder for built things, by the XDG rules: a relative XDG_CACHE_HOME does not count."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "pytest-efficiency" / "build"


def _key(description: Description) -> str:
    content = {name: hashlib.sha256(data).hexdigest() for name, data in description.files.items()}
    everything = [description.source.name, description.backend, content, description.identity]
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()[:40]


def _build_into(folder: Path, description: Description, cache: Path, timeout: float) -> None:
    _remove_unused(cache)
    # Inside the cache, so that the rename at the end stays on one file system and is atomic.
    scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=cache))
    try:
        log = compile_into(scratch, description, timeout)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (scratch / _LOG).write_text(log)
        # The library comes last: where it is, everything is.
        for name in (_LOG, description.output):
            (scratch / name).replace(folder / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path, source: Path, *, deadline: float) -> Iterator[None]:
    """Hold the lock file ``path``; the kernel lets go of it when the holder ends, however it ends."""
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    msg = (
                        f"{source.name} was to be built; another process has been building and holds {path}. "
                        "What to do: end that process, or try again when it is done."
                    )
                    raise BuildError(msg, source=str(source)) from None
                # flock knows no deadline of its own.
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _remove_unused(cache: Path) -> None:
    """Drop what nobody has loaded for two months, and the scratch folders of builds that were killed."""
    oldest = time.time() - _UNUSED_SECONDS
    for entry in [*cache.glob("??/*"), *cache.glob("scratch-*")]:
        with contextlib.suppress(OSError):
            newest = max((file.stat().st_mtime for file in entry.iterdir()), default=entry.stat().st_mtime)
            if newest < oldest:
                shutil.rmtree(entry, ignore_errors=True)
