"""From observations to needs, and several runs as one."""

import msgspec
import pytest
from msgspec.structs import replace

from hardentui.features.trial.learned.needs import (
    CallEvidence,
    Needs,
    WrittenPath,
    merged_needs,
    needs_of,
    places,
    written_files,
)
from hardentui.features.trial.learned.teaching import memory_limit, pids_limit
from hardentui.lib.observer.records import (
    CallCount,
    CallDetail,
    Caller,
    CallLog,
    SocketAddress,
    TouchedFile,
)
from hardentui.model.facts import SocketEndpoint
from hardentui.model.known import Unread
from hardentui.model.trial import CapabilityCheck, Observation, Sampled

NATIVE = "SCMP_ARCH_X86_64"
HELD = frozenset({"CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_DAC_OVERRIDE"})
ROOT = Caller(0, 0, frozenset({0}), frozenset({0}))
WHY = Unread("nobody looked")
CREATE = 0o101


def opened(
    path: str,
    flags: int = CREATE,
    *,
    exists: bool = False,
    mount: str = "/",
) -> CallDetail:
    return CallDetail(
        "openat",
        ROOT,
        (flags, 0o644),
        (
            TouchedFile(
                path,
                exists,
                mode=0o755,
                mount=mount,
            ),
        ),
    )


def changed(
    call: str,
    path: str,
    *numbers: int,
    kind: str = "directory",
    exists: bool = True,
) -> CallDetail:
    return CallDetail(
        call,
        ROOT,
        numbers,
        (TouchedFile(path, exists, kind, mode=0o755),),
    )


CHOWN = changed(
    "chown",
    "/var/lib/nginx/body",
    33,
    0xFFFFFFFF,
)
CONNECT = CallDetail(
    "connect",
    ROOT,
    address=SocketAddress(2, "10.0.0.9", 5432),
)


def observed(*details: CallDetail, **more: object) -> Observation:
    calls = tuple(
        CallCount(name, NATIVE, 1) for name in sorted({detail.call for detail in details})
    )
    return msgspec.structs.replace(Observation(CallLog(calls, details)), **more)


def needs(observation: Observation) -> Needs:
    return needs_of(observation, HELD, native=NATIVE)


def test_what_its_process_gave_away_before_is_not_needed() -> None:
    """dnsmasq as `nobody` fails to remove its PID file, with or without DAC_OVERRIDE in the
    bounding set."""
    pid_file = (
        TouchedFile(
            "/run/x.pid",
            True,
            uid=65534,
            directory_uid=0,
            directory_mode=0o755,
        ),
    )
    nobody = Caller(
        65534,
        65534,
        frozenset({65534}),
        frozenset({65534}),
        capabilities=frozenset(),
    )
    helper = msgspec.structs.replace(
        nobody,
        capabilities=frozenset({"CAP_DAC_OVERRIDE"}),
    )
    assert needs(observed(CallDetail("unlink", nobody, (), pid_file))).capability_names == set()
    assert needs(observed(CallDetail("unlink", helper, (), pid_file))).capability_names == {
        "CAP_DAC_OVERRIDE"
    }


def test_a_capability_comes_with_its_evidence() -> None:
    result = needs(observed(CHOWN, CallDetail("setuid", ROOT, (33,))))
    assert result.capability_names == {"CAP_CHOWN", "CAP_SETUID"}
    assert result.capabilities is not None
    assert result.capabilities[0].evidence == (CallEvidence("chown", "/var/lib/nginx/body"),)


def test_the_kernels_question_counts_where_the_call_does_not_say_it() -> None:
    checks = (
        CapabilityCheck("CAP_KILL", 1, 0),
        CapabilityCheck("CAP_SETUID", 1, 0),
        CapabilityCheck("CAP_DAC_OVERRIDE", 3, 0),
        CapabilityCheck("CAP_CHOWN", 0, 2),
    )
    assert needs(observed(CONNECT, capability_checks=checks)).capability_names == {"CAP_KILL"}
    alone = needs(
        Observation(
            calls=WHY,
            capability_checks=checks,
        )
    )
    assert alone.capability_names == {"CAP_KILL", "CAP_SETUID", "CAP_DAC_OVERRIDE"}


def test_where_nobody_could_look_nothing_is_claimed() -> None:
    result = needs(
        Observation(
            calls=WHY,
            capability_checks=WHY,
            sampled=WHY,
            written=WHY,
        )
    )
    assert result.capabilities is None
    assert result.calls is None
    assert result.written is None
    assert result.memory_peak is None
    assert {"calls", "capabilities", "written", "memory_peak"} <= set(result.unknown)


def test_a_call_that_could_not_be_read_is_taken_for_the_worst() -> None:
    log = CallLog(
        (CallCount("fchownat", NATIVE, 1),),
        unread=frozenset({"fchownat"}),
    )
    assert needs(Observation(calls=log)).capability_names == {"CAP_CHOWN"}


@pytest.mark.parametrize(
    ("detail", "counts"),
    [
        (opened("/etc/f"), True),
        (opened("/etc/f", 0), False),
        (opened("/etc/f", 0, exists=True), False),
        (opened("/etc/f", 1, exists=True), True),
        (opened("/etc/f", 0o100, exists=True), False),
        (opened("/etc/f", 0o1000, exists=True), True),
        (opened("/data/f", mount="/data"), False),
        (changed("mkdir", "/d", exists=False), True),
        (changed("mkdir", "/d"), False),
        (changed("unlink", "/f", kind="file"), True),
        (changed("unlink", "/f", exists=False), False),
        (changed("chown", "/d", 33), True),
        (changed("chown", "/d", 33, exists=False), False),
        (changed("bind", "/run/s.sock", exists=False), True),
        (
            changed("connect", "/run/s.sock", kind="socket"),
            False,
        ),
    ],
)
def test_what_fails_on_a_read_only_root(
    detail: CallDetail,
    counts: bool,
) -> None:
    assert bool(written_files((detail,), WHY)) is counts


def test_directories_are_the_outermost_ones_that_hold_what_was_written() -> None:
    details = (
        changed("mkdir", "/var/lib/nginx/body", exists=False),
        changed("chown", "/var/lib/nginx/body", 33),
        opened("/var/lib/nginx/body/1"),
        opened("/run/nginx.pid"),
        changed("chown", "/var/lib/redis", 999),
    )
    result = places(written_files(details, ()))
    assert result == ("/run", "/var/lib/nginx", "/var/lib/redis")


def test_outgoing_connections_but_to_itself() -> None:
    own = CallDetail(
        "connect",
        ROOT,
        address=SocketAddress(2, "127.0.0.1", 80),
    )
    unix = CallDetail(
        "connect",
        ROOT,
        address=SocketAddress(1, "/run/x.sock"),
    )
    result = needs(
        observed(
            CONNECT,
            own,
            unix,
            sampled=Sampled(listening=()),
        )
    )
    assert result.outgoing == (SocketEndpoint("tcp", "10.0.0.9", 5432),)
    asking = CallDetail(
        "connect",
        ROOT,
        (2,),
        address=SocketAddress(2, "10.0.0.1", 53),
    )
    assert needs(observed(asking)).outgoing == (SocketEndpoint("udp", "10.0.0.1", 53),)
    assert needs(Observation()).outgoing is None


def test_limits_have_head_room() -> None:
    assert memory_limit(1) == 64 << 20
    assert memory_limit(100 << 20) == 320 << 20
    assert memory_limit(1 << 30) == 3 << 30
    assert pids_limit(1) == 64
    assert pids_limit(100) == 320


def _sampled(memory: int | Unread) -> Sampled:
    return Sampled(
        listening=(SocketEndpoint("tcp", "0.0.0.0", 80),),
        memory_peak=memory,
    )


def test_a_run_that_could_not_look_takes_nothing_away() -> None:
    seen = needs(observed(CHOWN, sampled=_sampled(5)))
    blind = needs(
        Observation(
            calls=WHY,
            sampled=WHY,
            written=WHY,
            capability_checks=WHY,
        )
    )
    for both in (merged_needs(seen, blind), merged_needs(blind, seen)):
        assert both.unknown.keys() == seen.unknown.keys()
        assert replace(both, runs=1, unknown=seen.unknown) == seen
    assert merged_needs(blind, blind).unknown == blind.unknown


def test_needs_of_two_trials_merge() -> None:
    first = needs(observed(CHOWN, sampled=_sampled(5)))
    second = needs(
        observed(
            CallDetail("setuid", ROOT, (33,)),
            opened("/srv/x"),
            sampled=WHY,
        )
    )
    both = merged_needs(first, second)
    assert both.capability_names == {"CAP_CHOWN", "CAP_SETUID"}
    assert both.seen == {"chown", "setuid", "openat"}
    assert both.calls is not None
    assert {"chown", "setuid", "openat"} <= both.calls.names
    assert both.memory_peak == 5
    assert both.runs == 2
    assert [file.path for file in both.written or ()] == ["/srv/x", "/var/lib/nginx/body"]
    assert "memory_peak" not in both.unknown


def test_what_it_never_had_it_does_not_need() -> None:
    assert needs(observed(CallDetail("chroot", ROOT))).capability_names == set()


def test_a_program_that_writes_to_its_volumes_only_needs_no_place() -> None:
    assert needs(observed(opened("/data/x", mount="/data"), written=("/etc", "/data"))).places == ()


def test_without_the_calls_what_differs_at_the_end_counts() -> None:
    result = needs(
        Observation(
            calls=WHY,
            written=("/etc", "/etc/hosts", "/run/secrets", "/srv/x"),
        )
    )
    assert result.written == (WrittenPath("/srv/x", kept=True),)
    assert result.places == ("/srv",)


def test_needs_are_kept_as_json() -> None:
    result = needs(
        observed(
            CHOWN,
            CONNECT,
            opened("/srv/x"),
            sampled=_sampled(5),
        )
    )
    assert msgspec.json.decode(msgspec.json.encode(result), type=Needs) == result


def test_what_an_earlier_version_kept_is_still_understood() -> None:
    kept = msgspec.json.decode(
        b'{"path": "/srv/data", "folder": true, "kept": true}', type=WrittenPath
    )
    assert kept == WrittenPath(
        "/srv/data",
        directory=True,
        kept=True,
    )


def socket_call(family: int, kind: int) -> CallDetail:
    return CallDetail("socket", ROOT, (family, kind, 0))


@pytest.mark.parametrize(
    ("details", "more", "told"),
    [
        ((CONNECT,), (), ("it connects to 10.0.0.9 port 5432",)),
        ((socket_call(2, 0x80002),), (), ("it can send datagrams or raw packets",)),
        ((socket_call(17, 3),), (), ("it can send datagrams or raw packets",)),
        ((), ("mq_open",), ("it uses a message queue (mq_open)",)),
        ((socket_call(2, 0x80801), socket_call(1, 2), socket_call(16, 3)), ("accept4",), ()),
    ],
)
def test_who_asks_others_is_no_pure_server(
    details: tuple[CallDetail, ...],
    more: tuple[str, ...],
    told: tuple[str, ...],
) -> None:
    counts = tuple(CallCount(name, NATIVE, 1) for name in more)
    result = needs(Observation(CallLog(counts, details)))
    assert result.client == told


def test_a_call_that_was_not_read_proves_no_server() -> None:
    log = CallLog(unread=frozenset({"connect"}))
    assert needs(Observation(log)).client == ("not every call of connect was seen",)
    unseen = needs(Observation(WHY))
    assert unseen.client is None
    assert merged_needs(unseen, needs(observed(CONNECT))).client == (
        "it connects to 10.0.0.9 port 5432",
    )
