"""Where inspect misleads: one test per trap."""

from __future__ import annotations

from typing import Any

import pytest

from hardentui.model.spec import Option, Source, Spec, UnsavedVolume, Version
from hardentui.options import *
from hardentui.options.inspect.view import Sources
from hardentui.options.read import read_spec, ulimits_added_at_start
from hardentui.writers.context import left_behind

ID = "ab" * 32
OTHER = "cd" * 32
HEX_VOLUME = "0123456789abcdef" * 4
KEPT = {
    "UsernsMode": "private",
    "IDMappings": {
        "UidMap": ["0:1:1000", "1000:0:1", "1001:1001:64536"],
        "GidMap": ["0:1:1000", "1000:0:1", "1001:1001:64536"],
    },
}
STOCK_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def spec(
    *,
    config: dict[str, Any] | None = None,
    host: dict[str, Any] | None = None,
    image: dict[str, Any] | None = None,
    command: list[str] | None = None,
    started: bool = False,
    sources: dict[str, Any] | None = None,
    **inspect: Any,
) -> Spec:
    """The spec of a container that shows just this; with `command` as flags of its create command."""
    document: dict[str, Any] = {
        "Id": ID,
        "Name": "web",
        "ImageName": "localhost/app:1",
        "Config": {"Hostname": ID[:12], "Env": ["container=podman", STOCK_PATH], **(config or {})},
        "HostConfig": {"NetworkMode": "bridge", **(host or {})},
        "NetworkSettings": {"Networks": {"podman": {"Aliases": [ID[:12]]}}},
        **inspect,
    }
    if command is not None:
        document["Config"]["CreateCommand"] = ["podman", "create", *command, "localhost/app:1"]
    if started:
        document["OCIConfigPath"] = "/config.json"
    return read_spec(Sources(document, {"Config": image or {}}, **(sources or {})))


def options(given: Spec) -> set[Option[Any]]:
    return set(given) - {NAME} - {o for o in given if o.name == "image"}


# --- the create command: null, garbage, stale -----------------------------------------------------


def test_the_giver_of_volumes_is_known_by_its_name() -> None:
    document = {"Config": {}, "HostConfig": {"VolumesFrom": ["f" * 64 + ":ro", "plain"]}}
    sources = Sources(document, container_names={"f" * 64: "db"})
    assert read_spec(sources)[VOLUMES_FROM] == ("db:ro", "plain")


def test_garbage_as_create_command_is_no_proof() -> None:
    garbage = {"CreateCommand": ["podman", "--log-level=info", "system", "service"]}
    assert IP in spec(config=garbage).unknowable
    assert IP not in spec(command=[]).unknowable


def test_inspect_wins_over_a_stale_command() -> None:
    result = spec(host={"Memory": 64, "MemorySwap": 128}, command=["--memory=32b", "--name=old"])
    assert result[NAME] == "web"
    assert {str(o.name): result[o] for o in options(result)} == {"memory": 64}
    assert result.source(NAME) is Source.INSPECT


def test_a_network_that_was_connected_later_is_there() -> None:
    networks = {"n1": {"Aliases": ["db", ID[:12]]}, "late": {"Aliases": ["x"]}}
    result = spec(NetworkSettings={"Networks": networks}, command=["--network=n1:alias=db,ip=10.0.0.2"])
    assert result[NETWORK] == ("n1:alias=db,ip=10.0.0.2", "late:alias=x")


def test_the_source_of_each_value_is_known() -> None:
    result = spec(host={"Memory": 64}, command=["--ip=10.0.0.9"])
    assert result.source(IP) is Source.CREATE_COMMAND


@pytest.mark.parametrize("flag", ["--creds=user:top-secret", "--decryption-key=top-secret"])
def test_credentials_are_never_copied(flag: str) -> None:
    result = spec(command=[flag])
    assert "top-secret" not in repr(result.values()) + repr(result.remarks)
    assert any(flag.partition("=")[0] in remark for remark in result.remarks)


def test_unknown_flags_are_told() -> None:
    assert any("--from-the-future" in r for r in spec(command=["--from-the-future=x"]).remarks)


# --- fields that say something else ---------------------------------------------------------------


def test_null_bounding_caps_mean_that_all_were_dropped() -> None:
    result = spec(host={"CapDrop": ["CAP_CHOWN", "CAP_KILL"]}, BoundingCaps=None)
    assert (result[CAP_DROP], result[CAP_ADD]) == (("all",), ())


def test_caps_of_a_privileged_container_are_no_options() -> None:
    host = {"Privileged": True, "CapDrop": ["CAP_SYS_RESOURCE"], "SecurityOpt": ["unmask=all"]}
    assert options(spec(host=host, command=[])) == {PRIVILEGED}
    assert UNMASK not in spec(host=host).unknowable


def test_a_user_namespace_comes_from_the_annotation() -> None:
    maps = {"UidMap": ["0:2000000:1024"], "GidMap": ["0:2000000:1024"]}
    host = {"UsernsMode": "private", "IDMappings": maps}
    auto = spec(config={"Annotations": {"io.podman.annotations.userns": "auto:size=1024"}}, host=host)
    assert auto[USERNS] == "auto:size=1024"
    assert UIDMAP not in auto
    private = spec(config={"Annotations": {"io.podman.annotations.userns": "private"}}, host=host)
    assert USERNS not in private
    assert private[UIDMAP] == ("0:2000000:1024",)


def test_a_map_of_users_alone_is_known_from_the_command_only() -> None:
    """Inspect shows no map where one of the two kinds has none."""
    host = {"UsernsMode": "private"}
    assert spec(host=host, command=["--uidmap=u0:@0:1,u1:5:1"])[UIDMAP] == ("u0:@0:1", "u1:5:1")
    assert GIDMAP not in spec(host=host, command=["--uidmap=u0:@0:1"])
    assert {UIDMAP, GIDMAP} <= spec(host=host).unknowable
    assert not {UIDMAP, GIDMAP} & spec().unknowable


def test_keep_id_sets_the_user_by_itself() -> None:
    config = {"Annotations": {"io.podman.annotations.userns": "keep-id"}, "User": "1000:1000"}
    assert USER not in spec(config=config, host=KEPT)
    assert USER not in spec(config=config, command=["--userns=keep-id"])
    assert spec(config=config, command=["--userns=keep-id", "-u", "1000:1000"])[USER] == "1000:1000"


def test_a_user_beside_keep_id_is_kept_without_a_command() -> None:
    config = {"Annotations": {"io.podman.annotations.userns": "keep-id"}, "User": "5"}
    assert spec(config=config, host=KEPT)[USER] == "5"


def test_the_user_namespace_of_a_member_is_the_pods() -> None:
    config = {"Annotations": {"io.podman.annotations.userns": f"container:{OTHER}"}, "User": "1000:1000"}
    member: dict[str, Any] = {"config": config, "host": KEPT, "Pod": OTHER}
    assert not {USERNS, USER} & set(spec(**member))
    assert not {USERNS, USER} & set(spec(**member, command=["--pod=p"]))
    assert spec(**member, command=["--pod=p", "--user=1000:1000"])[USER] == "1000:1000"
    assert spec(config=config, host=KEPT)[USERNS] == f"container:{OTHER}"


def test_a_map_of_keep_id_tells_what_it_leaves_out() -> None:
    result = spec(config={"User": "1000:1000"}, host=KEPT, sources={"rootless": True})
    assert result[USER] == "1000:1000"
    assert result[UIDMAP] == ("0:1:1000", "1000:0:1", "1001:1001:64536")
    assert any("keep-id" in remark for remark in result.remarks)


@pytest.mark.parametrize(("memory", "swap", "expected"), [(64, 128, 0), (64, 0, -1), (64, 96, 96), (0, 0, 0)])
def test_memory_swap_is_read_as_podman_means_it(memory: int, swap: int, expected: int) -> None:
    assert spec(host={"Memory": memory, "MemorySwap": swap})[MEMORY_SWAP] == expected


def test_swappiness_zero_is_set_only_if_it_was_given() -> None:
    assert MEMORY_SWAPPINESS not in spec(host={"MemorySwappiness": 0}, command=[])
    assert spec(host={"MemorySwappiness": 0}, command=["--memory-swappiness=0"])[MEMORY_SWAPPINESS] == 0
    assert MEMORY_SWAPPINESS not in spec(host={"MemorySwappiness": None})
    assert MEMORY_SWAPPINESS in spec(host={"MemorySwappiness": 0}).unknowable
    oci = {"linux": {"resources": {"memory": {"swappiness": 0}}}}
    assert spec(host={"MemorySwappiness": 0}, sources={"oci_config": oci})[MEMORY_SWAPPINESS] == 0
    known: tuple[dict[str, Any], ...] = ({"oci_config": {}}, {"cgroup_version": 2})
    for sources in known:
        assert MEMORY_SWAPPINESS not in spec(host={"MemorySwappiness": 0}, sources=sources).unknowable


def test_a_weight_that_this_kernel_does_not_take_is_told() -> None:
    """Podman only warns when the container is made, and leaves it out."""
    assert any("--blkio-weight" in remark for remark in spec(command=["--blkio-weight=100"]).remarks)
    shown = spec(host={"BlkioWeight": 100}, command=["--blkio-weight=100"])
    assert shown[BLKIO_WEIGHT] == 100
    assert not any("--blkio-weight" in remark for remark in shown.remarks)


def test_an_oom_score_of_zero_is_set_only_if_it_was_given() -> None:
    """Without it the score is inherited from whoever starts the container."""
    assert OOM_SCORE_ADJ not in spec(host={"OomScoreAdj": 0}, command=[])
    given = spec(host={"OomScoreAdj": 0}, command=["--oom-score-adj=0"])
    assert options(given) == {OOM_SCORE_ADJ}
    assert given[OOM_SCORE_ADJ] == 0
    assert spec(host={"OomScoreAdj": -5}, command=[])[OOM_SCORE_ADJ] == -5
    assert OOM_SCORE_ADJ in spec().unknowable
    assert OOM_SCORE_ADJ in spec(sources={"oci_config": {"process": {"oomScoreAdj": 0}}})
    assert OOM_SCORE_ADJ not in spec(sources={"oci_config": {"process": {}}}).unknowable


def test_cpus_and_quota_are_never_both_there() -> None:
    plain = spec(host={"CpuPeriod": 100000, "CpuQuota": 29000, "NanoCpus": 290000000})
    assert options(plain) == {CPUS}
    assert plain[CPUS] == 0.29
    assert options(spec(host={"CpuPeriod": 50000, "CpuQuota": 25000})) >= {CPU_QUOTA}


@pytest.mark.parametrize(
    ("limit", "engine", "stored"), [(2048, 2048, None), (2048, 4096, 2048), (4096, 4096, 4096), (0, 2048, -1)]
)
def test_a_pids_limit_is_left_out_only_where_the_engine_has_it_too(
    limit: int, engine: int, stored: int | None
) -> None:
    result = spec(host={"PidsLimit": limit}, sources={"pids_limit": engine})
    assert result.values().get(PIDS_LIMIT) == stored


def test_rootless_on_cgroup_v1_shows_no_pids_limit() -> None:
    there = {"rootless": True, "cgroup_version": 1}
    assert PIDS_LIMIT not in spec(host={"PidsLimit": 0}, command=[], sources=there)
    assert spec(host={"PidsLimit": 0}, command=["--pids-limit=0"], sources=there)[PIDS_LIMIT] == -1
    assert spec(host={"PidsLimit": 0}, sources={"rootless": True, "cgroup_version": 2})[PIDS_LIMIT] == -1


def test_a_publish_without_address_is_all_addresses() -> None:
    host = {"PortBindings": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}}
    assert spec(host=host)[PUBLISH] == (Port(80, "8080"),)
    explicit = spec(host=host, command=["-p", "0.0.0.0:8080:80"])
    assert explicit[PUBLISH] == (Port(80, "8080", "0.0.0.0"),)


def test_random_ports_stay_random() -> None:
    host = {"PortBindings": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "41234"}]}}
    assert spec(host=host, command=["-p", "80"])[PUBLISH] == (Port(80),)
    bare = spec(host=host)
    assert bare[PUBLISH] == (Port(80, "41234"),)
    assert any("41234" in remark for remark in bare.remarks)


def test_publish_all_hides_what_else_was_published() -> None:
    host = {"PublishAllPorts": True, "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "41234"}]}}
    assert PUBLISH in spec(host=host).unknowable
    assert PUBLISH not in spec(host=host, command=["-P"])


def test_exposed_ports_of_the_image_and_published_ones_are_not_repeated() -> None:
    exposed: dict[str, object] = {"80/tcp": {}, "81/tcp": {}, "53/udp": {}, "443/tcp": {}}
    bindings = {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    result = spec(
        config={"ExposedPorts": exposed},
        host={"PortBindings": bindings},
        image={"ExposedPorts": {"443/tcp": {}}},
    )
    assert result[EXPOSE] == ("53/udp", "81")


def test_references_to_containers_have_names() -> None:
    result = spec(
        host={"PidMode": f"container:{OTHER}"},
        Dependencies=[OTHER, "ef" * 32],
        sources={"container_names": {OTHER: "db", "ef" * 32: "cache"}},
    )
    assert result[PID] == "container:db"
    assert result[REQUIRES] == ("cache",)


def test_what_belongs_to_the_pod_is_not_the_containers() -> None:
    shared = f"container:{OTHER}"
    result = spec(
        config={"Hostname": "p1"},
        host={
            "NetworkMode": shared,
            "IpcMode": shared,
            "UTSMode": shared,
            "CgroupParent": "/libpod_parent/x",
            "PidMode": "private",
        },
        Pod="12" * 32,
        Dependencies=[OTHER],
        command=["--pod=p1"],
        sources={"pod_name": "p1"},
    )
    assert options(result) == {POD}
    assert result[POD] == "p1"


def test_the_shown_path_of_podmans_own_init_is_no_option() -> None:
    assert INIT_PATH in spec(host={"Init": True}).unknowable
    assert INIT_PATH not in spec().unknowable


def test_the_runtime_is_an_option_where_it_is_not_the_engines() -> None:
    assert spec(OCIRuntime="/opt/crun")[RUNTIME] == "/opt/crun"
    assert RUNTIME not in spec(OCIRuntime="crun")
    assert spec(OCIRuntime="runc", sources={"runtime": "crun"})[RUNTIME] == "runc"


@pytest.mark.parametrize(("version", "expected"), [(1, "private"), (2, "host"), (None, "host")])
def test_the_default_cgroup_namespace_depends_on_the_cgroup_version(
    version: int | None, expected: str
) -> None:
    for mode in ("host", "private"):
        result = spec(host={"CgroupMode": mode}, sources={"cgroup_version": version})
        assert (CGROUPNS in result) == (mode == expected)
        assert CGROUPNS not in spec(host={"CgroupMode": mode}, command=[])


# --- what Podman adds at start --------------------------------------------------------------------


def test_variables_of_podman_and_of_the_image_are_ignored() -> None:
    env = ["PATH=/bin", "container=podman", "HOME=/root", f"HOSTNAME={ID[:12]}", "TERM=xterm", "A=1"]
    result = spec(
        config={"Env": env, "Tty": True}, image={"Env": ["PATH=/bin"]}, started=True, command=["-t"]
    )
    assert result[ENV] == ("A=1",)


@pytest.mark.parametrize(
    "entry", ["HOME=/srv", "HOSTNAME=other", "TERM=dumb", "container=mine", "PATH=/sbin"]
)
def test_variables_that_only_look_like_it_are_kept(entry: str) -> None:
    name = entry.partition("=")[0]
    config = {"Env": [entry], "Tty": True}
    assert spec(config=config, image={"Env": ["PATH=/bin"]}, started=True)[ENV] == (entry,)
    given = spec(config=config, image={"Env": ["PATH=/bin"]}, started=True, command=["-t", f"--env={entry}"])
    assert given[ENV] == (entry,), name


def test_podman_before_47_gave_every_container_a_terminal_type() -> None:
    config, version = {"Env": ["TERM=xterm"]}, Version(4, 6, 2)
    assert ENV not in spec(config=config, sources={"version": version})
    assert spec(config=config, sources={"version": Version(4, 7)})[ENV] == ("TERM=xterm",)
    given = spec(config=config, sources={"version": version}, command=["--env=TERM=xterm"])
    assert given[ENV] == ("TERM=xterm",)


def test_an_annotation_of_podman_43_is_no_option() -> None:
    config = {"Annotations": {"io.kubernetes.cri-o.Created": "2026-11-29T04:47:49Z"}}
    assert ANNOTATIONS not in spec(config=config)


def test_ports_are_exposed_without_a_field_of_their_own() -> None:
    ports = {"7000/tcp": None, "80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    host = {"PortBindings": {**ports, "443/tcp": None}}
    image: dict[str, Any] = {"ExposedPorts": {"443/tcp": {}}}
    shown = spec(host=host, image=image, NetworkSettings={"Ports": {**ports, "443/tcp": None}})
    assert shown[EXPOSE] == ("7000",)


def test_podman_43_does_not_show_that_nothing_is_masked() -> None:
    assert spec(command=["--security-opt=systempaths=unconfined"])[UNMASK] == ("ALL",)


def test_proxy_variables_of_the_engine_are_ignored_or_told() -> None:
    config = {"Env": ["http_proxy=http://p:1"]}
    assert ENV not in spec(config=config, command=[])
    bare = spec(config=config)
    assert bare[ENV] == ("http_proxy=http://p:1",)
    assert any("http_proxy" in remark for remark in bare.remarks)


def test_removed_variables_of_the_image_stay_removed() -> None:
    image = {"Env": ["A=1", "B=2"]}
    result = spec(config={"Env": ["A=1", "container=podman", STOCK_PATH]}, image=image)
    assert result[UNSETENV] == ("B",)
    assert ENV not in result
    assert options(spec(config={"Env": ["C=1"]}, image=image)) == {UNSETENV_ALL, ENV}


def test_the_path_that_every_container_gets_stays_removed() -> None:
    assert spec(config={"Env": ["container=podman"]})[UNSETENV] == ("PATH",)


def test_a_directory_that_the_api_made_may_be_missing() -> None:
    config = {"WorkingDir": "/made"}
    assert any("/made" in remark for remark in spec(config=config).remarks)
    assert not any("/made" in remark for remark in spec(config=config, command=["-w", "/made"]).remarks)


def test_zeros_of_a_health_check_that_no_flag_takes_are_told() -> None:
    check: dict[str, Any] = {
        "Test": ["CMD-SHELL", "true"],
        "Interval": 7_000_000_000,
        "Timeout": 1_000_000_000,
    }
    told = [remark for remark in spec(config={"Healthcheck": check}).remarks if "--health" in remark]
    assert [remark.partition(":")[0] for remark in told] == ["--health-retries"]
    whole = spec(config={"Healthcheck": {**check, "Retries": 2}})
    off = spec(config={"Healthcheck": {"Test": ["NONE"]}})
    assert not any("--health" in remark for remark in (*whole.remarks, *off.remarks))


def test_masked_secrets_never_become_variables() -> None:
    result = spec(config={"Env": ["s1=*******"]}, started=True)
    assert ENV not in result
    assert SECRETS in result.unknowable
    assert any("s1" in remark for remark in result.remarks)
    assert SECRETS not in spec(started=True).unknowable


def test_mounted_secrets_with_their_mode() -> None:
    secrets = [
        {"Name": "s1", "UID": 5, "GID": 0, "Mode": 256},
        {"Name": "s2", "UID": 0, "GID": 0, "Mode": 292},
    ]
    result = spec(config={"Secrets": secrets}, started=True)
    assert result[SECRETS] == ("s1,type=mount,uid=5,mode=0400", "s2,type=mount")
    assert any("target" in remark for remark in result.remarks)


def test_secrets_in_variables_are_not_seen_before_the_start() -> None:
    config = {"Secrets": [{"Name": "s1", "UID": 0, "GID": 0, "Mode": 292}]}
    assert any("environment" in remark for remark in spec(config=config).remarks)
    assert not any("environment" in remark for remark in spec(config=config, started=True).remarks)


def test_annotations_of_podman_are_ignored() -> None:
    annotations = {
        "io.container.manager": "libpod",
        "io.podman.annotations.privileged": "TRUE",
        "org.opencontainers.image.stopSignal": "15",
        "org.systemd.property.KillSignal": "15",
        "run.oci.keep_original_groups": "1",
        "mine": "x",
    }
    assert spec(config={"Annotations": annotations})[ANNOTATIONS] == ("mine=x",)


def test_labels_of_the_image_and_of_systemd_are_ignored() -> None:
    labels = {"a": "1", "b": "2", "PODMAN_SYSTEMD_UNIT": "web.service", "empty": ""}
    result = spec(config={"Labels": labels}, image={"Labels": {"a": "1", "b": "other"}})
    assert result[LABELS] == ("b=2", "empty=")


def test_ulimits_that_podman_adds() -> None:
    limits = [
        {"Name": "RLIMIT_NOFILE", "Soft": 1024, "Hard": 1024},
        {"Name": "RLIMIT_NPROC", "Soft": 99, "Hard": 99},
        {"Name": "RLIMIT_CORE", "Soft": -1, "Hard": -1},
    ]
    host = {"Ulimits": limits}
    assert spec(host=host, started=True, command=["--ulimit=core=-1"])[ULIMIT] == ("core=-1",)
    given = spec(host=host, started=True, command=["--ulimit", "nofile=1024:1024,core=-1"])
    assert given[ULIMIT] == ("core=-1", "nofile=1024:1024")
    told = spec(host=host, started=True)
    assert told[ULIMIT] == ("core=-1", "nofile=1024:1024", "nproc=99:99")
    assert any("may have been added" in remark for remark in told.remarks)
    known = {"default_ulimits": ("nofile=1024:1024", "nproc=99:99")}
    assert spec(host=host, started=True, sources=known)[ULIMIT] == ("core=-1",)


def test_what_the_engine_adds_is_learnt_from_a_plain_container() -> None:
    def started(command: list[str] | None, soft: int) -> dict[str, Any]:
        limits = [
            {"Name": "RLIMIT_NOFILE", "Soft": soft, "Hard": soft},
            {"Name": "RLIMIT_CORE", "Soft": 0, "Hard": 0},
        ]
        config = {"CreateCommand": command}
        return {"OCIConfigPath": "/x", "Config": config, "HostConfig": {"Ulimits": limits}}

    asked = started(["podman", "run", "--ulimit=nofile=5:5", "i"], 5)
    plain = started(["podman", "run", "i"], 9)
    assert ulimits_added_at_start([started(None, 1), asked, plain]) == ("nofile=9:9",)
    assert ulimits_added_at_start([started(None, 1), asked]) == ()


@pytest.mark.parametrize(
    ("own", "own_cmd", "path", "args", "entrypoint", "command"),
    [
        (["/bin/echo", "-n"], ["x", "y"], "/bin/echo", ["-n", "x", "y"], None, ()),
        (["/bin/ls"], None, "/bin/ls", [], ("/bin/ls",), ()),
        ([""], ["/bin/true"], "/bin/true", [], (), ("/bin/true",)),
        (None, None, "x", ["y"], (), ("x", "y")),
        (["/bin/echo", "-n"], ["z"], "/bin/echo", ["-n", "z"], None, ("z",)),
        (["/bin/ls"], ["x", "y"], "/bin/ls", ["x", "y"], ("/bin/ls",), ("x", "y")),
    ],
)
def test_entry_point_and_command(
    own: list[str] | None,
    own_cmd: list[str] | None,
    path: str,
    args: list[str],
    entrypoint: tuple[str, ...] | None,
    command: tuple[str, ...],
) -> None:
    image = {"Entrypoint": ["/bin/echo", "-n"], "Cmd": ["x", "y"]}
    result = spec(config={"Entrypoint": own, "Cmd": own_cmd}, image=image, Path=path, Args=args)
    assert result[COMMAND] == command
    assert result[ENTRYPOINT] == entrypoint or (own is None and result[ENTRYPOINT] == ())


def test_settings_of_the_image_are_subtracted() -> None:
    image = {
        "User": "app",
        "WorkingDir": "/srv",
        "StopSignal": "SIGQUIT",
        "Healthcheck": {"Test": ["CMD-SHELL", "x"]},
    }
    assert options(spec(config=dict(image), image=image)) == set()
    other = {"User": "0", "WorkingDir": "/", "StopSignal": "SIGTERM", "Healthcheck": {"Test": ["NONE"]}}
    assert options(spec(config=other, image=image)) == {USER, WORKDIR, STOP_SIGNAL, HEALTH_CMD}


def test_without_the_image_its_settings_are_written_and_told() -> None:
    document = {
        "Id": ID,
        "Name": "web",
        "Config": {"Env": ["PATH=/bin"], "Hostname": ID[:12]},
        "HostConfig": {},
    }
    result = read_spec(Sources(document))
    assert result[ENV] == ("PATH=/bin",)
    assert any("image could not be read" in remark for remark in result.remarks)


def test_a_changed_health_check_is_written_as_a_whole() -> None:
    image = {"Healthcheck": {"Test": ["CMD-SHELL", "x"], "Interval": 5_000_000_000}}
    own = {"Test": ["CMD", "a", "b c"], "Interval": 30_000_000_000, "Retries": 3, "Timeout": 30_000_000_000}
    result = spec(config={"Healthcheck": own}, image=image)
    assert (result[HEALTH_CMD], result[HEALTH_INTERVAL], result[HEALTH_RETRIES]) == ('["a", "b c"]', "30s", 3)


@pytest.mark.parametrize(
    ("test", "text"),
    [
        (["CMD-SHELL", "curl x || exit 1"], "curl x || exit 1"),
        (["CMD-SHELL", "[ -f /x ]"], "CMD-SHELL [ -f /x ]"),
        (["CMD-SHELL", "none of it"], "CMD-SHELL none of it"),
        (["CMD-SHELL", "a", "b"], '["CMD-SHELL", "a", "b"]'),
        (["CMD", "/bin/true"], "CMD /bin/true"),
        (["CMD", "/bin/echo", "a b"], '["/bin/echo", "a b"]'),
        (["NONE"], "none"),
        (['["CMD","x', 'y"]'], '["CMD","x y"]'),
    ],
)
def test_health_commands_keep_their_form(test: list[str], text: str) -> None:
    assert spec(config={"Healthcheck": {"Test": test, "Interval": 1}})[HEALTH_CMD] == text


# --- mounts and volumes ---------------------------------------------------------------------------


def mount(**over: Any) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": "/a",
        "Destination": "/b",
        "Mode": "",
        "Options": ["rbind"],
        "RW": True,
        "Propagation": "rprivate",
        **over,
    }


def test_a_health_log_without_limit_is_not_shown_and_kept() -> None:
    """Inspect leaves 0 out, which is no limit; engines before 5.3 have no such field at all."""
    shown = {"HealthLogDestination": "local", "HealthcheckMaxLogSize": 500}
    assert spec(config=shown)[HEALTH_MAX_LOG_COUNT] == 0
    assert HEALTH_MAX_LOG_COUNT in spec(config=shown)
    assert options(spec(config={**shown, "HealthcheckMaxLogCount": 5})) == set()
    assert options(spec()) == set()


def test_anonymous_volumes_are_told_and_never_named() -> None:
    entry = mount(Type="volume", Name=HEX_VOLUME, Source="/x", Options=["nosuid", "nodev", "rbind"])
    asked = spec(Mounts=[entry], command=["-v", "/b"])
    assert asked[MOUNTS] == (Mount("volume", "", "/b"),)
    inherited = spec(Mounts=[entry], image={"Volumes": {"/b": {}}})
    assert MOUNTS not in inherited
    for mounts, of_image in ((asked, False), (inherited, True)):
        assert mounts.unsaved == (UnsavedVolume("/b", of_image),)
        (told,) = (line for line in left_behind(mounts) if "/b" in line)
        assert ("the image asks for it" in told) == of_image
        assert HEX_VOLUME not in repr(mounts.values()) + told


def test_a_volume_that_podman_calls_anonymous() -> None:
    entry = mount(Type="volume", Name="odd", Source="/x")
    result = spec(Mounts=[entry], sources={"volumes": {"odd": {"Anonymous": True}}})
    assert result[MOUNTS] == (Mount("volume", "", "/b"),)


def test_an_overlay_shows_its_own_source() -> None:
    own = f"/s/overlay-containers/{ID}/userdata/overlay/1"
    options_shown = ["lowerdir=/data", f"upperdir={own}/upper", f"workdir={own}/work"]
    entry = mount(Source=f"{own}/merge", Options=options_shown, Propagation="private")
    assert spec(Mounts=[entry], started=True)[MOUNTS] == (Mount("bind", "/data", "/b", ("O",)),)


def test_an_overlay_that_belongs_to_the_user_stays_theirs() -> None:
    """Inspect shows no U of an overlay mount."""
    own = f"/s/overlay-containers/{ID}/userdata/overlay/1"
    entry = {"Type": "bind", "Source": f"{own}/merge", "Destination": "/x", "Options": ["lowerdir=/d"]}
    result = spec(Mounts=[entry], command=["--volume=/d:/x:O,U"], started=True)
    assert result[MOUNTS] == (Mount("bind", "/d", "/x", ("O", "U")),)


def test_a_tmpfs_that_belongs_to_the_user_stays_theirs() -> None:
    """Podman makes uid= and gid= of U when it starts, which it does not take itself."""
    result = spec(host={"Tmpfs": {"/x": "nosuid,nodev,tmpcopyup,uid=5,gid=6"}}, started=True)
    assert result[TMPFS] == ("/x:U",)


def test_an_overlay_of_a_volume_stays_one() -> None:
    own = f"/s/overlay-containers/{ID}/userdata/overlay/1"
    entry = mount(Source=f"{own}/merge", Options=["lowerdir=/s/volumes/v1/_data"])
    result = spec(Mounts=[entry], started=True, command=["-v", "v1:/b:O"])
    assert result[MOUNTS] == (Mount("volume", "v1", "/b", ("O",)),)


def test_the_second_entry_of_an_image_mount_is_dropped() -> None:
    own = f"/s/overlay-containers/{ID}/userdata/overlay/1"
    entries = [
        {
            "Type": "image",
            "Source": "i:1",
            "Destination": "/b",
            "Options": None,
            "RW": False,
            "SubPath": "/d",
        },
        mount(Source=f"{own}/merge", Options=[f"lowerdir={own}/x"]),
    ]
    assert spec(Mounts=entries, started=True)[MOUNTS] == (Mount("image", "i:1", "/b", (), "/d"),)


def test_a_relative_source_is_absolute_in_the_spec() -> None:
    result = spec(Mounts=[mount(Source="/srv/x", Mode="z")], command=["-v", "./x:/b:z"])
    assert result[MOUNTS] == (Mount("bind", "/srv/x", "/b", ("z",)),)


def test_a_relative_overlay_cannot_be_known() -> None:
    result = spec(Mounts=[], command=["-v", "./x:/b:O"])
    assert MOUNTS not in result
    assert any("/b" in remark and "relative" in remark for remark in result.remarks)


def test_devpts_is_no_bind_mount() -> None:
    result = spec(Mounts=[mount(Source="devpts", Options=["uid=1"], Propagation="")])
    assert result[MOUNTS] == (Mount("devpts", "", "/b", ("uid=1",)),)


def test_missing_image_volumes_are_a_question() -> None:
    assert IMAGE_VOLUME in spec(image={"Volumes": {"/data": {}}}, Mounts=[]).unknowable
    there = spec(image={"Volumes": {"/b": {}}}, Mounts=[mount()])
    assert IMAGE_VOLUME not in there.unknowable
    assert spec(image={"Volumes": {"/data": {}}}, command=["--image-volume=ignore"])[IMAGE_VOLUME] == "ignore"


def test_devices_of_a_privileged_container_cannot_be_seen() -> None:
    assert DEVICES in spec(host={"Privileged": True, "Devices": []}).unknowable


def test_devices_of_a_rootless_container_are_mounts_of_the_oci_configuration() -> None:
    options = ["slave", "nosuid", "noexec", "ro", "rbind"]
    mounts = [
        {"type": "bind", "source": "/dev/null", "destination": "/dev/x", "options": options},
        {"type": "bind", "source": "/dev/fuse", "destination": "/dev/fuse", "options": ["rw", "rbind"]},
    ]
    assert DEVICES in spec(sources={"rootless": True}).unknowable
    assert DEVICES not in spec(sources={"rootless": True, "oci_config": {"mounts": []}}).unknowable
    result = spec(sources={"rootless": True, "oci_config": {"mounts": mounts}})
    assert result[DEVICES] == ("/dev/null:/dev/x:r", "/dev/fuse:/dev/fuse:rwm")


# --- network --------------------------------------------------------------------------------------


def test_a_current_address_is_never_taken_for_a_static_one() -> None:
    networks = {"n1": {"IPAddress": "10.0.0.7", "MacAddress": "aa:bb:cc:dd:ee:ff", "Aliases": [ID[:12]]}}
    result = spec(NetworkSettings={"Networks": networks}, started=True)
    assert result[NETWORK] == ("n1",)
    assert IP in result.unknowable
    assert "10.0.0.7" not in repr(result.values())


def test_aliases_without_podmans_own() -> None:
    networks = {"n1": {"Aliases": ["db", ID[:12], "web", "given"]}}
    result = spec(config={"Hostname": "given"}, NetworkSettings={"Networks": networks})
    assert result[NETWORK_ALIAS] == ("db",)
    assert result[HOSTNAME] == "given"


def test_a_rootless_default_network_is_not_an_option() -> None:
    rootless = {"rootless": True}
    assert NETWORK not in spec(host={"NetworkMode": "pasta"}, command=[], sources=rootless)
    assert spec(host={"NetworkMode": "bridge"}, sources=rootless)[NETWORK] == ("podman",)
    given = spec(host={"NetworkMode": "pasta"}, command=["--network=pasta:--mtu,1400"], sources=rootless)
    assert given[NETWORK] == ("pasta:--mtu,1400",)
    bare = spec(host={"NetworkMode": "pasta"}, sources=rootless)
    assert any("pasta" in remark for remark in bare.remarks)


def test_the_hosts_name_is_no_option() -> None:
    config = {"Hostname": "vm"}
    assert HOSTNAME not in spec(config=config, host={"UTSMode": "host"})
    assert HOSTNAME not in spec(config=config, host={"NetworkMode": "host"}, command=[])
    assert HOSTNAME in spec(config=config, host={"NetworkMode": "host"}, started=True).unknowable
    assert UTS in spec(config=config, host={"UTSMode": "host"})


_USUAL_HOSTS = (
    "127.0.0.1 localhost localhost.localdomain # me\n::1 localhost ip6-localhost\nff02::1 ip6-allnodes\n"
)


@pytest.mark.parametrize(
    ("base", "network", "command", "kept"),
    [
        (_USUAL_HOSTS, "bridge", None, False),
        (_USUAL_HOSTS + "127.0.1.1 vm\n", "bridge", None, True),
        (None, "bridge", None, True),
        (None, f"container:{OTHER}", None, False),
        (_USUAL_HOSTS, "bridge", ["--hosts-file=none"], True),
    ],
)
def test_what_dockers_clients_leave_of_hosts_is_dropped_where_it_changes_nothing(
    base: str | None, network: str, command: list[str] | None, kept: bool
) -> None:
    result = spec(
        host={"HostsFile": "none", "NetworkMode": network}, command=command, sources={"base_hosts": base}
    )
    assert (HOSTS_FILE in result) is kept
    assert any("--hosts-file" in remark for remark in result.remarks) is (kept and command is None)


def test_the_empty_root_of_an_infra_container_is_no_option() -> None:
    assert ROOTFS not in spec(Rootfs="/run/libpod/infra-container", IsInfra=True)
    assert spec(Rootfs="/run/libpod/infra-container")[ROOTFS] == "/run/libpod/infra-container"


def test_the_usual_cgroups_are_no_options() -> None:
    assert CGROUPS not in spec(command=["--cgroups=enabled"])
    assert spec(command=["--cgroups=no-conmon"])[CGROUPS] == "no-conmon"
    below = {"CgroupParent": "user.slice"}
    assert CGROUP_PARENT not in spec(host=below, sources={"rootless": True})
    assert spec(host=below)[CGROUP_PARENT] == "user.slice"


def test_dns_none_shows_once_it_runs() -> None:
    assert spec(started=True, ResolvConfPath="")[DNS] == ("none",)
    assert DNS not in spec(started=True, ResolvConfPath="/run/resolv.conf").unknowable
    assert DNS in spec().unknowable
    assert DNS not in spec(started=True, ResolvConfPath="", host={"NetworkMode": "none"})


# --- logs, signals, systemd -----------------------------------------------------------------------


def test_the_engines_log_driver_is_no_option() -> None:
    host = {"LogConfig": {"Type": "journald", "Path": "", "Size": "0B"}}
    assert LOG_DRIVER not in spec(host=host, sources={"log_driver": "journald"})
    assert LOG_DRIVER not in spec(host=host, command=[])
    assert spec(host=host)[LOG_DRIVER] == "journald"
    assert spec(host=host, sources={"log_driver": "k8s-file"})[LOG_DRIVER] == "journald"


def test_rounded_log_sizes_are_told_unless_the_command_knows() -> None:
    host = {"LogConfig": {"Type": "k8s-file", "Path": "/x/userdata/ctr.log", "Size": "1.235MB"}}
    bare = spec(host=host)
    assert bare[LOG_OPT] == ("max-size=1.235mb",)
    assert any("rounded" in remark for remark in bare.remarks)
    assert spec(host=host, command=["--log-opt=max-size=1234567"])[LOG_OPT] == ("max-size=1234567",)


@pytest.mark.parametrize("size", ["-1B", "0B", ""])
def test_no_log_size_is_no_option(size: str) -> None:
    host = {"LogConfig": {"Type": "k8s-file", "Path": "/x/userdata/ctr.log", "Size": size}}
    assert LOG_OPT not in spec(host=host)


def test_the_engines_log_size_is_no_option() -> None:
    host = {"LogConfig": {"Type": "k8s-file", "Path": "/x/userdata/ctr.log", "Size": "1.049MB"}}
    assert LOG_OPT not in spec(host=host, command=[])


def test_systemd_mode_is_guessed_as_podman_does() -> None:
    active = {"SystemdMode": True, "StopSignal": "SIGRTMIN+3"}
    assert options(spec(config=active, Path="/sbin/init", Args=[])) == set()
    assert spec(config=active, Path="/bin/x", Args=[])[SYSTEMD] == "always"
    assert spec(Path="/usr/lib/systemd/systemd", Args=[])[SYSTEMD] == "false"


def test_a_stop_timeout_of_zero_is_kept() -> None:
    assert spec(config={"StopTimeout": 0})[STOP_TIMEOUT] == 0
    assert STOP_TIMEOUT not in spec(config={"StopTimeout": 10})
    assert STOP_TIMEOUT not in spec()


def test_an_empty_document_does_not_break() -> None:
    result = read_spec(Sources({}, version=Version(4, 4)))
    assert options(result) == set()


@pytest.mark.parametrize("field", ["Config", "HostConfig", "Mounts", "NetworkSettings", "Dependencies"])
def test_null_sections_do_not_break(field: str) -> None:
    document = {"Id": ID, "Name": "web", "Config": {"Hostname": ID[:12]}, "HostConfig": {}, field: None}
    assert options(read_spec(Sources(document))) <= {NETWORK}


@pytest.mark.parametrize(
    ("sources", "value"),
    [
        ({"oci_config": {"process": {"user": {"uid": 0}}}}, "0022"),
        ({"oci_config": {"process": {"user": {"umask": 0o77}}}}, "0077"),
        ({"oci_config": {"process": {"user": {"umask": 0}}}}, "0000"),
        ({"umask": "0022"}, "0022"),
    ],
)
def test_an_empty_umask_that_inspect_pads_is_looked_up(sources: dict[str, Any], value: str) -> None:
    """The compatible API stores none; inspect shows 0000, which would open every file that is made."""
    result = spec(config={"Umask": "0000"}, sources=sources)
    assert result[UMASK] == value
    assert UMASK not in result.unknowable


@pytest.mark.parametrize("sources", [{}, {"umask": "0000"}, {"umask": "0077"}])
def test_a_padded_umask_that_nothing_explains_is_unknown(sources: dict[str, Any]) -> None:
    """A program may have changed its umask by itself: that of the kernel is no proof."""
    result = spec(config={"Umask": "0000"}, sources=sources)
    assert UMASK not in result
    assert UMASK in result.unknowable


def test_a_umask_of_the_command_line_is_kept() -> None:
    assert spec(config={"Umask": "0000"}, command=["--umask=0"])[UMASK] == "0000"


def test_limits_that_were_lifted_while_it_ran_are_none() -> None:
    """`podman update` cannot take a limit away; through the API it becomes -1, which no flag takes."""
    lifted = {"Memory": -1, "MemorySwap": -1, "MemoryReservation": -1, "CpuQuota": -1, "CpuPeriod": 100000}
    spec = read_spec(Sources({"Config": {}, "HostConfig": {**lifted, "NanoCpus": -10000}}))
    names = {option.name for option in spec}
    assert not names & {"memory", "memory-swap", "memory-reservation", "cpu-quota", "cpu-period", "cpus"}


# --- Podman 4 -------------------------------------------------------------------------------------

V43, V44, V49 = {"version": Version(4, 3, 1)}, {"version": Version(4, 4)}, {"version": Version(4, 9, 4)}


def test_podman_43_calls_every_ipc_namespace_shareable() -> None:
    host = {"IpcMode": "shareable"}
    assert spec(host=host, sources=V43, command=["--ipc=host"])[IPC] == "host"
    assert IPC not in spec(host=host, sources=V43, command=[])
    assert IPC in spec(host=host, sources=V43).unknowable
    assert IPC not in spec(host=host, sources=V44).unknowable


def test_an_automatic_user_namespace_is_unknown_before_podman_5() -> None:
    mapped = {"UsernsMode": "", "IDMappings": {"UidMap": ["0:2147487744:1024"], "GidMap": []}}
    assert USERNS in spec(host=mapped, sources=V49, started=True).unknowable
    assert any("--uidmap" in remark for remark in spec(host=mapped, sources=V49, started=True).remarks)
    assert USERNS in spec(host={**mapped, "UsernsMode": "private"}, sources=V49, started=True).unknowable
    assert USERNS in spec(sources=V49).unknowable
    assert USERNS not in spec(sources=V49, started=True).unknowable
    assert USERNS not in spec(sources=V49, command=[]).unknowable
    assert USERNS not in spec(sources={"version": Version(5, 0)}).unknowable


def test_the_usual_rootless_network_is_no_option() -> None:
    for mode, version, usual in (("slirp4netns", V49, True), ("pasta", V49, False), ("pasta", {}, True)):
        shown = spec(host={"NetworkMode": mode}, sources={**version, "rootless": True})
        assert (NETWORK not in shown) == usual, mode


def test_podman_43_shows_what_read_only_adds() -> None:
    usual = "rw,rprivate,nosuid,nodev,tmpcopyup"
    tmpfs = {"/run": usual, "/tmp": usual, "/data": usual, "/var/tmp": f"size=1m,{usual}"}
    host = {"ReadonlyRootfs": True, "Tmpfs": tmpfs}
    assert spec(host=host, sources=V43, command=["--read-only"])[TMPFS] == ("/data", "/var/tmp:size=1m")
    given = spec(host=host, sources=V43, command=["--read-only", "--tmpfs=/tmp"])
    assert given[TMPFS] == ("/data", "/tmp", "/var/tmp:size=1m")
    unasked = spec(host=host, sources=V43)
    assert len(unasked[TMPFS]) == 4
    assert any("--tmpfs" in remark for remark in unasked.remarks)


def test_the_value_of_a_secret_is_no_variable_though_old_podmans_show_it() -> None:
    config = {"Env": ["KEY=hunter2", "api=hunter3", "A=1"]}
    command = ["--secret=key,type=env,target=KEY", "--secret=api,type=env", "--secret=file", "--env=A=1"]
    assert spec(config=config, command=command, started=True, sources=V49)[ENV] == ("A=1",)
    assert SECRETS in spec(config=config, started=True, sources=V49).unknowable


def test_a_limit_of_processes_that_podman_43_adds_is_told() -> None:
    host = {"Ulimits": [{"Name": "RLIMIT_NPROC", "Soft": 1048576, "Hard": 1048576}]}
    assert any("added by Podman" in remark for remark in spec(host=host, sources=V43).remarks)
    assert not any("added by Podman" in remark for remark in spec(host=host, sources=V44).remarks)


def test_ports_exposed_in_the_hosts_network_come_from_the_command() -> None:
    shown = spec(host={"NetworkMode": "host"}, sources=V43, command=["--expose=7000-7002"])
    assert shown[EXPOSE] == ("7000-7002",)
    assert EXPOSE in spec(host={"NetworkMode": "host"}, sources=V43).unknowable
    assert EXPOSE not in spec(host={"NetworkMode": "host"}, sources={"version": Version(5, 3)}).unknowable
