"""On whose behalf root acts: a command that changes something serves the engines of one account."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from msgspec.structs import replace

from hardentui.engine.peer import is_strangers, refuse_strangers_engine
from hardentui.engine.read import Engine
from hardentui.errors import EngineError, UsageError
from hardentui.features.opening.opened import Opened

_LEAST_OF_ID = 4


def for_one_account(opened: Opened, names: Collection[str]) -> Opened:
    """What root acts on: its own engines. The others are closed, and are not asked anything more.

    Args:
        names: of the containers that are meant; empty for all.

    Raises:
        StrangersEngine: they are in an engine of another account, and in none of root's.
        UsageError: they are in engines of several other accounts.
    """
    strangers = [engine for engine in opened.engines if _is_strangers(engine)]
    if not strangers:
        return opened
    ours = tuple(engine for engine in opened.engines if not _is_strangers(engine))
    try:
        meant = [engine for engine in strangers if not ours or _has(engine, names)]
        if len(meant) > 1:
            urls = "\n".join(f"  --url {engine.facts.url}" for engine in meant)
            raise UsageError("Several accounts have a Podman here.", f"Name one:\n{urls}")
        if meant and not any(_has(engine, [name]) for name in names for engine in ours):
            refuse_strangers_engine(meant[0].facts.owner, meant[0].facts.url)
    except BaseException:
        opened.close()
        raise
    for engine in strangers:
        engine.close()
    return replace(opened, engines=ours)


def refuse_without_ours(opened: Opened) -> None:
    """Raises StrangersEngine if we are root and all engines are of one other account."""
    owners = {engine.facts.owner for engine in opened.engines}
    if len(owners) == 1 and all(map(_is_strangers, opened.engines)):
        opened.close()
        refuse_strangers_engine(opened.engines[0].facts.owner, opened.engines[0].facts.url)


def _is_strangers(engine: Engine) -> bool:
    owner = engine.facts.owner
    return owner is not None and is_strangers(owner.uid)


def _has(engine: Engine, names: Collection[str]) -> bool:
    """Whether a container of one of these names, or beginnings of an id, is in an engine."""
    with suppress(EngineError):
        return any(
            row.name == name or (len(name) >= _LEAST_OF_ID and row.id.startswith(name))
            for row in engine.listed()
            for name in names
        )
    return False
