"""Frames on a socket: a header, a message, and large memory beside it.

Large memory travels as a sealed memory file whose descriptor goes with the frame (Linux), else through the socket. The
receiver reads it into memory of its own and never maps it, so that whoever made it cannot disturb the reader, and
cannot be written to by whoever receives it. Used by both sides and by the zygote.
"""

from __future__ import annotations

import fcntl
import mmap
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
# The last one stops every write but those through a mapping made before. Not named by Python's fcntl yet.
_FUTURE_WRITE = 0x0010
HAVE_MEMORY_FILES = hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | _FUTURE_WRITE if HAVE_MEMORY_FILES else 0
_CHUNK = 65536
_KEPT = 64 * 2**20
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
    """Memory that came as the descriptor of a sealed file; `close` closes it."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.size = size
        found = os.fstat(fd)
        try:
            seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
        except OSError:
            seals = 0
        # Only memory files can have this seal. Reading anything else could block (a pipe, a file system of theirs).
        if not stat.S_ISREG(found.st_mode) or not seals & fcntl.F_SEAL_SHRINK or found.st_size < size:
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


class Outbox:
    """Where one side lays out the memory it sends: a memory file that is kept, because making one costs 3 ms for 8 MB.

    Only the mapping made here can write: the kernel refuses every other way, also to whoever gets the descriptor.
    """

    def __init__(self) -> None:
        self._fd = -1
        self._room = 0
        self._memory: mmap.mmap | None = None

    def fill(self, buffers: Sequence[memoryview], starts: Sequence[int], size: int) -> int:
        """Copy buffers to their places; the descriptor to send, which stays ours. -1: use the socket instead."""
        if not HAVE_MEMORY_FILES:
            return -1
        if size > self._room:
            self.close()
            try:
                self._make(-(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
            except OSError:
                # A kernel before 5.1 does not know the seal.
                self.close()
                return -1
        assert self._memory is not None
        for start, raw in zip(starts, buffers, strict=True):
            self._memory[start : start + raw.nbytes] = raw
        return self._fd

    def tidy(self) -> None:
        """After sending: keep what the next batch will need again, but no more than that."""
        if self._room > _KEPT:
            self.close()

    def close(self) -> None:
        """Give the memory back."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._room = 0

    def _make(self, room: int) -> None:
        self._fd = os.memfd_create("pytest-efficiency", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._fd, room)
        self._memory = mmap.mmap(self._fd, room)
        fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, _SEALS)
        self._room = room


def pack(
    message: bytes, buffers: Sequence[memoryview] = (), outbox: Outbox | None = None
) -> tuple[list[bytes | memoryview], int]:
    """The pieces to send in order, and the outbox's descriptor to send with the first (-1: none)."""
    if not buffers:
        return [HEADER.pack(len(message), NOTHING, 0) + message], -1
    starts, size = offsets(buffers)
    fd = outbox.fill(buffers, starts, size) if outbox is not None else -1
    if fd >= 0:
        return [HEADER.pack(len(message), MEMORY_FILE, size) + message], fd
    pieces: list[bytes | memoryview] = [HEADER.pack(len(message), INLINE, size) + message]
    end = 0
    for start, raw in zip(starts, buffers, strict=True):
        pieces += [bytes(start - end), raw]
        end = start + raw.nbytes
    return pieces, -1


class Line:
    """Frames out of a socket, blocking or not."""

    def __init__(self, sock: socket.socket, *, most_fds: int = 1) -> None:
        self.sock = sock
        self.outbox = Outbox()
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
        pieces, fd = pack(message, buffers, self.outbox)
        passed = [fd] if fd >= 0 else fds
        first = pieces[0]
        if passed:
            rights = struct.pack(f"{len(passed)}i", *passed)
            done = self.sock.sendmsg([first], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            first = memoryview(first)[done:]
        self.sock.sendall(first)
        for piece in pieces[1:]:
            self.sock.sendall(piece)
        self.outbox.tidy()

    def close(self) -> None:
        """Close the socket and whatever came through it unasked."""
        for fd in self._fds:
            os.close(fd)
        self._fds = []
        self.outbox.close()
        self.sock.close()
