"""A witness: a service of the host that stands behind many ways and notes who comes. Run as a
program.

    witness.py DIRECTORY PORT

It listens on the unix sockets `stream.sock` and `datagram.sock` and on the pipe `pipe` in each
directory that DIRECTORY/places names, on TCP and UDP PORT of every address, holds a
pseudo-terminal, shared memory and two message queues, and waits for a signal. Each contact is one
line of DIRECTORY/seen. DIRECTORY/ready says that it is there, and names the terminal.
"""

import ctypes
import os
import selectors
import signal
import socket
import sys
import termios
from pathlib import Path

NAME = "hostwitness"
KEY = 0x77171
QUEUE = "/hostwitness"
_IPC_CREAT = 0o1000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmat.restype = ctypes.c_void_p


class Witness:
    """Everything that it holds, and what it saw."""

    def __init__(self, directory: Path, port: int) -> None:
        self._directory = directory
        self._selector = selectors.DefaultSelector()
        for place in (directory / "places").read_text().split():
            self._in(Path(place))
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            listener = socket.socket(socket.AF_INET6, kind)
            listener.setsockopt(
                socket.IPPROTO_IPV6,
                socket.IPV6_V6ONLY,
                0,
            )
            listener.setsockopt(
                socket.SOL_SOCKET,
                socket.SO_REUSEADDR,
                1,
            )
            listener.bind(("::", port))
            self._listen(listener, f"{kind.name} {port}")
        self._terminal()
        self._segment = _libc.shmget(KEY, 4096, _IPC_CREAT | 0o666)
        self._memory = ctypes.cast(
            _libc.shmat(self._segment, None, 0), ctypes.POINTER(ctypes.c_char)
        )
        self._memory[0] = b"\0"
        self._messages = _libc.msgget(KEY, _IPC_CREAT | 0o666)
        self._queue = _libc.mq_open(
            QUEUE.encode(), os.O_CREAT | os.O_RDWR | os.O_NONBLOCK, 0o666, None
        )
        signal.signal(signal.SIGUSR1, lambda number, frame: self.note("signal"))
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())

    def note(self, what: str) -> None:
        with (self._directory / "seen").open("a") as seen:
            seen.write(f"{what}\n")

    def _in(self, place: Path) -> None:
        for kind, name in (
            (socket.SOCK_STREAM, "stream.sock"),
            (socket.SOCK_DGRAM, "datagram.sock"),
        ):
            listener = socket.socket(socket.AF_UNIX, kind)
            listener.bind(str(place / name))
            (place / name).chmod(0o777)
            self._listen(listener, str(place / name))
        os.mkfifo(place / "pipe")
        (place / "pipe").chmod(0o666)
        self._read(
            os.open(place / "pipe", os.O_RDWR | os.O_NONBLOCK),
            str(place / "pipe"),
        )

    def _listen(
        self,
        listener: socket.socket,
        name: str,
    ) -> None:
        listener.setblocking(False)
        if listener.type is socket.SOCK_STREAM:
            listener.listen(64)
        self._selector.register(
            listener,
            selectors.EVENT_READ,
            name,
        )

    def _read(self, handle: int, name: str) -> None:
        self._selector.register(
            handle,
            selectors.EVENT_READ,
            name,
        )

    def _terminal(self) -> None:
        master, slave = os.openpty()
        mode = termios.tcgetattr(slave)
        mode[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        os.fchmod(slave, 0o666)
        os.set_blocking(master, False)
        self._slave = slave
        self._read(master, "terminal")
        self.terminal = os.ttyname(slave)

    def look(self) -> None:
        """Note what has come."""
        for key, _ in self._selector.select(0.1):
            try:
                if (
                    isinstance(key.fileobj, socket.socket)
                    and key.fileobj.type is socket.SOCK_STREAM
                ):
                    key.fileobj.accept()[0].close()
                else:
                    os.read(key.fd, 4096)
            except OSError:
                continue
            self.note(str(key.data))
        if self._memory[0] != b"\0":
            self._memory[0] = b"\0"
            self.note("shared memory")
        text = ctypes.create_string_buffer(8192)
        if (
            _libc.msgrcv(
                self._messages,
                text,
                4096,
                0,
                0o4000,
            )
            >= 0
        ):
            self.note("message queue")
        if (
            _libc.mq_receive(
                self._queue,
                text,
                8192,
                None,
            )
            >= 0
        ):
            self.note("POSIX message queue")

    def close(self) -> None:
        _libc.shmctl(self._segment, 0, None)
        _libc.msgctl(self._messages, 0, None)
        _libc.mq_unlink(QUEUE.encode())


def main() -> None:
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    Path("/proc/self/comm").write_text(NAME)
    witness = Witness(directory, port)
    (directory / "ready").write_text(f"{os.getpid()} {witness.terminal}")
    try:
        while True:
            witness.look()
    finally:
        witness.close()


if __name__ == "__main__":
    main()
