"""The recorded cases: what Podman 5.4.2 shows of a container for each of its options.

The files hold differences from a plain container; here they become whole inspect documents again.
"""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options.inspect import Sources
from hardentui.options.read import read_spec

DATA = Path(__file__).parents[1] / "data" / "inspect-cases"
_ABSENT = "<absent>"

IMAGE: dict[str, Any] = {
    "Config": {
        "Env": ["PATH=/bin"],
        "Cmd": ["sleep", "1000"],
        "WorkingDir": "/",
        "Labels": {"imgl": "1"},
    }
}
"""The image of the recorded cases, as far as it has settings."""

ULIMITS_ADDED_AT_START = ("nofile=20000:20000", "nproc=96365:96365")

_OPEN_MAPS = frozenset(
    {
        "Annotations",
        "CgroupConf",
        "ExposedPorts",
        "Healthcheck",
        "IDMappings",
        "Labels",
        "Networks",
        "PortBindings",
        "Ports",
        "StartupHealthCheck",
        "Tmpfs",
    }
)


@cache
def _file(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return document


def names(phase: str) -> list[str]:
    """The cases of a phase: `create` or `running`."""
    return [name for name in _file(phase) if name != "_base"]


def document(
    phase: str,
    name: str,
    *,
    with_command: bool,
) -> dict[str, Any]:
    """The whole inspect document of a case; without its create command as if it was made through
    the API."""
    base = copy.deepcopy(_file(phase)["_base"])
    case = _file(phase)[name]
    full_id = str(base["Id"])
    own_name = case["cmd"][case["cmd"].index("--name") + 1] if "--name" in case["cmd"] else "htname"
    base["Name"] = own_name
    text = (
        json.dumps(case["diff"])
        .replace("<ID12>", full_id[:12])
        .replace(
            "<ID>",
            full_id,
        )
    )
    for path, value in json.loads(text.replace("<NAME>", own_name)).items():
        if path not in ("Id", "Name"):
            _put(base, path, value)
    networks = base["NetworkSettings"]["Networks"]
    base["NetworkSettings"]["Networks"] = {k: v for k, v in networks.items() if v}
    base["Config"]["CreateCommand"] = case["CreateCommand"] if with_command else None
    answers: dict[str, Any] = base
    return answers


def _put(
    document: dict[str, Any],
    path: str,
    value: Any,
) -> None:
    """Set a dotted path; keys of maps such as labels may have dots themselves."""
    here, rest, inside_map = document, path, False
    while True:
        step, dot, following = rest.partition(".")
        if inside_map and step not in here and "Networks" not in path:
            break
        if not dot or (inside_map and "Networks" not in path):
            break
        if step in _OPEN_MAPS or inside_map:
            here[step] = here.get(step) or {}
            inside_map = step in _OPEN_MAPS
        here, rest = here[step], following
    if value == _ABSENT:
        here.pop(rest, None)
    else:
        here[rest] = value


def read_case(
    phase: str,
    name: str,
    *,
    with_command: bool = True,
    **over: Any,
) -> Spec:
    """What is read back of a case."""
    sources = {
        "image": IMAGE,
        "log_driver": "k8s-file",
        "cgroup_version": 1,
        "version": Version(5, 4, 2),
        "default_ulimits": ULIMITS_ADDED_AT_START,
        **over,
    }
    return read_spec(Sources(document(phase, name, with_command=with_command), **sources))
