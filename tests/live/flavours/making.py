"""Make the flavours on a bench, and look at all of them with one scan."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from hardentui.checks import all_checks
from hardentui.features.checklists.loading import load
from hardentui.features.looking.judging import Judge
from hardentui.features.opening.engines import open_engines
from hardentui.features.views import Report, Row, Selection
from hardentui.features.workbench import Workbench
from hardentui.model.checklist import Checklist
from hardentui.model.podman_version import Version
from tests.live.flavours.base import IMAGES, MOVED, NETWORK, arguments
from tests.live.flavours.image_files import TestImage, docker_archive
from tests.live.flavours.model import BOTH, CREATED, ROOTFUL, ROOTLESS, Flavour, Place
from tests.live.flavours.observing import Observed
from tests.live.flavours.seccomp_profiles import profiles
from tests.live.flavours.table import of_version, on
from tests.support.podman import (
    BUSYBOX,
    RELEASE,
    TEST_USER,
    ApiError,
    Bench,
    BenchFailed,
    refused,
    seen_as_hosts,
)
from tests.support.waiting import eventually

PREFIX = "truth-"
_STOCK_SECCOMP = Path("/usr/share/containers/seccomp.json")
_LISTENER = """
import socket
server = socket.create_server(("0.0.0.0", 7777))
server.settimeout(3600)
while True:
    server.accept()[0].close()
"""
_FIRST = "hardened"  # others join its network, so it comes first
_EARLY = (_FIRST, "ipc-owner", "network-host", "network-stranger")
_WORKERS = 2
_UNMAPPED = "creating overlay mount to"
"""What Podman 4.3 says of ids that only newer ones map."""
_CHUNKS = 8


class World:
    """All flavours of one engine, made and looked at.

    Attributes:
        places: flavour name -> the place it was made in.
        machine: the engine and the host in a few words.
        reports: container name without the prefix -> its report; infra containers are `NAME-infra`.
        observed: what is true of them, as found inside.
    """

    def __init__(
        self,
        bench: Bench,
        engine: str,
        only: Collection[str] = (),
    ) -> None:
        self.bench = bench
        self.engine = engine
        self.flavours = tuple(
            flavour
            for flavour in on(engine)
            if not only or flavour.name == _FIRST or _matches(flavour, only)
        )
        self._directory = bench.directory / "truth"
        self.places: Mapping[str, Place] = {}
        self.machine = ""
        self.reports: Mapping[str, Report] = {}
        self.observed = Observed(
            bench,
            engine,
            self._directory,
            PREFIX,
        )

    def start(self) -> None:
        """Start the bench and see what it can do."""
        self.bench.start()
        self.bench.image()
        try:
            self.bench.podman(
                "run",
                "--rm",
                "--network",
                "none",
                BUSYBOX,
                "true",
            )
        except subprocess.CalledProcessError as error:
            raise BenchFailed(
                f"Podman cannot run a container here: {error.stderr.strip()}"
            ) from error
        info = self.bench.get("/info")
        version, cgroups = info["version"]["Version"], info["host"]["cgroupVersion"]
        kernel = platform.release().split("-")[0]
        self.machine = f"Podman {version}, Linux {kernel}, cgroup {cgroups}"
        limits = self.engine == ROOTFUL or cgroups != "v1"
        self.flavours = tuple(
            of_version(each, self.engine, self.bench.version) for each in self.flavours
        )
        self.places = {
            flavour.name: Place(
                self.engine, number, str(self._directory), self.bench.socket, limits
            )
            for number, flavour in enumerate(self.flavours, 1)
        }

    def make(self) -> None:
        """Everything that is to be judged; raises with Podman's words where something cannot be
        made."""
        self._material()
        self._load(*IMAGES)
        self._material_of_mounts()
        first = [flavour for flavour in self.flavours if flavour.name in _EARLY]
        rest = [flavour for flavour in self.flavours if flavour.name not in _EARLY]
        troubles = self._make(first)
        workers = (
            _WORKERS if self.bench.version >= Version(5) else 1
        )  # two at once block each other in Podman 4.3
        with ThreadPoolExecutor(workers) as pool:
            for said in pool.map(self._make, (rest[at::_CHUNKS] for at in range(_CHUNKS))):
                troubles += said
        troubles = self._without_refused(troubles)
        assert not troubles, f"{self.engine}: " + "\n".join(troubles)
        self._load(MOVED)
        assert eventually(lambda: not self._unsettled()), self._unsettled()

    def _without_refused(self, lines: Sequence[str]) -> list[str]:
        """What went wrong; flavours that another release's Podman does not know are left out."""
        said: dict[str, list[str]] = {}
        names, name = {flavour.name for flavour in self.flavours}, ""
        for line in lines:
            head = line.partition(": ")[0]
            name = head if head in names else name
            said.setdefault(name, []).append(line)
        gone = {
            name
            for name, words in said.items()
            if refused("\n".join(words)) or (RELEASE and _UNMAPPED in words[-1])
        }
        self.flavours = tuple(flavour for flavour in self.flavours if flavour.name not in gone)
        return [line for name, words in said.items() if name not in gone for line in words]

    def scan(self) -> None:
        """One scan of all of them with every check that there is."""
        workbench = Workbench(
            open_engines(Selection(url=self.bench.url)),
            _judge_of_everything(),
        )
        seen: dict[str, Row] = {}
        try:
            ours = {row.key for row in workbench.containers.rows() if row.name.startswith(PREFIX)}
            workbench.surroundings.host()
            workbench.containers.scan(
                lambda row: seen.__setitem__(row.key, row),
                lambda _: None,
                threading.Event(),
                ours,
                costly=True,
            )
        finally:
            workbench.close()
        self.reports = {
            row.name.removeprefix(PREFIX): row.report
            for row in seen.values()
            if row.report is not None
        }

    def observe(self) -> None:
        """Find out in the running containers what is true of them."""
        self.observed.look(self.flavours, self.places)

    def _material_of_mounts(self) -> None:
        """What flavours mount, and the services whose sockets they reach."""
        services = self._directory / "services"
        services.mkdir(exist_ok=True)
        services.chmod(0o777)
        given = f"directory={self._directory} socket={self.bench.socket}\n"
        script = given + Path(__file__).with_name("services.sh").read_text()
        try:
            self.bench.execute(
                "sh",
                "-ec",
                script,
                timeout=60,
            )
        except subprocess.CalledProcessError as error:
            said = (services / "said").read_text()[-500:]
            raise AssertionError(f"{self.engine}: {said}") from error

    def _material(self) -> None:
        """A directory with things to mount, networks, volumes, a secret."""
        data = self._directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o777)
        for name, target in (
            ("link-to-socket", Path(self.bench.socket).parent),
            ("link-to-etc", Path("/etc")),
        ):
            link = self._directory / name
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        tight = json.loads(_STOCK_SECCOMP.read_text())
        (self._directory / "tight.json").write_text(json.dumps(_tightened(tight)))
        writable = self._directory / "writable.json"
        writable.write_text(json.dumps(_tightened(tight)))
        writable.chmod(0o666)
        replaceable = self._directory / "init-open"
        shutil.copy("/usr/libexec/podman/catatonit", replaceable)
        replaceable.chmod(0o777)
        weak = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}
        (self._directory / "weak.json").write_text(json.dumps(weak))
        (self._directory / "log-limit.conf").write_text("[containers]\nlog_size_max = 1048576\n")
        for name, document in profiles(tight).items():
            (self._directory / f"{name}.json").write_text(json.dumps(document))
        for name, options in _networks(self.engine).items():
            self.bench.podman(
                "network",
                "create",
                *options,
                name,
            )
        self.bench.podman("volume", "create", "truth-volume")
        self.bench.podman(
            "volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/etc", "truth-etc"
        )
        share = (
            "-o",
            "type=cifs",
            "-o",
            "o=username=web,password=hunter2",
            "-o",
            "device=//nas/web",
        )
        self.bench.podman(
            "volume",
            "create",
            *share,
            "truth-share",
        )
        listening = f"nohup python3 -c {shlex.quote(_LISTENER)} >/dev/null 2>&1 &"
        self.bench.execute("sh", "-c", listening)
        secret = self._directory / "secret"
        secret.write_text("hunter2hunter2")
        secret.chmod(0o644)
        self.bench.podman(
            "secret",
            "create",
            "truth-secret",
            str(secret),
        )

    def _load(self, *images: TestImage) -> None:
        target = self._directory / "image.tar"
        docker_archive(images, target)
        self.bench.podman(
            "load",
            "-q",
            "-i",
            str(target),
        )
        target.unlink()

    def _make(self, flavours: Sequence[Flavour]) -> list[str]:
        """What Podman says of those that cannot be made."""
        troubles = []
        for flavour in flavours:
            if flavour.body is not None:
                try:
                    self._through_api(
                        PREFIX + flavour.name,
                        flavour,
                        self.places[flavour.name],
                    )
                except ApiError as error:
                    troubles.append(f"{flavour.name}: {error}")
        typed = [flavour for flavour in flavours if flavour.body is None]
        script = "\n".join(
            map(self._script, typed)
        )  # one shell for many: entering the bench takes its time
        return (
            troubles
            + self.bench.execute(
                "sh",
                "-c",
                script,
                timeout=800,
            ).splitlines()
        )

    def _script(self, flavour: Flavour) -> str:
        """Shell commands that make it, and print its name with Podman's words when they fail."""
        override = (
            f"CONTAINERS_CONF_OVERRIDE={shlex.quote(f'{self._directory}/{flavour.override}')} "
        )
        podman = f"{override if flavour.override else ''}podman "
        commands = " && ".join(podman + shlex.join(words) for words in self._commands(flavour))
        name = shlex.quote(flavour.name)
        then = (
            f"; {flavour.then.format(directory=self.places[flavour.name].directory)}"
            if flavour.then
            else ""
        )
        return f'said=$({{ {commands}{then}; }} 2>&1 >/dev/null) || echo {name}: "$said"'

    def _commands(self, flavour: Flavour) -> Iterator[tuple[str, ...]]:
        place, name = self.places[flavour.name], PREFIX + flavour.name
        inside: tuple[str, ...] = ()
        if flavour.pod is not None:
            names = (
                "--name",
                f"{name}-pod",
                "--infra-name",
                f"{name}-infra",
            )
            yield ("pod", "create", *names, *flavour.pod_options(place))
            inside = ("--pod", f"{name}-pod")
        verb = ("create",) if self._state(flavour) == CREATED else ("run", "-d")
        own = arguments(flavour, place)
        options = (
            *inside,
            *(f"--ulimit={limit}" for limit in self._unasked(" ".join(own))),
            *own,
        )
        yield (*verb, "--name", name, *options, *flavour.command)
        if flavour.beside:
            yield (
                *verb,
                "--name",
                f"{name}-beside",
                *options,
                *flavour.beside,
            )
        for command in flavour.after:
            yield tuple(word.replace("{}", name) for word in command)

    def _unasked(self, limits: str) -> Iterator[str]:
        """Podman 4.3 adds what is missing beside others, and more than a user namespace may set."""
        if self.bench.version < Version(4, 4) and ("ulimit" in limits or "nofile" in limits):
            yield from (
                limit
                for limit in ("nofile=4096", "nproc=4096")
                if limit.partition("=")[0] not in limits
            )

    def _through_api(
        self,
        name: str,
        flavour: Flavour,
        place: Place,
    ) -> None:
        assert flavour.body is not None
        body = flavour.body(place)
        for limit in self._unasked(str(body.get("r_limits") or "")):
            kind, _, most = limit.partition("=")
            body = {
                **body,
                "r_limits": [
                    *body["r_limits"],
                    {"type": kind, "soft": int(most), "hard": int(most)},
                ],
            }
        answer = self.bench.post("/containers/create", {**body, "name": name})
        if self._state(flavour) != CREATED:
            self.bench.post(f"/containers/{answer['Id']}/start")

    def _state(self, flavour: Flavour) -> str:
        return flavour.state_on(self.places[flavour.name])

    def _unsettled(self) -> dict[str, str]:
        """Those that were to end and have not, or the other way round, with their state."""
        states = {
            name.removeprefix(PREFIX): listed["State"]
            for listed in self.bench.get("/containers/json?all=true")
            for name in listed["Names"]
        }
        return {
            f.name: states.get(f.name, "")
            for f in self.flavours
            if states.get(f.name) != self._state(f)
        }


def _matches(flavour: Flavour, only: Collection[str]) -> bool:
    return any(fnmatchcase(flavour.name, pattern) for pattern in only)


def worlds(only: Collection[str] = ()) -> tuple[World, ...]:
    """All flavours on both engines, made and scanned, each on a bench of its own that is gone
    afterwards.

    Args:
        only: patterns of names; empty = all.

    Raises:
        BenchFailed: no Podman can be started here, or it cannot run a container.
        AssertionError: a flavour cannot be made; with Podman's words.
    """
    made = [
        World(
            Bench(TEST_USER if engine == ROOTLESS and os.getuid() == 0 else ""),
            engine,
            only,
        )
        for engine in BOTH
    ]
    with ThreadPoolExecutor(len(made)) as pool:
        try:
            list(pool.map(World.start, made))
            list(pool.map(World.make, made))
            with seen_as_hosts():
                for world in made:
                    world.scan()
            list(pool.map(World.observe, made))
        finally:
            list(pool.map(lambda world: world.bench.stop(), made))
    return tuple(made)


def _networks(engine: str) -> dict[str, tuple[str, ...]]:
    result: dict[str, tuple[str, ...]] = {
        NETWORK: ("--subnet=10.98.0.0/20",),  # a /24 has too few addresses for all of them
        "truth-internal": ("--internal",),
        "truth-shared": (),
        "truth-other": (),
    }
    if engine != ROOTLESS:
        result["truth-macvlan"] = ("--driver=macvlan", "--internal", "--subnet=10.66.9.0/24")
        result["truth-watched"] = ("--internal", "--subnet=10.99.77.0/24", "--gateway=10.99.77.1")
    return result


def _tightened(profile: dict[str, Any]) -> dict[str, Any]:
    """The stock profile without calls that only some programs need."""
    unwanted = {
        "mount",
        "umount",
        "umount2",
        "bpf",
        "ptrace",
        "setns",
        "unshare",
        "keyctl",
        "userfaultfd",
    }
    unwanted |= {
        "perf_event_open",
        "open_by_handle_at",
        "init_module",
        "finit_module",
        "delete_module",
    }
    unwanted |= {
        "kexec_load",
        "kexec_file_load",
        "add_key",
        "request_key",
        "io_uring_setup",
        "clone3",
    }
    for rule in profile["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name not in unwanted]
    profile["syscalls"] = [rule for rule in profile["syscalls"] if rule["names"]]
    return profile


def _judge_of_everything() -> Judge:
    """The default checklist with every check in it, whatever it selects."""
    checklist = load("")
    checks = {check.id: check for check in all_checks()}
    steps = tuple(
        replace(
            step,
            checks=tuple(c.id for c in checks.values() if c.step == step.number),
        )
        for step in checklist.steps
    )
    everything = Checklist(
        checklist.id,
        checklist.title,
        steps,
        checklist.parameters,
    )
    return Judge(everything, checks)
