"""Facts of a host in one JSON file: all requests and answers, to be checked later or elsewhere.

recording.py keeps them at the two seams through which everything is read: the engines' connections
and the host's files with the output of programs. Replaying gives the same answers to the same
requests; a request that was not recorded is answered with "not recorded".
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import convert
from msgspec.structs import replace

from hardentui.do import Do, Verb
from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.errors import InputError
from hardentui.features.opening.command_log import CommandLog
from hardentui.features.opening.opened import Opened
from hardentui.features.views import Attempt
from hardentui.host.commands import Run
from hardentui.host.files.recorded import RecordedFiles
from hardentui.lib.image import ImageInventory
from hardentui.model.facts import EngineFacts
from hardentui.model.host import HostFacts
from hardentui.model.host_scan import HostScan
from hardentui.model.known import Known, Unread
from hardentui.model.podman_version import Version
from hardentui.model.trust import TrustFacts
from hardentui.visible import visible

SCHEMA = "hardentui/facts/1"
_LARGEST = 256 << 20  # bytes; a host with a thousand containers takes about 15 MB
_GZIP = b"\x1f\x8b"


def _saved_scans(kept: Any) -> Known[tuple[HostScan, ...]]:
    if isinstance(kept, list):
        return convert(kept, tuple[HostScan, ...])
    reason = kept.get("unreadable") if isinstance(kept, dict) else None
    return Unread(str(reason or "results of host scanners were not saved"))


def open_saved(path: str) -> Opened:
    """Engines and a host from a file written by `hardentui check --save`.

    Raises:
        InputError: the file cannot be read or is not a facts file.
    """
    try:
        document = json.loads(unpacked(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{visible(path)} is not JSON: {visible(str(error))}.") from error
    opened = replay(document, visible(path))
    return replace(opened, saved_at=f"{opened.clock():%Y-%m-%d %H:%M} UTC")


def unpacked(path: str) -> bytes:
    """A file's content, also of a gzip file.

    Raises:
        InputError: it cannot be read, is damaged, or is too large.
    """
    shown = visible(path, 200)
    try:
        with open(path, "rb") as file:
            start = file.read(len(_GZIP))
            file.seek(0)
            with gzip.open(file) if start == _GZIP else file as plain:
                content = plain.read(_LARGEST + 1)
    except (EOFError, zlib.error) as error:
        raise InputError(f"{shown} cannot be read: it is compressed, and damaged.") from error
    except OSError as error:
        raise InputError(f"{shown} cannot be read: {error.strerror or error}.") from error
    if len(content) > _LARGEST:
        raise InputError(f"{shown} is larger than {_LARGEST >> 20} MB.")
    return content


def replay(
    document: Any,
    name: str,
    attempts: tuple[Attempt, ...] = (),
    *,
    found_with: tuple[str, ...] = (),
) -> Opened:
    """Engines and a host from a document; `name` identifies it in errors.

    Args:
        found_with: the options that lead every command to this host.

    Raises:
        InputError: it does not have the shape of saved facts.
    """
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(
            f"{name} is not a file of saved facts: its schema is not {SCHEMA}.",
            (Do(Verb.SAVE_FACTS), " writes them."),
        )
    try:
        return _replay(document, attempts, found_with)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{name} is damaged: {type(error).__name__} {visible(str(error), 200)}."
        ) from error


def _replay(
    document: Mapping[str, Any],
    attempts: tuple[Attempt, ...],
    found_with: tuple[str, ...],
) -> Opened:
    when = datetime.fromisoformat(document["time"]).astimezone(UTC)
    files = RecordedFiles(document["files"])
    engines = tuple(_replayed_engine(saved, found_with) for saved in document["engines"])
    users = {
        str(engine["label"]): (int(engine["uid"]), str(engine["home"]))
        for engine in document["engines"]
    }
    local = next((engine.facts for engine in engines if engine.facts.local), None)
    run = _recorded_run(document["programs"])

    def host() -> Known[HostFacts]:
        if local is None:
            return Unread("the facts were saved from another machine than the engine's")
        from hardentui.host.machine import read_host

        read = read_host(
            files, version=local.version, run=run, root=bool(document["root"]), now=when
        )
        return read.replace(host_scans=_saved_scans(document.get("host_scans")))

    def trust(facts: EngineFacts) -> Known[TrustFacts]:
        if not facts.local:
            return Unread("the facts were saved from another machine than the engine's")
        from hardentui.host.podman.trust import read_trust

        uid, home = users[facts.label]
        return read_trust(
            files,
            home=home,
            uid=uid,
            version=facts.version,
        )

    return Opened(
        engines,
        attempts,
        CommandLog(),
        files,
        host,
        trust,
        str(document["host"] or ""),
        lambda: when,
        run,
        inventories={
            str(image): convert(inventory, ImageInventory)
            for image, inventory in document.get("images", {}).items()
        },
    )


def _replayed_engine(
    saved: Mapping[str, Any],
    found_with: tuple[str, ...],
) -> Engine:
    rootless = saved["rootless"]
    facts = EngineFacts(
        label=str(saved["label"]),
        url=str(saved["url"]),
        found_with=found_with,
        version=Version.parse(saved["version"]),
        rootless=rootless
        if isinstance(rootless, bool)
        else Unread("it was unknown when the facts were saved"),
        local=bool(saved["local"]),
        simulated=True,  # its kernel is the recorded one, whatever kernel runs here
        default_capabilities=frozenset(map(str, saved["default_capabilities"])),
    )
    connection = RecordedConnection(
        dict(saved["answers"]),
        dict(saved["failures"]),
        facts.url,
    )
    return Engine(facts, lambda: connection)


def _recorded_run(programs: Mapping[str, Mapping[str, str]]) -> Run:
    def run(arguments: Sequence[str], seconds: float) -> Known[str]:
        kept = programs.get(json.dumps(list(arguments)))
        if kept is None:
            return Unread(f"the output of {arguments[0]} was not recorded")
        return kept["output"] if "output" in kept else Unread(kept["unreadable"])

    return run
