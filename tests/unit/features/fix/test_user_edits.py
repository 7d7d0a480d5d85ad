"""What comes back from an editor: taken when it is right, else every fault with its line."""

from __future__ import annotations

import pytest

from hardentui.checks import all_checks
from hardentui.errors import ChecklistError
from hardentui.features.fix.user_edits import check_edited_unit, edited_choices
from hardentui.model.plan import Choice
from hardentui.model.spec import Version

CHECKS = {check.id: check for check in all_checks()}
PODMAN = Version(5, 4, 2)


def _faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ChecklistError) as raised:
        edited_choices(text, CHECKS)
    return raised.value.faults


def test_fixes_and_their_values_are_taken() -> None:
    text = '[[fix]]\ncheck = "no-memory-limit"\nparameters = { memory = "1g" }\n'
    text += '\n[[fix]]\ncheck = "writable-rootfs"\n'
    assert edited_choices(text, CHECKS) == (
        Choice("no-memory-limit", (("memory", "1g"),)),
        Choice("writable-rootfs"),
    )
    assert edited_choices('fix = ["writable-rootfs"]', CHECKS) == (Choice("writable-rootfs"),)
    assert edited_choices("# nothing\nfix = []\n", CHECKS) == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[[fix]]\ncheck = "no-memory-limt"',
            "2: there is no check 'no-memory-limt'; did you mean 'no-memory-limit'?",
        ),
        ('[[fix]]\nchek = "x"', "1: a fix needs its check: check = ID"),
        (
            '[[fix]]\ncheck = "no-memory-limit"\n[fix.parameters]\nmemry = "1g"',
            "4: no-memory-limit has no parameter 'memry'; did you mean 'memory'?",
        ),
        (
            '[[fix]]\ncheck = "no-pids-limit"\nparameters = {limit = "x"}',
            "3: limit must be a value like 512",
        ),
        (
            '[[fix]]\ncheck = "no-memory-limit"\nparameters = {memory = "x"}',
            "3: memory must be a size such as",
        ),
        ('[[fix]]\ncheck = "no-memory-limit"\nparameters = 3', "3: parameters must be a table"),
        ("fix = 3", "1: fix must be an array of tables"),
        ('[[fix]]\ncheck = "a"\n\nbroken', "4: invalid TOML"),
    ],
)
def test_every_fault_of_a_plan_has_its_line(text: str, fault: str) -> None:
    [said] = _faults(text)
    assert said.startswith(fault)


def test_all_faults_of_a_plan_are_told() -> None:
    assert len(_faults('[[fix]]\ncheck = "a"\n[[fix]]\ncheck = "b"\n[[fix]]\n')) == 3


UNIT = """[Container]
Image=docker.io/library/nginx:1.27
ContainerName=web

[Install]
WantedBy=default.target
"""


def test_a_unit_that_the_generator_takes_is_fine() -> None:
    check_edited_unit("web.container", UNIT, {}, PODMAN, rootless=True)
    network = {"web.network": "[Network]\nInternal=true\n"}
    with_network = UNIT.replace("ContainerName", "Network=web.network\nContainerName")
    check_edited_unit("web.container", with_network, network, PODMAN, rootless=True)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("ContainerName=web", "ContanerName=web"), "3: "),
        (("ContainerName=web", "what is this"), "3: line 3 is not a key-value pair"),
        (("Image=docker.io/library/nginx:1.27\n", ""), "1: "),
        (("ContainerName=web", "Network=other.network"), "3: "),
        (("ContainerName=web", "ContainerName=a\rb"), "3: "),
    ],
)
def test_what_the_generator_refuses_or_drops_has_its_line(change: tuple[str, str], fault: str) -> None:
    with pytest.raises(ChecklistError) as raised:
        check_edited_unit("web.container", UNIT.replace(*change), {}, PODMAN, rootless=True)
    assert raised.value.faults[0].startswith(fault)
