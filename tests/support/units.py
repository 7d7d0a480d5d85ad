"""Containers that run from a unit of this user, with units to put where systemd would read them."""

import os
from typing import Any

from hardentui.model.facts import ContainerFacts, EngineFacts
from hardentui.model.spec import Option, Spec
from hardentui.options import NAME

QUADLET = """# Ask Anna before you change it!
[Container]
ContainerName=web
Image=docker.io/library/web:1
# Oddly=kept

[Service]
Restart=always
"""


def service_of(name: str) -> str:
    """A unit as `podman generate systemd` writes it, shortened."""
    return f"""[Unit]
Description=Podman {name}.service
[Service]
Environment=PODMAN_SYSTEMD_UNIT=%n
ExecStart=/usr/bin/podman run --rm -d --replace --name {name} docker.io/library/{name}:1
"""


def of_own_unit(name: str, *pairs: tuple[Option[Any], Any]) -> ContainerFacts:
    """A container of this user's own engine that says it runs from NAME.service."""
    engine = EngineFacts(
        label="rootless", url=f"unix:///run/user/{os.geteuid()}/podman/podman.sock", rootless=True
    )
    inspect = {
        "ImageName": f"docker.io/library/{name}:1",
        "Image": f"{name}-image",
        "State": {"Status": "running"},
        "Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": f"{name}.service"}},
    }
    return ContainerFacts(
        "c" * 64,
        name,
        Spec.of((NAME, name), *pairs),
        inspect,
        engine,
    )
