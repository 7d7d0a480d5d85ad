"""A newer image of the same name is here, but the container still runs the old one.

What it checks:
Whether the container's image name still refers to the image that it was created from, on this engine. Names
with a digest and bare image IDs cannot change and pass.

Why it matters:
Pulling an image does not change running containers: they keep the old files until they are recreated. After
updating an image it is easy to believe that a vulnerability is fixed, while the vulnerable program runs on
for months.

What may break:
The new image may behave differently. Recreate the container through its unit or compose file, so that no
setting is lost, and try it on a twin first.
"""

from __future__ import annotations

import shlex

from hardentui.checks.prelude import *
from hardentui.options import ROOTFS
from hardentui.reading.images import is_image_id, reference


def evaluate(facts: ContainerFacts) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    name = facts.image_name
    running = str(facts.inspect.get("Image") or "").removeprefix("sha256:")
    if facts.spec[ROOTFS] or not name or not running:
        return not_applicable("the container was not created from a named image")
    if reference(name).digest or is_image_id(name):
        return passed(name, reason="this name cannot change to another image")
    now = facts.image_ids.get(name, "").removeprefix("sha256:")
    if not now:
        return unknown("no image on this engine has this name anymore", name)
    evidence = (Evidence("runs", running[:12]), Evidence(name, now[:12]))
    if now != running:
        unit = facts.labels.get("PODMAN_SYSTEMD_UNIT")
        commands = (f"systemctl restart {shlex.quote(unit)}",) if unit else ("# recreate the container",)
        return failed("a newer image with this name is present", name, evidence=evidence, commands=commands)
    return passed(name, evidence=evidence)


_NAME = "docker.io/library/nginx:1.29"
_INSPECT = {"ImageName": _NAME, "Image": "a" * 64}

CHECK = Check(
    title="Newer image pulled but not in use",
    severity=Severity.MEDIUM,  # fixes are on this host and not in use
    scope=Kind.IMAGE,
    summary="Recreate the container from the image its name refers to today",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (container(inspect=_INSPECT, image_ids={_NAME: "sha256:" + "a" * 64}),),
    fails=lambda: (container(inspect=_INSPECT, image_ids={_NAME: "b" * 64}),),
    references=("CIS Docker 1.6 5.28", "NIST SP 800-190 4.2.2"),
    catalogue="S2-05",
)
