"""A real PostgreSQL as an image, with the entry point that such images have.

As root it makes the directory and gives it to its own user, as that user it makes the database and
serves it.
"""

import shutil
import subprocess
from pathlib import Path

from tests.conftest import cannot_run
from tests.support.images import ServiceImage, build
from tests.support.podman import Bench

_ENTRY = """\
#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown -R postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec su -s /bin/sh postgres /entry
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  {bin}/initdb -D "$PGDATA" -A trust --no-locale -E UTF8 -N
  echo "host all all all trust" >> "$PGDATA/pg_hba.conf"
fi
exec {bin}/postgres -D "$PGDATA" -c listen_addresses='*' -c max_connections=10
"""


def postgres_image(bench: Bench) -> str:
    """The reference of the image: root at first, then uid 70; data in the volume
    /var/lib/postgresql/data."""
    image = postgres_service()
    build(bench, image)
    return image.reference


def postgres_service(data: str = "/var/lib/postgresql/data") -> ServiceImage:
    """What the image is made of. `data`: its volume."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not candidates:
        cannot_run(
            "a package is missing; run: sudo apt-get install --no-install-recommends postgresql"
        )
    programs = candidates[-1].parent
    shared = Path(_told_by(programs, "--sharedir"))
    libraries = [
        path
        for path in Path(_told_by(programs, "--pkglibdir")).glob("*.so")
        if "jit" not in path.name
    ]
    files = [path for path in shared.rglob("*") if path.is_file()]
    applets = ("sh", "id", "mkdir", "chown", "chmod", "su", "cat", "nc", "wget")
    return ServiceImage(
        reference="localhost/postgres:1",
        package="postgresql",
        program=str(programs / "postgres"),
        files={
            "entry": _ENTRY.format(bin=programs),
            "etc/passwd": "root:x:0:0::/root:/bin/sh\npostgres:x:70:70::/var/lib/postgresql:/bin/sh\n",
            "etc/group": "root:x:0:\npostgres:x:70:\n",
        },
        directories={
            "var/lib/postgresql": (70, 0o755),
            data.removeprefix("/"): (0, 0o755),
            "run": (0, 0o755),
            "tmp": (0, 0o1777),
        },
        links={
            "var/run": "/run",
            **{f"bin/{name}": "busybox" for name in applets},
        },
        copied=(
            *map(str, (*libraries, *files)),
            *_with_libraries(programs / "initdb"),
            *_with_libraries(programs / "psql"),
            *_with_libraries(programs / "pg_isready"),
            "/usr/share/zoneinfo/UTC",
        ),
        changes=(
            'ENTRYPOINT ["/bin/sh", "/entry"]',
            "EXPOSE 5432/tcp",
            f"ENV PGDATA={data}",
            f"ENV PATH={programs}:/bin",
            f"VOLUME {data}",
            "STOPSIGNAL SIGINT",
        ),
    )


def _told_by(programs: Path, flag: str) -> str:
    program = shutil.which("pg_config", path=f"{programs}:/usr/bin") or "pg_config"
    told = subprocess.run(
        [program, flag],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    version = programs.parent.name
    default = {
        "--sharedir": f"/usr/share/postgresql/{version}",
        "--pkglibdir": f"{programs.parent}/lib",
    }
    return told.stdout.strip() or default[flag]


def _with_libraries(program: Path) -> tuple[str, ...]:
    text = subprocess.run(
        ["ldd", str(program)], capture_output=True, text=True, check=True, timeout=10
    ).stdout
    words = [word for line in text.splitlines() for word in line.split() if word.startswith("/")]
    return (str(program), *dict.fromkeys(words))
