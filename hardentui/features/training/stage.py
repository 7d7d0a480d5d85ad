"""A lab on a real Podman: its containers and networks, and the attack on them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import suppress
from typing import Protocol

from msgspec import Struct

from hardentui import account
from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.shapes import LAB_LABEL, is_ours
from hardentui.errors import ChangeFailed, ChangeTimedOut, EngineError, NotFound, UsageError
from hardentui.features.training.answers import IMAGE, Answer
from hardentui.features.training.course import Lab
from hardentui.features.training.images import PUSHED, RECIPES, prepare_images
from hardentui.model.capabilities import STOCK_CAPABILITIES
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts, NotRunning
from hardentui.model.image import ImageFile, ImageInventory
from hardentui.model.network import Peer, Peers
from hardentui.options import IMAGE as IMAGE_OPTION
from hardentui.options import NETWORK
from hardentui.options.argv import spec_from_argv

ENGINE = EngineFacts(
    label="simulated",
    simulated=True,
    default_capabilities=STOCK_CAPABILITIES,
    info={"host": {"logDriver": "k8s-file", "security": {"seccompEnabled": True}}},
)


def refuse_invalid(answer: Answer) -> None:
    """Refuse values that podman would refuse, as far as the option table can parse them.

    Raises:
        UsageError: a value cannot be parsed.
    """
    for option in spec_from_argv(("podman", *answer.words)).unknowable:
        raise UsageError(
            f"podman run does not accept this value of {option.flag}.",
            "Sizes look like 64m, numbers like 20.",
        )


def simulated_facts(lab: Lab, answer: Answer) -> ContainerFacts:
    """The facts of a container that these words would create, as far as they declare them."""
    spec = spec_from_argv(("podman", *answer.words))
    reference = spec[IMAGE_OPTION]
    recipe = next((recipe for recipe in RECIPES if reference.endswith(f":{recipe.tag}")), RECIPES[0])
    setuid = (ImageFile("/bin/su", "setuid root", 1),) if recipe.setuid else ()
    image = ImageFacts(
        id="1" * 64,
        inspect={"Config": {"Labels": {LAB_LABEL: "image"}}},
        engine=ENGINE,
        names=(reference,),
        inventory=ImageInventory(privileged_files=setuid),
    )
    networks = tuple(network.partition(":")[0] for network in spec[NETWORK])
    own = Peer("0" * 64, lab.container, tuple(name for name in networks if name != "none"), lab.app)
    others = [
        Peer(
            f"{number:064}",
            lab.neighbour(neighbour.name),
            tuple(lab.network(name) for name in neighbour.networks),
            neighbour.app,
        )
        for number, neighbour in enumerate(lab.neighbours, 1)
    ]
    return ContainerFacts(
        id=own.id,
        name=lab.container,
        spec=spec,
        inspect={"ImageName": reference, "State": {"Status": "running"}, "Config": {}},
        engine=ENGINE,
        image=image,
        kernel=NotRunning("simulated"),
        peers=Peers((own, *others)),
    )


_SERVICE_SECONDS = 15
_COULD_NOT_RUN = range(125, 128)
MARK = "hardentui-lab-intruder"
"""The output of an attack whose trace in the log is searched for."""


class StageAnswer(Struct, frozen=True):
    """The result of an attack or of a request to the service.

    Attributes:
        works: None if it could not be tried; `output` is then the reason.
        output: the output, in one line; not yet safe to show.
    """

    works: bool | None
    output: str = ""


class TrainingStage(Protocol):
    """The containers of labs, and nothing else."""

    simulated: bool

    def prepare(self, lab: Lab, directory: str) -> None:
        """Create everything that the lab needs besides its own container."""

    def make(self, lab: Lab, answer: Answer) -> None:
        """Recreate the lab's container and start it."""

    def attack(self, lab: Lab, directory: str) -> StageAnswer: ...

    def ask_service(self, lab: Lab) -> StageAnswer: ...

    def remove(self, lab: str = "") -> int:
        """Remove the containers and networks of a lab, or of all; returns their number."""


class PodmanStage:
    """Labs on a real Podman. It refuses to touch a container without the label of a lab."""

    simulated = False

    def __init__(self, engine: ChangingEngine) -> None:
        self._engine = engine

    def prepare(self, lab: Lab, directory: str) -> None:
        if lab.policy:
            return
        prepare_images(self._engine)
        self.remove(lab.id)
        labels = {LAB_LABEL: lab.id}
        for name in lab.networks:
            self._engine.networks.create(lab.network(name), internal=True, labels=labels)
        for neighbour in lab.neighbours:
            networks = [
                f"--network={lab.network(name)}:alias={neighbour.name}" for name in neighbour.networks
            ]
            identity = self._engine.containers.create_by_command(
                (
                    "create",
                    f"--name={lab.neighbour(neighbour.name)}",
                    f"--label={LAB_LABEL}={lab.id}",
                    f"--label=app={neighbour.app}",
                    "--pull=never",
                    "--stop-timeout=0",
                    *networks,
                    f"{IMAGE}:slim",
                    *neighbour.command,
                )
            )
            self._engine.containers.start(identity)

    def make(self, lab: Lab, answer: Answer) -> None:
        self._remove_container(lab.container)
        identity = self._engine.containers.create_by_command(answer.words)
        self._engine.containers.start(identity)

    def attack(self, lab: Lab, directory: str) -> StageAnswer:
        if lab.attack.copies_unsigned:
            return _copy_unsigned(directory)
        try:
            if lab.attack.moves_tag:
                return self._move_tag(lab)
            return self._run_attack(lab)
        except ChangeTimedOut:
            return StageAnswer(False, f"it did not succeed within {lab.attack.seconds} seconds")
        except EngineError as error:
            return StageAnswer(None, error.title)

    def _run_attack(self, lab: Lab) -> StageAnswer:
        attack = lab.attack
        source = lab.neighbour(attack.neighbour) if attack.neighbour else lab.container
        self._check_label(source)
        code, printed = self._engine.containers.run_inside(
            source, attack.run, user=attack.user, seconds=attack.seconds
        )
        if code in _COULD_NOT_RUN:
            return StageAnswer(None, _last_line(printed) or f"it could not be run ({code})")
        if attack.unseen and code == 0:
            return self._look_for_trace(lab)
        return StageAnswer(code == 0, _last_line(printed))

    def _look_for_trace(self, lab: Lab) -> StageAnswer:
        try:
            log = self._engine.containers.logs(lab.container)
        except EngineError:
            return StageAnswer(True, "there is no log to search")
        seen = MARK in log
        return StageAnswer(not seen, "the log mentions it" if seen else "the log does not mention it")

    def _move_tag(self, lab: Lab) -> StageAnswer:
        """Push as an attacker: does the container's image name now point to another image?"""
        images = self._engine.images
        name = str(self._engine.containers.inspect(lab.container).get("ImageName", ""))
        before, kept = images.id_of(name), images.id_of(f"{IMAGE}:latest")
        images.tag(PUSHED, f"{IMAGE}:latest")
        try:
            moved = images.id_of(name) != before
        finally:
            images.tag(kept, f"{IMAGE}:latest")
        message = (
            "the next container is created from somebody else's image" if moved else f"{name} has not moved"
        )
        return StageAnswer(moved, message)

    def ask_service(self, lab: Lab) -> StageAnswer:
        try:
            self._check_label(lab.container)
            code, printed = self._engine.containers.run_inside(
                lab.container, lab.service, seconds=_SERVICE_SECONDS
            )
        except ChangeTimedOut:
            return StageAnswer(False, f"it does not answer within {_SERVICE_SECONDS} seconds")
        except EngineError as error:
            return StageAnswer(False, error.title)
        return StageAnswer(code == 0, _last_line(printed))

    def remove(self, lab: str = "") -> int:
        label = f"{LAB_LABEL}={lab}" if lab else LAB_LABEL
        containers = [
            container
            for container in self._engine.containers.labelled(label)
            if is_ours(LAB_LABEL, container.get("Labels") or {}, (container.get("Names") or ("",))[0])
        ]  # others of an image of the labs are none
        for container in containers:
            self._engine.containers.remove(str(container["Id"]), force=True, volumes=True)
        networks = self._engine.networks.labelled(label)
        for network in networks:
            self._engine.networks.remove(network)
        if not lab:
            for recipe in RECIPES:
                with suppress(EngineError):  # it is not there, or a container outside the labs uses it
                    self._engine.images.remove(f"{IMAGE}:{recipe.tag}")
        return len(containers) + len(networks)

    def _remove_container(self, name: str) -> None:
        with suppress(NotFound):
            self._check_label(name)
            self._engine.containers.remove(name, force=True, volumes=True)

    def _check_label(self, name: str) -> None:
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
        words = [skopeo, "--policy", os.path.join(directory, "policy.json"), "copy", f"dir:{source}"]
        try:
            done = subprocess.run(
                [*words, f"dir:{target}"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=30,
                env=account.environment(),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return StageAnswer(None, f"skopeo could not be run: {error}")
    message = _last_line(done.stderr.decode("utf-8", "replace"))
    return StageAnswer(done.returncode == 0, "the image was accepted" if done.returncode == 0 else message)


def _unsigned_image(directory: str) -> None:
    """A minimal image, in the layout of the transport `dir:`."""
    import hashlib
    import json

    os.mkdir(directory)
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
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
