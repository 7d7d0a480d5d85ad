"""Every action of the screens, declared once: it becomes the key, the footer, the palette and the
help.

A key means the same on every screen (`tests/tui/test_actions.py` compares them). An action without
a key is found in the palette (`:`), and settings can give it one.
"""

from __future__ import annotations

from collections.abc import Iterator

from hardentui.tui.action import Action, numbered, opening

APP = (
    Action("app.help", "question_mark,f1", "Help", "Show every key of this screen.", "Everywhere", True, "?"),
    opening("host", "H", "Host", "Show the findings of the host, its engines and the site.",
        "findings.HostScreen"),
    opening("hosts", "", "Hosts", "Show the hosts of a fleet, worst first.",
        "hosts.HostsScreen"),
    opening("images", "I", "Images", "Show the images: age, users, contents.",
        "images.ImagesScreen"),
    opening("networks", "M", "Network map", "Show who can reach whom.",
        "networks.NetworksScreen"),
    opening("trust", "P", "Trust", "Show which images Podman accepts: policy, registries.",
        "trust.TrustScreen"),
    opening("everything", "X", "All containers", "Try all in the background, and keep what is ready.",
        "everything.EverythingScreen"),
    opening("journal", "J", "Journal", "Show what was changed, by whom, and undo it.",
        "journal.JournalScreen"),
    opening("training", "T", "Training", "Labs that teach the ten steps.",
        "training.TrainingScreen"),
    Action("app.export", "E", "Report", "Write a report on this view to a file.", "Everywhere"),
    Action("app.palette", "ctrl+p,colon", "Palette", "Find any action by name.", "Everywhere",
           call="command_palette"),
    opening("doctor", "f2", "Doctor", "Show what works on this machine, what is missing, and how to fix it.",
        "pages.DoctorScreen"),
    opening("connection", "", "Connection", "Show the Podman connections; switch to another.",
        "pages.ConnectionScreen"),
    opening("waivers", "", "Waivers", "Show which findings are accepted, by whom, until when.",
        "pages.WaiversScreen"),
    opening("settings", "", "Settings", "Show the settings and where each value comes from; change one.",
        "pages.SettingsScreen"),
    opening("commands", "", "Commands", "Show every request and command so far.",
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
    *numbered(
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
_APPLICATION = ("", "Known application", "Show what its image is known to need, with sources.")
_HISTORY = ("", "History", "Show what was changed on this container.")

HOME = (
    *numbered("home.first", 5, "Do first", "Go to what to do first, line", "Do first", "first"),
    Action("home.open", "enter", "Walk", "Walk through the ten steps of this container.", "Containers", True),
    Action("home.filter", "slash", "Filter", "Show only some containers.", "Containers", True, "/"),
    Action("home.harden", "h", "Harden", "Try, show and apply fixes, for the marked ones or this one.",
           "Containers", True),
    Action("home.mark", "space", "Mark", "Mark or unmark this container.", "Marks", True),
    Action("home.mark_range", "", "Mark up to here", "Mark all rows from the last mark to here.", "Marks"),
    Action("home.mark_all", "asterisk", "Mark all", "Mark all containers shown; again: none.", "Marks"),
    Action("home.sort", "o", "Sort", "Sort by the next column.", "Order", True),
    Action("home.reverse", "", "Reverse", "Reverse the order.", "Order"),
    Action("home.meaning", "e", "Explain", "Explain its score and its marks.", "Containers", True),
    Action("home.logs", *_LOG, "Containers"),
    Action("home.rights", "", *_RIGHTS[1:], "Containers"),
    Action("home.monitor", *_WATCH, "Containers"),
    Action("home.history", *_HISTORY, "Containers"),
    Action("home.application", *_APPLICATION, "Containers"),
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
    Action("walk.application", *_APPLICATION, "Findings"),
    Action("walk.previous", "up,k", "Up", "The finding above.", "Findings"),
    Action("walk.next", "down,j", "Down", "The finding below.", "Findings"),
    Action("walk.next_text", "right_square_bracket", "Why", "The next page about this step.", "Steps"),
    Action("walk.previous_text", "left_square_bracket", "Why", "The previous page.", "Steps"),
    Action("walk.step_back", "left", "Previous step", "Go to the previous step.", "Steps"),
    Action("walk.step_on", "right", "Next step", "Go to the next step.", "Steps"),
    Action("walk.look", "x", "Look inside", "Inspect the contents of its image.", "Findings"),
    Action("walk.recheck", "r", "Again", "Check this container again.", "Findings"),
    *numbered("walk.step", 10, "Step", "Go to step", "Steps", "open_step"),
)  # fmt: skip
CONTAINER = (
    Action("container.walk", "enter", "Walk", "Walk through the ten steps of this container.",
           "Container"),
    Action("container.logs", *_LOG, "Container"),
    Action("container.rights", *_RIGHTS, "Container"),
    Action("container.monitor", *_WATCH, "Container"),
    Action("container.history", *_HISTORY, "Container"),
    Action("container.application", *_APPLICATION, "Container"),
)  # fmt: skip
VALUES = (
    Action("values.next", "down,enter", "Next", "The next value.", "Values"),
    Action("values.previous", "up", "Before", "The previous value.", "Values"),
    Action("values.default", "ctrl+r", "Default", "Reset this value to its default.", "Values", True,
           "^r"),
)  # fmt: skip
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
    Action("connection.change", "i", "Change", "Switch to another Podman.", "Connection", True),
    Action("connection.retry", "r", "Again", "Look for Podman again.", "Connection", True),
)  # fmt: skip
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
    Action("images.findings", "e", "Explain", "Explain or accept findings of this image.", "Images",
           True),
    Action("images.look", "x", "Look inside", "Inspect the contents of this image.", "Images", True),
    Action("images.scan", "S", "Scan", "Scan this image for known vulnerabilities.", "Images", True),
    Action("images.rehearse", "t", "Try update", "Try an update on twins.", "Images", True),
    Action("images.take_in", "i", "Import", "Import a scanner report.", "Images", True),
    Action("images.scan_all", "", "Scan all", "Scan every image for known vulnerabilities.", "Images"),
    Action("images.updates", "", "Updates", "Ask registries for newer images.", "Images"),
)  # fmt: skip
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
    Action("job.save", "ctrl+s", "Apply", "Carry out what is shown.", "Result", True, "^s"),
    AGAIN,
    Action("job.write", "w", "Write", "Write the files to a directory.", "Result", True),
)  # fmt: skip
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
    Action("trust.change", "i", "Change", "Change which signatures images need.", "Trust", True),
    Action("trust.test", "t", "Try a pull", "Pull an image to see the verdict of the policy.", "Trust",
           True),
    Action("trust.sign", "", "Sign", "Sign an image and prove it with a pull.", "Trust"),
    Action("trust.key", "", "Signing key", "Make a sigstore key pair.", "Trust"),
    Action("trust.refresh", "r", "Again", "Reload policy and registries.", "Trust", True),
)  # fmt: skip
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
    Action("change.level", "v", "Level", "Keep only the rights that were seen in use, or a margin.", "Change",
           True),
    Action("change.all", "F", "All fixes", "Toggle: also fixes that no twin shows.", "Change", True),
)  # fmt: skip

EVERYTHING = (
    Action("everything.mark", "space", "Mark", "Keep this result or not; strike out this fix, or answer it.",
           "All containers", True),
    Action("everything.fold", "enter", "Open", "Show the fixes of this container, or hide them.",
           "All containers", True),
    Action("everything.apply", "A", "Apply", "Apply every marked result, stack by stack, with one way back.",
           "All containers", True),
    Action("everything.keep", "K", "Keep", "Confirm what was applied.", "All containers", True),
    Action("everything.undo", "u", "Undo", "Undo what was applied.", "All containers", True),
    Action("everything.try", "t", "Try", "Try what was changed or is missing, or try all again.",
           "All containers", True),
    Action("everything.change", "i", "Change", "Change its probe, or the value of this fix.",
           "All containers", True),
    Action("everything.diff", "d", "Diff", "Show the steps of applying it, and what it changes.",
           "All containers", True),
    Action("everything.ledger", "l", "Ledger", "Show which data moves, and where to.",
           "All containers", True),
    Action("everything.write", "w", "Write", "Write the result to files instead.", "All containers"),
    Action("everything.level", "v", "Level", "Keep only the rights that were seen in use, or a margin.",
           "All containers"),
    Action("everything.again", "r", "Again", "Try this container, or this stack, again.", "All containers"),
    Action("everything.stop", "", "Stop the trials", "End the trials that run; what is done stays.",
           "All containers"),
)  # fmt: skip
FILES = (
    Action("files.mark", "space", "Mark", "Strike this fix out, or take it back.", "Files", True),
    Action("files.fold", "enter", "Open", "Show the fixes of this service, or hide them.", "Files", True),
    Action("files.level", "v", "Level", "Go to the next level: safe, recommended, strict.", "Files", True),
    Action("files.change", "i", "Change", "Give this fix a value.", "Files", True),
    Action("files.diff", "d", "Diff", "Show what changes in this file.", "Files", True),
    Action("files.write", "w", "Write", "Show all changes; write them in place, or as a patch.", "Files",
           True),
)  # fmt: skip
JOURNAL = (
    Action("journal.undo", "u", "Undo", "Undo this change.", "Journal", True),
    Action("journal.keep", "K", "Keep", "Confirm a waiting change.", "Journal", True),
    Action("journal.forget", "", "Forget", "Delete the kept original.", "Journal"),
    Action("journal.refresh", "r", "Again", "Reload the journal.", "Journal"),
)  # fmt: skip
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
    Action("training.open", "enter", "Open", "Open this lab.", "Training", True),
    Action("training.stop", "", "Clean up", "Remove everything the labs created.", "Training"),
)  # fmt: skip
LAB = (
    Action("lab.options", "i", "Options", "Enter options of podman run.", "Lab", True),
    Action("lab.check", "r", "Again", "Check the container again, and attack it.", "Lab", True),
    Action("lab.hint", "h", "Hint", "Show the next hint.", "Lab", True),
    Action("lab.guide", "g", "Next move", "Tell the next move: a guided lab.", "Lab", True),
    Action("lab.solution", "s", "Solution", "Show the solution; start over to pass the lab.", "Lab", True),
    Action("lab.reply", "e", "Answer", "Answer the question of a solved lab.", "Lab", True),
    Action("lab.restart", "o", "Start over", "Recreate the container as it was at the start.", "Lab"),
    Action("lab.save", "ctrl+s", "Save policy", "Save the policy and check it.", "Lab", False, "^s"),
)  # fmt: skip


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
