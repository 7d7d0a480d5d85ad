"""HardenTUI on this minion: look at containers, harden them, gather facts.

Calls the command of the package, or the single file that the pillar or grain ``hardentui:program``
names; ``hardentui:url`` names the Podman, if it is not the account's own. A rootless Podman is reached as its account: ``user=anna``.

CLI examples::

    salt 'web*' hardentui.check
    salt 'web*' hardentui.harden web checks='[writable-rootfs]'
    salt-ssh 'web*' hardentui.facts
"""

import base64
import filecmp
import json
import os
import shutil
import tempfile

from salt.exceptions import CommandExecutionError

__virtualname__ = "hardentui"

_PLACES = ("/usr/bin/hardentui", "/usr/local/bin/hardentui", "/usr/local/lib/hardentui/hardentui.pyz")
_EXITS = {
    1: "nothing can be changed",
    2: "the call or the host does not fit",
    3: "Podman cannot be reached",
    4: "something that matters could not be checked",
    5: "the change failed and was rolled back",
    6: "the twin does not work even without changes",
    7: "ended, because the original needs what the twins take",
}
_UNITS = (".container", ".network", ".volume", ".pod", ".image", ".build", ".kube", ".json", ".conf")
_LARGEST_FACTS = 64 << 20  # bytes


def __virtual__():
    return __virtualname__


def _program():
    path = __salt__["config.get"]("hardentui:program", "") or next(
        filter(os.path.exists, _PLACES), ""
    )
    if not path:
        raise CommandExecutionError("HardenTUI is not on this host: none of %s." % ", ".join(_PLACES))
    return path


def _call(words, user=None):
    """Exit code, output and messages of a command; no shell reads the words."""
    url = __salt__["config.get"]("hardentui:url", "")
    where = ["--url", url] if url else []
    said = __salt__["cmd.run_all"](
        [_program()] + [str(word) for word in words] + where + ["--quiet"],
        python_shell=False,
        runas=user,
        ignore_retcode=True,
        output_loglevel="quiet",
    )
    return said["retcode"], said["stdout"], said["stderr"]


def _documents(words, user=None):
    code, out, messages = _call(list(words) + ["--format", "json"], user)
    documents, decoder, text = [], json.JSONDecoder(), out.strip()
    while text:
        try:
            document, end = decoder.raw_decode(text)
        except ValueError:
            raise CommandExecutionError(_sentence(code, messages)) from None
        documents.append(document)
        text = text[end:].strip()
    return code, documents, messages


def _sentence(code, messages):
    what = _EXITS.get(code, "it ended with %s" % code)
    return "HardenTUI: %s. %s" % (what, " ".join(messages.split())[-500:])


def _fixes(checks, plan, likely, safe):
    words = [word for check in checks or () for word in ("--check", check)]
    if plan:
        words += ["--plan", plan]
    if likely:
        words.append("--likely")
    if safe:
        words.append("--safe")
    if not words:
        raise CommandExecutionError("Name the fixes: checks, plan, likely or safe.")
    return words


def check(names=None, checks=None, user=None):
    """What fails on this host: the number by severity, and each finding. Changes nothing."""
    words = list(names or ()) + [word for each in checks or () for word in ("--check", each)]
    code, documents, messages = _documents(["check"] + words, user)
    if not documents:
        raise CommandExecutionError(_sentence(code, messages))
    report = documents[0]
    return {
        "failing": report["summary"]["failing"],
        "findings": [
            {
                "subject": subject["name"],
                "kind": subject["kind"],
                "check": finding["check"],
                "severity": finding["severity"],
                "fixable": finding["fixable"],
            }
            for subject in report["subjects"]
            for finding in subject["findings"]
            if finding["status"] == "fail"
        ],
    }


def facts(user=None):
    """Everything that checks read, compressed and in base64, for ``hardentui check --facts``; secrets
    are masked."""
    folder = tempfile.mkdtemp(prefix="hardentui-")
    path = os.path.join(folder, "facts.json.gz")
    try:
        if user:
            __salt__["file.chown"](folder, user, "")
        code, _, messages = _call(["check", "--save", path], user)
        if code != 0:
            raise CommandExecutionError(_sentence(code, messages))
        with open(path, "rb") as file:
            content = file.read(_LARGEST_FACTS + 1)
        if len(content) > _LARGEST_FACTS:
            raise CommandExecutionError("The facts are larger than %d MB." % (_LARGEST_FACTS >> 20))
        return base64.b64encode(content).decode()
    finally:
        __salt__["file.remove"](folder)


def plan(name, checks=None, plan=None, likely=False, safe=False, user=None):
    """The options that these fixes would change now, secrets masked: none on a second run."""
    code, documents, messages = _documents(["plan", name] + _fixes(checks, plan, likely, safe), user)
    if code == 1:
        return []
    if code != 0 or not documents:
        raise CommandExecutionError(_sentence(code, messages))
    return [
        {key: change[key] for key in ("option", "before", "after", "checks")}
        for change in documents[-1]["changes"]
    ]


def harden(name, checks, probe=None, user=None):
    """Try the fixes of these checks on a twin, and apply what works. A failure brings the original
    back, and is raised."""
    return _change("harden", name, _fixes(checks, None, False, False), probe, user)


def apply(name, checks=None, plan=None, likely=False, safe=False, probe=None, user=None):
    """Apply these fixes, with proof and a way back. A failure brings the original back, and is
    raised."""
    return _change("apply", name, _fixes(checks, plan, likely, safe), probe, user)


def _change(verb, name, words, probe, user):
    probes = [word for each in probe or () for word in ("--probe", each)]
    code, documents, messages = _documents([verb, name] + words + probes + ["--yes"], user)
    entry = None
    for document in documents:
        entry = (document.get("entries") or [document.get("apply")])[-1] or entry
    if code not in (0, 1):
        baseline = ((documents[-1].get("trial") if documents else None) or {}).get("baseline") or {}
        reason = (entry or {}).get("reason") or baseline.get("why") or messages
        raise CommandExecutionError(_sentence(code, reason))
    if entry is None:
        return {"changed": False}
    return {"changed": entry["state"] != "rolled-back", "id": entry["id"], "state": entry["state"]}


def quadlet(
    name, dest, checks=None, plan=None, likely=False, safe=False, as_is=False, user=None, test=False
):
    """Put the Quadlet files of a container into the folder ``dest``, and have systemd read it again;
    the container goes on running. Returns the files that differed: ``new``, or ``changed`` with the
    one before kept beside it as ``FILE.before~``. With ``test=True`` nothing is written."""
    words = ["--as-is"] if as_is else _fixes(checks, plan, likely, safe)
    made = tempfile.mkdtemp(prefix="hardentui-")
    try:
        if user:
            __salt__["file.chown"](made, user, "")
        code, _, messages = _call(["fix", name, "--to", "quadlet"] + words + ["-o", made], user)
        if code != 0:
            raise CommandExecutionError(_sentence(code, messages))
        differing = {}
        for file in sorted(os.listdir(made)):
            target = os.path.join(dest, file)
            if file.endswith(_UNITS) and not _same(os.path.join(made, file), target):
                differing[file] = "changed" if os.path.exists(target) else "new"
        if differing and not test:
            _put_in_place(made, dest, differing, user)
        return differing
    finally:
        __salt__["file.remove"](made)


def _same(path, other):
    return os.path.isfile(other) and filecmp.cmp(path, other, shallow=False)


def _put_in_place(made, dest, files, user):
    """Each file at once, with the owner and mode that HardenTUI gave it."""
    if not os.path.isdir(dest):
        __salt__["file.makedirs_perms"](dest, user=user, mode="755")
    for file, state in files.items():
        target = os.path.join(dest, file)
        if state == "changed":
            shutil.copy2(target, target + ".before~")
        source = os.path.join(made, file)
        beside = target + ".new~"
        shutil.copy2(source, beside)
        owner = os.stat(source)
        os.chown(beside, owner.st_uid, owner.st_gid)
        os.replace(beside, target)
    if os.path.isdir("/run/systemd/system"):
        words = ["systemctl"] + (["--user", "-M", user + "@"] if user else []) + ["daemon-reload"]
        __salt__["cmd.run_all"](words, python_shell=False, ignore_retcode=True)
