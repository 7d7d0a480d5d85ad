"""Every action of the screens, declared once: it becomes the key, the footer, the palette and the
help.

A key means the same on every screen (`tests/tui/test_actions.py` compares them). An action without
a key is found in the palette (`:`), and settings can give it one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache

from msgspec import Struct
from textual.binding import Binding, BindingType

from hardentui.do import Do, Verb, said
from hardentui.errors import HardenError
from hardentui.model.finding import Verdict


class Action(Struct, frozen=True):
    """An action of the user."""

    id: str  # `screen.name`, by which settings bind keys; the method is `action_name`
    key: str  # comma-separated keys of Textual; empty = only in the palette
    label: str  # one or two words, for the footer
    tooltip: str  # one sentence, for the palette and the help
    group: str  # heading in the help
    show: bool = False  # in the footer
    display: str = ""  # how the key is written in the footer; empty = as Textual does
    call: str = ""  # the action with its arguments, if not `name`
    opens: str = ""  # module and class of the screen that it opens, below tui/screens

    @property
    def target(self) -> str:
        return self.call or self.id.partition(".")[2]

    def binding(self) -> Binding:
        return Binding(
            self.key or f"no-key-{self.id}",  # no terminal sends it; settings replace it
            self.target,
            self.label,
            show=self.show,
            key_display=self.display or None,
            tooltip=self.tooltip,
            id=self.id,
        )


def bindings(actions: tuple[Action, ...]) -> list[BindingType]:
    return [action.binding() for action in actions]


def _to(
    destination: str,
    key: str,
    label: str,
    tooltip: str,
    opens: str,
) -> Action:
    """The action that opens a screen available from everywhere."""
    call = f"go('{destination}')"
    return Action(
        f"app.{destination}",
        key,
        label,
        tooltip,
        "Everywhere",
        call=call,
        opens=opens,
    )


def _numbers(
    prefix: str,
    most: int,
    label: str,
    tooltip: str,
    group: str,
    call: str,
) -> tuple[Action, ...]:
    """The keys 1 to 9, and 0 for ten."""
    return tuple(
        Action(
            f"{prefix}_{number}",
            str(number % 10),
            f"{label} {number}",
            f"{tooltip} {number}.",
            group,
            call=f"{call}({number})",
        )
        for number in range(1, most + 1)
    )


APP = (
    Action("app.help", "question_mark,f1", "Help", "Show every key of this screen.", "Everywhere", True, "?"),
    _to("host", "H", "Host", "Show the findings of the host, its engines and the site.",
        "findings.HostScreen"),
    _to("images", "I", "Images", "Show the images: age, users, contents.",
        "images.ImagesScreen"),
    _to("networks", "M", "Network map", "Show who can reach whom.",
        "networks.NetworksScreen"),
    _to("trust", "P", "Trust", "Show which images Podman accepts: policy, registries.",
        "trust.TrustScreen"),
    _to("journal", "J", "Journal", "Show what was changed, by whom, and undo it.",
        "journal.JournalScreen"),
    _to("training", "T", "Training", "Labs that teach the ten steps.",
        "training.TrainingScreen"),
    Action("app.export", "E", "Report", "Write a report on this view to a file.", "Everywhere"),
    Action("app.palette", "ctrl+p,colon", "Palette", "Find any action by name.", "Everywhere",
           call="command_palette"),
    _to("doctor", "f2", "Doctor", "Show what works on this machine, what is missing, and how to fix it.",
        "pages.DoctorScreen"),
    _to("connection", "", "Connection", "Show the Podman connections; switch to another.",
        "pages.ConnectionScreen"),
    _to("waivers", "", "Waivers", "Show which findings are accepted, by whom, until when.",
        "pages.WaiversScreen"),
    _to("settings", "", "Settings", "Show the settings and where each value comes from; change one.",
        "pages.SettingsScreen"),
    _to("commands", "", "Commands", "Show every request and command so far.",
        "pages.CommandsScreen"),
    Action("app.simulate", "D", "Simulated host", "Switch from this Podman to a simulated host.",
           "Everywhere"),
)  # fmt: skip
COPY = Action(
    "screen.copy",
    "c",
    "Copy",
    "Copy what is under the cursor.",
    "This screen",
)
COPY_MORE = Action(
    "container.copy_as",
    "",
    "Copy as",
    "Copy its podman run command, its Quadlet, its ID.",
    "This screen",
)
PICK = (
    Action(
        "pick.leave",
        "escape,q",
        "Leave",
        "Take none.",
        "Question",
        True,
        "esc",
    ),
    *_numbers(
        "pick.number",
        9,
        "Line",
        "Take line",
        "Question",
        "number",
    ),
)
BROWSE = (
    Action(
        "browse.enlarge",
        "enter",
        "Enlarge",
        "Show the page of this row alone.",
        "This screen",
    ),
)
BACK = Action(
    "screen.back",
    "escape,q",
    "Back",
    "Leave this screen.",
    "This screen",
    True,
    "esc",
)
_LOG = ("l", "Log", "Read, follow and search the log of this container.")
_RIGHTS = ("R", "Rights", "Show what the kernel lets this container do.")
_WATCH = ("m", "Monitor", "Monitor this container: resource use, alarms, log.")
_HISTORY = ("", "History", "Show what was changed on this container.")

HOME = (
    *_numbers("home.first", 5, "Do first", "Go to what to do first, line", "Do first", "first"),
    Action("home.open", "enter", "Walk", "Walk through the ten steps of this container.", "Containers", True),
    Action("home.filter", "slash", "Filter", "Show only some containers.", "Containers", True, "/"),
    Action("home.harden", "h", "Harden", "Try, show and apply fixes, for the marked ones or this one.",
           "Containers", True),
    Action("home.mark", "space", "Mark", "Mark or unmark this container.", "Marks", True),
    Action("home.mark_range", "", "Mark up to here", "Mark all rows from the last mark to here.", "Marks"),
    Action("home.mark_all", "", "Mark all", "Mark all containers shown; again: none.", "Marks"),
    Action("home.sort", "o", "Sort", "Sort by the next column.", "Order", True),
    Action("home.reverse", "", "Reverse", "Reverse the order.", "Order"),
    Action("home.meaning", "e", "Explain", "Explain its score and its marks.", "Containers", True),
    Action("home.logs", *_LOG, "Containers"),
    Action("home.rights", "", *_RIGHTS[1:], "Containers"),
    Action("home.monitor", *_WATCH, "Containers"),
    Action("home.history", *_HISTORY, "Containers"),
    Action("home.recheck", "r", "Again", "Check this container again.", "Containers", True),
    Action("home.recheck_all", "", "Check all again", "Check every container again.", "Containers"),
    Action("home.cancel", "escape", "Cancel", "Drop the filter, the scan or the marks.", "Containers"),
    Action("home.quit", "q", "Quit", "Leave HardenTUI.", "Containers", True),
)  # fmt: skip
WALK = (
    Action("walk.choose", "space", "Choose", "Choose this fix, or drop it.", "Fixes", True),
    Action("walk.harden", "h", "Harden", "Try everything at once, see the card, apply it.", "Fixes", True),
    Action("walk.trial", "t", "Try", "Try the chosen fixes on a twin.", "Fixes", True),
    Action("walk.apply", "A", "Apply", "Apply the chosen fixes, with rollback.", "Fixes", True),
    Action("walk.explain", "e", "Explain", "Explain this check.", "Findings", True),
    Action("walk.safe", "a", "Safe", "Choose every fix known to break nothing.", "Fixes", True),
    Action("walk.write", "w", "Write", "Show the files as a diff, and write them.", "Fixes", True),
    Action("walk.plan", "p", "Plan", "Show or hide the plan.", "Fixes", True),
    Action("walk.values", "i", "Values", "Set the values that this fix takes: limits, sizes, users.",
           "Fixes", True),
    Action("walk.diff", "d", "Diff", "Show the whole diff, file by file.", "Fixes", True),
    Action("walk.likely", "", "Likely", "Choose every fix except those that may break the container.",
           "Fixes"),
    Action("walk.all", "F", "All fixes", "Choose every fix, even those that may break the container.",
           "Fixes"),
    Action("walk.none", "", "None", "Drop every chosen fix.", "Fixes"),
    Action("walk.logs", *_LOG, "Findings"),
    Action("walk.rights", *_RIGHTS, "Findings"),
    Action("walk.monitor", *_WATCH, "Findings"),
    Action("walk.history", *_HISTORY, "Findings"),
    Action("walk.previous", "up,k", "Up", "The finding above.", "Findings"),
    Action("walk.next", "down,j", "Down", "The finding below.", "Findings"),
    Action("walk.next_text", "right_square_bracket", "Why", "The next page about this step.", "Steps"),
    Action("walk.previous_text", "left_square_bracket", "Why", "The previous page.", "Steps"),
    Action("walk.step_back", "left", "Previous step", "Go to the previous step.", "Steps"),
    Action("walk.step_on", "right", "Next step", "Go to the next step.", "Steps"),
    Action("walk.look", "x", "Look inside", "Inspect the contents of its image.", "Findings"),
    Action("walk.recheck", "r", "Again", "Check this container again.", "Findings"),
    *_numbers("walk.step", 10, "Step", "Go to step", "Steps", "open_step"),
)  # fmt: skip
CONTAINER = (
    Action(
        "container.walk",
        "enter",
        "Walk",
        "Walk through the ten steps of this container.",
        "Container",
    ),
    Action("container.logs", *_LOG, "Container"),
    Action("container.rights", *_RIGHTS, "Container"),
    Action("container.monitor", *_WATCH, "Container"),
    Action("container.history", *_HISTORY, "Container"),
)
VALUES = (
    Action(
        "values.next",
        "down,enter",
        "Next",
        "The next value.",
        "Values",
    ),
    Action(
        "values.previous",
        "up",
        "Before",
        "The previous value.",
        "Values",
    ),
    Action(
        "values.default",
        "ctrl+r",
        "Default",
        "Reset this value to its default.",
        "Values",
        True,
        "^r",
    ),
)
WRITE = (
    Action(
        "write.save", "ctrl+s", "Write", "Write the files to this directory.", "Write", True, "^s"
    ),
    Action(
        "write.next_hunk",
        "n",
        "Next",
        "The next change.",
        "Write",
        True,
        call="hunk(1)",
    ),
    Action(
        "write.previous_hunk",
        "N",
        "Before",
        "The previous change.",
        "Write",
        call="hunk(-1)",
    ),
)
EXPLAIN = (
    Action(
        "explain.accept",
        "W",
        "Waive",
        "Accept this finding until a date.",
        "Finding",
        True,
    ),
)
LOGS = (
    Action(
        "logs.follow",
        "f",
        "Follow",
        "Follow new lines, or pause.",
        "Log",
        True,
    ),
)
CONNECTION = (
    Action(
        "connection.change",
        "i",
        "Change",
        "Switch to another Podman.",
        "Connection",
        True,
    ),
    Action(
        "connection.retry",
        "r",
        "Again",
        "Look for Podman again.",
        "Connection",
        True,
    ),
)
SETTINGS = (
    Action(
        "settings.change",
        "i",
        "Change",
        "Change a setting, for the next session.",
        "Settings",
        True,
    ),
)
FINDINGS = (
    Action("findings.explain", "e,enter", "Explain", "Explain this check; accept the finding there.",
           "Findings", True, "e"),
    Action("findings.previous", "up,k", "Up", "The finding above.", "Findings"),
    Action("findings.next", "down,j", "Down", "The finding below.", "Findings"),
)  # fmt: skip
HOST = (
    Action(
        "host.take_in",
        "i",
        "Import",
        "Import a result of Lynis or OpenSCAP.",
        "Host",
        True,
    ),
    Action(
        "host.recheck",
        "r",
        "Again",
        "Check the host again.",
        "Host",
        True,
    ),
)
IMAGES = (
    Action(
        "images.findings",
        "e",
        "Explain",
        "Explain or accept findings of this image.",
        "Images",
        True,
    ),
    Action(
        "images.look", "x", "Look inside", "Inspect the contents of this image.", "Images", True
    ),
    Action(
        "images.scan", "S", "Scan", "Scan this image for known vulnerabilities.", "Images", True
    ),
    Action(
        "images.rehearse",
        "t",
        "Try update",
        "Try an update on twins.",
        "Images",
        True,
    ),
    Action(
        "images.take_in",
        "i",
        "Import",
        "Import a scanner report.",
        "Images",
        True,
    ),
    Action(
        "images.scan_all", "", "Scan all", "Scan every image for known vulnerabilities.", "Images"
    ),
    Action(
        "images.updates",
        "",
        "Updates",
        "Ask registries for newer images.",
        "Images",
    ),
)
NETWORKS = (
    Action("networks.findings", "e", "Explain", "Explain or accept findings of this network.", "Networks",
           True),
    Action("networks.prove", "t", "Try a way", "Prove a route with a real connection.", "Networks", True),
    Action("networks.split", "", "Split", "Propose separate networks.", "Networks"),
    Action("networks.try", "", "Try split", "Try a split on twins of all members.", "Networks"),
    Action("networks.outgoing", "", "Outgoing", "Watch what a container contacts.", "Networks"),
    Action("networks.refresh", "r", "Again", "Read the networks again.", "Networks", True),
)  # fmt: skip
AGAIN = Action(
    "job.again",
    "r",
    "Again",
    "Run it again.",
    "Result",
    True,
)
JOB = (
    Action(
        "job.save",
        "ctrl+s",
        "Apply",
        "Carry out what is shown.",
        "Result",
        True,
        "^s",
    ),
    AGAIN,
    Action(
        "job.write",
        "w",
        "Write",
        "Write the files to a directory.",
        "Result",
        True,
    ),
)
FORM = (
    Action(
        "form.save",
        "ctrl+s",
        "Carry out",
        "Carry it out.",
        "Form",
        True,
        "^s",
    ),
)
TRUST = (
    Action(
        "trust.change",
        "i",
        "Change",
        "Change which signatures images need.",
        "Trust",
        True,
    ),
    Action(
        "trust.test",
        "t",
        "Try a pull",
        "Pull an image to see the verdict of the policy.",
        "Trust",
        True,
    ),
    Action(
        "trust.sign",
        "",
        "Sign",
        "Sign an image and prove it with a pull.",
        "Trust",
    ),
    Action(
        "trust.key",
        "",
        "Signing key",
        "Make a sigstore key pair.",
        "Trust",
    ),
    Action(
        "trust.refresh",
        "r",
        "Again",
        "Reload policy and registries.",
        "Trust",
        True,
    ),
)
CHANGE = (
    Action("change.go", "enter", "Go on", "Start the trial; then apply what worked.", "Change", True),
    Action("change.keep", "K", "Keep", "Confirm the change.", "Change", True),
    Action("change.undo", "u", "Undo", "Undo the change.", "Change", True),
    Action("change.probe", "i", "Probe", "Enter a command that proves it works.", "Change", True),
    Action("change.soak", "s", "Soak", "Apply; for 7 days its seccomp profile only logs.", "Change", True),
    Action("change.write", "w", "Write", "Write what worked to files.", "Change", True),
    Action("change.diff", "d", "Diff", "Show the steps of applying it, and what it changes.", "Change", True),
    Action("change.evidence", "e", "Explain", "Show what the trial found.", "Change", True),
    Action("change.data", "space", "Data", "What happens to data in its writable layer.", "Change", True),
    Action("change.limit", "", "Time to keep it", "The seconds after which it rolls back by itself.",
           "Change"),
    Action("change.all", "F", "All fixes", "Toggle: also fixes that no twin shows.", "Change", True),
)  # fmt: skip


class Data(StrEnum):
    """What happens to the data in the container's writable layer, which its successor would not
    have."""

    KEEP = "copied into volumes"
    DISCARD = "discarded"
    REFUSE = "apply is refused if data would be lost"


class Stage(StrEnum):
    """How far a change is, and why the keys of another stage do nothing."""

    LOOKING = "Still looking at the container."
    OUTSET = "Nothing was tried yet."
    STEPS = "Nothing was tried."
    CARD = "The trial is over."
    RUNNING = "It is running. esc stops it."
    ENDED = "It is done."
    FILES = "Its files are shown."


STAGES = {
    "go": (Stage.OUTSET, Stage.STEPS, Stage.CARD),
    "probe": (Stage.OUTSET, Stage.STEPS, Stage.CARD),
    "limit": (Stage.STEPS, Stage.CARD),
    "data": (Stage.STEPS, Stage.CARD),
    "all": (Stage.OUTSET, Stage.CARD),
    "soak": (Stage.CARD,),
    "write": (Stage.STEPS, Stage.CARD),
    "save": (Stage.FILES,),
    "hunk": (Stage.FILES,),
    "diff": (Stage.CARD,),
    "evidence": (Stage.CARD,),
    "keep": (Stage.ENDED,),
    "undo": (Stage.ENDED,),
}
"""Action -> when it is in the footer."""


JOURNAL = (
    Action(
        "journal.undo",
        "u",
        "Undo",
        "Undo this change.",
        "Journal",
        True,
    ),
    Action(
        "journal.keep",
        "K",
        "Keep",
        "Confirm a waiting change.",
        "Journal",
        True,
    ),
    Action(
        "journal.forget",
        "",
        "Forget",
        "Delete the kept original.",
        "Journal",
    ),
    Action(
        "journal.refresh",
        "r",
        "Again",
        "Reload the journal.",
        "Journal",
    ),
)
ASK = (
    Action(
        "ask.leave",
        "escape",
        "Leave",
        "Cancel.",
        "Question",
        True,
        "esc",
    ),
)
SURE = (
    Action(
        "sure.yes",
        "y",
        "Yes",
        "Do it.",
        "Question",
        True,
    ),
    Action(
        "sure.leave",
        "escape,q",
        "No",
        "Cancel.",
        "Question",
        True,
        "esc",
    ),
)
TRAINING = (
    Action(
        "training.open",
        "enter",
        "Open",
        "Open this lab.",
        "Training",
        True,
    ),
    Action(
        "training.stop",
        "",
        "Clean up",
        "Remove everything the labs created.",
        "Training",
    ),
)
LAB = (
    Action(
        "lab.options",
        "i",
        "Options",
        "Enter options of podman run.",
        "Lab",
        True,
    ),
    Action(
        "lab.check",
        "r",
        "Again",
        "Check the container again, and attack it.",
        "Lab",
        True,
    ),
    Action(
        "lab.hint",
        "e",
        "Explain",
        "The next hint.",
        "Lab",
        True,
    ),
    Action(
        "lab.solution",
        "",
        "Solution",
        "Show the solution; start over to pass the lab.",
        "Lab",
    ),
    Action(
        "lab.restart", "", "Start over", "Recreate the container as it was at the start.", "Lab"
    ),
    Action(
        "lab.save", "ctrl+s", "Save policy", "Save the policy and check it.", "Lab", False, "^s"
    ),
)


def all_actions() -> tuple[Action, ...]:
    """Every action, those of the app first."""
    screens = (action for screen in _screens() for action in screen)
    return tuple(dict.fromkeys((*APP, COPY, BACK, *screens)))


def _screens() -> Iterator[tuple[Action, ...]]:
    """The declarations above, screen by screen."""
    for name, value in globals().items():
        if (
            name.isupper()
            and isinstance(value, tuple)
            and value is not APP
            and not name.startswith("_")
        ):
            yield value


# --- actions in sentences -------------------------------------------------------------------------


@cache
def _told() -> dict[str, str]:
    return {action.id: action.display or _first_of(action) for action in all_actions()}


def _first_of(action: Action) -> str:
    """The first of its keys, as users read it; without one, how to find it."""
    first = action.key.split(",")[0]
    signs = {
        "slash": "/",
        "question_mark": "?",
        "": f": {action.label}",
    }
    return signs.get(
        first,
        first.upper() if re.fullmatch(r"f\d+", first) else first,
    )


def with_keys(text: str) -> str:
    """The text with the keys of its actions (`{walk.trial}`); raises KeyError for an action that is
    none."""
    keys = _told()
    return re.sub(
        r"\{([\w.]+)\}",
        lambda placeholder: keys[placeholder[1]],
        text,
    )


_WAYS: dict[Verb, str] = {
    Verb.CHECK: "{walk.recheck} in the walk",
    Verb.CONFIRM: "{journal.keep} in the journal ({app.journal})",
    Verb.DOCTOR: "{app.doctor}",
    Verb.EXPLAIN: "{walk.explain} on the finding",
    Verb.FORGET: "{journal.forget} in the journal ({app.journal})",
    Verb.HOST_IMPORT: "{host.take_in} on the host page ({app.host})",
    Verb.IMAGE_INSIDE: "{images.look} in the walk or on the images page ({app.images})",
    Verb.IMAGE_SCAN: "{images.scan} on the images page ({app.images})",
    Verb.IMAGE_UPDATES: "{images.updates} on the images page ({app.images})",
    Verb.JOURNAL_SHOW: "the journal ({app.journal})",
    Verb.LABS: "{app.training}",
    Verb.LEARN: "{walk.harden} in the walk",
    Verb.QUADLET: "{walk.write} in the walk",
    Verb.QUADLET_AS_IS: "{walk.write} in the walk",
    Verb.SETTINGS: "{app.settings}",
    Verb.UNDO: "{journal.undo} in the journal ({app.journal})",
}
"""How a next step is done here; what is missing is said as a command."""


def in_keys(do: Do) -> str:
    """A next step as the keys that do it."""
    way = _WAYS.get(do.verb)
    return with_keys(way) if way is not None else str(do)


def hint_of(error: HardenError) -> str:
    return said(error.advice, in_keys)


def told(error: HardenError) -> str:
    """An error in one paragraph."""
    return f"{error.title} {hint_of(error)}".strip()


def reason_of(verdict: Verdict) -> str:
    """Why, and what would help; empty if there is nothing to say."""
    then = f" ({in_keys(verdict.do)})" if verdict.do is not None else ""
    return f"{verdict.reason}{then}"
