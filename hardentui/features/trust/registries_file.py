"""Our file in registries.d: which sigstore attachments are read, and where GPG signatures are
stored. Pure.

Without `use-sigstore-attachments: true` Podman reads no sigstore signature at all. Two files with
the same registry are an error for Podman, so a registry in another file has to be changed there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from hardentui.model.trust import Attachments
from hardentui.model.trust_change import RuleKind, ScopeRule

NAME = "50-hardentui.yaml"


_HEAD = """\
# Written by `hardentui trust apply`: where the signatures of images are looked for.
# Changes by hand are lost when it is run again; other files of this directory are left as they are.
docker:
"""


def needed(rules: Iterable[ScopeRule]) -> dict[str, dict[str, str]]:
    """Section -> its settings (name -> value as YAML)."""
    sections: dict[str, dict[str, str]] = {}
    for rule in rules:
        settings: dict[str, str] = {}
        if rule.kind in (RuleKind.SIGSTORE, RuleKind.KEYLESS):
            settings["use-sigstore-attachments"] = "true"
        elif rule.kind is RuleKind.GPG and rule.lookaside:
            settings["lookaside"] = json.dumps(rule.lookaside)
        if settings:
            sections[section_of(rule.scope)] = settings
    return sections


def section_of(scope: str) -> str:
    """The section for a policy scope: registries.d has neither wildcards nor tags."""
    if scope.startswith("*."):
        return "default-docker"
    name = scope.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}" if slash else name


def conflicts(
    wanted: Mapping[str, Mapping[str, str]],
    others: Iterable[Attachments],
) -> tuple[str, ...]:
    """Changes that the user must make in other files, one sentence each. `others`: the sections of
    all other files.
    """
    known = {section.scope or "default-docker": section for section in others}
    sentences = []
    for section, settings in wanted.items():
        other = known.get(section)
        if other is None or (other.enabled and "use-sigstore-attachments" in settings):
            continue
        lines = "; ".join(f"{name}: {value}" for name, value in settings.items())
        sentences.append(
            f"{other.file} has a section for {section} already: add `{lines}` to it there"
        )
    return tuple(sentences)


def text_of(
    wanted: Mapping[str, Mapping[str, str]],
    ours: Iterable[Attachments],
    others: Iterable[Attachments],
) -> str | None:
    """The text of our file; None if it would be empty. `ours`: its current sections, which stay."""
    taken = {section.scope or "default-docker" for section in others}
    sections = {(section.scope or "default-docker"): _present(section) for section in ours}
    for name, settings in wanted.items():
        if name not in taken:
            sections[name] = {**sections.get(name, {}), **settings}
    default = sections.pop("default-docker", {})
    if not sections and not default:
        return None
    lines = [f"default-docker:\n{_settings(default, 2)}"] if default else []
    body = "".join(
        f"  {json.dumps(name)}:\n{_settings(settings, 4)}"
        for name, settings in sorted(sections.items())
    )
    head = _HEAD if body else _HEAD.removesuffix("docker:\n")
    return f"{head}{body}{''.join(lines)}"


def _present(section: Attachments) -> dict[str, str]:
    on = {"use-sigstore-attachments": "true"} if section.enabled else {}
    return {**on, "lookaside": json.dumps(section.lookaside)} if section.lookaside else on


def _settings(settings: Mapping[str, str], indent: int) -> str:
    return "".join(f"{' ' * indent}{name}: {value}\n" for name, value in settings.items())
