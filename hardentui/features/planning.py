"""From choices to a plan, and plans in files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import tomli_w
from msgspec import Struct, ValidationError, convert

from hardentui.do import Do, Verb
from hardentui.errors import PlanError
from hardentui.features.checklists.loading import fit
from hardentui.features.planner import Planner
from hardentui.features.views import Report, known_facts
from hardentui.harden.decisions import both_sides, decisions, others_left_out
from hardentui.model.check import Check
from hardentui.model.draft import DraftFile
from hardentui.model.file_names import safe_file_name
from hardentui.model.plan import Choice, Plan
from hardentui.model.trial import ChosenFix, OptionChange
from hardentui.reading.forms import fault_of
from hardentui.reading.masking import mask_argument
from hardentui.toml_document import TomlFault, read_toml
from hardentui.visible import visible

SCHEMA = "hardentui/plan/1"


class SavedPlan(Struct, frozen=True, rename={"fixes": "fix", "changes": "change"}):
    """A plan read from a file."""

    container: str = ""
    image: str = ""
    engine_version: str = ""  # of the Podman it was made on; may be empty
    fixes: tuple[ChosenFix | str, ...] = ()  # to carry out; a person may write the ids alone
    changes: tuple[OptionChange, ...] = ()  # what they changed at the time, for comparison

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The fixes to carry out; only these matter when it is reused."""
        return tuple(
            fix.choice if isinstance(fix, ChosenFix) else Choice(fix) for fix in self.fixes
        )


def dump(plan: Plan, engine_version: str = "") -> str:
    """The plan as TOML. Values of variables that look like secrets are masked."""
    document = {
        "schema": SCHEMA,
        "container": plan.container,
        "image": plan.image,
        "engine_version": engine_version,
        "fix": [_fix(choice) for choice in plan.choices],
        "change": [
            {
                "option": change.option,
                "before": [mask_argument(change.option, argument) for argument in change.before],
                "after": [mask_argument(change.option, argument) for argument in change.after],
                "checks": list(change.checks),
                "reason": change.reason,
                "risk": change.risk.value,
                "impact": change.impact,
            }
            for change in plan.changes
        ],
    }
    text = _comments(plan) + tomli_w.dumps(document, multiline_strings=False)
    return text.encode("utf-8", "replace").decode()  # a lone surrogate is not valid TOML


def _comments(plan: Plan) -> str:
    lines = [
        f"Hardening plan for the container {plan.container}, written by HardenTUI.",
        (
            "`hardentui fix NAME --plan FILE` carries out what is listed in `fix`; delete what you do "
            "not want."
        ),
        "A fix takes parameters (`hardentui explain ID` names them), for example:",
        '  { check = "no-memory-limit", parameters = { memory = "1g" } }',
        (
            "The [[change]] tables show what they changed when the plan was made; they are compared, "
            "not used."
        ),
        *(f"Caution: {conflict}" for conflict in plan.conflicts),
        *(f"Seen ({note.check}): {note.text}" for note in plan.notes),
        *(f"Left out: {skipped.check}: {skipped.why}" for skipped in others_left_out(plan)),
        *(f"Decide: {question.check}: {both_sides(question)}" for question in decisions(plan)),
    ]
    return "".join(f"# {visible(line)}\n" for line in lines) + "\n"


def _fix(choice: Choice) -> dict[str, Any]:
    table: dict[str, Any] = {"check": choice.check}
    if choice.parameters:
        table["parameters"] = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in choice.parameters
        }
    return table


def load(text: str) -> SavedPlan:
    """Read a saved plan. Only its fixes are required; the rest is compared with the current state.

    Raises:
        PlanError: with the first fault.
    """
    try:
        document = read_toml(text)
    except TomlFault as error:
        raise PlanError(f"The plan is invalid TOML: {visible(str(error))}.") from error
    if document.get("schema", SCHEMA if "fix" in document else "") != SCHEMA:
        raise PlanError(
            f"The file is not a plan: its schema is not {SCHEMA!r}.",
            (Do(Verb.PLAN_FILE), " writes one."),
        )
    try:
        return convert(document, SavedPlan)
    except ValidationError as error:
        raise PlanError(f"The plan has a fault: {visible(str(error), 300)}.") from error


def usable_choices(
    choices: Sequence[Choice],
    checks: Iterable[Check],
) -> tuple[Choice, ...]:
    """The choices of a file. One for an unknown check is kept: the new plan reports it as left out.

    Raises:
        PlanError: an unknown parameter, or one of another type or form.
    """
    by_id = {check.id: check for check in checks}
    for choice in choices:
        check = by_id.get(choice.check)
        for name, value in choice.parameters if check else ():
            default = check.parameters.get(name) if check else None
            if (
                check is None
                or default is None
                or fit(list(value) if isinstance(value, tuple) else value, default) is None
            ):
                raise PlanError(
                    f"The fix {choice.check!r} has a parameter {visible(name)!r} that is invalid."
                )
            if fault := fault_of(check, name, value):
                raise PlanError(f"The fix {choice.check!r} does not accept this value: {fault}")
    return tuple(choices)


def refuse_weakening(plan: Plan) -> None:
    """Raises PlanError if a fix that a file chose would weaken the container."""
    weaker = next((skipped for skipped in plan.skipped if skipped.weakens), None)
    if weaker is not None:
        raise PlanError(
            f"The file is refused: with its values, the fix {visible(weaker.check, 80)} would weaken "
            f"{visible(plan.container, 80)}: {visible('; '.join(weaker.weakens), 200)}.",
            "Remove that fix from the file, or give it other values.",
        )


def plan_file(report: Report, plan: Plan) -> DraftFile:
    """The plan as a file for `fix --plan`."""
    text = dump(plan, str(known_facts(report).engine.version))
    return DraftFile(
        f"{safe_file_name(plan.container)}-plan.toml",
        text,
        masked=text,
    )


def plan_of_file(
    planner: Planner,
    report: Report,
    choices: Sequence[Choice],
) -> Plan:
    """The plan of choices that a file makes.

    Raises:
        PlanError: a value that no check accepts, or that would weaken the container.
    """
    plan = planner.plan(report, usable_choices(choices, planner.checks))
    refuse_weakening(plan)
    return plan


def no_longer_fits(
    saved: SavedPlan,
    plan: Plan,
    engine_version: str = "",
) -> tuple[str, ...]:
    """Differences since the plan was saved, one sentence each; none if it applies unchanged.

    Args:
        plan: the result of the saved choices on this container now.
        engine_version: of this container's engine.
    """
    reasons = []
    if saved.container not in ("", plan.container):
        reasons.append(f"The plan was made for {saved.container!r}, this is {plan.container!r}.")
    if saved.image not in ("", plan.image):
        reasons.append(f"The image was {saved.image!r}, here it is {plan.image!r}.")
    if saved.engine_version and engine_version and saved.engine_version != engine_version:
        reasons.append(
            f"It was made on Podman {saved.engine_version}, this is Podman {engine_version}."
        )
    left_out = ((fix.check, fix.why.rstrip(".")) for fix in plan.skipped)
    reasons += [f"The fix {check!r} is left out: {why}." for check, why in left_out]
    return (*map(visible, reasons), *_changed(saved, plan))


def _changed(saved: SavedPlan, plan: Plan) -> tuple[str, ...]:
    chosen = {choice.check for choice in saved.choices}
    before = {
        change.option: change
        for change in saved.changes
        if not change.checks
        or chosen & set(change.checks)  # else its fix was deleted from the file
    }
    now = {
        change.option: OptionChange(
            change.option,
            tuple(mask_argument(change.option, argument) for argument in change.before),
            tuple(mask_argument(change.option, argument) for argument in change.after),
        )
        for change in plan.changes
    }
    reasons = []
    for option, change in before.items():
        here = now.get(option)
        if here is None:
            reasons.append(f"{option}: not changed here; the plan had {_words(change.after)}.")
        elif here.after != change.after:
            reasons.append(
                f"{option}: becomes {_words(here.after)} here; the plan had {_words(change.after)}."
            )
        elif here.before != change.before:
            reasons.append(
                f"{option}: was {_words(change.before)}, here it is {_words(here.before)}."
            )
    if saved.changes:  # else they were deleted from the file, and there is nothing to compare
        reasons += [
            f"{option}: becomes {_words(change.after)} here; the plan did not have it."
            for option, change in now.items()
            if option not in before
        ]
    return tuple(map(visible, reasons))


def _words(arguments: tuple[str, ...]) -> str:
    if not arguments:
        return "nothing"
    return " ".join(argument or "set" for argument in arguments)
