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
  all_fixes:
    description:
      - Every fix that can be carried out. What the trial leaves out is tried again on the next run; name O(checks) for a
        second run that does nothing.
    type: bool
    default: false
extends_documentation_fragment:
  - hardentui.podman.host
  - hardentui.podman.host.fixes
  - hardentui.podman.host.change
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
    CHANGE,
    FIXES,
    SHARED,
    change,
)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            SHARED,
            all_fixes=dict(type="bool", default=False),
            **FIXES,
            **CHANGE,
        ),
        mutually_exclusive=[["checks", "all_fixes"]],
        supports_check_mode=True,
    )
    change(module, "harden")


if __name__ == "__main__":
    main()
