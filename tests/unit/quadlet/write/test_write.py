"""Units of a container: keys by version, fallbacks, services, what surrounds it."""

from typing import Any

import pytest

from hardentui.model.podman_version import Version
from hardentui.model.spec import Option, Readability, Spec
from hardentui.options import *
from hardentui.quadlet.write.bundle import Bundle, UnitContext, bundle

V44, V46, V54, V60 = Version(4, 4), Version(4, 6), Version(5, 4, 2), Version(6, 0)
BASE = ((NAME, "web"), (IMAGE, "localhost/app:1"))
HEX = "0123456789abcdef" * 4


def made(
    *pairs: tuple[Option[Any], Any],
    version: Version = V54,
    **context: Any,
) -> Bundle:
    return bundle(Spec.of(*BASE, *pairs), UnitContext(version=version, **context))


def lines(
    *pairs: tuple[Option[Any], Any],
    version: Version = V54,
    **context: Any,
) -> list[str]:
    return made(*pairs, version=version, **context).files[0].text.splitlines()


@pytest.mark.parametrize(
    ("option", "value", "version", "line"),
    [
        (MEMORY, 64, Version(5, 5), "Memory=64b"),
        (MEMORY, 64, V54, "PodmanArgs=--memory=64b"),
        (
            APPARMOR,
            "unconfined",
            Version(5, 8),
            "AppArmor=unconfined",
        ),
        (APPARMOR, "unconfined", V54, "PodmanArgs=--security-opt=apparmor=unconfined"),
        (
            SYSCTL,
            ("net.ipv4.ip_forward=1",),
            V46,
            "Sysctl=net.ipv4.ip_forward=1",
        ),
        (
            SYSCTL,
            ("net.ipv4.ip_forward=1",),
            V44,
            "PodmanArgs=--sysctl=net.ipv4.ip_forward=1",
        ),
        (PRIVILEGED, True, V60, "PodmanArgs=--privileged"),
        (NO_NEW_PRIVILEGES, True, V44, "NoNewPrivileges=true"),
        (READ_ONLY, True, Version(4, 8), "ReadOnly=true"),
        (
            READ_ONLY,
            True,
            Version(4, 7),
            "PodmanArgs=--read-only",
        ),
        (
            READ_ONLY_TMPFS,
            False,
            Version(4, 8),
            "ReadOnlyTmpfs=false",
        ),
        (ANNOTATIONS, ("a=1,2",), V54, "Annotation=a=1,2"),
        (
            ANNOTATIONS,
            ("a=1,2",),
            V44,
            'PodmanArgs="--annotation=\\"a=1,2\\""',
        ),
        (ANNOTATIONS, ("a=1",), V44, "Annotation=a=1"),
        (DNS, ("9.9.9.9",), V54, "DNS=9.9.9.9"),
        (
            EXPOSE,
            ("80/sctp",),
            V54,
            "PodmanArgs=--expose=80/sctp",
        ),
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
    option: Option[Any],
    value: Any,
    version: Version,
    line: str,
) -> None:
    assert line in lines((option, value), version=version)


def test_a_limit_of_restarts_ends_and_the_way_out_is_told() -> None:
    """Counted for ever, the seventh restart by hand would be refused, months after the crashes."""
    made = bundle(
        Spec.of(*BASE, (RESTART, "on-failure:5")),
        UnitContext(rootless=True),
    )
    assert "StartLimitIntervalSec=1h\nStartLimitBurst=6" in made.files[0].text
    assert any("systemctl --user reset-failed web.service" in note for note in made.notes)
    without = bundle(Spec.of(*BASE, (RESTART, "on-failure")), UnitContext())
    assert "StartLimit" not in without.files[0].text
    assert not any("reset-failed" in note for note in without.notes)


def test_every_key_waits_for_its_version() -> None:
    """No key is written for a Podman that does not know it."""
    for option in TABLE:
        key = option.quadlet
        if key is None or option in (
            IMAGE,
            ROOTFS,
            POD,
            SDNOTIFY,
            MOUNTS,
            NETWORK,
            COMMAND,
            READ_ONLY,
        ):
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
            before = (
                Version(key.since.major, key.since.minor - 1) if key.since.minor else Version(4, 9)
            )
            older = lines((option, value), version=before)
            assert not any(line.startswith(f"{key.name}=") for line in older), option
            assert any(line.startswith("PodmanArgs=") for line in older), option


EXAMPLE: dict[type, Any] = {str: "x", int: 77, float: 1.5}


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        (SDNOTIFY, "ignore", "sdnotify"),
        (INIT_CTR, "once", "init-ctr"),
        (RESTART, "always", "systemd"),
    ],
)
def test_what_a_unit_does_in_another_way_is_told(
    option: Option[Any],
    value: str,
    word: str,
) -> None:
    result = made((option, value))
    assert any(word in note for note in result.notes)
    assert not any(word in argument for argument in result.argv)


def test_empty_words_and_semicolons_have_their_variables() -> None:
    result = lines((COMMAND, ("find", "", ";")))
    assert "Exec=find ${HT_EMPTY} ${HT_SEMI}" in result
    assert 'Environment="HT_EMPTY=" "HT_SEMI=;"' in result
    assert not any("HT_" in line for line in lines((COMMAND, ("x",))))
    assert not any(line.startswith("Environment=") for line in lines((COMMAND, ("${HT_EMPTY}",))))


def test_anonymous_volumes_are_never_named() -> None:
    assert HEX not in made((MOUNTS, (Mount("volume", "", "/c"),))).files[0].text


def test_names_cannot_leave_their_place() -> None:
    evil = "../x\n[Service]\nExecStart=/bin/sh"
    result = bundle(
        Spec.of((NAME, evil), (IMAGE, "i:1")), UnitContext(version=V54), (evil, "\x1b[31mred\\")
    )
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
    spec = Spec(
        Spec.of(*BASE).settings,
        frozenset({SYSCTL, APPARMOR}),
        ("a remark",),
    )
    result = bundle(
        spec,
        UnitContext(version=V54),
        ("Changed something",),
    )
    head = result.files[0].text.split("[Unit]")[0]
    assert "# Changed something\n" in head
    assert "--security-opt apparmor, --sysctl" in head
    assert "a remark" in result.notes


def test_many_unknown_options_of_the_api_make_room_for_what_is_known() -> None:
    many = frozenset(option for option in TABLE if option.readability is Readability.LOSSY)
    head = (
        bundle(
            Spec(Spec.of(*BASE).settings, many, ("a remark",)),
            UnitContext(version=V54),
        )
        .files[0]
        .text
    )
    assert head.startswith("# Note: a remark\n\n[Unit]")


def test_four_lines_at_the_top_are_enough() -> None:
    spec = Spec.of(
        *BASE,
        (RESTART, "always"),
        (HEALTH_ON_FAILURE, "restart"),
        (SDNOTIFY, "ignore"),
    )
    spec = spec.with_(REQUIRES, ("db",))
    result = bundle(
        spec,
        UnitContext(version=V54),
        ("Made by us.", "Changed: --memory."),
    )
    head = result.files[0].text.split("\n\n")[0].splitlines()
    assert head[:2] == ["# Made by us.", "# Changed: --memory."]
    assert len(head) == 4
    of_every_unit = 1
    left_out = len(result.notes) - of_every_unit - 1
    assert head[3] == f"# {left_out} more notes were told when this was written."


@pytest.mark.parametrize(
    ("version", "user", "line"),
    [
        (
            Version(4, 7),
            "1000:1000",
            "PodmanArgs=--user=1000:1000",
        ),
        (Version(4, 4), "app", "PodmanArgs=--user=app"),
        (Version(4, 7), "007", "PodmanArgs=--user=007"),  # read as octal
        (Version(4, 7), "1000", "User=1000"),
        (Version(4, 8), "1000:1000", "User=1000:1000"),
    ],
)
def test_a_user_that_an_old_generator_would_make_root_is_a_flag(
    version: Version,
    user: str,
    line: str,
) -> None:
    assert line in lines((USER, user), version=version)


def test_limits_that_an_old_generator_would_forget_are_flags() -> None:
    """Podman 4.7 to 4.9 takes the last Ulimit= only."""
    two = ("nofile=1024:2048", "nproc=64:64")
    assert [
        line for line in lines((ULIMIT, two), version=Version(4, 9)) if "limit" in line.lower()
    ] == ["PodmanArgs=--ulimit=nofile=1024:2048 --ulimit=nproc=64:64"]
    assert "Ulimit=nproc=64:64" in lines((ULIMIT, two), version=Version(5, 0))
    assert "Ulimit=nproc=64:64" in lines((ULIMIT, two[1:]), version=Version(4, 9))


def test_a_unit_reads_as_if_a_person_had_written_it() -> None:
    """Quotes only where they are needed, the image and its name first, what belongs together in a
    group."""
    text = (
        made(
            (COMMAND, ("sh", "-c", "sleep 1000000")),
            (ENV, ("A=1", "GREETING=hello world")),
            (CAP_ADD, ("CHOWN",)),
            (CAP_DROP, ("all",)),
            (CPUS, 0.5),
            (
                LABELS,
                ("io.containers.autoupdate=registry", "owner=anna"),
            ),
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


def test_a_short_unit_has_no_gaps() -> None:
    text = (
        made(
            (PUBLISH, (Port(80, "8080"),)),
            (READ_ONLY, True),
            (LABELS, ("owner=anna",)),
        )
        .files[0]
        .text
    )
    own = text.partition("[Container]\n")[2].partition("\n\n")[0].splitlines()
    assert [line.partition("=")[0] for line in own] == (
        ["Image", "ContainerName", "PublishPort", "ReadOnly", "Label"]
    )


def test_a_unit_pulls_the_image_and_what_selects_it_stays_with_the_container() -> None:
    """A flag of the pull alone would keep the container from the image that is there."""
    files = {
        file.name: file.text.splitlines()
        for file in made(
            (ARCH, "arm64"),
            (PLATFORM, "linux/arm64"),
            (AUTHFILE, "/etc/auth.json"),
            (RETRY, "5"),
            version=V60,
        ).files
    }
    assert {
        "Arch=arm64",
        "AuthFile=/etc/auth.json",
        "Retry=5",
        "PodmanArgs=--platform=linux/arm64",
    } <= set(files["web.image"])
    container = "\n".join(files["web.container"])
    assert "--arch=arm64" in container
    assert "--platform=linux/arm64" in container
    assert "auth" not in container
    assert "Retry" not in container
