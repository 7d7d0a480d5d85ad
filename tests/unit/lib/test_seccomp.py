"""Which calls a seccomp filter lets through, built by libseccomp from rules."""

import json
from pathlib import Path
from typing import Any

import pytest

from hardentui.lib.seccomp import (
    AF_ALG,
    AF_VSOCK,
    DANGEROUS,
    Access,
    access,
    dangerous_calls,
    makes_user_namespaces,
    parse_profile,
    ways_to_family,
)
from hardentui.model.facts import STOCK_CAPABILITIES
from tests.conftest import cannot_run

STOCK = Path("/usr/share/containers/seccomp.json")
ALL = (1 << 64) - 1
FAMILY_MASK = 0xFFFFFFFF


def rule(
    *names: str,
    action: str = "ALLOW",
    args: tuple[tuple[int, str, int, int], ...] = (),
    **over: Any,
) -> Any:
    made = {
        "names": list(names),
        "action": f"SCMP_ACT_{action}",
        **over,
    }
    if args:
        made["args"] = [
            {
                "index": index,
                "op": f"SCMP_CMP_{operator}",
                "value": value,
                "valueTwo": other,
            }
            for index, operator, value, other in args
        ]
    return made


def profile(
    *rules: Any,
    default: str = "ERRNO",
    architectures: tuple[str, ...] = ("X86_64",),
) -> Any:
    names = [f"SCMP_ARCH_{architecture}" for architecture in architectures]
    return parse_profile(
        {
            "defaultAction": f"SCMP_ACT_{default}",
            "architectures": names,
            "syscalls": list(rules),
        }
    )


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), Access.NEVER),
        ((rule("bpf"),), Access.ALWAYS),
        ((rule("bpf", action="LOG"),), Access.ALWAYS),
        ((rule("bpf", args=((0, "GE", 0, 0),)),), Access.ALWAYS),
        (
            (rule("bpf", args=((0, "LE", ALL, 0),)),),
            Access.ALWAYS,
        ),
        (
            (rule("bpf", args=((0, "MASKED_EQ", 0, 0),)),),
            Access.ALWAYS,
        ),
        (
            (rule("bpf", args=((0, "EQ", 7, 0), (0, "NE", 7, 0))),),
            Access.ALWAYS,
        ),
        (
            (
                rule("bpf", args=((0, "EQ", 7, 0),)),
                rule("bpf", args=((0, "NE", 7, 0),)),
            ),
            Access.ALWAYS,
        ),
        (
            (rule("bpf", args=((0, "EQ", 7, 0),)),),
            Access.SOMETIMES,
        ),
        ((rule("bpf", args=((0, "LT", 0, 0),)),), Access.NEVER),
        (
            (rule("bpf", args=((0, "MASKED_EQ", 0xF, 0x10),)),),
            Access.NEVER,
        ),
        (
            (rule("bpf", args=((0, "GT", ALL, 0),)),),
            Access.NEVER,
        ),
        (
            (rule("bpf", action="ERRNO", errnoRet=1), rule("bpf")),
            Access.NEVER,
        ),
        (
            (
                rule(
                    "bpf",
                    action="ERRNO",
                    errnoRet=1,
                    args=((0, "EQ", 7, 0),),
                ),
                rule("bpf"),
            ),
            Access.ALWAYS,
        ),
        (
            (
                rule("bpf", args=((0, "EQ", 7, 0),)),
                rule("bpf", action="ERRNO", errnoRet=1),
            ),
            Access.NEVER,
        ),
        (
            (rule("bpf", action="ERRNO"), rule("bpf")),
            Access.ALWAYS,
        ),  # one with the default action is skipped
        (
            (rule("bpf", args=((0, "EQ", 7, 0), (1, "EQ", 7, 0))),),
            Access.SOMETIMES,
        ),
    ],
)
def test_rules_are_read_as_the_kernel_will(
    rules: tuple[Any, ...],
    expected: Access,
) -> None:
    assert access(profile(*rules), "bpf") is expected


@pytest.mark.parametrize(
    ("rules", "architectures", "expected"),
    [
        (
            (rule("socket"),),
            ("X86_64",),
            {"socket", "socket (upper bits set)"},
        ),
        (
            (rule("socket", args=((0, "NE", 40, 0),)),),
            ("X86_64",),
            {"socket (upper bits set)"},
        ),
        (
            (rule("socket", args=((0, "LT", 38, 0),)),),
            ("X86_64",),
            set(),
        ),
        (
            (rule("socket", args=((0, "GT", 40, 0),)),),
            ("X86_64",),
            {"socket (upper bits set)"},
        ),
        (
            (rule("socket", args=((0, "EQ", 2, 0),)),),
            ("X86_64",),
            set(),
        ),
        (
            (rule("socket", args=((0, "MASKED_EQ", FAMILY_MASK, 2),)),),
            ("X86_64",),
            set(),
        ),
        (
            (rule("socket", args=((0, "MASKED_EQ", FAMILY_MASK, 2),)),),
            ("X86_64", "X86"),
            {"socketcall (i386)"},
        ),
        (
            (
                rule("socket", args=((0, "MASKED_EQ", FAMILY_MASK, 2),)),
                rule(
                    "socketcall",
                    action="ERRNO",
                    errnoRet=1,
                ),
            ),
            ("X86_64", "X86"),
            set(),
        ),
        ((rule("read"),), ("X86_64", "X86"), set()),
    ],
)
def test_a_family_is_closed_only_in_all_of_its_forms(
    rules: tuple[Any, ...],
    architectures: tuple[str, ...],
    expected: set[str],
) -> None:
    assert set(ways_to_family(profile(*rules, architectures=architectures), AF_VSOCK)) == expected


def test_a_rule_with_a_capability_is_for_those_who_hold_it() -> None:
    document = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [
            rule("bpf", includes={"caps": ["CAP_BPF"]}),
            rule("perf_event_open", excludes={"caps": ["CAP_BPF"]}),
        ],
    }
    without, holding = (
        parse_profile(document),
        parse_profile(document, capabilities=frozenset({"CAP_BPF"})),
    )
    assert (
        access(without, "bpf"),
        access(without, "perf_event_open"),
    ) == (
        Access.NEVER,
        Access.ALWAYS,
    )
    assert (
        access(holding, "bpf"),
        access(holding, "perf_event_open"),
    ) == (
        Access.ALWAYS,
        Access.NEVER,
    )
    assert dangerous_calls(holding, frozenset({"CAP_BPF"})) == ()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"defaultAction": 7},
        {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": {"names": []},
        },
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": ["bpf"]},
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [rule("bpf", args=((0, "LIKE", 0, 0),))],
        },
    ],
)
def test_what_is_no_profile_is_refused(document: Any) -> None:
    with pytest.raises(
        ValueError, match=r"defaultAction|list is expected|not a mapping|unknown operator"
    ):
        parse_profile(document)


def test_the_profile_of_the_installed_podman_is_not_called_weak() -> None:
    if not STOCK.exists():
        cannot_run("the package with Podman's own seccomp profile is not installed")
    stock = parse_profile(
        json.loads(STOCK.read_text()),
        capabilities=STOCK_CAPABILITIES,
    )
    assert dangerous_calls(stock, STOCK_CAPABILITIES) == ()
    assert ways_to_family(stock, AF_ALG)
    assert makes_user_namespaces(stock)
    everything = frozenset(
        cap for group in DANGEROUS for caps in group.calls.values() for cap in caps
    )
    opened = parse_profile(json.loads(STOCK.read_text()), capabilities=everything)
    assert dangerous_calls(opened, everything) == ()


def test_a_filter_that_allows_by_default_refuses_what_is_listed() -> None:
    open_ = profile(rule("bpf", action="ERRNO"), default="ALLOW")
    assert access(open_, "bpf") is Access.NEVER
    assert access(open_, "add_key") is Access.ALWAYS


def test_arguments_that_are_given_decide() -> None:
    conditional = profile(rule("bpf", args=((0, "EQ", 7, 0),)))
    assert access(conditional, "bpf", {0: 7}) is Access.ALWAYS
    assert access(conditional, "bpf", {0: 8}) is Access.NEVER
    assert access(conditional, "bpf", {0: 7 | 1 << 32}) is Access.NEVER


def test_user_namespaces_are_closed_only_by_all_three_calls() -> None:
    masked = ((0, "MASKED_EQ", 0x10000000, 0),)
    closed = (
        rule("unshare", args=masked),
        rule("clone", args=masked),
    )
    assert makes_user_namespaces(profile(*closed)) == ()
    assert makes_user_namespaces(profile(*closed, rule("clone3"))) == ("clone3",)
    assert makes_user_namespaces(profile(rule("unshare"), closed[1])) == ("unshare",)
    assert makes_user_namespaces(profile(closed[0], rule("clone"))) == ("clone",)
