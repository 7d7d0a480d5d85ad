"""Which accounts may use a path: as acl(5) and path_resolution(7) have it, and as this kernel does
it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hardentui.host.files import parse_acl, read_accounts, walk, with_acls
from hardentui.model.path_steps import Account, Accounts, AclEntry, PathStep
from hardentui.reading.access import EVERYBODY, EXECUTE, READ, WRITE, open_spots, who_may
from tests.support.rooted import Rooted, acl_bytes

ROOT = frozenset({0})
ANNA = Account("anna", 1000, frozenset({1000, 990}))
BEN = Account("ben", 1001, frozenset({1001}))
HERE = Accounts(
    (ANNA, BEN),
    {0: "root", 990: "podman", 1000: "anna", 1001: "ben"},
)
TOP = PathStep("/")


def step(
    path: str,
    mode: int,
    uid: int = 0,
    gid: int = 0,
    kind: str = "file",
    *acl: AclEntry,
) -> PathStep:
    return PathStep(
        path,
        uid,
        gid,
        mode,
        kind,
        mode >> 3 & 7,
        acl,
    )


def directory(
    path: str,
    mode: int,
    uid: int = 0,
    gid: int = 0,
    *acl: AclEntry,
) -> PathStep:
    return step(
        path,
        mode,
        uid,
        gid,
        "directory",
        *acl,
    )


def named(
    kind: str,
    number: int,
    rights: int,
) -> AclEntry:
    return AclEntry(kind, number, rights)


@pytest.mark.parametrize(
    ("way", "may"),
    [
        ((TOP, step("/s", 0o666)), (EVERYBODY,)),
        ((TOP, step("/s", 0o660, 0, 990)), ("anna",)),
        ((TOP, step("/s", 0o600, 0, 990)), ()),
        ((TOP, step("/s", 0o660)), ()),
        ((TOP, step("/s", 0o660, 0, 555)), ("group 555",)),
        ((TOP, step("/s", 0o600, 1001)), ("ben",)),
        ((TOP, step("/s", 0o600, 4000)), ("uid 4000",)),
        # a group that is shut out is shut out, whatever all others may
        ((TOP, step("/s", 0o606, 0, 990)), (EVERYBODY,)),
        ((TOP, directory("/d", 0o700), step("/d/s", 0o666)), ()),
        (
            (
                TOP,
                directory("/d", 0o750, 0, 990),
                step("/d/s", 0o666),
            ),
            ("anna",),
        ),
        (
            (TOP, directory("/d", 0o711), step("/d/s", 0o666)),
            (EVERYBODY,),
        ),
        (
            (TOP, directory("/d", 0o700, 1001), step("/d/s", 0o666)),
            ("ben",),
        ),
        (
            (
                TOP,
                step(
                    "/s",
                    0o660,
                    0,
                    0,
                    "socket",
                    named("user", 1001, 6),
                ),
            ),
            ("ben",),
        ),
        (
            (
                TOP,
                step(
                    "/s",
                    0o660,
                    0,
                    0,
                    "socket",
                    named("user", 1001, 4),
                ),
            ),
            (),
        ),
        (
            (
                TOP,
                step(
                    "/s",
                    0o660,
                    0,
                    0,
                    "socket",
                    named("group", 990, 6),
                ),
            ),
            ("anna",),
        ),
        (
            (
                TOP,
                directory(
                    "/d",
                    0o700,
                    0,
                    0,
                    named("user", 1001, 1),
                ),
                step("/d/s", 0o666),
            ),
            ("ben",),
        ),
        (
            (
                TOP,
                directory(
                    "/d",
                    0o750,
                    0,
                    0,
                    named("user", 1001, 5),
                ),
                step("/d/s", 0o660),
            ),
            (),
        ),
    ],
)
def test_a_path_is_as_open_as_all_its_directories(
    way: tuple[PathStep, ...],
    may: tuple[str, ...],
) -> None:
    assert who_may(WRITE, way, HERE, ROOT) == may


def test_a_link_of_somebody_in_a_sticky_directory_can_be_turned() -> None:
    sticky = directory("/tmp", 0o1777)
    for uid, spots in ((0, []), (1001, ["/tmp/l belongs to uid 1001"])):
        way = (
            TOP,
            sticky,
            step("/tmp/l", 0o777, uid, uid, "link"),
            directory("/etc", 0o755),
            step("/etc/x", 0o644),
        )
        assert [str(spot) for spot in open_spots(way, HERE, ROOT)] == spots


def test_the_bytes_of_an_acl() -> None:
    """As `setfacl -m u:1001:rw,m::r` leaves them: the mask takes the right to write away."""
    value = acl_bytes(
        (1, 6, -1),
        (2, 6, 1001),
        (4, 6, -1),
        (16, 4, -1),
        (32, 0, -1),
    )
    assert parse_acl(value, 6) == (4, (AclEntry("user", 1001, 4),))
    assert parse_acl(b"\x01\0\0\0", 6) == (6, ())
    assert parse_acl(b"", 5) == (5, ())


@pytest.fixture
def enterable() -> Iterator[Path]:
    """A directory that every account may enter; the directories of pytest are closed."""
    with TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        yield place


@pytest.mark.skipif(
    os.getuid() != 0,
    reason="only root can act as other accounts",
)
@pytest.mark.parametrize(
    ("parent", "mode", "owner", "acl"),
    [
        (0o755, 0o666, (0, 0), ()),
        (0o700, 0o666, (0, 0), ()),
        (0o750, 0o666, (0, 990), ()),
        (0o711, 0o660, (0, 990), ()),
        (0o755, 0o606, (0, 990), ()),
        (0o755, 0o600, (1001, 1001), ()),
        (0o755, 0o660, (0, 0), ((2, 6, 1001),)),
        (0o755, 0o640, (0, 0), ((2, 6, 1001),)),
        (0o755, 0o660, (0, 0), ((8, 6, 990),)),
        (0o755, 0o666, (0, 0), ((2, 0, 1000),)),
    ],
)
def test_this_kernel_says_the_same(
    enterable: Path,
    parent: int,
    mode: int,
    owner: tuple[int, int],
    acl: tuple[tuple[int, int, int], ...],
) -> None:
    """Each account really tries to open the file for writing."""
    home = enterable / "d"
    home.mkdir()
    file = home / "f"
    file.write_text("x")
    if acl:
        user, group, others = mode >> 6 & 7, mode >> 3 & 7, mode & 7
        value = acl_bytes(
            (1, user, -1),
            *acl,
            (4, group, -1),
            (16, group, -1),
            (32, others, -1),
        )
        os.setxattr(file, "system.posix_acl_access", value)
    else:
        file.chmod(mode)
    os.chown(file, *owner)
    os.chown(home, 0, owner[1])
    home.chmod(parent)
    files = Rooted(enterable)
    way = with_acls(files, walk(files, "/d/f")[0])
    said = who_may(WRITE, way, HERE, ROOT)
    for account in (
        ANNA,
        BEN,
        Account("stranger", 4711, frozenset({4711})),
    ):
        done = subprocess.run(
            ["/bin/sh", "-c", ': >>"$0"', str(file)],
            user=account.uid,
            group=max(account.groups),
            extra_groups=sorted(account.groups),
            capture_output=True,
            check=False,
        )
        told = EVERYBODY in said or account.name in said
        if EVERYBODY in said and done.returncode:
            continue  # a stranger may, and this one is shut out by an entry of its own
        assert (done.returncode == 0) == told, (account.name, said)


def test_without_known_accounts_every_group_has_members() -> None:
    way = (TOP, step("/s", 0o660, 0, 990))
    assert who_may(WRITE, way, None, ROOT) == ("group 990",)


def test_each_right_is_asked_for_itself() -> None:
    way = (TOP, step("/x", 0o754, 0, 990))
    assert who_may(READ, way, HERE, ROOT) == (EVERYBODY,)
    assert who_may(EXECUTE, way, HERE, ROOT) == ("anna",)
    assert who_may(WRITE, way, HERE, ROOT) == ()


def test_a_group_without_members_changes_nothing() -> None:
    here = Accounts((BEN,), {0: "root", 50: "staff", 1001: "ben"})
    way = (
        TOP,
        directory("/usr", 0o755),
        directory("/usr/local", 0o2775, 0, 50),
        step("/usr/local/x", 0o755),
    )
    assert open_spots(way, here, ROOT) == ()
    assert [spot.what for spot in open_spots(way, HERE, ROOT)] == [
        "can be written by group 50 (2775)"
    ]


def test_an_entry_of_an_acl_is_a_spot_with_a_repair_of_its_own() -> None:
    way = (
        TOP,
        step(
            "/etc",
            0o775,
            0,
            0,
            "directory",
            named("user", 1001, 7),
        ),
        step("/etc/x", 0o644),
    )
    (spot,) = open_spots(way, HERE, ROOT)
    assert (spot.what, spot.fix) == ("can be written by ben (ACL)", "setfacl -x u:1001")


def test_a_placeholder_in_the_group_of_root_is_nobody(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    files.put(
        "/etc/passwd",
        "root:x:0:0::/root:/bin/sh\nsync:x:5:0::/sbin:/bin/sync\noperator:x:11:0::/root:/sbin/nologin\n"
        "anna:x:1000:1000::/home/anna:/bin/sh\nmail:x:8:12::/:/sbin/nologin\n",
    )
    files.put(
        "/etc/group",
        "root:x:0:\nmail:x:12:\nanna:x:1000:\nwheel:x:10:anna\n",
    )
    result = read_accounts(files)
    assert result is not None
    assert {person.name: set(person.groups) for person in result.people} == {
        "sync": set(),
        "operator": set(),
        "anna": {1000, 10},
        "mail": {12},
    }
