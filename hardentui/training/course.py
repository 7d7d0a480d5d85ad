"""A class: its labs and checklist, and the points required to pass."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, ValidationError, convert

from hardentui.errors import InputError
from hardentui.toml_document import TomlFault, read_toml
from hardentui.training.lab import Lab, Mode, Name
from hardentui.training.progress import FULL, TrainingProgress
from hardentui.visible import visible


class Course(Struct, frozen=True, forbid_unknown_fields=True):
    """An instructor's course. The field names are those of its TOML file.

    Attributes:
        labs: IDs; empty = all labs.
        checklist: the file or name of its checklist.
        pass_mark: the required share of the points, in per cent.
    """

    title: str = "Ten steps to a hardened Podman host"
    labs: tuple[Name, ...] = ()
    checklist: str = "ten-steps"
    pass_mark: Annotated[int, Meta(ge=1, le=100)] = 60

    def chosen(self, labs: Iterable[Lab]) -> tuple[Lab, ...]:
        labs = tuple(labs)
        if not self.labs:
            return labs
        by_id = {lab.id: lab for lab in labs}
        return tuple(by_id[name] for name in self.labs if name in by_id)

    def share(self, progress: TrainingProgress, labs: Iterable[Lab]) -> int:
        """The learner's share of the points that guided passes without hints would earn, in per cent."""
        chosen = self.chosen(labs)
        most = FULL[Mode.GUIDED] * len(chosen)
        return min(100, 100 * progress.points(chosen) // most) if most else 0

    def passed(self, progress: TrainingProgress, labs: Iterable[Lab]) -> bool:
        return self.share(progress, labs) >= self.pass_mark


def load_course(path: str, labs: Iterable[Lab]) -> Course:
    """Read a class file.

    Raises:
        InputError: it cannot be read or has a fault.
    """
    try:
        with open(path, encoding="utf-8") as file:
            course = convert(read_toml(file.read()), Course)
    except OSError as error:
        raise InputError(f"{visible(path)} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, TomlFault, ValidationError) as error:
        raise InputError(
            f"The class file {visible(path)} has a fault: {visible(str(error), 200)}."
        ) from error
    known = {lab.id for lab in labs}
    unknown = [name for name in course.labs if name not in known]
    if unknown:
        raise InputError(
            f"The class file {visible(path)} names a lab that does not exist: {visible(unknown[0], 60)}.",
            f"There are: {', '.join(sorted(known))}",
        )
    return course


# --- Results for the instructor: JSON, CSV, and a page with the certificate -------------------------


FORMATS = ("json", "csv", "html")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(
    how: str,
    course: Course,
    labs: Iterable[Lab],
    progress: TrainingProgress,
    *,
    now: datetime,
    key: bytes = b"",
) -> str:
    """The learner's results as text.

    Args:
        how: one of FORMATS.
        key: the instructor's; with it the JSON has an HMAC-SHA256 over the rest. Without one the results
            are marked as self-reported: the learner can edit the progress file.
    """
    document = results(course, labs, progress, now=now)
    if how == "csv":
        return _as_csv(document)
    if how == "html":
        return _as_html(document)
    if key:
        document["self_reported"] = False
        document["hmac_sha256"] = hmac.new(key, canonical(document), hashlib.sha256).hexdigest()
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def canonical(document: dict[str, Any]) -> bytes:
    """The input of the HMAC: the document without the HMAC, keys sorted, no spaces."""
    signed = {name: value for name, value in document.items() if name != "hmac_sha256"}
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def results(
    course: Course, labs: Iterable[Lab], progress: TrainingProgress, *, now: datetime
) -> dict[str, Any]:
    """The document of the schema hardentui/training/1."""
    labs = course.chosen(labs)
    return {
        "schema": "hardentui/training/1",
        "course": visible(course.title, 120),
        "checklist": visible(course.checklist, 120),
        "learner": visible(progress.learner, 100),
        "date": now.date().isoformat(),
        "self_reported": True,
        "points": progress.points(labs),
        "share": course.share(progress, labs),
        "pass_mark": course.pass_mark,
        "passed": course.passed(progress, labs),
        "labs": [_lab(lab, progress) for lab in labs],
    }


def _lab(lab: Lab, progress: TrainingProgress) -> dict[str, Any]:
    result = progress.of(lab.id)
    passed = (
        datetime.fromtimestamp(result.passed, UTC).isoformat(timespec="seconds") if result.points else None
    )
    return {
        "lab": lab.id,
        "title": visible(lab.title, 80),
        "steps": list(lab.steps),
        "state": result.state,
        "mode": result.mode.value if result.points else None,
        "points": result.points,
        "attempts": result.attempts,
        "hints": result.hints,
        "passed": passed,
        "seconds": round(result.passed - result.started) if result.points else None,
    }


def _as_csv(document: dict[str, Any]) -> str:
    """One line for each lab; a text that a spreadsheet would treat as a formula gets an apostrophe."""
    lines = io.StringIO()
    write = csv.writer(lines)
    columns = ("lab", "title", "state", "mode", "points", "attempts", "hints", "passed", "seconds")
    write.writerow(("learner", *columns))
    for lab in document["labs"]:
        write.writerow([_safe(document["learner"]), *(_safe(lab[name]) for name in columns)])
    return lines.getvalue()


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _as_html(document: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hardentui.training"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("certificate.html.j2").render(document) + "\n"
