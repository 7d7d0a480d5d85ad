"""The profile under which a supervisor answers, and what it answers."""

import errno
import shutil
import subprocess
from typing import Any

import pytest

from hardentui.lib.observer.calls import watched_profile
from hardentui.lib.seccomp import answer, has_conditions, parse_profile
from hardentui.model.spec import Mount, Spec
from hardentui.options import MOUNTS, NETWORK, READ_ONLY, TMPFS
from hardentui.writers.profiles import apparmor_profile
from tests.conftest import cannot_run

DEFAULT: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": errno.ENOSYS,
    "archMap": [
        {
            "architecture": "SCMP_ARCH_X86_64",
            "subArchitectures": ["SCMP_ARCH_X86"],
        }
    ],
    "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {
            "names": ["bpf"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": errno.EPERM,
        },
        {
            "names": ["kexec_load"],
            "action": "SCMP_ACT_KILL_PROCESS",
        },
        {
            "names": ["personality"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}],
        },
    ],
}


def test_all_calls_are_watched_but_those_that_end_the_process() -> None:
    made = watched_profile(
        DEFAULT,
        listener="/x/n.sock",
        token="t",
    )
    assert made["defaultAction"] == "SCMP_ACT_NOTIFY"
    assert made["syscalls"] == [DEFAULT["syscalls"][2]]
    assert (made["listenerPath"], made["listenerMetadata"]) == ("/x/n.sock", "t")
    assert made["archMap"] == DEFAULT["archMap"]


def test_a_default_that_kills_stays_with_the_kernel() -> None:
    base = {**DEFAULT, "defaultAction": "SCMP_ACT_KILL_PROCESS"}
    made = watched_profile(
        base,
        listener="/x/n.sock",
        token="t",
    )
    assert made["defaultAction"] == "SCMP_ACT_KILL_PROCESS"
    assert [entry["action"] for entry in made["syscalls"]] == [
        "SCMP_ACT_NOTIFY",
        "SCMP_ACT_NOTIFY",
        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_NOTIFY",
    ]
    assert "args" in made["syscalls"][3]


@pytest.mark.parametrize(
    ("call", "argument", "said"),
    [
        ("read", 0, ("ALLOW", None)),
        ("bpf", 0, ("ERRNO", errno.EPERM)),
        ("unheard_of", 0, ("ERRNO", errno.ENOSYS)),
        ("personality", 8, ("ALLOW", None)),
        ("personality", 9, ("ERRNO", errno.ENOSYS)),
        ("kexec_load", 0, ("KILL_PROCESS", None)),
    ],
)
def test_the_answer_is_that_of_the_filter(
    call: str,
    argument: int,
    said: tuple[str, int | None],
) -> None:
    assert (
        answer(
            parse_profile(DEFAULT),
            call,
            dict.fromkeys(range(6), argument),
        )
        == said
    )


def test_rules_that_contradict_each_other_refuse() -> None:
    both = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [
            {
                "names": ["socket"],
                "action": "SCMP_ACT_ALLOW",
                "args": [_is(0, 2)],
            },
            {
                "names": ["socket"],
                "action": "SCMP_ACT_KILL",
                "args": [_is(1, 3)],
            },
        ],
    }
    assert answer(parse_profile(both), "socket", {0: 2, 1: 3}) == ("KILL", None)
    assert answer(parse_profile(both), "socket", {0: 2, 1: 1}) == ("ALLOW", None)


def test_whether_arguments_decide() -> None:
    profile = parse_profile(DEFAULT)
    assert has_conditions(profile, "personality")
    assert not has_conditions(profile, "read")


def _is(index: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


CHOWN = frozenset({"CAP_CHOWN"})
HOSTILE = 'x"\n} profile evil {\n  file,\n}\x1b]0;x\x07'
SPECS = {
    "plain": Spec(),
    "read-only": Spec.of(
        (READ_ONLY, True),
        (
            MOUNTS,
            (
                Mount("volume", "data", "/var/lib/app"),
                Mount("bind", "/etc", "/conf", ("ro",)),
            ),
        ),
        (TMPFS, ("/cache:size=1m",)),
    ),
    "no network": Spec.of((NETWORK, ("none",))),
    "hostile": Spec.of(
        (READ_ONLY, True),
        (MOUNTS, (Mount("bind", "/a", f"/{HOSTILE}"),)),
    ),
}


@pytest.mark.parametrize(
    "spec",
    SPECS.values(),
    ids=SPECS,
)
@pytest.mark.parametrize("name", ["web", HOSTILE, "-"])
def test_the_parser_takes_it(spec: Spec, name: str) -> None:
    if not (parser := shutil.which("apparmor_parser", path="/usr/sbin:/sbin:/usr/bin:/bin")):
        cannot_run("apparmor_parser is missing; run: sudo apt-get install apparmor")
    profile = apparmor_profile(
        name,
        spec,
        CHOWN | {"CAP_SYS_ADMIN", "CAP_NET_RAW"},
    )
    done = subprocess.run(
        [parser, "--skip-kernel-load", "--skip-cache", "--names"],
        input=profile.text.encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().split() == [profile.name], (
        "one profile, and no other one was smuggled in"
    )


def test_a_read_only_root_leaves_only_what_is_mounted_writable() -> None:
    text = apparmor_profile("web", SPECS["read-only"], CHOWN).text
    rules = {line.strip() for line in text.splitlines()}
    assert {'"/var/lib/app/**" mrwlkix,', '"/cache/**" mrwlkix,', '"/tmp/**" mrwlkix,'} <= rules
    assert "file," not in rules
    assert not any("/conf" in rule for rule in rules)


def test_only_capabilities_that_it_has_are_in_it() -> None:
    text = apparmor_profile("web", Spec(), CHOWN).text
    assert [
        line.strip() for line in text.splitlines() if line.strip().startswith("capability")
    ] == ["capability chown,"]
    assert "  deny mount," in text
    assert (
        "  mount,"
        in apparmor_profile(
            "web",
            Spec(),
            frozenset({"CAP_SYS_ADMIN"}),
        ).text
    )


def test_a_path_that_no_rule_can_hold_is_named_and_stays_read_only() -> None:
    profile = apparmor_profile("web", SPECS["hostile"], CHOWN)
    assert len(profile.notes) == 1
    assert not any(line.strip().startswith('"/x') for line in profile.text.splitlines())
