"""What raises an alarm, what a baseline notices, and what a look must not hide."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hardentui.checks.examples import container
from hardentui.engine.events import frames_of
from hardentui.errors import InputError
from hardentui.features.reports.monitor_text import sample_text, sensors_text
from hardentui.features.reports.result import TextStyle
from hardentui.features.watch import monitor as alarms
from hardentui.features.watch.baseline import Baselines, FileMark, drift, marks_of, picture, program_of
from hardentui.host.files.reader import LocalFiles
from hardentui.model.facts import CapabilitySets, FileChange, Kernel, ListeningSocket, NotRunning, Process
from hardentui.model.finding import Severity
from hardentui.model.known import Unread
from hardentui.model.monitoring import (
    Alarm,
    BlindSpot,
    Drift,
    Sample,
    SeenEvent,
    SeenLine,
    SeenListener,
    SeenProcess,
    Usage,
)

HOSTILE = "x\x1b]0;owned\x07\u202e[red]\ud800"
NGINX = Process(7, "nginx", "/usr/sbin/nginx", 33)


def kernel(**over: Any) -> Kernel:
    known: dict[str, Any] = {
        "processes": (NGINX,),
        "listening": (ListeningSocket("tcp", "10.0.0.2", 80),),
        "capabilities": CapabilitySets(effective=frozenset({"CAP_CHOWN"})),
        "uid": 33,
        "seccomp_mode": 2,
        "no_new_privileges": True,
        "read_only_root": True,
        "shared_namespaces": frozenset(),
    }
    return Kernel(7, **{**known, **over})


def facts(running: Any = None, **over: Any) -> Any:
    over = {"changes": (), "inspect": {"Image": "a" * 64, "State": {"Status": "running"}}, **over}
    return container(kernel=running or kernel(), **over)


def ids(raised: Any) -> set[str]:
    return {alarm.id for alarm in raised}


def baseline_of(watched: Any) -> Any:
    result = picture(watched, LocalFiles())
    assert not isinstance(result, Unread)
    return result


# --- alarms ---------------------------------------------------------------------------------------


def test_checks_become_alarms_and_what_they_do_not_know_becomes_a_blind_spot() -> None:
    strange = kernel(processes=(NGINX, Process(9, "xmrig", "/tmp/xmrig")))
    result, blind = alarms.of_checks(facts(strange, denials=Unread("no audit log")))
    assert "unexpected-process" in ids(result)
    assert any("xmrig" in alarm.text for alarm in result)
    assert ("runtime-denials", "no audit log") in {(unknown.id, unknown.why) for unknown in blind}


@pytest.mark.parametrize(
    ("usage", "before", "expected"),
    [
        (Usage(memory=90, memory_limit=100), None, {"memory-nearly-full"}),
        (Usage(memory=89, memory_limit=100), None, set()),
        (Usage(memory=10**12), None, set()),
        (Usage(tasks=19, tasks_limit=20), None, {"tasks-nearly-full"}),
        (Usage(throttled_percent=80.0), None, {"throttled"}),
        (Usage(oom_kills=2), None, {"out-of-memory"}),
        (Usage(oom_kills=2), Usage(oom_kills=2), set()),
        (Usage(oom_kills=3), Usage(oom_kills=2), {"out-of-memory"}),
        (Usage(), None, set()),
    ],
)
def test_use_near_the_limits(usage: Usage, before: Usage | None, expected: set[str]) -> None:
    assert ids(alarms.of_usage(usage, before)) == expected


def test_a_container_that_does_not_run_or_was_restarted() -> None:
    ended = facts(NotRunning("exited"), inspect={"State": {"Status": "exited", "ExitCode": 137}})
    (alarm,) = alarms.of_state(ended, None, 0)
    assert (alarm.id, "137" in alarm.text) == ("not-running", True)
    assert ids(alarms.of_state(facts(), 1, 3)) == {"restarted"}
    assert ids(alarms.of_state(facts(), 3, 3)) == set()


def test_events_that_matter_are_told_once_each() -> None:
    events = [
        SeenEvent(float(at), word) for at, word in enumerate(["exec", "exec", "start", "oom", "made-up"])
    ]
    result = {alarm.id: alarm.text for alarm in alarms.of_events(events)}
    assert set(result) == {"event-exec", "event-oom"}
    assert "2 times" in result["event-exec"]


# --- the baseline ---------------------------------------------------------------------------------


def test_nothing_changed_raises_nothing() -> None:
    kept = baseline_of(facts())
    assert list(alarms.of_baseline(facts(), kept, Drift())) == []


@pytest.mark.parametrize(
    ("now", "alarm"),
    [
        (facts(kernel(processes=(NGINX, Process(9, "sh", "/bin/dash")))), "new-program"),
        (facts(kernel(processes=(Process(7, "nc", "/bin/busybox"),))), "new-program"),
        (facts(kernel(listening=(ListeningSocket("tcp", "::", 4444),))), "new-listener"),
        (
            facts(kernel(capabilities=CapabilitySets(effective=frozenset({"CAP_SYS_ADMIN"})))),
            "more-capabilities",
        ),
        (facts(kernel(uid=0)), "became-root"),
        (facts(kernel(seccomp_mode=0)), "no-filter"),
        (facts(kernel(no_new_privileges=False)), "new-privileges"),
        (facts(kernel(read_only_root=False)), "writable-root"),
        (facts(inspect={"Image": "b" * 64}), "other-image"),
    ],
)
def test_what_is_not_as_it_was_raises_an_alarm(now: Any, alarm: str) -> None:
    assert alarm in ids(alarms.of_baseline(now, baseline_of(facts()), Drift()))


def test_fewer_rights_and_other_addresses_are_no_alarm() -> None:
    less = kernel(
        capabilities=CapabilitySets(), listening=(ListeningSocket("tcp", "10.0.0.9", 80),), processes=()
    )
    assert list(alarms.of_baseline(facts(less), baseline_of(facts()), Drift())) == []


def test_busybox_is_many_programs() -> None:
    assert program_of("/bin/busybox", "nc") != program_of("/bin/busybox", "httpd")
    assert program_of("/usr/sbin/nginx", "nginx") == program_of("/usr/sbin/nginx", "worker")


def layered(tmp_path: Path, *paths: str) -> Any:
    changes = tuple(FileChange(path, "modified") for path in paths)
    driver = {"GraphDriver": {"Data": {"UpperDir": str(tmp_path)}}}
    return facts(changes=changes, inspect={"Image": "a" * 64, **driver})


def marks(watched: Any) -> tuple[FileMark, ...]:
    return marks_of(watched, LocalFiles())


def test_a_changed_content_is_seen_even_with_the_old_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("aaaa")
    watched = layered(tmp_path, "/etc/passwd", "/var/log/x")
    before = marks(watched)
    seen = (tmp_path / "etc/passwd").stat()
    (tmp_path / "etc/passwd").write_text("bbbb")
    import os

    os.utime(tmp_path / "etc/passwd", (seen.st_atime, seen.st_mtime))
    result = drift(marks(watched), before, ("/var/log",))
    assert (result.added, result.changed, result.gone) == ((), ("/etc/passwd",), ())
    more = marks(layered(tmp_path, "/etc/passwd", "/etc/shadow", "/var/log/y"))
    assert drift(more, before, ("/var/log",)).added == ("/etc/shadow",)
    assert drift((), before, ("/var/log",)).gone == ("/etc/passwd",)


def test_a_deleted_file_is_deleted_not_changed() -> None:
    before = (
        FileMark("/etc/motd", "modified"),
        FileMark("/srv/new", "added"),
        FileMark("/etc/was", "deleted"),
    )
    now = (
        FileMark("/etc/motd", "deleted"),
        FileMark("/etc/issue", "deleted"),
        FileMark("/etc/was", "deleted"),
    )
    result = drift(now, before, ())
    assert result.deleted == ("/etc/issue", "/etc/motd", "/srv/new")
    assert (result.added, result.changed, result.gone) == ((), (), ())
    again = drift((), before, ())
    assert (again.deleted, again.gone) == (("/srv/new",), ("/etc/motd", "/etc/was"))


def test_a_link_of_the_container_leads_to_no_file_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "directory").symlink_to("/etc")
    result = {
        mark.path: mark.digest for mark in marks(layered(tmp_path, "/link", "/directory/passwd", "/../x"))
    }
    assert result == {"/link": "", "/directory/passwd": "", "/../x": ""}


def test_a_baseline_is_kept_for_us_alone_and_read_again(tmp_path: Path) -> None:
    keeper = Baselines(lambda: tmp_path)
    watched = facts(kernel(processes=(Process(7, HOSTILE, HOSTILE),)))
    assert keeper.load(watched) is None
    path = Path(keeper.save(watched, baseline_of(watched)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = keeper.load(watched)
    assert kept == baseline_of(watched)
    assert list(alarms.of_baseline(watched, baseline_of(watched), Drift())) == []
    path.write_text("{")
    assert isinstance(keeper.load(watched), Unread)
    path.write_text(msgspec.json.encode({**msgspec.to_builtins(kept), "schema": "x"}).decode())
    assert isinstance(keeper.load(watched), Unread)
    assert keeper.forget(watched)
    assert not keeper.forget(watched)
    with pytest.raises(InputError):
        Baselines(None).save(watched, baseline_of(watched))


def test_two_containers_share_no_baseline(tmp_path: Path) -> None:
    keeper = Baselines(lambda: tmp_path)
    watched, other = facts(), facts().replace(name="../../web")
    keeper.save(watched, baseline_of(watched))
    assert keeper.load(other) is None
    assert Path(keeper.save(other, baseline_of(other))).parent == tmp_path / "baselines"


# --- exit codes and texts -------------------------------------------------------------------------


def sample(**over: Any) -> Sample:
    return Sample(**{"container": "web", "engine": "rootful", "time": 1e9, "state": "running", **over})


def test_exit_codes_of_a_look() -> None:
    medium = Alarm("a", Severity.MEDIUM, "t")
    hidden = BlindSpot("b", Severity.MEDIUM, "w")
    assert sample().exit_code(Severity.LOW) == 0
    assert sample(alarms=(medium,)).exit_code(Severity.MEDIUM) == 1
    assert sample(alarms=(medium,)).exit_code(Severity.HIGH) == 0
    assert sample(blind=(hidden,)).exit_code(Severity.MEDIUM) == 4
    assert sample(alarms=(medium,), blind=(hidden,)).exit_code(Severity.MEDIUM) == 1


def test_no_text_reaches_the_terminal_as_a_command() -> None:
    reading = sample(
        container=HOSTILE,
        health=HOSTILE,
        baseline=HOSTILE,
        usage=Usage(memory=1, source="processes"),
        processes=(SeenProcess(1, HOSTILE, HOSTILE, None, False),),
        listening=(SeenListener("tcp", HOSTILE, 1, False),),
        drift=Drift(from_image=1),
        log=(SeenLine(HOSTILE, "stderr", HOSTILE),),
        events=(SeenEvent(1.0, HOSTILE),),
        alarms=(Alarm(HOSTILE, Severity.HIGH, HOSTILE, (HOSTILE,)),),
        blind=(BlindSpot(HOSTILE, Severity.LOW, HOSTILE),),
    )
    told = sample_text(reading, TextStyle(color=False))
    assert not {"\x1b", "\x07", "\u202e", "\ud800"} & set(told)
    assert told.count("owned") >= 10
    assert sensors_text((), TextStyle()) == ""


def test_frames_of_a_log_that_lie_about_their_length_end() -> None:
    good = b"\x01\0\0\0" + (3).to_bytes(4, "big") + b"one"
    assert list(frames_of(good + good)) == [("stdout", b"one")] * 2
    liar = b"\x02\0\0\0" + (2**31).to_bytes(4, "big") + b"short"
    assert list(frames_of(liar)) == [("stderr", b"short")]
    assert list(frames_of(b"\x01\0")) == []
