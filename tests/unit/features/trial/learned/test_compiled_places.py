"""Where a compiled program may write, by the paths that stand in it, and what follows from it."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import pytest

from hardentui.features.trial.learned.compiled_places import late_writes, not_read
from hardentui.features.trial.learned.first_use import first_uses
from hardentui.features.trial.learned.programs import Programs, read_programs
from hardentui.features.trial.learned.started import reached
from tests.support.image_archives import directory, member, packed

_HEAD = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 1, 64, 0, 0, 64, 56, 0, 64, 0, 0)
_ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + _HEAD
_GO = b"\xff Go buildinf:"
_OF_THE_IMAGE = (
    *(
        directory(name)
        for name in ("lib64", "etc", "etc/app", "opt", "opt/app", "srv", "var", "var/lib")
    ),
    *(directory(name) for name in ("var/cache", "var/cache/app", "var/log", "srv/data")),
    directory("opt/app/state", uid=7),
    member("etc/app/app.conf", b"x"),
    member("var/cache/app/index", b"x"),
    member("srv/data/a.db", b"x"),
    member("opt/app/state/old", b"x"),
    member("opt/app/page.html", b"x"),
)


def _image(program: bytes) -> Programs:
    archive = packed(*_OF_THE_IMAGE, member("usr/sbin/app", _ELF + program, mode=0o755))
    return read_programs(io.BytesIO(archive))


def _written(program: bytes, uid: int = 0) -> set[str]:
    programs = _image(program)
    return set(late_writes(reached(programs, ("app",)).compiled, programs, uid).places)


def _texts(paths: Sequence[str]) -> bytes:
    """As a compiler of C lays them out: each ends."""
    return b"\0" + b"\0".join(path.encode() for path in paths) + b"\0"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/etc/app/cert.new", "/etc/app"),
        ("/etc/app/app.conf", ""),  # it is there, so it is read
        ("/etc/app", ""),
        ("/etc/adjtime", ""),
        ("/srv/data/a.db", "/srv/data"),
        ("/srv/data/%s.db", "/srv/data"),
        ("/srv/counter.db", "/srv"),
        ("/var/cache/app", "/var/cache/app"),
        ("/var/log/app.log", "/var/log"),
        ("/var/log/wtmp", ""),
        ("/var/lib/random-seed", ""),  # a directory, perhaps: it gets a place by its name
        ("/var/lib/dpkg/status", ""),
        ("/opt/app/page.html", ""),
        ("/opt/app/made.txt", "/opt/app"),
        ("/opt/app/main.c", ""),  # of the machine where it was compiled
        ("/usr/share/app/x", ""),
        ("/lib64/ld.so", ""),
        ("/run/app/pid", ""),
    ],
)
def test_a_path_with_an_end(path: str, place: str) -> None:
    assert _written(_texts(["other", path])) == ({place} if place else set())


def test_an_account_writes_only_what_it_may() -> None:
    texts = _texts(["/srv/data/a.db", "/etc/app/cert.new", "/opt/app/state"])
    assert _written(texts, uid=7) == {"/opt/app/state"}
    assert _written(texts, uid=0) == {"/srv/data", "/etc/app"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"errors/srv/data/a.dbnext text", "/srv/data"),
        (b"errors/var/lib/newplacenext text", "/var/lib"),
        (b"errors at /var/lib/newplacenext text", "/var/lib"),
        (b"errors/etc/app/app.conf/srv/data/a.dbnext text", "/srv/data"),
        (b"errors/srvnext text", ""),
        (b"errors/etc/app/cert.newnext text", ""),
        (b"github.com/opt/thing", ""),
    ],
)
def test_texts_that_run_into_each_other(text: bytes, place: str) -> None:
    """What is there is known by its name; the name of a new directory has no end, and gets no
    volume."""
    program = _GO + b"\0" + text + b"\0"
    assert _written(program) == ({place} if place else set())
    programs = _image(program)
    started = reached(programs, ("app",))
    assert first_uses(started.places, programs) == {}


@pytest.mark.parametrize(
    ("program", "uid", "places"),
    [
        (_texts(["/etc/app/app.conf"]), 0, {"/etc/app"}),
        (_texts(["/etc/app"]), 0, {"/etc/app"}),
        (_texts(["/etc/app", "/etc/app/cert.new"]), 0, set()),  # known to be written
        (_texts(["/etc/app"]), 7, set()),
        (_GO + b"errors/etc/app/cert.newnext text\0", 0, {"/etc/app"}),
        (_GO + b"errors/etc/hostsnext text\0", 0, set()),
    ],
)
def test_what_a_program_names_and_may_only_read_is_told(
    program: bytes,
    uid: int,
    places: set[str],
) -> None:
    programs = _image(program)
    unclear = late_writes(reached(programs, ("app",)).compiled, programs, uid).unclear
    assert set(unclear) == places
    assert [line.what for line in not_read(unclear)] == [f"writing to {p}" for p in places]
    assert all("app is compiled" in line.why for line in not_read(unclear))


@pytest.mark.parametrize(
    ("known", "places"),
    [
        ({"/var/lib/new"}, {}),
        ({"/var/lib/other"}, {"/var/lib": "app"}),
        (set(), {"/var/lib": "app"}),
    ],
)
def test_a_text_that_begins_with_a_known_place_means_it(
    known: set[str],
    places: dict[str, str],
) -> None:
    """Its settings name it, or a mount is there."""
    programs = _image(_GO + b"errors /var/lib/newnext text\0")
    assert late_writes(reached(programs, ("app",)).compiled, programs, 0, known).places == places


def test_a_cache_of_the_image_gets_a_place() -> None:
    programs = _image(_texts(["/var/cache/app/index"]))
    started = reached(programs, ("app",))
    writes = late_writes(started.compiled, programs, 0).places
    assert first_uses(writes, programs, writes=writes) == {"/var/cache/app": "app"}


def test_an_interpreter_writes_what_its_sources_say() -> None:
    archive = packed(
        *_OF_THE_IMAGE,
        member("usr/bin/python3", _ELF + _texts(["/srv/data/a.db"]), mode=0o755),
    )
    programs = read_programs(io.BytesIO(archive))
    assert reached(programs, ("python3",)).compiled == {}
