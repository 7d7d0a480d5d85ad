"""A playbook for Ansible: the module gets every option, and no text of a container is a template."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hardentui.errors import CannotExpress
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options.same_command import compare_arguments
from hardentui.writers.ansible import PARAMETERS, ansible_files
from hardentui.writers.context import Member, UnitContext
from hardentui.writers.run_script import run_arguments
from tests.property.recorded_cases import names, read_case
from tests.support.option_samples import sample

MODULE_ARGUMENTS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data/ansible-podman-container.json").read_text()
)["parameters"]
TYPES = {
    "str": str,
    "path": str,
    "int": int,
    "bool": bool,
    "list": list,
    "dict": dict,
    "raw": list,
}
FLAGS = {
    "etc_hosts": "add-host",
    "network_aliases": "network-alias",
    "secrets": "secret",
    "timezone": "tz",
    "healthcheck": "health-cmd",
    "healthcheck_failure_action": "health-on-failure",
    "restart_policy": "restart",
    **{f"healthcheck_{name}": f"health-{name}" for name in ("interval", "retries", "timeout")},
    "healthcheck_start_period": "health-start-period",
}
"""Parameters that are called otherwise than the flag that the module makes of them."""
COLONS = ("etc_hosts", "tmpfs", "blkio_weight_device")
BASE = Spec.of((NAME, "web"), (IMAGE, "registry.example/i:1"))


class Loader(yaml.SafeLoader):
    """Reads `!unsafe` as Ansible does: as text."""


Loader.add_constructor("!unsafe", lambda loader, node: str(node.value))


def tasks(text: str) -> list[Any]:
    (play,) = yaml.load(text, Loader)  # noqa: S506 - a safe loader with one more tag
    assert isinstance(play["tasks"], list)
    return play["tasks"]


def parameters(
    spec: Spec,
    context: UnitContext | None = None,
) -> dict[str, Any]:
    last = tasks(ansible_files(spec, context or UnitContext()).playbook)[-1]
    result = last["containers.podman.podman_container"]
    assert isinstance(result, dict)
    return result


def command_line(given: dict[str, Any]) -> list[str]:
    """The words that the module makes of its parameters."""
    image = given.pop("image")
    words = given.pop("command", [])
    assert given.pop("state") == "started"
    rootfs = given.pop("rootfs", False)
    flags = list(given.pop("cmd_args", []))
    for name, value in given.items():
        flags += _flags(name, value)
    return [
        "run",
        *flags,
        *(["--rootfs"] if rootfs else []),
        image,
        *words,
    ]


def _flags(name: str, value: Any) -> Iterator[str]:
    flag = "--" + FLAGS.get(name, name.replace("_", "-"))
    if isinstance(value, bool):
        yield f"{flag}={str(value).lower()}"
    elif isinstance(value, dict):
        separator = ":" if name in COLONS else "="
        pairs = (
            f"{key.replace('max_size', 'max-size')}{separator}{text}" for key, text in value.items()
        )
        yield from (f"{flag}={pair}" for pair in pairs)
    elif isinstance(value, list):
        yield from (f"{flag}={text}" for text in value)
    else:
        yield f"{flag}={value}"


CARRIED = [option for option in TABLE if not option.before_verb]


@pytest.mark.parametrize("option", CARRIED, ids=repr)
def test_each_option_is_a_parameter_of_the_module_that_makes_the_command_that_was_meant(
    option: Option[Any],
) -> None:
    spec = BASE.with_(option, sample(option))
    given = parameters(spec)
    for name, value in given.items():
        assert isinstance(value, TYPES[MODULE_ARGUMENTS[name]["type"]]), name
        assert not isinstance(value, list) or all(isinstance(text, str) for text in value)
    made = [word.replace("/tmp:rw", "/tmp") for word in command_line(given)]
    intended = run_arguments(spec, option.only_verb or "run")
    assert compare_arguments(made, ["run", *intended[1:]]) == ()


def test_an_option_with_a_parameter_is_no_plain_word() -> None:
    """The module compares parameters only, and would make the container anew at each run."""
    words = {
        option.flag.lstrip("-").replace("-", "_") for option in CARRIED if option not in PARAMETERS
    }
    never_in_words = {"security_opt", "volume", "command", "rootfs", "log_opt", "log_driver"}
    odd = {
        "passwd",  # the module only switches it on
        "pidfile",
        "stop_signal",  # takes a number only
        "retry",  # takes a number only
        "image_volume",  # knows other words
        "chrootdirs",
    }
    assert words & MODULE_ARGUMENTS.keys() - never_in_words <= odd


def test_every_recorded_container_is_made_again() -> None:
    """What real containers were created with, as inspect shows it, through the module's parameters."""
    for case in ((phase, name) for phase in ("create", "running") for name in names(phase)):
        spec = read_case(*case)
        spec = spec.without(*(option for option in spec if option.before_verb))
        verb = next((option.only_verb for option in spec if option.only_verb), "run")
        made = [
            word.removesuffix(":rw") if word == "--tmpfs=/t:rw" else word for word in _made(spec)
        ]
        assert compare_arguments(made, ["run", *run_arguments(spec, verb)[1:]]) == (), case


def _made(spec: Spec) -> list[str]:
    return command_line(parameters(spec))


def test_what_has_to_be_there_is_made_first() -> None:
    context = UnitContext(
        networks={"front": {"name": "front", "driver": "bridge", "internal": True}},
        volumes={"data": {"Name": "data", "Driver": "local"}},
        pod={
            "Name": "site",
            "CreateCommand": ["podman", "pod", "create", "site"],
        },
        members=(Member(Spec.of((NAME, "cache")), UnitContext()),),
    )
    spec = BASE.with_(NETWORK, ("front",)).with_(
        MOUNTS,
        (Mount("volume", "data", "/data"),),
    )
    made = tasks(ansible_files(spec, context).playbook)
    commands = [task["ansible.builtin.command"]["argv"] for task in made[:-1]]
    assert commands == [
        ["podman", "network", "exists", "front"],
        ["podman", "network", "create", "--internal", "front"],
        ["podman", "volume", "exists", "data"],
        ["podman", "volume", "create", "data"],
    ]
    assert made[1]["when"] == f"{made[0]['register']}.rc == 1"


TEMPLATES = st.lists(
    st.sampled_from(
        [
            *(
                "{{ lookup('pipe', 'id') }}",
                "{%",
                "%}",
                "{#",
                "#jinja2:",
                "{",
                "}",
                "\n",
                "\u202e",
                "é",
                " ",
            ),
            *(
                "!unsafe",
                "'",
                '"',
                "\x1b[31m",
                "\ud800",
                "- name: evil",
                "---",
                "=",
                ":",
                ",",
                "\x00",
                "a",
            ),
        ]
    ),
    max_size=6,
).map("".join)


@settings(max_examples=100, deadline=None)
@given(TEMPLATES, TEMPLATES)
def test_no_text_of_a_container_is_a_template(
    first: str,
    second: str,
) -> None:
    spec = Spec.of(
        (NAME, "web"),
        (IMAGE, f"i{first}"),
        (ENV, (f"A={first}", f"B{second}={first}")),
        (COMMAND, (first, second)),
        (LABELS, (f"{second}={first}",)),
        (MOUNTS, (Mount("volume", f"v{first}", f"/{second}"),)),
        (NETWORK, (f"n{first}",)),
    )
    context = UnitContext(
        networks={f"n{first}": {"driver": first}},
        volumes={f"v{first}": {}},
    )
    try:
        made = ansible_files(spec, context, (f"Note: {first}",))
    except CannotExpress:
        assert "\ud800" in first + second
        return
    body = made.playbook.partition("\n---\n")[2]
    assert body.isascii()
    assert parameters(spec, context)["command"] == [first, second]
    for event in yaml.parse(body, yaml.SafeLoader):
        if isinstance(event, yaml.ScalarEvent) and any(
            mark in event.value for mark in ("{{", "{%", "{#")
        ):
            assert event.tag == "!unsafe"
