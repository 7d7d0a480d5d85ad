"""The made-up host that record_demo.py records: containers, files, and what hides the real machine."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from hardentui.host.process.denials import JOURNAL
from tools.demo_units import UNIT_TEXTS

HOST_NAME = "shop01"
TIME = "2026-11-24T09:30:00+00:00"
ANNA = 1000
NO_FIREWALL = '{"nftables": [{"table": {"family": "inet", "name": "netavark"}}]}'
_SHOW = (
    "systemctl",
    "show",
    "--no-pager",
    "--property=Id,Names,LoadState,FragmentPath,NRestarts,NeedDaemonReload",
)
_WEB = "Id=shop-web.service\nNames=shop-web.service\nLoadState=loaded\nNRestarts=0\nNeedDaemonReload=no\n"
_UYUNI = _WEB.replace("shop-web", "uyuni-server")
PROGRAMS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("nft", "-j", "list", "ruleset"), NO_FIREWALL),
    ((*_SHOW, "--", "shop-web.service"), _WEB),
    ((*_SHOW, "--", "uyuni-server.service"), _UYUNI),
    (
        (*_SHOW, "--", "shop-web.service", "uyuni-server.service"),
        f"{_WEB}\n{_UYUNI}",
    ),
    (JOURNAL, ""),
)
"""What programs of the host say."""
APPARMOR = "containers-default-0.62.2"
KERNEL = "6.12.48+deb13-amd64"


@dataclass(frozen=True)
class DemoEngine:
    """One of the two engines: where it would keep its things on a real host."""

    label: str
    rootless: bool
    url: str
    storage: str
    run: str
    slice: str


ENGINES = (
    DemoEngine(
        "rootful",
        False,
        "unix:///run/podman/podman.sock",
        "/var/lib/containers/storage",
        "/run/containers/storage",
        "/machine.slice",
    ),
    DemoEngine(
        "rootless anna",
        True,
        "unix:///run/user/1000/podman/podman.sock",
        "/home/anna/.local/share/containers/storage",
        "/run/user/1000/containers",
        "/user.slice/user-1000.slice/user@1000.service/user.slice",
    ),
)


@dataclass(frozen=True)
class DemoImage:
    """A busybox that looks like something real: its program listens on the ports and sleeps."""

    name: str
    program: str
    words: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    changes: tuple[str, ...] = ()


_PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NGINX = DemoImage(
    "docker.io/library/nginx:1.27",
    "nginx",
    ("-g", "daemon off;"),
    (80,),
    ("EXPOSE 80", "STOPSIGNAL SIGQUIT"),
)
POSTGRES = DemoImage(
    "docker.io/library/postgres:17",
    "postgres",
    (),
    (5432,),
    ("EXPOSE 5432", "STOPSIGNAL SIGINT", "ENV PGDATA=/var/lib/postgresql/data"),
)
REDIS = DemoImage(
    "docker.io/library/redis:7.4", "redis-server", (), (6379,), ("EXPOSE 6379", "WORKDIR /data")
)
ALPINE = DemoImage("docker.io/library/alpine:latest", "sh")
EXPORTER = DemoImage(
    "quay.io/prometheus/node-exporter:v1.9.0",
    "node_exporter",
    (),
    (9100,),
    ("EXPOSE 9100", "USER nobody"),
)
API = DemoImage(
    "ghcr.io/example/shop-api:2.3.1",
    "shop-api",
    (),
    (8081,),
    ("EXPOSE 8081",),
)
WORKER = DemoImage("ghcr.io/example/shop-worker:2.3.1", "shop-worker")
REPORT = DemoImage("ghcr.io/example/report:latest", "report")
UYUNI = DemoImage(
    "registry.opensuse.org/uyuni/server:2026.10",
    "init",
    (),
    (443, 4505, 4506),
    (
        "EXPOSE 443",
        "EXPOSE 4505",
        "EXPOSE 4506",
        "LABEL org.opencontainers.image.title=uyuni-server",
    ),
)

ROOTFUL: tuple[str, ...] = (
    "network create shop-net",
    "pod create --name shop --infra-name shop-infra --network shop-net -p 8081:8081",
    "run -d --name shop-web --label PODMAN_SYSTEMD_UNIT=shop-web.service -p 80:80 "
    f"-v {{srv}}/www:/usr/share/nginx/html --network shop-net {NGINX.name}",
    "run -d --name db -e POSTGRES_USER=shop -e POSTGRES_PASSWORD=correct-horse-battery -e POSTGRES_DB=shop "
    f"-v shop-db:/var/lib/postgresql/data --network shop-net -p 5432:5432 {POSTGRES.name}",
    "run -d --name backup --privileged --network host --pid host -v {run}:/run/podman "
    f"-v {{srv}}/backup:/backup -v /:/host:ro {ALPINE.name} sleep 1000000",
    "run -d --name node-exporter --read-only --cap-drop all --security-opt no-new-privileges "
    "--user 65534:65534 --memory 64m --pids-limit 32 --cpus 0.25 --network shop-net "
    "-p 127.0.0.1:9100:9100 --restart always --health-cmd true --log-opt max-size=10mb "
    f"--tmpfs /tmp:rw,noexec,nosuid,nodev,size=8m {EXPORTER.name}",
    "run -d --name uyuni-server --label PODMAN_SYSTEMD_UNIT=uyuni-server.service --systemd=always "
    "--hostname uyuni.example.com -p 8443:443 -p 4505:4505 "
    "-p 4506:4506 --secret uyuni-db-pass,type=env,target=MANAGER_PASS --cap-add NET_RAW --tmpfs /run "
    "-v var-cobbler:/var/lib/cobbler -v var-search:/var/lib/rhn/search -v var-salt:/var/lib/salt "
    "-v var-spacewalk:/var/spacewalk -v var-log:/var/log -v srv-salt:/srv/salt -v srv-www:/srv/www "
    "-v root:/root -v etc-rhn:/etc/rhn -v etc-tls:/etc/pki/tls -v etc-salt:/etc/salt -e TZ=Europe/Berlin "
    f"--stop-timeout 30 --restart on-failure {UYUNI.name}",
    f"run -d --name report {REPORT.name} true",
    f"run -d --name shop-api --pod shop -e API_TOKEN=0123456789abcdef --memory 256m {API.name}",
    f"run -d --name shop-worker --pod shop --user 1001 --cap-drop all {WORKER.name}",
)
ROOTLESS: tuple[str, ...] = (f"run -d --name cache -p 6379:6379 -v cache-data:/data {REDIS.name}",)
IMAGES = (NGINX, POSTGRES, REDIS, ALPINE, EXPORTER, API, WORKER, REPORT, UYUNI)
_BASE = "localhost/base:1"


class Bench:
    """A private Podman, and how to hide that it is one."""

    def __init__(
        self,
        command: str,
        engine: DemoEngine,
    ) -> None:
        self.engine = engine
        self.directory = f"/tmp/hardentui-demo-{'anna' if engine.rootless else 'root'}"  # noqa: S108 - private by the bench
        self._command = command
        self._user = "redis" if engine.rootless else ""

    def run(self, *arguments: str) -> str:
        environment = {
            **os.environ,
            "PODMAN_BENCH_DIR": self.directory,
            "PODMAN_BENCH_USER": self._user,
        }
        done = subprocess.run(
            [self._command, *arguments], env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def scrub(self, document: dict[str, Any]) -> dict[str, Any]:
        """The record without what tells of this machine."""
        text = json.dumps(document)
        engine = self.engine
        replaced: tuple[tuple[str, str], ...] = (
            (f"{self.directory}/root", engine.storage),
            (
                f"{self.directory}/volumes",
                f"{engine.storage}/volumes",
            ),
            (f"{self.directory}/runroot", engine.run),
            (f"{self.directory}/srv", "/srv"),
            (
                f"{self.directory}/podman.sock",
                engine.url.removeprefix("unix://"),
            ),
            (
                f"{self.directory}/podman",
                os.path.dirname(engine.url.removeprefix("unix://")),
            ),
            (f"{self.directory}/conf", "/etc/containers"),
            (
                self.directory,
                "/run/user/1000" if engine.rootless else "/run",
            ),
            (os.uname().release, KERNEL),
            (f'"{os.uname().nodename}"', f'"{HOST_NAME}"'),
            (
                f'"HOSTNAME={os.uname().nodename}"',
                f'"HOSTNAME={HOST_NAME}"',
            ),
        )
        for old, new in replaced:
            text = text.replace(old, new)
        scrubbed: dict[str, Any] = json.loads(text)
        answers, files = scrubbed["answers"], scrubbed["files"]
        self._info(answers["/info"])
        for target, answer in answers.items():
            if re.fullmatch(r"/containers/[0-9a-f]{64}/json", target):
                self._container(answer, files)
        return scrubbed

    def _info(self, info: dict[str, Any]) -> None:
        host = info["host"]
        host.update(
            hostname=HOST_NAME,
            cgroupVersion="v2",
            cgroupManager="systemd",
            cgroupControllers=["cpu", "memory", "pids"],
            logDriver="journald",
            eventLogger="journald",
            memFree=2 << 30,
            memTotal=8 << 30,
            uptime="412h 11m 3.00s",
        )
        host["remoteSocket"] = {"path": self.engine.url, "exists": True}
        if self.engine.rootless:
            host["idMappings"] = {kind: _id_mapping() for kind in ("uidmap", "gidmap")}
        info["registries"] = {"search": ["docker.io"]}
        info["store"].update(
            graphRootAllocated=100 << 30,
            graphRootUsed=31 << 30,
        )

    def _container(
        self,
        document: dict[str, Any],
        files: dict[str, Any],
    ) -> None:
        """Give it the place in a cgroup v2 tree that it would have below systemd."""
        identity, state = document["Id"], document["State"]
        scope = f"{self.engine.slice}/libpod-{identity}.scope"
        state["CgroupPath"] = scope if state["Status"] == "running" else ""
        host = document["HostConfig"]
        host["CgroupManager"] = "systemd"
        host["CgroupMode"] = "private" if host["CgroupMode"] == "host" else host["CgroupMode"]
        if host["LogConfig"].get("Size") in ("", "0B"):
            host["LogConfig"] |= {"Type": "journald", "Path": ""}
        if state["Status"] != "running":
            return
        files["links"][f"/proc/{state['Pid']}/ns/cgroup"] = (
            f"cgroup:[{4026540000 + int(state['Pid'])}]"
        )
        cpus = host.get("NanoCpus") or 0
        files["text"] |= {
            f"/proc/{state['Pid']}/cgroup": f"0::{scope}\n",
            f"/sys/fs/cgroup{scope}/memory.max": f"{host.get('Memory') or 'max'}\n",
            f"/sys/fs/cgroup{scope}/memory.swap.max": f"{host.get('Memory') or 'max'}\n",
            f"/sys/fs/cgroup{scope}/pids.max": f"{host.get('PidsLimit') or 'max'}\n",
            f"/sys/fs/cgroup{scope}/cpu.max": f"{cpus // 10000 if cpus else 'max'} 100000\n",
            f"/sys/fs/cgroup{scope}/cgroup.procs": f"{state['Pid']}\n",
        }
        if not self.engine.rootless:
            profile = "" if host.get("Privileged") else APPARMOR
            document["AppArmorProfile"] = profile
            label = f"{profile} (enforce)" if profile else "unconfined"
            files["text"][f"/proc/{state['Pid']}/attr/current"] = f"{label}\n"
        for path, content in files["text"].items():
            if path.endswith("/mountinfo"):
                files["text"][path] = _mountinfo(content)
            elif self.engine.rootless and path.endswith(("/uid_map", "/gid_map")):
                files["text"][path] = (
                    "         0       1000          1\n         1     100000      65536\n"
                )
            elif self.engine.rootless and path.endswith("/status"):
                files["text"][path] = _status(content, pwd.getpwnam(self._user))


def _status(text: str, user: pwd.struct_passwd) -> str:
    """The ids of the real user become anna's."""
    lines = text.splitlines(keepends=True)
    real = re.compile(rf"\b({user.pw_uid}|{user.pw_gid})\b")
    return "".join(
        real.sub(str(ANNA), line) if line[:4] in ("Uid:", "Gid:") else line for line in lines
    )


def _id_mapping() -> list[dict[str, int]]:
    return [
        {"container_id": 0, "host_id": ANNA, "size": 1},
        {"container_id": 1, "host_id": 100000, "size": 65536},
    ]


def _mountinfo(text: str) -> str:
    """One cgroup v2 mount in the place of the hierarchies of v1, and an ordinary disk."""
    lines = []
    for line in text.splitlines():
        if " - cgroup " in line or " - cgroup2 " in line or " /host/" in line:
            continue  # what is mounted below the host's own root is of this machine
        if " /sys/fs/cgroup " in line:
            line = re.sub(
                r" - tmpfs \S+ \S+",
                " - cgroup2 cgroup2 rw,nsdelegate",
                line,
            )
            line = line.replace(" rw,nosuid", " ro,nosuid")
        line = re.sub(r" - ext4 \S+ \S+", " - ext4 /dev/sda2 rw", line)
        line = re.sub(r"rw,lowerdir=\S+", "rw", line)
        lines.append(re.sub(r",nr_inodes=\d+|size=\d{8}k,?", "", line))
    return "".join(f"{line}\n" for line in lines)


def populate(bench: Bench) -> None:
    """Create the containers."""
    if bench.engine.rootless:
        owner = pwd.getpwnam("redis")
        commands = ROOTLESS
    else:
        owner = pwd.getpwnam("root")
        commands = ROOTFUL
        bench.run(
            "podman", "secret", "create", "--driver", "file", "uyuni-db-pass", "/etc/hostname"
        )
    for name in ("srv/www", "srv/backup"):
        directory = os.path.join(bench.directory, name)
        os.makedirs(directory, exist_ok=True)
        os.chown(directory, owner.pw_uid, owner.pw_gid)
    bench.run("image", _BASE)
    for image in IMAGES:
        if any(image.name in command for command in commands):
            _build(bench, image)
    bench.run("podman", "untag", _BASE)
    os.makedirs(f"{bench.directory}/podman", exist_ok=True)
    for command in commands:
        words = command.format(
            srv=f"{bench.directory}/srv", run=f"{bench.directory}/podman"
        ).split()
        bench.run("podman", *words)
    sleep(1.5)  # until everything listens


def _build(bench: Bench, image: DemoImage) -> None:
    """The base image with the program, committed under the name."""
    ports = " ".join(map(str, image.ports))
    script = (
        f"#!/bin/sh\nfor p in {ports}; do nc -ll -p $p -e /bin/true & done\nsleep 1000000 & wait\n"
    )
    path = "/bin/true" if image.program == "sh" else f"/usr/bin/{image.program}"
    write = f"test -e {path} || {{ printf '%s' '{script}' > {path}; chmod 755 {path}; }}"
    bench.run(
        "podman",
        "run",
        "--name",
        "build",
        _BASE,
        "sh",
        "-c",
        f"mkdir -p /usr/bin; {write}",
    )
    command = json.dumps([image.program, *image.words])
    changes = [f"--change={change}" for change in (_PATH, f"CMD {command}", *image.changes)]
    bench.run(
        "podman",
        "commit",
        "-q",
        *changes,
        "build",
        image.name,
    )
    bench.run("podman", "rm", "build")


def host_files(
    recorded: dict[str, dict[str, Any]],
    engines: list[dict[str, Any]],
) -> dict[str, Any]:
    """The files of the host, made up, and what was recorded of the containers' processes."""
    text = {**HOST_TEXTS, **recorded["text"]}
    links = {
        **{
            f"/proc/{pid}/ns/{kind}": f"{kind}:[{inode}]"
            for pid in ("1", "self")
            for kind, inode in NAMESPACES
        },
        **recorded["links"],
    }
    stats = {
        "/run/podman/podman.sock": _stat(0o140600, 0),
        "/run/user/1000/podman/podman.sock": _stat(0o140600, ANNA),
        "/etc/containers/policy.json": _stat(0o100644, 0),
    }
    for path in list(text):
        if path.startswith("/sys/fs/cgroup/"):  # the levels above a container have no limits
            for level in ("machine.slice", "user.slice"):
                text.setdefault(f"/sys/fs/cgroup/{level}/memory.max", "max\n")
    return {
        "text": text,
        "links": links,
        "dirs": {**recorded["dirs"], "/run/log/journal": ["0"]},
        "stats": stats,
        "lstats": stats,
    }


def shortened(document: dict[str, Any]) -> str:
    """What we read of a runtime's config.json."""
    linux = document.get("linux") or {}
    kept = ("seccomp", "sysctl", "maskedPaths", "readonlyPaths", "resources")
    short = {
        "linux": {name: linux[name] for name in kept if name in linux},
        "process": {"oomScoreAdj": 0},
    }
    return json.dumps(short, separators=(",", ":"))


def _stat(mode: int, uid: int) -> dict[str, int]:
    return {
        "mode": mode,
        "uid": uid,
        "gid": uid,
        "size": 0,
        "mtime": 0,
        "inode": 1,
        "device": 1,
    }


NAMESPACES = tuple(
    (kind, 4026531834 + at)
    for at, kind in enumerate(("time", "cgroup", "pid", "user", "uts", "ipc", "mnt", "net"))
)

_DEFAULT_PROFILE = Path("/usr/share/containers/seccomp.json")
_SECCOMP = json.dumps(
    json.loads(_DEFAULT_PROFILE.read_text()),
    separators=(",", ":"),
)
_VERSIONS = {
    "podman": "5.4.2+ds1-2+b2",
    "crun": "1.21-1",
    "conmon": "2.1.12-4",
    "netavark": "1.14.0-2",
    "golang-github-containers-common": "0.62.2+ds1-2",
}

HOST_TEXTS = {
    **UNIT_TEXTS,
    "/usr/share/containers/seccomp.json": _SECCOMP,
    "/var/lib/dpkg/status": "".join(
        f"Package: {name}\nStatus: install ok installed\nSource: {name}\nVersion: {version}\n\n"
        for name, version in _VERSIONS.items()
    ),
    "/var/lib/dpkg/info/golang-github-containers-common.md5sums": hashlib.md5(
        _SECCOMP.encode(), usedforsecurity=False
    ).hexdigest()
    + "  usr/share/containers/seccomp.json\n",
    f"/usr/lib/modules/{KERNEL}/modules.dep": "",
    "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers": "cpu memory pids\n",
    "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n'
    "VERSION_CODENAME=trixie\n",
    "/etc/hostname": f"{HOST_NAME}\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000:Anna:/home/anna:/bin/bash\n",
    "/etc/group": "root:x:0:\nanna:x:1000:\n",
    "/etc/subuid": "anna:100000:65536\n",
    "/etc/subgid": "anna:100000:65536\n",
    "/etc/containers/policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}\n',
    "/etc/containers/registries.conf": 'unqualified-search-registries = ["docker.io"]\n',
    "/var/lib/systemd/linger/anna": "",
    "/proc/sys/kernel/osrelease": f"{KERNEL}\n",
    "/proc/sys/kernel/hostname": f"{HOST_NAME}\n",
    "/proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
    "/proc/sys/kernel/kptr_restrict": "0\n",
    "/proc/sys/kernel/dmesg_restrict": "1\n",
    "/proc/sys/kernel/perf_event_paranoid": "3\n",
    "/proc/sys/kernel/yama/ptrace_scope": "0\n",
    "/proc/sys/kernel/core_pattern": "core\n",
    "/proc/sys/fs/protected_symlinks": "1\n",
    "/proc/sys/fs/protected_hardlinks": "1\n",
    "/proc/sys/net/ipv4/ip_unprivileged_port_start": "1024\n",
    "/proc/sys/user/max_user_namespaces": "31231\n",
    "/proc/self/mountinfo": "21 1 8:2 / / rw,relatime - ext4 /dev/sda2 rw\n"
    "22 21 0:21 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
    "23 21 0:22 / /sys rw,nosuid,nodev,noexec,relatime - sysfs sysfs rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 rw,nsdelegate\n",
    "/sys/fs/cgroup/cgroup.controllers": "cpu memory pids\n",
    "/sys/module/apparmor/parameters/enabled": "Y\n",
    "/sys/kernel/security/apparmor/profiles": f"{APPARMOR} (enforce)\n",
    "/run/systemd/system/.keep": "",
    "/proc/1/comm": "systemd\n",
}
