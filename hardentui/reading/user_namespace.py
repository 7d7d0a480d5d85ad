"""Whether the ids of a container are other ids on the host: the one place that answers it."""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts, Kernel
from hardentui.model.spec import Spec
from hardentui.options import SUBUIDNAME, UIDMAP, USERNS
from hardentui.reading.containers import is_planned, section

_OWN_NAMESPACE = frozenset({"auto", "keep-id", "nomap", "private"})


def own_user_namespace(facts: ContainerFacts) -> bool:
    """No id of the container is root of the host, and its namespace is another one.

    The kernel says so, else the declaration does. A namespace whose map leads to uid 0 of the host is none
    in this sense: root of the host is in it. Under a rootless engine ids are always others.
    """
    if facts.engine.rootless is True:
        shared = facts.kernel.host_user_namespace if isinstance(facts.kernel, Kernel) else False
        return shared is not True
    kernel = facts.kernel
    if isinstance(kernel, Kernel) and isinstance(kernel.host_user_namespace, bool):
        return not kernel.host_user_namespace and not maps_root_of_host(facts)
    return asks_for_user_namespace(facts)


def maps_root_of_host(facts: ContainerFacts) -> bool:
    """A user namespace of the rootful engine has an id that is uid 0 of the host."""
    if facts.engine.rootless is True:
        return False
    kernel = facts.kernel
    if isinstance(kernel, Kernel) and isinstance(kernel.uid_map, tuple):
        return any(line.outside == 0 for line in kernel.uid_map)
    return _declares_root(facts.spec)


def asks_for_user_namespace(facts: ContainerFacts) -> bool:
    """The container declares a user namespace of its own, without root of the host in it."""
    spec = facts.spec
    if facts.engine.rootless is not True and _declares_root(spec):
        return False
    if spec[USERNS]:
        return spec[USERNS].partition(":")[0] in _OWN_NAMESPACE
    if UIDMAP in spec or SUBUIDNAME in spec:
        return True
    hidden = USERNS in spec.unknowable and not is_planned(facts)
    return hidden and section(facts.inspect, "HostConfig").get("UsernsMode") == "private"


def _declares_root(spec: Spec) -> bool:
    """One of the maps that are asked for, `INSIDE:OUTSIDE[:SIZE]`, begins at uid 0 of the host."""
    options = spec[USERNS].partition(":")[2].split(",")
    maps = [*spec[UIDMAP], *(word[11:] for word in options if word.startswith("uidmapping="))]
    outside = (text.split(":")[1] for text in maps if ":" in text)
    return any(one.isdecimal() and int(one) == 0 for one in outside)
