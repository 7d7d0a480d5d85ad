"""Services as they behave in the wild, each with the fixes that used to break it: it works with
them.

Seen with Debian's haproxy, varnish, BIND, gunicorn and sudo (November 2026); here each is a line of
shell.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hardentui.model.draft import Target
from hardentui.model.plan import Choice, Plan
from hardentui.options import MOUNTS, TMPFS
from tests.support.looking import looked_at
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import told
from tests.support.waiting import eventually

pytestmark = pytest.mark.live

NAME, IMAGE = "behaves", "localhost/behaves:1"
MADE = (
    "mkdir -p /jail/bin /var/spool/works /var/cache/works /var/lib/makes /opt/large /home/app && "
    "cp /bin/busybox /jail/bin && chown 33:33 /var/spool/works && chown 0:33 /var/cache/works && "
    "chmod 775 /var/cache/works && echo kept >/home/app/page && chown -R 1234 /home/app && "
    "dd if=/dev/zero of=/opt/large/image bs=1M count=70 && echo www:x:33:33::/:/bin/sh >>/etc/passwd && "
    "echo www:x:33: >>/etc/group"
)
SERVE = "exec httpd -f -p 8080 -h"
AS_WWW = "exec busybox su -s /bin/sh www -c"


@pytest.fixture(scope="module")
def bench(podman: Bench) -> Iterator[Bench]:
    podman.podman(
        "run",
        "--name",
        NAME,
        BUSYBOX,
        "sh",
        "-c",
        MADE,
    )
    podman.podman("commit", "-q", NAME, IMAGE)
    podman.remove(NAME)
    yield podman
    podman.remove(NAME)
    podman.podman("rmi", "-f", IMAGE)


def answers(bench: Bench) -> bool:
    command = "curl -s -m 2 http://127.0.0.1:18488/page || true"
    return bool(eventually(lambda: "works" in bench.execute("sh", "-c", command)))


def hardened(bench: Bench, *checks: str) -> Plan:
    """Replace the container by what the script of a plan with these fixes makes."""
    with looked_at(bench.url, NAME) as (workbench, reports):
        plan = workbench.planner.plan(
            reports[NAME],
            [Choice(check) for check in checks],
        )
        files = workbench.drafter.draft(reports[NAME], plan, Target.RUN).files
    assert plan.skipped == ()
    script = bench.directory / "behaves.sh"
    script.write_text(next(file.text for file in files if file.name.endswith(".sh")))
    bench.remove(NAME)
    bench.execute("sh", str(script))
    return plan


BEHAVIOURS = {
    "it changes its root": (
        (),
        "mkdir -p /jail/www && echo works >/jail/www/page && chroot /jail /bin/busybox httpd -p 8080 -h /www"
        " && exec sleep 999",
        ("default-capabilities-kept",),
        (),
    ),
    "an ordinary user writes in its own directory": (
        ("--user", "1234"),
        f"cd /home/app && cat page && echo works >page && {SERVE} .",
        ("writable-rootfs", "default-capabilities-kept", "new-privileges-allowed"),
        ("/home/app",),
    ),
    "a worker writes in its own directory": (
        (),
        f"{AS_WWW} 'echo works >/var/spool/works/page && {SERVE} /var/spool/works'",
        ("writable-rootfs",),
        ("/var/spool/works",),
    ),
    "a worker starts only where it could write": (
        (),
        "mkdir -p /tmp/w && echo works >/tmp/w/page && "
        f"{AS_WWW} 'cd /var/cache/works && test -w . && httpd -p 8080 -h /tmp/w && exec sleep 999'",
        ("writable-rootfs",),
        ("/var/cache/works:rw,noexec,nosuid,nodev,size=64m,mode=1777",),
    ),
    "it runs what it has made": (
        (),
        "cd /var/lib/makes && rm -f program && printf '#!/bin/sh\\necho works >page\\n' >program && "
        f"chmod +x program && ./program && {SERVE} .",
        ("writable-rootfs",),
        ("/var/lib/makes",),
    ),
    "it writes beside much of its image": (
        (),
        f"echo works >/opt/large/page && {SERVE} /opt/large",
        ("writable-rootfs",),
        ("/opt/large",),
    ),
}


@pytest.mark.parametrize(
    ("options", "program", "checks", "writable"), BEHAVIOURS.values(), ids=list(BEHAVIOURS)
)
def test_it_works_with_the_fixes(
    bench: Bench,
    options: tuple[str, ...],
    program: str,
    checks: tuple[str, ...],
    writable: tuple[str, ...],
) -> None:
    bench.remove(NAME)
    bench.run(
        NAME,
        "-p",
        "18488:8080",
        *options,
        IMAGE,
        "sh",
        "-c",
        program,
    )
    assert answers(bench)
    plan = hardened(bench, *checks)
    volumes = tuple(mount.destination for mount in plan.after[MOUNTS] if mount.type == "volume")
    assert (*volumes, *plan.after[TMPFS]) == writable, "data is kept in a volume, a cache is not"
    assert answers(bench), bench.podman("logs", NAME)


def test_a_trial_believes_who_names_the_reason_and_gives_a_user_no_capability(bench: Bench) -> None:
    """As sudo does. What breaks it is found in one round more, and nothing is given back for it."""
    bench.remove(NAME)
    refuse = "echo 'sudo: The \"no new privileges\" flag is set'; exit 1"
    program = f"grep -q 'NoNewPrivs:.0' /proc/self/status || {{ {refuse}; }}"
    program += f"; cd /home/app; echo works >page; {SERVE} ."
    bench.run(
        NAME,
        "--user",
        "1234",
        IMAGE,
        "sh",
        "-c",
        program,
    )
    checks = ("new-privileges-allowed", "default-capabilities-kept", "writable-rootfs")
    chosen = [word for check in checks for word in ("--check", check)]
    probe = "curl -fsS -m 2 http://$TWIN_IP:8080/page | grep -q works"
    record = told(
        "trial",
        NAME,
        "--url",
        bench.url,
        *chosen,
        "--probe",
        probe,
        ends=0,
    )
    assert [left["check"] for left in record["left_out"]] == ["new-privileges-allowed"]
    assert "no new privileges" in record["left_out"][0]["evidence"]
    assert record["relaxed"] == []
    assert [round_["ready"] for round_ in record["rounds"]] == [False, True, True], (
        "the last: its life"
    )
