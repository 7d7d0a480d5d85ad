"""An image whose main process is systemd, with one web server as its only service."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.conftest import cannot_run
from tests.support.images import ServiceImage, build
from tests.support.podman import Bench

_SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
_HELPERS = ("systemd-executor", "systemd-shutdown")
_UNITS = {
    "default.target": "[Unit]\nDescription=Everything\nRequires=web.service\nAfter=web.service\n",
    "web.service": (
        "[Unit]\nDescription=Web\nDefaultDependencies=no\n"
        "[Service]\nExecStart=/bin/busybox httpd -f -p 80 -h /srv\n"
    ),
    "shutdown.target": "[Unit]\nDescription=Shutdown\nDefaultDependencies=no\n",
    "exit.target": (
        "[Unit]\nDescription=Exit\nDefaultDependencies=no\nRequires=systemd-exit.service\n"
        "After=systemd-exit.service\n"
    ),
    "systemd-exit.service": (
        "[Unit]\nDescription=Exit\nDefaultDependencies=no\nRequires=shutdown.target\nAfter=shutdown.target\n"
        "[Service]\nType=oneshot\nExecStart=/bin/busybox true\nSuccessAction=halt-force\n"
    ),
    "halt.target": (
        "[Unit]\nDescription=Halt\nDefaultDependencies=no\nRequires=systemd-exit.service\n"
        "After=systemd-exit.service\n"
    ),
}


def systemd_image(bench: Bench) -> str:
    """The reference of the image: systemd as root, port 80."""
    image = systemd_service(
        "localhost/systemd:1",
        "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",
        "--log-target=console",
    )
    build(bench, image)
    return image.reference


def systemd_service(
    reference: str,
    *arguments: str,
    scripts: Mapping[str, str] = MappingProxyType({}),
) -> ServiceImage:
    """What the image is made of. `arguments`: of systemd; `scripts`: path -> text."""
    program = next((path for path in _SYSTEMD if Path(path).exists()), "")
    if not program:
        cannot_run(
            "a package is missing; run: sudo apt-get install --no-install-recommends systemd"
        )
    return ServiceImage(
        reference=reference,
        package="systemd",
        program=program,
        files={
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
            "etc/group": "root:x:0:\n",
            "etc/machine-id": "",
            "etc/os-release": "ID=test\nNAME=Test\n",
            "srv/index.html": "it works\n",
            **{f"etc/systemd/system/{name}": text for name, text in _UNITS.items()},
        },
        directories={
            "tmp": (0, 0o1777),
            "run": (0, 0o755),
            "var/log": (0, 0o755),
            "root": (0, 0o700),
        },
        links={"bin/sh": "busybox", "sbin/init": program},
        copied=tuple(
            path for name in _HELPERS if Path(path := f"/usr/lib/systemd/{name}").exists()
        ),
        changes=(
            f"CMD {json.dumps(['/sbin/init', *arguments])}",
            "EXPOSE 80/tcp",
            "STOPSIGNAL SIGRTMIN+3",
        ),
        scripts=scripts,
    )
