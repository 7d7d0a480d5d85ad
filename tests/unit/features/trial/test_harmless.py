"""A twin cannot reach or change anything of the original."""

from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.checks.examples import container
from hardentui.features.trial.harmless import GRANTABLE, REPLACEMENTS, harmless, surplus
from hardentui.features.trial.twin_mounts import Case, Harmless, HostPlace, Role
from hardentui.model.facts import ContainerFacts
from hardentui.model.mounts import Listener, ReachableSocket
from hardentui.model.spec import Option, Readability, TwinUse
from hardentui.options import *
from hardentui.options.codecs import TEXT
from hardentui.options.inspect.view import never
from hardentui.options.rows import JUDGED

ROLE = Role("twin", ("hardentui.features.trial=1",), {"trial-net": "10.1.0.10"})
PLACES = {
    "/run/podman/podman.sock": HostPlace.SOCKET,
    "/etc/podman.sock": HostPlace.SOCKET,
    "/etc/app.conf": HostPlace.FILE,
    "/gone": HostPlace.OTHER,
    "/var/pipe": HostPlace.OTHER,
    "/var": HostPlace.TREE,
}


def twin(*options: tuple[Any, Any], role: Role = ROLE, **more: Any) -> Harmless:
    facts = container((NAME, "web"), (IMAGE, "docker.io/library/web:1"), *options, **more)
    return made(facts, role)


def made(facts: ContainerFacts, role: Role = ROLE) -> Harmless:
    return harmless(facts.spec, Case(facts, role, lambda path: PLACES.get(path, HostPlace.DIRECTORY)))


def told(made_of: Harmless) -> str:
    return "; ".join(str(lack) for lack in made_of.lacks)


def granting(*words: str) -> Role:
    return replace(ROLE, granted=frozenset(words))


@pytest.mark.parametrize("option", TABLE, ids=lambda option: option.name)
def test_each_option_has_a_decision(option: Option[Any]) -> None:
    """As it is, replaced by this module, or withheld."""
    assert option.twin is not None
    assert (option.twin is TwinUse.REPLACED) == (option in REPLACEMENTS)


@pytest.mark.parametrize("option", [o for o in TABLE if o.twin is TwinUse.WITHHELD], ids=lambda o: o.name)
def test_what_is_withheld_is_told_and_can_be_granted(option: Option[Any]) -> None:
    value = {bool: True, str: "x", int: 7}.get(type(option.default), ("x=y",))
    made_of = twin((option, value))
    assert option not in made_of.spec
    assert f"--grant {option.name}" in told(made_of)
    assert option.name in GRANTABLE
    granted = twin((option, value), role=granting(option.name))
    assert granted.spec[option] == value
    assert granted.lacks == ()


def test_an_option_without_a_decision_is_withheld() -> None:
    new: Option[str] = Option("--new", "process", TEXT, "", None, never, Readability.ALWAYS, JUDGED, None, "")
    made_of = twin((new, "x"))
    assert new not in made_of.spec
    assert told(made_of) == "--new=x (given by --grant new)"


def test_nothing_outside_hears_or_steers_it() -> None:
    spec = twin(
        (PUBLISH, (Port(80, "8080"),)),
        (
            LABELS,
            ("PODMAN_SYSTEMD_UNIT=web.service", "traefik.enable=true", "io.containers.autoupdate=registry"),
        ),
        (RESTART, "always"),
        (REMOVE, True),
        (SDNOTIFY, "container"),
        (LOG_DRIVER, "k8s-file"),
        (LOG_OPT, ("path=/var/log/web.log",)),
        (HEALTH_ON_FAILURE, "restart"),
        (POD, "shop"),
    ).spec
    assert spec[NAME] == "twin"
    assert spec[PUBLISH] == ()
    assert spec[LABELS] == ("hardentui.features.trial=1",)
    assert (spec[RESTART], spec[REMOVE], spec[POD]) == ("", False, "")
    assert (spec[SDNOTIFY], spec[HEALTH_ON_FAILURE]) == ("ignore", "none")
    assert (spec[LOG_DRIVER], spec[LOG_OPT]) == ("k8s-file", ())


def test_it_runs_the_very_image_of_the_original() -> None:
    assert twin(inspect={"Image": "f" * 64}).spec[IMAGE] == "f" * 64


def test_what_the_engine_adds_is_seen() -> None:
    """containers.conf can share namespaces, and give devices and mounts to every container."""
    spec = twin((MOUNTS, (Mount("bind", "/srv", "/srv"),))).spec
    plain = {"HostConfig": {"PidMode": "private"}, "Mounts": [{"Type": "bind", "Destination": "/srv"}]}
    assert surplus(plain, spec) == ()
    more = {
        "HostConfig": {"PidMode": "host", "Privileged": True, "Devices": [{"PathOnHost": "/dev/kvm"}]},
        "Mounts": [{"Type": "bind", "Source": "/run/app.sock", "Destination": "/app.sock"}],
    }
    assert surplus(more, spec) == ("PidMode host", "--privileged", "/dev/kvm", "/run/app.sock at /app.sock")


def test_a_seccomp_profile_with_an_agent_is_not_used() -> None:
    profile = (SECCOMP_PROFILE, "/etc/agent.json")
    made_of = twin(profile, seccomp_rules={"listenerPath": "/run/agent.sock"})
    assert SECCOMP_PROFILE not in made_of.spec
    assert "the seccomp agent" in told(made_of)
    assert twin(profile, seccomp_rules={}).spec[SECCOMP_PROFILE] == "/etc/agent.json"


def test_the_service_behind_a_socket_in_it_is_told() -> None:
    socket = ReachableSocket("/srv", "/srv/app.sock", Listener("/srv/app.sock", "app"))
    made_of = twin((MOUNTS, (Mount("bind", "/srv", "/srv", ("ro",)),)), sockets=(socket,))
    assert told(made_of) == "the service behind /srv/app.sock (given by --grant volume=/srv)"


@pytest.mark.parametrize(
    "source",
    ["/", "/proc", "/proc/1", "/sys/fs/cgroup", "/dev/shm", "/run", "/gone", "/var/pipe", "/var"],
)
def test_trees_of_the_host_are_not_mounted(source: str) -> None:
    mount = Mount("bind", source, "/x", ("ro",))
    made_of = twin((MOUNTS, (mount,)))
    assert (made_of.spec[MOUNTS], made_of.volumes) == ((), ())
    assert f"what is at {source} (given by --grant volume={source})" in told(made_of)
    assert twin((MOUNTS, (mount,)), role=granting(f"volume={source}")).spec[MOUNTS] == (mount,)


def test_a_mount_of_an_unknown_type_is_withheld() -> None:
    made_of = twin((MOUNTS, (Mount("new", "x", "/x"),)))
    assert (made_of.spec[MOUNTS], "the mount of type new" in told(made_of)) == ((), True)
