#!/usr/bin/python
# Copyright: the authors of HardenTUI
# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: harden
short_description: Harden a container with what works, tried on a twin first
version_added: 0.1.0
description:
  - Tries the fixes on a twin beside the container, leaves out what breaks it, and applies the rest to the real one.
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
  all_fixes:
    description:
      - Every fix that can be carried out. What the trial leaves out is tried again on the next run; name O(checks) for a
        second run that does nothing.
    type: bool
    default: false
extends_documentation_fragment:
  - hardentui.podman.host
  - hardentui.podman.host.fixes
  - hardentui.podman.host.attributes
"""

EXAMPLES = r"""
- name: The same fixes on every web server, one after another
  hosts: web
  serial: 1
  max_fail_percentage: 0
  tasks:
    - name: Harden
      hardentui.podman.harden:
        name: web
        checks: [writable-rootfs, new-privileges-allowed]
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
            all_fixes=dict(type="bool", default=False),
            **FIXES
        ),
        required_one_of=[["checks", "all_fixes"]],
        mutually_exclusive=[["checks", "all_fixes"]],
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
    code, documents, messages = program.documents(
        "harden", wanted["name"], *words, "--yes"
    )
    entry = entry_of(documents)
    result.update(outcome(entry, changes))
    if code != 0:
        if code == 1:
            result["changed"] = False
            module.exit_json(**result)
        program.fail(code, (entry or {}).get("reason") or messages, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
