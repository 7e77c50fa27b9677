from __future__ import annotations

import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_efficiency.errors import WireError
from pytest_efficiency.workers import frames

if TYPE_CHECKING:
    from collections.abc import Iterator

Pair = tuple[frames.Line, frames.Line]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of one socket."""
    one, other = (frames.Line(sock) for sock in socket.socketpair())
    yield one, other
    one.close()
    other.close()


def read(frame: frames.Frame) -> tuple[bytes, bytes]:
    memory = bytearray(frame.blob.size if frame.blob is not None else 0)
    if frame.blob is not None:
        frame.blob.read_into(memoryview(memory), 0)
        frame.blob.close()
    return bytes(frame.message), bytes(memory)


def test_messages_arrive_one_by_one(pair: Pair) -> None:
    """Two messages sent at once are two messages, also when they come in pieces."""
    pair[0].send(b"one")
    pair[0].send(b"")
    pair[0].send(b"three")
    assert [read(pair[1].receive(100))[0] for _ in range(3)] == [b"one", b"", b"three"]
    whole = frames.HEADER.pack(5, frames.NOTHING, 0) + b"12345"
    for byte in whole[:-1]:
        pair[0].sock.send(bytes([byte]))
        pair[1].feed()
        assert pair[1].frame(100) is None
    pair[0].sock.send(whole[-1:])
    assert bytes(pair[1].receive(100).message) == b"12345"


@pytest.mark.parametrize("memory_files", [True, False])
def test_memory_arrives_beside_a_message(pair: Pair, memory_files: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Buffers arrive in their places, by memory file or through the socket; the memory file is used again."""
    monkeypatch.setattr(frames, "HAVE_MEMORY_FILES", memory_files and frames.HAVE_MEMORY_FILES)
    for first in (b"a" * 1000, b"b" * 9000, b"c" * 10):
        pair[0].send(b"hello", [memoryview(first), memoryview(b"second")])
        frame = pair[1].receive(20_000)
        assert isinstance(frame.blob, frames.MemoryFile if memory_files else frames.InlineBlob)
        message, memory = read(frame)
        assert message == b"hello"
        start = -(-len(first) // 64) * 64
        assert memory[: len(first)] == first
        assert memory[start:] == b"second"


def test_a_memory_file_cannot_be_written_or_cut_by_its_receiver(pair: Pair) -> None:
    """Whoever receives the descriptor can read it and nothing else, also by opening it anew."""
    pair[0].send(b"", [memoryview(b"x" * 5000)])
    frame = pair[1].receive(10_000)
    assert isinstance(frame.blob, frames.MemoryFile)
    fd = frame.blob._fd
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)
    try:
        for which in (fd, again):
            with pytest.raises(OSError, match="not permitted"):
                os.pwrite(which, b"y", 0)
            with pytest.raises(OSError, match="not permitted"):
                os.ftruncate(which, 10)
            with pytest.raises(OSError, match="not permitted"):
                os.posix_fallocate(which, 0, 100_000)
    finally:
        os.close(again)
    assert read(frame)[1] == b"x" * 5000


def test_oversized_messages_are_refused_by_their_header(pair: Pair) -> None:
    """A length above what is expected is refused before any of it is read; a header with nonsense too."""
    for header in (
        frames.HEADER.pack(101, frames.NOTHING, 0),
        frames.HEADER.pack(1, frames.INLINE, 101),
        frames.HEADER.pack(1, 7, 0),
    ):
        one, other = (frames.Line(sock) for sock in socket.socketpair())
        one.sock.send(header)
        with pytest.raises(WireError, match="at most 100 bytes"):
            other.receive(100)
        one.close()
        other.close()


def send_with(sock: socket.socket, header: bytes, *fds: int) -> None:
    rights = struct.pack(f"{len(fds)}i", *fds)
    sock.sendmsg([header], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if fds else [])


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_descriptors_that_are_no_sealed_memory_are_refused(pair: Pair) -> None:
    """A pipe, a plain file, an unsealed or a short memory file in place of memory is a WireError, and is closed."""
    reading, writing = os.pipe()
    plain = os.open(os.devnull, os.O_RDONLY)
    unsealed = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
    os.ftruncate(unsealed, 100)
    short = os.memfd_create("short", os.MFD_ALLOW_SEALING)
    os.ftruncate(short, 99)
    fcntl.fcntl(short, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    before = descriptors()
    for fd in (reading, plain, unsealed, short):
        send_with(pair[0].sock, frames.HEADER.pack(0, frames.MEMORY_FILE, 100), fd)
        with pytest.raises(WireError, match="sealed memory file"):
            pair[1].receive(100)
    send_with(pair[0].sock, frames.HEADER.pack(0, frames.MEMORY_FILE, 100))
    with pytest.raises(WireError, match="none came"):
        pair[1].receive(100)
    assert descriptors() == before
    for fd in (reading, writing, plain, unsealed, short):
        os.close(fd)


def test_unasked_descriptors_do_not_pile_up(pair: Pair) -> None:
    """Descriptors sent without need are closed, however many they are."""
    before = len(descriptors())
    for _ in range(50):
        send_with(pair[0].sock, b"\0", 0, 0, 0)
        pair[1].feed()
    assert len(descriptors()) <= before + 1


def test_the_end_is_an_end(pair: Pair) -> None:
    """A closed socket raises EOFError, in the middle of a message too."""
    pair[0].sock.send(frames.HEADER.pack(10, frames.NOTHING, 0) + b"123")
    pair[0].close()
    with pytest.raises(EOFError):
        pair[1].receive(100)
