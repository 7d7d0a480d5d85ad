"""What a call takes, by the rules of the kernel, asked as if the caller had no capability."""

import stat

import pytest

from hardentui.features.trial.learned.effects import NOBODY, capabilities
from hardentui.lib.observer.records import CallDetail, Caller, SocketAddress, TouchedFile

ROOT = Caller(0, 0, frozenset({0}), frozenset({0}))
WWW = Caller(
    33,
    33,
    frozenset({33}),
    frozenset({33}),
    frozenset({33}),
)
OWN = TouchedFile("/f", mode=0o644)
OF_REDIS = TouchedFile(
    "/data/f", uid=999, gid=999, mode=0o600, directory_uid=999, directory_gid=999
)
CREATE = 0o101


def detail(
    call: str,
    *numbers: int,
    file: TouchedFile | None = None,
    caller: Caller = ROOT,
) -> CallDetail:
    return CallDetail(
        call,
        caller,
        numbers,
        (file,) if file else (),
    )


@pytest.mark.parametrize(
    ("made", "needed"),
    [
        (detail("chown", 33, NOBODY, file=OWN), "CHOWN"),
        (detail("chown", 0, 0, file=OWN), ""),
        (detail("chown", 0, 0, file=OF_REDIS), "CHOWN"),
        (detail("fchown", NOBODY, 33, file=OWN), "CHOWN"),
        (
            detail(
                "chown",
                NOBODY,
                NOBODY,
                file=OF_REDIS,
            ),
            "",
        ),
        (
            detail(
                "chown",
                33,
                33,
                file=TouchedFile("/f", uid=33, gid=33),
                caller=WWW,
            ),
            "",
        ),
        (detail("setuid", 33), "SETUID"),
        (detail("setuid", 0), ""),
        (detail("setuid", 33, caller=WWW), ""),
        (detail("setresuid", NOBODY, 33, NOBODY), "SETUID"),
        (detail("setgid", 33), "SETGID"),
        (detail("setgroups", 0), "SETGID"),
        (detail("openat", 0, file=OF_REDIS), "DAC_OVERRIDE"),
        (detail("openat", 0, file=OWN), ""),
        (
            detail(
                "openat",
                1,
                file=TouchedFile("/f", uid=0, gid=0, mode=0o444),
            ),
            "DAC_OVERRIDE",
        ),
        (
            detail(
                "openat",
                0,
                file=TouchedFile(
                    "/f",
                    mode=0o644,
                    searchable=False,
                ),
            ),
            "DAC_OVERRIDE",
        ),
        (
            detail(
                "openat",
                CREATE,
                file=TouchedFile(
                    "/d/f",
                    exists=False,
                    uid=999,
                    mode=0o755,
                ),
            ),
            "DAC_OVERRIDE",
        ),
        (
            detail(
                "openat",
                CREATE,
                file=TouchedFile(
                    "/d/f",
                    exists=False,
                    uid=0,
                    mode=0o755,
                ),
            ),
            "",
        ),
        (
            detail(
                "openat",
                0,
                file=TouchedFile(
                    "/d/f",
                    exists=False,
                    uid=999,
                    mode=0o755,
                ),
            ),
            "",
        ),
        (
            detail(
                "openat",
                0,
                file=TouchedFile("/f", uid=-1, gid=-1, mode=0),
            ),
            "",
        ),
        (detail("creat", 0o644, file=OF_REDIS), "DAC_OVERRIDE"),
        (
            detail(
                "mkdir",
                0o755,
                file=TouchedFile(
                    "/d/x",
                    exists=False,
                    uid=999,
                    mode=0o700,
                ),
            ),
            "DAC_OVERRIDE",
        ),
        (
            detail(
                "mkdir",
                0o755,
                file=TouchedFile("/d/x", uid=999, mode=0o700),
            ),
            "",
        ),
        (
            detail(
                "mknod",
                stat.S_IFCHR | 0o600,
                file=TouchedFile("/d", exists=False, mode=0o755),
            ),
            "MKNOD",
        ),
        (
            detail(
                "mknod",
                stat.S_IFIFO | 0o600,
                file=TouchedFile("/d", exists=False, mode=0o755),
            ),
            "",
        ),
        (detail("unlink", file=OF_REDIS), "DAC_OVERRIDE"),
        (
            detail(
                "unlink",
                file=TouchedFile(
                    "/tmp/f",
                    uid=5,
                    directory_uid=1,
                    directory_mode=0o1777,
                ),
            ),
            "FOWNER",
        ),
        (
            detail(
                "unlink",
                file=TouchedFile(
                    "/tmp/f",
                    uid=5,
                    directory_uid=0,
                    directory_mode=0o1777,
                ),
            ),
            "",
        ),
        (detail("chmod", 0o700, file=OF_REDIS), "FOWNER"),
        (
            detail(
                "chmod",
                0o2755,
                file=TouchedFile("/f", gid=42, mode=0o755),
            ),
            "FSETID",
        ),
        (detail("utimensat", 1, file=OF_REDIS), "FOWNER"),
        (detail("utimensat", 0, file=OWN), ""),
        (detail("kill", 15), ""),
        (detail("socket", 2, 3, 1), "NET_RAW"),
        (detail("socket", 17, 2, 0), "NET_RAW"),
        (detail("socket", 2, 1 | 0o2000000, 0), ""),
        (detail("socket", 16, 3, 9), "AUDIT_WRITE"),
        (detail("socket", 16, 3, 0), ""),
        (detail("setsockopt", 1, 36), "NET_ADMIN"),
        (detail("chroot"), "SYS_CHROOT"),
        (detail("mount"), "SYS_ADMIN"),
        (detail("unshare", 0x20000), "SYS_ADMIN"),
        (detail("unshare", 0x20000 | 0x10000000), ""),
        (detail("clone", 0x3D0F00), ""),
        (detail("setpriority", 0, 0xFFFFFFF6), "SYS_NICE"),
        (detail("setpriority", 0, 10), ""),
        (detail("adjtimex", 0), ""),
        (detail("adjtimex", 1), "SYS_TIME"),
        (detail("prctl", 24, 1), "SETPCAP"),
        (detail("unheard_of", 1), ""),
    ],
)
def test_capability_of_a_call(made: CallDetail, needed: str) -> None:
    assert capabilities(made) == ({f"CAP_{needed}"} if needed else frozenset())


@pytest.mark.parametrize(
    ("port", "low_ports", "needed"),
    [
        (80, 1024, True),
        (8080, 1024, False),
        (80, 80, False),
        (0, 1024, False),
    ],
)
def test_a_port_is_low_where_the_kernel_says_so(
    port: int,
    low_ports: int,
    needed: bool,
) -> None:
    for family in (2, 10):
        bound = CallDetail(
            "bind",
            ROOT,
            address=SocketAddress(family, "::", port),
        )
        assert bool(capabilities(bound, low_ports)) is needed


def test_a_signal_to_another_user_takes_a_capability() -> None:
    assert capabilities(
        CallDetail(
            "kill",
            ROOT,
            (15,),
            target_uids=frozenset({33}),
        )
    ) == {"CAP_KILL"}
    assert not capabilities(
        CallDetail(
            "kill",
            WWW,
            (15,),
            target_uids=frozenset({33}),
        )
    )
    assert not capabilities(
        CallDetail(
            "kill",
            ROOT,
            (15,),
            target_uids=frozenset({-1}),
        )
    )


def test_looking_into_another_users_process_takes_a_capability() -> None:
    assert capabilities(
        CallDetail(
            "ptrace",
            ROOT,
            (16,),
            target_uids=frozenset({33}),
        )
    ) == {"CAP_SYS_PTRACE"}
