"""An image as a page to read, and what registries have in its place."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from hardentui.do import Do, Verb
from hardentui.features.images.updates import (
    COOL_DOWN,
    Update,
    ask_registries,
    updates_document,
)
from hardentui.features.looking.judging import Parts
from hardentui.features.sections import PageLine, PageSection, Tone, age_text, size_text
from hardentui.features.task import TaskResult, Tell
from hardentui.features.trial.rehearsal import Rehearsal, lines_of
from hardentui.lib.image import ImageFile, ImageInventory
from hardentui.model.facts import ImageFacts
from hardentui.model.image import NeverScanned
from hardentui.model.known import Unread, known
from hardentui.reading.images import created, rank, severities, stale
from hardentui.reading.support import DATED, end_of, rolling

_FILES_SHOWN = 8
_NOT_LOOKED = "not inspected"


def short_id(facts: ImageFacts) -> str:
    return facts.id.removeprefix("sha256:")[:12]


def size_of(facts: ImageFacts) -> int:
    """Bytes, including layers shared with other images."""
    size = facts.inspect.get("Size")
    return size if isinstance(size, int) else 0


def age_of(facts: ImageFacts) -> str:
    return age_text(created(facts), facts.now)


def is_inspected(facts: ImageFacts) -> bool:
    """Whether the files in it were read."""
    return not isinstance(known(lambda: facts.inventory), Unread)


def system_of(facts: ImageFacts) -> str:
    """The distribution inside; `?` if not inspected, `none` if there is none."""
    inside = known(lambda: facts.inventory)
    if isinstance(inside, Unread):
        return "?"
    return _release_name(inside) or "none"


def packages_of(facts: ImageFacts) -> str:
    """The number of packages; `?` if unknown."""
    inside = known(lambda: facts.inventory)
    if isinstance(inside, Unread) or inside.uncounted:
        return "?"
    return str(sum(inside.packages.values()))


def support_of(facts: ImageFacts) -> tuple[str, Tone]:
    """The end of support of its distribution."""
    inside = known(lambda: facts.inventory)
    if isinstance(inside, Unread) or not inside.release.get("ID"):
        return "", Tone.PLAIN
    if rolling(inside.release):
        return "rolling release", Tone.PLAIN
    end = end_of(inside.release)
    if end is None:
        return f"end of support unknown (table of {DATED:%Y-%m-%d})", Tone.MUTED
    if facts.now.date() > end:
        return f"support ended on {end:%Y-%m-%d}", Tone.BAD
    return f"supported until {end:%Y-%m-%d}", Tone.GOOD


def scan_word(facts: ImageFacts) -> str:
    """Its known vulnerabilities, in short; an old result is stale, not clean."""
    report = known(lambda: facts.scan)
    if isinstance(report, Unread):
        return "?"
    if isinstance(report, NeverScanned):
        return "not scanned"
    counts = severities(report)
    serious = " ".join(f"{counts[word]} {word}" for word in ("critical", "high") if counts[word])
    if stale(report, facts.now):
        return f"stale {serious}".rstrip()
    if report.gaps and not serious:
        return "partly unrated"
    if report.filters:
        return f"filtered {serious}".rstrip()
    return serious or ("none serious" if report.vulnerabilities else "none known")


def cells_of(facts: ImageFacts) -> tuple[str, ...]:
    """A row of a table: engine, number of containers, age, size, system, packages, vulnerabilities."""
    about = (
        age_of(facts),
        size_text(size_of(facts)),
        system_of(facts),
        packages_of(facts),
        scan_word(facts),
    )
    return facts.engine.label, str(len(facts.used_by)), *about


def no_scanner_page(commands: Iterable[str]) -> PageSection:
    """The notice that nothing can be scanned here, and how to change that."""
    lines = [
        PageLine(
            "scan",
            "not scanned: this host has no scanner",
            Tone.BAD,
        )
    ]
    lines += [
        PageLine("to install one" if at == 0 else "", command)
        for at, command in enumerate(commands)
    ]
    lines.append(PageLine("or", "import a report (i)", Tone.MUTED))
    return PageSection("Scanner", tuple(lines))


def image_page(facts: ImageFacts) -> tuple[PageSection, ...]:
    """Everything known about an image: overview, contents, layers."""
    inside = known(lambda: facts.inventory)
    sections = [PageSection("Image", tuple(_about(facts)))]
    if isinstance(inside, Unread):
        sections.append(
            PageSection(
                "Inside",
                (
                    PageLine(
                        "",
                        f"{_NOT_LOOKED}: {inside.reason}",
                        Tone.MUTED,
                    ),
                ),
            )
        )
    else:
        sections.append(PageSection("Inside", tuple(_inside(facts, inside))))
    if not isinstance(known(lambda: facts.scan), Unread):
        sections.append(PageSection("Vulnerabilities", tuple(scan_lines(facts))))
    if not isinstance(inside, Unread) and inside.layers:
        sections.append(PageSection("Layers, lowest first", tuple(_layers(inside))))
    return tuple(sections)


def _about(facts: ImageFacts) -> Iterable[PageLine]:
    names = facts.names or ("(no name)",)
    yield from (PageLine("names" if at == 0 else "", name) for at, name in enumerate(names))
    yield PageLine("id", facts.id)
    made, old = created(facts), age_of(facts)
    yield PageLine(
        "built", f"{made:%Y-%m-%d}, {old} ago" if made and old != "today" else old or "date unknown"
    )
    yield PageLine("size", size_text(size_of(facts)))
    yield PageLine(
        "runs as", str(facts.config.get("User") or facts.inspect.get("User") or "root (no USER)")
    )
    yield PageLine(
        "used by",
        ", ".join(facts.used_by) or "no container",
        Tone.PLAIN,
    )


def scan_lines(facts: ImageFacts) -> Iterable[PageLine]:
    """The stored result of a scanner with the date of its data; an old one is stale, not clean."""
    report = known(lambda: facts.scan)
    if isinstance(report, Unread):
        yield PageLine(
            "scan",
            f"unknown: {report.reason}",
            Tone.MUTED,
        )
        return
    if isinstance(report, NeverScanned):
        yield PageLine(
            "scan",
            "never scanned",
            Tone.BAD,
            Do(Verb.IMAGE_SCAN),
        )
        return
    counts = severities(report)
    counted = (
        ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none found"
    )
    serious = counts["critical"] + counts["high"]
    old = stale(report, facts.now)
    clean = not (report.vulnerabilities or report.gaps or report.filters or old)
    yield PageLine(
        "known",
        counted,
        Tone.BAD if serious else Tone.GOOD if clean else Tone.PLAIN,
    )
    yield PageLine("scanned", f"{report.scanner}, {report.scanned:%Y-%m-%d}")
    yield PageLine(
        "data from", f"{report.database:%Y-%m-%d}" if report.database else "date unknown"
    )
    if old:
        yield PageLine("stale", f"{old}; scan again", Tone.BAD)
    for at, gap in enumerate(report.gaps):
        yield PageLine("not rated" if at == 0 else "", gap, Tone.BAD)
    for at, left_out in enumerate(report.filters):
        yield PageLine(
            "filtered" if at == 0 else "",
            left_out.text,
            Tone.BAD,
        )
    worst = sorted(report.vulnerabilities, key=rank)
    for at, vulnerability in enumerate(worst[:_FILES_SHOWN]):
        fixed = f", fixed in {vulnerability.fixed_in}" if vulnerability.fixed_in else ""
        exploited = ", exploited by attackers" if vulnerability.exploited else ""
        version = f" {vulnerability.installed}" if vulnerability.installed else ""
        package = f"{vulnerability.package}{version}{fixed}{exploited}"
        yield PageLine(
            "worst" if at == 0 else "", f"{vulnerability.id} {vulnerability.severity}: {package}"
        )
    if (more := len(worst) - _FILES_SHOWN) > 0:
        yield PageLine("", f"and {more} more", Tone.MUTED)


def _inside(
    facts: ImageFacts,
    inside: ImageInventory,
) -> Iterable[PageLine]:
    support, tone = support_of(facts)
    name = _release_name(inside) or "no distribution"
    yield PageLine(
        "system",
        f"{name}, {support}" if support else name,
        tone,
    )
    counts = [f"{count} {kind}" for kind, count in inside.packages.items()]
    counts += [f"{kind} packages, not counted" for kind in inside.uncounted]
    yield PageLine("packages", ", ".join(counts) or "none")
    yield from _files("shells", inside.shells)
    yield from _files("tools", inside.tools)
    yield from _files("log-ins", inside.remote_logins, bad=True)
    yield from _files("set-id", inside.privileged_files)
    yield from _files("writable", inside.world_writable, bad=True)
    yield from _files("secrets", inside.credentials, bad=True)
    for at, sentence in enumerate(inside.weak_accounts):
        yield PageLine(
            "accounts" if at == 0 else "",
            sentence,
            Tone.BAD,
        )
    for at, gap in enumerate(inside.gaps):
        yield PageLine("not read" if at == 0 else "", gap, Tone.BAD)


def _files(
    label: str,
    files: tuple[ImageFile, ...],
    *,
    bad: bool = False,
) -> Iterable[PageLine]:
    if not files:
        yield PageLine(
            label,
            "none",
            Tone.GOOD if bad else Tone.PLAIN,
        )
        return
    tone = Tone.BAD if bad else Tone.PLAIN
    for at, file in enumerate(files[:_FILES_SHOWN]):
        yield PageLine(
            label if at == 0 else "",
            file_text(file),
            tone,
        )
    if (more := len(files) - _FILES_SHOWN) > 0:
        yield PageLine("", f"and {more} more", Tone.MUTED)


def file_text(file: ImageFile) -> str:
    """`/usr/bin/gcc  compiler, layer 2`."""
    layer = f", layer {file.layer}" if file.layer else ""
    deleted = ", deleted in a later layer but still present" if file.deleted else ""
    return f"{file.path}  {file.what}{layer}{deleted}"


def _layers(inside: ImageInventory) -> Iterable[PageLine]:
    for number, layer in enumerate(inside.layers, 1):
        digest = layer.digest.removeprefix("sha256:")[:12]
        yield PageLine(
            str(number), f"{size_text(layer.size):>9}  {layer.entries:>6} entries  {digest}"
        )


def _release_name(inside: ImageInventory) -> str:
    release = inside.release
    return release.get("PRETTY_NAME") or " ".join(
        part for part in (release.get("ID", ""), release.get("VERSION_ID", "")) if part
    )


def rehearsal_page(rehearsal: Rehearsal, container: str) -> PageSection:
    """The result of a rehearsal, as a page to read."""
    lines = [PageLine("", line) for line in lines_of(rehearsal, container)]
    tone = Tone.GOOD if rehearsal.works else Tone.BAD
    lines[-1] = PageLine(lines[-1].label, lines[-1].text, tone)
    return PageSection(f"Update of {container} rehearsed on twins", tuple(lines))


def state_text(update: Update) -> str:
    """The answer in words."""
    answer = update.answer
    if isinstance(answer, Unread):
        return f"unknown: {answer.reason}"
    if update.here:
        return "up to date"
    since = f"newer, first seen on {answer.first_seen:%Y-%m-%d}"
    if update.ripe(update.image.now):
        return since
    return f"{since}: wait until {COOL_DOWN} days have passed"


def updates_task(
    parts: Parts,
    images: Iterable[ImageFacts],
    stop: threading.Event,
    tell: Tell,
) -> TaskResult:
    """What the registries have; nothing is pulled. Code 4: one did not answer.

    Raises:
        ToolMissing: skopeo is not installed.
    """
    answers = ask_registries(
        parts,
        images,
        lambda name: tell(f"querying {name}"),
        stop,
    )
    if stop.is_set():
        raise KeyboardInterrupt
    return TaskResult(
        (updates_page(answers),),
        document=updates_document(answers),
        code=4 if any(isinstance(update.answer, Unread) for update in answers) else 0,
    )


def updates_page(updates: Iterable[Update]) -> PageSection:
    """Each name of each image, with what its registry offers."""
    lines = []
    for update in updates:
        known = not isinstance(update.answer, Unread)
        label = ("current" if update.here else "newer") if known else "unknown"
        tone = (Tone.GOOD if update.here else Tone.BAD) if known else Tone.MUTED
        lines.append(
            PageLine(
                label,
                f"{update.name}: {state_text(update)}",
                tone,
            )
        )
    return PageSection(
        "Images",
        tuple(lines) or (PageLine("", "none has a registry name"),),
    )
