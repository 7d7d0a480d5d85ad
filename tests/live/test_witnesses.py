"""A twin is harmless: witnesses stand behind every way from a container to the world, and see
nothing of it.

Each witness first notices the original, which runs the same program: so these tests can fail.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.live.conftest import _service
from tests.support import witness
from tests.support.images import ServiceImage
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

SUPPORT = Path(witness.__file__).parent
NAME, LENDER, NEIGHBOUR, POD, GIVER = (
    "wit-original",
    "wit-lender",
    "wit-neighbour",
    "wit-pod",
    "wit-giver",
)
NETWORK, VOLUME, READ_ONLY_VOLUME, SECRET = "wit-net", "wit-volume", "wit-volume-ro", "wit-secret"
PORT, DONE = 18777, 19999
WATCH = "trap 'echo signal >>/seen' USR1; touch /dev/shm/file; while true; do sleep 0.1; done"
INTRUDER = ServiceImage(
    reference="localhost/intruder:1",
    package="perl-base",
    program="perl",
    files={
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "etc/group": "root:x:0:\n",
        "etc/nsswitch.conf": "hosts: files dns\n",
        "intruder.pl": (SUPPORT / "intruder.pl").read_text(),
    },
    directories={"tmp": (0, 0o1777), "root": (0, 0o755)},
    changes=('CMD ["/usr/bin/perl", "/intruder.pl"]', "STOPSIGNAL SIGKILL"),
)


class Host(Struct):
    """The witness on the host, and what it stands behind.

    Attributes:
        directory: of its places: `plain`, `read-only`, `file`…
        pid: of the witness.
        terminal: a character device that it holds.
    """

    bench: Bench
    directory: Path
    pid: int
    terminal: str

    @property
    def seen(self) -> list[str]:
        record = self.directory / "seen"
        return record.read_text().splitlines() if record.exists() else []

    def forget(self) -> None:
        (self.directory / "seen").unlink(missing_ok=True)

    def contents(self) -> Mapping[str, object]:
        """Everything below its places that a write, a chmod or a chown would change."""
        places = (self.directory / "places").read_text().split()
        files = sorted(path for place in places for path in Path(place).rglob("*"))
        return {
            str(path): (
                status.st_mode,
                status.st_uid,
                status.st_mtime_ns,
                status.st_size,
            )
            for path in files
            for status in (path.lstat(),)
        }


@pytest.fixture
def world(bench: Bench) -> Iterator[Host]:
    """A bench with a witness on its host."""
    _service(bench, INTRUDER)
    directory = bench.directory / "witness"
    places = [directory / name for name in ("bound", "read-only", "one", "matched", "given")]
    for place in places:
        place.mkdir(parents=True)
    for name in (VOLUME, READ_ONLY_VOLUME):
        bench.podman("volume", "create", name)
        places.append(
            Path(
                bench.podman(
                    "volume",
                    "inspect",
                    name,
                    "--format",
                    "{{.Mountpoint}}",
                )
            )
        )
    places.insert(0, places[-2] / "sub")
    places[0].mkdir()
    for place in places:
        (place / "file").write_text("of the host\n")
    directory.chmod(0o755)
    (directory / "places").write_text("\n".join(map(str, places)))
    account = bench.account()
    if account:
        subprocess.run(
            [
                "chown",
                "-R",
                str(account),
                str(directory),
                *map(str, places),
            ],
            check=True,
        )
    words = bench.command(
        sys.executable,
        str(SUPPORT / "witness.py"),
        str(directory),
        str(PORT),
    )
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        assert eventually(
            lambda: (directory / "ready").exists() and (directory / "ready").read_text(), 20
        )
        pid, terminal = (directory / "ready").read_text().split()
        yield Host(bench, directory, int(pid), terminal)
    finally:
        if (directory / "ready").exists():
            os.kill(
                int((directory / "ready").read_text().split()[0]),
                signal.SIGTERM,
            )
        process.wait(20)
        bench.podman(
            "pod",
            "rm",
            "-f",
            "-i",
            "-t",
            "0",
            POD,
        )
        bench.remove(NAME)  # it needs the others
        bench.remove(LENDER, NEIGHBOUR, GIVER)
        bench.podman(
            "volume",
            "rm",
            "-f",
            VOLUME,
            READ_ONLY_VOLUME,
        )
        bench.execute(
            "sh",
            "-c",
            f"podman secret rm {SECRET} || true",
        )
        bench.podman("network", "rm", "-f", NETWORK)
        subprocess.run(["rm", "-rf", str(directory)], check=True)


def original(
    world: Host,
    *arguments: str,
    **environment: object,
) -> None:
    """Start it and wait until it has tried everything."""
    given = [f"--env={key}={value}" for key, value in environment.items()]
    world.forget()
    world.bench.run(
        NAME,
        *given,
        *arguments,
        INTRUDER.reference,
    )
    assert eventually(lambda: "tried" in world.bench.podman("logs", NAME)), world.bench.podman(
        "logs", NAME
    )


def tried(world: Host, *arguments: str) -> Any:
    """The record of a trial whose twin has tried everything too; its program ran on each of its
    twins."""
    words = (
        "trial",
        NAME,
        "--url",
        world.bench.url,
        "--check",
        "no-memory-limit",
        "--format",
        "json",
    )
    ended = [
        "--probe",
        f"busybox nc 127.0.0.1 {DONE} </dev/null",
        "--patience",
        "90",
    ]
    done = hardentui(*words, *ended, *arguments)
    record = json.loads(done.stdout)
    assert done.returncode in (0, 1, 6), record
    assert "tried" in record["baseline"]["log"], record
    return record


def nobody_saw_the_twin(world: Host) -> Any:
    """The trial's record; the host's witness saw nothing of it."""
    eventually(lambda: False, 0.5)  # what the original sent last has been noted
    world.forget()
    before = world.contents()
    record = tried(world)
    eventually(lambda: world.seen, 0.5)
    assert world.seen == []
    assert world.contents() == before, "a twin wrote"
    return record


def given_by(record: Any) -> str:
    return "; ".join(f"{lack['what']} {lack['given_by']}" for lack in record["lacks"])


def namespaces(log: str) -> list[str]:
    line = re.search(r"^namespaces (.*)$", log, re.MULTILINE)
    assert line
    return line[1].split()


def test_namespaces_of_the_host(world: Host) -> None:
    """Signals, shared memory, message queues, the host's loopback; UTS and cgroup by their id."""
    if world.bench.account():
        pytest.skip("the host of a rootless bench has no message queues")
    shared = [f"--{kind}=host" for kind in ("pid", "ipc", "uts", "cgroupns", "network")]
    bench, memory = world.bench, "/dev/shm/hostwitness-file"
    bench.execute("sh", "-c", f"echo of the host >{memory}")
    try:
        original(
            world,
            *shared,
            PLACES=memory,
            TARGETS=f"127.0.0.1:{PORT}",
            PIDS=world.pid,
            KEY=witness.KEY,
            QUEUE=witness.QUEUE,
        )
        assert eventually(
            lambda: (
                {"signal", "shared memory", "message queue", "POSIX message queue"} < {*world.seen}
            )
        ), world.seen
        assert f"SOCK_STREAM {PORT}" in world.seen
        written = bench.execute("cat", memory)
        assert "intruder" in written
        of_original = namespaces(bench.podman("logs", NAME))
        record = nobody_saw_the_twin(world)
        assert bench.execute("cat", memory) == written
    finally:
        bench.execute("rm", memory)
    of_twin = namespaces(record["baseline"]["log"])
    assert not {*of_original} & {*of_twin}
    told = given_by(record)
    for option in ("pid", "ipc", "uts", "cgroupns"):
        assert f"--grant {option}" in told
    assert "the network of the host --outside" in told


def test_namespaces_of_another_container(world: Host) -> None:
    bench = world.bench
    bench.run(
        LENDER,
        "--ipc=shareable",
        BUSYBOX,
        "sh",
        "-c",
        WATCH,
    )
    assert eventually(
        lambda: (
            "file"
            in bench.podman(
                "exec",
                LENDER,
                "ls",
                "/dev/shm",
            )
        )
    )
    shared = [f"--{kind}=container:{LENDER}" for kind in ("pid", "ipc", "uts", "network")]
    original(
        world, *shared, "--cap-add=SYS_ADMIN", "--user=0", PLACES="/dev/shm", PIDS="1", HACKED=1
    )
    assert eventually(lambda: "signal" in bench.podman("exec", LENDER, "cat", "/seen"))
    assert bench.podman("exec", LENDER, "hostname") == "hacked"
    assert "intruder" in bench.podman(
        "exec",
        LENDER,
        "ls",
        "/dev/shm",
    )
    bench.podman(
        "exec",
        LENDER,
        "sh",
        "-c",
        "rm -f /dev/shm/intruder; : >/seen; : >/dev/shm/file",
    )
    hostname = "hacked"
    record = nobody_saw_the_twin(world)
    assert (
        bench.podman(
            "exec",
            LENDER,
            "cat",
            "/seen",
            "/dev/shm/file",
        )
        == ""
    )
    assert (
        bench.podman(
            "exec",
            LENDER,
            "ls",
            "/dev/shm",
        )
        == "file"
    )
    assert bench.podman("exec", LENDER, "hostname") == hostname
    of_original = namespaces(bench.podman("logs", NAME))
    assert not {*of_original} & {*namespaces(record["baseline"]["log"])}
    assert LENDER not in given_by(record)  # a twin of it lends its own
    assert record["baseline"]["ready"]
    assert all(each["ready"] for each in record["rounds"]), record["rounds"]  # none without cgroups


@pytest.mark.both
def test_mounts(world: Host) -> None:
    """Directories, files, sockets, patterns, volumes, those of another container; read-only ones
    too."""
    at = world.directory
    bench = world.bench
    bench.run(
        GIVER,
        "-v",
        f"{at}/given:/given",
        BUSYBOX,
        "sleep",
        "100000",
    )
    bench.podman("exec", GIVER, "true")
    originals = (
        *(
            "-v",
            f"{at}/bound:/bound",
            "-v",
            f"{at}/read-only:/read-only:ro",
        ),
        *(
            "-v",
            f"{at}/one/stream.sock:/one/stream.sock",
            "-v",
            f"{at}/one/pipe:/one/pipe",
        ),
        *(
            "-v",
            f"{at}/one/file:/one/file",
            "-v",
            f"{at}/one/datagram.sock:/one/datagram.sock:ro",
        ),
        *(
            "-v",
            f"{VOLUME}:/volume",
            "-v",
            f"{READ_ONLY_VOLUME}:/volume-ro:ro",
        ),
        *(
            "--mount",
            f"type=glob,src={at}/matched/*,dst=/matched",
            "--volumes-from",
            GIVER,
        ),
    )
    places = ("/bound", "/read-only", "/one", "/volume", "/volume-ro", "/matched", "/given")
    original(world, *originals, PLACES=",".join(places))
    files = [str(at / name) for name in ("bound", "read-only", "one", "matched", "given")]
    files += (world.directory / "places").read_text().split()[-2:]
    ways = {f"{place}/{way}" for place in files for way in ("stream.sock", "datagram.sock", "pipe")}
    ways -= {f"{place}/pipe" for place in files if place.endswith(("/read-only", "-ro/_data"))}
    assert eventually(lambda: ways <= {*world.seen}), ways - {*world.seen}
    assert "intruder" in (at / "bound" / "file").read_text()
    record = nobody_saw_the_twin(world)
    told = given_by(record)
    for entry in ("one/stream.sock", "one/pipe", "one/datagram.sock", "matched/stream.sock"):
        assert f"--grant volume={at}/{entry}" in told
    assert f"the service behind {at}/read-only/stream.sock --grant volume={at}/read-only" in told


def test_a_part_of_a_volume_and_mounts_of_its_own(world: Host) -> None:
    """Behind a writable image, a tmpfs and a secret stand those of the original, and what they came
    from."""
    bench = world.bench
    bench.execute(
        "sh",
        "-c",
        f"printf told | podman secret create --replace {SECRET} -",
    )
    image = f"type=image,src={BUSYBOX},dst=/image"
    original(
        world,
        *(
            "--mount",
            f"type=volume,src={VOLUME},dst=/sub,subpath=sub",
            "--mount",
            f"{image},rw=true",
        ),
        *(
            "--tmpfs",
            "/memory",
            "--secret",
            f"{SECRET},mode=0666",
        ),
        PLACES="/sub,/image/etc,/memory,/run/secrets",
    )
    place = (world.directory / "places").read_text().split()[0]
    ways = {f"{place}/{way}" for way in ("stream.sock", "datagram.sock", "pipe")}
    assert eventually(lambda: ways <= {*world.seen}), ways - {*world.seen}
    look = "busybox find /image/etc /memory /run/secrets -type f | busybox xargs busybox grep -H ."
    before = bench.podman("exec", NAME, "sh", "-c", look)
    for own in (
        f"/run/secrets/{SECRET}:toldintruder",
        "/memory/intruder:x",
        "/image/etc/intruder:x",
    ):
        assert before.count(own) == 1
    nobody_saw_the_twin(world)
    assert bench.podman("exec", NAME, "sh", "-c", look) == before
    fresh = ("run", "--rm", "--mount", image, "--secret", SECRET, BUSYBOX, "sh", "-c")
    assert bench.podman(*fresh, f"ls /image/etc; cat /run/secrets/{SECRET}").split()[-1] == "told"
    assert "intruder" not in bench.podman(*fresh, "ls /image/etc")


def test_devices_and_privileges(world: Host) -> None:
    bench = world.bench
    if bench.account():
        pytest.skip("the device belongs to root")
    word = f"intruder {os.urandom(8).hex()}"
    original(
        world,
        "--device=/dev/kmsg:/dev/witness",
        PLACES="/dev/witness",
        WORD=word,
    )
    assert eventually(lambda: kernel_log().count(word) == 1)
    record = nobody_saw_the_twin(world)
    assert kernel_log().count(word) == 1
    assert "the device /dev/kmsg --grant device=/dev/kmsg" in given_by(record)
    bench.remove(NAME)
    place = f"/host-pts/{Path(world.terminal).name}"
    original(
        world,
        "--privileged",
        "-v",
        "/dev/pts:/host-pts",
        PLACES=place,
    )
    assert eventually(lambda: "terminal" in world.seen)
    record = nobody_saw_the_twin(world)
    assert "--grant privileged" in given_by(record)
    assert "the capability SYS_ADMIN --grant cap-add=SYS_ADMIN" in given_by(record)


def kernel_log() -> str:
    """All of it: a line that was not ended is shown with the next one."""
    Path("/dev/kmsg").write_text("hardentui: a witness looks\n")
    return subprocess.run(
        ["dmesg"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.both
def test_network_ways(world: Host) -> None:
    """The gateway, the host's names and addresses, a neighbour, a published port, IPv6, and tricks."""
    bench = world.bench
    bench.podman(
        "network",
        "create",
        "--ipv6",
        NETWORK,
    )
    count = "while true; do nc -l -p 81 </dev/null >/dev/null && echo seen; done"
    bench.run(
        NEIGHBOUR,
        "--network",
        NETWORK,
        "-p",
        "18778:81",
        BUSYBOX,
        "sh",
        "-c",
        count,
    )
    document = bench.get(f"/networks/{NETWORK}/json")
    gateways = [subnet["gateway"] for subnet in document["subnets"]]
    v4 = next(gateway for gateway in gateways if "." in gateway)
    v6 = next(gateway for gateway in gateways if ":" in gateway)
    inspect = bench.get(f"/containers/{NEIGHBOUR}/json")["NetworkSettings"]["Networks"][NETWORK]
    targets = (v4, "host.containers.internal", "witness.example")
    original(
        world,
        *(
            "--network",
            NETWORK,
            "--cap-add=NET_RAW,NET_ADMIN",
            "--add-host",
            f"witness.example:{v4}",
        ),
        TARGETS=",".join(
            [
                *(f"{host}:{PORT}" for host in targets),
                f"{v4}:18778",
                f"{inspect['IPAddress']}:81",
            ]
        ),
        PORT=PORT,
        IPV6=socket.inet_pton(socket.AF_INET6, v6).hex(),
    )
    if not bench.account():  # a rootless network leads to a namespace in between
        assert eventually(lambda: f"SOCK_STREAM {PORT}" in world.seen), world.seen
        assert len([line for line in world.seen if line.startswith("SOCK_")]) >= 4, world.seen
    assert eventually(lambda: "seen" in bench.podman("logs", NEIGHBOUR))
    seen_before = bench.podman("logs", NEIGHBOUR)
    nobody_saw_the_twin(world)
    assert bench.podman("logs", NEIGHBOUR) == seen_before


def test_members_of_a_pod(world: Host) -> None:
    """A twin's pod is a twin as well."""
    bench = world.bench
    bench.podman(
        "pod",
        "create",
        "--name",
        POD,
        "--share",
        "pid,ipc,uts,net",
    )
    watch = "trap 'echo signal >>/seen' USR1; touch /dev/shm/file; while true; do sleep 0.1; done"
    bench.podman(
        "run",
        "-d",
        "--name",
        LENDER,
        "--pod",
        POD,
        "--stop-timeout",
        "0",
        BUSYBOX,
        "sh",
        "-c",
        watch,
    )
    assert eventually(
        lambda: (
            "file"
            in bench.podman(
                "exec",
                LENDER,
                "ls",
                "/dev/shm",
            )
        )
    )
    pids = ",".join(str(number) for number in range(2, 40))
    original(
        world,
        "--pod",
        POD,
        PLACES="/dev/shm",
        PIDS=pids,
    )
    assert eventually(lambda: "signal" in bench.podman("exec", LENDER, "cat", "/seen"))
    bench.podman(
        "exec",
        LENDER,
        "sh",
        "-c",
        "rm -f /dev/shm/intruder; : >/seen; : >/dev/shm/file",
    )
    nobody_saw_the_twin(world)
    assert (
        bench.podman(
            "exec",
            LENDER,
            "cat",
            "/seen",
            "/dev/shm/file",
        )
        == ""
    )
    assert (
        bench.podman(
            "exec",
            LENDER,
            "ls",
            "/dev/shm",
        )
        == "file"
    )


def test_what_is_granted_is_real(world: Host) -> None:
    """And the witness notices it: what the other tests say is not for want of trying."""
    at = world.directory
    original(
        world,
        "-v",
        f"{at}/read-only:/read-only:ro",
        PLACES="/read-only",
    )
    world.forget()
    tried(world, "--grant", f"volume={at}/read-only")
    assert eventually(lambda: f"{at}/read-only/stream.sock" in world.seen), world.seen
