"""What trials learned about a container, kept for the next one: several runs together know more."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from hardentui.errors import WriteError
from hardentui.features.looking.unit_origin import manager_of
from hardentui.features.trial.learned.needs import Needs
from hardentui.files import write_bundle
from hardentui.host.files import Files
from hardentui.model.draft import TextFile
from hardentui.model.facts import ContainerFacts
from hardentui.model.file_names import profile_name
from hardentui.model.trial import Trial
from hardentui.state import read_own, state_directory, write_own
from hardentui.writers.profiles import profile_text


class _Kept(msgspec.Struct, frozen=True):
    """`image`: its ID; what was learned from another image does not count."""

    image: str
    needs: Needs


def profile_path(name: str, directory: str) -> str:
    """Where the learned profile of a container will be."""
    return os.path.join(os.path.abspath(directory), profile_name(name))


def profile_directory(facts: ContainerFacts, files: Files) -> str:
    """Where profiles are kept that this engine can read: with the configuration of its account,
    which cannot read our own directory if it is another one; ours too if that account has no home.
    """
    manager = manager_of(files, facts.engine)
    another = manager.rootless and manager.uid != os.geteuid() and manager.home not in ("", "/")
    return manager.containers_directory if another else _own_directory()


def can_keep_profile(facts: ContainerFacts, files: Files) -> bool:
    """Whether the engine can read a kept profile."""
    manager = manager_of(files, facts.engine)
    return not manager.rootless or manager.uid == os.geteuid() or manager.home not in ("", "/")


def _own_directory() -> str:
    return os.path.join(state_directory(), "learned")


def keep_profile(trial: Trial, directory: str) -> str:
    """Write the learned profile where its engine can read it; returns its path.

    Args:
        directory: `profile_directory`.

    Raises:
        WriteError: it cannot be written.
    """
    learned = trial.learned
    path = profile_path(trial.container, directory)
    write_profile(
        path,
        learned.seccomp if learned and learned.seccomp else {},
    )
    return path


def write_profile(path: str, document: Mapping[str, Any]) -> None:
    """Write a seccomp profile for an engine, in our own directory or another one.

    Raises:
        WriteError: it cannot be written.
    """
    text, place = profile_text(document), os.path.dirname(path)
    if place != _own_directory():
        write_bundle(
            place, [TextFile(os.path.basename(path), text)], create=True, keep_backup=False
        )
        return
    try:
        write_own(path, text)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}.") from error


def kept_needs(facts: ContainerFacts) -> Needs | None:
    """What earlier trials learned about this container with this image."""
    try:
        kept = msgspec.json.decode(read_own(_path(facts)), type=_Kept)
    except (OSError, msgspec.MsgspecError):
        return None
    return kept.needs if kept.image == _image(facts) else None


def keep_needs(facts: ContainerFacts, needs: Needs) -> None:
    """Save it; if that fails, the next trial starts from scratch."""
    if needs.runs:
        with suppress(OSError):
            write_own(
                _path(facts),
                msgspec.json.encode(_Kept(_image(facts), needs)),
            )


def _image(facts: ContainerFacts) -> str:
    return str(facts.inspect.get("Image") or "")


def _path(facts: ContainerFacts) -> str:
    # a service that we start has another address each time
    engine = facts.engine.label if facts.engine.local else facts.engine.url
    whose = hashlib.sha256(f"{engine}\n{facts.name}".encode()).hexdigest()[:16]
    return os.path.join(
        state_directory(),
        "learned",
        f"{whose}.json",
    )
