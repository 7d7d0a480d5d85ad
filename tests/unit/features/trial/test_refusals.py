"""From a refused call or a line of a log to the loosening that would allow it."""

from unittest.mock import Mock

import pytest

from hardentui.features.trial.configuration import (
    CapabilityBack,
    Loosening,
    Raised,
    RefusedCall,
    WritableDirectory,
    of_call,
    of_engine,
    of_log,
)
from hardentui.features.trial.rounds import of_state, parse

TRACE = """\
1001 openat(AT_FDCWD, "/etc/ld.so.preload", O_RDONLY) = -1 ENOENT (No such file or directory)
1001 fchownat(AT_FDCWD, "/var/lib/nginx/body", 33, -1, 0) = -1 EPERM (Operation not permitted)
1002 mkdir("/var/cache/app", 0755) = -1 EROFS (Read-only file system)
1002 bind(6, {sa_family=AF_INET, sin_port=htons(80)}, 16) = -1 EACCES (Permission denied)
1003 setgid(33 <unfinished ...>
1003 setgroups(1, [70])                = -1 EPERM (Operation not permitted)
1003 <... setgid resumed>)             = -1 EPERM (Operation not permitted)
1003 connect(5, {sa_family=AF_INET, sin_port=htons(53)}, 16) = -1 EACCES (Permission denied)
1003 openat(AT_FDCWD, "/a \\"b\\"/c", O_RDWR) = -1 EACCES (Permission denied)
"""


def test_a_trace_tells_what_was_refused() -> None:
    assert list(parse(TRACE)) == [
        RefusedCall("fchownat", "EPERM", "/var/lib/nginx/body"),
        RefusedCall("mkdir", "EROFS", "/var/cache/app"),
        RefusedCall("bind", "EACCES"),
        RefusedCall("setgroups", "EPERM"),
        RefusedCall("setgid", "EPERM"),
        RefusedCall("openat", "EACCES", '/a \\"b\\"/c'),
    ]


@pytest.mark.parametrize(
    ("call", "loosening"),
    [
        (RefusedCall("fchownat", "EPERM", "/x"), CapabilityBack("CAP_CHOWN")),
        (RefusedCall("setresuid", "EPERM"), CapabilityBack("CAP_SETUID")),
        (RefusedCall("setgroups", "EPERM"), CapabilityBack("CAP_SETGID")),
        (RefusedCall("bind", "EACCES"), CapabilityBack("CAP_NET_BIND_SERVICE")),
        (RefusedCall("openat", "EACCES", "/x/y"), CapabilityBack("CAP_DAC_OVERRIDE")),
        (RefusedCall("mkdir", "EROFS", "/var/cache/app"), WritableDirectory("/var/cache")),
        (RefusedCall("kill", "EPERM"), CapabilityBack("CAP_KILL")),
    ],
)
def test_a_refused_call_names_what_would_allow_it(call: RefusedCall, loosening: Loosening) -> None:
    assert [evidence.loosening for evidence in of_call(call)] == [loosening]


@pytest.mark.parametrize("call", [RefusedCall("chown", "ENOENT", "/x"), RefusedCall("stat", "EROFS", "/x/y")])
def test_what_no_loosening_helps_with_names_none(call: RefusedCall) -> None:
    assert [evidence.loosening for evidence in of_call(call) if evidence.loosening] == []


@pytest.mark.parametrize(
    ("line", "loosening"),
    [
        (
            '[emerg] chown("/var/lib/nginx/body", 33) failed (1: Operation not permitted)',
            CapabilityBack("CAP_CHOWN"),
        ),
        ("[emerg] setgid(33) failed (1: Operation not permitted)", CapabilityBack("CAP_SETGID")),
        (
            "[emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)",
            CapabilityBack("CAP_NET_BIND_SERVICE"),
        ),
        (
            "mkdir: can't create directory '/var/lib/app/x': Read-only file system",
            WritableDirectory("/var/lib/app"),
        ),
        ('open() "/var/log/app/e.log" failed (30: Read-only file system)', WritableDirectory("/var/log/app")),
        ("sh: can't fork: Resource temporarily unavailable", Raised("pids-limit", 4)),
        ("fatal: Cannot allocate memory", Raised("memory", 2)),
        ("su: can't set groups: Operation not permitted", CapabilityBack("CAP_SETGID")),
        ("chmod: /data: Operation not permitted", CapabilityBack("CAP_FOWNER")),
    ],
)
def test_a_line_of_a_log_names_what_would_allow_it(line: str, loosening: Loosening) -> None:
    assert [evidence.loosening for evidence in of_log(line)] == [loosening]


def test_who_says_that_it_may_gain_no_privileges_blames_the_option() -> None:
    log = 'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.\n'
    (sign,) = of_log(log)
    assert (sign.blames, sign.loosening) == ("no-new-privileges", None)


@pytest.mark.parametrize(
    ("state", "loosening"),
    [({"OOMKilled": True, "ExitCode": 137}, [Raised("memory", 2)]), ({"ExitCode": 159}, [None]), ({}, [])],
)
def test_what_podman_says_of_an_ended_twin(
    state: dict[str, object], loosening: list[Loosening | None]
) -> None:
    twin = Mock()
    twin.document.return_value = {"State": state}
    assert [sign.loosening for sign in of_state(twin)] == loosening


def test_ids_that_podman_does_not_have_blame_the_user_namespace() -> None:
    (sign,) = of_engine("creating container storage: not enough unused IDs in user namespace")  # Podman 5.8.6
    assert (sign.blames, sign.loosening) == ("userns", None)
    assert "/etc/subuid" in sign.text
    assert not list(of_engine("the image does not exist"))
