"""No value, however hostile, adds a line, a key or a section to a unit, or a control character to
its text.

systemd ends a line at a line feed, at a carriage return and at both; other readers of the same
file, Python and editors among them, also at U+0085, U+2028 and U+2029.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from hardentui.errors import CannotExpress
from hardentui.lib.quadlet.keys import KEYS, SECTIONS
from hardentui.model.podman_version import Version
from hardentui.model.spec import Mount, Option, Spec
from hardentui.options import IMAGE, MOUNTS, NAME, NETWORK, POD, RESTART, TABLE
from hardentui.quadlet.write.bundle import UnitContext, bundle
from hardentui.systemd.unit_text import unit_settings

BASE = Spec().with_(IMAGE, "registry.example/i:1").with_(NAME, "web")
VERSIONS = (Version(4, 4), Version(5, 4, 2), Version(6, 1))
SMUGGLE = (
    "a=\r[Service]\rExecStart=/bin/evil\r[Container]\n"
    "Image=evil\x85[Install]\u2028WantedBy=x\u2029\x1b[2J"
)

OUTSIDE = {
    "Unit": {"Description", "StartLimitIntervalSec", "StartLimitBurst", "Requires", "After"},
    "Service": {
        "Type",
        "RemainAfterExit",
        "Restart",
        "TimeoutStopSec",
        "TimeoutStartSec",
        "Environment",
    },
    "Install": {"WantedBy"},
}
"""The keys that are meant in the sections that systemd reads."""

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

hostile = st.lists(
    st.sampled_from(
        (
            "\r", "\n", "\r\n", "\n\r", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\t", "\x1b[2J",
            "\x9b", "\x7f", "[Service]", "[Container]", "ExecStart=/bin/evil", "Image=evil", "=", "#", ";",
            "\\", '"', "'", " ", "a", "é", "%n", "$X", ",", ":",
        )
    ),
    min_size=1,
    max_size=8,
).map("".join)  # fmt: skip


def check(
    name: str,
    text: str,
    version: Version,
) -> None:
    """Every line is one that a writer meant, for every reader of the file."""
    assert not _CONTROL.search(text), (name, text)
    assert text.splitlines() == text.split("\n")[:-1]
    own = SECTIONS[name.rpartition(".")[2]]
    allowed = {
        **OUTSIDE,
        own: {key for key, since in KEYS[own].items() if since <= astuple(version)},
    }
    sections: list[str] = []
    meant = []
    for line in text.split("\n"):
        if line.startswith("["):
            sections.append(line[1:-1])
        elif line and not line.startswith("#"):
            key, equals, _ = line.partition("=")
            assert equals, (name, line)
            assert key in allowed[sections[-1]], (name, line)
            meant.append((sections[-1], key))
    assert len(sections) == len(set(sections))
    assert set(sections) <= set(allowed)
    assert [(section, key) for section, key, _ in unit_settings(text)] == meant


def written(
    spec: Spec,
    context: UnitContext,
    comments: tuple[str, ...] = (),
) -> int:
    """Check all units of a container; returns how many there were: none when it is refused."""
    try:
        made = bundle(spec, context, comments)
    except CannotExpress:
        return 0
    units = [file for file in made.files if file.is_unit]
    for unit in units:
        check(unit.name, unit.text, context.version)
    return len(units)


def with_hostile(option: Option[Any], value: str) -> Iterator[Spec]:
    """The base with the option set to the value, where it is text or a list of texts."""
    if option is MOUNTS:
        for kind in ("bind", "volume", "glob", "image"):
            yield BASE.with_(MOUNTS, (Mount(kind, f"/x{value}", "/y"),))
            yield BASE.with_(MOUNTS, (Mount(kind, "/x", f"/y{value}"),))
    elif isinstance(option.default, str):
        yield BASE.with_(option, value)
        yield BASE.with_(option, f"x{value}x")
    elif option.default == ():
        yield BASE.with_(option, (value, f"a={value}x"))


def _takes_text(option: Option[Any]) -> bool:
    try:
        arguments = [option.to_arguments(spec[option]) for spec in with_hostile(option, "a=b")]
    except (AttributeError, TypeError):
        return False  # ports and other typed values
    return bool(arguments)


TEXTUAL = [option for option in TABLE if _takes_text(option)]


@pytest.mark.parametrize(
    "option",
    TEXTUAL,
    ids=lambda option: option.name,
)
def test_no_option_smuggles_a_line(option: Option[Any]) -> None:
    made = [
        written(spec, UnitContext(version=version))
        for version in VERSIONS
        for spec in with_hostile(option, SMUGGLE)
    ]
    assert any(made), "no value came through: nothing was checked"


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
)
@given(value=hostile)
def test_no_random_value_of_any_option_smuggles_a_line(value: str) -> None:
    made = 0
    for option in TEXTUAL:
        for spec in with_hostile(option, value):
            made += written(spec, UnitContext(version=VERSIONS[1]))
    assert made > len(TEXTUAL)


def _network(value: str) -> dict[str, Any]:
    return {
        "name": "net",
        "driver": value,
        "internal": True,
        "network_interface": value,
        "subnets": [
            {
                "subnet": value,
                "gateway": value,
                "lease_range": {"start_ip": value, "end_ip": value},
            }
        ],
        "network_dns_servers": [value],
        "ipam_options": {"driver": "dhcp"},
        "options": {value: value, "o": value},
        "labels": {value: value, "l": value},
        "routes": [{"destination": value, "gateway": value, "metric": value}],
    }


def _volume(value: str) -> dict[str, Any]:
    options = {"type": value, "device": value, "o": value, value: value, "copy": value}
    return {
        "Name": "vol",
        "Driver": value,
        "Labels": {value: value, "l": value},
        "Options": options,
    }


def _pod(value: str) -> dict[str, Any]:
    lists = {key: [value] for key in ("Networks", "HostAdd", "DNSServer", "DNSOption", "DNSSearch")}
    ports = {f"80/{value}": [{"HostIp": value, "HostPort": value}]}
    return {
        **dict.fromkeys(
            ("Name", "Hostname", "memory_limit", "cpuset_cpus", "ExitPolicy"),
            value,
        ),
        "SharedNamespaces": [value],
        "security_opt": [value],
        "Labels": {value: value},
        "InfraConfig": {**lists, "PortBindings": ports, "pid_ns": value},
        "Containers": [{"Name": value}],
        "Mounts": [],
    }


def _around(value: str, version: Version) -> tuple[Spec, UnitContext]:
    spec = BASE.with_(NETWORK, ("net",)).with_(
        MOUNTS,
        (Mount("volume", "vol", "/v"),),
    )
    networks: Mapping[str, Any] = {"net": _network(value)}
    volumes, pod = {"vol": _volume(value)}, {**_pod(value), "Name": "pod"}
    context = UnitContext(
        version=version,
        networks=networks,
        volumes=volumes,
        pod=pod,
    )
    return spec.with_(POD, "pod").with_(RESTART, "on-failure:3"), context


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_networks_volumes_and_pods_smuggle_nothing(version: Version) -> None:
    spec, context = _around(SMUGGLE, version)
    assert written(spec, context) == (1 if version < Version(4, 7) else 4)


@settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
)
@given(value=hostile)
def test_names_and_comments_smuggle_nothing(value: str) -> None:
    spec, context = _around("x", VERSIONS[1])
    assert (
        written(
            spec,
            context,
            (value, f"Changed: {value}", f"{value}\\"),
        )
        == 4
    )
    written(spec.with_(NAME, value), context)
    written(
        spec.with_(NETWORK, (value,)),
        replace(context, networks={value: _network("x")}),
    )
    written(
        spec.with_(MOUNTS, (Mount("volume", value, "/v"),)),
        replace(context, volumes={value: _volume("x")}),
    )
    written(
        spec.with_(POD, value),
        replace(context, pod={**_pod("x"), "Name": value}),
    )
    written(spec.with_(RESTART, value), context)
    written(spec, replace(context, unit_name=value))


def test_this_test_can_fail() -> None:
    """A text in which a value was written raw, as units once were, is found."""
    for value in (
        "a=\r[Service]",
        "a\x85b",
        "\x1b[2J",
        "a\nImage=evil",
        "a\n[Service]\nExecStart=/bin/evil",
    ):
        unit = f"[Container]\nImage=x\nSysctl={value}\n"
        for text in (
            f"{unit}[Unit]\nNoSuchKey=x\n",
            f"{unit}[Service]\nRestart=no\n[Service]\n",
        ):
            with pytest.raises((AssertionError, KeyError)):
                check("web.container", text, VERSIONS[1])
    check(
        "web.container",
        '[Container]\nSysctl="a=b"\n',
        VERSIONS[1],
    )


def test_most_options_take_text() -> None:
    assert len(TEXTUAL) > 90


@settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
)
@given(value=hostile)
def test_random_networks_volumes_and_pods_smuggle_nothing(value: str) -> None:
    spec, context = _around(value, VERSIONS[1])
    assert written(spec, context) == 4
