"""What raises an alarm, and what a look must not hide."""

from typing import Any

import pytest

from hardentui.checks.prelude import container
from hardentui.features import alarms
from hardentui.features.sections import page_text
from hardentui.features.watch import EarlierReadings
from hardentui.features.watch_page import reading_page
from hardentui.model.facts import CapabilitySets, Kernel, NotRunning, Process, SocketEndpoint
from hardentui.model.finding import Severity
from hardentui.model.known import Unread
from hardentui.model.monitoring import (
    Alarm,
    BlindSpot,
    LogLine,
    Sample,
    SeenEvent,
    SeenProcess,
    Usage,
)

HOSTILE = "x\x1b]0;owned\x07\u202e[red]\ud800"
NGINX = Process(7, "nginx", "/usr/sbin/nginx", 33)


def kernel(**over: Any) -> Kernel:
    known: dict[str, Any] = {
        "processes": (NGINX,),
        "listening": (SocketEndpoint("tcp", "10.0.0.2", 80),),
        "capabilities": CapabilitySets(effective=frozenset({"CAP_CHOWN"})),
        "uid": 33,
        "seccomp_mode": 2,
        "no_new_privileges": True,
        "read_only_root": True,
        "shared_namespaces": frozenset(),
    }
    return Kernel(7, **{**known, **over})


def facts(running: Any = None, **over: Any) -> Any:
    over = {
        "changes": (),
        "inspect": {"Image": "a" * 64, "State": {"Status": "running"}},
        **over,
    }
    return container(kernel=running or kernel(), **over)


def ids(raised: Any) -> set[str]:
    return {alarm.id for alarm in raised}


def test_checks_become_alarms_and_what_they_do_not_know_becomes_a_blind_spot() -> None:
    strange = kernel(processes=(NGINX, Process(9, "xmrig", "/tmp/xmrig")))
    result, blind = alarms.of_checks(facts(strange, denials=Unread("no audit log")))
    assert "unexpected-process" in ids(result)
    assert any("xmrig" in alarm.text for alarm in result)
    assert ("runtime-denials", "no audit log") in {(unknown.id, unknown.why) for unknown in blind}


@pytest.mark.parametrize(
    ("usage", "before", "expected"),
    [
        (
            Usage(memory=90, memory_limit=100),
            None,
            {"memory-nearly-full"},
        ),
        (Usage(memory=89, memory_limit=100), None, set()),
        (Usage(memory=10**12), None, set()),
        (
            Usage(tasks=19, tasks_limit=20),
            None,
            {"tasks-nearly-full"},
        ),
        (Usage(throttled_percent=80.0), None, {"throttled"}),
        (Usage(oom_kills=2), None, {"out-of-memory"}),
        (Usage(oom_kills=2), Usage(oom_kills=2), set()),
        (
            Usage(oom_kills=3),
            Usage(oom_kills=2),
            {"out-of-memory"},
        ),
        (Usage(), None, set()),
    ],
)
def test_use_near_the_limits(
    usage: Usage,
    before: Usage | None,
    expected: set[str],
) -> None:
    assert ids(alarms.of_usage(usage, before)) == expected


def test_a_container_that_does_not_run_or_was_restarted() -> None:
    ended = facts(
        NotRunning("exited"),
        inspect={"State": {"Status": "exited", "ExitCode": 137}},
    )
    (alarm,) = alarms.of_state(ended, None, 0)
    assert (alarm.id, "137" in alarm.text) == ("not-running", True)
    assert ids(alarms.of_state(facts(), 1, 3)) == {"restarted"}
    assert ids(alarms.of_state(facts(), 3, 3)) == set()


def test_events_that_matter_are_told_once_each() -> None:
    events = [
        SeenEvent(float(at), word)
        for at, word in enumerate(["exec", "exec", "start", "oom", "made-up"])
    ]
    result = {alarm.id: alarm.text for alarm in alarms.of_events(events)}
    assert set(result) == {"event-exec", "event-oom"}
    assert "2 times" in result["event-exec"]


def sample(**over: Any) -> Sample:
    return Sample(
        **{
            "container": "web",
            "engine": "rootful",
            "time": 1e9,
            "state": "running",
            **over,
        }
    )


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
        usage=Usage(memory=1, source="processes"),
        processes=(SeenProcess(1, HOSTILE, HOSTILE, None),),
        listening=(SocketEndpoint("tcp", HOSTILE, 1),),
        changed_paths=1,
        log=(LogLine(HOSTILE, "stderr", HOSTILE),),
        events=(SeenEvent(1.0, HOSTILE),),
        alarms=(
            Alarm(
                HOSTILE,
                Severity.HIGH,
                HOSTILE,
                (HOSTILE,),
            ),
        ),
        blind=(BlindSpot(HOSTILE, Severity.LOW, HOSTILE),),
    )
    told = page_text(reading_page(reading))
    assert not {"\x1b", "\x07", "\u202e", "\ud800"} & set(told)
    assert told.count("owned") >= 10


def reading(
    time: float,
    *alarms: str,
    events: tuple[str, ...] = (),
) -> Sample:
    return Sample(
        container="web",
        engine="rootful",
        time=time,
        state="running",
        alarms=tuple(Alarm(id_, Severity.HIGH, f"{id_} at {time:g}") for id_ in alarms),
        events=tuple(SeenEvent(time, action) for action in events),
    )


def test_an_alarm_that_is_over_is_an_earlier_one_with_its_last_time() -> None:
    remembered = EarlierReadings()
    looks = [
        reading(1, "exec", "died"),
        reading(2, "exec"),
        reading(3, "died"),
        reading(4),
    ]
    for look in looks:
        remembered.take(look)
    assert [(time, alarm.text) for time, alarm in remembered.earlier(looks[-1])] == [
        (3, "died at 3"),
        (2, "exec at 2"),
    ]
    assert [alarm.id for _, alarm in remembered.earlier(looks[-2])] == ["exec"], (
        "one that holds is no earlier one"
    )


def test_alarms_without_end_do_not_fill_the_memory() -> None:
    remembered = EarlierReadings()
    for number in range(100):
        remembered.take(reading(number, f"alarm-{number}"))
    assert len(remembered.earlier(reading(100))) == 40
