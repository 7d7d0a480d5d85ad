"""Three services of everyday: what was written of them runs again, is the same, and answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hardentui.model.draft import Draft, Target
from hardentui.model.spec import Option, Spec
from hardentui.options import REMOVE, REQUIRES, RESTART, SDNOTIFY, TABLE
from tests.support.looking import looked_at
from tests.support.podman import BUSYBOX, Bench
from tests.support.started_units import start_units
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

REDIS, WEB, WORKER = "svc-redis", "svc-web", "svc-worker"
ALL = (REDIS, WEB, WORKER)
NET, DATA, LOGS, SECRET = "svc-net", "svc-data", "svc-logs", "svc-conf"
PASSWORD = "correct-horse"
_BY_SYSTEMD: frozenset[Option[Any]] = frozenset({RESTART, REMOVE, REQUIRES, SDNOTIFY})
"""What a service does in Podman's place."""
_LOOP = (
    'until printf "AUTH %s\\r\\nSET worker $ROLE\\r\\nQUIT\\r\\n" | nc db 6379 | grep OK; do '
    "sleep 0.1; done"
)


@pytest.fixture(scope="module")
def services(
    podman: Bench,
    service_image: str,
    redis_image: str,
) -> Iterator[Bench]:
    site = podman.directory / "site"
    site.mkdir()
    site.chmod(0o755)
    (site / "index.html").write_text("the site\n")
    (podman.directory / "worker.env").write_text("ROLE=alive\nQUOTED=a b $c\n")
    podman.podman(
        "network",
        "create",
        "--label",
        "app=svc",
        NET,
    )
    podman.podman(
        "volume",
        "create",
        "--label",
        "app=svc",
        DATA,
    )
    podman.execute(
        "sh", "-c", f"printf 'requirepass {PASSWORD}\\n' | podman secret create {SECRET} -"
    )
    create(
        podman,
        service_image,
        redis_image,
        site,
    )
    yield podman
    remove_containers(podman)
    podman.podman("network", "rm", "-f", NET)
    podman.podman(
        "volume",
        "rm",
        "-f",
        DATA,
        LOGS,
    )
    podman.podman("secret", "rm", SECRET)


def create(
    podman: Bench,
    nginx: str,
    redis: str,
    site: Path,
) -> None:
    podman.podman(
        "run", "-d", "--name", REDIS, f"--network={NET}:alias=db", f"--volume={DATA}:/data",
        f"--secret={SECRET},target=/run/redis.conf,uid=999,mode=0400", "--sysctl=net.core.somaxconn=1024",
        "--ulimit=nofile=4096:8192", "--cap-drop=all", "--read-only", "--security-opt=no-new-privileges",
        "--restart=always", "--stop-timeout=5", redis,
        "/run/redis.conf", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "900 1",
    )  # fmt: skip
    podman.podman(
        "run", "-d", "--name", WEB, f"--network={NET}:alias=www", "--network-alias=front",
        f"--volume={site}:/var/www/html:ro", f"--volume={LOGS}:/var/log/nginx", "--user=33:33",
        "--tmpfs=/run:mode=1777", "--tmpfs=/var/lib/nginx:mode=1777,size=4m",
        "--sysctl=net.ipv4.ip_unprivileged_port_start=80", "--publish=127.0.0.1:18480:80",
        "--health-cmd=wget -q -O /dev/null http://127.0.0.1/ || exit 1", "--health-interval=11s",
        "--health-retries=4", "--memory=128m", "--cpus=0.5", "--pids-limit=64", "--restart=on-failure:3",
        nginx,
    )  # fmt: skip
    podman.podman(
        "run", "-d", "--name", WORKER, f"--network={NET}", "--device=/dev/null:/dev/xnull:r",
        "--tmpfs=/scratch:size=1m,noexec", f"--env-file={podman.directory}/worker.env", "--env=DB=db",
        "--label=role=worker", "--label=note=50% of $HOME", "--init", "--stop-signal=SIGINT",
        f"--requires={REDIS}", BUSYBOX, "sh", "-c", f"{_LOOP % PASSWORD}; exec sleep 1000",
    )  # fmt: skip


def remove_containers(podman: Bench) -> None:
    podman.remove(WORKER)  # it needs redis, so it goes first
    podman.remove(WEB, REDIS)


def read(podman: Bench) -> tuple[dict[str, Spec], dict[tuple[str, Target], Draft]]:
    """The specs of the three, and what is written of them."""
    with looked_at(podman.url, *ALL) as (workbench, reports):
        specs = {name: report.facts.spec for name, report in reports.items() if report.facts}
        files = {
            (name, target): workbench.drafter.draft(report, None, target)
            for name, report in reports.items()
            for target in (Target.RUN, Target.QUADLET)
        }
    assert set(specs) == set(ALL)
    return specs, files


def redis_says(podman: Bench, *commands: str) -> str:
    lines = "\\r\\n".join((f"AUTH {PASSWORD}", *commands, "QUIT", ""))
    return podman.podman(
        "exec",
        REDIS,
        "sh",
        "-c",
        f"printf '{lines}' | nc 127.0.0.1 6379",
    )


def assert_they_answer(podman: Bench) -> None:
    """Redis knows what was stored before, the worker reached it by its alias, nginx serves the
    site."""
    assert eventually(lambda: "alive" in redis_says(podman, "GET worker"))
    assert "kept" in redis_says(podman, "GET before")
    address = "http://127.0.0.1:18480/"
    assert eventually(
        lambda: podman.execute("sh", "-c", f"curl -s {address} || true") == "the site"
    )
    podman.podman("healthcheck", "run", WEB)
    assert (
        podman.podman(
            "exec",
            WEB,
            "busybox",
            "id",
            "-u",
        )
        == "33"
    )
    assert "4096" in podman.podman(
        "exec",
        REDIS,
        "sh",
        "-c",
        "ulimit -n",
    )
    assert (
        podman.podman(
            "exec",
            REDIS,
            "busybox",
            "cat",
            "/proc/sys/net/core/somaxconn",
        )
        == "1024"
    )


def assert_same(
    specs: Mapping[str, Spec],
    meant: Mapping[str, Spec],
    *,
    but: frozenset[Option[Any]],
) -> None:
    for name in ALL:
        different = {
            option.name: (specs[name][option], meant[name][option])
            for option in TABLE
            if option not in but and specs[name][option] != meant[name][option]
        }
        assert different == {}, name


def written(
    files: Mapping[tuple[str, Target], Draft],
    target: Target,
) -> dict[str, str]:
    return {
        file.name: file.text
        for (_, made_for), output in files.items()
        if made_for is target
        for file in output.files
    }


def store_and_remove(podman: Bench) -> None:
    """Leave data behind, and take away all but volumes and secrets."""
    redis_says(
        podman,
        "SET before kept",
        "DEL worker",
        "SAVE",
    )
    remove_containers(podman)
    podman.podman("network", "rm", NET)


def test_what_the_scripts_run_is_the_same_and_answers(services: Bench) -> None:
    before, files = read(services)
    assert all(not spec.unknowable for spec in before.values())
    store_and_remove(services)
    scripts = written(files, Target.RUN)
    for name in ALL:
        script = services.directory / f"{name}.sh"
        script.write_text(scripts[script.name])
        services.execute("sh", str(script))
    assert_they_answer(services)
    after, _ = read(services)
    assert_same(after, before, but=frozenset())


def test_what_the_units_run_is_the_same_and_answers(services: Bench) -> None:
    before, files = read(services)
    assert all("exactly the intended" in files[name, Target.QUADLET].proof for name in ALL)
    units = written(files, Target.QUADLET)
    assert {f"{NET}.network", f"{DATA}.volume", f"{LOGS}.volume"} < set(units)
    assert f"Requires={REDIS}.service" in units[f"{WORKER}.container"]
    assert f"After={REDIS}.service" in units[f"{WORKER}.container"]
    assert "Restart=always" in units[f"{REDIS}.container"]
    assert "Restart=on-failure" in units[f"{WEB}.container"]
    store_and_remove(services)
    start_units(services, units, ALL)
    assert_they_answer(services)
    after, _ = read(services)
    assert_same(after, before, but=_BY_SYSTEMD)
