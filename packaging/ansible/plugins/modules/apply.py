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
  confirm_within:
    description: Roll back unless C(hardentui confirm) is run on the host within so many seconds.
    type: int
extends_documentation_fragment:
  - hardentui.podman.host
  - hardentui.podman.host.fixes
  - hardentui.podman.host.change
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
    CHANGE,
    CHOICES,
    FIXES,
    SHARED,
    change,
)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            SHARED,
            confirm_within=dict(type="int"),
            **FIXES,
            **CHANGE,
            **CHOICES,
        ),
        mutually_exclusive=[["checks", "plan", "likely", "safe"]],
        supports_check_mode=True,
    )
    within = module.params["confirm_within"]
    change(module, "apply", *(["--confirm-within", str(within)] if within else []))


if __name__ == "__main__":
    main()
