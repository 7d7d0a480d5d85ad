"""rpm databases of images, honest and hostile. tests/live/test_rpm.py compares with rpm itself."""

import sqlite3
import struct
import time
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.lib.image import Package
from hardentui.lib.image.rpm import NotReadable, read_rpm

TAGS = {"name": 1000, "version": 1001, "release": 1002, "arch": 1022, "source": 1044}


def header(epoch: int = 0, **texts: str) -> bytes:
    index, store = b"", b""
    for name, text in texts.items():
        index += struct.pack(
            ">IIII",
            TAGS[name],
            6,
            len(store),
            1,
        )
        store += text.encode() + b"\0"
    if epoch:
        index += struct.pack(">IIII", 1003, 4, len(store), 1)
        store += struct.pack(">I", epoch)
    return struct.pack(">II", len(index) // 16, len(store)) + index + store


BASH = header(
    1, name="bash", version="5.2", release="3", arch="x86_64", source="bash-5.2-3.src.rpm"
)
LIB = header(
    name="libz1",
    version="1.3",
    release="2",
    source="zlib-1.3-1.nosrc.rpm",
)
KEY = header(
    name="gpg-pubkey",
    version="a",
    release="b",
)
EXPECTED = [
    Package("rpm", "bash", "1:5.2-3", "x86_64"),
    Package(
        "rpm",
        "libz1",
        "1.3-2",
        "",
        "zlib",
        "1.3-1",
    ),
]


def sqlite(*statements: str, blobs: tuple[bytes, ...] = ()) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements:
            connection.execute(statement)
        if blobs:
            connection.executemany(
                "INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in blobs]
            )
        connection.commit()
        return connection.serialize()


def ndb(*blobs: bytes) -> bytes:
    slots = struct.pack("<4sIII", b"RpmP", 0, 1, 1) + bytes(16)
    block = 4096 // 16
    body = b""
    for number, blob in enumerate(blobs, 1):
        count = (len(blob) + 16 + 12 + 15) // 16
        slots += struct.pack(
            "<4sIII",
            b"Slot",
            number,
            block,
            count,
        )
        body += (
            struct.pack(
                "<4sIII",
                b"BlbS",
                number,
                0,
                len(blob),
            )
            + blob
        ).ljust(count * 16, b"\0")
        block += count
    while len(slots) < 4096:
        slots += struct.pack("<4sIII", b"Slot", 0, 0, 0)
    return slots + body


TABLE = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"


@pytest.mark.parametrize(
    "database",
    [
        sqlite(TABLE, blobs=(BASH, LIB, KEY)),
        ndb(BASH, LIB, KEY),
    ],
)
def test_packages_of_both_kinds_without_keys(database: bytes) -> None:
    result = read_rpm(database)
    assert (result.count, result.packages) == (2, EXPECTED)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\5\x31\x62" * 2000,  # Berkeley DB
        b"SQLite format 3\0 broken",
        b"RpmP" + bytes(8000),
        ndb(BASH)[:4100],
        ndb(BASH).replace(b"BlbS", b"BlbX"),
        sqlite(
            "CREATE TABLE other (blob)",
            "CREATE VIEW Packages AS SELECT blob FROM other",
        ),
        sqlite("CREATE TABLE Packages (a, blob GENERATED ALWAYS AS (hex(a)))"),
    ],
)
def test_what_is_no_database_that_can_be_read_is_said_so(content: bytes) -> None:
    with pytest.raises(NotReadable):
        read_rpm(content)


def test_a_table_of_a_million_rows_costs_bounded_time() -> None:
    rows = (
        "INSERT INTO Packages (blob) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n"
    )
    insert = rows + " LIMIT 1000000) SELECT x'00' FROM n"  # noqa: S608 - fixed texts
    content = sqlite(TABLE, insert)
    began = time.process_time()
    assert read_rpm(content).count == 50_000
    assert time.process_time() - began < 5


@given(st.binary(max_size=200), st.integers(0, 4400))
def test_damage_anywhere_breaks_nothing(noise: bytes, at: int) -> None:
    for whole in (ndb(BASH, LIB), sqlite(TABLE, blobs=(BASH, LIB))):
        content = whole[:at] + noise + whole[at + len(noise) :]
        try:
            result = read_rpm(content)
        except NotReadable:
            continue
        assert all(package.name and package.version for package in result.packages)
