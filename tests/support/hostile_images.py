"""Parts of images that want to take time or memory: `hostile_images.py READER`, for a process of its
own with limits. Says how many were read or refused, each with the reader's own error."""

from __future__ import annotations

import gzip
import io
import random
import sqlite3
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hardentui.errors import InputError
from hardentui.features.opening.saved_facts import unpacked
from hardentui.features.trial.learned.programs import NoProgram, read_elf, read_programs
from hardentui.lib.image.inventory import read_inventory
from hardentui.lib.image.rpm import NotReadable, read_rpm
from tests.support.image_archives import image, member, packed

MUTATIONS = 60
LONGEST = 5.0
"""Seconds of the processor for one part of an image."""
_PROGRAM = Path(sys.executable).resolve().read_bytes()[: 8 << 20]
_SYMBOLS = 200_000


def _mutated(data: bytes, seed: int) -> bytes:
    """With some bytes, most of them in its first part, exchanged for those that lengths like."""
    chance = random.Random(seed)  # noqa: S311 - the same every time
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 24)):
        end = len(changed) if chance.random() < 0.3 else min(len(changed), 4096)
        changed[chance.randrange(end)] = chance.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))
    return bytes(changed[: chance.randrange(1, len(changed))] if chance.random() < 0.2 else changed)


def _elf_with(sections: int) -> bytes:
    """All section headers name one table of symbols."""
    table = b"\0" * 24 * _SYMBOLS
    at = 64 + len(table)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\2\1\1" + b"\0" * 9,
        *(3, 62, 1, 0x1000, 0, at, 0, 64, 56, 0, 64, sections, 0),
    )
    section = struct.pack("<IIQQQQIIQQ", 0, 11, 0, 0, 64, len(table), 0, 0, 8, 24)
    return header + table + section * sections


def _elfs() -> Iterator[bytes]:
    yield from (_elf_with(count) for count in (4095, 65535))
    yield b"\x7fELF\2\1\1" + b"\xff" * 4096
    yield from (_mutated(_PROGRAM, seed) for seed in range(MUTATIONS))


def _archives() -> Iterator[bytes]:
    yield packed(member("a", b"x", pax_headers={"path": "a/" * 400_000}))
    yield packed(*(member(f"{'d/' * 90}{number}", b"x") for number in range(3_000)))
    yield packed(*(member("same", b"x" * 512) for _ in range(20_000)))
    yield packed(member("etc/passwd", b"root::0:0::/:/bin/sh\n" * 400_000))
    yield packed(member("var/lib/dpkg/status", b"Package: " + b"a" * 8_000_000))
    yield packed(member("node_modules/a/package.json", b"[" * 900_000))
    yield packed(member("node_modules/a/package.json", b'{"a":' * 150_000))
    yield packed(member("x.dist-info/METADATA", b"Name: a\n" * 120_000))
    honest = packed(member("etc/passwd", b"root:x:0:0::/:/bin/sh\n"), member("bin/x", b"x" * 5000))
    yield from (_mutated(honest, seed) for seed in range(MUTATIONS))


def _programs() -> Iterator[bytes]:
    hostile = _elf_with(4095)
    yield packed(*(member(f"bin/{number}", hostile, 0o755) for number in range(4)))
    yield packed(member("bin/run", b"#!/bin/sh\n" + b"$(" * 2_000_000, 0o755))
    yield packed(member("bin/run", b"#!/bin/sh\n" + b"a/b " * 2_000_000, 0o755))
    yield from (packed(member("bin/x", data, 0o755)) for data in _elfs())


def _rpms() -> Iterator[bytes]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    for number in range(200):
        connection.execute("INSERT INTO Packages VALUES (?, ?)", (number, b"\0\0\0\xff" * 64))
    honest = connection.serialize()
    connection.close()
    yield honest
    yield b"RpmP" + b"\xff" * (1 << 20)
    yield from (_mutated(honest, seed) for seed in range(MUTATIONS))


def _saved() -> Iterator[bytes]:
    yield gzip.compress(b"\0" * (300 << 20), 1)
    yield gzip.compress(gzip.compress(b"[" * (40 << 20)))
    honest = gzip.compress(b'{"schema": 1}' * 1000)
    yield from (_mutated(honest, seed) for seed in range(MUTATIONS))


def _unpack(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        unpacked(file.name)


READERS: dict[str, tuple[Callable[[], Iterator[bytes]], Callable[[bytes], object]]] = {
    "elf": (_elfs, lambda data: read_elf(data, [b"setuid"])),
    "layers": (_archives, lambda data: read_inventory(io.BytesIO(image(data)))),
    "archive": (_archives, lambda data: read_inventory(io.BytesIO(data))),
    "programs": (_programs, lambda data: read_programs(io.BytesIO(data), ["run"])),
    "rpm": (_rpms, read_rpm),
    "saved": (_saved, _unpack),
}


def main() -> None:
    parts, read = READERS[sys.argv[1]]
    done = refused = 0
    for number, data in enumerate(parts()):
        begun = time.process_time()
        try:
            read(data)
            done += 1
        except (NoProgram, NotReadable, InputError):
            refused += 1
        taken = time.process_time() - begun
        if taken > LONGEST:
            raise SystemExit(f"part {number} took {taken:.1f} s")
    sys.stdout.write(f"{done} {refused}\n")


if __name__ == "__main__":
    main()
