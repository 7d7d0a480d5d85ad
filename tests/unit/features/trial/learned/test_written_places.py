"""Where programs say that they write, in the languages of services, and what follows from it."""

from __future__ import annotations

import io
from time import process_time

import pytest

from hardentui.features.trial.learned.first_use import first_uses, written_by_programs
from hardentui.features.trial.learned.programs import Programs, read_programs
from hardentui.features.trial.learned.started import reached
from hardentui.features.trial.learned.written_places import written_places
from tests.support.image_archives import directory, member, packed

CASES = (
    ("p.py", 'open("/etc/app/cert.pem", "w")', {"/etc/app"}),
    ("p.py", "with open('/srv/x/log', mode='ab') as log: pass", {"/srv/x"}),
    ("p.py", 'CERT = "/etc/ssl/app.pem"\nos.replace(CERT + ".new", CERT)', {"/etc/ssl"}),
    ("p.py", 'os.makedirs(f"/etc/tenants/{name}")', {"/etc/tenants"}),
    ("p.py", "HERE = Path(__file__).parent\n(HERE / 'plugins').mkdir()", {"/app"}),
    ("p.py", 'D = os.path.dirname(__file__)\nopen(os.path.join(D, "x.py"), "w")', {"/app"}),
    ("p.py", 'DB = os.environ.get("DB", "/var/lib/a/a.db")\nos.makedirs(os.path.dirname(DB))',
     {"/var/lib/a"}),
    ("p.py", 'path = os.path.join("/srv/up", name)\nos.makedirs(os.path.dirname(path))', {"/srv/up"}),
    ("p.py", 'os.makedirs("data"); open("data/first", "w")', {"./data"}),
    ("p.py", 'state = os.path.expanduser("~/.app")\nopen(os.path.join(state, "x"), "w")',
     {"~/.app"}),
    ("p.py", 'target = Path("/var/empty")\ntarget.mkdir(exist_ok=True)', {"/var/empty"}),
    ("p.py", 'Path("/opt/x/y").mkdir()', {"/opt/x/y"}),
    ("p.js", 'const dir = "/etc/site";\nfs.writeFileSync(path.join(dir, "a"), x)', {"/etc/site"}),
    ("p.js", "fs.createWriteStream(__dirname + '/cache.json')", {"/app"}),
    ("p.php", '<?php file_put_contents("/var/www/conf.php", $x);', {"/var/www"}),
    ("p.pl", 'open(my $file, ">>", "/etc/hosts.d/x") or die;', {"/etc/hosts.d"}),
    ("p.rb", 'FileUtils.mkdir_p("/opt/shop/plugins")', {"/opt/shop/plugins"}),
    ("p.sh", "CONF=/etc/app.conf\nsed -i s/a/b/ $CONF", {"/etc"}),
    ("p.sh", "if true; then mkdir -p /srv/q/in; fi\ndate >>/srv/log/x", {"/srv/q/in", "/srv/log"}),
    ("p.sh", "cp /etc/passwd /opt/p/loaded", {"/opt/p"}),
    ("p.sh", 'touch "$(dirname "$0")/done"', {"/app"}),
    ("p.sh", "D=/srv/a; while :; do su app -c 'touch $D/now'; done", {"/srv/a"}),
    ("p.sh", "cd /srv/box && date >>letter; mkdir in", {"/srv/box", "/srv/box/in"}),
    ("p.sh", "date >>seen; mkfifo /srv/q/in; chmod 600 /etc/app/key", {".", "/srv/q", "/etc/app"}),
    ("p.sh", "openssl req -x509 -keyout /etc/tls/k.pem -out /srv/tls/c.pem", {"/etc/tls", "/srv/tls"}),
    ("p.sh", "dd if=/dev/zero of=/srv/up/x; tar -xf /tmp/x.tar -C /opt/site", {"/srv/up", "/opt/site"}),
    ("p.sh", "sqlite3 /srv/db/a.db 'create table t(x)'; gzip -f /var/log/a/1", {"/srv/db", "/var/log/a"}),
)  # fmt: skip
NOTHING = (
    ("p.py", 'open("/etc/resolv.conf")'),
    ("p.py", "open('/etc/hosts', 'rb')"),
    ("p.py", '# open("/etc/x", "w")'),
    ("p.py", 'text.replace("/etc/a", "/etc/b")'),
    ("p.py", "open(path, 'w')"),
    ("p.js", 'fs.readFileSync("/etc/hosts")'),
    ("p.sh", "cat /etc/passwd 2>&1 | grep -q x"),
    ("p.sh", "sed -i s/a/b/ /etc/app.conf\nexec /usr/sbin/app"),
    ("p.sh", "mkdir -p /srv/app && exec /usr/sbin/app --now"),
    ("p.sh", "trap 'exit 0' TERM; while :; do sleep 0.1; done"),
    ("lib/site-packages/p.py", 'open("/etc/x", "w")'),
)


@pytest.mark.parametrize(("name", "text", "places"), CASES)
def test_a_directory_that_is_written(name: str, text: str, places: set[str]) -> None:
    assert written_places(text, f"/app/{name}") == places


@pytest.mark.parametrize(("name", "text"), NOTHING)
def test_what_is_only_read_or_has_been_written(name: str, text: str) -> None:
    assert written_places(text, f"/app/{name}") == frozenset()


@pytest.mark.parametrize("path", ["/app/p.py", "/app/p.sh"])
@pytest.mark.parametrize("piece", ["open(", "x = '/a' + ", "mkdir a;", "((((", "/", "a.touch("])
def test_what_a_stranger_wrote_to_take_time_takes_little(piece: str, path: str) -> None:
    line = piece * (1_900 // len(piece)) + "\n"
    began = process_time()
    written_places(line * 500 + piece * 200_000, path)
    assert process_time() - began < 10


def test_what_the_account_may_write_is_resolved_and_its_caches_and_logs_get_a_place() -> None:
    text = (
        b'open("/var/cache/app/index", "w"); open("/srv/data/x", "w"); open("/var/log/app/log", "a")\n'
        b'os.mkdir("uploads"); os.mkdir("~/.app"); open("/etc/app/x", "w")\n'
    )
    programs = read_programs(
        io.BytesIO(
            packed(
                directory("app", uid=7),
                directory("home/app", uid=7),
                directory("var/cache/app", uid=7),
                directory("srv/data", uid=7),
                directory("var/log/app", uid=7),
                member("var/cache/app/index", b"old"),
                member("srv/data/x", b"of the image"),
                member("var/log/app/log", b"old"),
                member("app/p.py", text),
                member("usr/bin/python3", b"#!/bin/sh\n", mode=0o755),
            )
        )
    )
    started = reached(programs, ("python3", "/app/p.py"))
    assert started.writes["/etc/app"] == "p.py"
    writes = written_by_programs(
        started.writes,
        programs,
        7,
        "/home/app",
        "/app",
    )
    assert set(writes) == {
        *("/var/cache/app", "/srv/data", "/var/log/app", "/app/uploads", "/home/app/.app"),
    }, "not /etc, which this account may not write"
    uses = first_uses(writes, programs, 7, "/home/app", writes)
    assert set(uses) == {"/var/cache/app", "/var/log/app", "/app/uploads", "/home/app/.app"}


@pytest.mark.parametrize(
    ("command", "places"),
    [
        (("sh", "-c", "while :; do date >>/var/cache/app/seen; sleep 1; done"), {"/var/cache/app"}),
        (("/bin/bash", "-ec", "mkdir -p /srv/late"), {"/srv/late"}),
        (("tini", "--", "sh", "-x", "-c", "touch /srv/q/lock", "name"), {"/srv/q"}),
        (("python3", "-I", "-c", "open('/srv/q/lock', 'w')"), {"/srv/q"}),
        (("node", "-e", "fs.writeFileSync('/srv/q/lock', '')"), {"/srv/q"}),
        (("app", "-c", "touch /srv/q/lock"), set()),
        (("sh", "-c"), set()),
    ],
)
def test_the_text_of_a_command_is_read_like_a_script(
    command: tuple[str, ...],
    places: set[str],
) -> None:
    writes = reached(Programs(), command).writes
    assert writes == dict.fromkeys(places, "its command")
