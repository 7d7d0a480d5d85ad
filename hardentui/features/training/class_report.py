"""What a class has done: who solved what, when, in how many tries, with which help; and the signed
result of a learner."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct
from msgspec.structs import replace

from hardentui import __version__
from hardentui.errors import InputError
from hardentui.features.reports.as_markdown import plain
from hardentui.features.training.classroom import Classroom, Learner, progress_in
from hardentui.features.training.lab import Lab
from hardentui.features.training.progress import STATES, LabResult, TrainingProgress
from hardentui.visible import visible, visible_lines
from hardentui.words import plural

SCHEMA = "hardentui/class/1"
RESULT = "hardentui/exam/1"


class LabRow(Struct, frozen=True, kw_only=True):
    """One lab of a learner."""

    lab: str
    title: str
    state: str  # new, started, shown (the solution was seen, it is not passed) or passed
    passed: str | None  # when, in UTC
    seconds: int | None  # from its last start until it was passed
    starts: int
    tries: int  # answers over all starts, until it was passed
    hints: int  # shown over all starts, until it was passed
    guided: bool
    solution: bool  # it was shown before the lab was passed, perhaps at an earlier start
    simulated: bool  # passed on the simulated host, where nothing is attacked


class LearnerReport(Struct, frozen=True, kw_only=True):
    """A learner and the labs of the class."""

    learner: str
    began: str | None  # the first lab, in UTC
    passed: int
    labs: tuple[LabRow, ...]


class ClassReport(Struct, frozen=True, kw_only=True):
    """`train report`."""

    schema: str = SCHEMA
    tool: str
    title: str
    exam: bool
    started: str | None
    ended: str | None
    learners: tuple[LearnerReport, ...]


class ExamResult(Struct, frozen=True, kw_only=True):
    """A learner's result, which the trainer can check."""

    schema: str = RESULT
    title: str
    exam: bool
    made: str  # when, in UTC
    result: LearnerReport
    signature: str = ""  # HMAC-SHA256 with the trainer's key, over the document without it


def report(made: Classroom) -> ClassReport:
    return ClassReport(
        tool=f"hardentui {__version__}",
        title=made.title,
        exam=made.exam,
        started=_time(made.started),
        ended=_time(made.ended or made.closes),
        learners=tuple(
            _of_learner(learner, made.labs, progress_in(learner)) for learner in made.learners
        ),
    )


def signed_result(
    made: Classroom,
    learner: Learner,
    key: bytes,
    now: float,
) -> ExamResult:
    """The result of a learner so far."""
    result = ExamResult(
        title=made.title,
        exam=made.exam,
        made=_time(now) or "",
        result=_of_learner(learner, made.labs, progress_in(learner)),
    )
    return replace(result, signature=_signature(result, key))


def checked_result(text: bytes, key: bytes) -> ExamResult:
    """A result that was signed with this key, and not changed since.

    Raises:
        InputError: it is not.
    """
    try:
        result = msgspec.json.decode(text, type=ExamResult)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"This is no result of an exam: {visible(str(error), 200)}.") from error
    if not hmac.compare_digest(
        result.signature.encode(),
        _signature(result, key).encode(),
    ):
        raise InputError("This result was not signed with your key, or was changed since.")
    return result


def as_json(document: Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def as_markdown(made: ClassReport) -> str:
    lines = [f"# {plain(made.title)}", "", *_dates(made)]
    for learner in made.learners:
        lines += [
            "",
            f"## {plain(learner.learner)}: {_passed(learner)}",
            "",
        ]
        lines += [
            "| Lab | State | When (UTC) | Time | Tries | Help |",
            "|---|---|---|---|---|---|",
        ]
        for row in learner.labs:
            lines.append(f"| {' | '.join(plain(cell) for cell in cells(row))} |")
    return "\n".join(lines) + "\n"


def as_text(made: ClassReport) -> str:
    lines = [visible(made.title), *_dates(made)]
    for learner in made.learners:
        lines += ["", f"{visible(learner.learner)}: {_passed(learner)}"]
        for row in learner.labs:
            title, state, when, took, tries, help_taken = cells(row)
            said = [
                state,
                when,
                took,
                f"tries: {tries}" if row.tries else "",
                help_taken,
            ]
            words = ", ".join(word for word in said if word)
            lines.append(f"  {visible(title):<40} {words}")
    return "\n".join(lines) + "\n"


def as_html(made: ClassReport) -> str:
    environment = Environment(
        loader=PackageLoader("hardentui.features.training"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_gate,
    )
    template = environment.get_template("class.html.j2")
    return (
        template.render(
            made=made,
            dates=list(_dates(made)),
            passed=_passed,
            cells=cells,
        )
        + "\n"
    )


def cells(row: LabRow) -> tuple[str, str, str, str, str, str]:
    """Title, state, when, how long, tries and help, as a reader wants them."""
    helped = [plural(row.hints, "hint")] if row.hints else []
    helped += ["guidance"] if row.guided else []
    helped += ["saw the solution"] if row.solution else []
    helped += ["simulated"] if row.simulated else []
    took = "" if row.seconds is None else f"{row.seconds // 60}:{row.seconds % 60:02} min"
    when = (row.passed or "")[:16].replace("T", " ")
    state = STATES[row.state][1]
    return row.title, state, when, took, str(row.tries or ""), ", ".join(helped)


def _gate(value: object) -> object:
    """Every `str` of the page is made visible."""
    return visible_lines(value) if type(value) is str else value


def _dates(made: ClassReport) -> Iterator[str]:
    kind = "Exam" if made.exam else "Class"
    if made.started is None:
        yield f"{kind}, not started yet."
    else:
        end = f", until {_minute(made.ended)}" if made.ended else ""
        yield f"{kind} of {_minute(made.started)}{end}, in UTC."


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _passed(learner: LearnerReport) -> str:
    return f"{learner.passed} of {plural(len(learner.labs), 'lab')} passed"


def _time(seconds: float) -> str | None:
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _of_learner(
    learner: Learner,
    labs: Iterable[Lab],
    progress: TrainingProgress,
) -> LearnerReport:
    rows = tuple(_row(lab, progress.of(lab.id)) for lab in labs)
    return LearnerReport(
        learner=learner.name,
        began=_time(progress.began),
        passed=sum(row.state == "passed" for row in rows),
        labs=rows,
    )


def _row(lab: Lab, result: LabResult) -> LabRow:
    passed = bool(result.passed)
    return LabRow(
        lab=lab.id,
        title=lab.title,
        state=result.state,
        passed=_time(result.passed),
        # a lab that is started again after it was passed keeps its time of passing
        seconds=round(result.passed - result.started) if passed and _in_order(result) else None,
        starts=result.starts,
        tries=result.all_tries,
        hints=result.all_hints,
        guided=result.guided,
        solution=result.seen_solution,
        simulated=result.simulated,
    )


def _in_order(result: LabResult) -> bool:
    return 0 < result.started <= result.passed


def _signature(result: ExamResult, key: bytes) -> str:
    bare = msgspec.json.encode(
        replace(result, signature=""),
        order="deterministic",
    )
    return hmac.new(key, bare, sha256).hexdigest()
