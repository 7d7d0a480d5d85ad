"""Remote login server in the image.

What it checks:
Whether the image contains sshd, dropbear, telnetd or a similar server, or exposes port 22 or 23.

Why it matters:
A login server in a container is a second front door with its own lock: passwords and keys that nobody
rotates, logins that the host does not record, one more program to keep up to date. Whoever runs the engine
does not need it, because `podman exec` does the same and is recorded.

What may break:
Habits and scripts that log in to the container. Use `podman exec` on the host, and copy files with `podman
cp` or a volume. Accept the finding for images whose purpose is to be logged in to (git servers, jump
hosts).
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.image import ImageFile, ImageInventory
from hardentui.reading.images import file_evidence, gap, image_of, inventory_of, names
from hardentui.reading.networks import exposed

_LOGIN_PORTS = frozenset({22, 23})


def evaluate(facts: ContainerFacts) -> Verdict:
    image = image_of(facts)
    if isinstance(image, Verdict):
        return image
    words = image.config.get("ExposedPorts") or {}
    ports = sorted({port for word in words for port, _ in exposed(str(word)) if port in _LOGIN_PORTS})
    declared = f"exposes {', '.join(map(str, ports))}" if ports else ""
    evidence = tuple(Evidence("image, ExposedPorts", f"{port}/tcp") for port in ports)
    inventory = inventory_of(facts)
    if isinstance(inventory, ImageInventory):
        servers = [file for file in inventory.remote_logins if not file.deleted]
        if servers:
            evidence += file_evidence(servers)
            return failed(f"the image contains {names(servers)}", declared, evidence=evidence)
    if ports:
        return failed("the image exposes a login port", declared, evidence=evidence)
    return inventory if isinstance(inventory, Verdict) else gap(inventory) or passed("none found")


def _image(*files: ImageFile, ports: tuple[str, ...] = ()) -> ImageFacts:
    config: dict[str, object] = {"ExposedPorts": dict.fromkeys(ports)}
    return image(inspect={"Config": config}, inventory=ImageInventory(remote_logins=files))


CHECK = Check(
    title="Remote login server in image",
    severity=Severity.MEDIUM,  # an entrance more, if something starts it
    scope=Kind.IMAGE,
    summary="Rebuild the image without a login server and use podman exec",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.CHANGES_BEHAVIOUR,
    evaluate=evaluate,
    passes=lambda: (container(image=_image(ports=("80/tcp", "2222/tcp"))),),
    fails=lambda: (
        container(image=_image(ImageFile("/usr/sbin/sshd", "sshd", 3))),
        container(image=image(inspect={"Config": {"ExposedPorts": {"22/tcp": {}}}})),
    ),
    references=("CIS Docker 1.6 5.7", "NIST SP 800-190 4.1.2", "CSVS 3.12"),
    catalogue="S1-03",
)
