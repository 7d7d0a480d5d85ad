"""Real services watched by notification and by strace, and asked as a client would."""

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from hardentui.features.trial.learned.needs import Needs, needs_of
from hardentui.features.trial.observe.watch import Watch, native_way
from hardentui.lib.observer.records import CallLog
from hardentui.model.facts import STOCK_CAPABILITIES
from hardentui.model.trial import Observation
from tests.conftest import cannot_run
from tests.support.images import NGINX, REDIS, build, missing_package
from tests.support.observing import BASE
from tests.support.podman import Bench
from tests.support.postgres import postgres_image
from tests.support.waiting import eventually

NAME = "learned-service"
_PG_HELLO = r"\000\000\000\027\000\003\000\000user\000postgres\000\000"


class Service(Struct, frozen=True):
    """A service and how a client sees that it works.

    Attributes:
        ask: command in the bench's network, with the service's address in `$IP`; prints `answer`.
        needs: the capabilities that it is known to need, at most.
    """

    name: str
    image: Callable[[Bench], str]
    ask: str
    answer: str
    needs: frozenset[str]


def _image(image: object) -> Callable[[Bench], str]:
    def made(bench: Bench) -> str:
        if command := missing_package(image):  # type: ignore[arg-type]
            cannot_run(f"a package is missing; run: {command}")
        build(bench, image)  # type: ignore[arg-type]
        return str(image.reference)  # type: ignore[attr-defined]

    return made


_NC = "timeout 5 busybox nc $IP"
SERVICES = (
    Service(
        "nginx", _image(NGINX), f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | {_NC} 80", "it works",
        frozenset({"CAP_CHOWN", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"}),
    ),
    Service(
        "redis", _image(REDIS), f"printf 'SET a 1\\r\\nQUIT\\r\\n' | {_NC} 6379", "+OK", frozenset()
    ),
    Service(
        "postgres", postgres_image, f"(printf '{_PG_HELLO}'; sleep 0.3) | {_NC} 5432 | tr -d " "'\\000'",
        "server_version",
        frozenset({"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID"}),
    ),
)  # fmt: skip


def pid_of(bench: Bench) -> int:
    pid = bench.get(f"/containers/{NAME}/json")["State"]["Pid"]
    assert isinstance(pid, int)
    return pid


def answers(bench: Bench, service: Service) -> bool:
    """Whether a client in its own network namespace is served."""
    inside = [
        "nsenter",
        "-t",
        str(pid_of(bench)),
        "-n",
        "sh",
        "-c",
        f"IP=127.0.0.1; {service.ask}",
    ]
    said = subprocess.run(
        inside, capture_output=True, text=True, timeout=20, check=False, errors="replace"
    )
    return service.answer in said.stdout


def exercise(bench: Bench, service: Service) -> None:
    """Start, be served, stop."""
    bench.podman("start", NAME)
    assert eventually(lambda: answers(bench, service), 60), bench.podman("logs", NAME)
    bench.podman("stop", NAME)


def watched(
    bench: Bench,
    service: Service,
    image: str,
) -> Observation:
    watch = Watch(
        BASE,
        STOCK_CAPABILITIES,
        account=bench.account(),
        parent=str(bench.directory),
    )
    watch.open()
    try:
        bench.podman(
            "create",
            "--name",
            NAME,
            f"--security-opt=seccomp={watch.profile_path}",
            "--stop-timeout=20",
            image,
        )
        bench.podman("init", NAME)
        watch.attach(pid_of(bench))
        exercise(bench, service)
        changed = tuple(line[2:] for line in bench.podman("diff", NAME).splitlines())
        bench.remove(NAME)
        return watch.finish(changed)
    finally:
        watch.close()


def traced(
    bench: Bench,
    service: Service,
    image: str,
) -> frozenset[str]:
    """The calls of its programs as strace sees them."""
    bench.podman(
        "create",
        "--name",
        NAME,
        "--stop-timeout=20",
        image,
    )
    bench.podman("init", NAME)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "calls")
        command = [
            "strace",
            "-f",
            "-qq",
            "-o",
            str(path),
            "-p",
            str(pid_of(bench)),
        ]
        tracer = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        status = Path(f"/proc/{pid_of(bench)}/status")
        assert eventually(lambda: f"TracerPid:\t{tracer.pid}\n" in status.read_text())
        exercise(bench, service)
        tracer.wait(timeout=20)
        lines = path.read_text(errors="replace").splitlines()
    bench.remove(NAME)
    names = [
        match[1]
        for line in lines
        if (match := re.match(r"\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", line))
    ]
    return frozenset(names[names.index("execve") + 1 :])


def learned(
    bench: Bench,
    service: Service,
    image: str,
) -> tuple[Needs, CallLog]:
    observation = watched(bench, service, image)
    assert isinstance(observation.calls, CallLog), observation.calls
    assert observation.calls.faults == ()
    return needs_of(
        observation,
        STOCK_CAPABILITIES,
        native=native_way(),
    ), observation.calls


def seen_by_both(
    bench: Bench,
    service: Service,
) -> tuple[frozenset[str], frozenset[str]]:
    """The calls of its programs by notification and by strace, without the runtime's own execve."""
    image = service.image(bench)
    _, log = learned(bench, service, image)
    seen = frozenset(call.name for call in log.calls if call.program)
    return seen - {"execve"}, traced(bench, service, image) - {"execve"}
