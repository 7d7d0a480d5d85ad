"""A learned seccomp profile: what was seen and a margin, never more than its base lets through."""

import errno
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.features.trial.learned.system_calls import (
    ALWAYS,
    FAMILIES,
    RISKY,
    RUNTIME,
    Allowed,
    SocketUse,
    allowed_calls,
    calls_let_through,
    margin,
    narrow_profile,
)
from hardentui.lib.observer.calls import watched_profile
from hardentui.lib.observer.records import CallCount, CallDetail, Caller, CallLog
from hardentui.lib.seccomp import (
    LETS_THROUGH,
    Access,
    access,
    answer,
    dangerous_calls,
    makes_user_namespaces,
    parse_profile,
    ways_to_family,
)
from hardentui.writers.profiles import profile_text

DATA = Path(__file__).parents[4] / "data"
SCHEMA = json.loads((DATA / "seccomp-profile.schema.json").read_text())
NATIVE = "SCMP_ARCH_X86_64"
ROOT = Caller(0, 0)
SERVICE = (
    "read",
    "write",
    "openat",
    "socket",
    "bind",
    "listen",
    "accept4",
    "clone3",
    "execve",
    "epoll_wait",
)


def _rule(
    *names: str,
    action: str = "ALLOW",
    **more: Any,
) -> dict[str, Any]:
    return {
        "names": list(names),
        "action": f"SCMP_ACT_{action}",
        **more,
    }


def _argument(
    index: int,
    value: int,
    operator: str,
    other: int = 0,
) -> dict[str, Any]:
    return {
        "index": index,
        "value": value,
        "valueTwo": other,
        "op": f"SCMP_CMP_{operator}",
    }


_EVERYDAY = frozenset().union(RUNTIME, ALWAYS, *FAMILIES) - {"socket"}
BASE: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": errno.ENOSYS,
    "archMap": [{"architecture": NATIVE, "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
    "syscalls": [
        _rule("kexec_load", "userfaultfd", action="ERRNO", errnoRet=errno.EPERM),
        _rule(*sorted(_EVERYDAY | {"unshare", "ptrace", "mount", "keyctl"})),
        _rule("personality", args=[_argument(0, 8, "EQ")]),
        _rule("chroot", includes={"caps": ["CAP_SYS_CHROOT"]}),
        _rule("bpf", includes={"caps": ["CAP_BPF"]}),
        _rule(
            "socket", action="ERRNO", errnoRet=errno.EINVAL, excludes={"caps": ["CAP_AUDIT_WRITE"]},
            args=[_argument(0, 16, "EQ"), _argument(2, 9, "EQ")],
        ),
        _rule("socket", args=[_argument(2, 9, "NE")], excludes={"caps": ["CAP_AUDIT_WRITE"]}),
        _rule("socket", args=[_argument(0, 16, "NE")], excludes={"caps": ["CAP_AUDIT_WRITE"]}),
        _rule("socket", includes={"caps": ["CAP_AUDIT_WRITE"]}),
    ],
}  # fmt: skip
"""Made like containers-common's default: rules by capability, by argument, and refusals of their
own."""
DENY_LIST: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        _rule("ptrace", action="ERRNO"),
        _rule(
            "read",
            action="ERRNO",
            args=[_argument(0, 5, "EQ")],
        ),
    ],
}


def log_of(
    *names: str,
    details: tuple[CallDetail, ...] = (),
    **more: Any,
) -> CallLog:
    return CallLog(
        tuple(CallCount(name, NATIVE, 1) for name in names),
        details,
        **more,
    )


def made(
    log: CallLog,
    base: dict[str, Any] = BASE,
    held: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    return narrow_profile(
        base,
        allowed_calls(log, native=NATIVE),
        held,
    )


def a_socket(
    family: int,
    kind: int = 1,
    protocol: int = 0,
) -> CallDetail:
    return CallDetail("socket", ROOT, (family, kind, protocol))


def test_it_is_what_podman_reads() -> None:
    jsonschema.validate(
        made(log_of(*SERVICE, details=(a_socket(2),))),
        SCHEMA,
    )
    jsonschema.validate(
        narrow_profile(
            DENY_LIST,
            Allowed(frozenset({"open"})),
            frozenset(),
        ),
        SCHEMA,
    )
    jsonschema.validate(
        watched_profile(
            BASE,
            listener="/x",
            token="t",
        ),
        SCHEMA,
    )
    assert json.loads(profile_text(BASE)) == BASE


def test_what_was_seen_is_allowed_and_nothing_else_but_the_margin() -> None:
    profile = parse_profile(made(log_of(*SERVICE)))
    for name in SERVICE:
        if name != "clone3":
            assert access(profile, name) is not Access.NEVER, name
    assert access(profile, "mount") is Access.NEVER
    assert access(profile, "ptrace") is Access.NEVER
    assert access(profile, "shmget") is Access.NEVER
    assert access(profile, "open") is Access.ALWAYS  # the margin of openat
    assert access(profile, "tgkill") is Access.ALWAYS  # abort(3)


def test_a_dangerous_call_is_allowed_only_where_it_was_seen() -> None:
    assert margin(frozenset({"clone", "openat"})).isdisjoint(RISKY)
    assert access(parse_profile(made(log_of("ptrace"))), "ptrace") is Access.ALWAYS
    for family in FAMILIES:
        assert margin(family).isdisjoint(RISKY)


@pytest.mark.parametrize("family", [17, 38, 40, 45])
def test_families_that_were_not_seen_are_refused_also_with_higher_bits_set(family: int) -> None:
    profile = parse_profile(made(log_of("socket", details=(a_socket(2),))))
    assert ways_to_family(profile, family) == ()
    assert access(profile, "socket", {0: 2}) is Access.ALWAYS
    assert access(profile, "socket", {0: 10}) is Access.ALWAYS
    assert access(profile, "socket", {0: 1}) is Access.ALWAYS


def test_the_audit_protocol_takes_its_capability() -> None:
    log = log_of("socket", details=(a_socket(16, 3, 9),))
    held = frozenset({"CAP_AUDIT_WRITE"})
    assert (
        access(
            parse_profile(made(log)),
            "socket",
            {0: 16, 2: 9},
        )
        is Access.NEVER
    )
    document = made(log, held=held)
    assert access(parse_profile(document), "socket", {0: 16, 2: 9}) is Access.NEVER
    assert (
        access(
            parse_profile(document, capabilities=held),
            "socket",
            {0: 16, 2: 9},
        )
        is Access.ALWAYS
    )
    assert access(parse_profile(document), "socket", {0: 16, 2: 0}) is Access.ALWAYS


def test_no_user_namespace_can_be_made_where_none_was_seen() -> None:
    profile = parse_profile(made(log_of("clone", "clone3", "unshare")))
    assert makes_user_namespaces(profile) == ()
    assert access(profile, "clone", {0: 0x1200011}) is Access.ALWAYS
    assert answer(profile, "clone3", {}) == ("ERRNO", errno.ENOSYS)
    assert answer(profile, "unshare", {0: 0x200}) == ("ALLOW", None)


def test_other_ways_into_the_kernel_are_closed_unless_programs_came_by_them() -> None:
    assert parse_profile(made(log_of("read"))).architectures == ("X86_64",)
    log = CallLog(
        (
            CallCount("read", NATIVE, 1),
            CallCount("socketcall", "SCMP_ARCH_X86", 1),
        )
    )
    document = made(log)
    assert document["archMap"] == [
        {
            "architecture": NATIVE,
            "subArchitectures": ["SCMP_ARCH_X86"],
        }
    ]
    assert allowed_calls(log, native=NATIVE).sockets is None


_NAMES = st.frozensets(
    st.sampled_from(sorted(_EVERYDAY | RISKY | {"socket", "socketpair", "clone"}))
)
_USES = st.frozensets(
    st.builds(
        SocketUse,
        st.integers(0, 46),
        st.one_of(st.none(), st.integers(0, 22)),
    ),
    max_size=6,
)
_HELD = st.frozensets(st.sampled_from(["CAP_AUDIT_WRITE", "CAP_SYS_CHROOT", "CAP_BPF"]))


@given(
    _NAMES,
    st.one_of(st.none(), _USES),
    _HELD,
    st.frozensets(st.sampled_from(["clone", "clone3", "unshare"])),
)
def test_it_is_never_weaker_than_its_base(
    names: frozenset[str],
    uses: frozenset[SocketUse] | None,
    held: frozenset[str],
    makers: frozenset[str],
) -> None:
    document = narrow_profile(
        BASE,
        Allowed(names, uses, frozenset({1}), makers),
        held,
    )
    jsonschema.validate(document, SCHEMA)
    base, narrow = (
        parse_profile(BASE, capabilities=held),
        parse_profile(document, capabilities=held),
    )
    for name in {*base.rules, *narrow.rules}:
        for family in (0, 1, 2, 8, 9, 16, 38, 40):
            for protocol in (0, 9):
                arguments = {**dict.fromkeys(range(6), 0), 0: family, 2: protocol}
                if answer(narrow, name, arguments)[0] in LETS_THROUGH:
                    assert answer(base, name, arguments)[0] in LETS_THROUGH, (name, arguments)
                    assert name in names


def test_a_call_that_was_always_refused_is_not_learned() -> None:
    log = CallLog(
        (
            CallCount(
                "mount",
                NATIVE,
                program=2,
                refused=2,
            ),
        )
    )
    assert access(parse_profile(made(log)), "mount") is Access.NEVER


def test_what_programs_know_to_be_refused_keeps_its_error() -> None:
    profile = parse_profile(made(log_of(*SERVICE)))
    assert answer(profile, "kexec_load", {}) == ("ERRNO", errno.EPERM)
    assert answer(profile, "mount", {}) == ("ERRNO", errno.ENOSYS)


def test_conditions_of_the_base_stay() -> None:
    profile = parse_profile(made(log_of("personality", "chroot")))
    assert access(profile, "personality", {0: 8}) is Access.ALWAYS
    assert access(profile, "personality", {0: 9}) is Access.NEVER
    assert access(profile, "chroot") is Access.NEVER
    held = frozenset({"CAP_SYS_CHROOT"})
    assert (
        access(
            parse_profile(made(log_of("chroot")), capabilities=held),
            "chroot",
        )
        is Access.ALWAYS
    )


def test_a_family_that_was_seen_is_allowed() -> None:
    profile = parse_profile(made(log_of("socket", details=(a_socket(17, 3),))))
    assert access(profile, "socket", {0: 17}) is Access.ALWAYS
    assert access(profile, "socket", {0: 2}) is Access.NEVER


def test_who_asks_for_the_audit_socket_in_vain_is_told_so_as_before() -> None:
    """PAM goes on without it after EINVAL, and lets nobody in after ENOSYS."""
    profile = parse_profile(made(log_of("socket", details=(a_socket(2),))))
    assert answer(profile, "socket", {0: 16, 2: 9}) == ("ERRNO", errno.EINVAL)
    held = frozenset({"CAP_AUDIT_WRITE"})
    kept = parse_profile(
        made(log_of("socket", details=(a_socket(16, 3, 9),)), held=held), capabilities=held
    )
    assert access(kept, "socket", {0: 16, 2: 9}) is Access.ALWAYS


def test_whoever_makes_namespaces_goes_on_making_them() -> None:
    details = (
        CallDetail("unshare", ROOT, (0x10000000,)),
        CallDetail("clone3", ROOT, (0x20000,)),
    )
    profile = parse_profile(made(log_of("unshare", "clone3", details=details)))
    assert access(profile, "unshare", {0: 0x10000000}) is Access.ALWAYS
    assert access(profile, "clone3") is Access.ALWAYS
    assert access(profile, "clone", {0: 0x10000000}) is Access.NEVER


def test_arguments_that_could_not_be_read_are_not_narrowed() -> None:
    log = log_of(
        "socket",
        "clone",
        unread=frozenset({"socket", "clone"}),
    )
    profile = parse_profile(made(log))
    assert access(profile, "socket", {0: 40}) is Access.ALWAYS
    assert access(profile, "clone", {0: 0x10000000}) is Access.ALWAYS
    cut = allowed_calls(
        log_of("socketpair", cut=frozenset({"socketpair"})),
        native=NATIVE,
    )
    assert cut.pairs is None


def test_a_base_that_lists_what_it_refuses_becomes_a_list_of_what_is_allowed() -> None:
    document = narrow_profile(
        DENY_LIST, Allowed(frozenset({"ptrace", "read", "open"})), frozenset()
    )
    assert document["defaultAction"] == "SCMP_ACT_ERRNO"
    assert calls_let_through(document, frozenset(), NATIVE) == {"open"}


def test_it_is_at_most_half_of_what_an_everyday_base_lets_through() -> None:
    document = made(log_of(*SERVICE, details=(a_socket(2),)))
    assert len(calls_let_through(document, frozenset(), NATIVE)) < 140
    assert dangerous_calls(parse_profile(document)) == ()
