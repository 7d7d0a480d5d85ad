"""HardenTUI in a container on the host that it checks, as in a toolbox: the same verdicts, or
unknown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import hardentui
from tests.support.check_report import findings_of
from tests.support.podman import BUSYBOX, Bench, root_of

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        os.geteuid() != 0,
        reason="a rootful Podman is what a toolbox of root sees",
    ),
]

ROOT = Path(__file__).parents[2]
BOX, WEB = "inside-box", "inside-web"
TOOLBOX = (
    "--privileged",
    "--pid=host",
    "--network=host",
    "--ipc=host",
    "--hostname=toolbox",
    "-v/:/run/host",
)
"""As the toolbox of openSUSE and `toolbox` as root create it."""


@pytest.fixture(scope="module")
def web(podman: Bench) -> Iterator[Bench]:
    podman.run(
        WEB,
        "-p",
        "8097:80",
        "-v",
        "/etc:/host-etc:ro",
        BUSYBOX,
        "sleep",
        "1000",
    )
    yield podman
    podman.remove(WEB, BOX)


def box(bench: Bench, release: Path, *options: str) -> None:
    """A container that has this Python and HardenTUI, but another system's /etc."""
    bench.remove(BOX)
    release.write_text('ID=boxlinux\nVERSION_ID="1"\nPRETTY_NAME="Box Linux"\n')
    package = os.path.dirname(os.path.dirname(hardentui.__file__))
    ours = {
        "/usr",
        "/lib",
        "/lib64",
        sys.base_prefix,
        sys.prefix,
        package,
    }
    mounts = [f"-v{path}:{path}:ro" for path in sorted(ours) if os.path.isdir(path)]
    bench.run(
        BOX,
        *options,
        *mounts,
        f"-v{release}:/etc/os-release:ro",
        BUSYBOX,
        "sleep",
        "1000",
    )


def inside(
    bench: Bench,
    *arguments: str,
    program: Sequence[str] = (),
) -> str:
    return bench.podman(
        "exec",
        "-w/",
        BOX,
        *hardentui_in(*arguments, program=program),
        timeout=240,
    )


def hardentui_in(*arguments: str, program: Sequence[str] = ()) -> tuple[str, ...]:
    package = os.path.dirname(os.path.dirname(hardentui.__file__))
    state = ("XDG_STATE_HOME=/tmp/x", "XDG_CACHE_HOME=/tmp/x", "PYTHONDONTWRITEBYTECODE=1")
    own = program or (
        f"PYTHONPATH={package}",
        sys.executable,
        "-m",
        "hardentui",
    )
    # the exit code says what was found; what stands on the error output is of no interest
    return ("sh", "-c", '"$@" 2>/dev/null || true', "-", "env", *state, *own, *arguments)


def verdicts(text: str, without: str) -> dict[str, Any]:
    """Subject and check -> the whole finding; `without`: what precedes the path of the socket."""
    document = json.loads(text.replace(without, "") if without else text)
    return {
        f"{subject['kind']} {subject['name']}: {finding['check']}": finding
        for subject in document["subjects"]
        for finding in findings_of(document, subject)
        if subject["name"] != BOX  # each look into it is one exec session more
    }


def outside(bench: Bench) -> dict[str, Any]:
    return verdicts(
        bench.execute(
            *hardentui_in(
                "check",
                "--format",
                "json",
                "--url",
                bench.url,
            ),
            timeout=240,
        ),
        "",
    )


def no_verdict_differs(
    bench: Bench,
    url: str,
    program: Sequence[str] = (),
) -> None:
    before = outside(bench)
    seen = verdicts(
        inside(
            bench,
            "check",
            "--format",
            "json",
            "--url",
            url,
            program=program,
        ),
        "/run/host",
    )
    after = outside(bench)
    # another test's Podman on this machine may come or go meanwhile
    steady = {name for name in {*before, *after} if before.get(name) == after.get(name)}
    assert [
        (before[name], seen.get(name)) for name in steady if before[name] != seen.get(name)
    ] == []
    assert {*seen} == {*before}
    assert len(steady) > 120


def test_inside_and_outside_no_verdict_differs(
    web: Bench,
    tmp_path: Path,
) -> None:
    box(web, tmp_path / "release", *TOOLBOX)
    url = f"unix:///run/host{web.socket}"
    no_verdict_differs(web, url)
    text = inside(web, "check", "--url", url)
    assert "(read from a Podman container)" in " ".join(text.split())
    assert "the host is read from there, not changed" in inside(web, "doctor", "--url", url)


@pytest.mark.long
def test_our_image_checks_files_as_nobody_and_the_host_as_root(
    web: Bench,
    tmp_path: Path,
) -> None:
    """The image that `make image` builds; its base is a Debian 13, for there is no registry here."""
    root, base, ours = root_of("trixie"), "localhost/python-of-trixie", "localhost/hardentui"
    subprocess.run(
        [sys.executable, "-m", "tools.pack", "image"],
        cwd=ROOT,
        check=True,
        timeout=300,
    )
    parts = ("./etc", "./usr", "./bin", "./lib", "./lib64")
    subprocess.run(
        [
            "tar",
            "-C",
            root,
            "-cf",
            str(tmp_path / "root.tar"),
            *parts,
        ],
        check=True,
    )
    web.podman(
        "import",
        str(tmp_path / "root.tar"),
        base,
        timeout=240,
    )
    archive = ROOT / f"dist/hardentui-{hardentui.__version__}-image.tar.gz"
    (tmp_path / "context").mkdir()
    subprocess.run(
        [
            "tar",
            "-C",
            str(tmp_path / "context"),
            "-xf",
            str(archive),
        ],
        check=True,
    )
    words = (
        "build",
        "--build-arg",
        f"BASE={base}",
        "--tag",
        ours,
        str(tmp_path / "context"),
    )
    web.podman(*words, timeout=240)
    (tmp_path / "web.container").write_text(
        "[Container]\nImage=docker.io/library/nginx:1.27\nPodmanArgs=--privileged\n"
    )
    tmp_path.chmod(0o755)  # the account that the image runs as reads it
    run = (
        "run",
        "--rm",
        "--network=none",
        "--read-only",
        f"-v{tmp_path}:/src:ro",
    )
    with pytest.raises(subprocess.CalledProcessError) as failed:
        web.podman(*run, ours)
    assert "web.container:3:12: critical host-devices" in failed.value.stdout
    web.remove(BOX)
    web.run(
        BOX,
        "--user=0",
        *TOOLBOX,
        "--entrypoint=sleep",
        ours,
        "1000",
    )
    no_verdict_differs(
        web,
        f"unix:///run/host{web.socket}",
        program=("hardentui",),
    )


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            ("--pid=host",),
            id="it sees the processes of the host, and no file",
        ),
        pytest.param((), id="it has processes of its own"),
        pytest.param(
            ("--privileged",),
            id="it may do everything, to processes of its own",
        ),
        pytest.param(
            ("-v/:/run/host",),
            id="it has the files of the host, but not its processes",
        ),
    ],
)
def test_a_host_that_cannot_be_seen_is_unknown(
    web: Bench,
    tmp_path: Path,
    options: tuple[str, ...],
) -> None:
    box(
        web,
        tmp_path / "release",
        *options,
        f"-v{web.socket}:{web.socket}",
    )
    seen = verdicts(
        inside(
            web,
            "check",
            "--format",
            "json",
            "--url",
            web.url,
        ),
        "",
    )
    of_host = {finding["status"] for name, finding in seen.items() if name.startswith("host ")}
    assert of_host <= {"unknown", "not-applicable"}
    why = seen["engine rootful: insecure-default-policy"]
    assert why["status"] == "unknown"
    assert "HardenTUI runs in a Podman container that cannot see the host" in why["reason"]
    assert "--privileged --pid=host" in why["reason"]
    kernel = seen[f"container {WEB}: writable-rootfs"]
    assert kernel["effective"].startswith("unknown: ")
    real = outside(web)
    other = [
        (real[name]["status"], finding)
        for name, finding in seen.items()
        if name in real and finding["status"] not in ("unknown", real[name]["status"])
    ]
    assert not other, "what cannot be seen may be unknown, and nothing else"


def test_nothing_is_changed_from_a_container_and_the_command_that_it_tells_does_it_on_the_host(
    web: Bench,
    tmp_path: Path,
) -> None:
    box(web, tmp_path / "release", *TOOLBOX)
    url = f"unix:///run/host{web.socket}"
    before = web.podman(
        "inspect",
        "--format",
        "{{.ID}}",
        WEB,
    )
    script = '"$@" 2>&1; echo "code $?"'
    words = hardentui_in(
        "apply",
        WEB,
        "--check",
        "no-memory-limit",
        "--yes",
        "--url",
        url,
    )
    said = web.podman(
        "exec",
        "-w/",
        BOX,
        "sh",
        "-c",
        script,
        *words[3:],
        timeout=240,
    )
    assert (
        "HardenTUI runs in a Podman container: from there it reads the host and changes nothing "
        "on it."
    ) in said
    assert said.endswith("code 2")
    assert web.podman("inspect", "--format", "{{.ID}}", WEB) == before
    told = re.search(r"then run: (nsenter .+?)\. Or write the files", " ".join(said.split()))
    assert told, said
    assert f"hardentui apply {WEB} --check no-memory-limit --yes --url {web.url}" in told[1]
    state = ("XDG_STATE_HOME=/tmp/inside-x", "XDG_CACHE_HOME=/tmp/inside-x")
    # where process 1 is out of reach, this variable alone says that there is a container
    there = ("env", "--unset=container", f"PATH={sys.prefix}/bin:/usr/sbin:/usr/bin", *state)
    done = web.podman("exec", BOX, *there, "sh", "-c", f"{told[1]} 2>&1; true", timeout=300)
    assert web.podman("inspect", "--format", "{{.HostConfig.Memory}}", WEB) == str(512 << 20), done
