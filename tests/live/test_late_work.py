"""Work that no trial sees, because it comes late: hardened, it still works, or the card has told it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import cannot_run
from tests.support.compiled_service import ASKS, built
from tests.support.images import ServiceImage, build, missing_package
from tests.support.lived_services import uploads
from tests.support.podman import BUSYBOX, Bench
from tests.support.program import hardentui
from tests.support.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
NAME = "late-work"


class Late(NamedTuple):
    """A service and what it does late.

    Attributes:
        script: of the container, before it waits.
        late: shell, inside, at once and again: what comes late; prints `done` when it worked.
        signal: sent before that.
        options: of podman run.
        told: what the card says instead, where the work cannot be kept.
    """

    name: str
    script: str
    late: str
    signal: str = ""
    options: tuple[str, ...] = ()
    told: str = ""


_CGI = (
    "mkdir -p /www/cgi-bin; printf '#!/bin/sh\\necho; echo; {}; echo done' >/www/cgi-bin/do; "
    "chmod 755 /www/cgi-bin/do; httpd -p 80 -h /www"
)
_ASK = "wget -q -O - http://127.0.0.1:80/cgi-bin/do"
LATE = (
    Late(
        "a job of cron",
        "mkdir -p /var/spool/cron/crontabs /srv/jobs;"
        " echo '* * * * * date >>/srv/jobs/ran' >/var/spool/cron/crontabs/root;"
        " crond -b -c /var/spool/cron/crontabs",
        "[ -s /srv/jobs/ran ] && echo done",
    ),
    Late(
        "rotation of the log",
        "mkdir -p /var/log/app; echo old >/var/log/app/log;"
        " trap 'mv /var/log/app/log /var/log/app/log.1; chown 33 /var/log/app/log.1;"
        " echo new >/var/log/app/log' HUP",
        "grep -q new /var/log/app/log && [ $(stat -c %u /var/log/app/log.1) = 33 ] && echo done",
        signal="HUP",
    ),
    Late(
        "a reload that reads its file again and listens elsewhere",
        "mkdir -p /etc/app; echo 81 >/etc/app/port; trap 'httpd -p $(cat /etc/app/port) -h /etc' HUP",
        "wget -q -O - http://127.0.0.1:81/passwd >/dev/null && echo done",
        signal="HUP",
    ),
    Late(
        "a new directory after a while",
        "{ (sleep 45; mkdir -p /srv/spool/late && echo x >/srv/spool/late/file) & }",
        "[ -e /srv/spool/late/file ] && echo done",
    ),
    Late(
        "the first client's file",
        _CGI.format("mkdir -p /var/lib/app && date >/var/lib/app/first"),
        _ASK,
    ),
    Late(
        "a lock below a directory that the image lacks",
        _CGI.format("mkdir -p /var/lock/shop && echo x >/var/lock/shop/pid || exit"),
        _ASK,
    ),
    Late(
        "a cache in the home of root",
        _CGI.format("mkdir -p /root/.cache/app && date >/root/.cache/app/seen || exit"),
        _ASK,
    ),
    Late(
        "an upload larger than a small tmpfs",
        _CGI.format("head -c 80000000 /dev/zero >/var/lib/uploads-now && rm /var/lib/uploads-now"),
        _ASK,
    ),
    Late(
        "a plugin that is loaded when it is asked for",
        "mkdir -p /opt/app; echo 'cp /etc/passwd /opt/app/loaded' >/opt/app/plugin;"
        + _CGI.format(". /opt/app/plugin"),
        f"{_ASK} && [ -s /opt/app/loaded ]",
    ),
    Late(
        "a child of another user that is spawned later",
        _CGI.format('su -s /bin/sh nobody -c "id -u" | grep -q 65534 || exit'),
        _ASK,
    ),
    Late(
        "a socket and a queue between its processes",
        _CGI.format("mkdir -p /srv/queue; rm -f /srv/queue/in; mkfifo -m 600 /srv/queue/in"),
        f"{_ASK} && [ -p /srv/queue/in ]",
    ),
    Late(
        "a file that is written when it stops",
        "mkdir -p /srv/state; trap 'date >>/srv/state/stopped; exit 0' TERM",
        "[ -s /srv/state/stopped ] && echo done",
        signal="restart",
    ),
)
DAILY = ("a reload that reads its file again and listens elsewhere", "the first client's file")


@pytest.fixture
def bench(podman: Bench) -> Iterator[Bench]:
    podman.wipe(NAME)
    yield podman
    podman.wipe(NAME)


def _works(bench: Bench, late: Late) -> bool:
    """Whether the late work gets done, within what it may take."""
    if late.signal == "restart":
        bench.podman("restart", "-t", "5", NAME)
    elif late.signal:
        bench.podman("kill", "-s", late.signal, NAME)
    script = f"({late.late}) 2>&1; true"
    return bool(eventually(lambda: "done" in bench.podman("exec", NAME, "sh", "-c", script), 90))


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(late, id=late.name, marks=() if late.name in DAILY else pytest.mark.long)
        for late in LATE
    ],
)
def test_late_work_still_works(bench: Bench, late: Late, tmp_path: Path) -> None:
    script = f"trap 'exit 0' TERM; {late.script}; while :; do sleep 0.1; done"
    bench.run(NAME, *late.options, BUSYBOX, "sh", "-c", script)
    assert _works(bench, late), "not even before"
    bench.remove(NAME)
    bench.run(NAME, *late.options, BUSYBOX, "sh", "-c", script)
    words = ("--url", bench.url, "--yes")
    done = hardentui("harden", NAME, *words, ends=0, XDG_STATE_HOME=str(tmp_path))
    told = " ".join(done.stdout.split())
    assert bench.get(f"/containers/{NAME}/json")["HostConfig"]["SecurityOpt"], told
    assert _works(bench, late) or (late.told and late.told in told), told


_APPLICATION = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def late():
{}
    return b"done"

class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = late() if self.path == "/late" else b"it works"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("0.0.0.0", 8000), Page).serve_forever()
"""
_READER = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/late').read().decode())"
)
SAYS_IT_WRITES = (
    pytest.param(
        ("CERT = '/etc/app/cert.pem'", "open(CERT + '.new', 'w').close()", "os.replace(CERT + '.new', CERT)"),
        "may write in /etc/app, which a read-only root refuses",
        id="a renewed certificate",
    ),
    pytest.param(
        ("here = os.path.dirname(os.path.abspath(__file__))", "os.mkdir(os.path.join(here, 'plugins'))"),
        "may write in /app, which a read-only root refuses",
        id="a plugin beside its code",
        marks=pytest.mark.long,
    ),
    pytest.param(
        ("open('/var/cache/app/index', 'w').close()", "open('/var/spool/mbox/anna', 'a').close()"),
        "kept for files of another account in /var/spool/mbox",
        id="a cache of the image and a mailbox of somebody else",
    ),
    pytest.param(
        ("bytearray(900 << 20)",),
        "memory, processes",
        id="a large request",
        marks=pytest.mark.long,
    ),
)  # fmt: skip


@pytest.mark.parametrize(("lines", "told"), SAYS_IT_WRITES)
def test_what_its_source_says_is_kept_or_asked(
    bench: Bench,
    lines: tuple[str, ...],
    told: str,
    tmp_path: Path,
) -> None:
    text = _APPLICATION.format("\n".join(f"    {line}" for line in lines))
    base = uploads()
    image = base._replace(
        reference="localhost/late:1",
        files={**base.files, "app/uploads.py": text, "etc/app/cert.pem": "1", "var/cache/app/index": "1"},
        directories={**base.directories, "var/spool/mbox": (8, 0o775)},
    )  # fmt: skip
    if command := missing_package(image):
        cannot_run(f"a package is missing; run: {command}")
    build(bench, image)
    bench.run(NAME, image.reference)
    done = hardentui(
        "harden", NAME, "--url", bench.url, "--yes", ends=0, XDG_STATE_HOME=str(tmp_path)
    )
    card = " ".join(done.stdout.split())
    assert told in card
    assert bench.get(f"/containers/{NAME}/json")["HostConfig"]["Memory"], card
    asks = ("exec", NAME, "/usr/bin/python3.13", "-I", "-c", _READER)
    assert bench.podman(*asks) == "done"


class Compiled(NamedTuple):
    """A compiled service.

    Attributes:
        late: what it does when it is asked, in C.
        folders: of the image, with their owners.
        told: on the card.
        read_only: whether it gets a read-only root.
    """

    late: str
    folders: tuple[tuple[str, int], ...]
    files: tuple[str, ...] = ()
    user: int = 0
    told: str = ""
    read_only: bool = True


COMPILED = (
    pytest.param(
        Compiled(
            'return put("/var/cache/shop/index");',
            (("var/cache", 0), ("var/cache/shop", 0)),
            ("var/cache/shop/index",),
            told="first use of /var/cache/shop",
        ),
        id="a cache that the image has filled",
    ),
    pytest.param(
        Compiled(
            'return put("/etc/shop/new.pem") && !rename("/etc/shop/new.pem", "/etc/shop/cert.pem");',
            (("etc/shop", 0),),
            ("etc/shop/cert.pem",),
            told="late may write in /etc/shop, which a read-only root refuses",
            read_only=False,
        ),
        id="a renewed certificate",
    ),
    pytest.param(
        Compiled(
            'mkdir("/srv/shop/state", 0700); return put("/srv/shop/state/orders.db");',
            (("srv/shop", 700),),
            user=700,
            told="first use of /srv/shop",
        ),
        id="a database at the first request",
        marks=pytest.mark.long,
    ),
    pytest.param(
        Compiled(
            'return put("/srv/shop/orders.db");',
            (("srv/shop", 700),),
            ("srv/shop/catalogue",),
            user=700,
            told="late may write in /srv/shop",
            read_only=False,
        ),
        id="data beside that of the image",
        marks=pytest.mark.long,
    ),
    pytest.param(
        Compiled(
            'char name[99]; snprintf(name, 99, "%s/%d.job", "/var/spool/shop", 7); return put(name);',
            (("var/spool", 0), ("var/spool/shop", 0)),
            told="first use of /var/spool/shop",
        ),
        id="a job in a spool of the image",
        marks=pytest.mark.long,
    ),
    pytest.param(
        Compiled(
            'return put("/run/shop.pid") && put("/tmp/shop.lock");',
            (("run", 0),),
        ),
        id="a lock and a pid",
        marks=pytest.mark.long,
    ),
    pytest.param(
        Compiled(
            'return put("/var/log/shop.log") && !rename("/var/log/shop.log", "/var/log/shop.log.1")'
            ' && put("/var/log/shop.log") && !chown("/var/log/shop.log.1", 33, 33);',
            (("var/log", 0),),
            told="/var/log",
            read_only=False,
        ),
        id="a log that it rotates itself",
        marks=pytest.mark.long,
    ),
    pytest.param(
        Compiled(
            'return put("/var/mail/anna");',
            (("var/mail", 8),),
            ("var/mail/anna",),
            told="late may write in /var/mail",
            read_only=False,
        ),
        id="a mailbox of somebody else",
        marks=pytest.mark.long,
    ),
)  # fmt: skip


@pytest.mark.parametrize("service", COMPILED)
def test_what_stands_in_a_compiled_program_is_kept_or_asked(
    bench: Bench,
    service: Compiled,
    tmp_path: Path,
) -> None:
    image = built(
        bench,
        service.late,
        folders=service.folders,
        files=service.files,
        user=service.user,
    )
    asks = ("exec", NAME, "/bin/busybox", *ASKS)
    bench.run(NAME, image)
    assert bench.podman(*asks) == "done", "not even before"
    bench.remove(NAME)
    bench.run(NAME, image)
    words = ("--url", bench.url, "--yes")
    done = hardentui("harden", NAME, *words, ends=0, XDG_STATE_HOME=str(tmp_path))
    card = " ".join(done.stdout.split())
    assert service.told in card
    host = bench.get(f"/containers/{NAME}/json")["HostConfig"]
    assert host["ReadonlyRootfs"] == service.read_only, card
    assert host["Memory"], card
    assert bench.podman(*asks) == "done", card


_REGISTRY = ServiceImage(
    reference="localhost/late-registry:1",
    package="docker-registry",
    program="docker-registry",
    files={
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "etc/docker/registry/config.yml": (
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /var/lib/registry\n"
            "http:\n  addr: :5000\n"
        ),
    },
    directories={"tmp": (0, 0o1777), "var/lib": (0, 0o755), "run": (0, 0o755)},
    changes=(
        'ENTRYPOINT ["/usr/bin/docker-registry"]',
        'CMD ["serve", "/etc/docker/registry/config.yml"]',
        "EXPOSE 5000",
    ),
)
_PUSH = (
    "printf 'POST /v2/x/blobs/uploads/ HTTP/1.0\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n'"
)


@pytest.mark.long
@pytest.mark.parametrize("variable", ["", "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/srv/images"])
def test_a_go_program_makes_its_directory_at_the_first_push(
    bench: Bench,
    variable: str,
    tmp_path: Path,
) -> None:
    if command := missing_package(_REGISTRY):
        cannot_run(f"a package is missing; run: {command}")
    build(bench, _REGISTRY)
    bench.run(NAME, *(("-e", variable) if variable else ()), _REGISTRY.reference)
    words = ("--url", bench.url, "--yes")
    done = hardentui("harden", NAME, *words, ends=0, XDG_STATE_HOME=str(tmp_path))
    assert bench.get(f"/containers/{NAME}/json")["HostConfig"]["ReadonlyRootfs"], done.stdout
    pushed = bench.podman(
        "exec", NAME, "/bin/busybox", "sh", "-c", f"{_PUSH} | busybox nc 127.0.0.1 5000"
    )
    assert "202 Accepted" in pushed, done.stdout
