"""The override file of a compose project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from hardentui.writers.compose import MARK, Override
from hardentui.writers.yaml_text import yaml_text


class _Loader(yaml.SafeLoader):
    """Knows the tag that we write."""


def _override(
    loader: yaml.SafeLoader,
    node: yaml.SequenceNode,
) -> Override:
    return Override(loader.construct_sequence(node))


_Loader.add_constructor("!override", _override)


def override_text(
    old: str,
    service: str,
    part: Mapping[str, Any],
    volumes: tuple[str, ...],
) -> str:
    """The file with this service in it; the others of an earlier one stay.

    Args:
        old: the file as it is; empty, or one of ours.
        volumes: named volumes that the part mounts.
    """
    document = yaml.load(old, Loader=_Loader) if old else None  # noqa: S506 - a SafeLoader
    document = document if isinstance(document, dict) else {}
    services = {
        **(document.get("services") or {}),
        service: dict(part),
    }
    named = {
        **(document.get("volumes") or {}),
        **{name: {"name": name} for name in volumes},
    }
    whole = {
        **document,
        "services": services,
        **({"volumes": named} if named else {}),
    }
    return yaml_text(
        [whole], [MARK, "compose reads it beside the project's own file; delete it to go back."]
    )
