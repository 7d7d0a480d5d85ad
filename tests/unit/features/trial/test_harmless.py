"""A twin cannot reach or change anything of the original."""

import pytest

from hardentui.features.trial.harmless import (
    GRANTABLE,
    LARGEST_LOG,
    REPLACEMENTS,
    harmless,
    surplus,
)
from hardentui.features.trial.twin_mounts import (
    Case,
    Filling,
    Harmless,
    HostPlace,
    Role,
    TwinVolume,
)
from hardentui.model.mount import Listener, ReachableSocket
from hardentui.model.spec import Readability, TwinUse
from hardentui.options.codecs import TEXT
from hardentui.options.columns import JUDGED
from hardentui.options.inspect import never
from tests.support.judging import *

ROLE = Role(
    "twin",
    ("hardentui.trial=1",),
    {"trial-net": "10.1.0.10"},
)
PLACES = {
    "/run/podman/podman.sock": HostPlace.SOCKET,
    "/etc/podman.sock": HostPlace.SOCKET,
    "/etc/app.conf": HostPlace.FILE,
    "/gone": HostPlace.OTHER,
    "/var/pipe": HostPlace.OTHER,
    "/var": HostPlace.TREE,
}


def twin(
    *options: tuple[Any, Any],
    role: Role = ROLE,
    **more: Any,
) -> Harmless:
    facts = container(
        (NAME, "web"),
        (IMAGE, "docker.io/library/web:1"),
        *options,
        **more,
    )
    return made(facts, role)


def made(facts: ContainerFacts, role: Role = ROLE) -> Harmless:
    return harmless(
        facts.spec,
        Case(
            facts,
            role,
            lambda path: PLACES.get(path, HostPlace.DIRECTORY),
        ),
    )


def told(made_of: Harmless) -> str:
    return "; ".join(str(lack) for lack in made_of.lacks)


def granting(*words: str) -> Role:
    return replace(ROLE, granted=frozenset(words))


@pytest.mark.parametrize(
    "option",
    TABLE,
    ids=lambda option: option.name,
)
def test_each_option_has_a_decision(option: Option[Any]) -> None:
    """As it is, replaced by this module, or withheld."""
    assert option.twin is not None
    assert (option.twin is TwinUse.REPLACED) == (option in REPLACEMENTS)


@pytest.mark.parametrize(
    "option", [o for o in TABLE if o.twin is TwinUse.WITHHELD], ids=lambda o: o.name
)
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
    new: Option[str] = Option(
        "--new", "process", TEXT, "", None, never, Readability.ALWAYS, JUDGED, None, ""
    )
    made_of = twin((new, "x"))
    assert new not in made_of.spec
    assert told(made_of) == "--new=x (given by --grant new)"


def test_nothing_outside_hears_or_steers_it() -> None:
    spec = twin(
        (PUBLISH, (Port(80, "8080"),)),
        (
            LABELS,
            (
                "PODMAN_SYSTEMD_UNIT=web.service",
                "traefik.enable=true",
                "io.containers.autoupdate=registry",
            ),
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
    assert (spec[LOG_DRIVER], spec[LOG_OPT]) == ("k8s-file", (f"max-size={LARGEST_LOG}",))


def test_it_runs_the_very_image_of_the_original() -> None:
    assert twin(inspect={"Image": "f" * 64}).spec[IMAGE] == "f" * 64


def test_what_the_engine_adds_is_seen() -> None:
    """containers.conf can share namespaces, and give devices and mounts to every container."""
    spec = twin((MOUNTS, (Mount("bind", "/srv", "/srv"),))).spec
    plain = {
        "HostConfig": {"PidMode": "private"},
        "Mounts": [{"Type": "bind", "Destination": "/srv"}],
    }
    assert surplus(plain, spec) == ()
    more = {
        "HostConfig": {
            "PidMode": "host",
            "Privileged": True,
            "Devices": [{"PathOnHost": "/dev/kvm"}],
        },
        "Mounts": [{"Type": "bind", "Source": "/run/app.sock", "Destination": "/app.sock"}],
    }
    assert surplus(more, spec) == (
        "PidMode host",
        "--privileged",
        "/dev/kvm",
        "/run/app.sock at /app.sock",
    )


def test_a_seccomp_profile_with_an_agent_is_not_used() -> None:
    profile = (SECCOMP_PROFILE, "/etc/agent.json")
    made_of = twin(profile, seccomp_rules={"listenerPath": "/run/agent.sock"})
    assert SECCOMP_PROFILE not in made_of.spec
    assert "the seccomp agent" in told(made_of)
    assert twin(profile, seccomp_rules={}).spec[SECCOMP_PROFILE] == "/etc/agent.json"


def test_the_service_behind_a_socket_in_it_is_told() -> None:
    socket = ReachableSocket(
        "/srv",
        "/srv/app.sock",
        Listener("/srv/app.sock", "app"),
    )
    made_of = twin(
        (MOUNTS, (Mount("bind", "/srv", "/srv", ("ro",)),)),
        sockets=(socket,),
    )
    assert told(made_of) == "the service behind /srv/app.sock (given by --grant volume=/srv)"


@pytest.mark.parametrize(
    "source",
    [
        "/",
        "/proc",
        "/proc/1",
        "/sys/fs/cgroup",
        "/dev/shm",
        "/run",
        "/gone",
        "/var/pipe",
        "/var",
    ],
)
def test_trees_of_the_host_are_not_mounted(source: str) -> None:
    mount = Mount("bind", source, "/x", ("ro",))
    made_of = twin((MOUNTS, (mount,)))
    assert (made_of.spec[MOUNTS], made_of.volumes) == ((), ())
    assert f"what is at {source} (given by --grant volume={source})" in told(made_of)
    assert twin((MOUNTS, (mount,)), role=granting(f"volume={source}")).spec[MOUNTS] == (mount,)


def test_a_mount_of_an_unknown_type_is_withheld() -> None:
    made_of = twin((MOUNTS, (Mount("new", "x", "/x"),)))
    assert (
        made_of.spec[MOUNTS],
        "the mount of type new" in told(made_of),
    ) == ((), True)


VOLUMES = {
    "data": VolumeFacts(
        name="data",
        inspect={"Name": "data", "Mountpoint": "/volumes/data"},
    )
}


def mounts(*given: Mount, **more: Any) -> tuple[Mount, ...]:
    return twin((MOUNTS, given), **more).spec[MOUNTS]


@pytest.mark.parametrize(
    "option",
    [PID, IPC, UTS, CGROUPNS],
    ids=lambda option: option.name,
)
@pytest.mark.parametrize(
    "value",
    ["host", "container:db", "ns:/proc/1/ns/pid"],
)
def test_each_namespace_is_its_own(
    option: Option[str],
    value: str,
) -> None:
    made_of = twin((option, value))
    assert made_of.spec[option] == ("shareable" if option is IPC else "private")
    assert f"({value}) (given by --grant {option.name})" in told(made_of)
    assert twin((option, value), role=granting(option.name)).spec[option] == value
    along = replace(ROLE, twins={"db": "twin-of-db"})
    assert twin((option, "container:db"), role=along).spec[option] == "container:twin-of-db"


def test_a_private_namespace_is_asked_for_by_name() -> None:
    """containers.conf can make another one the default."""
    spec = twin().spec
    assert (spec[PID], spec[IPC], spec[UTS], spec[CGROUPNS]) == (
        "private",
        "shareable",
        "private",
        "private",
    )


def test_members_of_a_pod_share_its_namespaces_alone() -> None:
    spec = twin(
        (PID, "host"),
        (ADD_HOST, ("a:1.2.3.4",)),
        role=replace(ROLE, pod="pod"),
    ).spec
    assert (
        spec[PID],
        spec[IPC],
        spec[NETWORK],
        spec[ADD_HOST],
        spec[POD],
    ) == (
        "",
        "",
        (),
        (),
        "pod",
    )


def test_devices_are_those_that_hold_nothing_of_the_host() -> None:
    entries = (
        "/dev/null:/dev/x:rwm",
        "/dev/fuse",
        "/dev/ttyUSB0",
        "/dev/snd:/dev/snd",
        "nvidia.com/gpu=all",
    )
    made_of = twin((DEVICES, entries))
    assert made_of.spec[DEVICES] == entries[:2]
    assert "the device /dev/ttyUSB0 (given by --grant device=/dev/ttyUSB0)" in told(made_of)
    assert (
        twin((DEVICES, entries), role=granting("device=/dev/ttyUSB0")).spec[DEVICES] == entries[:3]
    )


def test_privileged_becomes_its_capabilities_without_those_that_reach_the_host() -> None:
    made_of = twin((PRIVILEGED, True))
    spec = made_of.spec
    assert (spec[PRIVILEGED], spec[CAP_ADD], spec[SECCOMP_PROFILE]) == (
        False,
        ("ALL",),
        "unconfined",
    )
    assert {"CAP_SYS_ADMIN", "CAP_SYS_TIME", "CAP_SYS_MODULE", "CAP_DAC_READ_SEARCH"} <= {
        *spec[CAP_DROP]
    }
    assert not {"CAP_CHOWN", "CAP_NET_ADMIN"} & {*spec[CAP_DROP]}
    assert "the capability SYS_ADMIN (given by --grant cap-add=SYS_ADMIN)" in told(made_of)
    granted = twin((PRIVILEGED, True), role=granting("privileged"))
    assert (granted.spec[PRIVILEGED], granted.lacks) == (True, ())


def test_capabilities_end_at_a_user_namespace() -> None:
    added = (CAP_ADD, ("SYS_ADMIN", "NET_ADMIN"))
    assert twin(added).spec[CAP_ADD] == ("NET_ADMIN",)
    assert twin(added, role=granting("cap-add=SYS_ADMIN")).spec[CAP_ADD] == added[1]
    assert twin(added, (USERNS, "auto")).spec[CAP_ADD] == added[1]
    assert twin(added, engine=rootless()).spec[CAP_ADD] == added[1]


@pytest.mark.parametrize("value", ["auto", "container:db"])
def test_the_ids_of_a_user_namespace_are_kept(value: str) -> None:
    ranges = (IdRange(0, 2147483648, 1024),)
    kernel = Kernel(7, uid_map=ranges, gid_map=ranges)
    spec = twin((USERNS, value), kernel=kernel).spec
    assert (spec[USERNS], spec[UIDMAP], spec[GIDMAP]) == (
        "",
        ("0:2147483648:1024",),
        ("0:2147483648:1024",),
    )


def test_others_are_found_by_name_without_a_name_server() -> None:
    role = replace(ROLE, hosts=("web:10.1.0.10", "db:10.1.0.11"))
    made = twin(
        (NETWORK, ("front:alias=www",)), (ADD_HOST, ("old:1.2.3.4", "up:host-gateway")), role=role
    )
    assert made.spec[NETWORK] == ("trial-net:ip=10.1.0.10",)
    assert made.spec[ADD_HOST] == ("old:1.2.3.4", "web:10.1.0.10", "db:10.1.0.11")
    assert "a DNS server (/etc/hosts has db) (given by --outside)" in map(str, made.lacks)
    assert not any("DNS" in str(lack) for lack in twin().lacks)


def test_with_a_route_out_it_has_the_names_of_the_original() -> None:
    role = replace(ROLE, outside=True)
    networks = (
        NETWORK,
        ("front:alias=www,ip=10.0.0.7", "back:alias=api"),
    )
    spec = twin(
        networks,
        (NETWORK_ALIAS, ("shop",)),
        (DNS, ("1.1.1.1",)),
        role=role,
    ).spec
    assert spec[NETWORK] == ("trial-net:ip=10.1.0.10,alias=web,alias=shop,alias=www,alias=api",)
    assert spec[DNS] == ("1.1.1.1",)
    assert twin((DNS, ("1.1.1.1",))).spec[DNS] == ()


def test_an_engine_on_another_machine_gets_no_ipv6() -> None:
    """Its bridge, through which IPv6 reaches the host, is out of our reach."""
    assert twin().spec[SYSCTL] == ()
    spec = twin(role=replace(ROLE, local=False)).spec
    assert spec[SYSCTL] == (
        "net.ipv6.conf.default.disable_ipv6=1",
        "net.ipv6.conf.eth0.disable_ipv6=1",
    )


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("host", "the network of the host"),
        ("container:db", "the network that it shares"),
    ],
)
def test_a_network_of_others_is_not_shared(
    network: str,
    words: str,
) -> None:
    made_of = twin((NETWORK, (network,)))
    assert made_of.spec[NETWORK] == ("trial-net:ip=10.1.0.10",)
    assert words in told(made_of)


def test_a_twin_that_is_tried_along_shares_its_network() -> None:
    spec = twin(
        (NETWORK, ("container:db",)),
        role=replace(ROLE, twins={"db": "twin-of-db"}),
    ).spec
    assert (spec[NETWORK], spec[ADD_HOST]) == (("container:twin-of-db",), ())


def test_volumes_and_directories_are_copy_on_write() -> None:
    result = mounts(
        Mount("volume", "data", "/data", ("U",)),
        Mount("bind", "/srv", "/srv", ("rw", "z")),
        volumes=VOLUMES,
    )
    assert result == (
        Mount("volume", "data", "/data", ("O",)),
        Mount("bind", "/srv", "/srv", ("O",)),
    )


def test_what_is_read_only_is_a_view_in_which_nothing_is_alive() -> None:
    given = (
        Mount(
            "volume",
            "data",
            "/data",
            ("U", "ro", "z"),
        ),
        Mount(
            "bind",
            "/srv",
            "/srv",
            ("ro", "rshared"),
        ),
    )
    made_of = twin((MOUNTS, given), volumes=VOLUMES)
    assert made_of.volumes == (
        TwinVolume("twin-0", Filling.VIEW, "/volumes/data"),
        TwinVolume("twin-1", Filling.VIEW, "/srv"),
    )
    assert made_of.spec[MOUNTS] == (
        Mount("volume", "twin-0", "/data", ("ro",)),
        Mount("volume", "twin-1", "/srv", ("ro",)),
    )


@pytest.mark.parametrize(
    "role",
    [
        replace(ROLE, views=False),
        replace(ROLE, copy_volumes=True),
    ],
)
def test_where_no_view_is_possible_it_is_copied(role: Role) -> None:
    made_of = twin((MOUNTS, (Mount("bind", "/srv", "/srv", ("ro",)),)), role=role)
    assert made_of.volumes == (TwinVolume("twin-0", Filling.COPY, "/srv"),)
    assert (
        twin((MOUNTS, (Mount("bind", "/a:b", "/srv", ("ro",)),))).volumes[0].filling is Filling.COPY
    )


def test_a_granted_mount_is_not_relabelled_for_the_twin() -> None:
    given = (Mount("bind", "/srv", "/data", ("Z", "U")),)
    assert twin((MOUNTS, given), role=granting("volume=/data")).spec[MOUNTS] == (
        Mount("bind", "/srv", "/data"),
    )


@pytest.mark.parametrize("options", [("ro",), ()])
def test_a_file_is_a_copy(options: tuple[str, ...]) -> None:
    made_of = twin(
        (
            MOUNTS,
            (
                Mount(
                    "bind",
                    "/etc/app.conf",
                    "/x",
                    (*options, "z"),
                ),
            ),
        )
    )
    assert made_of.volumes == (TwinVolume("twin-0", Filling.FILE, "/etc/app.conf"),)
    assert made_of.spec[MOUNTS] == (Mount("bind", "twin-0", "/x", options),)


def test_a_socket_of_the_host_is_not_handed_over() -> None:
    made_of = twin(
        (
            MOUNTS,
            (Mount("bind", "/run/podman/podman.sock", "/sock"),),
        )
    )
    assert made_of.spec[MOUNTS] == ()
    assert "the socket /run/podman/podman.sock" in told(made_of)


def test_each_match_of_a_pattern_is_judged() -> None:
    matched = [
        {"Type": "bind", "Source": "/etc/app.conf", "Destination": "/x/app.conf"},
        {"Type": "bind", "Source": "/etc/podman.sock", "Destination": "/x/podman.sock"},
        {"Type": "bind", "Source": "/srv/other", "Destination": "/other"},
    ]
    made_of = twin(
        (MOUNTS, (Mount("glob", "/etc/*", "/x"),)),
        inspect={"Mounts": matched},
    )
    assert made_of.spec[MOUNTS] == (Mount("bind", "twin-0", "/x/app.conf"),)
    assert "the socket /etc/podman.sock" in told(made_of)


def test_a_directory_of_sockets_is_empty() -> None:
    made_of = twin(
        (
            MOUNTS,
            (
                Mount(
                    "bind",
                    "/run/postgresql",
                    "/run/postgresql",
                    ("ro",),
                ),
            ),
        )
    )
    assert made_of.volumes == (TwinVolume("twin-0"),)
    assert made_of.spec[MOUNTS] == (Mount("volume", "twin-0", "/run/postgresql"),)
    assert "what is in /run/postgresql" in told(made_of)


@pytest.mark.parametrize(
    "options",
    [(USERNS, "auto"), (UIDMAP, ("0:100000:65536",))],
)
def test_a_user_namespace_gets_copies(options: tuple[Any, Any]) -> None:
    made_of = twin(
        (MOUNTS, (Mount("volume", "data", "/data"),)),
        options,
        volumes=VOLUMES,
    )
    assert made_of.volumes == (TwinVolume("twin-0", Filling.COPY, "data"),)
    assert made_of.spec[MOUNTS] == (Mount("volume", "twin-0", "/data"),)


def test_files_that_are_labelled_for_the_original_alone_are_copied() -> None:
    made_of = twin((MOUNTS, (Mount("bind", "/srv", "/srv", ("Z",)),)))
    assert made_of.volumes == (TwinVolume("twin-0", Filling.COPY, "/srv"),)
    assert made_of.spec[MOUNTS] == (Mount("volume", "twin-0", "/srv"),)


def test_a_volume_that_a_plan_adds_begins_empty() -> None:
    made_of = twin(
        (
            MOUNTS,
            (Mount("volume", "web-var-lib-app", "/var/lib/app"),),
        )
    )
    assert made_of.volumes == (TwinVolume("twin-0"),)


def test_an_anonymous_volume_of_the_image_comes_with_its_data() -> None:
    name = "c" * 64
    facts = container(
        "--name=web", inspect={"Mounts": [{"Type": "volume", "Name": name, "Destination": "/data"}]}
    )
    assert made(facts).spec[MOUNTS] == (Mount("volume", name, "/data", ("O",)),)


def test_the_volumes_of_another_come_along_and_are_not_written() -> None:
    inspect = {"Mounts": [{"Type": "volume", "Name": "data", "Destination": "/data", "RW": True}]}
    of_host = HostMount(
        "/srv", ("/srv/site",), "bind", "/srv/site", origin=MountOrigin.CONTAINER, giver="other"
    )
    from_another = twin(
        (VOLUMES_FROM, ("other",)), inspect=inspect, volumes=VOLUMES, mounted=(of_host,)
    )
    assert from_another.spec[MOUNTS] == (
        Mount("volume", "data", "/data", ("O",)),
        Mount("bind", "/srv/site", "/srv", ("O",)),
    )
    assert VOLUMES_FROM not in from_another.spec
    assert from_another.lacks == ()
    hidden = twin((VOLUMES_FROM, ("other",)), hidden_mounts="it is gone")
    assert told(hidden) == "the volumes of other"


def test_a_root_filesystem_on_the_host_is_not_written() -> None:
    assert twin((ROOTFS, "/srv/root")).spec[ROOTFS] == "/srv/root:O"
    assert twin((ROOTFS, "/srv/root:idmap")).spec[ROOTFS] == "/srv/root:O"


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        ("1m", 1 << 20),
        ("500k", 500 << 10),
        ("1g", LARGEST_LOG),
        ("-1", LARGEST_LOG),
        ("a lot", LARGEST_LOG),
    ],
)
def test_it_writes_no_more_log_than_its_original(given: str, limit: int) -> None:
    assert twin((LOG_OPT, (f"max-size={given}",))).spec[LOG_OPT] == (f"max-size={limit}",)


def test_it_is_the_first_that_the_oom_killer_ends_whatever_its_original_asks_for() -> None:
    made_of = twin((OOM_SCORE_ADJ, -900))
    assert made_of.spec[OOM_SCORE_ADJ] == 1000
    assert "--oom-score-adj=-900 (given by --grant oom-score-adj)" in told(made_of)
    granted = twin((OOM_SCORE_ADJ, -900), role=granting("oom-score-adj"))
    assert granted.spec[OOM_SCORE_ADJ] == -900


def test_it_is_in_the_cgroup_of_all_twins_and_not_in_that_of_its_original() -> None:
    role = replace(ROLE, cgroup_parent="/hardentui-1")
    made_of = twin((CGROUP_PARENT, "/shop"), role=role)
    assert made_of.spec[CGROUP_PARENT] == "/hardentui-1"
    assert "--cgroup-parent=/shop" in told(made_of)
    assert twin(role=replace(role, pod="pod")).spec[CGROUP_PARENT] == ""


@pytest.mark.parametrize(
    ("own", "most", "given"), [(0, 0, 0), (9, 0, 9), (0, 5, 5), (9, 5, 5), (3, 5, 3)]
)
def test_where_no_cgroup_holds_all_twins_each_has_a_limit(own: int, most: int, given: int) -> None:
    role = replace(ROLE, memory=most)
    assert twin((MEMORY, own), role=role).spec[MEMORY] == given


def test_what_the_kernel_counts_per_user_it_counts_apart() -> None:
    limit = ("nofile=100:100", "nproc=50:50")
    role = replace(ROLE, own_users=65536)
    made_of = twin((ULIMIT, limit), role=role)
    assert made_of.spec[ULIMIT] == limit
    assert made_of.spec[UIDMAP] == made_of.spec[GIDMAP] == ("0:0:65536",)
    assert "nproc=50:50" in told(made_of)
    assert "nofile" not in told(made_of)
    shared = twin((ULIMIT, limit), role=replace(role, granted=frozenset({"ulimit"})))
    assert shared.spec[UIDMAP] == ()
    mapped = ("0:100000:65536",)
    own = twin((ULIMIT, limit), (UIDMAP, mapped), (GIDMAP, mapped), role=role)
    assert own.spec[UIDMAP] == mapped
