"""Real services, and a month's worth of work in a few seconds: what a shallow probe never does."""

import shlex
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from tests.support.debian_services import HAPROXY, LIGHTTPD, MEMCACHED, MOSQUITTO, SUPERVISED
from tests.support.images import NGINX, REDIS, ServiceImage
from tests.support.podman import Bench
from tests.support.waiting import eventually
from tests.support.worked_services import NAME

_PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nnode:x:1000:1000::/:/bin/sh\n"
)
_GROUP = "root:x:0:\nwww-data:x:33:\nnode:x:1000:\n"
_SHELL = {f"bin/{name}": "busybox" for name in ("sh", "mv", "cat", "ls", "su", "sleep")}
_DIRECTORIES = {
    "tmp": (0, 0o1777),
    "run": (0, 0o755),
    "var/log": (0, 0o755),
}

_NODE = """\
const http = require("http"), fs = require("fs");
http.createServer((request, response) => {
  const file = "." + new URL(request.url, "http://x").pathname;
  if (request.method === "PUT") {
    fs.mkdirSync(file.slice(0, file.lastIndexOf("/")), {recursive: true});
    request.pipe(fs.createWriteStream(file)).on("finish", () => response.end("saved"))
      .on("error", (error) => { response.statusCode = 500; response.end(String(error)); });
  } else if (request.url !== "/" && fs.existsSync(file) && fs.statSync(file).isFile()) {
    fs.createReadStream(file).pipe(response);
  } else response.end("it works");
}).listen(3000);
process.on("SIGTERM", () => process.exit(0));
"""
NODE = ServiceImage(
    reference="localhost/node:1",
    package="nodejs",
    program="node",
    files={"etc/passwd": _PASSWD, "etc/group": _GROUP, "app/server.js": _NODE},
    directories={**_DIRECTORIES, "srv/node": (1000, 0o755)},
    links=_SHELL,
    changes=(
        'ENTRYPOINT ["/usr/bin/node", "/app/server.js"]',
        "USER 1000:1000",
        "WORKDIR /srv/node",
        "EXPOSE 3000",
    ),
)
"""Saves files where it stands; the directory is empty until somebody saves one."""

_UPLOADS = """\
import datetime, os, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOG = "/var/log/uploads/access.log"
log = open(LOG, "a", buffering=1)

def reopen(*_):
    global log
    if os.path.exists(LOG):
        os.rename(LOG, LOG + ".old")
    log.close()
    log = open(LOG, "a", buffering=1)

class Uploads(BaseHTTPRequestHandler):
    def do_GET(self):
        path = os.path.join("/srv/uploads", self.path.strip("/"))
        body = open(path, "rb").read() if os.path.isfile(path) else b"it works"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        path = os.path.join("/srv/uploads", self.path.strip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".part", "wb") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])))
        os.chmod(path + ".part", 0o640)
        os.replace(path + ".part", path)
        self.send_response(201)
        self.end_headers()

    def log_message(self, *words):
        print(datetime.datetime.now(), words, file=log)

signal.signal(signal.SIGHUP, reopen)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", 8000), Uploads).serve_forever()
"""
_PYTHON = Path("/usr/lib/python3.13")


def uploads() -> ServiceImage:
    """A web application that saves uploads, and renames its own log on SIGHUP."""
    modules = [str(path) for path in _PYTHON.rglob("*.py") if "test" not in path.parts]
    return ServiceImage(
        reference="localhost/uploads:1",
        package="python3",
        program="/usr/bin/python3.13",
        files={"etc/passwd": _PASSWD, "etc/group": _GROUP, "app/uploads.py": _UPLOADS},
        directories={
            **_DIRECTORIES,
            "srv/uploads": (0, 0o755),
            "var/log/uploads": (0, 0o755),
        },
        links=_SHELL,
        copied=tuple(modules),
        changes=(
            'ENTRYPOINT ["/usr/bin/python3.13", "-I", "-B", "/app/uploads.py"]',
            "EXPOSE 8000",
        ),
    )


NGINX_LOGS = NGINX._replace(
    reference="localhost/nginx-logs:1",
    files={
        **NGINX.files,
        "etc/nginx/nginx.conf": NGINX.files["etc/nginx/nginx.conf"]
        .replace("error_log stderr", "error_log /var/log/nginx/error.log")
        .replace("access_log off", "access_log /var/log/nginx/access.log"),
    },
    links={**NGINX.links, **_SHELL},
)
_APACHE = """\
ServerName localhost
Listen 80
PidFile /run/apache2.pid
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
User www-data
Group www-data
ErrorLog /var/log/apache2/error.log
LogFormat "%h %r" short
CustomLog /var/log/apache2/access.log short
DocumentRoot /var/www
<Directory /var/www>
  Require all granted
</Directory>
DirectoryIndex index.html
"""
_MODULES = Path("/usr/lib/apache2/modules")
APACHE = ServiceImage(
    reference="localhost/apache:1",
    package="apache2-bin",
    program="apache2",
    files={
        "etc/passwd": _PASSWD,
        "etc/group": _GROUP,
        "etc/apache2/apache2.conf": _APACHE,
        "var/www/index.html": "it works\n",
    },
    directories={**_DIRECTORIES, "var/log/apache2": (0, 0o755)},
    links=_SHELL,
    copied=tuple(str(_MODULES / f"mod_{name}.so") for name in ("mpm_prefork", "authz_core", "dir")),
    changes=(
        'ENTRYPOINT ["/usr/sbin/apache2", "-DFOREGROUND", "-f", "/etc/apache2/apache2.conf"]',
        "EXPOSE 80/tcp",
        "STOPSIGNAL SIGWINCH",
    ),
)

Work = Callable[[Bench, str], dict[str, bool]]
"""Works with the container at this address; what was asked -> whether it went well."""


class LivedService(Struct, frozen=True):
    """A service, where it listens, and what its users ask of it."""

    name: str
    image: Callable[[], ServiceImage]
    port: int
    work: Work
    options: tuple[str, ...] = ()
    reloads: bool = False
    log: str = ""


def says(
    bench: Bench,
    command: str,
    text: str = "",
) -> bool:
    """Whether a command of a client prints this, within a few tries."""
    shell = f"timeout 8 sh -c {shlex.quote(command)} 2>/dev/null || true"
    return bool(eventually(lambda: text in bench.execute("sh", "-c", shell), 10))


def _web(port: int, text: str = "it works") -> Work:
    def work(bench: Bench, ip: str) -> dict[str, bool]:
        url = f"http://{ip}:{port}"
        load = f"for i in $(seq 40); do curl -sf -m 5 {url}/ -o /dev/null || exit 1; done; echo all"
        body = (
            f"head -c 300000 /dev/zero | curl -s -m 5 -X POST --data-binary @- {url}/ -o "
            "/dev/null; echo sent"
        )
        return {
            "page": says(bench, f"curl -s -m 5 {url}/", text),
            "load": says(bench, load, "all"),
            "large request": says(bench, body, "sent")
            and says(bench, f"curl -s -m 5 {url}/", text),
        }

    return work


def _files(port: int) -> Work:
    def work(bench: Bench, ip: str) -> dict[str, bool]:
        url = f"http://{ip}:{port}/2026-12/photo.txt"
        saved = says(
            bench, f"echo kept | curl -sf -m 5 -X PUT --data-binary @- {url} && echo put", "put"
        )
        return {
            **_web(port)(bench, ip),
            "save a file": saved,
            "read it": says(bench, f"curl -s -m 5 {url}", "kept"),
        }

    return work


def _talk(port: int, said: str, answer: str) -> Work:
    def work(bench: Bench, ip: str) -> dict[str, bool]:
        command = (
            f"printf {shlex.quote(said)} | timeout 4 busybox nc {ip} {port} | tr -cd '[:alnum:]'"
        )
        load = f"for i in $(seq 10); do {command} >/dev/null; done; echo all"
        return {
            "commands": says(bench, command, answer),
            "load": says(bench, load, "all"),
        }

    return work


_HELLO = (
    r"\020\017\000\004MQTT\004\002\000\074\000\003htu"  # connect, subscribe to a, publish hi to a
    r"\202\006\000\001\000\001a\000\061\005\000\001ahi"
)
SERVICES = (
    LivedService("nginx", lambda: NGINX_LOGS, 80, _web(80), reloads=True, log="/var/log/nginx/access.log"),
    LivedService(
        "redis", lambda: REDIS, 6379, _talk(6379, r"SET a kept\r\nSAVE\r\nGET a\r\nQUIT\r\n", "kept")
    ),
    LivedService("node", lambda: NODE, 3000, _files(3000)),
    LivedService(
        "uploads", uploads, 8000, _files(8000), reloads=True, log="/var/log/uploads/access.log"
    ),
    LivedService(
        "memcached", lambda: MEMCACHED, 11211,
        _talk(11211, r"set a 0 0 4\r\nkept\r\nget a\r\nquit\r\n", "kept"),
    ),
    LivedService("mosquitto", lambda: MOSQUITTO, 1883, _talk(1883, _HELLO, "hi"), reloads=True),
    LivedService("haproxy", lambda: HAPROXY, 80, _web(80, "ok")),
    LivedService("lighttpd", lambda: LIGHTTPD, 80, _web(80), reloads=True),
    LivedService("apache", lambda: APACHE, 80, _web(80), reloads=True, log="/var/log/apache2/access.log"),
    LivedService("supervised", lambda: SUPERVISED, 8080, _web(8080)),
)  # fmt: skip


def address(bench: Bench) -> str:
    networks = bench.get(f"/containers/{NAME}/json")["NetworkSettings"]["Networks"]
    return str(next(network["IPAddress"] for network in networks.values()))


def lives(bench: Bench) -> bool:
    return bool(bench.get(f"/containers/{NAME}/json")["State"]["Running"])


def month_of_work(
    bench: Bench,
    service: LivedService,
) -> dict[str, bool]:
    """What happens to a service in a month; what -> whether it went well."""
    results = service.work(bench, address(bench))
    if service.log:
        bench.podman(
            "exec",
            NAME,
            "busybox",
            "mv",
            service.log,
            f"{service.log}.7",
        )
    if service.reloads:
        bench.podman(
            "kill",
            "--signal",
            "HUP",
            NAME,
        )
        results["reload"] = says(bench, "sleep 1; echo later", "later") and lives(bench)
        again = service.work(bench, address(bench))
        results |= {f"{part}, after a reload": well for part, well in again.items()}
    if service.log:
        wanted = service.log
        results["log"] = bool(
            eventually(
                lambda: bench.podman(
                    "exec",
                    NAME,
                    "busybox",
                    "cat",
                    wanted,
                ),
                10,
            )
        )
    bench.podman("restart", "-t", "3", NAME)
    results["restart"] = bool(eventually(lambda: lives(bench), 10))
    for part, well in read_again(bench, service).items():
        results[f"{part}, after a restart"] = well
    return results


def read_again(bench: Bench, service: LivedService) -> dict[str, bool]:
    """What was saved before the restart is there, and work goes on."""
    ip = address(bench)
    results = {}
    if service.name in ("node", "uploads"):
        url = f"http://{ip}:{service.port}/2026-12/photo.txt"
        results["the saved file"] = says(bench, f"curl -s -m 5 {url}", "kept")
    if service.name == "redis":
        results["the saved key"] = says(
            bench, f"printf 'GET a\\r\\nQUIT\\r\\n' | busybox nc {ip} 6379", "kept"
        )
    return {**results, **service.work(bench, ip)}
