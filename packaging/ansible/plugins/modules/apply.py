#!/usr/bin/python
# Copyright: the authors of HardenTUI
# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: apply
short_description: Apply fixes to a container, with proof and a way back
version_added: 0.1.0
description:
  - Applies the fixes of checks, a plan or a trial to the real container, without a trial of its own.
  - If the service does not work afterwards, or a fix is not in force in the kernel, the original is brought back and the
    module fails, so that C(serial) and C(max_fail_percentage) decide whether the next hosts are begun.
  - On a second run the container passes these checks already, and nothing is done.
options:
  probe:
    description: Shell commands that succeed while the service works; run before and after the change.
    type: list
    elements: str
  patience:
    description: Seconds for the service to become ready again.
    type: int
  confirm_within:
    description: Roll back unless C(hardentui confirm) is run on the host within so many seconds.
    type: int
extends_documentation_fragment:
  - hardentui.podman.host
  - hardentui.podman.host.fixes
  - hardentui.podman.host.choices
  - hardentui.podman.host.attributes
"""

EXAMPLES = r"""
- name: What a sibling with the same image and options proved
  hardentui.podman.apply:
    name: web
    checks: [writable-rootfs]
    probe: ["curl -fsS http://$TARGET:8080/"]
"""

RETURN = r"""
changes:
  description: The options that are, or would be, changed.
  type: list
  elements: dict
  returned: success
entry:
  description: The change in the journal of the host; C(hardentui undo) takes it back. None if nothing was changed.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hardentui.podman.plugins.module_utils.program import (
    CHOICES,
    FIXES,
    SHARED,
    Program,
    diff,
    entry_of,
    fixes,
    outcome,
    planned,
)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            SHARED,
            probe=dict(type="list", elements="str", no_log=True),
            patience=dict(type="int"),
            confirm_within=dict(type="int"),
            **dict(FIXES, **CHOICES)
        ),
        required_one_of=[["checks", "plan", "likely", "safe"]],
        mutually_exclusive=[["checks", "plan", "likely", "safe"]],
        supports_check_mode=True,
    )
    program = Program(module)
    wanted = module.params
    words = fixes(wanted)
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
    if wanted["confirm_within"]:
        words += ["--confirm-within", str(wanted["confirm_within"])]
    code, documents, messages = program.documents(
        "apply", wanted["name"], *words, "--yes"
    )
    entry = entry_of(documents)
    result.update(outcome(entry, changes))
    if code != 0:
        program.fail(code, (entry or {}).get("reason") or messages, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
