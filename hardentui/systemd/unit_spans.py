"""Removing and inserting spans of a unit file's text; everything else stays byte for byte. Pure."""

from __future__ import annotations

from hardentui.systemd.unit_text import Assignment, UnitText


def assignment_at(unit: UnitText, offset: int) -> Assignment:
    """The assignment whose lines contain this offset of the text."""
    return next(assignment for assignment in unit.assignments if assignment.start <= offset < assignment.end)


def without_assignment(unit: UnitText, assignment: Assignment) -> str:
    """The text without its lines; comments between continued lines stay."""
    text = unit.text
    lines = text[assignment.start : assignment.end].splitlines(keepends=True)
    kept = [line for line in lines if line.lstrip()[:1] in ("#", ";")]
    return text[: assignment.start] + "".join(kept) + text[assignment.end :]


def without_span(unit: UnitText, start: int, end: int) -> str:
    """The text without a word, and without its line if the word was alone on it."""
    text = unit.text
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end) + 1 or len(text)
    before, after = text[first:start], text[end:last]
    if "\n" in text[start:end]:
        return text[:start] + text[end:]
    if before.strip() == "" and after.strip() == "\\":
        return text[:first] + text[last:]
    if before.strip() == "" and after.strip() == "":
        assignment = assignment_at(unit, start)
        return _without_continuation(text, assignment.start, first) + text[last:]
    if before[-1:] in (" ", "\t"):
        return text[: start - (len(before) - len(before.rstrip(" \t")))] + text[end:]
    return text[:start] + text[end:].lstrip(" \t")


def _without_continuation(text: str, start: int, first: int) -> str:
    """The text up to `first`, with the last content line before it no longer continued."""
    lines = text[start:first].splitlines(keepends=True)
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].lstrip()[:1] in ("#", ";"):
            continue
        content = lines[index].rstrip()
        end = lines[index][len(content) :]
        lines[index] = content.removesuffix("\\").rstrip() + end
        break
    return text[:start] + "".join(lines)


def with_span(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def with_lines(unit: UnitText, offset: int, lines: list[str]) -> str:
    """The text with whole lines inserted at an offset where a line begins (or the file ends)."""
    before, after = unit.text[:offset], unit.text[offset:]
    if before and not before.endswith("\n"):
        before += unit.line_end
    return before + "".join(line + unit.line_end for line in lines) + after
