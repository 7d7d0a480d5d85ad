"""The recorded cases of 300 options: what is read back, created and running, with and without its
command."""

import json
from typing import Any

import pytest

from hardentui.model.spec import Option, Readability
from hardentui.options import *
from hardentui.options.inspect.masks import MASKED_ALWAYS
from hardentui.writers.run_script import run_arguments
from tests.property.recorded_cases import DATA, names, read_case

EXPECTED: dict[str, list[str]] = json.loads((DATA / "expected.json").read_text())

CASES = [(phase, name) for phase in ("create", "running") for name in names(phase)]

RUNNING_DIFFERS = {
    "env-host": ENV  # HOME of the host is the same as the one that Podman sets at start
}

SAME_EFFECT: dict[str, set[Option[Any]]] = {
    "cgroupns-host": {CGROUPNS},  # the default of cgroup v1, where the cases were recorded
    "device-dir": {DEVICES},  # the directory shows as its devices
    "env-term-tty": {ENV},  # Podman sets the same TERM for a terminal
    "image-volume-ignore": {IMAGE_VOLUME},  # the image has no volumes
    "image-volume-tmpfs": {IMAGE_VOLUME},
    "log-opt-label": {LOG_OPT},  # Podman 5.4 takes it and forgets it
    "log-opt-none-k8s": {LOG_OPT, LOG_DRIVER},  # 1m and 1mb; the engine's default driver
    "ip-in-network": {NETWORK_ALIAS},  # the alias stands in the network's options
    "mount-glob": {MOUNTS},  # the matches in place of the pattern
    "mount-tmpfs": {TMPFS},  # U became uid=0,gid=0
    "subuidname": {SUBUIDNAME, SUBGIDNAME, UIDMAP, GIDMAP},  # the map in place of its name
    "systemd-false": {SYSTEMD},  # its command would not have switched systemd mode on
    "volumes-from": {MOUNTS},  # the mounts, besides where they come from
}
"""Cases that read differently without the command and make the same container."""


def words_of(phase: str, name: str) -> list[str]:
    before_and_after = run_arguments(read_case(phase, name).without(NAME), "any")
    return [word for word in before_and_after if word != "any"]


def test_created_with_command() -> None:
    assert {name: words_of("create", name) for name in names("create")} == EXPECTED
    assert [name for name in names("create") if read_case("create", name).unknowable] == []


def test_running_reads_as_created() -> None:
    for name in (name for name in names("running") if name in EXPECTED):
        spec, before = read_case("running", name), read_case("create", name)
        differing = {option for option in TABLE if spec[option] != before[option]}
        assert differing == ({RUNNING_DIFFERS[name]} if name in RUNNING_DIFFERS else set()), name
        assert spec.unknowable == frozenset(), name


def test_without_command_nothing_is_lost_in_silence_or_made_up() -> None:
    for phase, name in CASES:
        spec, whole = read_case(phase, name, with_command=False), read_case(phase, name)
        known_to_differ = SAME_EFFECT.get(name, set())
        named = {option.flag for option in spec.unknowable}
        told = " ".join(spec.remarks)
        for option in TABLE:
            if spec[option] == whole[option] or option.readability is Readability.CLIENT:
                continue
            assert option in known_to_differ or option.flag in named or option.flag in told, (
                name,
                option,
            )
        assert {option for option in spec if option not in whole} <= known_to_differ, (phase, name)


def test_what_api_containers_hide_is_listed() -> None:
    spec = read_case("create", "sysctl", with_command=False)
    flags = {option.name for option in spec.unknowable}
    assert flags == {
        *"personality module hooks-dir runtime-flag hostuser passwd-entry group-entry ip ip6 dns".split(),
        *"mac-address http-proxy device-cgroup-rule gpus seccomp seccomp-policy mask unmask".split(),
        *"proc-opts sysctl secret cgroups memory-swappiness oom-score-adj".split(),
    }


MASKED = [
    *sorted(MASKED_ALWAYS),
    "/sys/devices/virtual/powercap",
]
READ_ONLY_PATHS = [
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
]


def oci(**linux: object) -> dict[str, object]:
    """A plain container's config.json, as far as it is read."""
    return {
        "mounts": [
            {
                "destination": "/proc",
                "type": "proc",
                "options": ["nosuid", "noexec", "nodev"],
            },
            {
                "destination": "/dev",
                "type": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755"],
            },
        ],
        "process": {"env": ["MYSEC=top secret"]},
        "linux": {
            "sysctl": {"net.ipv4.ping_group_range": "0 0"},
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY_PATHS,
            "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            **linux,
        },
    }


def from_oci(case: str, config: dict[str, object]) -> list[str]:
    spec = read_case(
        "running",
        case,
        with_command=False,
        oci_config=config,
    )
    return [
        w for w in run_arguments(spec.without(NAME), "any") if w not in ("any", "localhost/t:1")
    ]


def test_a_plain_config_adds_nothing_and_leaves_less_unknown() -> None:
    spec = read_case(
        "running",
        "sysctl",
        with_command=False,
        oci_config=oci(),
    )
    assert run_arguments(spec.without(NAME), "any") == ("any", "localhost/t:1")
    assert not {MASK, UNMASK, PROC_OPTS} & spec.unknowable


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            oci(sysctl={"net.ipv4.ping_group_range": "0 0", "net.ipv4.ip_forward": "1"}),
            ["--sysctl=net.ipv4.ip_forward=1"],
        ),
        (
            oci(maskedPaths=MASKED[1:]),
            ["--security-opt=unmask=/proc/acpi"],
        ),
        (
            oci(maskedPaths=[*MASKED, "/proc/foo"]),
            ["--security-opt=mask=/proc/foo"],
        ),
        (oci(maskedPaths=[*MASKED, "/proc/interrupts"]), []),
        (
            oci(seccomp=None),
            ["--security-opt=seccomp=unconfined"],
        ),
        (
            oci(personality={"domain": "LINUX32"}),
            ["--personality=LINUX32"],
        ),
        (
            oci(
                resources={
                    "devices": [
                        {"allow": False, "access": "rwm"},
                        {"allow": True, "type": "c", "major": 89, "access": "rmw"},
                    ]
                }
            ),
            ["--device-cgroup-rule=c 89:* rmw"],
        ),
        (
            {
                **oci(),
                "mounts": [{"destination": "/proc", "options": ["hidepid=2"]}],
            },
            ["--security-opt=proc-opts=hidepid=2"],
        ),
    ],
    ids=[
        "sysctl",
        "unmask",
        "mask",
        "newer-mask",
        "no-seccomp",
        "personality",
        "device-rule",
        "proc-opts",
    ],
)
def test_the_oci_config_fills_what_inspect_hides(
    config: dict[str, object],
    words: list[str],
) -> None:
    assert from_oci("sysctl", config) == words


def test_device_access_comes_from_the_oci_config() -> None:
    config = oci(
        devices=[{"path": "/dev/xnull", "type": "c", "major": 1, "minor": 3}],
        resources={
            "devices": [{"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}]
        },
    )
    assert from_oci("device", config) == ["--device=/dev/null:/dev/xnull:r"]


def test_secret_values_of_the_oci_config_are_never_read() -> None:
    spec = read_case(
        "running",
        "secret-env",
        with_command=False,
        oci_config=oci(),
    )
    assert "top secret" not in repr(spec.values()) + repr(spec.remarks)


def test_mounts_keep_what_podman_forgets_at_start() -> None:
    assert read_case("running", "volume-bind")[MOUNTS] == (
        Mount(
            "bind",
            "/srv/cases/ddir",
            "/b",
            ("ro", "z"),
        ),
    )
    bare = read_case("running", "volume-bind", with_command=False)
    assert bare[MOUNTS] == (
        Mount(
            "bind",
            "/srv/cases/ddir",
            "/b",
            ("ro",),
        ),
    )
    assert any("relabelling" in remark and "/b" in remark for remark in bare.remarks)
