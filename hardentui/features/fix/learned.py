"""What trials learned about a container: what they kept, or a file of `hardentui trial --format json`."""

from __future__ import annotations

import json
import os

import msgspec
from msgspec import Struct

from hardentui.do import Do, Verb
from hardentui.errors import InputError
from hardentui.features.trial.tried import kept_needs
from hardentui.model.capabilities import capability_name
from hardentui.model.facts import ContainerFacts
from hardentui.visible import visible
from hardentui.words import plural

SCHEMA = "hardentui/trial/1"
_LARGEST = 64 << 20


class LearnedRecord(Struct, frozen=True):
    """The part `learned` of a trial.

    Attributes:
        capabilities: those that were used.
        outgoing: addresses that were contacted, as the trial writes them.
        unknown: what could not be seen -> why.
    """

    capabilities: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    unknown: dict[str, str] = {}


class _Trial(Struct, frozen=True):
    schema: str
    container: str
    learned: LearnedRecord | None = None


class LearnedFrom(Struct, frozen=True):
    """What was learned, and from which file or trials.

    Attributes:
        capabilities: full names (`CAP_CHOWN`) of those used during the trial; None = the trial
            could not see them, for the reason in `why`.
        outgoing: addresses that were contacted.
    """

    container: str
    capabilities: frozenset[str] | None
    source: str
    outgoing: tuple[str, ...] = ()
    why: str = ""


def learned_before(facts: ContainerFacts) -> LearnedFrom | None:
    """What earlier trials of this container with this image learned here; None = there was none."""
    needs = kept_needs(facts)
    if needs is None:
        return None
    used = None if needs.capabilities is None else needs.capability_names
    why = needs.unknown.get("capabilities", "") if used is None else ""
    return LearnedFrom(facts.name, used, plural(needs.runs, "earlier trial"), why=why)


def read_learned(path: str) -> LearnedFrom:
    """The learned part of a trial's file, or of the `trial.json` in a directory.

    Raises:
        InputError: it is not such a file, or the trial learned nothing.
    """
    shown = visible(path, 200)
    try:
        place = os.path.join(path, "trial.json") if os.path.isdir(path) else path
        with open(place, "rb") as file:
            trial = msgspec.convert(json.loads(file.read(_LARGEST)), _Trial)
    except OSError as error:
        raise InputError(f"{shown} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{shown} is not a result of `hardentui trial --format json`.") from error
    if trial.schema != SCHEMA:
        raise InputError(f"{shown} has the schema {visible(trial.schema, 60)!r}, not {SCHEMA}.")
    if trial.learned is None:
        raise InputError(
            f"Nothing was learned in the trial in {shown}.",
            ("Run it with --learn: ", Do(Verb.LEARN)),
        )
    learned = trial.learned
    why = learned.unknown.get("capabilities", "")
    used = None if why else frozenset(capability_name(name) for name in learned.capabilities)
    return LearnedFrom(trial.container, used, path, learned.outgoing, why)
