"""Minimal edits of run commands in scripts."""

from __future__ import annotations

import re
from shlex import quote

from hardentui.errors import CannotExpress
from hardentui.features.at_rest.commands import InScript, services_of
from hardentui.features.at_rest.edits.files import OneFileTarget
from hardentui.options.items import Item, item_word
from hardentui.quadlet.edit.item_changes import ItemChange, decide

_BEFORE_WORD = re.compile(r"(?:[ \t]|\\\r?\n)+$")
_GAP_IN_LINE = re.compile(r"[ \t]+(?=[^\s\\])")
_NOT_OF_DOCKER = frozenset({"--health-on-failure", "--userns"})


def refuse_for_docker(change: ItemChange) -> None:
    """Raises CannotExpress: only Podman has the option."""
    flags = {item_word(item).partition("=")[0] for item in change.added}
    if flags & _NOT_OF_DOCKER:
        raise CannotExpress(f"docker has no option {change.option.flag}")


class RunTarget(OneFileTarget):
    """One command of a script; new options stand before its image, in lines of their own if others
    do."""

    read = staticmethod(services_of)

    def _changed(
        self,
        texts: dict[str, str],
        change: ItemChange,
    ) -> dict[str, str]:
        service = self._services(texts)[self._key]
        text, path = service.file.text, service.file.path
        by_span: dict[tuple[int, int], list[Item]] = {}
        for each in service.sets:
            by_span.setdefault((each.span.start, each.span.end), []).append(each.item)
        decision = decide([tuple(items) for items in by_span.values()], change)
        made: InScript = service.source
        command = made.command
        if command.image_at >= len(made.words):
            raise CannotExpress("the command names no image: change it by hand")
        last = made.words[command.image_at - 1].end if command.image_at else service.header.end
        between = text[last : made.words[command.image_at].start]
        gap = between if "\n" in between else " "
        if "docker" in text[service.header.start : service.header.end]:
            refuse_for_docker(change)
        new = "".join(gap + quote(item_word(item)) for item in decision.added)
        edits = [(last, last, new)] if new else []
        for number, (start, end) in enumerate(by_span):
            if number not in decision.replaced:
                continue
            if "$" in text[start:end] or "`" in text[start:end]:
                raise CannotExpress("it has a variable of the script: change it by hand")
            words = " ".join(quote(item_word(each.item)) for each in decision.replaced[number])
            if not words and (gap_after := _GAP_IN_LINE.match(text, end)):
                end = gap_after.end()
            elif not words and (gap_before := _BEFORE_WORD.search(text[:start])):
                start = gap_before.start()
            edits.append((start, end, words))
        for start, end, words in sorted(edits, reverse=True):
            text = text[:start] + words + text[end:]
        return {**texts, path: text}
