"""Where inspect misleads: what a container shows, what its command asked for, what is read."""

import shlex
from typing import Any

import pytest

from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec, UnsavedVolume
from hardentui.options import *
from hardentui.options.engine_defaults import ulimits_added_at_start
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec
from hardentui.writers.left_behind import left_behind
from hardentui.writers.run_script import run_arguments

ID = "ab" * 32
OTHER = "cd" * 32
HEX_VOLUME = "0123456789abcdef" * 4
SECOND = 1_000_000_000
V43, V44, V49 = (
    {"version": Version(4, 3, 1)},
    {"version": Version(4, 4)},
    {"version": Version(4, 9, 4)},
)
STOCK_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OVERLAY = f"/s/overlay-containers/{ID}/userdata/overlay/1"

Shown = dict[str, Any]
"""Sections of an inspect document; `sources` is what else is known, `image` the image's
configuration."""


def HOST(**section: Any) -> Shown:
    return {"host": section}


def CONFIG(**section: Any) -> Shown:
    return {"config": section}


def HERE(**known: Any) -> Shown:
    return {"sources": known}


def NETWORKS(**networks: Any) -> Shown:
    return {"NetworkSettings": {"Networks": networks}}


def ANNOTATED(userns: str, **config: Any) -> Shown:
    return CONFIG(Annotations={"io.podman.annotations.userns": userns}, **config)


def CHECKED(test: list[str], **more: Any) -> Shown:
    return CONFIG(Healthcheck={"Test": test, **more})


def BOUND(
    port: str,
    address: str = "",
    **host: Any,
) -> Shown:
    return HOST(
        PortBindings={"80/tcp": [{"HostIp": address, "HostPort": port}]},
        **host,
    )


PUBLISHES_ALL = {"io.podman.annotations.publish-all": "TRUE"}


def ENVIRON(*variables: str) -> Shown:
    return CONFIG(Env=list(variables), Tty=True) | {"image": {"Env": ["PATH=/bin"]}} | STARTED


def EXPOSING(*ports: str) -> Shown:
    return CONFIG(ExposedPorts={port: {} for port in ports})


def SECRET(**over: int) -> Shown:
    return CONFIG(Secrets=[{"Name": "s1", "UID": 0, "GID": 0, "Mode": 292, **over}])


def LIMIT(**limits: int) -> Shown:
    return HOST(
        Ulimits=[{"Name": f"RLIMIT_{name}", "Soft": n, "Hard": n} for name, n in limits.items()]
    )


def LOGGED(driver: str, size: str) -> Shown:
    return HOST(LogConfig={"Type": driver, "Path": "/x/userdata/ctr.log", "Size": size})


def MOUNTED(**over: Any) -> Shown:
    usual = {
        "Type": "bind",
        "Source": "/a",
        "Destination": "/b",
        "Mode": "",
        "Options": ["rbind"],
    }
    return {"Mounts": [{**usual, "RW": True, "Propagation": "rprivate", **over}]}


IMAGE_MOUNT = {
    "Type": "image",
    "Source": "i:1",
    "Destination": "/b",
    "Options": None,
    "RW": False,
    "SubPath": "/d",
}


def MERGED(lower: str, *more: str, before: Any = None) -> Shown:
    """An overlay mount, as it shows once the container was started."""
    entries = MOUNTED(
        Source=f"{OVERLAY}/merge",
        Options=[f"lowerdir={lower}", *more],
    )["Mounts"]
    return {"Mounts": [before, *entries] if before else entries} | STARTED


STARTED: Shown = {"OCIConfigPath": "/config.json"}
EXPOSES_443: Shown = {"image": {"ExposedPorts": {"443/tcp": {}}}}
EXPOSED_BY_PORTS = EXPOSES_443 | HOST(
    PortBindings={
        "7000/tcp": None,
        "80/tcp": [{"HostIp": "", "HostPort": "8080"}],
        "443/tcp": None,
    }
)
HEALTH_LOG: Shown = {"HealthLogDestination": "local", "HealthcheckMaxLogSize": 500}
LABELLED = {"a": "1", "b": "2", "PODMAN_SYSTEMD_UNIT": "web.service", "empty": ""}
SECRETS_49 = CONFIG(Env=["KEY=hunter2", "api=hunter3", "A=1"]) | STARTED | HERE(**V49)
SYSTEMD_MODE = CONFIG(
    SystemdMode=True,
    StopSignal="SIGRTMIN+3",
)
UMASK_SHOWN = CONFIG(Umask="0000")
HOSTS_FILE_NONE = HOST(HostsFile="none")
USUAL_HOSTS = (
    "127.0.0.1 localhost localhost.localdomain # me\n::1 localhost "
    "ip6-localhost\nff02::1 ip6-allnodes\n"
)
KEPT_MAP = ["0:1:1000", "1000:0:1", "1001:1001:64536"]
KEPT = {
    "UsernsMode": "private",
    "IDMappings": {"UidMap": KEPT_MAP, "GidMap": KEPT_MAP},
}
KEPT_FLAGS = " ".join(f"--{kind}map={entry}" for kind in ("uid", "gid") for entry in KEPT_MAP)
MAPPED = {
    "UidMap": ["0:2000000:1024"],
    "GidMap": ["0:2000000:1024"],
}
AUTO_MAP: dict[str, Any] = {"UidMap": ["0:2147487744:1024"], "GidMap": []}
AUTO = HOST(UsernsMode="", IDMappings=AUTO_MAP)
IN_POD = ANNOTATED(f"container:{OTHER}", User="1000:1000") | HOST(**KEPT) | {"Pod": OTHER}
SHARED = dict.fromkeys(
    ("NetworkMode", "IpcMode", "UTSMode"),
    f"container:{OTHER}",
)
POD_SHARES = (
    CONFIG(Hostname="p1")
    | HOST(
        **SHARED,
        CgroupParent="/libpod_parent/x",
        PidMode="private",
    )
    | {"Pod": "12" * 32, "Dependencies": [OTHER]}
    | HERE(pod_name="p1")
)
OF_PODMAN = (
    "io.container.manager io.podman.annotations.privileged org.opencontainers.image.stopSignal"
    " org.systemd.property.KillSignal run.oci.keep_original_groups"
).split()
OF_IMAGE = {
    "User": "app",
    "WorkingDir": "/srv",
    "StopSignal": "SIGQUIT",
    "Healthcheck": {"Test": ["CMD-SHELL", "x"]},
}
DEVICE_MOUNTS = [
    {
        "type": "bind",
        "source": source,
        "destination": at,
        "options": [*more, "rbind"],
    }
    for source, at, more in (
        ("/dev/null", "/dev/x", ("slave", "nosuid", "ro")),
        ("/dev/fuse", "/dev/fuse", ()),
    )
]
_TMPFS_43 = "rw,rprivate,nosuid,nodev,tmpcopyup"
READ_ONLY_43 = HERE(**V43) | HOST(
    ReadonlyRootfs=True,
    Tmpfs={
        **dict.fromkeys(("/run", "/tmp", "/data"), _TMPFS_43),
        "/var/tmp": f"size=1m,{_TMPFS_43}",
    },
)


def spec(shown: Shown | None = None, command: str | None = None) -> Spec:
    """The spec of a container that shows just this; `command`: the flags of its create command, if
    known."""
    sections = dict(shown or {})
    image, known = sections.pop("image", {}), sections.pop("sources", {})
    document: dict[str, Any] = {
        "Id": ID,
        "Name": "web",
        "ImageName": "localhost/app:1",
        "Config": {
            "Hostname": ID[:12],
            "Env": ["container=podman", STOCK_PATH],
            **sections.pop("config", {}),
        },
        "HostConfig": {"NetworkMode": "bridge", **sections.pop("host", {})},
        "NetworkSettings": {"Networks": {"podman": {"Aliases": [ID[:12]]}}},
        **sections,
    }
    if command is not None:
        document["Config"]["CreateCommand"] = [
            "podman",
            "create",
            *shlex.split(command),
            "localhost/app:1",
        ]
    return read_spec(Sources(document, {"Config": image}, **known))


def words(given: Spec) -> list[str]:
    """The flags that make such a container again."""
    flags = run_arguments(given.without(NAME, IMAGE), "any")
    return [word for word in flags if word not in ("any", "")]


Said = tuple[str, str, str, str]
Row = tuple[Shown, str, str | None, Said]


def row(
    shown: Shown,
    read: str,
    asked: str | None = None,
    *,
    unknown: str = "",
    known: str = "",
    told: str = "",
    silent: str = "",
) -> Row:
    """What is shown, what is read, and what the create command asked for, if it is known.

    `unknown` and `known`: options of which it is said, or not, that nobody knows them; `told` and
    `silent`: what the remarks name, or not.
    """
    return shown, read, asked, (unknown, known, told, silent)


ROWS = [
    # garbage is no proof
    row(
        CONFIG(CreateCommand=["podman", "--log-level=info", "system", "service"]), "", unknown="ip"
    ),
    row({}, "", ""),
    # inspect wins over a stale command
    row(
        HOST(Memory=64, MemorySwap=128),
        "--memory=64b",
        "--memory=32b --name=old",
    ),
    # a network that was connected later
    row(
        NETWORKS(
            n1={"Aliases": ["db", ID[:12]]},
            late={"Aliases": ["x"]},
        ),
        "--network=n1:alias=db,ip=10.0.0.2 --network=late:alias=x",
        "--network=n1:alias=db,ip=10.0.0.2",
    ),
    # unknown flags, and credentials, which are never copied
    row(
        {},
        "",
        "--from-the-future=x",
        told="--from-the-future",
    ),
    row(
        {},
        "",
        "--creds=user:top-secret",
        told="--creds",
    ),
    row(
        {},
        "",
        "--decryption-key=top-secret",
        told="--decryption-key",
    ),
    # --- fields that say something else ---
    # no bounding capabilities: all were dropped; those of a privileged container are no options
    row(
        HOST(CapDrop=["CAP_CHOWN", "CAP_KILL"]) | {"BoundingCaps": None},
        "--cap-drop=all",
    ),
    row(
        HOST(
            Privileged=True,
            CapDrop=["CAP_SYS_RESOURCE"],
            SecurityOpt=["unmask=all"],
        ),
        "--privileged",
        "",
    ),
    row(
        HOST(
            Privileged=True,
            CapDrop=["CAP_SYS_RESOURCE"],
            SecurityOpt=["unmask=all"],
        ),
        "--privileged",
        known="unmask",
    ),
    # a user namespace comes from the annotation
    row(
        ANNOTATED("auto:size=1024")
        | HOST(
            UsernsMode="private",
            IDMappings=MAPPED,
        ),
        "--userns=auto:size=1024",
    ),
    row(
        ANNOTATED("private")
        | HOST(
            UsernsMode="private",
            IDMappings=MAPPED,
        ),
        "--uidmap=0:2000000:1024 --gidmap=0:2000000:1024",
    ),
    # inspect shows no map where one of the two kinds has none
    row(
        HOST(UsernsMode="private"),
        "--uidmap=u0:@0:1 --uidmap=u1:5:1",
        "--uidmap=u0:@0:1,u1:5:1",
    ),
    row(
        HOST(UsernsMode="private"),
        "",
        unknown="uidmap gidmap",
    ),
    row({}, "", known="uidmap gidmap"),
    # keep-id sets the user by itself; another user beside it is kept
    row(
        ANNOTATED("keep-id", User="1000:1000") | HOST(**KEPT),
        "--userns=keep-id",
    ),
    row(
        ANNOTATED("keep-id", User="1000:1000"),
        "--userns=keep-id",
        "--userns=keep-id",
    ),
    row(
        ANNOTATED("keep-id", User="1000:1000"),
        "--user=1000:1000 --userns=keep-id",
        "--userns=keep-id -u 1000:1000",
    ),
    row(
        ANNOTATED("keep-id", User="5") | HOST(**KEPT),
        "--user=5 --userns=keep-id",
    ),
    row(
        CONFIG(User="1000:1000") | HOST(**KEPT) | HERE(rootless=True),
        f"--user=1000:1000 {KEPT_FLAGS} --network=podman",
        told="keep-id",
    ),
    # the user namespace of a member is the pod's
    row(IN_POD, f"--pod={OTHER}"),
    row(IN_POD, f"--pod={OTHER}", "--pod=p"),
    row(
        IN_POD,
        f"--pod={OTHER} --user=1000:1000",
        "--pod=p --user=1000:1000",
    ),
    row(
        ANNOTATED(f"container:{OTHER}", User="1000:1000") | HOST(**KEPT),
        f"--user=1000:1000 --userns=container:{OTHER}",
    ),
    # memory and swap as Podman means them
    row(HOST(Memory=64, MemorySwap=128), "--memory=64b"),
    row(HOST(Memory=64, MemorySwap=0), "--memory=64b --memory-swap=-1"),
    row(HOST(Memory=64, MemorySwap=96), "--memory=64b --memory-swap=96b"),
    row(HOST(Memory=0, MemorySwap=0), ""),
    # a swappiness, or OOM score, of zero is set only if it was given
    row(HOST(MemorySwappiness=0), "", ""),
    row(
        HOST(MemorySwappiness=0),
        "--memory-swappiness=0",
        "--memory-swappiness=0",
    ),
    row(HOST(MemorySwappiness=None), ""),
    row(
        HOST(MemorySwappiness=0),
        "",
        unknown="memory-swappiness",
    ),
    row(
        HOST(MemorySwappiness=0)
        | HERE(oci_config={"linux": {"resources": {"memory": {"swappiness": 0}}}}),
        "--memory-swappiness=0",
    ),
    row(
        HOST(MemorySwappiness=0) | HERE(oci_config={}),
        "",
        known="memory-swappiness",
    ),
    row(
        HOST(MemorySwappiness=0) | HERE(cgroup_version=2),
        "",
        known="memory-swappiness",
    ),
    row(HOST(OomScoreAdj=0), "", ""),
    row(
        HOST(OomScoreAdj=0),
        "--oom-score-adj=0",
        "--oom-score-adj=0",
    ),
    row(HOST(OomScoreAdj=-5), "--oom-score-adj=-5", ""),
    row({}, "", unknown="oom-score-adj"),
    row(
        HERE(oci_config={"process": {"oomScoreAdj": 0}}), "", told="--oom-score-adj"
    ),  # Docker's API, unasked
    row(
        HERE(oci_config={"process": {}}),
        "",
        known="oom-score-adj",
    ),
    # a weight that this kernel does not take: Podman only warns, and leaves it out
    row(
        {},
        "",
        "--blkio-weight=100",
        told="--blkio-weight",
    ),
    row(
        HOST(BlkioWeight=100),
        "--blkio-weight=100",
        "--blkio-weight=100",
        silent="--blkio-weight",
    ),
    # processors and quota are never both there
    row(
        HOST(
            CpuPeriod=100000,
            CpuQuota=29000,
            NanoCpus=290000000,
        ),
        "--cpus=0.29",
    ),
    row(
        HOST(CpuPeriod=50000, CpuQuota=25000),
        "--cpu-period=50000 --cpu-quota=25000",
    ),
    # a limit on processes is left out only where the engine has it too; cgroup v1 shows none to a
    # user
    row(HOST(PidsLimit=2048) | HERE(pids_limit=2048), ""),
    row(HOST(PidsLimit=2048) | HERE(pids_limit=4096), "--pids-limit=2048"),
    row(HOST(PidsLimit=4096) | HERE(pids_limit=4096), "--pids-limit=4096"),
    row(HOST(PidsLimit=0) | HERE(pids_limit=2048), "--pids-limit=-1"),
    row(
        HOST(PidsLimit=0) | HERE(rootless=True, cgroup_version=1),
        "--network=podman",
        "",
    ),
    row(
        HOST(PidsLimit=0) | HERE(rootless=True, cgroup_version=1),
        "--network=podman --pids-limit=-1",
        "--pids-limit=0",
    ),
    row(
        HOST(PidsLimit=0) | HERE(rootless=True, cgroup_version=2),
        "--network=podman --pids-limit=-1",
    ),
    # ports: without an address all, random ones stay random, published ones are not exposed again
    row(BOUND("8080", "0.0.0.0"), "--publish=8080:80"),
    row(
        BOUND("8080", "0.0.0.0"),
        "--publish=0.0.0.0:8080:80",
        "-p 0.0.0.0:8080:80",
    ),
    row(BOUND("41234", "0.0.0.0"), "--publish=80", "-p 80"),
    row(
        BOUND("41234", "0.0.0.0"),
        "--publish=41234:80",
        told="41234",
    ),
    row(
        BOUND("41234", PublishAllPorts=True),
        "--publish-all",
        unknown="publish",
    ),
    row(
        BOUND("41234", PublishAllPorts=True),
        "--publish-all",
        "-P",
    ),
    row(
        BOUND("41234") | CONFIG(Annotations=PUBLISHES_ALL),
        "--publish-all",
        "-P",
    ),  # Podman 4
    row(
        EXPOSING(
            "80/tcp",
            "81/tcp",
            "53/udp",
            "443/tcp",
        )
        | BOUND("8080")
        | EXPOSES_443,
        "--publish=8080:80 --expose=53/udp --expose=81",
    ),
    # other containers by their names; what belongs to the pod is not the container's
    row(
        HOST(PidMode=f"container:{OTHER}")
        | {"Dependencies": [OTHER, "ef" * 32]}
        | HERE(container_names={OTHER: "db", "ef" * 32: "cache"}),
        "--requires=cache --pid=container:db",
    ),
    row(POD_SHARES, "--pod=p1", "--pod=p1"),
    # Podman's own init and runtime are no options
    row(HOST(Init=True), "--init", unknown="init-path"),
    row({}, "", known="init-path"),
    row({"OCIRuntime": "/opt/crun"}, "--runtime=/opt/crun"),
    row({"OCIRuntime": "crun"}, ""),
    row({"OCIRuntime": "runc"} | HERE(runtime="crun"), "--runtime=runc"),
    # the default of the cgroup namespace depends on the cgroup version
    row(HOST(CgroupMode="host") | HERE(cgroup_version=1), ""),
    row(
        HOST(CgroupMode="private") | HERE(cgroup_version=1),
        "--cgroupns=private",
    ),
    row(HOST(CgroupMode="host") | HERE(cgroup_version=2), "--cgroupns=host"),
    row(HOST(CgroupMode="private") | HERE(cgroup_version=2), ""),
    row(
        HOST(CgroupMode="host") | HERE(cgroup_version=None),
        "--cgroupns=host",
    ),
    row(HOST(CgroupMode="private") | HERE(cgroup_version=None), ""),
    row(HOST(CgroupMode="host"), "", ""),
    row(HOST(CgroupMode="private"), "", ""),
    # a limit that was lifted while it ran becomes -1, which no flag takes
    row(
        HOST(
            Memory=-1,
            MemorySwap=-1,
            MemoryReservation=-1,
            CpuQuota=-1,
            CpuPeriod=100000,
            NanoCpus=-10000,
        ),
        "",
    ),
    # the compatible API stores no umask; inspect shows 0000, which would open every file that is
    # made
    row(
        UMASK_SHOWN | HERE(oci_config={"process": {"user": {"uid": 0}}}),
        "",
        known="umask",
    ),
    row(
        UMASK_SHOWN | HERE(oci_config={"process": {"user": {"umask": 0o77}}}),
        "--umask=0077",
        known="umask",
    ),
    row(
        UMASK_SHOWN | HERE(oci_config={"process": {"user": {"umask": 0}}}),
        "--umask=0000",
        known="umask",
    ),
    row(UMASK_SHOWN | HERE(umask="0022"), "", known="umask"),
    row(UMASK_SHOWN, "--umask=0000", "--umask=0"),
    # a program may have changed its umask by itself: that of the kernel is no proof
    row(UMASK_SHOWN, "", unknown="umask"),
    row(
        UMASK_SHOWN | HERE(umask="0000"),
        "",
        unknown="umask",
    ),
    row(
        UMASK_SHOWN | HERE(umask="0077"),
        "",
        unknown="umask",
    ),
    # --- what podman adds at the start is no option ---
    # variables of Podman and of the image, but not those that only look like it
    row(
        ENVIRON(
            "PATH=/bin",
            "container=podman",
            "HOME=/root",
            f"HOSTNAME={ID[:12]}",
            "TERM=xterm",
            "A=1",
        ),
        "--env=A=1 --tty",
        "-t",
    ),
    row(ENVIRON("HOME=/srv"), "--env=HOME=/srv --unsetenv-all --tty"),
    row(
        ENVIRON("HOME=/srv"),
        "--env=HOME=/srv --tty",
        "-t --env=HOME=/srv",
    ),
    row(
        ENVIRON("HOSTNAME=other"),
        "--env=HOSTNAME=other --unsetenv-all --tty",
    ),
    row(
        ENVIRON("HOSTNAME=other"),
        "--env=HOSTNAME=other --tty",
        "-t --env=HOSTNAME=other",
    ),
    row(ENVIRON("TERM=dumb"), "--env=TERM=dumb --unsetenv-all --tty"),
    row(
        ENVIRON("TERM=dumb"),
        "--env=TERM=dumb --tty",
        "-t --env=TERM=dumb",
    ),
    row(
        ENVIRON("container=mine"),
        "--env=container=mine --unsetenv=PATH --tty",
    ),
    row(
        ENVIRON("container=mine"),
        "--env=container=mine --tty",
        "-t --env=container=mine",
    ),
    row(ENVIRON("PATH=/sbin"), "--env=PATH=/sbin --tty"),
    row(
        ENVIRON("PATH=/sbin"),
        "--env=PATH=/sbin --tty",
        "-t --env=PATH=/sbin",
    ),
    row(
        CONFIG(Env=["TERM=xterm"]) | HERE(version=Version(4, 6, 2)),
        "--unsetenv-all",
    ),
    row(
        CONFIG(Env=["TERM=xterm"]) | HERE(version=Version(4, 7)), "--env=TERM=xterm --unsetenv-all"
    ),
    row(
        CONFIG(Env=["TERM=xterm"]) | HERE(version=Version(4, 6, 2)),
        "--env=TERM=xterm",
        "--env=TERM=xterm",
    ),
    row(CONFIG(Env=["http_proxy=http://p:1"]), "", ""),
    row(
        CONFIG(Env=["http_proxy=http://p:1"]),
        "--env=http_proxy=http://p:1 --unsetenv-all",
        told="http_proxy",
    ),
    # variables that were removed stay removed, also the path that every container gets
    row(
        CONFIG(Env=["A=1", "container=podman", STOCK_PATH]) | {"image": {"Env": ["A=1", "B=2"]}},
        "--unsetenv=B",
    ),
    row(
        CONFIG(Env=["C=1"]) | {"image": {"Env": ["A=1", "B=2"]}},
        "--env=C=1 --unsetenv-all",
    ),
    row(CONFIG(Env=["container=podman"]), "--unsetenv=PATH"),
    # annotations and labels of Podman, of the image and of systemd
    row(
        CONFIG(Annotations={"io.kubernetes.cri-o.Created": "2026-11-29T04:47:49Z"}),
        "",
    ),
    row(
        CONFIG(Annotations=dict.fromkeys(OF_PODMAN, "1") | {"mine": "x"}),
        "--annotation=mine=x --group-add=keep-groups",
    ),
    row(
        CONFIG(Labels=LABELLED) | {"image": {"Labels": {"a": "1", "b": "other"}}},
        "--label=b=2 --label=empty=",
    ),
    # ports are exposed without a field of their own; Podman 4.3 does not show that nothing is
    # masked
    row(EXPOSED_BY_PORTS, "--publish=8080:80"),
    row(
        {},
        "--security-opt=unmask=ALL",
        "--security-opt=systempaths=unconfined",
    ),
    # a directory that the API made may be missing
    row(
        CONFIG(WorkingDir="/made"),
        "--workdir=/made",
        told="/made",
    ),
    row(
        CONFIG(WorkingDir="/made"),
        "--workdir=/made",
        "-w /made",
        silent="/made",
    ),
    # values of secrets never become variables; their modes and targets
    row(
        CONFIG(Env=["s1=*******"]) | STARTED,
        "--unsetenv-all",
        unknown="secret",
        told="s1",
    ),
    row(STARTED, "", known="secret"),
    row(
        SECRET(UID=5, Mode=256) | STARTED,
        "--secret=s1,type=mount,uid=5,mode=0400",
        told="target",
    ),
    row(
        SECRET(),
        "--secret=s1,type=mount",
        told="environment",
    ),
    row(
        SECRET() | STARTED,
        "--secret=s1,type=mount",
        silent="environment",
    ),
    # limits that the engine adds are told where nobody can tell them from those that were asked for
    row(
        LIMIT(NOFILE=1024, NPROC=99, CORE=-1) | STARTED,
        "--ulimit=core=-1",
        "--ulimit=core=-1",
    ),
    row(
        LIMIT(NOFILE=1024, NPROC=99, CORE=-1) | STARTED,
        "--ulimit=core=-1 --ulimit=nofile=1024:1024",
        "--ulimit nofile=1024:1024,core=-1",
    ),
    row(
        LIMIT(NOFILE=1024, NPROC=99, CORE=-1) | STARTED,
        "--ulimit=core=-1 --ulimit=nofile=1024:1024 --ulimit=nproc=99:99",
        told="may have been added",
    ),
    row(
        LIMIT(NOFILE=1024, NPROC=99, CORE=-1)
        | STARTED
        | HERE(default_ulimits=("nofile=1024:1024", "nproc=99:99")),
        "--ulimit=core=-1",
    ),
    # settings of the image are subtracted
    row(CONFIG(**OF_IMAGE) | {"image": OF_IMAGE}, ""),
    row(
        CONFIG(
            User="0",
            WorkingDir="/",
            StopSignal="SIGTERM",
            Healthcheck={"Test": ["NONE"]},
        )
        | {"image": OF_IMAGE},
        "--workdir=/ --stop-signal=SIGTERM --user=0 --health-cmd=none",
    ),
    # a changed health check is written as a whole; zeros that no flag takes are told
    row(
        CHECKED(
            ["CMD", "a", "b c"],
            Interval=30 * SECOND,
            Retries=3,
        )
        | {"image": OF_IMAGE},
        '--workdir=/ \'--health-cmd=["a", "b c"]\' --health-interval=30s --health-retries=3',
    ),
    row(
        CHECKED(
            ["CMD-SHELL", "true"],
            Interval=7 * SECOND,
            Timeout=SECOND,
        ),
        "--health-cmd=true --health-interval=7s --health-timeout=1s",
        told="--health-retries",
    ),
    row(
        CHECKED(
            ["CMD-SHELL", "true"],
            Interval=7 * SECOND,
            Timeout=SECOND,
            Retries=2,
        ),
        "--health-cmd=true --health-interval=7s --health-timeout=1s --health-retries=2",
        silent="--health",
    ),
    row(
        CHECKED(["NONE"]),
        "--health-cmd=none",
        silent="--health",
    ),
    # a health log without limit is 0, which inspect leaves out; engines before 5.3 have no such
    # field
    row(CONFIG(**HEALTH_LOG), "--health-max-log-count=0"),
    row(CONFIG(**HEALTH_LOG, HealthcheckMaxLogCount=5), ""),
    row({}, ""),
    # --- health commands keep their form ---
    row(
        CHECKED(["CMD-SHELL", "curl x || exit 1"], Interval=1),
        "'--health-cmd=curl x || exit 1' --health-interval=1ns",
    ),
    row(
        CHECKED(["CMD-SHELL", "[ -f /x ]"], Interval=1),
        "'--health-cmd=CMD-SHELL [ -f /x ]' --health-interval=1ns",
    ),
    row(
        CHECKED(["CMD-SHELL", "none of it"], Interval=1),
        "'--health-cmd=CMD-SHELL none of it' --health-interval=1ns",
    ),
    row(
        CHECKED(["CMD-SHELL", "a", "b"], Interval=1),
        '\'--health-cmd=["CMD-SHELL", "a", "b"]\' --health-interval=1ns',
    ),
    row(
        CHECKED(["CMD", "/bin/true"], Interval=1),
        "'--health-cmd=CMD /bin/true' --health-interval=1ns",
    ),
    row(
        CHECKED(["CMD", "/bin/echo", "a b"], Interval=1),
        '\'--health-cmd=["/bin/echo", "a b"]\' --health-interval=1ns',
    ),
    row(CHECKED(["NONE"], Interval=1), "--health-cmd=none"),
    row(
        CHECKED(['["CMD","x', 'y"]'], Interval=1),
        '\'--health-cmd=["CMD","x y"]\' --health-interval=1ns',
    ),
    # --- mounts are those that were asked for ---
    # a volume that Podman calls anonymous; devpts is no bind mount; a relative source is absolute
    row(
        MOUNTED(
            Type="volume",
            Name="odd",
            Source="/x",
        )
        | HERE(volumes={"odd": {"Anonymous": True}}),
        "--volume=/b",
    ),
    row(
        MOUNTED(
            Source="devpts",
            Options=["uid=1"],
            Propagation="",
        ),
        "--mount=type=devpts,destination=/b,uid=1",
    ),
    row(
        MOUNTED(Source="/srv/x", Mode="z"),
        "--volume=/srv/x:/b:z",
        "-v ./x:/b:z",
    ),
    row(
        {"Mounts": []},
        "",
        "-v ./x:/b:O",
        told="relative",
    ),
    # an overlay shows its own source, and no U; that of a volume stays one
    row(
        MERGED(
            "/data",
            f"upperdir={OVERLAY}/upper",
            f"workdir={OVERLAY}/work",
        ),
        "--volume=/data:/b:O",
    ),
    row(
        MERGED("/d"),
        "--volume=/d:/b:O,U",
        "--volume=/d:/b:O,U",
    ),
    row(
        MERGED("/s/volumes/v1/_data"),
        "--volume=v1:/b:O",
        "-v v1:/b:O",
    ),
    # Podman makes uid= and gid= of U when it starts, which it does not take itself
    row(
        HOST(Tmpfs={"/x": "nosuid,nodev,tmpcopyup,uid=5,gid=6"}) | STARTED,
        "--tmpfs=/x:U",
    ),
    # missing volumes of the image are a question; devices are not seen everywhere
    row(
        {"image": {"Volumes": {"/data": {}}}, "Mounts": []},
        "",
        unknown="image-volume",
    ),
    row(
        {"image": {"Volumes": {"/b": {}}}} | MOUNTED(),
        "--volume=/a:/b",
        known="image-volume",
    ),
    row(
        {"image": {"Volumes": {"/data": {}}}},
        "--image-volume=ignore",
        "--image-volume=ignore",
    ),
    row(
        HOST(Privileged=True, Devices=[]),
        "--privileged",
        unknown="device",
    ),
    row(
        HERE(rootless=True),
        "--network=podman",
        unknown="device",
    ),
    row(
        HERE(
            rootless=True,
            oci_config={"mounts": []},
        ),
        "--network=podman",
        known="device",
    ),
    row(
        HERE(
            rootless=True,
            oci_config={"mounts": DEVICE_MOUNTS},
        ),
        "--network=podman --device=/dev/null:/dev/x:r --device=/dev/fuse",
    ),
    # the second entry of an image mount is dropped
    row(
        MERGED(f"{OVERLAY}/x", before=IMAGE_MOUNT),
        "--mount=type=image,source=i:1,destination=/b,subpath=/d",
    ),
    # --- networks and names ---
    # a current address is never taken for a static one
    row(
        NETWORKS(
            n1={
                "IPAddress": "10.0.0.7",
                "MacAddress": "aa:bb:cc:dd:ee:ff",
                "Aliases": [ID[:12]],
            }
        )
        | STARTED,
        "--network=n1",
        unknown="ip",
    ),
    # aliases without Podman's own
    row(
        CONFIG(Hostname="given") | NETWORKS(n1={"Aliases": ["db", ID[:12], "web", "given"]}),
        "--network=n1 --network-alias=db --hostname=given",
    ),
    # the usual network of a user is no option
    row(
        HOST(NetworkMode="pasta") | HERE(rootless=True),
        "",
        "",
    ),
    row(
        HOST(NetworkMode="bridge") | HERE(rootless=True),
        "--network=podman",
    ),
    row(
        HOST(NetworkMode="pasta") | HERE(rootless=True),
        "--network=pasta:--mtu,1400",
        "--network=pasta:--mtu,1400",
    ),
    row(
        HOST(NetworkMode="pasta") | HERE(rootless=True),
        "",
        told="pasta",
    ),
    row(HOST(NetworkMode="slirp4netns") | HERE(rootless=True, **V49), ""),
    row(
        HOST(NetworkMode="pasta") | HERE(rootless=True, **V49),
        "--network=pasta",
    ),
    # the host's name, the empty root of an infra container, and the usual cgroups
    row(CONFIG(Hostname="vm") | HOST(UTSMode="host"), "--uts=host"),
    row(
        CONFIG(Hostname="vm") | HOST(NetworkMode="host"),
        "--network=host",
        "",
    ),
    row(
        CONFIG(Hostname="vm") | HOST(NetworkMode="host") | STARTED,
        "--network=host",
        unknown="hostname",
    ),
    row({"Rootfs": "/run/libpod/infra-container", "IsInfra": True}, ""),
    row(
        {"Rootfs": "/run/libpod/infra-container"},
        "--rootfs /run/libpod/infra-container",
    ),
    row({}, "", "--cgroups=enabled"),
    row({}, "--cgroups=no-conmon", "--cgroups=no-conmon"),
    row(
        HOST(CgroupParent="user.slice") | HERE(rootless=True),
        "--network=podman",
    ),
    row(HOST(CgroupParent="user.slice"), "--cgroup-parent=user.slice"),
    # DNS of none shows once it runs
    row(STARTED | {"ResolvConfPath": ""}, "--dns=none"),
    row(
        STARTED | {"ResolvConfPath": "/run/resolv.conf"},
        "",
        known="dns",
    ),
    row({}, "", unknown="dns"),
    row(
        STARTED | {"ResolvConfPath": ""} | HOST(NetworkMode="none"),
        "--network=none",
    ),
    # what Docker's clients leave of hosts is dropped where it changes nothing
    row(
        HOSTS_FILE_NONE | HERE(base_hosts=USUAL_HOSTS),
        "",
        silent="--hosts-file",
    ),
    row(
        HOSTS_FILE_NONE | HERE(base_hosts=USUAL_HOSTS + "127.0.1.1 vm"),
        "--hosts-file=none",
        told="--hosts-file",
    ),
    row(
        HOSTS_FILE_NONE | HERE(base_hosts=None),
        "--hosts-file=none",
        told="--hosts-file",
    ),
    row(
        HOST(
            HostsFile="none",
            NetworkMode=f"container:{OTHER}",
        )
        | HERE(base_hosts=None),
        f"--network=container:{OTHER}",
        silent="--hosts-file",
    ),
    row(
        HOSTS_FILE_NONE | HERE(base_hosts=USUAL_HOSTS),
        "--hosts-file=none",
        "--hosts-file=none",
        silent="--hosts-file",
    ),
    # --- logs signals and systemd ---
    # the engine's log driver and log size; rounded sizes are told unless the command knows
    row(LOGGED("journald", "0B") | HERE(log_driver="journald"), ""),
    row(LOGGED("journald", "0B"), "", ""),
    row(LOGGED("journald", "0B"), "--log-driver=journald"),
    row(
        LOGGED("journald", "0B") | HERE(log_driver="k8s-file"),
        "--log-driver=journald",
    ),
    row(
        LOGGED("k8s-file", "1.235MB"),
        "--log-driver=k8s-file --log-opt=max-size=1.235mb",
        told="rounded",
    ),
    row(
        LOGGED("k8s-file", "1.235MB"),
        "--log-opt=max-size=1234567",
        "--log-opt=max-size=1234567",
    ),
    row(LOGGED("k8s-file", "-1B"), "--log-driver=k8s-file"),
    row(LOGGED("k8s-file", "0B"), "--log-driver=k8s-file"),
    row(LOGGED("k8s-file", ""), "--log-driver=k8s-file"),
    row(LOGGED("k8s-file", "1.049MB"), "", ""),
    # systemd mode is guessed as Podman does; a stop timeout of zero is one
    row(SYSTEMD_MODE | {"Path": "/sbin/init", "Args": []}, ""),
    row(SYSTEMD_MODE | {"Path": "/bin/x", "Args": []}, "--systemd=always"),
    row({"Path": "/usr/lib/systemd/systemd", "Args": []}, "--systemd=false"),
    row(CONFIG(StopTimeout=0), "--stop-timeout=0"),
    row(CONFIG(StopTimeout=10), ""),
    # --- older podmans show less ---
    # Podman 4.3 calls every IPC namespace shareable
    row(
        HOST(IpcMode="shareable") | HERE(**V43),
        "--ipc=host",
        "--ipc=host",
    ),
    row(HOST(IpcMode="shareable") | HERE(**V43), "", ""),
    row(
        HOST(IpcMode="shareable") | HERE(**V43),
        "",
        unknown="ipc",
    ),
    row(
        HOST(IpcMode="shareable") | HERE(**V44),
        "",
        known="ipc",
    ),
    # an automatic user namespace is unknown before Podman 5
    row(
        AUTO | HERE(**V49) | STARTED,
        "--uidmap=0:2147487744:1024",
        unknown="userns",
        told="--uidmap",
    ),
    row(
        HOST(
            UsernsMode="private",
            IDMappings=AUTO_MAP,
        )
        | HERE(**V49)
        | STARTED,
        "--uidmap=0:2147487744:1024",
        unknown="userns",
    ),
    row(HERE(**V49), "", unknown="userns"),
    row(HERE(**V49) | STARTED, "", known="userns"),
    row(HERE(**V49), "", ""),
    row(HERE(version=Version(5, 0)), "", known="userns"),
    # Podman 4.3 shows what --read-only adds
    row(
        READ_ONLY_43,
        "--read-only --tmpfs=/data --tmpfs=/var/tmp:size=1m",
        "--read-only",
    ),
    row(
        READ_ONLY_43,
        "--read-only --tmpfs=/data --tmpfs=/tmp --tmpfs=/var/tmp:size=1m",
        "--read-only --tmpfs=/tmp",
    ),
    row(
        READ_ONLY_43,
        "--read-only --tmpfs=/data --tmpfs=/run --tmpfs=/tmp --tmpfs=/var/tmp:size=1m",
        told="--tmpfs",
    ),
    # the value of a secret is no variable, though old Podmans show it
    row(
        SECRETS_49,
        "--env=A=1 --secret=key,type=env,target=KEY --secret=api,type=env --secret=file,type=mount",
        "--secret=key,type=env,target=KEY --secret=api,type=env --secret=file --env=A=1",
    ),
    row(
        SECRETS_49, "--env=A=1 --env=KEY=hunter2 --env=api=hunter3 --unsetenv-all", unknown="secret"
    ),
    # a limit of processes that Podman 4.3 adds
    row(
        LIMIT(NPROC=1048576) | HERE(**V43), "--ulimit=nproc=1048576:1048576", told="added by Podman"
    ),
    row(
        LIMIT(NPROC=1048576) | HERE(**V44),
        "--ulimit=nproc=1048576:1048576",
        silent="added by Podman",
    ),
    # ports exposed in the host's network come from the command
    row(
        HOST(NetworkMode="host") | HERE(**V43),
        "--network=host --expose=7000-7002",
        "--expose=7000-7002",
    ),
    row(
        HOST(NetworkMode="host") | HERE(**V43),
        "--network=host",
        unknown="expose",
    ),
    row(
        HOST(NetworkMode="host") | HERE(version=Version(5, 3)),
        "--network=host",
        known="expose",
    ),
    row(
        {},
        "--sysctl=net.a=1 --sysctl=net.b=2",
        "--sysctl=net.a=0 --sysctl=net.b=2 --sysctl=net.a=1",
    ),
]


def _name(row: Row) -> str:
    return f"{row[1]} of {row[2]}"[:70]


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_what_is_shown_and_what_was_asked_for_is_read(row: Row) -> None:
    shown, read, asked, (unknown, known, told, silent) = row
    result = spec(shown, asked)
    carried = result
    if "oci_config" in shown.get(
        "sources", {}
    ):  # these are bare: they tell of no filter and no masks
        carried = result.without(SECCOMP_PROFILE, UNMASK)
    assert words(carried) == shlex.split(read)
    assert result[NAME] == "web"
    names = {option.name for option in result.unknowable}
    assert set(unknown.split()) <= names
    assert not set(known.split()) & names
    assert told in " ".join(result.remarks)
    assert not silent or silent not in " ".join(result.remarks)
    assert "top-secret" not in repr(result.values()) + repr(result.remarks)


def test_the_giver_of_volumes_is_known_by_its_name() -> None:
    document = {
        "Config": {},
        "HostConfig": {"VolumesFrom": ["f" * 64 + ":ro", "plain"]},
    }
    sources = Sources(document, container_names={"f" * 64: "db"})
    assert read_spec(sources)[VOLUMES_FROM] == ("db:ro", "plain")


def test_what_the_engine_adds_is_learnt_from_a_plain_container() -> None:
    def started(command: list[str] | None, soft: int) -> dict[str, Any]:
        limits = [
            {"Name": f"RLIMIT_{name}", "Soft": n, "Hard": n}
            for name, n in (("NOFILE", soft), ("CORE", 0))
        ]
        return {
            "Config": {"CreateCommand": command},
            "HostConfig": {"Ulimits": limits},
        } | STARTED

    asked = started(["podman", "run", "--ulimit=nofile=5:5", "i"], 5)
    plain = started(["podman", "run", "i"], 9)
    assert ulimits_added_at_start([started(None, 1), asked, plain]) == ("nofile=9:9",)
    assert ulimits_added_at_start([started(None, 1), asked]) == ()


ECHO = ["/bin/echo", "-n"]


@pytest.mark.parametrize(
    ("own", "own_cmd", "process", "entrypoint", "command"),
    [
        (ECHO, ["x", "y"], [*ECHO, "x", "y"], None, ()),
        (["/bin/ls"], None, ["/bin/ls"], ("/bin/ls",), ()),
        ([""], ["/bin/true"], ["/bin/true"], (), ("/bin/true",)),
        (None, None, ["x", "y"], (), ("x", "y")),
        (ECHO, ["z"], [*ECHO, "z"], None, ("z",)),
        (
            ["/bin/ls"],
            ["x", "y"],
            ["/bin/ls", "x", "y"],
            ("/bin/ls",),
            ("x", "y"),
        ),
    ],
)
def test_entry_point_and_command(
    own: Any,
    own_cmd: Any,
    process: list[str],
    entrypoint: Any,
    command: tuple[str, ...],
) -> None:
    image = {"image": {"Entrypoint": ECHO, "Cmd": ["x", "y"]}}
    path, *arguments = process
    result = spec(CONFIG(Entrypoint=own, Cmd=own_cmd) | image | {"Path": path, "Args": arguments})
    assert result[COMMAND] == command
    assert result[ENTRYPOINT] == entrypoint or (own is None and result[ENTRYPOINT] == ())


def test_without_the_image_its_settings_are_written_and_told() -> None:
    config = {"Env": ["PATH=/bin"], "Hostname": ID[:12]}
    result = read_spec(
        Sources(
            {
                "Id": ID,
                "Name": "web",
                "Config": config,
                "HostConfig": {},
            }
        )
    )
    assert result[ENV] == ("PATH=/bin",)
    assert any("image could not be read" in remark for remark in result.remarks)


def test_anonymous_volumes_are_told_and_never_named() -> None:
    entry = MOUNTED(
        Type="volume", Name=HEX_VOLUME, Source="/x", Options=["nosuid", "nodev", "rbind"]
    )
    asked = spec(entry, "-v /b")
    assert asked[MOUNTS] == (Mount("volume", "", "/b"),)
    inherited = spec(entry | {"image": {"Volumes": {"/b": {}}}})
    assert MOUNTS not in inherited
    for mounts, of_image in ((asked, False), (inherited, True)):
        assert mounts.unsaved == (UnsavedVolume("/b", of_image),)
        (told,) = (line for line in left_behind(mounts) if "/b" in line)
        assert ("the image asks for it" in told) == of_image
        assert HEX_VOLUME not in repr(mounts.values()) + told
