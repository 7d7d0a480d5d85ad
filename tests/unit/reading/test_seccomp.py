"""Which calls a seccomp filter lets through: built by libseccomp from rules, and as a compiled program."""

from typing import Any

from hardentui.lib.seccomp import (
    DANGEROUS,
    X86_64_NUMBERS,
    Access,
    access,
    makes_user_namespaces,
    parse_profile,
)


def rule(
    *names: str, action: str = "ALLOW", args: tuple[tuple[int, str, int, int], ...] = (), **over: Any
) -> Any:
    made = {"names": list(names), "action": f"SCMP_ACT_{action}", **over}
    if args:
        made["args"] = [
            {"index": index, "op": f"SCMP_CMP_{operator}", "value": value, "valueTwo": other}
            for index, operator, value, other in args
        ]
    return made


def profile(*rules: Any, default: str = "ERRNO", architectures: tuple[str, ...] = ("X86_64",)) -> Any:
    names = [f"SCMP_ARCH_{architecture}" for architecture in architectures]
    return parse_profile(
        {"defaultAction": f"SCMP_ACT_{default}", "architectures": names, "syscalls": list(rules)}
    )


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
    closed = (rule("unshare", args=masked), rule("clone", args=masked))
    assert makes_user_namespaces(profile(*closed)) == ()
    assert makes_user_namespaces(profile(*closed, rule("clone3"))) == ("clone3",)
    assert makes_user_namespaces(profile(rule("unshare"), closed[1])) == ("unshare",)
    assert makes_user_namespaces(profile(closed[0], rule("clone"))) == ("clone",)


def test_every_dangerous_call_of_this_machine_has_a_number() -> None:
    foreign = {"vm86", "vm86old", "pciconfig_read", "pciconfig_write", "pciconfig_iobase"}
    names = {name for group in DANGEROUS for name in group.calls}
    assert names - foreign <= set(X86_64_NUMBERS)
