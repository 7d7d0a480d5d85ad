"""Refusals of the kernel: how lines are read, and to whom they belong."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import asdict

from hardentui.host.commands import run_nothing
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.denials import Refusal, denials_of, parse, read_refusals
from hardentui.model.facts import Denial, IdRange, Kernel, Process
from hardentui.model.known import Known, Unread, known

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
STAMP = f"audit({NOW.timestamp() - 60:.3f}:812)"
OLD = f"audit({(NOW - timedelta(hours=30)).timestamp():.3f}:2)"
SECCOMP = (
    f"audit: type=1326 {STAMP}: auid=4294967295 uid=100999 gid=0 ses=4294967295 "
    'subj=containers-default-0.62.2 pid=4242 comm="nginx" exe="/usr/sbin/nginx" sig=31 arch=c000003e '
    "syscall=250 compat=0 ip=0x7f code=0x80000000"
)
APPARMOR = (
    f'audit: type=1400 {STAMP}: apparmor="DENIED" operation="open" class="file" '
    'profile="containers-default-0.62.2" name="/proc/kcore" pid=4242 comm="cat" requested_mask="r" '
    'denied_mask="r" fsuid=0 ouid=0'
)
AVC = (
    f'type=AVC msg={STAMP}: avc:  denied  {{ write }} for  pid=4242 comm="sh" name="shadow" dev="vda1" ino=1 '
    "scontext=system_u:system_r:container_t:s0:c12,c345 tcontext=system_u:object_r:shadow_t:s0 tclass=file "
    "permissive=0"
)
AUDITD = f'type=SECCOMP msg={STAMP}: auid=1 uid=0 pid=4242 comm="x" exe="/x" sig=0 syscall=56'


def files(
    text: dict[str, str] | None = None,
    **more: Any,
) -> RecordedFiles:
    return RecordedFiles({"text": text or {}, **more})


def test_the_three_kinds_of_lines_are_read() -> None:
    profile = "containers-default-0.62.2"
    assert parse(SECCOMP) == Refusal(
        "seccomp", "system call 250, by nginx", 4242, "nginx", profile, 100999
    )
    assert parse(APPARMOR) == Refusal(
        "apparmor", "open /proc/kcore, by cat", 4242, "cat", profile, 0
    )
    label = "system_u:system_r:container_t:s0:c12,c345"
    assert parse(AVC) == Refusal(
        "selinux",
        "{ write } file shadow, by sh",
        4242,
        "sh",
        label,
        None,
    )
    audited = parse(AUDITD)
    assert audited is not None
    assert (audited.by, audited.label) == ("seccomp", "")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "eth0: link up type=1326",
        APPARMOR.replace("DENIED", "ALLOWED"),
        AVC.replace("permissive=0", "permissive=1"),
        SECCOMP.replace("pid=4242", "pid=x"),
        SECCOMP.replace("code=0x80000000", "code=0x7ffc0000"),
    ],
)
def test_what_is_no_refusal_is_none(line: str) -> None:
    assert parse(line) is None


def test_auditds_log_comes_first_and_reaches_back_a_day() -> None:
    def forbidden(arguments: Sequence[str], seconds: float) -> Known[str]:
        raise AssertionError("the journal was asked although auditd keeps a log")

    newest, before = AVC, AVC.replace("4242", "17")
    unneeded = AVC.replace("4242", "9")
    log = files(
        {
            "/var/log/audit/audit.log": newest + "\n",
            "/var/log/audit/audit.log.1": f"type=X msg={OLD}: x\n{before}\n",
            "/var/log/audit/audit.log.2": unneeded,
        }
    )
    result = read_refusals(
        log,
        forbidden,
        NOW,
        root=True,
    )
    assert [denial.pid for denial in result] == [17, 4242]


def test_else_the_journal_is_asked_read_only_and_with_a_limit() -> None:
    asked: list[tuple[str, ...]] = []

    def journal(arguments: Sequence[str], seconds: float) -> Known[str]:
        asked.append(tuple(arguments))
        assert seconds <= 10
        lines = [
            json.dumps({"MESSAGE": SECCOMP}),
            json.dumps({"MESSAGE": [1, 2]}),
            "{",
            "[]",
        ]
        return "\n".join(lines)

    result = read_refusals(
        files({"/var/log/journal/1/system.journal": ""}), journal, NOW, root=True
    )
    assert [denial.by for denial in result] == ["seccomp"]
    words = asked[0]
    assert words[0] == "journalctl"
    assert not {"--rotate", "--flush", "--vacuum-size", "--follow"} & set(words)


def test_what_cannot_be_read_is_unknown_and_never_empty() -> None:
    journal = {"/var/log/journal/1/system.journal": ""}
    assert isinstance(
        known(
            lambda: read_refusals(
                files(journal),
                run_nothing,
                NOW,
                root=True,
            )
        ),
        Unread,
    )
    assert isinstance(
        known(
            lambda: read_refusals(
                files(journal),
                run_nothing,
                NOW,
                root=False,
            )
        ),
        Unread,
    )
    assert isinstance(
        known(
            lambda: read_refusals(
                files(),
                run_nothing,
                NOW,
                root=True,
            )
        ),
        Unread,
    )
    closed = files({"/var/log/audit/audit.log": AVC}, errors={})
    closed = RecordedFiles(
        {
            "stats": {"/var/log/audit/audit.log": asdict(closed.stat("/var/log/audit/audit.log"))},
            "errors": {"/var/log/audit/audit.log": "EACCES"},
        }
    )
    assert isinstance(
        known(
            lambda: read_refusals(
                closed,
                run_nothing,
                NOW,
                root=True,
            )
        ),
        Unread,
    )


PROFILE = "containers-default-0.62.2"
HERE = Kernel(
    4000,
    processes=(
        Process(4000, "nginx", "/usr/sbin/nginx"),
        Process(4242, "nginx", "/usr/sbin/nginx"),
    ),
    lsm_label=f"{PROFILE} (enforce)",
    uid_map=(IdRange(0, 0, 4294967295),),
)
ENDED = Kernel(
    4000,
    processes=(Process(4000, "nginx", "/usr/sbin/nginx"),),
    lsm_label=f"{PROFILE} (enforce)",
    uid_map=(IdRange(0, 0, 4294967295),),
)


def refused(line: str) -> tuple[Refusal, ...]:
    result = parse(line)
    assert result is not None
    return (result,)


def test_a_running_process_of_the_container_tells_whose_it_is() -> None:
    assert denials_of(
        refused(SECCOMP),
        files(),
        HERE,
        "",
    ) == (Denial("seccomp", "system call 250, by nginx"),)


def test_selinux_categories_tell_even_after_the_process_has_ended() -> None:
    mine = "system_u:system_r:container_t:s0:c12,c345"
    others = "system_u:system_r:container_t:s0:c1,c2"
    assert denials_of(
        refused(AVC),
        files(),
        ENDED,
        mine,
    ) == (Denial("selinux", "{ write } file shadow, by sh"),)
    assert (
        denials_of(
            refused(AVC),
            files(),
            ENDED,
            others,
        )
        == ()
    )
    assert isinstance(
        known(
            lambda: denials_of(
                refused(AUDITD),
                files(),
                ENDED,
                mine,
            )
        ),
        Unread,
    )


def test_the_kernels_buffer_counts_for_what_it_shows_only() -> None:
    def says(text: Known[str]) -> Known[tuple[Refusal, ...]]:
        return known(
            lambda: read_refusals(
                files(),
                lambda words, seconds: text,
                NOW,
                root=True,
            )
        )

    shown = says(f"[ 1.0] veth0: entered disabled state\n[ 2.0] {SECCOMP}\n")
    assert not isinstance(shown, Unread)
    assert [(denial.by, denial.pid, denial.command) for denial in shown] == [
        ("seccomp", 4242, "nginx")
    ]
    nothing = says("[ 1.0] veth0: entered disabled state\n")
    assert isinstance(nothing, Unread)
    assert "drops lines" in nothing.reason
    refused = says(Unread("dmesg ended with status 1"))
    assert isinstance(refused, Unread)
    assert "dmesg" in refused.reason


def test_only_the_last_day_counts() -> None:
    oldest = (NOW - timedelta(days=1)).timestamp()
    assert parse(SECCOMP, oldest) is not None
    assert parse(SECCOMP.replace(STAMP, OLD), oldest) is None


def test_a_pid_that_now_has_another_name_is_not_taken_for_the_refused_one() -> None:
    with pytest.raises(Unread):
        denials_of(
            refused(SECCOMP.replace('comm="nginx"', 'comm="evil"')),
            files(),
            HERE,
            "",
        )


def test_a_process_that_lives_elsewhere_is_not_ours() -> None:
    alive = files({"/proc/4242/comm": "firefox\n"})
    assert (
        denials_of(
            refused(SECCOMP),
            alive,
            ENDED,
            "",
        )
        == ()
    )


def test_an_ended_process_under_the_same_profile_may_be_ours() -> None:
    with pytest.raises(Unread, match="denial of the last day may be its own"):
        denials_of(
            refused(APPARMOR),
            files(),
            ENDED,
            "",
        )


def test_another_profile_or_another_range_of_users_is_not_ours() -> None:
    other = APPARMOR.replace(PROFILE, "snap.firefox.firefox")
    assert (
        denials_of(
            refused(other),
            files(),
            ENDED,
            "",
        )
        == ()
    )
    mapped = Kernel(
        4000, processes=(), lsm_label=f"{PROFILE} (enforce)", uid_map=(IdRange(0, 200000, 65536),)
    )
    assert (
        denials_of(
            refused(SECCOMP),
            files(),
            mapped,
            "",
        )
        == ()
    )


def test_without_its_processes_nothing_is_said() -> None:
    hidden = Kernel(4000, processes=Unread("no permission"))
    assert isinstance(known(lambda: denials_of((), files(), hidden, "")), Unread)
    assert denials_of((), files(), ENDED, "") == ()
