"""A soak: the profile in log mode, what the kernel logged, and the profile that is enforced
afterwards."""

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.do import said
from hardentui.errors import CannotFix, ChangeFailed
from hardentui.features.apply.entry_text import entry_lines
from hardentui.features.apply.soak import refuse_unproven, slower, told
from hardentui.features.apply.soak_log import Soaked, logged_calls
from hardentui.features.apply.soak_watch import measured_soaks, slow_soaks, watched
from hardentui.features.change.journal import Journal
from hardentui.features.change.service_operator import ProbeOperator
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
from hardentui.model.journal import EntryState, JournalChange, JournalEntry, Soak
from hardentui.model.journal_document import public_entry
from hardentui.model.known import Known, Unread
from hardentui.model.operations import RunProbe
from hardentui.options import SECCOMP_PROFILE
from hardentui.tui.action_texts import in_keys
from tests.support.journal import ENTRY, entry
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
    uid: int = 0,
    auid: int = 4294967295,
    exe: str = "/bin/x",
) -> str:
    return (
        f'auid={auid} uid={uid} gid=0 ses=4294967295 pid={pid} comm={comm} exe="{exe}" sig=0 arch=c000003e '
        f"syscall={call} compat=0 ip=0x4cefc9 code={code}"
    )


def _run(
    answer: Known[str],
    losses: str = "",
    header: str = "",
) -> Run:
    def run(words: Sequence[str], seconds: float) -> Known[str]:
        if "--header" in words:
            return header
        return losses if any("suppressed" in word for word in words) else answer

    return run


MAIN = 50
"""The main process of the container."""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with a container, and accounts."""
    inside = tmp_path / f"proc/{MAIN}/root/bin"
    inside.mkdir(parents=True)
    (inside / "x").touch()
    main = tmp_path / f"proc/{MAIN}"
    (main / "root/etc").mkdir()
    (main / "root/etc/passwd").write_text("app:x:4242:4242::/:\n")
    (main / "status").write_text("Name:\tx\nUid:\t999\t999\t999\t999\n")
    (main / "uid_map").write_text("         0          0 4294967295\n")
    (main / "loginuid").write_text("4294967295")
    (tmp_path / "var/log/audit").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:\nnobody:x:65534:65534::/:\n")
    return tmp_path


def _process(
    host: Path,
    pid: int,
    group: str,
    began: int = 0,
) -> None:
    (host / f"proc/{pid}").mkdir(parents=True, exist_ok=True)
    (host / f"proc/{pid}/cgroup").write_text(f"0::/machine.slice/libpod-{group}.scope\n")
    (host / f"proc/{pid}/stat").write_text(f"{pid} (x) S {' '.join(['0'] * 18)} {began} 0\n")
    (host / "proc/stat").write_text("cpu 1\nbtime 100\n")


def _soaked(host: Path, *lines: str, run: Run | None = None) -> Soaked:
    (host / "var/log/audit/audit.log").write_text("\n".join(lines))
    seen = logged_calls(SOAK, "this", MAIN, Rooted(host), run or _run(""))
    assert isinstance(seen, Soaked)
    return seen


def test_the_audit_log_is_read_as_far_back_as_the_soak(host: Path) -> None:
    _process(host, 77, "other")
    (host / "var/log/audit/audit.log.1").write_text(
        f"type=1326 audit(999.9:1): {_record(165)}\ntype=1326 audit(1000.9:1): {_record(165)}\n"
    )
    soaked = _soaked(
        host,
        f"type=SECCOMP msg=audit(999.5:1): {_record(101)}",  # before it began
        f"type=SECCOMP msg=audit(1001.5:2): {_record(252, comm=chr(34) + 'ionice' + chr(34))}",
        # killed, not logged
        f"type=SECCOMP msg=audit(1002.5:3): {_record(272, code='0x80000000')}",
        f"type=SECCOMP msg=audit(1003.5:4): {_record(272, pid=77)}",  # in another container
        f"type=SYSCALL msg=audit(1004.5:5): {_record(165, code='0x0')}",
    )
    assert soaked.calls == {"ioprio_get": {"ionice"}, "mount": {"x"}}
    assert soaked.lost == ()
    first, *rest = map(said, told(entry(state=EntryState.DONE, soak=SOAK), soaked))
    assert first.startswith("The soak of web is over: 2 system calls would have been refused")
    assert rest[0] == "ioprio_get: by ionice"
    assert "make sure that it was yours" in rest[1], (
        "mount is nothing that a service does every day"
    )


@pytest.mark.parametrize(
    ("record", "counts", "unsure"),
    [
        (_record(101), True, False),  # root's, of a program of the image
        (_record(101, uid=65534), False, True),  # a process of nobody's, which is gone
        (_record(101, uid=4242), True, False),  # an account of the container alone
        (_record(101, uid=999), True, False),  # as its main process
        (_record(101, uid=200_000), False, True),  # as in other user namespaces
        (_record(101, auid=1000), False, False),  # somebody has logged in
        (_record(101, exe="/home/eve/x"), False, False),  # no program of the image
        (_record(101, pid=60, uid=65534), True, False),  # it is in the container now
        (_record(101, pid=61, uid=65534), False, True),  # that number is another process's by now
        (_record(101, pid=62), False, False),  # in another container
    ],
)
def test_only_what_is_surely_its_own_counts(
    host: Path,
    record: str,
    counts: bool,
    unsure: bool,
) -> None:
    """Any account can install a filter of its own and make the kernel log calls."""
    _process(host, 60, "this")
    _process(host, 61, "this", began=99_999_999)
    _process(host, 62, "other")
    soaked = _soaked(host, f"type=SECCOMP msg=audit(1001.5:2): {record}")
    assert ("ptrace" in soaked.calls, "ptrace" in soaked.unsure) == (counts, unsure)
    about = "\n".join(map(said, told(entry(soak=SOAK), soaked)))
    assert ("another account of this host may have made it" in about) == unsure


def test_a_message_that_only_looks_like_a_record_does_not_count(host: Path) -> None:
    soaked = _soaked(host, f"type=USER_LOGIN msg=audit(1001.5:2): {_record(101)}")
    assert (soaked.calls, soaked.unsure) == ({}, {})


@pytest.mark.parametrize(
    "line",
    [
        "kernel: kauditd_printk_skb: 4980 callbacks suppressed",
        "audit: audit_lost=7 audit_rate_limit=0 audit_backlog_limit=64",
        "audit: rate limit exceeded",
        "audit: backlog limit exceeded",
        "audit_printk_skb: 34 callbacks suppressed",
        "show_signal_msg: 4 callbacks suppressed",
        "Missed 229149 kernel messages",
        "/dev/kmsg buffer overrun, some messages lost.",
    ],
)
def test_a_loss_in_the_log_of_the_kernel_proves_nothing(host: Path, line: str) -> None:
    soaked = _soaked(host, run=_run("", losses=f"{line}\n"))
    assert soaked.lost
    first, *_ = map(said, told(entry(state=EntryState.DONE, soak=SOAK), soaked))
    assert "goes on: it has not proven what the profile would refuse" in first
    with pytest.raises(CannotFix, match="is not over"):
        refuse_unproven(entry(soak=SOAK), soaked)
    refuse_unproven(entry(soak=SOAK), Soaked())


@pytest.mark.parametrize(
    "line",
    [
        "net_ratelimit: 23807 callbacks suppressed",
        "gmc_v10_0_process_interrupt: 6 callbacks suppressed",
        "audit: audit_lost=0 audit_rate_limit=0 audit_backlog_limit=64",
    ],
)
def test_what_others_left_out_of_the_log_is_no_loss(host: Path, line: str) -> None:
    """Each has a limit of its own: a full table of connections says nothing of audit records."""
    assert _soaked(host, run=_run("", losses=f"{line}\n")).lost == ()


def test_losses_that_cannot_be_read_are_no_proof(host: Path) -> None:
    def run(words: Sequence[str], seconds: float) -> Known[str]:
        return Unread("journalctl did not answer within 60 s")

    assert _soaked(host, run=run).lost == (
        "whether the kernel lost some is not known: journalctl did not answer within 60 s",
    )


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("type=DAEMON_END msg=audit(1500.1:9): op=terminate auid=0 pid=1 res=success", ""),
        ("type=DAEMON_END msg=audit(900.1:9): op=terminate auid=0 pid=1 res=success", ""),
        ("type=DAEMON_RESUME msg=audit(1500.1:9): op=resume-logging auid=0", "suspended"),
    ],
)
def test_what_came_while_auditd_was_stopped_is_in_the_journal(
    host: Path,
    line: str,
    lost: str,
) -> None:
    begin = "type=X msg=audit(900.0:1): x"
    in_journal = _run(f"audit: type=1326 audit(1501.1:9): {_record(252)}\n")
    seen = _soaked(host, begin, line, run=in_journal)
    assert "ioprio_get" in seen.calls
    assert lost in " ".join(seen.lost)
    assert bool(seen.lost) is bool(lost)


def test_auditd_that_was_stopped_where_no_journal_is_proves_nothing(host: Path) -> None:
    def run(words: Sequence[str], seconds: float) -> Known[str]:
        return "lost 4\n" if words[0] == "auditctl" else Unread("journalctl is not installed")

    stop = "type=DAEMON_END msg=audit(1500.1:9): op=terminate auid=0 pid=1 res=success"
    (host / "var/log/audit/audit.log").write_text(f"type=X msg=audit(900.0:1): x\n{stop}\n")
    seen = logged_calls(replace(SOAK, audit_lost=4), "this", MAIN, Rooted(host), run)
    assert isinstance(seen, Soaked)
    assert seen.lost == ("auditd was stopped meanwhile, and journalctl is not installed",)


def test_an_audit_log_that_grows_too_long_is_not_taken_for_none(
    host: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hardentui.features.apply.soak_log._LARGEST", 10)
    assert "too long to be read" in _soaked(host, "type=X msg=audit(1001.5:2): x").lost[0]


def test_a_log_that_was_rotated_away_proves_nothing(host: Path) -> None:
    (host / "var/log/audit/audit.log.1").write_text("type=X msg=audit(1500.5:2): x")
    assert _soaked(host, "type=X msg=audit(1600.5:2): x").lost == (
        "the audit log was rotated away since it began",
    )
    (host / "var/log/audit/audit.log.1").write_text("type=X msg=audit(900.5:2): x")
    assert _soaked(host, "type=X msg=audit(1600.5:2): x").lost == ()
    (host / "var/log/audit/audit.log.1").rename(host / "var/log/audit/audit.log.1.gz")
    assert _soaked(host, "type=X msg=audit(1600.5:2): x").lost, "or compressed"
    began = "type=DAEMON_START msg=audit(1600.1:1): op=start ver=4.0 format=enriched"
    assert _soaked(host, began).lost == (), "nothing was before that"


@pytest.mark.parametrize("spelling", ["Realtime Timestamp", "realtime timestamp"])
def test_a_journal_that_begins_later_proves_nothing(host: Path, spelling: str) -> None:
    """That of a user reaches further back, and has nothing of the kernel. systemd 257 writes the
    small letters."""
    header = (
        "File path: /var/log/journal/e08d/user-1000.journal\n"
        "Head realtime timestamp: Thu 1970-01-01 00:00:01 UTC (f4240)\n"
        "File path: /var/log/journal/e08d/system.journal\n"
        f"Head {spelling}: Thu 1970-01-01 00:25:00 UTC (59682f00)\n"
    )
    seen = logged_calls(SOAK, "this", MAIN, Rooted(host), _run("", header=header))
    assert isinstance(seen, Soaked)
    assert seen.lost == ("the journal no longer reaches back to its begin",)


def test_too_much_log_is_not_read_and_proves_nothing(
    host: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hardentui.features.apply.soak_log._MOST_READ", 10)
    assert "too long to be read" in _soaked(host, "type=X msg=audit(1001.5:2): x").lost[0]


def test_logging_that_costs_time_is_told(host: Path) -> None:
    lines = [f"type=SECCOMP msg=audit(1001.5:{n}): {_record(252)}" for n in range(1000)]
    about = "\n".join(map(said, told(entry(soak=SOAK), _soaked(host, *lines))))
    assert "ioprio_get was logged 1000 times; each record takes time" in about


def test_the_journal_is_read_where_no_audit_daemon_keeps_the_log(host: Path) -> None:
    text = f"audit: type=1326 audit(1001.1:9): {_record(252)}\nSECCOMP {_record(165)}\n"

    def seen(answer: Known[str]) -> Known[Soaked]:
        return logged_calls(SOAK, "this", MAIN, Rooted(host), _run(answer))

    assert seen(text) == Soaked(
        calls={"ioprio_get": frozenset({"x"}), "mount": frozenset({"x"})},
    )
    assert seen(Unread("journalctl ended with status 1")) == Soaked()
    missing = Unread("the program journalctl is not installed")
    assert seen(missing) == missing


@pytest.mark.parametrize(("now", "lost"), [(7, True), (4, False), (0, False)])
def test_what_the_kernel_counts_as_lost_since_it_began_proves_nothing(
    host: Path, now: int, lost: bool
) -> None:
    """A count that is smaller is that of another boot."""

    def run(words: Sequence[str], seconds: float) -> Known[str]:
        return f"enabled 1\nlost {now}\nbacklog 0\n" if words[0] == "auditctl" else ""

    (host / "var/log/audit/audit.log").write_text("type=X msg=audit(900.5:2): x")
    soak = replace(SOAK, audit_lost=4)
    seen = logged_calls(soak, "this", MAIN, Rooted(host), run)
    assert isinstance(seen, Soaked)
    assert bool(seen.lost) is lost


class _Containers:
    """One that runs, whatever its name."""

    def inspect(self, container: str) -> Mapping[str, Any]:
        return {"State": {"Running": True}}


def _asked(tmp_path: Path, *pauses: float) -> RunProbe:
    """A probe that takes these seconds, one after the other; the last one again and again."""
    for old in tmp_path.glob("pause-*"):
        old.unlink()
    for number, pause in enumerate(pauses):
        (tmp_path / f"pause-{number}").write_text(str(pause))
    script = f"cd {tmp_path}; set -- pause-*; sleep $(cat $1); [ $# = 1 ] || rm $1"
    return RunProbe(command=script, name="web", seconds=0, usual=0.01)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardentui.features.change.probe._LEAST_SLOW", 0.4)


@pytest.mark.usefixtures("hurried")
def test_a_soak_that_makes_the_service_slow_does_not_begin(tmp_path: Path) -> None:
    containers: Any = _Containers()
    operator = ProbeOperator(containers)
    with pytest.raises(ChangeFailed, match=r"web takes .* s to answer while it soaks"):
        operator.do(_asked(tmp_path, 0.8), threading.Event())
    without = replace(_asked(tmp_path, 0.8), usual=0.0)
    operator.do(without, threading.Event())


@pytest.mark.usefixtures("hurried")
def test_a_soak_that_slows_the_service_later_is_told(tmp_path: Path) -> None:
    """Not for one slow answer among a few."""
    containers: Any = _Containers()
    probe = _asked(tmp_path, 0.8, 0.0)
    assert not slower(entry(probe, soak=SOAK), containers)
    why = slower(entry(_asked(tmp_path, 0.8), soak=SOAK), containers)
    assert "each call that is logged takes time" in why
    slow = entry(probe, soak=SOAK)
    about = "\n".join(map(said, told(slow, Soaked(slower=why))))
    assert f"{why}. hardentui harden {slow.container} --soak 0 enforces the profile" in about
    assert f"hardentui undo {slow.id} takes it back" in about
    assert "there is no probe" not in about
    assert "there is no probe" in "\n".join(map(said, told(entry(soak=SOAK), Soaked())))


def _measured(identity: str, **more: Any) -> JournalEntry:
    soak = replace(SOAK, until=time.time() + 60)
    probe = RunProbe(command="true", name="web", seconds=0, usual=0.01)
    return entry(probe, **{"identity": identity, "soak": soak, "state": EntryState.DONE, **more})


def test_a_soak_is_measured_until_another_change_decides_about_the_profile() -> None:
    journal = Journal()
    first, second, third = (f"20261126-10111{number}-00ff" for number in range(3))
    seccomp = JournalChange("weak-seccomp-profile", SECCOMP_PROFILE.name, "a", "b")
    journal.write(_measured(first, changes=(seccomp,)))

    def measured() -> list[str]:
        return [entry.id for entry in measured_soaks(journal)]

    assert measured() == [first]
    memory = JournalChange("no-memory-limit", "memory", None, "1g")
    journal.write(entry(identity=second, changes=(memory,), state=EntryState.DONE))
    assert measured() == [first], "which has nothing to do with it"
    enforced = entry(identity=third, changes=(seccomp,), state=EntryState.DONE)
    journal.write(enforced)
    assert measured() == []
    journal.write(replace(enforced, state=EntryState.ROLLED_BACK))
    assert measured() == [first], "it soaks again"
    over = replace(SOAK, until=time.time() - 1)
    for unmeasured in ({"soak": over}, {"state": EntryState.ROLLED_BACK}, {"soak": None}):
        journal.write(_measured(first, **unmeasured))
        assert measured() == [], unmeasured


def test_each_command_tells_a_service_that_became_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(
        "hardentui.features.apply.soak_watch.start_detached", lambda words: begun.append(words[-2])
    )
    slow = _measured(ENTRY)
    Journal().write(slow)
    assert (list(slow_soaks()), begun) == ([], [ENTRY])
    assert slow.soak is not None
    Journal().write(replace(slow, soak=replace(slow.soak, slower="web takes 3.0 s to answer")))
    with watched(Journal(), slow):  # as the process that measures does
        (sentence,) = slow_soaks()
    assert begun == [ENTRY], "one process is enough"
    assert said(sentence) == (
        "web takes 3.0 s to answer. hardentui harden web --soak 0 enforces its profile; "
        f"hardentui undo {ENTRY} takes the change back"
    )
    assert "hardentui" not in said(sentence, in_keys)
    shown = "\n".join(entry_lines(Journal().read(ENTRY), whole=False))
    assert "    web takes 3.0 s to answer" in shown
    assert public_entry(Journal().read(ENTRY)).soak_slower == "web takes 3.0 s to answer"
