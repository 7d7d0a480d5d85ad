"""A soak: the profile in log mode, what the kernel logged, and the profile that is enforced
afterwards."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hardentui.features.apply.soak import logged_calls, told
from hardentui.features.trial.learned.effects import NEW_USER
from hardentui.features.trial.learned.system_calls import (
    Allowed,
    SocketUse,
    completed_profile,
    logging_profile,
    narrow_profile,
)
from hardentui.host.commands import Run
from hardentui.lib.seccomp import answer, parse_profile
from hardentui.model.journal import EntryState, Soak
from hardentui.model.known import Known, Unread
from tests.support.journal import entry
from tests.support.rooted import Rooted

NATIVE = "SCMP_ARCH_X86_64"
INET, VSOCK, NETLINK = 2, 40, 16
BASE: Mapping[str, Any] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "archMap": [
        {
            "architecture": NATIVE,
            "subArchitectures": ["SCMP_ARCH_X86"],
        }
    ],
    "syscalls": [
        {
            "names": ["read", "ionice", "clone", "clone3", "unshare", "socketpair"],
            "action": "SCMP_ACT_ALLOW",
        },
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": VSOCK, "op": "SCMP_CMP_NE"}],
        },
        {
            "names": ["bpf"],
            "action": "SCMP_ACT_ALLOW",
            "includes": {"caps": ["CAP_BPF"]},
        },
    ],
}
LEARNED = narrow_profile(
    BASE,
    Allowed(
        names=frozenset({"read", "socket", "clone", "clone3"}),
        sockets=frozenset({SocketUse(INET), SocketUse(NETLINK, 0)}),
        new_namespaces=frozenset(),
        native=NATIVE,
    ),
    frozenset(),
)
LOGGING = logging_profile(
    BASE,
    LEARNED,
    frozenset(),
    NATIVE,
)
SOAK = Soak(
    since=1000.0, until=2000.0, logs="/l/seccomp-web-soak.json", learned="/l/seccomp-web.json"
)


def _action(
    profile: Mapping[str, Any],
    call: str,
    *arguments: int,
) -> str:
    parsed = parse_profile(profile)
    return answer(parsed, call, dict(enumerate(arguments)))[0]


@pytest.mark.parametrize(
    ("call", "arguments", "in_soak", "enforced"),
    [
        ("read", (), "ALLOW", "ALLOW"),
        ("ionice", (), "LOG", "ALLOW"),  # it was logged
        ("socketpair", (1,), "LOG", "ERRNO"),  # it was not
        ("bpf", (), "ERRNO", "ERRNO"),  # the base refuses it
        ("socket", (INET,), "ALLOW", "ALLOW"),
        ("socket", (17,), "LOG", "ERRNO"),
        ("socket", (VSOCK,), "ERRNO", "ERRNO"),
        ("socket", (NETLINK, 0, 0), "ALLOW", "ALLOW"),
        ("socket", (NETLINK, 0, 12), "LOG", "ERRNO"),
        ("clone", (17,), "ALLOW", "ALLOW"),
        ("clone", (NEW_USER | 17,), "LOG", "ERRNO"),
        ("unshare", (NEW_USER,), "LOG", "ERRNO"),
        ("clone3", (), "ERRNO", "ERRNO"),  # libc falls back
    ],
)
def test_what_it_would_refuse_is_logged_and_what_was_logged_is_allowed_afterwards(
    call: str,
    arguments: Sequence[int],
    in_soak: str,
    enforced: str,
) -> None:
    assert _action(LOGGING, call, *arguments) == in_soak
    after = completed_profile(
        LEARNED,
        LOGGING,
        frozenset({"ionice", "bpf", "never"}),
    )
    assert _action(after, call, *arguments) == enforced


def _record(
    call: int,
    *,
    comm: str = '"x"',
    code: str = "0x7ffc0000",
    pid: int = 999999,
) -> str:
    return (
        f'auid=4294967295 uid=0 gid=0 ses=4294967295 pid={pid} comm={comm} exe="/bin/x" sig=0 arch=c000003e '
        f"syscall={call} compat=0 ip=0x4cefc9 code={code}"
    )


def _run(answer: Known[str]) -> Run:
    return lambda words, seconds: answer


def test_the_audit_log_is_read_as_far_back_as_the_soak(tmp_path: Path) -> None:
    log = tmp_path / "var/log/audit/audit.log"
    log.parent.mkdir(parents=True)
    group = tmp_path / "proc/77/cgroup"
    group.parent.mkdir(parents=True)
    group.write_text("0::/machine.slice/libpod-other.scope\n")
    log.write_text(
        "\n".join(
            [
                f"type=SECCOMP msg=audit(999.5:1): {_record(101)}",  # before it began
                f"type=SECCOMP msg=audit(1001.5:2): {_record(252, comm=chr(34) + 'ionice' + chr(34))}",
                # killed, not logged
                f"type=SECCOMP msg=audit(1002.5:3): {_record(272, code='0x80000000')}",
                f"type=SECCOMP msg=audit(1003.5:4): {_record(272, pid=77)}",  # in another container
                f"type=SYSCALL msg=audit(1004.5:5): {_record(165, code='0x0')}",
            ]
        )
    )
    (tmp_path / "var/log/audit/audit.log.1").write_text(
        f"type=1326 audit(1000.9:1): {_record(165)}\n"
    )
    calls = logged_calls(
        SOAK,
        "this",
        Rooted(tmp_path),
        _run(Unread("not asked")),
    )
    assert calls == {"ioprio_get": {"ionice"}, "mount": {"x"}}
    assert isinstance(calls, Mapping)
    first, *rest = told(entry(state=EntryState.DONE, soak=SOAK), calls)
    assert first.startswith("The soak of web is over: 2 system calls would have been refused")
    assert rest[0] == "ioprio_get: by ionice"
    assert "make sure that it was yours" in rest[1], (
        "mount is nothing that a service does every day"
    )


def test_the_journal_is_read_where_no_audit_daemon_keeps_the_log(tmp_path: Path) -> None:
    text = f"audit: type=1326 audit(1001.1:9): {_record(252)}\nSECCOMP {_record(165)}\n"
    assert logged_calls(
        SOAK,
        "this",
        Rooted(tmp_path),
        _run(text),
    ) == {
        "ioprio_get": {"x"},
        "mount": {"x"},
    }
    nothing = Unread("journalctl ended with status 1")
    assert (
        logged_calls(
            SOAK,
            "this",
            Rooted(tmp_path),
            _run(nothing),
        )
        == {}
    )
    missing = Unread("the program journalctl is not installed")
    assert (
        logged_calls(
            SOAK,
            "this",
            Rooted(tmp_path),
            _run(missing),
        )
        == missing
    )
