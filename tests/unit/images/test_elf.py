"""What real programs import, and that damaged ones end in a reason."""

import random
import shutil
from pathlib import Path

import pytest

from hardentui.images.programs import NoProgram, is_elf, is_go, read_elf

WANTED = frozenset((b"setuid", b"initgroups", b"chroot", b"fchownat"))
SU, CHROOT = (Path(shutil.which(name, path="/usr/bin:/usr/sbin:/bin") or "/") for name in ("su", "chroot"))


def test_imports_and_libraries_of_real_programs() -> None:
    su, chroot = (read_elf(program.read_bytes(), WANTED) for program in (SU, CHROOT))
    assert {"setuid", "initgroups"} <= su.imports
    assert "libpam.so.0" in su.needed
    assert "chroot" in chroot.imports
    assert "chroot" not in su.imports
    assert not su.static


def test_a_static_program_says_so() -> None:
    busybox = shutil.which("busybox")
    assert busybox
    data = Path(busybox).read_bytes()
    assert is_elf(data)
    assert not is_go(data)
    elf = read_elf(data, WANTED)
    assert elf.static
    assert elf.imports == frozenset()


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x02\x02" + bytes(200)])
def test_what_is_no_known_program_has_a_reason(data: bytes) -> None:
    with pytest.raises(NoProgram):
        read_elf(data, WANTED)


def test_truncated_and_forged_headers_end_in_a_reason_or_an_answer() -> None:
    data = SU.read_bytes()
    chance = random.Random(18)  # noqa: S311 - the same files each time
    files = [data[:length] for length in range(0, len(data), max(1, len(data) // 100))]
    tables = [*range(64), *range(64, 1400), *range(len(data) - 2200, len(data))]  # headers of all kinds
    for _ in range(400):
        forged = bytearray(data)
        for at in chance.choices(tables, k=chance.randint(1, 8)):
            forged[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        files.append(bytes(forged))
    refused = 0
    for file in files:
        try:
            read_elf(file, WANTED)
        except NoProgram:
            refused += 1
    assert refused > 100  # every truncated one at least
