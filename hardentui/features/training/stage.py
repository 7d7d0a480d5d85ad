"""A lab on a real Podman: its containers and networks, what is left to solve, and the attack on
them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.shapes import LAB_LABEL, is_ours
from hardentui.errors import ChangeFailed, ChangeTimedOut, EngineError, NotFound
from hardentui.features.training.answers import RUNS_FOR, Answer
from hardentui.features.training.lab import Lab
from hardentui.features.training.lab_images import MOVING, RECIPES, image_of, prepare_images

_SERVICE_SECONDS = 15
_SKOPEO_LIMIT = 30.0  # seconds
_COULD_NOT_RUN = range(125, 128)
_NO_LOG = ("none", "passthrough", "passthrough-tty")
MARK = "hardentui-lab-intruder"
"""The output of an attack whose trace in the log is searched for."""


class StageAnswer(Struct, frozen=True):
    """The result of an attack or of a request to the service."""

    works: bool | None  # None if it could not be tried; `output` is then the reason
    output: str = ""  # the output, in one line; not yet safe to show


class PodmanStage:
    """Labs on a real Podman. It refuses to touch a container without the label of a lab."""

    def __init__(
        self,
        engine: ChangingEngine,
    ) -> None:
        self._engine = engine

    def prepare(
        self,
        lab: Lab,
    ) -> None:
        """Create everything that the lab needs besides its own container, and remove what the
        learner's other labs have left: one is open at a time."""
        if lab.policy:
            return
        prepare_images(self._engine, lab.learner)
        self.remove(lab.learner)
        labels = {LAB_LABEL: lab.label}
        for name in lab.networks:
            self._engine.networks.create(
                lab.network(name),
                internal=True,
                labels=labels,
            )
        for neighbour in lab.neighbours:
            networks = [
                f"--network={lab.network(name)}:alias={neighbour.name}"
                for name in neighbour.networks
            ]
            identity = self._engine.containers.create_by_command(
                (
                    "create",
                    f"--name={lab.neighbour(neighbour.name)}",
                    f"--label={LAB_LABEL}={lab.label}",
                    f"--label=app={neighbour.app}",
                    "--pull=never",
                    "--stop-timeout=0",
                    f"--timeout={2 * RUNS_FOR}",  # not before the lab's own container
                    *networks,
                    image_of(lab.learner, "slim"),
                    *neighbour.command,
                )
            )
            self._engine.containers.start(identity)

    def make(
        self,
        lab: Lab,
        answer: Answer,
    ) -> None:
        """Recreate the lab's container and start it. One that does not start with these options is
        an answer too: its service does not work."""
        self._remove_container(lab.container)
        identity = self._engine.containers.create_by_command(answer.words)
        try:
            self._engine.containers.start(identity)
        except ChangeTimedOut:
            raise
        except ChangeFailed:
            if self._runs(lab.container):
                raise

    def attack(
        self,
        lab: Lab,
        directory: str,
    ) -> StageAnswer:
        if lab.attack.copies_unsigned:
            return _copy_unsigned(directory)
        try:
            if lab.attack.moves_tag:
                return self._move_tag(lab)
            return self._run_attack(lab)
        except EngineError as error:
            return StageAnswer(None, error.title)

    def _run_attack(
        self,
        lab: Lab,
    ) -> StageAnswer:
        attack = lab.attack
        source = lab.neighbour(attack.neighbour) if attack.neighbour else lab.container
        ended = self._run_inside(
            source,
            attack.run,
            user=attack.user,
            seconds=attack.seconds,
        )
        if ended.works is None and not self._runs(source):
            return StageAnswer(None, "nobody can try it: the container does not run")
        if attack.unseen and ended.works:
            return self._look_for_trace(lab)
        return ended

    def _run_inside(
        self,
        container: str,
        words: Sequence[str],
        *,
        user: str = "",
        seconds: float,
    ) -> StageAnswer:
        """Whether a command in a container of the lab succeeds; None if nobody knows: it may have
        been near its end, or it never began.
        """
        self._check_label(container)
        try:
            code, printed = self._engine.containers.run_inside(
                container, words, user=user, seconds=seconds
            )
        except ChangeTimedOut:
            return StageAnswer(None, f"it did not end within {seconds:g} seconds")
        said = _last_line(printed)
        if code in _COULD_NOT_RUN:
            return StageAnswer(None, said or f"it could not be run ({code})")
        return StageAnswer(code == 0, said)

    def _look_for_trace(
        self,
        lab: Lab,
    ) -> StageAnswer:
        config = self._engine.containers.inspect(lab.container).get("HostConfig") or {}
        if (config.get("LogConfig") or {}).get("Type") in _NO_LOG:
            return StageAnswer(True, "there is no log to search")
        seen = MARK in self._engine.containers.logs(lab.container)
        return StageAnswer(
            not seen, "the log mentions it" if seen else "the log does not mention it"
        )

    def _move_tag(
        self,
        lab: Lab,
    ) -> StageAnswer:
        """Push as an attacker: does the container's image name now point to another image?"""
        images = self._engine.images
        name = str(self._engine.containers.inspect(lab.container).get("ImageName", ""))
        moving = image_of(lab.learner, MOVING)
        before, kept = images.id_of(name), images.id_of(moving)
        images.tag(image_of(lab.learner, "pushed"), moving)
        try:
            moved = images.id_of(name) != before
        finally:
            images.tag(kept, moving)
        message = (
            "the next container is created from somebody else's image"
            if moved
            else f"{name} has not moved"
        )
        return StageAnswer(moved, message)

    def ask_service(
        self,
        lab: Lab,
    ) -> StageAnswer:
        """Whether the service works: its command says so, or its container has ended."""
        try:
            asked = self._run_inside(
                lab.container,
                lab.service,
                seconds=_SERVICE_SECONDS,
            )
            if asked.works is None and not self._runs(lab.container):
                return StageAnswer(False, self._why_not(lab.container))
        except EngineError as error:
            return StageAnswer(None, error.title)
        return asked

    def _runs(self, container: str) -> bool:
        return self._state(container).get("Running") is True

    def _why_not(self, container: str) -> str:
        """Why a container does not run, with what Podman says of it."""
        said = _last_line(str(self._state(container).get("Error") or ""))
        return f"its container does not run: {said}" if said else "its container does not run"

    def _state(self, container: str) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self._engine.containers.inspect(container).get("State") or {}
        return state

    def remove(
        self,
        learner: str,
    ) -> int:
        """Remove the containers and networks of all labs of a learner; returns their number."""
        containers = [
            container
            for container in self._engine.containers.labelled(LAB_LABEL)
            if _is_of(learner, container.get("Labels") or {})
            and is_ours(
                LAB_LABEL, container.get("Labels") or {}, (container.get("Names") or ("",))[0]
            )
        ]  # others of an image of the labs are none
        for container in containers:
            self._engine.containers.remove(
                str(container["Id"]),
                force=True,
                volumes=True,
            )
        networks = [
            name
            for name, labels in self._engine.networks.labelled(LAB_LABEL).items()
            if _is_of(learner, labels)
        ]
        for network in networks:
            self._engine.networks.remove(network)
        return len(containers) + len(networks)

    def remove_images(
        self,
        learner: str,
    ) -> None:
        """Remove a learner's images; one that a container outside the labs uses stays."""
        for recipe in RECIPES:
            with suppress(EngineError):
                self._engine.images.remove(image_of(learner, recipe.tag))

    def _remove_container(
        self,
        name: str,
    ) -> None:
        with suppress(NotFound):
            self._check_label(name)
            self._engine.containers.remove(
                name,
                force=True,
                volumes=True,
            )

    def _check_label(
        self,
        name: str,
    ) -> None:
        config = self._engine.containers.inspect(name).get("Config") or {}
        if (config.get("Labels") or {}).get(LAB_LABEL, "image") == "image":
            raise ChangeFailed(
                f"The container {name} does not belong to a lab, so it is left alone.", "Rename it."
            )


def _copy_unsigned(directory: str) -> StageAnswer:
    """Copy an unsigned image with the learner's policy, as a pull would."""
    skopeo = account.find_program("skopeo")
    if skopeo is None:
        return StageAnswer(None, "skopeo, which copies the image, is not installed")
    with tempfile.TemporaryDirectory(prefix="hardentui-lab-") as place:
        source, target = os.path.join(place, "unsigned"), os.path.join(place, "copy")
        _unsigned_image(source)
        words = [
            skopeo,
            "--policy",
            os.path.join(directory, "policy.json"),
            "copy",
            f"dir:{source}",
        ]
        try:
            done = run_child(
                [*words, f"dir:{target}"],
                seconds=_SKOPEO_LIMIT,
                environment=account.environment(),
            )
        except ChildTimedOut:
            return StageAnswer(None, f"skopeo did not end within {_SKOPEO_LIMIT:g} s")
        except OSError as error:
            return StageAnswer(None, f"skopeo could not be run: {error.strerror}")
    if done.code == 0:
        return StageAnswer(True, "the image was accepted")
    message = _last_line(done.errors.decode("utf-8", "replace"))
    # whoever cannot use a policy at all has not refused an image
    return StageAnswer(False if "rejected" in message else None, message)


def _unsigned_image(directory: str) -> None:
    """A minimal image, in the layout of the transport `dir:`."""
    os.mkdir(directory)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    ).encode()
    digest = hashlib.sha256(config).hexdigest()
    kind = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": {
            "mediaType": f"{kind}.config.v1+json",
            "digest": f"sha256:{digest}",
            "size": len(config),
        },
        "layers": [],
    }
    for name, content in (
        ("version", b"Directory Transport Version: 1.1\n"),
        (digest, config),
        ("manifest.json", json.dumps(manifest).encode()),
    ):
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _is_of(
    learner: str,
    labels: Mapping[str, str],
) -> bool:
    return not learner or labels.get(LAB_LABEL, "").startswith(f"{learner}.")
