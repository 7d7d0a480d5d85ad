"""Single fixes on real services: the service works with the fix, or the plan has warned with what
was seen.

Each case is a row of part A of the outside look of November 2026 (docs/fixes.md tells the rules).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import sleep
from typing import Any

import pytest

from hardentui.model.draft import Target
from hardentui.model.plan import Caution, Choice, Plan
from hardentui.model.spec import Option
from hardentui.options import (
    CAP_DROP,
    HEALTH_ON_FAILURE,
    MOUNTS,
    PUBLISH,
    READ_ONLY,
    SECRETS,
    SYSCTL,
    TMPFS,
    USER,
    USERNS,
)
from tests.support.looking import looked_at
from tests.support.podman import BUSYBOX, Bench
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

NAME = "fixes-service"
AS_33 = Choice("root-user", (("user", "33:33"),))


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    podman.remove(NAME)
    yield podman
    podman.remove(NAME)
    podman.podman(
        "volume",
        "rm",
        "-f",
        "fixes-data",
        f"{NAME}-var-lib-nginx-data",
    )
    podman.podman(
        "network",
        "rm",
        "-f",
        f"{NAME}-net",
    )


def commands(bench: Bench, check: str) -> tuple[str, ...]:
    """What a failing finding tells an admin to do."""
    with looked_at(bench.url, NAME) as (_, reports):
        return next(each.verdict.commands for each in reports[NAME].failing if each.check == check)


class Hardened:
    """A running container, the plan of some fixes for it, and what the script of the plan makes."""

    def __init__(
        self,
        bench: Bench,
        *fixes: str | Choice,
        caution: Caution | None = None,
    ) -> None:
        self.bench = bench
        with looked_at(bench.url, NAME) as (workbench, reports):
            choices = [fix if isinstance(fix, Choice) else Choice(fix) for fix in fixes]
            self.plan: Plan = (
                workbench.planner.plan(reports[NAME], choices)
                if caution is None
                else workbench.planner.plan_with(reports[NAME], caution)
            )
            files = workbench.drafter.draft(
                reports[NAME],
                self.plan,
                Target.RUN,
            ).files
            self.script = next(file for file in files if file.name.endswith(".sh"))
            self.unit = (
                workbench.drafter.draft(
                    reports[NAME],
                    self.plan,
                    Target.QUADLET,
                )
                .files[0]
                .text
            )

    def run(self) -> None:
        """Replace the container by the one that the script makes."""
        self.bench.remove(NAME)
        path = self.bench.directory / "fixed.sh"
        path.write_text(self.script.text)
        self.bench.execute("sh", str(path))

    def __getitem__(self, option: Option[Any]) -> Any:
        return self.plan.after[option]

    @property
    def said(self) -> str:
        return "\n".join(
            [
                *(note.text for note in self.plan.notes),
                *map(str, self.plan.skipped),
            ]
        )


def answers(
    bench: Bench,
    port: int,
    text: str = "it works",
) -> bool:
    """A client of the host gets an answer through a published port."""
    address = f"http://127.0.0.1:{port}/"
    command = f"curl -s -m 2 {address} || true"
    return bool(eventually(lambda: text in bench.execute("sh", "-c", command)))


def state(bench: Bench) -> str:
    return bench.podman(
        "inspect",
        "--format",
        "{{.State.Status}}",
        NAME,
    )


def nginx(bench: Bench, image: str, *options: str) -> None:
    bench.run(
        NAME,
        "-p",
        "18485:80",
        *options,
        image,
    )
    assert answers(bench, 18485)


# --- root-user, default-capabilities-kept, writable-rootfs: nginx on port 80 ----------------------


@pytest.mark.parametrize(
    "fixes",
    [
        (AS_33,),
        (AS_33, "default-capabilities-kept"),
        (
            AS_33,
            "default-capabilities-kept",
            "writable-rootfs",
            "new-privileges-allowed",
        ),
    ],
    ids=["user", "user and capabilities", "user, capabilities, root and privileges"],
)
def test_nginx_serves_port_80_as_an_ordinary_user(
    bench: Bench,
    service_image: str,
    fixes: Sequence[str | Choice],
) -> None:
    nginx(bench, service_image)
    hardened = Hardened(bench, *fixes)
    assert hardened.plan.skipped == ()
    assert hardened[SYSCTL] == ("net.ipv4.ip_unprivileged_port_start=80",)
    assert {tmpfs.partition(":")[0] for tmpfs in hardened[TMPFS]} == {"/run"}
    assert {mount.destination for mount in hardened[MOUNTS]} == {"/var/lib/nginx"}
    assert "port 80 is served (it listens now)" in hardened.said
    assert "/run" in hardened.said
    hardened.run()
    assert answers(bench, 18485)
    assert (
        bench.podman(
            "exec",
            NAME,
            "busybox",
            "id",
            "-u",
        )
        == "33"
    )


def test_nginx_as_root_keeps_what_its_workers_need(
    bench: Bench,
    service_image: str,
) -> None:
    nginx(bench, service_image)
    hardened = Hardened(
        bench,
        "default-capabilities-kept",
        "writable-rootfs",
    )
    assert "runs as UID 33" in hardened.said
    hardened.run()
    assert answers(bench, 18485)
    assert hardened[CAP_DROP] == ("all",)
    bench.podman("stop", "-t", "5", NAME)
    assert (
        bench.podman(
            "inspect",
            "--format",
            "{{.State.ExitCode}}",
            NAME,
        )
        == "0"
    ), "it ends its workers"


def test_who_to_run_as_is_told_by_what_runs(
    bench: Bench,
    service_image: str,
) -> None:
    nginx(bench, service_image)
    (refused,) = Hardened(bench, "root-user").plan.skipped
    assert "nginx as 33" in refused.hint


# --- writable-rootfs: the directory of the program ------------------------------------------------


def test_a_cache_beside_the_program_does_not_hide_it(bench: Bench) -> None:
    """The file is gone when we look, so Podman only tells that the directory changed."""
    loop = "date > /opt/app/cache/x && rm /opt/app/cache/x && date > /tmp/alive; exec sleep 999"
    program = (
        f"mkdir -p /opt/app/cache; printf '#!/bin/sh\\n{loop}\\n' > /opt/app/run; chmod +x "
        "/opt/app/run"
    )
    bench.podman(
        "run",
        "--name",
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        program,
    )
    bench.podman(
        "commit",
        "-q",
        "--change",
        'CMD ["/opt/app/run"]',
        NAME,
        "localhost/fixes-app:1",
    )
    bench.remove(NAME)
    sleep(
        1.1
        # podman diff takes a directory for unchanged that changed in the second of its time in the
        # image
    )
    bench.run(NAME, "localhost/fixes-app:1")
    alive = "test -e /tmp/alive && echo yes || true"
    assert eventually(
        lambda: (
            bench.podman(
                "exec",
                NAME,
                "sh",
                "-c",
                alive,
            )
            == "yes"
        )
    )
    hardened = Hardened(bench, "writable-rootfs")
    assert hardened[READ_ONLY]
    assert [tmpfs.partition(":")[0] for tmpfs in hardened[TMPFS]] == ["/opt/app/cache"], (
        hardened.plan.notes
    )
    hardened.run()
    assert eventually(
        lambda: (
            bench.podman(
                "exec",
                NAME,
                "sh",
                "-c",
                alive,
            )
            == "yes"
        )
    )
    assert state(bench) == "running"


def test_what_is_written_beside_the_program_refuses_the_fix(bench: Bench) -> None:
    image = f"localhost/{NAME}:beside"
    of_image = "mkdir -p /opt/app; cp /bin/busybox /opt/app/busybox"
    bench.podman("run", "--name", NAME, BUSYBOX, "sh", "-c", of_image)
    bench.podman("commit", "-q", NAME, image)
    bench.remove(NAME)
    program = "exec /opt/app/busybox sh -c 'echo > /opt/app/db; sleep 999'"
    bench.run(NAME, image, "sh", "-c", program)
    assert eventually(lambda: "/opt/app/db" in bench.podman("diff", NAME))
    hardened = Hardened(bench, "writable-rootfs")
    assert not hardened.plan.changes
    assert "/opt/app" in hardened.said


# --- host-network ---------------------------------------------------------------------------------


def test_an_exporter_that_leaves_the_host_network_is_still_reached(bench: Bench) -> None:
    bench.run(
        NAME,
        "--network",
        "host",
        BUSYBOX,
        "sh",
        "-c",
        "echo exported > /tmp/x; httpd -f -p 19100 -h /tmp",
    )
    assert eventually(
        lambda: (
            "exported"
            in bench.execute(
                "sh",
                "-c",
                "curl -s http://127.0.0.1:19100/x || true",
            )
        )
    )
    hardened = Hardened(bench, "host-network")
    (port,) = hardened[PUBLISH]
    assert (port.container, port.host, port.address) == (19100, "19100", "")
    assert "the ports it listens on now are published" in hardened.said
    hardened.run()
    assert eventually(
        lambda: (
            "exported"
            in bench.execute(
                "sh",
                "-c",
                "curl -s http://127.0.0.1:19100/x || true",
            )
        )
    )


# --- unhealthy ------------------------------------------------------------------------------------


def test_an_unhealthy_container_comes_back(bench: Bench) -> None:
    bench.run(
        NAME, "--health-cmd", "test ! -e /tmp/bad", "--health-retries", "1", BUSYBOX, "sleep", "999"
    )
    hardened = Hardened(bench, "unhealthy")
    assert hardened[HEALTH_ON_FAILURE] == "restart"
    assert "HealthOnFailure=kill" in hardened.unit
    assert "Restart=on-failure" in hardened.unit
    hardened.run()
    bench.podman(
        "exec",
        NAME,
        "touch",
        "/tmp/bad",
    )
    before = bench.podman(
        "inspect",
        "--format",
        "{{.State.Pid}}",
        NAME,
    )
    bench.execute(
        "sh",
        "-c",
        f"podman healthcheck run {NAME} || true",
    )

    def restarted() -> bool:
        pid = bench.podman(
            "inspect",
            "--format",
            "{{.State.Pid}}",
            NAME,
        )
        return pid not in ("0", before)

    assert eventually(restarted)


# --- loose-secret ---------------------------------------------------------------------------------


def test_a_secret_belongs_to_whoever_reads_it(
    bench: Bench,
    redis_image: str,
) -> None:
    bench.execute(
        "sh", "-c", "printf 'requirepass x\\n' | podman secret create --replace fixes-secret -"
    )
    bench.run(
        NAME, "--secret", "fixes-secret,target=/run/redis.conf", redis_image, "/run/redis.conf"
    )
    assert eventually(lambda: state(bench) == "running")
    hardened = Hardened(bench, "loose-secret")
    assert hardened[SECRETS] == (
        "fixes-secret,type=mount,target=/run/redis.conf,uid=999,mode=0400",
    )
    assert "UID 999 (UID of the main process now)" in hardened.said
    hardened.run()
    ping = "printf 'AUTH x\\r\\nPING\\r\\nQUIT\\r\\n' | nc 127.0.0.1 6379"
    assert eventually(lambda: "PONG" in bench.podman("exec", NAME, "sh", "-c", ping))


def test_the_advice_for_a_password_on_the_command_line_works(
    bench: Bench,
    redis_image: str,
) -> None:
    bench.run(
        NAME,
        "--entrypoint=redis-server",
        redis_image,
        "--requirepass",
        "correct-horse",
    )
    assert eventually(lambda: state(bench) == "running")
    *_, secret, command = commands(bench, "secret-on-command-line")
    words = command.partition("#")[0].replace("NAME", "fixes-secret").split()
    bench.execute(
        "sh",
        "-c",
        "printf 'requirepass correct-horse\\n' | podman secret create --replace fixes-secret -",
    )
    bench.remove(NAME)
    given = secret.replace("NAME", "fixes-secret").split()
    bench.run(
        NAME,
        *given,
        f"--entrypoint={words[0]}",
        redis_image,
        *words[1:],
    )
    ping = "printf 'AUTH correct-horse\\r\\nPING\\r\\nQUIT\\r\\n' | nc 127.0.0.1 6379"
    assert eventually(lambda: "PONG" in bench.podman("exec", NAME, "sh", "-c", ping))


# --- host-user-namespace --------------------------------------------------------------------------


def test_a_user_namespace_leaves_the_owners_of_a_volume(
    bench: Bench,
    redis_image: str,
) -> None:
    bench.run(
        NAME,
        "-v",
        "fixes-data:/data",
        redis_image,
    )

    def says(*commands: str) -> str:
        lines = "\\r\\n".join((*commands, "QUIT", ""))
        return bench.podman(
            "exec", NAME, "sh", "-c", f"printf '{lines}' | nc 127.0.0.1 6379 || true"
        )

    assert eventually(lambda: "OK" in says("SET kept here", "SAVE"))
    hardened = Hardened(bench, "host-user-namespace")
    assert hardened[USERNS] == "auto"
    assert [mount.options for mount in hardened[MOUNTS]] == [("idmap",)]
    assert "keep their owners" in hardened.said
    hardened.run()
    assert eventually(lambda: "here" in says("GET kept"))
    assert "OK" in says("SET more data", "SAVE"), "it can still write its volume"
    path = bench.podman(
        "volume",
        "inspect",
        "--format",
        "{{.Mountpoint}}",
        "fixes-data",
    )
    owner = bench.execute(
        "stat",
        "-c",
        "%u",
        f"{path}/dump.rdb",
    )
    assert owner == "999", "on disk nothing changed"


# --- ports ----------------------------------------------------------------------------------------


def test_a_port_with_a_client_from_elsewhere_is_not_taken_from_it(
    bench: Bench,
    redis_image: str,
) -> None:
    """A client in its own network namespace, as another machine is, connected for the whole time."""
    bench.run(
        NAME,
        "-p",
        "18486:6379",
        redis_image,
    )
    setup = (
        "ip netns add fixes-far; ip link add fixes0 type veth peer name fixes1 netns fixes-far;"
        "ip addr add 192.0.2.1/24 dev fixes0; ip link set fixes0 up;"
        "ip -n fixes-far addr add 192.0.2.2/24 dev fixes1; ip -n fixes-far link set fixes1 up"
    )
    bench.execute("sh", "-c", setup)
    try:
        client = (
            "(sleep 30 | ip netns exec fixes-far busybox nc 192.0.2.1 18486) </dev/null "
            ">/dev/null 2>&1 &"
        )
        bench.execute("sh", "-c", client)
        there = "ip netns exec fixes-far busybox netstat -tn | grep ESTABLISHED || true"
        assert eventually(lambda: "18486" in bench.execute("sh", "-c", there))
        refused = Hardened(bench, "wildcard-port", "exposed-admin-port")
        assert refused[PUBLISH] == refused.plan.before[PUBLISH]
        assert "192.0.2.2 is connected to port 6379 from another machine" in refused.said
        assert {skipped.needs for skipped in refused.plan.skipped} == {"address"}
        chosen = Hardened(bench, Choice("wildcard-port", (("address", "192.0.2.1"),)))
        assert [port.address for port in chosen[PUBLISH]] == ["192.0.2.1"]
    finally:
        bench.execute(
            "sh",
            "-c",
            "ip link del fixes0; ip netns del fixes-far || true",
        )


def test_a_database_that_prepares_its_directory_as_root_does_so_with_every_fix(
    bench: Bench,
    redis_image: str,
) -> None:
    """As entry points of databases do: root sets owner and mode of the volume, then changes the
    user."""
    prepare = "chown -R redis /data && chmod 700 /data && exec busybox su redis -s /bin/sh -c"
    serve = "'redis-server --bind 0.0.0.0 --protected-mode no'"
    options = (
        "-p",
        "18486:6379",
        "-v",
        "fixes-data:/data",
        "--user",
        "root",
        "--entrypoint",
        "/bin/sh",
    )
    bench.run(
        NAME,
        *options,
        redis_image,
        "-c",
        f"PATH=/bin:/usr/bin; {prepare} {serve}",
    )
    ping = "printf 'PING\\r\\nQUIT\\r\\n' | nc 127.0.0.1 6379 || true"
    assert eventually(lambda: "PONG" in bench.podman("exec", NAME, "sh", "-c", ping))
    hardened = Hardened(bench, caution=Caution.ALL)
    assert "default-capabilities-kept" in {choice.check for choice in hardened.plan.choices}
    assert "so FOWNER is kept" in hardened.said
    hardened.run()
    assert eventually(lambda: "PONG" in bench.podman("exec", NAME, "sh", "-c", ping))


# --- by caution -----------------------------------------------------------------------------------


@pytest.mark.parametrize("caution", list(Caution))
def test_what_a_caution_takes_leaves_nginx_serving(
    bench: Bench,
    service_image: str,
    caution: Caution,
) -> None:
    nginx(bench, service_image)
    hardened = Hardened(bench, caution=caution)
    assert hardened.plan.choices
    assert all(caution.allows(risk) for risk in hardened.plan.risks.values())
    assert hardened.plan.skipped, "what is left out is told"
    hardened.run()
    assert answers(bench, 18485)
    assert USER not in hardened.plan.after


# --- without root ---------------------------------------------------------------------------------


def test_a_rootless_service_becomes_an_ordinary_user_inside(rootless_podman: Bench) -> None:
    """It writes a pid file in /run and its pages in a volume, and listens on port 80."""
    rootless_podman.remove(NAME)
    serve = "echo $$ > /run/x.pid; echo rootless > /data/index.html; exec httpd -f -p 80 -h /data"
    options = ("-p", "18487:80", "-v", "fixes-data:/data")
    rootless_podman.run(
        NAME,
        *options,
        BUSYBOX,
        "sh",
        "-c",
        serve,
    )
    try:
        assert answers(rootless_podman, 18487, "rootless")
        hardened = Hardened(
            rootless_podman,
            AS_33,
            "default-capabilities-kept",
            "new-privileges-allowed",
            "writable-rootfs",
        )
        assert hardened.plan.skipped == ()
        hardened.run()
        assert answers(rootless_podman, 18487, "rootless")
        assert (
            rootless_podman.podman(
                "exec",
                NAME,
                "busybox",
                "id",
                "-u",
            )
            == "33"
        )
    finally:
        rootless_podman.remove(NAME)
        rootless_podman.podman(
            "volume",
            "rm",
            "-f",
            "fixes-data",
        )
