"""Real services as images, made of the files of this host's Debian packages; nothing is downloaded."""

import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.podman import Bench


class ServiceImage(NamedTuple):
    """What an image of a service is made of.

    Attributes:
        package: Debian package that brings `program`.
        files: path in the image -> content.
        scripts: the same, of files that can be run.
        directories: path in the image -> (uid, mode).
        links: path in the image -> target.
        copied: files of the host that are taken as they are.
        changes: Dockerfile instructions.
    """

    reference: str
    package: str
    program: str
    files: Mapping[str, str]
    directories: Mapping[str, tuple[int, int]]
    changes: tuple[str, ...]
    links: Mapping[str, str] = {"bin/sh": "busybox"}
    copied: tuple[str, ...] = ()
    scripts: Mapping[str, str] = {}


_PASSWD = """\
root:x:0:0:root:/root:/bin/sh
www-data:x:33:33::/var/www:/bin/false
redis:x:999:999::/data:/bin/false
"""
_GROUP = "root:x:0:\nwww-data:x:33:\nredis:x:999:\n"
_NGINX_CONF = """\
user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
  include mime.types;
  access_log off;
  server { listen 80; root /var/www/html; }
}
"""

NGINX = ServiceImage(
    reference="localhost/nginx:1",
    package="nginx-light",
    program="nginx",
    files={
        "etc/passwd": _PASSWD,
        "etc/group": _GROUP,
        "etc/nginx/nginx.conf": _NGINX_CONF,
        "var/www/html/index.html": "it works\n",
    },
    directories={
        "run": (0, 0o755),
        "var/lib/nginx": (0, 0o755),
        "var/log/nginx": (0, 0o755),
        "tmp": (0, 0o1777),
    },
    links={"bin/sh": "busybox", "bin/wget": "busybox"},
    copied=("/etc/nginx/mime.types",),
    changes=(
        'ENTRYPOINT ["/usr/sbin/nginx"]',
        'CMD ["-g", "daemon off;"]',
        "EXPOSE 80/tcp",
        "STOPSIGNAL SIGQUIT",
    ),
)
"""Starts as root and changes to www-data for its worker: needs CHOWN, SETUID, SETGID; writes below
/var."""

REDIS = ServiceImage(
    reference="localhost/redis:1",
    package="redis-server",
    program="redis-server",
    files={"etc/passwd": _PASSWD, "etc/group": _GROUP},
    directories={"data": (999, 0o755), "tmp": (0, 0o1777)},
    links={"bin/sh": "busybox", "bin/nc": "busybox"},
    changes=(
        'ENTRYPOINT ["/usr/bin/redis-server"]',
        'CMD ["--bind", "0.0.0.0", "--protected-mode", "no"]',
        "EXPOSE 6379/tcp",
        "USER redis",
        "WORKDIR /data",
        "VOLUME /data",
    ),
)
"""Runs as an ordinary user and keeps its data in an anonymous volume."""


def missing_package(image: ServiceImage) -> str:
    """The command that installs what the image is made of; empty when it is there."""
    there = shutil.which(image.program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    return "" if there else f"sudo apt-get install --no-install-recommends {image.package}"


def build(bench: Bench, image: ServiceImage) -> str:
    """Make the image in the bench; returns its id."""
    tar = bench.directory / "tmp" / f"{Path(image.program).name}.tar"
    write_tar(tar, image)
    try:
        return bench.import_image(tar, image.reference, image.changes)
    finally:
        tar.unlink()


def write_tar(path: Path, image: ServiceImage) -> None:
    """The files of the image, for `podman import`."""
    with tarfile.open(path, "w") as archive:
        _fill(archive, image)


def _fill(archive: tarfile.TarFile, image: ServiceImage) -> None:
    program = shutil.which(image.program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    busybox = shutil.which("busybox")
    assert program, "see missing_package"
    assert busybox, "see missing_programs"
    for path, (uid, mode) in image.directories.items():
        directory = tarfile.TarInfo(path)
        directory.type, directory.uid, directory.gid, directory.mode = (
            tarfile.DIRTYPE,
            uid,
            uid,
            mode,
        )
        archive.addfile(directory)
    for path, target in image.links.items():
        link = tarfile.TarInfo(path)
        link.type, link.linkname = tarfile.SYMTYPE, target
        archive.addfile(link)
    for path, text in image.files.items():
        _add(archive, path, text.encode(), 0o644)
    for path, text in image.scripts.items():
        _add(archive, path, text.encode(), 0o755)
    _add(
        archive,
        "bin/busybox",
        Path(busybox).read_bytes(),
        0o755,
    )
    for path in dict.fromkeys((program, *_libraries(program), *image.copied)):
        _add(
            archive,
            path.lstrip("/"),
            Path(path).read_bytes(),
            0o755,
        )


def _add(
    archive: tarfile.TarFile,
    path: str,
    content: bytes,
    mode: int,
) -> None:
    entry = tarfile.TarInfo(path)  # time 0 and owner root, so the same bytes each time
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _libraries(program: str) -> tuple[str, ...]:
    """The shared libraries of a program, and the loader, under the paths where it looks for them;
    none of a static program, which ldd refuses."""
    text = subprocess.run(
        ["ldd", program],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return tuple(re.findall(r"(/\S+) \(0x", text))
