# Copyright: the authors of HardenTUI
# Apache License 2.0 (see LICENSE)
"""Calls HardenTUI on the host, and reads its JSON: the modules decide nothing themselves."""

from __future__ import annotations

import json
import os

PLACES = ("/usr/bin/hardentui", "/usr/local/bin/hardentui", "/usr/local/lib/hardentui/hardentui.pyz")
SHARED = {
    "program": {"type": "path"},
    "url": {"type": "str"},
    "checklist": {"type": "str"},
}
FIXES = {
    "name": {"type": "str", "required": True},
    "checks": {"type": "list", "elements": "str"},
}
CHOICES = {
    "plan": {"type": "path"},
    "likely": {"type": "bool", "default": False},
    "safe": {"type": "bool", "default": False},
}
CHANGE = {
    "probe": {"type": "list", "elements": "str", "no_log": True},
    "patience": {"type": "int"},
}
_EXITS = {
    2: "the call or the host does not fit",
    3: "Podman cannot be reached",
    4: "something that matters could not be checked",
    5: "the change failed and was rolled back",
    6: "the twin does not work even without changes",
    7: "ended, because the original needs what the twins take",
}


class Program:
    """HardenTUI on this host, with the options that lead to the Podman that is meant."""

    def __init__(self, module):
        self.module = module
        self.path = module.params["program"] or next(filter(os.path.exists, PLACES), None)
        if not self.path:
            module.fail_json(
                msg="HardenTUI is not on this host: none of %s. Install the package, or copy the single "
                "file and name it in 'program'." % ", ".join(PLACES)
            )

    def where(self):
        words = []
        for option in ("url", "checklist"):
            if self.module.params.get(option):
                words += ["--%s" % option, self.module.params[option]]
        return words

    def call(self, *words):
        """(exit code, output, messages) of a command."""
        return self.module.run_command([self.path, *words, *self.where(), "--quiet"])

    def documents(self, *words):
        """(exit code, the JSON documents of a command, messages)."""
        code, out, messages = self.call(*words, "--format", "json")
        documents, decoder = [], json.JSONDecoder()
        text = out.strip()
        while text:
            try:
                document, end = decoder.raw_decode(text)
            except ValueError:
                self.fail(code, "its answer is not JSON: %s" % messages.strip())
            documents.append(document)
            text = text[end:].strip()
        return code, documents, messages

    def fail(self, code, messages, **result):
        """End the module: what went wrong, in one sentence."""
        what = _EXITS.get(code, "it ended with %s" % code)
        reason = " ".join(messages.split())[-500:]
        self.module.fail_json(msg="HardenTUI: %s. %s" % (what, reason), exit_code=code, **result)


def fixes(module):
    """The words that choose fixes; ends the module if there are none."""
    params, words = module.params, []
    for check in params.get("checks") or ():
        words += ["--check", check]
    if params.get("plan"):
        words += ["--plan", params["plan"]]
    for option in ("all_fixes", "likely", "safe"):
        if params.get(option):
            words.append("--%s" % option.replace("_fixes", ""))
    if not words:
        # a bool that is false counts as given for Ansible's own "required_one_of"
        choices = [name for name in (*FIXES, *CHOICES, "all_fixes") if name in params and name != "name"]
        module.fail_json(msg="Name the fixes: one of %s." % ", ".join(choices))
    return words


def planned(program, params, words):
    """The changes that the fixes would make now: none on a second run."""
    code, documents, messages = program.documents("plan", params["name"], *words)
    if code == 1:
        return []
    if code != 0 or not documents:
        program.fail(code, messages)
    return documents[-1]["changes"]


def diff(name, changes):
    """What Ansible shows with --diff: options before and after, as HardenTUI masks them."""

    def lines(side):
        return "".join(
            "--%s %s\n" % (change["option"], argument)
            for change in changes
            for argument in change[side]
        )

    return {
        "before_header": name,
        "after_header": name,
        "before": lines("before"),
        "after": lines("after"),
    }


def change(module, verb, *more):
    """Carry out `harden` or `apply`, or say what it would do; ends the module.

    Args:
        more: further words of the command.
    """
    program = Program(module)
    wanted = module.params
    words = fixes(module)
    changes = planned(program, wanted, words)
    result = dict(diff=diff(wanted["name"], changes), **outcome(None, changes))
    if not changes:
        module.exit_json(**result)
    if module.check_mode:
        result["changed"] = True
        module.exit_json(**result)
    for probe in wanted["probe"] or ():
        words += ["--probe", probe]
    if wanted["patience"]:
        words += ["--patience", str(wanted["patience"])]
    code, documents, messages = program.documents(verb, wanted["name"], *words, *more, "--yes")
    entry = entry_of(documents)
    result.update(outcome(entry, changes))
    if verb == "harden" and code == 1:  # the trial kept nothing
        module.exit_json(**result)
    if code != 0:
        program.fail(code, reason_of(documents, entry) or messages, **result)
    module.exit_json(**result)


def reason_of(documents, entry):
    """Why a change failed, by its entry or by the trial."""
    trial = (documents[-1].get("trial") if documents else None) or {}
    return (entry or {}).get("reason") or (trial.get("baseline") or {}).get("why")


def entry_of(documents):
    """The journal's entry of a change among the answers; None if nothing was changed."""
    for document in reversed(documents):
        entries = document.get("entries") or [document.get("apply")]
        if entries[-1]:
            return entries[-1]
    return None


def outcome(entry, changes):
    """What a module returns of a change."""
    return {
        "changed": entry is not None and entry["state"] != "rolled-back",
        "entry": entry and {key: entry.get(key) for key in ("id", "state", "downtime_seconds", "reason")},
        "changes": [
            {key: change[key] for key in ("option", "before", "after", "checks")} for change in changes
        ],
    }
