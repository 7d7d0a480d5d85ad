#!/usr/bin/python
# Copyright: the authors of HardenTUI
# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: quadlet
short_description: Put the Quadlet files of a container in place, hardened or as it is
version_added: 0.1.0
description:
  - Writes the units of a container, with what they need beside them, to the folder that Quadlet reads, and has systemd
    read it again. The container goes on running; M(hardentui.podman.apply) changes one, with proof and a way back.
  - The generator of the host must accept the files. A file that is replaced is kept beside the new one.
options:
  as_is:
    description: The container as it runs today, nothing hardened.
    type: bool
    default: false
  dest:
    description: The folder. Without it, C(/etc/containers/systemd), or C(~/.config/containers/systemd) of a user.
    type: path
extends_documentation_fragment:
  - hardentui.podman.host
  - hardentui.podman.host.fixes
  - hardentui.podman.host.choices
  - hardentui.podman.host.attributes
"""

EXAMPLES = r"""
- name: A hardened unit
  hardentui.podman.quadlet:
    name: web
    likely: true
"""

RETURN = r"""
files:
  description: The files that are, or would be, written.
  type: list
  elements: str
  returned: success
"""

import os
import pwd
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hardentui.podman.plugins.module_utils.program import (
    CHOICES,
    FIXES,
    SHARED,
    Program,
    fixes,
)

_UNITS = (".container", ".network", ".volume", ".pod", ".image", ".build", ".kube", ".json", ".conf")
_MAY_HOLD_SECRETS = ("Environment", "Exec", "Entrypoint", "HealthCmd", "HealthStartupCmd", "PodmanArgs", "Label")


def shown(text):
    """A unit without the values that may be secrets."""
    lines, key, goes_on = [], "", False
    for line in text.splitlines():
        if not goes_on:
            key = line.partition("=")[0].strip()
        withheld = key in _MAY_HOLD_SECRETS and not line.startswith(("#", ";"))
        if not (goes_on and withheld):
            lines.append("%s=(withheld)" % key if withheld else line)
        goes_on = line.endswith("\\")
    return "\n".join(lines) + "\n" if lines else ""


def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def place(module, source, target):
    """Put one file in place; returns the copy of the one before, or nothing."""
    backup = module.backup_local(target) if os.path.exists(target) else ""
    module.atomic_move(source, target)
    return backup


def main():
    module = AnsibleModule(
        argument_spec=dict(
            SHARED,
            as_is=dict(type="bool", default=False),
            dest=dict(type="path"),
            **FIXES,
            **CHOICES,
        ),
        mutually_exclusive=[["checks", "plan", "likely", "safe", "as_is"]],
        supports_check_mode=True,
    )
    program = Program(module)
    wanted = module.params
    user = os.geteuid() != 0
    home = pwd.getpwuid(os.geteuid()).pw_dir
    usual = os.path.join(home, ".config") if user else "/etc"
    dest = wanted["dest"] or os.path.join(usual, "containers/systemd")
    made = tempfile.mkdtemp(prefix="hardentui-", dir=module.tmpdir)
    try:
        words = ["--as-is"] if wanted["as_is"] else fixes(module)
        code, out, messages = program.call("fix", wanted["name"], "--to", "quadlet", *words, "-o", made)
        if code != 0:
            program.fail(code, messages)
        names = [name for name in sorted(os.listdir(made)) if name.endswith(_UNITS)]
        before = dict((name, read(os.path.join(dest, name))) for name in names)
        after = dict((name, read(os.path.join(made, name))) for name in names)
        differing = [name for name in names if before[name] != after[name]]
        result = dict(
            changed=bool(differing),
            files=[os.path.join(dest, name) for name in differing],
            diff=[
                dict(
                    before_header=os.path.join(dest, name),
                    after_header=os.path.join(dest, name),
                    before=shown(before[name]),
                    after=shown(after[name]),
                )
                for name in differing
            ],
        )
        if differing and not module.check_mode:
            put_in_place(module, made, dest, differing, user)
        module.exit_json(**result)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def put_in_place(module, made, dest, names, user):
    """All files or none: what was there comes back if systemd does not take them."""
    placed = []
    try:
        os.makedirs(dest, mode=0o755, exist_ok=True)
        for name in names:
            target = os.path.join(dest, name)
            placed.append((target, place(module, os.path.join(made, name), target)))
        if os.path.isdir("/run/systemd/system"):
            command = ["systemctl"] + (["--user"] if user else []) + ["daemon-reload"]
            module.run_command(command, check_rc=False)
    except (OSError, SystemExit):
        for target, backup in reversed(placed):
            if backup:
                os.replace(backup, target)
            else:
                os.unlink(target)
        raise


if __name__ == "__main__":
    main()
