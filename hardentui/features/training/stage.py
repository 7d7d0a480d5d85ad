"""A lab on a real Podman: its containers and networks, what is left to solve, and the attack on
them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

from hardentui import account
from hardentui.account import find_program
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.engine.change.changing import ChangingEngine
from hardentui.engine.shapes import LAB_LABEL, is_ours
from hardentui.errors import (
    ChangeFailed,
    ChangeTimedOut,
    EngineError,
    NotFound,
    ToolMissing,
    UsageError,
)
from hardentui.features.training.course import DIRECTORY, Lab
from hardentui.lib.image import ImageFile, ImageInventory
from hardentui.model.facts import (
    STOCK_CAPABILITIES,
    ContainerFacts,
    EngineFacts,
    ImageFacts,
    NotRunning,
)
from hardentui.model.network import Peer, Peers
from hardentui.options import IMAGE as IMAGE_OPTION
from hardentui.options import NETWORK, NOT_CARRIED, TABLE
from hardentui.options.argv import ALIASES, parse_create_command, spec_from_argv
from hardentui.options.inspect import CommandLine
from hardentui.visible import visible

IMAGE = "localhost/hardentui-lab/shop"
VARIANTS = {
    "1.0": "a shop with a setuid program that its users do not need",
    "slim": "the same shop without setuid programs",
    "latest": "the tag that moves with every push",
}
_OURS = (
    "--name",
    "--replace",
    "--rm",
    "--detach",
    "--cidfile",
    "--pidfile",
    "--conmon-pidfile",
)
_ELSEWHERE = tuple(
    "--pod --pod-id-file --volumes-from --env-file --label-file --env-host --secret --device --gpus --rootfs "
    "--infra --module --hooks-dir --cgroup-parent --systemd --publish --publish-all".split()
)
_FLAGS = frozenset(
    (
        *ALIASES,
        *NOT_CARRIED,
        *(option.flag for option in TABLE),
        *(flag for option in TABLE for flag, _ in option.also),
    )
)
_SPACES = ("--ipc", "--pid", "--uts", "--cgroupns", "--userns")


class Answer(Struct, frozen=True):
    """The container that the learner requests."""

    options: tuple[str, ...]  # as typed
    # what follows `podman`: `create`, all options, the image and its command
    words: tuple[str, ...]


def answer(
    lab: Lab,
    options: Sequence[str],
    directory: str,
) -> Answer:
    """Build a command line from the learner's options.

    Args:
        options: options of `podman run`; `--image=NAME` chooses a variant of the lab's image.
        directory: the lab's own directory on the host, the value of `{folder}`.

    Raises:
        UsageError: one of them is invalid, or reaches outside the lab.
    """
    variant, rest = _variant(lab, [word.replace(DIRECTORY, directory) for word in options])
    line = parse_create_command(("podman", "create", *rest, f"{IMAGE}:{variant}"))
    for flag in line.flags if line is not None else ():
        if flag not in _FLAGS:
            raise UsageError(f"podman run has no option {visible(flag, 40)}.")
    if line is None or line.image != f"{IMAGE}:{variant}" or line.words:
        raise UsageError(
            "Only options of podman run are allowed here.",
            "The image and the name are the lab's own. Write options as --name=value.",
        )
    _inside(lab, line, directory)
    networks = [lab.network(name) for name in line.all("--network")]
    words = (
        "create",
        f"--name={lab.container}",
        f"--label={LAB_LABEL}={lab.id}",
        f"--label=app={lab.app}",
        "--pull=never",
        "--stop-timeout=0",
        *([] if networks else ["--network=none"]),
        *_with_networks(lab, rest),
        f"{IMAGE}:{variant}",
    )
    return Answer(tuple(options), words)


def _variant(lab: Lab, options: Sequence[str]) -> tuple[str, list[str]]:
    variant, rest = lab.image, []
    for word in options:
        if word.startswith("--image="):
            variant = word.partition("=")[2]
        else:
            rest.append(word)
    if variant not in VARIANTS:
        raise UsageError(
            f"There is no image {visible(variant, 40)!r}.", f"There are: {', '.join(VARIANTS)}"
        )
    return variant, rest


def _with_networks(lab: Lab, words: Sequence[str]) -> list[str]:
    """Networks by their names on the engine, and the name `shop` on each of them."""
    changed, follows = [], False
    for word in words:
        flag, equals, value = word.partition("=")
        if follows:
            word, follows = f"{lab.network(word)}:alias={lab.app}", False
        elif flag in ("--network", "--net"):
            follows = not equals
            word = f"--network={lab.network(value)}:alias={lab.app}" if equals else "--network"
        changed.append(word)
    return changed


def _inside(
    lab: Lab,
    line: CommandLine,
    directory: str,
) -> None:
    for flag in (*_OURS, *_ELSEWHERE):
        if flag in line.flags:
            why = "is set by the lab" if flag in _OURS else "leads out of the lab"
            raise UsageError(f"{flag} cannot be used here: it {why}.")
    for network in line.all("--network"):
        if network not in lab.networks:
            there = ", ".join(lab.networks) or "none: this container has no network"
            raise UsageError(
                f"{visible(network, 40)!r} is not a network of this lab.", f"There are: {there}"
            )
    for flag in _SPACES:
        for value in line.all(flag):
            if value.startswith(("container:", "ns:", "host")):
                raise UsageError(f"{flag}={visible(value, 40)} leads out of the lab.")
    for source in _sources(line):
        if source and not _below(source, directory):
            raise UsageError(
                f"{visible(source, 80)} is outside the lab.",
                f"Its own directory is {DIRECTORY}: {visible(directory)}",
            )


def _sources(line: CommandLine) -> list[str]:
    """Host paths that would be mounted; anonymous volumes are the container's own."""
    sources = [value.split(":")[0] for value in line.all("--volume") if ":" in value]
    for value in line.all("--mount"):
        parts = dict(part.partition("=")[::2] for part in value.split(","))
        if parts.get("type", "volume") not in ("tmpfs", "devpts", "ramfs"):
            sources += [parts.get("source") or parts.get("src") or "/"]
    return sources


def _below(path: str, directory: str) -> bool:
    """Links are resolved: a container may have created one in the lab's directory."""
    real, inside = os.path.realpath(path), os.path.realpath(directory)
    return path.startswith("/") and (real == inside or real.startswith(f"{inside}/"))


ENGINE = EngineFacts(
    label="simulated",
    simulated=True,
    default_capabilities=STOCK_CAPABILITIES,
    info={
        "host": {
            "logDriver": "k8s-file",
            "security": {"seccompEnabled": True},
        }
    },
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
    recipe = next(
        (recipe for recipe in RECIPES if reference.endswith(f":{recipe.tag}")), RECIPES[0]
    )
    setuid = (ImageFile("/bin/su", "setuid root", 1),) if recipe.setuid else ()
    image = ImageFacts(
        id="1" * 64,
        inspect={"Config": {"Labels": {LAB_LABEL: "image"}}},
        engine=ENGINE,
        names=(reference,),
        inventory=ImageInventory(privileged_files=setuid),
    )
    networks = tuple(network.partition(":")[0] for network in spec[NETWORK])
    own = Peer(
        "0" * 64,
        lab.container,
        tuple(name for name in networks if name != "none"),
        lab.app,
    )
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
        inspect={
            "ImageName": reference,
            "State": {"Status": "running"},
            "Config": {},
        },
        engine=ENGINE,
        image=image,
        kernel=NotRunning("simulated"),
        peers=Peers((own, *others)),
    )


_SERVICE_SECONDS = 15
_SKOPEO_LIMIT = 30.0  # seconds
_COULD_NOT_RUN = range(125, 128)
MARK = "hardentui-lab-intruder"
"""The output of an attack whose trace in the log is searched for."""


class StageAnswer(Struct, frozen=True):
    """The result of an attack or of a request to the service."""

    works: bool | None  # None if it could not be tried; `output` is then the reason
    output: str = ""  # the output, in one line; not yet safe to show


class PodmanStage:
    """Labs on a real Podman. It refuses to touch a container without the label of a lab."""

    def __init__(self, engine: ChangingEngine) -> None:
        self._engine = engine

    def prepare(self, lab: Lab) -> None:
        """Create everything that the lab needs besides its own container."""
        if lab.policy:
            return
        prepare_images(self._engine)
        self.remove(lab.id)
        labels = {LAB_LABEL: lab.id}
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
        """Recreate the lab's container and start it."""
        self._remove_container(lab.container)
        identity = self._engine.containers.create_by_command(answer.words)
        self._engine.containers.start(identity)

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
        except ChangeTimedOut:
            return StageAnswer(
                False,
                f"it did not succeed within {lab.attack.seconds} seconds",
            )
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
            return StageAnswer(
                None,
                _last_line(printed) or f"it could not be run ({code})",
            )
        if attack.unseen and code == 0:
            return self._look_for_trace(lab)
        return StageAnswer(code == 0, _last_line(printed))

    def _look_for_trace(self, lab: Lab) -> StageAnswer:
        try:
            log = self._engine.containers.logs(lab.container)
        except EngineError:
            return StageAnswer(True, "there is no log to search")
        seen = MARK in log
        return StageAnswer(
            not seen, "the log mentions it" if seen else "the log does not mention it"
        )

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
            "the next container is created from somebody else's image"
            if moved
            else f"{name} has not moved"
        )
        return StageAnswer(moved, message)

    def ask_service(self, lab: Lab) -> StageAnswer:
        try:
            self._check_label(lab.container)
            code, printed = self._engine.containers.run_inside(
                lab.container, lab.service, seconds=_SERVICE_SECONDS
            )
        except ChangeTimedOut:
            return StageAnswer(
                False,
                f"it does not answer within {_SERVICE_SECONDS} seconds",
            )
        except EngineError as error:
            return StageAnswer(False, error.title)
        return StageAnswer(code == 0, _last_line(printed))

    def remove(self, lab: str = "") -> int:
        """Remove the containers and networks of a lab, or of all; returns their number."""
        label = f"{LAB_LABEL}={lab}" if lab else LAB_LABEL
        containers = [
            container
            for container in self._engine.containers.labelled(label)
            if is_ours(
                LAB_LABEL, container.get("Labels") or {}, (container.get("Names") or ("",))[0]
            )
        ]  # others of an image of the labs are none
        for container in containers:
            self._engine.containers.remove(
                str(container["Id"]),
                force=True,
                volumes=True,
            )
        networks = self._engine.networks.labelled(label)
        for network in networks:
            self._engine.networks.remove(network)
        if not lab:
            for recipe in RECIPES:
                with suppress(
                    EngineError
                ):  # it is not there, or a container outside the labs uses it
                    self._engine.images.remove(f"{IMAGE}:{recipe.tag}")
        return len(containers) + len(networks)

    def _remove_container(self, name: str) -> None:
        with suppress(NotFound):
            self._check_label(name)
            self._engine.containers.remove(
                name,
                force=True,
                volumes=True,
            )

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
    message = _last_line(done.errors.decode("utf-8", "replace"))
    return StageAnswer(done.code == 0, "the image was accepted" if done.code == 0 else message)


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


# The images of the labs, created from the host's static busybox: no registry is used.


FLAG = "the flag: only root may read this"
_LINKS = (  # more readable than a list of names
    "awk cat chmod chown echo find grep head httpd id ls mkdir mount nc ps rm sh sleep tail test touch true "
    "umount unshare vi wget"
)
_ACCOUNTS = "root::0:0:root:/root:/bin/sh\nshop:x:1000:1000:shop:/:/bin/sh\n"
_COMMAND = ("httpd", "-f", "-p", "8080", "-h", "/srv/www")
_INTERPRETER = 3  # type of the program header of dynamic programs only


class Recipe(Struct, frozen=True):
    """One variant: its tag, whether `su` has the setuid bit, and its page."""

    tag: str
    setuid: bool
    page: str


RECIPES = (
    Recipe("1.0", True, "Welcome to the shop."),
    Recipe("slim", False, "Welcome to the shop."),
    Recipe(
        "latest",
        True,
        "Welcome to the shop, the newest.",
    ),
    Recipe(
        "pushed",
        True,
        "Welcome to somebody else's shop.",
    ),
)
PUSHED = f"{IMAGE}:pushed"
"""The image that an attacker pushes under the tag `latest`."""


def prepare_images(engine: ChangingEngine) -> None:
    """Create the images that the engine does not have.

    Raises:
        ToolMissing: this host has no static busybox.
    """
    missing = [recipe for recipe in RECIPES if not engine.images.exists(f"{IMAGE}:{recipe.tag}")]
    if not missing:
        return
    busybox = _busybox()
    with tempfile.TemporaryDirectory(prefix="hardentui-lab-") as directory:
        for recipe in missing:
            archive = os.path.join(directory, f"{recipe.tag}.tar")
            with open(archive, "wb") as file:
                file.write(_root(recipe, busybox))
            changes = (
                f"CMD {json.dumps(_COMMAND)}",
                f"LABEL {LAB_LABEL}=image",
                "EXPOSE 8080",
            )
            engine.images.import_archive(
                archive,
                f"{IMAGE}:{recipe.tag}",
                changes,
            )


def _busybox() -> bytes:
    hint = "Install one (Debian and SUSE: busybox-static, Fedora: busybox), or learn with --demo."
    path = find_program("busybox", also="/usr/lib/busybox")
    if path is None:
        raise ToolMissing(
            "The labs need busybox, which this host does not have.",
            hint,
        )
    with open(path, "rb") as file:
        program = file.read()
    if _is_dynamic(program):
        raise ToolMissing(
            "The busybox of this host needs libraries, so the labs cannot use it.", hint
        )
    return program


def _is_dynamic(program: bytes) -> bool:
    """Whether a 64-bit ELF file names an interpreter (elf(5))."""
    if program[:5] != b"\x7fELF\x02":
        return True
    order = "little" if program[5] == 1 else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(program[at : at + size], order)  # type: ignore[arg-type]

    table, size, count = number(32, 8), number(54, 2), number(56, 2)
    return any(number(table + size * index, 4) == _INTERPRETER for index in range(count))


def _root(recipe: Recipe, busybox: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for directory, mode in (
            ("bin", 0o755),
            ("etc", 0o755),
            ("mnt", 0o755),
            ("root", 0o700),
            ("srv", 0o755),
            ("srv/www", 0o755),
            ("tmp", 0o1777),
            ("var", 0o755),
        ):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        _add(archive, "bin/busybox", busybox, 0o755)
        for name in _LINKS.split():
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        _add(
            archive,
            "bin/su",
            busybox,
            0o4755 if recipe.setuid else 0o755,
        )
        _add(archive, "etc/passwd", _ACCOUNTS.encode())
        _add(archive, "etc/group", b"root:x:0:\nshop:x:1000:\n")
        _add(
            archive,
            "root/flag",
            f"{FLAG}\n".encode(),
            0o600,
        )
        _add(
            archive,
            "srv/www/index.html",
            f"{recipe.page}\n".encode(),
        )
    return buffer.getvalue()


def _add(
    archive: tarfile.TarFile,
    path: str,
    content: bytes,
    mode: int = 0o644,
) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
