"""A twin cannot reach or change anything of the original."""

from __future__ import annotations

from typing import Any

import pytest

from hardentui.checks.examples import container
from hardentui.model.facts import ContainerFacts, IdRange, Kernel, VolumeFacts
from hardentui.model.mounts import MountedPath, MountOrigin
from hardentui.options import (
    GIDMAP,
    HEALTH_ON_FAILURE,
    IMAGE,
    LABELS,
    LOG_DRIVER,
    LOG_OPT,
    MOUNTS,
    NAME,
    NETWORK,
    NETWORK_ALIAS,
    POD,
    PUBLISH,
    REMOVE,
    RESTART,
    SDNOTIFY,
    UIDMAP,
    USERNS,
    VOLUMES_FROM,
    Mount,
    Port,
)
from hardentui.trial.harmless import Harmless, HostPlace, Role, VolumeCopy, harmless

ROLE = Role("twin", ("hardentui.trial=1",), "trial-net")
PLACES = {
    "/run/podman/podman.sock": HostPlace.SOCKET,
    "/etc/app.conf": HostPlace.FILE,
    "/gone": HostPlace.OTHER,
}


def twin(*options: tuple[Any, Any], role: Role = ROLE, **more: Any) -> Harmless:
    facts = container((NAME, "web"), (IMAGE, "docker.io/library/web:1"), *options, **more)
    return made(facts, role)


def made(facts: ContainerFacts, role: Role = ROLE) -> Harmless:
    return harmless(facts.spec, facts, role, lambda path: PLACES.get(path, HostPlace.DIRECTORY))


def mounts(*given: Mount, **more: Any) -> tuple[Mount, ...]:
    return twin((MOUNTS, given), **more).spec[MOUNTS]


VOLUMES = {"data": VolumeFacts(name="data", inspect={"Name": "data"})}


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
    assert spec[LABELS] == ("hardentui.trial=1",)
    assert (spec[RESTART], spec[REMOVE], spec[POD]) == ("", False, "")
    assert (spec[SDNOTIFY], spec[HEALTH_ON_FAILURE]) == ("ignore", "none")
    assert (spec[LOG_DRIVER], spec[LOG_OPT]) == ("k8s-file", ())


def test_it_is_found_under_the_names_of_the_original() -> None:
    spec = twin((NETWORK, ("front:alias=www,ip=10.0.0.7", "back:alias=api")), (NETWORK_ALIAS, ("shop",))).spec
    assert spec[NETWORK] == ("trial-net:alias=web,alias=shop,alias=www,alias=api",)


@pytest.mark.parametrize(
    ("network", "words"),
    [("host", "the network of the host"), ("container:db", "the network that it shares")],
)
def test_a_network_of_others_is_not_shared(network: str, words: str) -> None:
    made_of = twin((NETWORK, (network,)))
    assert made_of.spec[NETWORK] == ("trial-net:alias=web",)
    assert words in made_of.lacks[0]


def test_a_twin_that_is_tried_along_shares_its_network() -> None:
    role = Role("twin", (), "trial-net", twins={"db": "twin-of-db"})
    assert twin((NETWORK, ("container:db",)), role=role).spec[NETWORK] == ("container:twin-of-db",)


def test_volumes_and_directories_are_copy_on_write() -> None:
    result = mounts(
        Mount("volume", "data", "/data", ("U",)), Mount("bind", "/srv", "/srv", ("rw", "z")), volumes=VOLUMES
    )
    assert result == (Mount("volume", "data", "/data", ("O",)), Mount("bind", "/srv", "/srv", ("O",)))


def test_what_is_read_only_stays_so_and_is_not_relabelled() -> None:
    result = mounts(Mount("volume", "data", "/data", ("U", "ro", "z")), volumes=VOLUMES)
    assert result == (Mount("volume", "data", "/data", ("ro",)),)


@pytest.mark.parametrize("source", ["/", "/proc", "/sys", "/run", "/etc/app.conf", "/gone"])
def test_what_cannot_lie_below_an_overlay_is_read_only(source: str) -> None:
    made_of = twin((MOUNTS, (Mount("bind", source, "/x", ("rw",)),)))
    assert made_of.spec[MOUNTS] == (Mount("bind", source, "/x", ("ro",)),)
    assert f"write access to {source}" in made_of.lacks[0]


def test_a_socket_of_the_host_is_not_handed_over() -> None:
    made_of = twin((MOUNTS, (Mount("bind", "/run/podman/podman.sock", "/sock"),)))
    assert made_of.spec[MOUNTS] == ()
    assert "the socket /run/podman/podman.sock" in made_of.lacks[0]


def test_a_directory_of_sockets_is_empty() -> None:
    made_of = twin((MOUNTS, (Mount("bind", "/run/postgresql", "/run/postgresql", ("ro",)),)))
    assert made_of.copies == (VolumeCopy("", "twin-0"),)
    assert made_of.spec[MOUNTS] == (Mount("volume", "twin-0", "/run/postgresql"),)
    assert "what is in /run/postgresql" in made_of.lacks[0]


@pytest.mark.parametrize("options", [(USERNS, "auto"), (UIDMAP, ("0:100000:65536",))])
def test_a_user_namespace_gets_copies(options: tuple[Any, Any]) -> None:
    made_of = twin((MOUNTS, (Mount("volume", "data", "/data"),)), options, volumes=VOLUMES)
    assert made_of.copies == (VolumeCopy("data", "twin-0"),)
    assert made_of.spec[MOUNTS] == (Mount("volume", "twin-0", "/data"),)


def test_files_that_are_labelled_for_the_original_alone_are_copied() -> None:
    made_of = twin((MOUNTS, (Mount("bind", "/srv", "/srv", ("Z",)),)))
    assert made_of.copies == (VolumeCopy("/srv", "twin-0"),)
    assert made_of.spec[MOUNTS] == (Mount("volume", "twin-0", "/srv"),)


def test_the_ids_of_an_automatic_user_namespace_are_kept() -> None:
    ranges = (IdRange(0, 2147483648, 1024),)
    kernel = Kernel(7, uid_map=ranges, gid_map=ranges)
    spec = twin((USERNS, "auto"), kernel=kernel).spec
    assert (spec[USERNS], spec[UIDMAP], spec[GIDMAP]) == ("", ("0:2147483648:1024",), ("0:2147483648:1024",))


def test_a_volume_that_a_plan_adds_begins_empty() -> None:
    made_of = twin((MOUNTS, (Mount("volume", "web-var-lib-app", "/var/lib/app"),)))
    assert made_of.copies == (VolumeCopy("", "twin-0"),)


def test_an_anonymous_volume_of_the_image_comes_with_its_data() -> None:
    name = "c" * 64
    facts = container(
        (NAME, "web"), inspect={"Mounts": [{"Type": "volume", "Name": name, "Destination": "/data"}]}
    )
    assert made(facts).spec[MOUNTS] == (Mount("volume", name, "/data", ("O",)),)


def test_it_runs_the_very_image_of_the_original() -> None:
    assert twin(inspect={"Image": "f" * 64}).spec[IMAGE] == "f" * 64


def test_the_volumes_of_another_come_along_and_are_not_written() -> None:
    inspect = {"Mounts": [{"Type": "volume", "Name": "data", "Destination": "/data", "RW": True}]}
    of_host = MountedPath(
        "/srv", ("/srv/site",), "bind", "/srv/site", origin=MountOrigin.CONTAINER, giver="other"
    )
    from_another = twin((VOLUMES_FROM, ("other",)), inspect=inspect, volumes=VOLUMES, mounted=(of_host,))
    assert from_another.spec[MOUNTS] == (
        Mount("volume", "data", "/data", ("O",)),
        Mount("bind", "/srv/site", "/srv", ("O",)),
    )
    assert VOLUMES_FROM not in from_another.spec
    assert from_another.lacks == ()
    hidden = twin((VOLUMES_FROM, ("other",)), hidden_mounts="it is gone")
    assert hidden.lacks == ("the volumes of other",)
