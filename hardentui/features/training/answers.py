"""What a learner typed, as a container."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches

from msgspec import Struct

from hardentui.engine.shapes import LAB_LABEL
from hardentui.errors import UsageError
from hardentui.features.training.lab import DIRECTORY, Lab
from hardentui.features.training.lab_images import VARIANTS, image_of
from hardentui.options import NOT_CARRIED, TABLE
from hardentui.options.argv import ALIASES, parse_create_command
from hardentui.options.run_command import RunCommand
from hardentui.visible import visible

_OURS = (
    "--name",
    "--replace",
    "--rm",
    "--detach",
    "--cidfile",
    "--pidfile",
    "--conmon-pidfile",
    "--restart",
    "--timeout",
    "--stop-timeout",
)


_ELSEWHERE = tuple(
    "--pod --pod-id-file --volumes-from --env-file --label-file --env-host --secret --device --gpus --rootfs "
    "--infra --module --hooks-dir --cgroup-parent --systemd --publish --publish-all --annotation --requires "
    "--init-path --hosts-file --health-log-destination --device-cgroup-rule --rdt-class --runtime "
    "--runtime-flag --authfile --cert-dir --decryption-key --preserve-fd --preserve-fds".split()
)


_FLAGS = frozenset(
    (
        *ALIASES,
        *NOT_CARRIED,
        *(option.flag for option in TABLE),
        *(flag for option in TABLE for flag, _ in option.also),
    )
)


RUNS_FOR = 3600
"""Seconds after which Podman ends the container of a lab by itself, whoever still watches."""

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
    image = image_of(lab.learner, variant)
    line = parse_create_command(("podman", "create", *rest, image))
    for flag in line.flags if line is not None else ():
        if flag not in _FLAGS:
            raise UsageError(f"podman run has no option {visible(flag, 40)}.", _nearest(flag))
    if line is None or line.image != image or line.rest:
        raise UsageError(
            "Only options of podman run are allowed here.",
            "The image and the name are the lab's own. Write options as --name=value.",
        )
    _inside(
        lab,
        line,
        directory,
    )
    networks = [lab.network(name) for name in line.all("--network")]
    words = (
        "create",
        f"--name={lab.container}",
        f"--label={LAB_LABEL}={lab.label}",
        f"--label=app={lab.app}",
        "--pull=never",
        "--stop-timeout=0",
        f"--timeout={RUNS_FOR}",
        *([] if networks else ["--network=none"]),
        *_with_networks(lab, rest),
        image,
    )
    return Answer(tuple(options), words)


def _nearest(flag: str) -> str:
    near = get_close_matches(flag, sorted(_FLAGS), n=1)
    return f"Did you mean {near[0]}?" if near else ""


def _variant(
    lab: Lab,
    options: Sequence[str],
) -> tuple[str, list[str]]:
    variant, rest = lab.image, []
    words = iter(options)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag == "--image":
            variant = value if equals else next(words, "")
        else:
            rest.append(word)
    if variant not in VARIANTS:
        raise UsageError(
            f"There is no image {visible(variant, 40)!r}.", f"There are: {', '.join(VARIANTS)}"
        )
    return variant, rest


def _with_networks(
    lab: Lab,
    words: Sequence[str],
) -> list[str]:
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
    line: RunCommand,
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
    for value in line.all("--log-opt"):
        if value.partition("=")[0] not in _LOG_OPTIONS:
            raise UsageError(
                f"--log-opt={visible(value, 40)} cannot be used here: the log lies where Podman puts it.",
                f"There are: {', '.join(sorted(_LOG_OPTIONS))}",
            )
    for value in line.all("--env"):
        if "=" not in value:
            raise UsageError(
                f"--env={visible(value, 40)} leads out of the lab: it takes what this process has.",
                "Give it a value: --env=NAME=VALUE",
            )
    for value in line.all("--label"):
        if value.startswith(_OUR_LABELS):
            raise UsageError(
                f"{visible(value, 40)} cannot be used here: the label is the lab's own."
            )
    for source in _sources(line):
        if source and not _below(source, directory):
            raise UsageError(
                f"{visible(source, 80)} is outside the lab.",
                f"Its own directory is {DIRECTORY}: {visible(directory)}",
            )


def _sources(line: RunCommand) -> list[str]:
    """Host paths that would be mounted; anonymous volumes are the container's own."""
    sources = []
    for value in line.all("--volume"):
        source, *rest = value.split(":")
        sources += [source] if rest else []
        if "upperdir=" in value or "workdir=" in value:
            sources.append("/")
    for value in line.all("--mount"):
        pairs = [part.partition("=")[::2] for part in value.split(",")]
        types = {word for key, word in pairs if key == "type"} or {"volume"}
        named = [word for key, word in pairs if key in ("source", "src")]
        if '"' in value:  # Podman reads it as CSV: what is quoted may be another source
            named.append("/")
        if types == {"volume"} and not named:
            continue  # of its own
        if not types <= _IN_MEMORY:
            sources += named or ["/"]
    for value in line.all("--security-opt"):
        flag, _, profile = value.partition("=")
        own = flag == "seccomp" and profile not in _STOCK_FILTERS
        sources += [profile] if own else []
    return sources


_STOCK_FILTERS = ("", "unconfined", "/usr/share/containers/seccomp.json")
_LOG_OPTIONS = frozenset({"max-size", "tag"})
_OUR_LABELS = "io.hardentui."
_IN_MEMORY = {"tmpfs", "devpts", "ramfs"}


def _below(
    path: str,
    directory: str,
) -> bool:
    """Links are resolved: a container may have created one in the lab's directory."""
    real, inside = os.path.realpath(path), os.path.realpath(directory)
    return path.startswith("/") and (real == inside or real.startswith(f"{inside}/"))
