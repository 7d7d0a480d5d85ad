"""A text report by the controls of a framework."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hardentui.features.frameworks.answers import ControlAnswer, ControlResult, Framework, Seen
from hardentui.features.reports.text_writer import UNKNOWN_COLOR, Writer
from hardentui.model.finding import Status
from hardentui.visible import visible

_SIGNS = {
    ControlAnswer.SHOWN: ("✓", "32"),
    ControlAnswer.CONTRADICTED: ("✗", "31"),
    ControlAnswer.PERSON: ("○", "2"),
    ControlAnswer.UNKNOWN: ("?", UNKNOWN_COLOR),
}
_BELOW = " " * 12
_MOST_NAMED = 3


def controls(framework: Framework, write: Writer) -> Iterator[str]:
    """A line for each control; below it what contradicts it, or what is shown and left to do."""
    counts = Counter(result.answer for result in framework.controls)
    told = ", ".join(
        f"{count} {answer.value}" for answer in ControlAnswer if (count := counts[answer])
    )
    yield from ("", write.bold(f"{framework.title}: {told}"))
    yield from write.wrapped(f"{framework.text.edition}, {framework.text.source}", "")
    yield ""
    for result in framework.controls:
        sign, color = _SIGNS[result.answer]
        number, title = result.control.id, result.control.title
        first, *rest = write.wrapped(
            f"{title}: {result.answer.value}",
            _BELOW,
            f"  {sign}  {number:<6} ",
        )
        yield first.replace(sign, write.paint(sign, color), 1)
        yield from rest
        yield from write.wrapped(result.sentence, _BELOW)
        if result.answer is ControlAnswer.CONTRADICTED:
            yield from _evidence(result, write)


def _evidence(result: ControlResult, write: Writer) -> Iterator[str]:
    """A line for each check, with the first subjects and the reason of the first."""
    by_check: dict[str, list[Seen]] = {}
    for name, finding in result.evidence:
        by_check.setdefault(finding.check, []).append((name, finding))
    for check, seen in by_check.items():
        where = ", ".join(name for name, _ in seen[:_MOST_NAMED])
        more = f" and {len(seen) - _MOST_NAMED} more" if len(seen) > _MOST_NAMED else ""
        accepted = "accepted: " if seen[0][1].status is Status.WAIVED else ""
        text = f"{accepted}{check} on {where}{more}: {seen[0][1].verdict.because}"
        yield f"{_BELOW}{visible(text, max(20, write.width - len(_BELOW)))}"
