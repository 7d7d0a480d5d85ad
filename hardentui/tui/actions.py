"""Every action of the screens, declared once: it becomes the key, the footer, the palette and the help."""

from __future__ import annotations

from msgspec import Struct
from textual.binding import Binding, BindingType


class Action(Struct, frozen=True):
    """An action of the user.

    Attributes:
        id: `screen.name`, by which settings bind keys; the method is `action_name`.
        key: comma-separated keys of Textual.
        label: one or two words, for the footer.
        tooltip: one sentence, for the palette and the help.
        group: heading in the help.
        show: in the footer.
        display: how the key is written in the footer; empty = as Textual does.
        call: the action with its arguments, if not `name`.
    """

    id: str
    key: str
    label: str
    tooltip: str
    group: str
    show: bool = False
    display: str = ""
    call: str = ""

    @property
    def target(self) -> str:
        return self.call or self.id.partition(".")[2]

    def binding(self) -> Binding:
        return Binding(
            self.key,
            self.target,
            self.label,
            show=self.show,
            key_display=self.display or None,
            tooltip=self.tooltip,
            id=self.id,
        )


def bindings(actions: tuple[Action, ...]) -> list[BindingType]:
    return [action.binding() for action in actions]


def _to(destination: str, key: str, label: str, tooltip: str) -> Action:
    """The action that opens a screen available from everywhere."""
    display = "@" if key == "at" else ""
    call = f"go('{destination}')"
    return Action(f"app.{destination}", key, label, tooltip, "Everywhere", display=display, call=call)


_STEPS = tuple(
    Action(
        f"walk.step_{number}",
        str(number % 10),
        f"Step {number}",
        f"Go to step {number}.",
        "Steps",
        call=f"open_step({number})",
    )
    for number in range(1, 11)
)

APP = (
    Action("app.help", "question_mark,f1", "Help", "Show every key of this screen.", "Everywhere", True, "?"),
    _to("connection", "c", "Connection", "Show the Podman connections; switch to another."),
    _to("host", "H", "Host", "Show the findings of the host and its engines."),
    _to("images", "I", "Images", "Show the images: age, users, contents."),
    _to("trust", "P", "Trust", "Show which images Podman accepts: policy, registries."),
    _to("networks", "M", "Network map", "Show who can reach whom."),
    _to("waivers", "W", "Waivers", "Show which findings are accepted, by whom, until when."),
    _to("training", "T", "Training", "Labs that teach the ten steps."),
    _to("journal", "J", "Journal", "Show what was changed, by whom, and undo it."),
    _to("doctor", "f2", "Doctor", "Show what works on this machine, what is missing, and how to fix it."),
    _to("settings", "f6", "Settings", "Show the settings and where each value comes from."),
    _to("compare", "f3", "Compare", "Show what became better and worse since an earlier report."),
    _to("checklist", "f5", "Checklist", "Choose, write, lint and test checklists."),
    Action("app.export", "E", "Report", "Write a report on this view to a file.", "Everywhere"),
    _to("commands", "at", "Commands", "Show every request and command so far."),
    Action(
        "app.palette",
        "ctrl+p,colon",
        "Palette",
        "Find any action by name.",
        "Everywhere",
        call="command_palette",
    ),
    Action(
        "app.simulate", "D", "Simulated host", "Switch from this Podman to a simulated host.", "Everywhere"
    ),
)
COPY = Action("screen.copy", "y", "Copy", "Copy what is under the cursor.", "This screen")
COPY_MORE = Action(
    "container.copy_as", "Y", "Copy as", "Copy its podman run command, its Quadlet, its ID.", "This screen"
)
COPY_AS = (
    Action("copy_as.leave", "escape,q", "Leave", "Copy nothing.", "Question", True, "esc"),
    *(
        Action(
            f"copy_as.number_{number}",
            str(number),
            f"Line {number}",
            "Copy this line.",
            "Question",
            call=f"number({number})",
        )
        for number in range(1, 8)
    ),
)
BROWSE = (Action("browse.enlarge", "enter", "Enlarge", "Show the page of this row alone.", "This screen"),)
BACK = Action("screen.back", "escape,q", "Back", "Leave this screen.", "This screen", True, "esc")

_ORDER = (
    Action("home.sort", "s", "Sort", "Sort by the next column.", "Order", True),
    Action("home.reverse", "S", "Reverse", "Reverse the order.", "Order"),
)
_FIRST = tuple(
    Action(
        f"home.first_{number}",
        str(number),
        f"Do first {number}",
        f"Go to line {number} of what to do first.",
        "Do first",
        call=f"first({number})",
    )
    for number in range(1, 6)
)
HOME = (
    *_FIRST,
    Action("home.open", "enter", "Walk", "Walk through the ten steps of this container.", "Containers", True),
    Action("home.filter", "slash", "Filter", "Show only some containers.", "Containers", True, "/"),
    Action(
        "home.harden",
        "h",
        "Harden",
        "Try, show and apply fixes, for the marked ones or this one.",
        "Containers",
        True,
    ),
    Action("home.mark", "space", "Mark", "Mark or unmark this container.", "Marks", True),
    Action("home.mark_range", "v", "Mark up to here", "Mark all rows from the last mark to here.", "Marks"),
    Action("home.mark_all", "a", "Mark all", "Mark all containers shown; again: none.", "Marks"),
    *_ORDER,
    Action(
        "home.meaning", "e", "Meaning", "Explain the score and the marks of this row.", "Containers", True
    ),
    Action("home.logs", "l", "Log", "Read, follow and search the log of this container.", "Containers"),
    Action("home.rights", "K", "Rights", "Show what the kernel lets this container do.", "Containers"),
    Action(
        "home.monitor",
        "m",
        "Monitor",
        "Monitor this container: resource use, alarms, log.",
        "Containers",
        True,
    ),
    Action("home.recheck", "r", "Re-check", "Check this container again.", "Containers", True),
    Action("home.recheck_all", "R", "Re-check all", "Check every container again.", "Containers"),
    Action(
        "home.cancel", "escape", "Cancel", "Clear the filter, end the scan, drop all marks.", "Containers"
    ),
    Action("home.quit", "q", "Quit", "Leave HardenTUI.", "Containers", True),
)
WALK = (
    Action("walk.choose", "space", "Choose", "Choose this fix, or drop it.", "Fixes", True),
    Action(
        "walk.values",
        "p",
        "Values",
        "Set the values that this fix takes: limits, sizes, users.",
        "Fixes",
        True,
    ),
    Action("walk.safe", "a", "Safe", "Choose every fix known to break nothing.", "Fixes", True),
    Action(
        "walk.likely", "L", "Likely", "Choose every fix except those that may break the container.", "Fixes"
    ),
    Action(
        "walk.all", "F", "All fixes", "Choose every fix, even those that may break the container.", "Fixes"
    ),
    Action("walk.none", "u", "None", "Drop every chosen fix.", "Fixes"),
    Action("walk.plan", "f", "Plan", "Show or hide the plan.", "Fixes", True),
    Action("walk.diff", "d", "Diff", "Show the whole diff, file by file.", "Fixes", True),
    Action("walk.write", "w", "Write", "Write the files to a directory.", "Fixes", True),
    Action("walk.harden", "h", "Harden", "Try everything at once, see the card, apply it.", "Fixes", True),
    Action("walk.trial", "t", "Try", "Try the chosen fixes on a twin.", "Fixes", True),
    Action("walk.apply", "A", "Apply", "Apply the chosen fixes, with rollback.", "Fixes", True),
    Action("walk.explain", "e", "Explain", "Explain this check.", "Findings", True),
    Action("walk.logs", "l", "Log", "Read, follow and search the log of this container.", "Findings"),
    Action("walk.rights", "K", "Rights", "Show what the kernel lets this container do.", "Findings"),
    Action(
        "walk.monitor", "m", "Monitor", "Monitor this container: resource use, alarms, log.", "Findings", True
    ),
    Action("walk.previous", "up,k", "Up", "The finding above.", "Findings"),
    Action("walk.next", "down,j", "Down", "The finding below.", "Findings"),
    Action("walk.next_text", "right_square_bracket", "Why", "The next page about this step.", "Steps"),
    Action("walk.previous_text", "left_square_bracket", "Why", "The previous page.", "Steps"),
    Action("walk.step_back", "left", "Previous step", "Go to the previous step.", "Steps"),
    Action("walk.step_on", "right", "Next step", "Go to the next step.", "Steps"),
    Action("walk.look", "o", "Look inside", "Inspect the contents of its image.", "Findings"),
    Action("walk.recheck", "r", "Re-check", "Check this container again.", "Findings"),
    *_STEPS,
)
DIFF = (
    Action("diff.target", "right_square_bracket,tab", "Other file",
           "The next file type: Quadlet, run script, its own unit.", "Difference", True, "]"),
    Action("diff.target_before", "left_square_bracket,shift+tab", "Previous file",
           "The previous file type.", "Difference"),
    Action("diff.next_hunk", "n", "Next", "The next change.", "Difference", True),
    Action("diff.previous_hunk", "N", "Previous", "The previous change.", "Difference", True),
    Action("diff.write", "w", "Write", "Write the files to a directory.", "Difference", True),
)  # fmt: skip
VALUES = (
    Action("values.next", "down,enter", "Next", "The next value.", "Values"),
    Action("values.previous", "up", "Before", "The previous value.", "Values"),
    Action("values.default", "ctrl+r", "Default", "Reset this value to its default.", "Values", True, "^r"),
)
WRITE = (Action("write.save", "ctrl+s", "Write", "Write the files to this directory.", "Write", True, "^s"),)
EXPLAIN = (Action("explain.accept", "a", "Accept", "Accept this finding until a date.", "Finding", True),)
ACCEPT = (Action("accept.save", "ctrl+s", "Accept", "Write the waiver.", "Waiver", True, "^s"),)
WAIVERS = (Action("waivers.refresh", "r", "Re-read", "Reload the waivers and check again.", "Waivers", True),)
LOGS = (
    Action("logs.follow", "f", "Follow", "Follow new lines, or pause.", "Log", True),
    Action("logs.wrap", "w", "Wrap", "Wrap long lines, or scroll them sideways.", "Log", True),
    Action("logs.search", "slash", "Search", "Search the log.", "Log", True, "/"),
    Action("logs.next_match", "n", "Next", "The next match.", "Log", True),
    Action("logs.previous_match", "N", "Before", "The previous match.", "Log", True),
)
EXPORT = (
    Action("export.save", "ctrl+s", "Write", "Write the report.", "Report", True, "^s"),
    Action(
        "export.facts",
        "f4",
        "Facts",
        "Save all that checks read, to check it later or elsewhere.",
        "Report",
        True,
        "F4",
    ),
)
CHECKLIST = (
    Action("checklist.use", "enter", "Use", "Judge everything with this checklist.", "Checklist", True),
    Action("checklist.file", "f", "Own file", "Use a checklist of your own.", "Checklist", True),
)
COMPARE = (Action("compare.fields", "i", "Compare", "Name the files to compare.", "Compare", True),)
MONITOR = (Action("monitor.pause", "space", "Stop", "Pause or resume.", "Monitor", True),)
HOST = (
    Action("host.explain", "e", "Explain", "Explain this check.", "Host", True),
    Action("host.previous", "up,k", "Up", "The finding above.", "Host"),
    Action("host.next", "down,j", "Down", "The finding below.", "Host"),
    Action("host.take_in", "i", "Import", "Import a result of Lynis or OpenSCAP.", "Host", True),
    Action("host.recheck", "r", "Re-check", "Check the host again.", "Host", True),
)
FINDINGS = (
    Action(
        "findings.explain",
        "e,enter",
        "Explain",
        "Explain this check; accept the finding there.",
        "Findings",
        True,
        "e",
    ),
    Action("findings.previous", "up,k", "Up", "The finding above.", "Findings"),
    Action("findings.next", "down,j", "Down", "The finding below.", "Findings"),
)
IMAGES = (
    Action("images.findings", "e", "Findings", "Explain or accept findings of this image.", "Images", True),
    Action("images.look", "o", "Look inside", "Inspect the contents of this image.", "Images", True),
    Action("images.scan", "n", "Scan", "Scan this image for known vulnerabilities.", "Images", True),
    Action("images.scan_all", "N", "Scan all", "Scan every image for known vulnerabilities.", "Images", True),
    Action("images.take_in", "i", "Import", "Import a scanner report.", "Images", True),
    Action("images.updates", "u", "Updates", "Ask registries for newer images.", "Images", True),
    Action(
        "images.rehearse", "t", "Try update", "Try an update on twins, with the way back.", "Images", True
    ),
)
NETWORKS = (
    Action(
        "networks.findings", "e", "Findings", "Explain or accept findings of this network.", "Networks", True
    ),
    Action("networks.prove", "p", "Prove", "Prove a route with a real connection.", "Networks", True),
    Action("networks.outgoing", "o", "Outgoing", "Watch what a container contacts.", "Networks", True),
    Action("networks.split", "s", "Split", "Propose separate networks.", "Networks", True),
    Action("networks.try", "t", "Try split", "Try a split on twins of all members.", "Networks", True),
    Action("networks.refresh", "r", "Re-read", "Read the networks again.", "Networks", True),
)
SETTINGS = (
    Action("settings.starter", "i", "Starter file", "Write a settings file with comments.", "Settings", True),
)
JOB = (
    Action("job.again", "r", "Again", "Run it again.", "Result", True),
    Action("job.write", "w", "Write", "Write the files to a directory.", "Result", True),
)
TRUST_CHANGE = (
    Action(
        "trust_change.prove", "enter", "Prove", "Make the plan and prove it with real pulls.", "Trust", True
    ),
    Action("trust_change.rule", "i", "Rule", "Add a rule.", "Trust", True),
    Action("trust_change.apply", "ctrl+s", "Apply", "Write the proven files.", "Trust", True, "^s"),
    Action("trust_change.drop", "x", "Drop", "Remove the last rule.", "Trust", True),
    Action("trust_change.signed", "s", "Signed", "Name a signed image.", "Trust", True),
    Action("trust_change.use", "u", "In use", "Toggle: accept running images unsigned.", "Trust", True),
    Action("trust_change.default", "d", "Default", "Toggle: reject images without a rule.", "Trust", True),
    Action("trust_change.tags", "g", "Any tag", "Toggle: accept signatures that name no tag.", "Trust", True),
)
FORM = (Action("form.save", "ctrl+s", "Carry out", "Carry it out.", "Form", True, "^s"),)
TRUST = (
    Action("trust.change", "a", "Assistant", "Change which signatures images need.", "Trust", True),
    Action(
        "trust.test",
        "t",
        "Test",
        "Pull an image to see the verdict of the policy.",
        "Trust",
        True,
    ),
    Action("trust.sign", "s", "Sign", "Sign an image and prove it with a pull.", "Trust", True),
    Action("trust.key", "k", "Key", "Make a sigstore key pair.", "Trust", True),
    Action("trust.refresh", "r", "Re-read", "Reload policy and registries.", "Trust", True),
)
TRIAL = (
    Action("trial.start", "enter", "Try", "Start the trial.", "Trial", True),
    Action("trial.learn", "l", "Learn", "Toggle: also learn what the container needs.", "Trial", True),
    Action("trial.tight", "t", "Tight", "Toggle: keep only what was seen in use.", "Trial", False),
    Action("trial.probe", "i", "Probe", "Enter a command that proves it works.", "Trial", True),
    Action("trial.apply", "A", "Apply", "Apply what worked to the container.", "Trial", True),
    Action("trial.write", "w", "Write", "Write what worked to files.", "Trial", True),
)
CARD = (
    Action("card.go", "enter", "Go on", "Start the trial; then apply what worked.", "Harden", True),
    Action("card.probe", "i", "Probe", "Enter a command that proves it works.", "Harden", True),
    Action("card.all", "F", "All fixes", "Toggle: also fixes that no twin shows.", "Harden", True),
    Action("card.soak", "s", "Soak", "Apply; for 7 days its seccomp profile only logs.", "Harden", True),
    Action("card.write", "w", "Write", "Write what worked to files.", "Harden", True),
    Action("card.diff", "d", "Diff", "Show what applying it changes.", "Harden", True),
    Action("card.evidence", "e", "Evidence", "Show what the trial found.", "Harden", True),
)
APPLY = (
    Action("apply.run", "ctrl+s", "Apply", "Carry out the steps shown.", "Apply", True, "^s"),
    Action("apply.fields", "i", "Probe", "Enter a probe and a confirm time limit.", "Apply", True),
    Action("apply.data", "d", "Data", "Choose what happens to data in its writable layer.", "Apply", True),
    Action("apply.keep", "k", "Keep", "Confirm the change.", "Apply", True),
    Action("apply.undo", "u", "Undo", "Undo the change.", "Apply", True),
)
JOURNAL = (
    Action("journal.undo", "u", "Undo", "Undo this change.", "Journal", True),
    Action("journal.keep", "k", "Keep", "Confirm a waiting change.", "Journal", True),
    Action("journal.forget", "f", "Forget", "Delete the kept original.", "Journal", True),
    Action("journal.refresh", "r", "Re-read", "Reload the journal.", "Journal"),
)
ASK = (Action("ask.leave", "escape", "Leave", "Cancel.", "Question", True, "esc"),)
SURE = (
    Action("sure.yes", "y", "Yes", "Do it.", "Question", True),
    Action("sure.no", "escape,n,q", "No", "Cancel.", "Question", True, "esc"),
)
TRAINING = (
    Action("training.open", "enter", "Open", "Open this lab.", "Training", True),
    Action("training.name", "N", "Name", "The name on your certificate; E writes it.", "Training", True),
    Action("training.stop", "x", "Clean up", "Remove everything the labs created.", "Training", True),
)
LAB = (
    Action("lab.options", "i", "Options", "Enter options of podman run.", "Lab", True),
    Action("lab.check", "r", "Check", "Check the container again, and attack it.", "Lab", True),
    Action("lab.hint", "h", "Hint", "The next hint; each costs points.", "Lab", True),
    Action("lab.solution", "S", "Solution", "Show the solution; forfeits the lab's points.", "Lab"),
    Action("lab.restart", "n", "Start over", "Recreate the container as it was at the start.", "Lab", True),
    Action("lab.challenge", "C", "Challenge", "Start over without hints, for more points.", "Lab", True),
    Action("lab.exam", "X", "Exam", "Start over without hints, against the clock.", "Lab", True),
    Action("lab.save", "ctrl+s", "Save policy", "Save the policy and check it.", "Lab", False, "^s"),
)
CONNECTION = (
    Action("connection.choose", "enter", "Switch", "Switch to this Podman.", "Connection", True),
    Action("connection.retry", "r", "Try again", "Look for Podman again.", "Connection", True),
)
