"""What a file decides holds once it runs: verdicts at rest against those on a real Podman."""

from __future__ import annotations

import itertools
import shlex
import shutil
import sys
import threading
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import astuple

from hardentui.__main__ import main
from hardentui.features.at_rest.checking import AtRest, look
from hardentui.features.at_rest.stacks import convert
from hardentui.host.podman.generator import find_generator, version_of
from hardentui.lib.quadlet import generate
from hardentui.model.finding import Finding, Kind, Status
from tests.conftest import cannot_run
from tests.support.looking import looked_at
from tests.support.podman import BUSYBOX, Bench
from tests.support.started_units import start_units

pytestmark = pytest.mark.live

FINE = (Status.PASS, Status.NOT_APPLICABLE)
NOT_OF_A_BENCH = ("--cgroups=split", "--sdnotify=conmon", "--rm", "--cidfile=")
"""Words of a generated command that need a running systemd."""

USUAL = "LogDriver=k8s-file"
"""The default of an engine without systemd; at rest, one with systemd is assumed."""

QUADLETS: Mapping[str, str] = {
    "plain": "",
    "hard": "User=1000\nDropCapability=all\nNoNewPrivileges=true\nReadOnly=true\nPodmanArgs=--memory=64m",
    "privileged": "PodmanArgs=--privileged",
    "caps": "AddCapability=SYS_ADMIN NET_ADMIN\nDropCapability=CHOWN",
    "mounts": "Volume=/etc:/host/etc:ro\nVolume=/var/tmp:/work\nTmpfs=/run",
    "socket": "Volume=/run/podman/podman.sock:/var/run/docker.sock",
    "network": "Network=host",
    "none": "Network=none\nLogDriver=none\nSysctl=net.ipv4.ip_unprivileged_port_start=0",
    "ports": "PublishPort=18080:80\nPublishPort=127.0.0.1:18081:81\nPublishPort=15432:5432",
    "namespaces": "PodmanArgs=--pid=host --ipc=host",
    "secrets": "Environment=DB_PASSWORD=hunter2 API_TOKEN=x MODE=prod\nLabel=app=shop",
    "seccomp": "SeccompProfile=unconfined\nUnmask=ALL",
    "health": "HealthCmd=true\nHealthOnFailure=kill\nUlimit=nofile=1024:2048\nPidsLimit=50",
    "label": "SecurityLabelDisable=true\nPodmanArgs=--security-opt=apparmor=unconfined",
}
COMPOSE = f"""\
services:
  a:
    image: {BUSYBOX}
    command: [sleep, "1000"]
    stop_grace_period: 0s
    logging: &logging {{driver: k8s-file}}
    cap_add: [NET_ADMIN]
    read_only: true
    environment: {{PASSWORD: hunter22}}
    mem_limit: 64m
    ports: ["18090:80"]
  b:
    image: {BUSYBOX}
    command: sleep 1000
    stop_grace_period: 0s
    logging: *logging
    security_opt: ["no-new-privileges:true", "seccomp:unconfined"]
    cap_drop: [ALL]
    user: "7"
    volumes: ["/etc:/x:ro", "data:/data"]
    network_mode: host
volumes: {{data: {{}}}}
"""
SCRIPT = f"""\
#!/bin/sh
IMAGE={BUSYBOX}
podman run -d --name rest-run-a --stop-timeout 0 --log-driver k8s-file \\
    --cap-drop=all --read-only --tmpfs /tmp:size=1m "$IMAGE" sleep 1000
podman run -d --name rest-run-b --stop-timeout 0 --log-driver k8s-file \\
    --device /dev/fuse -v /etc:/x:ro -e TOKEN=abc123xyz --security-opt no-new-privileges {BUSYBOX} sleep 1000
"""


def of_quadlets(
    bench: Bench,
    folder: Path,
    sections: Mapping[str, str],
) -> dict[str, str]:
    """Start what the generator makes of each, without systemd; returns service -> container."""
    script = ["set -e", "mkdir -p /run/podman", ": >>/run/podman/podman.sock"]
    for number, (name, lines) in enumerate(sections.items()):
        for port in (18080, 18081, 15432):
            lines = lines.replace(f"{port}:", f"{port + 10 * number}:")
        text = f"[Container]\nImage={BUSYBOX}\nContainerName=rest-{name}\nExec=sleep 1000\n{USUAL}\n{lines}\n"
        (folder / f"{name}.container").write_text(text)
        units = {f"{name}.container": text}
        (words,) = generate(
            units, version=astuple(bench.version), rootless=False, directory=str(folder)
        ).values()
        command = [word for word in words[1:] if not word.startswith(NOT_OF_A_BENCH)]
        script.append(
            shlex.join(
                [
                    "podman",
                    *command[:1],
                    "--stop-timeout=0",
                    *command[1:],
                ]
            )
        )
    bench.execute(
        "sh",
        "-c",
        "\n".join(script),
        timeout=240,
    )
    return {name: f"rest-{name}" for name in sections}


def running(
    bench: Bench,
    names: Iterable[str],
) -> dict[str, dict[str, Finding]]:
    with looked_at(bench.url, *names) as (_, reports):
        return {
            name: {finding.check: finding for finding in report.everything}
            for name, report in reports.items()
        }


def differences(
    folder: Path,
    bench: Bench,
    names: Mapping[str, str],
    *,
    rootless: bool,
) -> tuple[list[str], int]:
    """Where a decided verdict differs, and how many were decided.

    Args:
        names: service -> container.
    """
    looked = look(
        AtRest(
            (str(folder),),
            version=bench.version,
            rootless=rootless,
        ),
        date.today(),
    )
    assert looked.refused == ()
    live = running(bench, names.values())
    different, decided = [], 0
    for judged in looked.services:
        container = live[names[judged.service.name]]
        for finding in judged.findings:
            seen = container[finding.check]
            if finding.status is Status.UNKNOWN or seen.status is Status.UNKNOWN:
                continue
            decided += 1
            if (finding.status in FINE) != (seen.status in FINE):
                different.append(
                    f"{judged.service.name}: {finding.check}: {finding.status.value}"
                    f" ({finding.verdict.reason or finding.verdict.declared}), running {seen.status.value}"
                    f" ({seen.verdict.reason or seen.verdict.declared})"
                )
    assert all(
        f.subject.kind is Kind.SERVICE for judged in looked.services for f in judged.findings
    )
    return different, decided


def test_a_verdict_at_rest_holds_when_it_runs(
    podman: Bench,
    tmp_path: Path,
) -> None:
    program = shutil.which("podman-compose", path=str(Path(sys.executable).parent))
    if program is None:
        cannot_run("podman-compose is missing; run: pip install --group dev")
    rootless = podman.account() != 0
    names: dict[str, str] = {}
    stack = podman.directory / "atrest"
    stack.mkdir(exist_ok=True)
    script = tmp_path / "start.sh"
    script.write_text(SCRIPT)
    (stack / "compose.yaml").write_text(COMPOSE)
    try:
        names = of_quadlets(podman, tmp_path, QUADLETS)
        podman.execute("sh", str(script), timeout=120)
        names |= {name: name for name in ("rest-run-a", "rest-run-b")}
        different, decided = differences(
            tmp_path,
            podman,
            names,
            rootless=rootless,
        )
        command = shlex.join([sys.executable, program, "up", "-d"])
        podman.execute(
            "sh",
            "-c",
            f"cd {shlex.quote(str(stack))} && {command}",
            timeout=120,
        )
        of_compose = {"a": "atrest_a_1", "b": "atrest_b_1"}
        more, also = differences(
            stack,
            podman,
            of_compose,
            rootless=rootless,
        )
        names |= of_compose
    finally:
        podman.remove(*{f"rest-{name}" for name in QUADLETS}, *names.values())
    assert "\n".join((*different, *more)) == ""
    assert decided + also > 50 * len(names)


STACK = f"""\
services:
  web:
    image: {BUSYBOX}
    command: [sh, -c, 'echo "$$GREETING" >/tmp/index.html; exec httpd -f -p 8080 -h /tmp']
    env_file: web.env
    depends_on: {{db: {{condition: service_healthy}}, api: {{condition: service_started}}}}
  api:
    image: {BUSYBOX}
    command: httpd -f -p 8080 -h /run/secrets
    secrets: [key]
    depends_on: [db]
  db:
    image: {BUSYBOX}
    command: [sh, -c, 'echo stored >>/data/index.html; exec httpd -f -p 8080 -h /data']
    volumes: ["data:/data"]
    healthcheck: {{test: [CMD, wget, -qO-, "http://127.0.0.1:8080/"], interval: 5s}}
volumes: {{data: {{}}}}
secrets: {{key: {{external: true}}}}
"""


def test_a_converted_stack_serves(podman: Bench) -> None:
    """A stack of three: dependency, health check, env file, secret; its volume keeps what compose
    stored."""
    folder = podman.directory / "shop"
    folder.mkdir()
    (folder / "compose.yaml").write_text(STACK)
    (folder / "web.env").write_text("GREETING=hello from the env file\n")
    generator = find_generator()
    version = version_of(generator) if generator is not None else None
    if version is None:
        cannot_run("there is no Quadlet generator; run: apt-get install podman")
    looked = look(
        AtRest(
            (str(folder),),
            version=version,
            rootless=False,
        ),
        date.today(),
    )
    made, notes = convert([judged.service for judged in looked.services], version)
    files = {file.name: file.text for file in made}
    secret = "api: before the first start, create the secret key: podman secret create key -"
    assert secret in notes
    assert all("it now starts at boot" in note for note in notes if note != secret)
    containers = ("db", "api", "web")
    try:
        podman.execute(
            "sh",
            "-c",
            "printf hidden | podman secret create key -",
        )
        podman.podman("volume", "create", "shop_data")
        stored = "echo old >/data/index.html"
        podman.podman(
            "run",
            "--rm",
            "-v",
            "shop_data:/data",
            BUSYBOX,
            "sh",
            "-c",
            stored,
        )
        # systemd's
        timer = "until podman healthcheck run shop_db_1 2>/dev/null; do sleep 0.3; done"
        threading.Thread(
            target=podman.execute,
            args=("sh", "-c", timer),
            daemon=True,
        ).start()
        start_units(podman, files, containers)
        answers = {}
        for name, path in (("web", ""), ("api", "key"), ("db", "")):
            fetch = (
                "wget",
                "-qO-",
                "-T",
                "5",
                f"http://{name}:8080/{path}",
            )
            answers[name] = podman.podman("exec", "shop_api_1", *fetch)
        assert answers == {"web": "hello from the env file", "api": "hidden", "db": "old\nstored"}
        podman.podman("healthcheck", "run", "shop_db_1")
    finally:
        podman.remove(*(f"shop_{name}_1" for name in containers))
        podman.podman(
            "volume",
            "rm",
            "-f",
            "shop_data",
        )
        podman.podman("secret", "rm", "key")
        podman.podman(
            "network",
            "rm",
            "-f",
            "shop_default",
        )


def test_files_are_compared_with_what_runs(
    podman: Bench,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def drift() -> list[str]:
        assert main(
            [
                "check",
                str(tmp_path),
                "--against-host",
                "--url",
                podman.url,
            ]
        ) in (0, 1)
        return [line for line in capsys.readouterr().out.splitlines() if " unit-drift: " in line]

    try:
        of_quadlets(
            podman,
            tmp_path,
            {"drift": "PidsLimit=64\nReadOnly=true"},
        )
        assert drift() == []
        unit = tmp_path / "drift.container"
        unit.write_text(unit.read_text().replace("PidsLimit=64", "PidsLimit=32"))
        (different,) = drift()
        line = unit.read_text().splitlines().index("PidsLimit=32") + 1
        assert different.startswith(f"{unit}:{line}:11: medium unit-drift: "), different
    finally:
        podman.remove("rest-drift")


@pytest.mark.long
def test_each_pair_of_settings_at_rest_holds_when_it_runs(
    podman: Bench,
    tmp_path: Path,
) -> None:
    """At least sixty files: every pair of sections that can stand in one."""
    alone = {"network", "none", "ports", "plain", "hard"}
    pairs = [
        pair
        for pair in itertools.combinations(QUADLETS, 2)
        if "plain" not in pair and len(alone.intersection(pair)) < 2
    ]
    sections = {
        f"{first}-{second}": f"{QUADLETS[first]}\n{QUADLETS[second]}" for first, second in pairs
    }
    assert len(sections) >= 60
    every: list[str] = []
    left = list(sections)
    while left:
        batch, left = left[:12], left[12:]
        folder = tmp_path / batch[0]
        folder.mkdir()
        try:
            names = of_quadlets(
                podman,
                folder,
                {name: sections[name] for name in batch},
            )
            every += differences(
                folder,
                podman,
                names,
                rootless=podman.account() != 0,
            )[0]
        finally:
            podman.remove(*(f"rest-{name}" for name in batch))
    assert "\n".join(every) == ""
