"""What a Podman shows by default is no option of anybody; `make test-versions` runs this on three."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.host.podman.generator import dry_run, exec_start
from hardentui.model.podman_version import Version
from tests.conftest import cannot_run
from tests.support.check_report import statuses
from tests.support.podman import BUSYBOX, NO_QUADLET, RELEASE, ROOTS_DIRECTORY, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

PODMANS = {"bookworm": "4.3", "trixie": "5.4", "forky": "5.8"}
NAME = "plain"
REPOSITORY = Path(__file__).parents[2]
Say = Callable[[str, object], None]


@pytest.fixture
def named(bench: Bench) -> Iterator[Bench]:
    bench.remove(NAME)
    yield bench
    bench.remove(NAME)


@pytest.fixture
def gone(podman: Bench) -> Iterator[None]:
    podman.remove(NAME)
    yield
    podman.remove(NAME)


def written(
    bench: Bench,
    target: Path,
    kind: str = "run",
) -> str:
    assert (
        main(
            [
                "fix",
                NAME,
                "--as-is",
                "--url",
                bench.url,
                "--to",
                kind,
                "-o",
                str(target),
            ]
        )
        == 0
    )
    return (target / f"{NAME}.{'sh' if kind == 'run' else 'container'}").read_text()


def created_by(script: str) -> list[str]:
    """The words of `podman create` in a script."""
    command = script.partition("create)\n")[2].partition(";;")[0].replace("\\\n", " ")
    return shlex.split(command)[3:]


@pytest.mark.skipif(
    not RELEASE,
    reason="this machine's own Podman may be any",
)
def test_the_podman_is_that_of_the_release(
    podman: Bench,
    record_property: Say,
) -> None:
    assert str(podman.version).startswith(PODMANS[RELEASE])
    record_property("podman", str(podman.version))


@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_plain_container_has_no_options(
    named: Bench,
    verb: str,
    tmp_path: Path,
    record_property: Say,
) -> None:
    detached = ("-d",) if verb == "run" else ()
    named.podman(
        verb,
        *detached,
        "--name",
        NAME,
        BUSYBOX,
        "sleep",
        "600",
    )
    for difference in shown_by_default(named.get(f"/containers/{NAME}/json")):
        record_property("differs", difference)
    assert created_by(written(named, tmp_path)) == [f"--name={NAME}", BUSYBOX, "sleep", "600"]


def shown_by_default(inspect: dict[str, Any]) -> Iterator[str]:
    """Fields of a plain container in which the Podmans differ."""
    config, host = inspect["Config"], inspect["HostConfig"]
    yield f"log size `{host['LogConfig']['Size']}`"
    yield f"stop signal `{config['StopSignal']}`"
    if "TERM=xterm" in config["Env"]:
        yield "`TERM=xterm` in every container"
    annotations = sorted(
        name for name in config.get("Annotations") or {} if not name.startswith("io.podman.")
    )
    if annotations:
        yield "annotations " + ", ".join(f"`{name}`" for name in annotations)
    if inspect["State"]["Status"] == "running":
        yield f"{len(host['Ulimits'])} limits (`Ulimits`) after the start"


COMPOSE = {
    "Image": BUSYBOX,
    "Cmd": ["sleep", "600"],
    "Env": ["A=1", "PATH=/bin"],
    "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": NAME},
    "ExposedPorts": {"80/tcp": {}},
    "StopTimeout": 20,
    "HostConfig": {
        "Binds": ["/srv:/srv:ro"],
        "CapDrop": ["ALL"],
        "CapAdd": ["CHOWN"],
        "Memory": 64 << 20,
        "NetworkMode": "bridge",
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]},
        "ReadonlyRootfs": True,
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
        "SecurityOpt": ["no-new-privileges"],
        "Tmpfs": {"/t": "size=1m"},
    },
}
"""What compose sends for a service."""


def test_a_container_of_compose_comes_through(
    podman: Bench,
    tmp_path: Path,
) -> None:
    podman.remove(NAME)
    podman.post_compatible(f"/containers/create?name={NAME}", COMPOSE)
    podman.podman("start", NAME)
    try:
        words = created_by(written(podman, tmp_path))
        unasked = (
            "--ulimit",
            "--oom-score-adj",
            "--cgroups",
            "--umask",
        )  # --hosts-file: as this machine's /etc/hosts wants
        assert not [word for word in words if word.startswith(unasked)], words
        wanted = (
            "--cap-drop=all --cap-add=CAP_CHOWN --memory=64m --publish=127.0.0.1:18080:80 --read-only "
            "--restart=on-failure:3 --security-opt=no-new-privileges --stop-timeout=20 --env=A=1"
        )
        assert {*wanted.split()} <= {*words}, words
        # inspect shows 0000 for "not given": written as such, everybody could write what the
        # container makes
        assert podman.get(f"/containers/{NAME}/json")["Config"]["Umask"] == "0000"
        before = rights(podman)
        assert umask(podman) == "0022"
        podman.remove(NAME)
        podman.execute("sh", str(tmp_path / f"{NAME}.sh"))
        assert rights(podman) == before
        assert umask(podman) == "0022"
        assert created_by(written(podman, tmp_path / "again")) == words
    finally:
        podman.remove(NAME)


def umask(bench: Bench) -> str:
    """What the kernel says of its main process."""
    pid = bench.get(f"/containers/{NAME}/json")["State"]["Pid"]
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("Umask:"))


def rights(bench: Bench) -> tuple[Any, ...]:
    inspect = bench.get(f"/containers/{NAME}/json")
    host = inspect["HostConfig"]
    fields = ("Binds", "Memory", "PortBindings", "ReadonlyRootfs", "SecurityOpt")
    return (
        inspect["BoundingCaps"],
        *(host[field] for field in fields),
    )


def test_its_quadlet_is_accepted_and_created(
    podman: Bench,
    tmp_path: Path,
) -> None:
    generator = podman.generator()
    if generator is None:
        pytest.skip(NO_QUADLET)
    podman.remove(NAME)
    podman.post_compatible(f"/containers/create?name={NAME}", COMPOSE)
    try:
        unit = written(podman, tmp_path, "quadlet")
        before = rights(podman)
        done = dry_run(
            {f"{NAME}.container": unit},
            user=False,
            generator=generator,
        )
        assert done.ok, done.stderr
        argv = exec_start(done.services[f"{NAME}.service"])
        dropped = ("-d", "--cidfile")
        words = [
            word for word in argv[argv.index("run") + 1 :] if word.partition("=")[0] not in dropped
        ]
        podman.remove(NAME)
        podman.execute("podman", "create", *words)
        assert rights(podman) == before
    finally:
        podman.remove(NAME)


_SYSTEMD = """
import socketserver, struct
AGREED = {b"AUTH EXTERNAL": b"OK " + b"0" * 32, b"NEGOTIATE_UNIX_FD": b"AGREE_UNIX_FD"}
SAYS = {b"AUTH": b"REJECTED EXTERNAL", **AGREED}
class Peer(socketserver.BaseRequestHandler):
    def handle(self):
        while said := self.request.recv(4096):
            call = said.rpartition(b"BEGIN\\r\\n")[2]
            if call[:2] == b"l\\1":
                number = struct.unpack_from("<I", call, 8)[0]
                self.request.sendall(struct.pack("<4s5I", b"l\\2\\1\\1", 0, 1, 8, 0x750105, number))
            elif answer := SAYS.get(said.strip(b"\\0\\r\\n")):
                self.request.sendall(answer + b"\\r\\n")
socketserver.ThreadingUnixStreamServer("/run/systemd/private", Peer).serve_forever()
"""
"""Answers calls with nothing: `podman quadlet install` calls systemd even if it is not to reload
it."""


def test_podman_quadlet_install_takes_the_files(
    podman: Bench,
    gone: None,
    tmp_path: Path,
) -> None:
    """And they come to the same container through the generator that reads them there."""
    if podman.version < Version(5, 6):
        pytest.skip("refused: `podman quadlet install` is of Podman 5.6 and newer")
    podman.podman(
        "network",
        "create",
        "--ignore",
        "installed-net",
    )
    podman.run(
        NAME,
        "--network=installed-net",
        "-vinstalled-data:/data",
        BUSYBOX,
        "sleep",
        "600",
    )
    command = [
        "fix",
        NAME,
        "--as-is",
        "--url",
        podman.url,
        "--to",
        "quadlet",
        "-o",
        str(tmp_path),
    ]
    assert main(command) == 0
    files = [
        f"{NAME}.container",
        "installed-net.network",
        "installed-data.volume",
    ]
    own = (
        'mkdir -p /run/systemd; mount -n -t tmpfs tmpfs /run/systemd; nohup python3 -c "$1" '
        ">/dev/null 2>&1 &"
    )
    podman.execute(
        "sh",
        "-c",
        own,
        "-",
        _SYSTEMD,
    )
    assert eventually(lambda: podman.execute("ls", "/run/systemd") == "private")
    paths = [str(tmp_path / file) for file in files]
    paths = podman.podman(
        "quadlet",
        "install",
        "--reload-systemd=false",
        *paths,
    ).splitlines()
    texts = {Path(path).name: podman.execute("cat", path) + "\n" for path in paths}
    assert texts == {file: (tmp_path / file).read_text() for file in files}
    modes = podman.execute("stat", "-c%a", *paths)
    assert set(modes.split()) == {"644"}  # so it is not named for a file with a secret
    generator = podman.generator()
    assert generator is not None
    assert dry_run(
        texts,
        user=False,
        generator=generator,
    ).ok


@pytest.mark.skipif(
    not RELEASE,
    reason="the accounts are those of this machine",
)
def test_ids_that_podman_does_not_have_cost_no_round(
    podman: Bench,
    gone: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The range is there; the Podman of Debian's next release also wants the account, and finds no
    IDs."""
    podman.run(
        NAME,
        "--network=none",
        BUSYBOX,
        "sleep",
        "600",
    )
    accounts = podman.execute("cat", "/etc/passwd")
    less = "\n".join(line for line in accounts.splitlines() if not line.startswith("containers:"))
    try:
        podman.execute(
            "sh",
            "-c",
            'echo "$1" >/etc/passwd',
            "-",
            less,
        )
        checks = ("--check", "host-user-namespace", "--check", "no-memory-limit")
        assert (
            main(
                [
                    "trial",
                    NAME,
                    "--url",
                    podman.url,
                    *checks,
                    "--format",
                    "json",
                ]
            )
            == 0
        )
    finally:
        podman.execute(
            "sh",
            "-c",
            'echo "$1" >/etc/passwd',
            "-",
            accounts,
        )
    trial = json.loads(capsys.readouterr().out)
    if podman.version >= Version(5, 8):
        (left,) = trial["left_out"]
        assert (left["check"], len(trial["rounds"])) == ("host-user-namespace", 2)
        assert "an account" in left["reason"], left
    else:
        assert "host-user-namespace" in {kept["check"] for kept in trial["kept"]}


def test_without_quadlet_it_says_so(
    podman: Bench,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if podman.generator():
        pytest.skip("it has Quadlet")
    podman.run(
        NAME,
        "--network=none",
        BUSYBOX,
        "sleep",
        "600",
    )
    try:
        assert main(["fix", NAME, "--url", podman.url, "--safe"]) == 2
    finally:
        podman.remove(NAME)
    said = capsys.readouterr().err
    assert "has no Quadlet" in said
    assert "Write a script" in said


def test_the_engines_own_filter_is_not_weak(
    named: Bench,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named.run(
        NAME,
        "--network=none",
        BUSYBOX,
        "sleep",
        "600",
    )
    main(
        [
            "check",
            NAME,
            "--url",
            named.url,
            "--check",
            "weak-seccomp-profile",
            "--format",
            "json",
        ]
    )
    assert statuses(json.loads(capsys.readouterr().out), NAME)["weak-seccomp-profile"] == "pass"


# --- with the release's own Python ---------------------------------------------------------------


@pytest.fixture(scope="module")
def libraries(podman: Bench) -> str:
    """What we depend on, for the Python of the release."""
    minor = podman.execute(
        "python3",
        "-c",
        "import sys; print('%d.%d' % sys.version_info[:2])",
    )
    target = ROOTS_DIRECTORY / f"python{minor}"
    if not (target / ".ready").exists():
        wanted = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"][
            "dependencies"
        ]
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--only-binary=:all:",
            "--python-version",
            minor,
        ]
        command = [
            *pip,
            "--upgrade",
            "--target",
            str(target),
            "-c",
            "constraints.txt",
            *wanted,
        ]
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            cannot_run(
                f"the libraries for Python {minor} could not be fetched: {done.stderr[-300:]}"
            )
        (target / ".ready").touch()
    return str(target)


@pytest.mark.skipif(
    not RELEASE,
    reason="the tests themselves run with this machine's Python",
)
def test_it_runs_with_the_python_of_the_release(
    podman: Bench,
    libraries: str,
    tmp_path: Path,
    record_property: Say,
) -> None:
    copied = podman.directory / "libraries"
    if not copied.exists():
        subprocess.run(["cp", "-a", libraries, str(copied)], check=True)
    path = f"PYTHONPATH={REPOSITORY}:{copied}"
    ours = ("env", path, "PYTHONDONTWRITEBYTECODE=1", "python3", "-m", "hardentui")
    podman.run(
        NAME,
        "--network=none",
        BUSYBOX,
        "sleep",
        "600",
    )
    try:
        check = shlex.join(
            (
                *ours,
                "check",
                NAME,
                "--url",
                podman.url,
                "--format",
                "json",
            )
        )
        answer = podman.execute(
            "sh",
            "-c",
            f"{check} || [ $? -le 4 ]",
            timeout=180,
        )
        script = podman.execute(
            *ours, "fix", NAME, "--as-is", "--url", podman.url, "--to", "run", timeout=120
        )
    finally:
        podman.remove(NAME)
    answers = list(statuses(json.loads(answer), NAME).values())
    assert len(answers) > 30
    assert answers.count("unknown") < len(answers) / 2
    assert "podman create" in script
    version = podman.execute("python3", "--version")
    record_property("python", version)
    record_property(
        "ground",
        {"Python": version.split()[-1].rpartition(".")[0]},
    )
