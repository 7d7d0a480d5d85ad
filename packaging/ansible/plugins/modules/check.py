#!/usr/bin/python
# Copyright: the authors of HardenTUI
# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
module: check
short_description: Look for what is wrong with the containers of a Podman host
version_added: 0.1.0
description:
  - Looks at containers, images, networks, the engine and the host. It changes nothing.
  - With O(facts) it saves everything that checks read to a file on the host, secrets masked, for C(hardentui check --facts).
    The role P(hardentui.podman.gather#role) brings these files to the controller.
options:
  name:
    description: Only these containers.
    type: list
    elements: str
  checks:
    description: Only these checks.
    type: list
    elements: str
  fail_on:
    description: The module fails if a finding has this severity or a higher one. Without it, findings are only told.
    type: str
    choices: [low, medium, high, critical]
  facts:
    description: File on the host for the facts; compressed if it ends in C(.gz). Not written in check mode.
    type: path
extends_documentation_fragment:
  - hardentui.podman.host
attributes:
  check_mode:
    description: Looks as without it, and writes no facts.
    support: full
  diff_mode:
    description: Nothing is changed.
    support: none
"""

EXAMPLES = r"""
- name: What is wrong
  hardentui.podman.check:
    fail_on: critical

- name: The rootless containers of anna
  become: true
  become_user: anna
  hardentui.podman.check:
    name: [web]
"""

RETURN = r"""
score:
  description: The worst score of a container, from 0 to 100; none if nothing has a score.
  type: int
  returned: success
failing:
  description: The number of failing findings by severity.
  type: dict
  returned: success
findings:
  description: What fails, of each container, the host and what they share.
  type: list
  elements: dict
  returned: success
  contains:
    subject:
      description: Its name.
      type: str
    kind:
      description: V(container), V(host), V(engine), V(image), V(network) or V(site).
      type: str
    check:
      description: The check that fails.
      type: str
    severity:
      description: How severe it is here.
      type: str
    fixable:
      description: Whether an option of the container fixes it.
      type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hardentui.podman.plugins.module_utils.program import SHARED, Program


def main():
    module = AnsibleModule(
        argument_spec=dict(
            SHARED,
            name=dict(type="list", elements="str"),
            checks=dict(type="list", elements="str"),
            fail_on=dict(type="str", choices=["low", "medium", "high", "critical"]),
            facts=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    program = Program(module)
    wanted = module.params
    words = list(wanted["name"] or ())
    for check in wanted["checks"] or ():
        words += ["--check", check]
    code, documents, messages = program.documents(
        "check", *words, "--fail-on", wanted["fail_on"] or "high"
    )
    if not documents:
        program.fail(code, messages)
    if wanted["facts"] and not module.check_mode:
        saved, out, trouble = program.call("check", "--save", wanted["facts"])
        if saved != 0:
            program.fail(saved, trouble)
    report = documents[0]
    subjects = report["subjects"]
    scores = [each["score"] for each in subjects if each["kind"] == "container" and each["score"] is not None]
    result = dict(
        changed=False,
        score=min(scores) if scores else None,
        failing=report["summary"]["failing"],
        findings=[
            dict(
                subject=subject["name"],
                kind=subject["kind"],
                check=finding["check"],
                severity=finding["severity"],
                fixable=finding["fixable"],
            )
            for subject in subjects
            for finding in subject["findings"]
            if finding["status"] == "fail"
        ],
    )
    if wanted["fail_on"] and code == 1:
        module.fail_json(msg="A finding at %s or above fails." % wanted["fail_on"], **result)
    if wanted["fail_on"] and code == 4:
        program.fail(code, messages, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
