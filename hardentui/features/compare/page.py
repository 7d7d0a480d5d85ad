"""A comparison of two results as a page to read."""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.features.reports.comparing import TITLES, Comparison, Difference, DifferenceKind, summary
from hardentui.features.sections import PageLine, PageSection, Tone

_TONES = {
    DifferenceKind.NEW: Tone.BAD,
    DifferenceKind.WORSE: Tone.BAD,
    DifferenceKind.LOST: Tone.BAD,
    DifferenceKind.FIXED: Tone.GOOD,
    DifferenceKind.BETTER: Tone.GOOD,
    DifferenceKind.WAIVED: Tone.PLAIN,
}


def comparison_page(comparison: Comparison) -> tuple[PageSection, ...]:
    """The summary, then what is worse, then what is better."""
    notes = (PageLine("mind", note, Tone.BAD) for note in comparison.notes)
    head = PageLine("", summary(comparison))
    sections = [PageSection(f"{comparison.hosts[0]} -> {comparison.hosts[1]}", (head, *notes))]
    for way, title in TITLES.items():
        if differences := comparison.of(way):
            lines = tuple(line for difference in differences for line in _lines(difference))
            sections.append(PageSection(f"{title}: {len(differences)}", lines))
    for title, names in (
        ("Could not be checked", comparison.hidden),
        ("Appeared", comparison.appeared),
        ("Disappeared", comparison.disappeared),
    ):
        if names:
            sections.append(
                PageSection(f"{title}: {len(names)}", tuple(PageLine("", name) for name in names))
            )
    scores = tuple(
        PageLine(f"{_score(score.before)} -> {_score(score.after)}", f"{score.kind} {score.subject}")
        for score in comparison.scores
    )
    return (*sections, PageSection("Scores", scores)) if scores else tuple(sections)


def _score(value: int | None) -> str:
    return "-" if value is None else str(value)


def _lines(difference: Difference) -> Iterator[PageLine]:
    text = f"{difference.subject}: {difference.title} ({difference.check})"
    yield PageLine(difference.severity, text, _TONES[difference.way])
    why = f": {difference.why}" if difference.why and difference.way is not DifferenceKind.FIXED else ""
    yield PageLine("", f"{difference.before} -> {difference.after}{why}", Tone.MUTED)
