# Copyright: the authors of HardenTUI
# Apache License 2.0 (see LICENSE)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  program:
    description:
      - HardenTUI on the host, the command of the package or the single file C(hardentui.pyz).
      - Without it, the usual places are tried.
    type: path
  url:
    description: Address of the Podman that is meant; without it, the account's own.
    type: str
  checklist:
    description: A checklist instead of the ten steps, V(baseline), V(strict), V(edge), V(systemd), or a file on the host.
    type: str
requirements:
  - HardenTUI on the host, which needs Python 3.11 or newer
notes:
  - A rootless Podman is reached with C(become_user), its account.
author:
  - The authors of HardenTUI (@hardentui)
"""

    FIXES = r"""
options:
  name:
    description: Name or ID of the container.
    type: str
    required: true
  checks:
    description: The fixes of these checks.
    type: list
    elements: str
"""

    CHANGE = r"""
options:
  probe:
    description: Shell commands that succeed while the service works; run before and after the change.
    type: list
    elements: str
  patience:
    description: Seconds for the service to become ready again.
    type: int
"""

    CHOICES = r"""
options:
  plan:
    description: A saved plan, as a file on the host.
    type: path
  likely:
    description: Every fix except those that may break something.
    type: bool
    default: false
  safe:
    description: Only fixes known to break nothing.
    type: bool
    default: false
"""

    ATTRIBUTES = r"""
attributes:
  check_mode:
    description: Can run in check mode and says what would change, without changing it.
    support: full
  diff_mode:
    description: Shows the options before and after, secrets masked.
    support: full
"""
