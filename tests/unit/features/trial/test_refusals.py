"""From a call that a twin may not make, or a line of a log to the loosening that would allow it."""

from unittest.mock import Mock

import pytest

from hardentui.features.trial.configuration import (
    CapabilityBack,
    Loosening,
    Raised,
    WritableDirectory,
)
from hardentui.features.trial.failure_signs import of_calls, of_engine, of_log
from hardentui.features.trial.rounds import of_state
from hardentui.lib.observer.records import CallDetail, Caller, CallLog, SocketAddress, TouchedFile
from hardentui.model.known import Unread

HELD = frozenset({"CAP_SETUID"})
ROOT = Caller(
    0,
    0,
    frozenset({0}),
    frozenset({0}),
    capabilities=HELD,
)


def called(
    call: str,
    *numbers: int,
    file: TouchedFile | None = None,
    port: int = 0,
) -> CallDetail:
    address = SocketAddress(2, "0.0.0.0", port) if port else None
    return CallDetail(
        call,
        ROOT,
        numbers,
        (file,) if file else (),
        address,
    )


OF_ROOT = TouchedFile("/x", mode=0o644)
OF_ANOTHER = TouchedFile(
    "/x/y",
    uid=33,
    gid=33,
    mode=0o600,
)
LOCKED = TouchedFile(
    "/var/cache/app/x",
    exists=False,
    uid=0,
    mode=0o755,
    read_only=True,
)


@pytest.mark.parametrize(
    ("detail", "loosenings"),
    [
        (
            called(
                "fchownat",
                33,
                0xFFFFFFFF,
                file=OF_ROOT,
            ),
            [CapabilityBack("CAP_CHOWN")],
        ),
        (
            called("setresgid", 33, 33, 33),
            [CapabilityBack("CAP_SETGID")],
        ),
        (called("setresuid", 33, 33, 33), []),
        (
            called("bind", port=80),
            [CapabilityBack("CAP_NET_BIND_SERVICE")],
        ),
        (called("bind", port=8080), []),
        (
            called("openat", 0, 0, file=OF_ANOTHER),
            [CapabilityBack("CAP_DAC_OVERRIDE")],
        ),
        (
            called("mkdir", 0o755, file=LOCKED),
            [WritableDirectory("/var/cache/app")],
        ),
        (
            called("access", file=LOCKED),
            [WritableDirectory("/var/cache/app")],
        ),
        (called("openat", 0, 0, file=LOCKED), []),
    ],
)
def test_a_call_that_its_caller_may_not_make_names_what_would_allow_it(
    detail: CallDetail,
    loosenings: list[Loosening],
) -> None:
    log = CallLog(
        (),
        (detail,),
        frozenset(),
        frozenset(),
        1,
        (),
    )
    assert [evidence.loosening for evidence in of_calls(log)] == loosenings


def test_calls_that_were_not_seen_are_no_evidence() -> None:
    assert list(of_calls(Unread("nobody looked"))) == []


@pytest.mark.parametrize(
    ("line", "loosening"),
    [
        (
            '[emerg] chown("/var/lib/nginx/body", 33) failed (1: Operation not permitted)',
            CapabilityBack("CAP_CHOWN"),
        ),
        (
            "[emerg] setgid(33) failed (1: Operation not permitted)",
            CapabilityBack("CAP_SETGID"),
        ),
        (
            "[emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)",
            CapabilityBack("CAP_NET_BIND_SERVICE"),
        ),
        (
            "mkdir: can't create directory '/var/lib/app/x': Read-only file system",
            WritableDirectory("/var/lib/app"),
        ),
        (
            'open() "/var/log/app/e.log" failed (30: Read-only file system)',
            WritableDirectory("/var/log/app"),
        ),
        (
            "sh: can't fork: Resource temporarily unavailable",
            Raised("pids-limit", 4),
        ),
        ("fatal: Cannot allocate memory", Raised("memory", 2)),
        (
            "su: can't set groups: Operation not permitted",
            CapabilityBack("CAP_SETGID"),
        ),
        (
            "chmod: /data: Operation not permitted",
            CapabilityBack("CAP_FOWNER"),
        ),
    ],
)
def test_a_line_of_a_log_names_what_would_allow_it(
    line: str,
    loosening: Loosening,
) -> None:
    assert [evidence.loosening for evidence in of_log(line)] == [loosening]


def test_who_says_that_it_may_gain_no_privileges_blames_the_option() -> None:
    log = 'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.\n'
    (sign,) = of_log(log)
    assert (sign.blames, sign.loosening) == ("no-new-privileges", None)


@pytest.mark.parametrize(
    ("state", "loosening"),
    [
        (
            {"OOMKilled": True, "ExitCode": 137},
            [Raised("memory", 2)],
        ),
        ({"ExitCode": 159}, [None]),
        ({}, []),
    ],
)
def test_what_podman_says_of_an_ended_twin(
    state: dict[str, object],
    loosening: list[Loosening | None],
) -> None:
    twin = Mock()
    twin.document.return_value = {"State": state}
    assert [sign.loosening for sign in of_state(twin)] == loosening


def test_ids_that_podman_does_not_have_blame_the_user_namespace() -> None:
    (sign,) = of_engine(
        "creating container storage: not enough unused IDs in user namespace"
    )  # Podman 5.8.6
    assert (sign.blames, sign.loosening) == ("userns", None)
    assert "/etc/subuid" in sign.text
    assert not list(of_engine("the image does not exist"))
