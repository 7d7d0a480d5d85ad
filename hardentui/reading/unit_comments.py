"""Comments of units about the options that they set. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hardentui.errors import InputError
from hardentui.model.vendor import CommentedValue
from hardentui.options.argv import items_of_token
from hardentui.options.items import Item, spec_of
from hardentui.quadlet.read.service import Piece, RunLine, ServiceFiles
from hardentui.reading.comments import comment_about


def commented(items: Iterable[Item], comment: str) -> Iterator[CommentedValue]:
    """The arguments of these items, with the comment that is about them."""
    for item in items:
        spec = spec_of([item])
        for argument in item.option.to_arguments(spec[item.option]):
            yield CommentedValue(item.option.name, argument, comment)


def commented_flags(files: ServiceFiles) -> Iterator[CommentedValue]:
    """The flags of the command of a service that have a comment, in the unit or beside the variable
    that brings them; nothing where the command cannot be read."""
    try:
        line = files.run_line()
    except InputError:
        return
    for token in line.command.tokens:
        comment = _comment_of(files, line, line.pieces[token.start], line.pieces[token.end - 1])
        if comment:
            yield from commented(items_of_token(token), comment)


def _comment_of(
    files: ServiceFiles,
    line: RunLine,
    first: Piece,
    last: Piece,
) -> str:
    if first.variable:
        return _comment_of_variable(files, first.variable)
    offsets = line.assignment.offsets
    end = offsets[max(first.start, last.end - 1)] + 1
    return comment_about(files.texts[line.file], offsets[first.start], end)


def _comment_of_variable(files: ServiceFiles, name: str) -> str:
    """Beside the last assignment of it."""
    setting = [
        (unit.text, assignment)
        for unit in files.units
        for assignment in unit.of("Service", "Environment")
        if f"{name}=" in assignment.value
    ]
    if not setting:
        return ""
    text, assignment = setting[-1]
    return comment_about(text, assignment.start, assignment.end - 1)
