"""What a trial showed of an image, as an entry that a person can complete, keep and contribute."""

from __future__ import annotations

import posixpath
import re
from datetime import date
from typing import Any

import tomli_w

from hardentui.features.applications.loading import SCHEMA, asked_image
from hardentui.model.draft import DraftFile
from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.known import known
from hardentui.model.trial import Learned, Trial
from hardentui.options import HEALTH_CMD, MOUNTS
from hardentui.reading.applications import repository_names
from hardentui.reading.containers import image_config, is_root
from hardentui.reading.images import image_name, reference
from hardentui.reading.scratch import is_scratch
from hardentui.reading.user_namespaces import uid_inside
from hardentui.visible import visible

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_HEAD = """\
An entry for this image, from what a trial saw. Not seen is not unneeded: complete it from the
image's Dockerfile, entry point and documentation, and name them as sources. In the folder
applications of the settings it is used like ours; docs/applications.md tells how.
"""


def entry_name(facts: ContainerFacts) -> str:
    """Name of the entry for a container's image: `ghcr.io/team/My_Shop:3` is `my-shop`."""
    last = reference(image_name(facts)).name.rpartition("/")[2].lower()
    return _NOT_IN_A_NAME.sub("-", last).strip("-") or "application"


def drafted(
    facts: ContainerFacts,
    trial: Trial,
    today: date,
) -> DraftFile:
    """The entry as a file, `NAME.application.toml`."""
    name = entry_name(facts)
    learned = trial.learned or Learned()
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name,
        "title": visible(name, 60),
        "match": _match(facts),
        "user": _user(facts),
        "capabilities": _capabilities(trial, learned),
        "root": _root(trial),
        "path": [*_data(facts), *(_path(directory) for directory in learned.writable)],
        "port": _ports(learned),
        "health": _health(trial),
        "breaks": {
            left.check: f"{visible(left.reason, 200).rstrip('.')}."
            for left in trial.left_out
            if _broke_it(left.check, trial)
        },
        "source": [{"address": _seen_on(facts), "read": today}],
        "proof": {"kind": "run", "how": _how(trial)},
    }
    kept = {key: value for key, value in document.items() if value not in ({}, [])}
    comments = "".join(f"# {line}\n" for line in _HEAD.splitlines())
    text = comments + tomli_w.dumps(kept)
    return DraftFile(f"{name}.application.toml", text, masked=text)


def _match(facts: ContainerFacts) -> dict[str, Any]:
    image = asked_image(facts)
    match: dict[str, Any] = {"repositories": [repository_names(image.name)[0]]}
    if image.entrypoint:
        match["entrypoint"] = posixpath.basename(image.entrypoint[0])
    if image.command and not image.command[0].startswith("-"):
        match["command"] = [posixpath.basename(image.command[0])]
    return match


def _user(facts: ContainerFacts) -> dict[str, str]:
    by_image = str(image_config(facts).get("User") or "root")
    kernel = known(lambda: facts.kernel)
    work = ""
    if isinstance(kernel, Kernel):
        uid = known(
            uid_inside,
            kernel,
            kernel.uid,
            else_=None,
        )
        work = "" if uid is None else str(uid) if uid else "root"
    user = {"image": visible(by_image, 60), "work": work}
    if is_root(by_image):
        user["why_root"] = "Its image starts it as root; what for was not read."
    return user


def _capabilities(trial: Trial, learned: Learned) -> dict[str, Any]:
    """Those that it used or can ask for; unknown without a watched trial."""
    if trial.learned is None:
        return {}
    able = [need.capability for need in learned.can_need if need.capability]
    names = {name.removeprefix("CAP_") for name in (*learned.capabilities, *able)}
    return {"start": sorted(names)}


def _root(trial: Trial) -> dict[str, Any]:
    if _broke_it("writable-rootfs", trial):
        return {"works": False}
    return {"works": True} if any(kept.check == "writable-rootfs" for kept in trial.kept) else {}


def _broke_it(check: str, trial: Trial) -> bool:
    """Whether a fix was tried, with others or alone, failed and was left out; others were not tried
    because of the host or of a decision that nobody took."""
    left_out = any(left.check == check for left in trial.left_out)
    return left_out and any(check in each.changes and not each.ready for each in trial.rounds)


def _health(trial: Trial) -> dict[str, Any]:
    """The health check with which it worked."""
    for kept in trial.kept:
        if kept.option == HEALTH_CMD.name and kept.after:
            return {"command": kept.after}
    return {}


def _data(facts: ContainerFacts) -> list[dict[str, Any]]:
    """What is mounted for writing, and what its image declares as a volume."""
    volumes = {path.rstrip("/") or "/" for path in image_config(facts).get("Volumes") or ()}
    mounted = {
        mount.destination.rstrip("/") or "/"
        for mount in facts.spec[MOUNTS]
        if mount.type in ("volume", "bind")
        and not mount.read_only
        and not _is_special(mount.source)
    }
    return [
        {"path": path, "use": "data", **({"volume": True} if path in volumes else {})}
        for path in sorted(mounted | volumes)
    ]


def _is_special(source: str) -> bool:
    return source.endswith(".sock") or source.startswith(("/dev/", "/proc", "/sys"))


def _path(directory: str) -> dict[str, Any]:
    return {
        "path": directory,
        "use": "scratch" if is_scratch(directory) else "data",
    }


def _ports(learned: Learned) -> list[dict[str, Any]]:
    ports: dict[tuple[str, int], None] = {}
    for line in learned.listening:
        protocol, _, address = line.partition(" ")
        number = address.rpartition(":")[2]
        if number.isdecimal() and not address.startswith(("127.", "[::1]")):
            ports[protocol[:3], int(number)] = None
    return [{"number": number, "protocol": protocol} for protocol, number in ports]


def _seen_on(facts: ContainerFacts) -> str:
    return f"seen on a twin of the image {visible(image_name(facts), 150)}"


def _how(trial: Trial) -> str:
    did = ", ".join(visible(word, 60) for word in trial.exercised) or "started"
    probes = "; ".join(visible(probe, 120) for probe in trial.probes)
    return f"a trial on Podman {trial.engine_version}: {did}" + (f"; {probes}" if probes else "")
