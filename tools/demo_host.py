"""The made-up host that record_demo.py records: containers, files, and what hides the real machine."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
from dataclasses import dataclass
from time import sleep
from typing import Any

HOST_NAME = "shop01"
TIME = "2026-11-24T09:30:00+00:00"
ANNA = 1000
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

IMAGES = (
    "docker.io/library/nginx:1.27",
    "docker.io/library/postgres:17",
    "docker.io/library/redis:7.4",
    "docker.io/library/alpine:latest",
    "quay.io/prometheus/node-exporter:v1.9.0",
    "ghcr.io/example/shop-api:2.3.1",
    "ghcr.io/example/shop-worker:2.3.1",
    "ghcr.io/example/report:latest",
    "registry.opensuse.org/uyuni/server:2026.10",
)

# what listens is started by a shell, so that the ports are really open
_LISTEN = "for p in {ports}; do nc -ll -p $p -e true & done; exec sleep 1000000"
ROOTFUL: tuple[str, ...] = (
    "network create shop-net",
    "pod create --name shop --network shop-net -p 8081:8081",
    "run -d --name shop-web -p 80:80 -p 443:443 -v {srv}/www:/usr/share/nginx/html --network shop-net "
    "docker.io/library/nginx:1.27 sh -c LISTEN:80,443",
    "run -d --name db -e POSTGRES_USER=shop -e POSTGRES_PASSWORD=correct-horse-battery -e POSTGRES_DB=shop "
    "-v shop-db:/var/lib/postgresql/data --network shop-net -p 5432:5432 docker.io/library/postgres:17 "
    "sh -c LISTEN:5432",
    "run -d --name backup --privileged --network host --pid host -v {run}:/run/podman "
    "-v {srv}/backup:/backup -v /:/host:ro docker.io/library/alpine:latest sleep 1000000",
    "run -d --name node-exporter --read-only --cap-drop all --security-opt no-new-privileges "
    "--user 65534:65534 --memory 64m --pids-limit 32 --cpus 0.25 --network shop-net -p 127.0.0.1:9100:9100 --restart always "
    "--health-cmd true --log-opt max-size=10mb --tmpfs /tmp:rw,noexec,nosuid,nodev,size=8m "
    "quay.io/prometheus/node-exporter:v1.9.0 sh -c LISTEN:9100",
    "run -d --name uyuni-server --systemd=always --hostname uyuni.example.com -p 8443:443 -p 4505:4505 "
    "-p 4506:4506 --secret uyuni-db-pass,type=env,target=MANAGER_PASS --cap-add NET_RAW --tmpfs /run "
    "-v var-cobbler:/var/lib/cobbler -v var-search:/var/lib/rhn/search -v var-salt:/var/lib/salt "
    "-v var-spacewalk:/var/spacewalk -v var-log:/var/log -v srv-salt:/srv/salt -v srv-www:/srv/www "
    "-v root:/root -v etc-rhn:/etc/rhn -v etc-tls:/etc/pki/tls -v etc-salt:/etc/salt -e TZ=Europe/Berlin "
    "--stop-timeout 30 --restart on-failure registry.opensuse.org/uyuni/server:2026.10 "
    "sh -c LISTEN:443,4505,4506",
    "run -d --name report ghcr.io/example/report:latest true",
    "run -d --name shop-api --pod shop -e API_TOKEN=0123456789abcdef --memory 256m "
    "ghcr.io/example/shop-api:2.3.1 sh -c LISTEN:8081",
    "run -d --name shop-worker --pod shop --user 1001 --cap-drop all ghcr.io/example/shop-worker:2.3.1 "
    "sleep 1000000",
)
ROOTLESS: tuple[str, ...] = (
    "run -d --name cache -p 6379:6379 -v cache-data:/data docker.io/library/redis:7.4 sh -c LISTEN:6379",
)


class Bench:
    """A private Podman, and how to hide that it is one."""

    def __init__(self, command: str, engine: DemoEngine) -> None:
        self.engine = engine
        self.folder = f"/tmp/hardentui-demo-{'anna' if engine.rootless else 'root'}"  # noqa: S108 - private by the bench
        self._command = command
        self._user = "redis" if engine.rootless else ""

    def run(self, *arguments: str) -> str:
        environment = {**os.environ, "PODMAN_BENCH_DIR": self.folder, "PODMAN_BENCH_USER": self._user}
        done = subprocess.run(
            [self._command, *arguments], env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def scrub(self, document: dict[str, Any]) -> dict[str, Any]:
        """The record without what tells of this machine."""
        text = json.dumps(document)
        engine = self.engine
        replaced: tuple[tuple[str, str], ...] = (
            (f"{self.folder}/root", engine.storage),
            (f"{self.folder}/volumes", f"{engine.storage}/volumes"),
            (f"{self.folder}/runroot", engine.run),
            (f"{self.folder}/srv", "/srv"),
            (f"{self.folder}/podman.sock", engine.url.removeprefix("unix://")),
            (f"{self.folder}/podman", os.path.dirname(engine.url.removeprefix("unix://"))),
            (f"{self.folder}/conf", "/etc/containers"),
            (self.folder, "/run/user/1000" if engine.rootless else "/run"),
            (os.uname().release, KERNEL),
            (f'"{os.uname().nodename}"', f'"{HOST_NAME}"'),
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
        info["store"].update(graphRootAllocated=100 << 30, graphRootUsed=31 << 30)

    def _container(self, document: dict[str, Any], files: dict[str, Any]) -> None:
        """Give it the place in a cgroup v2 tree that it would have below systemd."""
        identity, state = document["Id"], document["State"]
        scope = f"{self.engine.slice}/libpod-{identity}.scope"
        state["CgroupPath"] = scope if state["Status"] == "running" else ""
        document["HostConfig"]["CgroupManager"] = "systemd"
        if state["Status"] != "running":
            return
        host = document["HostConfig"]
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
                files["text"][path] = "         0       1000          1\n         1     100000      65536\n"
            elif self.engine.rootless and path.endswith("/status"):
                files["text"][path] = _status(content, pwd.getpwnam(self._user))


def _status(text: str, user: pwd.struct_passwd) -> str:
    """The ids of the real user become anna's."""
    lines = text.splitlines(keepends=True)
    real = re.compile(rf"\b({user.pw_uid}|{user.pw_gid})\b")
    return "".join(real.sub(str(ANNA), line) if line[:4] in ("Uid:", "Gid:") else line for line in lines)


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
            line = re.sub(r" - tmpfs \S+ \S+", " - cgroup2 cgroup2 rw,nsdelegate", line)
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
        bench.run("podman", "secret", "create", "--driver", "file", "uyuni-db-pass", "/etc/hostname")
    for name in ("srv/www", "srv/backup"):
        folder = os.path.join(bench.folder, name)
        os.makedirs(folder, exist_ok=True)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    for image in IMAGES:
        if any(image in command for command in commands):
            bench.run("image", image)
    for command in commands:
        words = command.format(srv=f"{bench.folder}/srv", run=f"{bench.folder}/podman").split()
        if "-v" in words:
            os.makedirs(f"{bench.folder}/podman", exist_ok=True)
        bench.run("podman", *(_listen(word) for word in words))
    sleep(1.5)  # until everything listens


def _listen(word: str) -> str:
    if not word.startswith("LISTEN:"):
        return word
    return _LISTEN.format(ports=word.removeprefix("LISTEN:").replace(",", " "))


def host_files(recorded: dict[str, dict[str, Any]], engines: list[dict[str, Any]]) -> dict[str, Any]:
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
    return {"text": text, "links": links, "dirs": recorded["dirs"], "stats": stats, "lstats": stats}


def _stat(mode: int, uid: int) -> dict[str, int]:
    return {"mode": mode, "uid": uid, "gid": uid, "size": 0, "mtime": 0, "inode": 1, "device": 1}


NAMESPACES = tuple(
    (kind, 4026531834 + at)
    for at, kind in enumerate(("time", "cgroup", "pid", "user", "uts", "ipc", "mnt", "net"))
)

HOST_TEXTS = {
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
    "/sys/kernel/security/lsm": "lockdown,capability,landlock,yama,apparmor\n",
    "/sys/module/apparmor/parameters/enabled": "Y\n",
    "/sys/kernel/security/apparmor/profiles": f"{APPARMOR} (enforce)\n",
    "/run/systemd/system/.keep": "",
    "/proc/1/comm": "systemd\n",
}
