"""What trials learned about a container, kept for the next one: several runs together know more."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress

import msgspec

from hardentui.errors import WriteError
from hardentui.model.facts import ContainerFacts
from hardentui.model.trial import Trial
from hardentui.state.own_files import read_own, state_directory, write_own
from hardentui.trial.learned.needs import Needs
from hardentui.writers.context import profile_name
from hardentui.writers.seccomp import profile_text


class _Kept(msgspec.Struct, frozen=True):
    """`image`: its ID; what was learned from another image does not count."""

    image: str
    needs: Needs


def profile_path(name: str, directory: str) -> str:
    """Where the learned profile of a container will be: with the trial's files, else in our own directory."""
    where = os.path.abspath(directory) if directory else os.path.join(state_directory(), "learned")
    return os.path.join(where, profile_name(name))


def keep_profile(trial: Trial) -> str:
    """Write the learned profile to our own directory; returns its path.

    Raises:
        WriteError: it cannot be written.
    """
    learned = trial.learned
    path = profile_path(trial.container, "")
    try:
        write_own(path, profile_text(learned.seccomp if learned and learned.seccomp else {}))
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}.") from error
    return path


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
            write_own(_path(facts), msgspec.json.encode(_Kept(_image(facts), needs)))


def _image(facts: ContainerFacts) -> str:
    return str(facts.inspect.get("Image") or "")


def _path(facts: ContainerFacts) -> str:
    whose = hashlib.sha256(f"{facts.engine.url}\n{facts.name}".encode()).hexdigest()[:16]
    return os.path.join(state_directory(), "learned", f"{whose}.json")
