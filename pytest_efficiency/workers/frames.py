"""Frames on a socket: a header, a message, and large memory beside it.

Large memory travels as a sealed memory file whose descriptor goes with the frame (Linux), else through the socket. A
sealed file can no longer change or shrink, and it is read, never mapped, so that whoever made it cannot disturb the
reader. Used by both sides and by the zygote.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
from typing import TYPE_CHECKING

from pytest_efficiency.errors import WireError
from pytest_efficiency.workers.wire import offsets

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = struct.Struct("<IIQ")
NOTHING, INLINE, MEMORY_FILE = range(3)
HAVE_MEMORY_FILES = hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")
_CHUNK = 65536
_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Frame:
    """One message with the memory that came beside it (see `wire.decode`)."""

    def __init__(self, message: memoryview | bytes, blob: MemoryFile | InlineBlob | None, fds: list[int]) -> None:
        self.message = message
        self.blob = blob
        self.fds = fds


class InlineBlob:
    """Memory that came through the socket."""

    def __init__(self, raw: memoryview) -> None:
        self._raw = raw
        self.size = raw.nbytes

    def read_into(self, view: memoryview, start: int) -> None:
        """Fill ``view`` with the bytes from ``start`` on."""
        view[:] = self._raw[start : start + view.nbytes]

    def close(self) -> None:
        """Nothing to give back."""


class MemoryFile:
    """Memory that came as the descriptor of a sealed file; the descriptor is ours and closed by `close`."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.size = size
        found = os.fstat(fd)
        try:
            seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
        except OSError:
            seals = 0
        # Without these seals, reading could block (a pipe, a file system of theirs) or come out short.
        needed = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK
        if not stat.S_ISREG(found.st_mode) or seals & needed != needed or found.st_size < size:
            self.close()
            msg = "a sealed memory file was expected beside a message and something else came"
            raise WireError(msg)

    def read_into(self, view: memoryview, start: int) -> None:
        """Fill ``view`` with the bytes from ``start`` on."""
        done = 0
        while done < view.nbytes:
            count = os.preadv(self._fd, [view[done:]], start + done)
            if count == 0:
                msg = "a memory file beside a message is shorter than it said"
                raise WireError(msg)
            done += count

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def pack(
    message: bytes, buffers: Sequence[memoryview] = (), *, memory_files: bool = HAVE_MEMORY_FILES
) -> tuple[list[bytes | memoryview], int]:
    """The pieces to send in order, and the descriptor to send with the first (-1: none; close it after sending)."""
    if not buffers:
        return [HEADER.pack(len(message), NOTHING, 0) + message], -1
    starts, size = offsets(buffers)
    if memory_files:
        return [HEADER.pack(len(message), MEMORY_FILE, size) + message], _sealed(buffers, starts)
    pieces: list[bytes | memoryview] = [HEADER.pack(len(message), INLINE, size) + message]
    end = 0
    for start, raw in zip(starts, buffers, strict=True):
        pieces += [bytes(start - end), raw]
        end = start + raw.nbytes
    return pieces, -1


def _sealed(buffers: Sequence[memoryview], starts: Sequence[int]) -> int:
    fd = os.memfd_create("pytest-efficiency", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for start, raw in zip(starts, buffers, strict=True):
            done = 0
            while done < raw.nbytes:
                done += os.pwrite(fd, raw[done:], start + done)
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    except BaseException:
        os.close(fd)
        raise
    return fd


class Line:
    """Frames out of a socket, blocking or not."""

    def __init__(self, sock: socket.socket, *, most_fds: int = 1) -> None:
        self.sock = sock
        self._most_fds = most_fds
        # CMSG_LEN and not CMSG_SPACE, whose padding has room for one descriptor more.
        self._ancillary = socket.CMSG_LEN(4 * most_fds)
        self._scratch = bytearray(_CHUNK)
        self._view = memoryview(self._scratch)
        self._pending = bytearray()
        self._fds: list[int] = []

    def feed(self) -> None:
        """Read what is there, waiting for it if the socket blocks.

        Raises:
            EOFError: the other side is gone.
            BlockingIOError: nothing is there.
        """
        count, ancillary, _, _ = self.sock.recvmsg_into([self._scratch], self._ancillary, _CLOEXEC)
        for level, kind, raw in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                for (fd,) in struct.iter_unpack("i", raw[: len(raw) // 4 * 4]):
                    if len(self._fds) < self._most_fds:
                        self._fds.append(fd)
                    else:
                        os.close(fd)
        if count == 0:
            raise EOFError
        self._pending += self._view[:count]

    def pending(self) -> bool:
        """Whether bytes have come that belong to no frame yet."""
        return bool(self._pending)

    def frame(self, most: int) -> Frame | None:
        """The next frame if all of it has come.

        Raises:
            WireError: it is longer than ``most`` bytes, or no frame.
        """
        here = self._pending
        if len(here) < HEADER.size:
            return None
        length, how, size = HEADER.unpack_from(here)
        if length > most or size > most or how > MEMORY_FILE:
            msg = f"a message of at most {most} bytes was expected and one of {length} + {size} came"
            raise WireError(msg)
        total = HEADER.size + length + (size if how == INLINE else 0)
        if len(here) < total:
            return None
        blob: MemoryFile | InlineBlob | None = None
        fds: list[int] = []
        if len(here) == total:
            self._pending = bytearray()
        else:
            self._pending = here[total:]
        view = memoryview(here)
        if how == MEMORY_FILE:
            if not self._fds:
                msg = "a memory file was announced and none came"
                raise WireError(msg)
            blob = MemoryFile(self._fds.pop(0), size)
        else:
            if how == INLINE:
                blob = InlineBlob(view[HEADER.size + length : total])
            fds, self._fds = self._fds, []
        return Frame(view[HEADER.size : HEADER.size + length], blob, fds)

    def receive(self, most: int) -> Frame:
        """Wait for the next frame; the socket blocks."""
        while True:
            frame = self.frame(most)
            if frame is not None:
                return frame
            self.feed()

    def send(self, message: bytes, buffers: Sequence[memoryview] = (), fds: Sequence[int] = ()) -> None:
        """Send a frame, waiting until all of it is on its way; the socket blocks."""
        pieces, fd = pack(message, buffers)
        try:
            first = pieces[0]
            passed = [fd] if fd >= 0 else list(fds)
            if passed:
                rights = struct.pack(f"{len(passed)}i", *passed)
                done = self.sock.sendmsg([first], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                first = memoryview(first)[done:]
            self.sock.sendall(first)
            for piece in pieces[1:]:
                self.sock.sendall(piece)
        finally:
            if fd >= 0:
                os.close(fd)

    def close(self) -> None:
        """Close the socket and whatever came through it unasked."""
        for fd in self._fds:
            os.close(fd)
        self._fds = []
        self.sock.close()
