"""Units of a container: keys by version, fallbacks, services, what surrounds it."""

from typing import Any

import pytest

from hardentui.model.spec import Option, Spec, Version
from hardentui.options import *
from hardentui.quadlet.write.bundle import Bundle, UnitContext, bundle

V44, V46, V54, V60 = Version(4, 4), Version(4, 6), Version(5, 4, 2), Version(6, 0)
BASE = ((NAME, "web"), (IMAGE, "localhost/app:1"))
HEX = "0123456789abcdef" * 4


def made(*pairs: tuple[Option[Any], Any], version: Version = V54, **context: Any) -> Bundle:
    return bundle(Spec.of(*BASE, *pairs), UnitContext(version=version, **context))


def lines(*pairs: tuple[Option[Any], Any], version: Version = V54, **context: Any) -> list[str]:
    return made(*pairs, version=version, **context).files[0].text.splitlines()


@pytest.mark.parametrize(
    ("option", "value", "version", "line"),
    [
        (MEMORY, 64, Version(5, 5), "Memory=64b"),
        (MEMORY, 64, V54, "PodmanArgs=--memory=64b"),
        (APPARMOR, "unconfined", Version(5, 8), "AppArmor=unconfined"),
        (APPARMOR, "unconfined", V54, "PodmanArgs=--security-opt=apparmor=unconfined"),
        (SYSCTL, ("net.ipv4.ip_forward=1",), V46, "Sysctl=net.ipv4.ip_forward=1"),
        (SYSCTL, ("net.ipv4.ip_forward=1",), V44, "PodmanArgs=--sysctl=net.ipv4.ip_forward=1"),
        (PRIVILEGED, True, V60, "PodmanArgs=--privileged"),
        (NO_NEW_PRIVILEGES, True, V44, "NoNewPrivileges=true"),
        (READ_ONLY, True, Version(4, 8), "ReadOnly=true"),
        (READ_ONLY, True, Version(4, 7), "PodmanArgs=--read-only"),
        (READ_ONLY_TMPFS, False, Version(4, 8), "ReadOnlyTmpfs=false"),
        (ANNOTATIONS, ("a=1,2",), V54, "Annotation=a=1,2"),
        (ANNOTATIONS, ("a=1,2",), V44, 'PodmanArgs="--annotation=\\"a=1,2\\""'),
        (ANNOTATIONS, ("a=1",), V44, "Annotation=a=1"),
        (DNS, ("9.9.9.9",), V54, "DNS=9.9.9.9"),
        (EXPOSE, ("80/sctp",), V54, "PodmanArgs=--expose=80/sctp"),
        (CAP_DROP, ("all",), V54, "DropCapability=all"),
        (ENTRYPOINT, (), V54, "PodmanArgs=--entrypoint="),
        (HEALTH_CMD, 'sh -c "x"', V54, 'PodmanArgs="--health-cmd=sh -c \\"x\\""'),
        (SDNOTIFY, "container", V54, "Notify=true"),
        (SDNOTIFY, "healthy", V54, "Notify=healthy"),
        (SDNOTIFY, "healthy", V46, "PodmanArgs=--sdnotify=healthy"),
        (RUNTIME, "/usr/bin/crun", V54, "GlobalArgs=--runtime=/usr/bin/crun"),
        (PULL, "always", V54, "TimeoutStartSec=900"),
        (STOP_TIMEOUT, 200, V54, "TimeoutStopSec=220"),
        (RESTART, "unless-stopped", V54, "Restart=always"),
        (RESTART, "on-failure:5", V54, "StartLimitBurst=6"),
        (POD, "p1", V54, "PodmanArgs=--pod=p1"),
        (IMAGE, "localhost/x.image", V54, "Image=localhost/x.image:latest"),
        (ENV, ("A=",), V54, "Environment=A="),
        (LABELS, ("a=100%",), V54, "Label=a=100%%"),
    ],
)
def test_an_option_is_written_as_the_line_of_its_version(
    option: Option[Any], value: Any, version: Version, line: str
) -> None:
    assert line in lines((option, value), version=version)


def test_a_limit_of_restarts_ends_and_the_way_out_is_told() -> None:
    """Counted for ever, the seventh restart by hand would be refused, months after the crashes."""
    made = bundle(Spec.of(*BASE, (RESTART, "on-failure:5")), UnitContext(rootless=True))
    assert "StartLimitIntervalSec=1h\nStartLimitBurst=6" in made.files[0].text
    assert any("systemctl --user reset-failed web.service" in note for note in made.notes)
    without = bundle(Spec.of(*BASE, (RESTART, "on-failure")), UnitContext())
    assert "StartLimit" not in without.files[0].text
    assert not any("reset-failed" in note for note in without.notes)


@pytest.mark.parametrize(("name", "told"), [("db", "one in 256"), ("web", ""), ("cafe", ""), ("db1x", "")])
def test_a_name_that_begins_the_ids_of_others_is_told(name: str, told: str) -> None:
    """The generated `podman run --replace` and `podman rm` take it for the container with such an ID."""
    made = bundle(Spec.of((NAME, name), (IMAGE, "a")), UnitContext())
    cautions = [note for note in made.notes if "ID begins" in note]
    assert len(cautions) == bool(told)
    assert all(told in caution for caution in cautions)


def test_values_keep_their_order_where_one_does_not_fit_the_key() -> None:
    """PodmanArgs= comes after every key in the command line that Quadlet makes."""
    result = lines((EXPOSE, ("80", "53/sctp", "90")))
    assert [line for line in result if "80" in line or "90" in line or "53" in line] == [
        "ExposeHostPort=80",
        "PodmanArgs=--expose=53/sctp --expose=90",
    ]


def test_every_key_waits_for_its_version() -> None:
    """No key is written for a Podman that does not know it."""
    for option in TABLE:
        key = option.quadlet
        if key is None or option in (IMAGE, ROOTFS, POD, SDNOTIFY, MOUNTS, NETWORK, COMMAND, READ_ONLY):
            continue
        value = EXAMPLE.get(type(option.default), ("x=1",))
        if option is ENTRYPOINT:
            value = ("x",)
        if option is USER:
            value = "1000"
        if option is EXPOSE:
            value = ("80",)
        if option is PUBLISH:
            value = (Port(80),)
        if isinstance(option.default, bool):
            value = not option.default
        spec_lines = lines((option, value), version=key.since)
        assert any(line.startswith(f"{key.name}=") for line in spec_lines), option
        if key.since > V44:
            before = Version(key.since.major, key.since.minor - 1) if key.since.minor else Version(4, 9)
            older = lines((option, value), version=before)
            assert not any(line.startswith(f"{key.name}=") for line in older), option
            assert any(line.startswith("PodmanArgs=") for line in older), option


EXAMPLE: dict[type, Any] = {str: "x", int: 77, float: 1.5}


def test_what_systemd_does_is_not_passed_to_podman() -> None:
    text = made((REMOVE, True), (RESTART, "always"), (HEALTH_ON_FAILURE, "restart")).files[0].text
    assert "--rm" not in text
    assert "--restart" not in text.split("[Container]")[1]
    assert "HealthOnFailure=kill" in text


def test_a_cgroup_parent_switches_split_off() -> None:
    assert "CgroupsMode=enabled" in lines((CGROUP_PARENT, "/foo"))
    assert "PodmanArgs=--cgroup-parent=/foo --cgroups=enabled" in lines((CGROUP_PARENT, "/foo"), version=V46)
    assert "CgroupsMode=enabled" not in lines((CGROUP_PARENT, "/foo"), (CGROUPS, "no-conmon"))


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [(SDNOTIFY, "ignore", "sdnotify"), (INIT_CTR, "once", "init-ctr"), (RESTART, "always", "systemd")],
)
def test_what_a_unit_does_in_another_way_is_told(option: Option[Any], value: str, word: str) -> None:
    result = made((option, value))
    assert any(word in note for note in result.notes)
    assert not any(word in argument for argument in result.argv)


def test_empty_words_and_semicolons_have_their_variables() -> None:
    result = lines((COMMAND, ("find", "", ";")))
    assert "Exec=find ${HT_EMPTY} ${HT_SEMI}" in result
    assert 'Environment="HT_EMPTY=" "HT_SEMI=;"' in result
    assert not any("HT_" in line for line in lines((COMMAND, ("x",))))
    assert not any(line.startswith("Environment=") for line in lines((COMMAND, ("${HT_EMPTY}",))))


# --- mounts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mount", "line"),
    [
        (Mount("bind", "/a b", "/c", ("ro",)), "Volume=/a b:/c:ro"),
        (Mount("volume", "data", "/c"), "Volume=data:/c"),
        (Mount("volume", "", "/c"), "Volume=web-c-data.volume:/c"),
        (Mount("volume", "x.volume", "/c"), "PodmanArgs=--volume=x.volume:/c"),
        (Mount("volume", "", "/c", ("ro",)), "Volume=web-c-data.volume:/c:ro"),
        (
            Mount("volume", "data", "/c", (), "/sub"),
            "Mount=type=volume,source=data,destination=/c,subpath=/sub",
        ),
        (Mount("image", "localhost/a:1", "/c"), "Mount=type=image,source=localhost/a:1,destination=/c"),
        (Mount("image", "a.image", "/c"), "PodmanArgs=--mount=type=image,source=a.image,destination=/c"),
        (Mount("devpts", "", "/c", ("uid=1",)), "PodmanArgs=--mount=type=devpts,destination=/c,uid=1"),
        (Mount("bind", "/a:b", "/c"), "Mount=type=bind,source=/a:b,destination=/c"),
        (Mount("bind", "/a:b,c", "/d"), 'Mount="type=bind,\\"source=/a:b,c\\",destination=/d"'),
        (Mount("bind", "/a\nb", "/c"), 'PodmanArgs="--volume=/a\\nb:/c"'),
        (
            Mount("volume", "data", "/c", ("volume-opt=a=b",)),
            "Mount=type=volume,source=data,destination=/c,volume-opt=a=b",
        ),
    ],
    ids=str,
)
def test_a_mount_is_written_as_one_line(mount: Mount, line: str) -> None:
    assert line in lines((MOUNTS, (mount,)))


def test_no_mount_key_without_a_source() -> None:
    """It crashes the generators up to 5.6, and with it every unit of the host."""
    for kind in ("volume", "devpts", "ramfs", "bind"):
        result = lines((MOUNTS, (Mount(kind, "", "/c", ("ro",)),)))
        assert not any(line.startswith("Mount=") for line in result)


def test_anonymous_volumes_are_never_named() -> None:
    assert HEX not in made((MOUNTS, (Mount("volume", "", "/c"),))).files[0].text


def test_named_volumes_get_a_unit_that_keeps_their_name() -> None:
    volumes = {
        "data": {
            "Name": "data",
            "Driver": "local",
            "Labels": {"a": "b"},
            "Options": {"o": "uid=5", "UID": "5"},
        }
    }
    mount = Mount("volume", "data", "/c", ("ro",))
    result = made((MOUNTS, (mount,)), volumes=volumes)
    assert [file.name for file in result.files] == ["web.container", "data.volume"]
    assert "Volume=data.volume:/c:ro" in result.files[0].text
    unit = result.files[1].text.splitlines()
    assert "VolumeName=data" in unit
    assert "Label=a=b" in unit
    assert "PodmanArgs=--opt=o=uid=5" in unit
    assert not any("UID=" in line for line in unit)
    assert "--volume=data:/c:ro" in result.argv


def test_old_podmans_keep_the_name_without_a_unit() -> None:
    result = made((MOUNTS, (Mount("volume", "data", "/c"),)), version=V46, volumes={"data": {}})
    assert [file.name for file in result.files] == ["web.container"]
    assert "Volume=data:/c" in result.files[0].text
    assert any("must exist" in note for note in result.notes)


# --- networks and pods ---------------------------------------------------------------------------

NETWORK_INSPECT = {
    "name": "front",
    "driver": "bridge",
    "internal": True,
    "dns_enabled": True,
    "ipv6_enabled": False,
    "network_interface": "podman7",
    "subnets": [
        {
            "subnet": "10.9.0.0/24",
            "gateway": "10.9.0.1",
            "lease_range": {"start_ip": "10.9.0.10", "end_ip": "10.9.0.20"},
        }
    ],
    "options": {"mtu": "1400"},
    "labels": {"a": "b"},
    "routes": [{"destination": "10.8.0.0/24", "gateway": "10.9.0.9", "metric": 100}],
    "ipam_options": {"driver": "host-local"},
}


def test_user_networks_get_a_unit() -> None:
    result = made(
        (NETWORK, ("front:ip=10.9.0.5", "podman")), networks={"front": NETWORK_INSPECT, "podman": {}}
    )
    assert [file.name for file in result.files] == ["web.container", "front.network"]
    assert "Network=front.network:ip=10.9.0.5" in result.files[0].text
    assert "Network=podman" in result.files[0].text.splitlines()
    unit = result.files[1].text.split("[Network]\n")[1].splitlines()
    assert unit == [
        "NetworkName=front",
        "Internal=true",
        "Subnet=10.9.0.0/24",
        "Gateway=10.9.0.1",
        "IPRange=10.9.0.10-10.9.0.20",
        "Options=mtu=1400",
        "Label=a=b",
        "PodmanArgs=--route=10.8.0.0/24,10.9.0.9,100",
    ]
    assert "--network=front:ip=10.9.0.5" in result.argv
    plain = {"driver": "bridge", "subnets": [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}]}
    result = made((NETWORK, ("front",)), networks={"front": plain})
    assert "Gateway" not in result.files[1].text, "it is what Podman takes"


@pytest.mark.parametrize("mode", ["host", "none", "container:db", "pasta:--mtu,1400", "ns:/proc/1/ns/net"])
def test_modes_are_no_networks(mode: str) -> None:
    assert f"Network={mode}" in lines((NETWORK, (mode,)), networks={"host": {}, "pasta": {}})


def test_network_names_that_look_like_units() -> None:
    assert "PodmanArgs=--network=x.network" in lines((NETWORK, ("x.network",)))


def test_a_pod_gets_a_unit_and_its_other_members_are_told() -> None:
    pod = {
        "Name": "p1",
        "Hostname": "ph",
        "ExitPolicy": "continue",
        "mounts": [{"Type": "bind", "Source": "/a", "Destination": "/b", "RW": False}],
        "Labels": {"a": "b"},
        "SharedNamespaces": ["net", "uts"],
        "security_opt": ["no-new-privileges"],
        "InfraConfig": {
            "PortBindings": {"81/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8081"}]},
            "Networks": ["podman", "n1"],
            "HostAdd": ["x:1.2.3.4"],
            "DNSServer": ["9.9.9.9"],
            "NoManageHosts": True,
        },
        "Containers": [{"Name": "web"}, {"Name": "db"}, {"Name": "p1-infra"}],
    }
    result = made((POD, "p1"), pod=pod)
    assert [file.name for file in result.files] == ["web.container", "p1.pod"]
    assert "Pod=p1.pod" in result.files[0].text
    assert any("db" in note for note in result.notes)
    unit = result.files[1].text.split("[Pod]\n")[1].split("\n\n")[0].splitlines()
    assert unit == [
        "PodName=p1",
        "PublishPort=8081:81",
        "Network=n1",
        "AddHost=x:1.2.3.4",
        "DNS=9.9.9.9",
        "Volume=/a:/b:ro",
        "PodmanArgs=--hostname=ph --exit-policy=continue --label=a=b --share=net,uts --no-hosts",
        "PodmanArgs=--security-opt=no-new-privileges",
    ]


# --- hostile input and comments -------------------------------------------------------------------


def test_names_cannot_leave_their_place() -> None:
    evil = "../x\n[Service]\nExecStart=/bin/sh"
    result = bundle(Spec.of((NAME, evil), (IMAGE, "i:1")), UnitContext(version=V54), (evil, "\x1b[31mred\\"))
    text = result.files[0].text
    assert "/" not in result.files[0].name
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[Unit]",
        "[Container]",
        "[Install]",
    ]
    assert not any(line.startswith("ExecStart") for line in text.splitlines())
    assert "\x1b" not in text


def test_what_cannot_be_known_stands_at_the_top() -> None:
    spec = Spec(Spec.of(*BASE).settings, frozenset({SYSCTL, APPARMOR}), ("a remark",))
    result = bundle(spec, UnitContext(version=V54), ("Changed something",))
    head = result.files[0].text.split("[Unit]")[0]
    assert "# Changed something\n" in head
    assert "--security-opt apparmor, --sysctl" in head
    assert "a remark" in result.notes


def test_four_lines_at_the_top_are_enough() -> None:
    spec = Spec.of(*BASE, (RESTART, "always"), (HEALTH_ON_FAILURE, "restart"), (SDNOTIFY, "ignore"))
    spec = spec.with_(REQUIRES, ("db",))
    result = bundle(spec, UnitContext(version=V54), ("Made by us.", "Changed: --memory."))
    head = result.files[0].text.split("\n\n")[0].splitlines()
    assert head[:2] == ["# Made by us.", "# Changed: --memory."]
    assert len(head) == 4
    of_every_unit = 1
    left_out = len(result.notes) - of_every_unit - 1
    assert head[3] == f"# {left_out} more notes were told when this was written."


def test_rootless_units_are_wanted_by_the_default_target() -> None:
    assert "WantedBy=default.target" in lines(rootless=True)
    assert "WantedBy=multi-user.target default.target" in lines()


def test_the_unit_can_be_named() -> None:
    result = made(unit_name="my-web")
    assert (result.files[0].name, result.service) == ("my-web.container", "my-web.service")


@pytest.mark.parametrize(
    ("version", "user", "line"),
    [
        (Version(4, 7), "1000:1000", "PodmanArgs=--user=1000:1000"),
        (Version(4, 4), "app", "PodmanArgs=--user=app"),
        (Version(4, 7), "007", "PodmanArgs=--user=007"),  # read as octal
        (Version(4, 7), "1000", "User=1000"),
        (Version(4, 8), "1000:1000", "User=1000:1000"),
    ],
)
def test_a_user_that_an_old_generator_would_make_root_is_a_flag(
    version: Version, user: str, line: str
) -> None:
    assert line in lines((USER, user), version=version)


def test_limits_that_an_old_generator_would_forget_are_flags() -> None:
    """Podman 4.7 to 4.9 takes the last Ulimit= only."""
    two = ("nofile=1024:2048", "nproc=64:64")
    assert [line for line in lines((ULIMIT, two), version=Version(4, 9)) if "limit" in line.lower()] == [
        "PodmanArgs=--ulimit=nofile=1024:2048 --ulimit=nproc=64:64"
    ]
    assert "Ulimit=nproc=64:64" in lines((ULIMIT, two), version=Version(5, 0))
    assert "Ulimit=nproc=64:64" in lines((ULIMIT, two[1:]), version=Version(4, 9))


def test_a_unit_reads_as_if_a_person_had_written_it() -> None:
    """Quotes only where they are needed, the image and its name first, what belongs together in a group."""
    text = (
        made(
            (COMMAND, ("sh", "-c", "sleep 1000000")),
            (ENV, ("A=1", "GREETING=hello world")),
            (CAP_ADD, ("CHOWN",)),
            (CAP_DROP, ("all",)),
            (CPUS, 0.5),
            (LABELS, ("io.containers.autoupdate=registry", "owner=anna")),
            (PUBLISH, (Port(80, "8080", "127.0.0.1"),)),
            (READ_ONLY, True),
            (RESTART, "always"),
            (MEMORY, 1 << 30),
        )
        .files[0]
        .text
    )
    assert text.partition("\n\n")[2] == (
        "[Unit]\n"
        "Description=web (localhost/app:1)\n"
        "\n"
        "[Container]\n"
        "Image=localhost/app:1\n"
        "ContainerName=web\n"
        'Exec=sh -c "sleep 1000000"\n'
        "AutoUpdate=registry\n"
        "\n"
        "PublishPort=127.0.0.1:8080:80\n"
        "\n"
        "Environment=A=1\n"
        'Environment="GREETING=hello world"\n'
        "\n"
        "PodmanArgs=--memory=1g --cpus=0.5\n"
        "\n"
        "DropCapability=all\n"
        "AddCapability=CHOWN\n"
        "ReadOnly=true\n"
        "\n"
        "Label=owner=anna\n"
        "\n"
        "[Service]\n"
        "Restart=always\n"
        "\n"
        "[Install]\n"
        "WantedBy=multi-user.target default.target\n"
    )
