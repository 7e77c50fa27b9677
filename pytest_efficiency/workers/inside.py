"""What runs in a worker: loads one module and answers the parent's requests about it, one at a time.

Started as ``python -I inside.py FD`` or entered from a fork of the zygote. Imports the standard library, msgspec, and
of this package only `workers.wire`, `workers.frames`, `errors` and `probes`, found beside this file whatever the
caller's ``sys.path`` was. Nothing here is trusted by the parent: the code under test shares this process.

A request is ``[nonce, verb, argument]``, its reply ``[nonce, ok, value]``. The reply to *go* has the same size whatever
happened; why it failed is fetched by *get*.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import importlib
import importlib.machinery
import importlib.util
import os
import socket
import sys
import traceback
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    # The package is found where this file lies and not where the caller's path leads; its own __init__ is for parents.
    _package = types.ModuleType("pytest_efficiency")
    _package.__path__ = [str(Path(__file__).resolve().parent.parent)]
    sys.modules["pytest_efficiency"] = _package

import msgspec

from pytest_efficiency.errors import WireError
from pytest_efficiency.probes import gilstate
from pytest_efficiency.probes.room import with_room
from pytest_efficiency.workers.frames import Line
from pytest_efficiency.workers.wire import decode, encode, encode_results

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 2**32
_LONGEST_TEXT = 2000
_PLAIN = (type(None), bool, int, float, str)
_encode = msgspec.msgpack.Encoder().encode
_request = msgspec.msgpack.Decoder(tuple[bytes, str, msgspec.Raw]).decode


class _Source(importlib.machinery.SourceFileLoader):
    """Loads from the source alone: a .pyc lying beside it may be a forgery."""

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        code: types.CodeType = self.source_to_code(self.get_data(path), path)
        return code


class Desk:
    """The module under test and the batch that is being worked on."""

    def __init__(self) -> None:
        self._path = ""
        self._found: list[Any] = []
        self._in_place: frozenset[str] = frozenset()
        self._function: Callable[..., Any] | None = None
        self.name = ""
        self._returns_arguments = False
        self._keep = True
        self._calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self._args: list[tuple[Any, ...]] | None = None
        self._results: list[Any] = []
        self._raised: BaseException | None = None

    def load(self, wish: dict[str, Any]) -> list[str]:
        self._path = wish["path"]
        self._in_place = frozenset(wish["in_place"])
        for package in wish["preload"]:
            importlib.import_module(package)
        name, path = wish["name"], wish["path"]
        gilstate.remember()
        module: Any
        if wish["kind"] == "library":
            binding = _load(f"{name}_binding", wish["binding"], _Source)
            module = binding.bind(ctypes.CDLL(path))
        elif wish["kind"] == "extension":
            module = _load(name, path, importlib.machinery.ExtensionFileLoader)
        else:
            module = _load(name, path, _Source)
        self._found = [module]
        if wish["adapter"]:
            self._found.insert(0, _load(f"{name}_adapter", wish["adapter"], _Source, submission=module))
        # Everything that exists by now lives as long as the worker: no collection need look at it again.
        gc.collect()
        gc.freeze()
        return self.names(None)

    def names(self, _: Any) -> list[str]:
        """The public functions, sorted."""
        names = {name for place in self._found for name in _names(place)}
        return sorted(name for name in names if not name.startswith("_") and callable(self._find(name)))

    def put(self, wish: list[Any]) -> None:
        name, calls, keep = wish
        self._results = []
        self._raised = None
        # If this fails there is nothing to call, and not what was put before.
        self._function = None
        self._function = self._callable(name)
        self.name = name
        self._keep = keep
        self._returns_arguments = name in self._in_place
        self._calls = [(args, kwargs) for args, kwargs in calls]
        self._args = None if any(kwargs for _, kwargs in calls) else [args for args, _ in calls]

    def go(self) -> bool:
        """Make the calls. Everything in here is in the figure, so nothing else is."""
        function = self._function
        self._results = []
        self._raised = None
        if function is None:
            self._raised = RuntimeError("there is nothing to call: no batch was put, or putting it failed")
            return False
        collecting = gc.isenabled()
        gc.disable()
        try:
            if self._args is not None:
                # Not starmap(), which would take a StopIteration of theirs for its end.
                if self._keep:
                    self._results = [function(*args) for args in self._args]
                else:
                    for args in self._args:
                        self._results = [function(*args)]
            else:
                for args, kwargs in self._calls:
                    result = function(*args, **kwargs)
                    if self._keep:
                        self._results.append(result)
                    else:
                        self._results = [result]
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are theirs too
            self._raised = error
            return False
        finally:
            if collecting:
                gc.enable()
        return True

    def get(self, _: Any) -> list[Any]:
        if self._raised is not None:
            raise self._raised
        if not self._returns_arguments:
            return self._results
        calls = self._calls if self._keep else self._calls[-1:]
        return [
            (result, tuple(args), dict(kwargs)) for result, (args, kwargs) in zip(self._results, calls, strict=True)
        ]

    def probe(self, wish: list[Any]) -> Any:
        probe, name, args, kwargs, options = wish
        if not probe.isidentifier():
            msg = f"a probe has a name like 'ticker', not {probe!r}"
            raise ValueError(msg)
        module = importlib.import_module(f"pytest_efficiency.probes.{probe}")
        if probe == "afterwards":  # which is about the call before it
            options["results"] = self._results[-1:]
        return module.probe(self._callable(name), args, kwargs, **options)

    def trim(self, _: Any) -> None:
        gc.collect()
        import psutil

        psutil.heap_trim()

    def failure(self, error: BaseException) -> dict[str, Any]:
        """An exception as plain data: what the parent needs to raise it again or to say what it was."""
        args: list[Any] | None = None
        try:
            text = str(error)[:_LONGEST_TEXT]
            if type(error.args) is tuple and all(type(value) in _PLAIN for value in error.args):
                args = list(error.args)
        except BaseException:  # noqa: BLE001 - __str__ and args are theirs
            text = "(its message could not be read)"
        if args is not None and sum(len(str(value)) for value in args if type(value) is str) > _LONGEST_TEXT:
            args = None
        lines = [
            line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == self._path
        ]
        kind = type(error)
        ours = isinstance(error, WireError)
        home = type.__getattribute__(kind, "__module__")
        return {
            "kind": "wire" if ours else "builtin" if home == "builtins" else "other",
            "name": str(type.__getattribute__(kind, "__name__"))[:200],
            "text": text,
            "args": None if ours else args,
            "line": lines[-1] if lines else None,
        }

    def _callable(self, name: str) -> Callable[..., Any]:
        found = self._find(name)
        file = Path(self._path).name
        if found is None:
            names = ", ".join(self.names(None)[:30]) or "none at all"
            msg = f"{file} has no function {name!r}; the functions it has: {names}"
            raise AttributeError(msg)
        if not callable(found):
            msg = f"{name!r} in {file} is a {type(found).__name__}, not a function"
            raise TypeError(msg)
        function: Callable[..., Any] = found
        return function

    def _find(self, name: str) -> Any:
        for place in self._found:
            found = place.get(name) if isinstance(place, dict) else getattr(place, name, None)
            if found is not None:
                return found
        return None


def _names(place: Any) -> list[str]:
    """The names that a module or a binding's object has, without what it imported from elsewhere."""
    if isinstance(place, dict):
        return [name for name in place if isinstance(name, str)]
    found = []
    for name in dir(place):
        value = getattr(place, name, None)
        home = getattr(value, "__module__", None)
        imported = isinstance(home, str) and (home.partition(".")[0] in sys.stdlib_module_names or home == "numpy")
        if not imported or home == getattr(place, "__name__", None):
            found.append(name)
    return found


def _load(name: str, path: str, loader: type[Any], **given: Any) -> Any:
    spec = importlib.util.spec_from_file_location(name, path, loader=loader(name, path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module).update(given)
    # An exercise may be called "statistics": the standard library's own modules must keep finding theirs.
    if name not in sys.modules and name not in sys.stdlib_module_names:
        sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def serve(sock: socket.socket) -> None:
    """Answer requests until the parent hangs up."""
    line = Line(sock)
    desk = Desk()
    while True:
        try:
            frame = line.receive(_MOST)
        except (EOFError, OSError):
            return
        nonce, verb, raw = _request(frame.message)
        if verb == "go":
            ok = with_room(desk.go)
            line.send(_encode([nonce, ok, None]))
            continue
        message: bytes | None = None
        buffers: list[memoryview] = []
        try:
            # A hundred thousand new tuples are no reason to look for garbage, and looking doubles the time.
            gc.disable()
            try:
                wish = decode(raw, frame.blob)
            finally:
                gc.enable()
            if frame.blob is not None:
                frame.blob.close()
            answer = getattr(desk, verb)(wish)
            if verb == "get":
                message, buffers = encode_results(desk.name, answer)
            else:
                message, buffers = encode(answer, f"the answer of {verb}")
            del wish, answer
        except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are theirs too
            buffers = []
            message = None
            reply = _encode([nonce, False, msgspec.Raw(encode(desk.failure(error))[0])])
        if message is not None:
            reply = _encode([nonce, True, msgspec.Raw(message)])
        _flush()
        try:
            line.send(reply, buffers)
        except OSError:
            return
        del buffers, message, reply


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: BLE001 - the streams may have been replaced by theirs
            continue


def main(fd: int) -> None:
    """Serve on a descriptor and leave without running anybody's exit handlers."""
    # A crash then says in which line of Python it happened.
    faulthandler.enable()
    try:
        serve(socket.socket(fileno=fd))
    except BaseException:  # noqa: BLE001 - whatever it was, the process ends here and says why
        traceback.print_exc()
        _flush()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
