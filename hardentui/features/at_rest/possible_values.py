"""The verdict on a service whose file leaves values open: only what they could turn is unknown.

Each check is asked for what is written, and again with each of the values that could turn it in
place of every open part. Where all agree, the file decides. No value of this module leaves it: what
is told and written comes from the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from msgspec.structs import replace

from hardentui.features.at_rest.services import NAMED_VALUES, Service, SpecAtRest
from hardentui.model.check import Check, Parameters
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Status, Verdict, passed
from hardentui.model.known import later
from hardentui.model.open_value import OpenPart, OpenText
from hardentui.model.spec import OpenArgument, Option, Source, Spec
from hardentui.options import (
    ANNOTATIONS,
    CAP_ADD,
    CAP_DROP,
    CGROUPNS,
    CGROUPS,
    COMMAND,
    DEVICES,
    ENTRYPOINT,
    ENV,
    HEALTH_CMD,
    IMAGE,
    IPC,
    LABELS,
    LOG_DRIVER,
    LOG_OPT,
    MOUNTS,
    NAME,
    NETWORK,
    PID,
    PUBLISH,
    RESTART,
    ROOTFS,
    USER,
    USERNS,
    UTS,
)
from hardentui.options.items import Item, image_item, parse_argument, spec_of
from hardentui.options.mount_texts import mount_text, parse_mount

Verdicts: TypeAlias = "Callable[[Check, Parameters], Verdict]"
"""What a file decides of a service with these facts."""
Fill: TypeAlias = "Callable[[OpenArgument, OpenPart], str]"

_PLACES = (
    *(
        "data",
        "/srv/data",
        "/",
        "/etc",
        "/proc",
        "/sys",
        "/dev",
        "/run",
        "/boot",
        "/usr",
        "/var",
    ),
    *("/root", "/home", "/home/user", "/var/log", "/var/lib", "/var/lib/containers"),
    *("/run/podman/podman.sock", "/var/run/docker.sock", "/media", "/lib/modules"),
    *(
        "/etc:/host",
        "/:/host:ro",
        "/srv/data:/data",
        "data:/data",
        "/dev:/dev:rshared",
    ),
    "/var/run/docker.sock:/var/run/docker.sock",
)
SOME_SECRET = "correct-horse-battery"  # noqa: S105 - stands for any password while judging
_ANY = (
    "1",
    "0",
    "x",
    "true",
    "false",
    "none",
    "host",
    "64m",
    "100g",
    "unconfined",
    "-1",
    SOME_SECRET,
)
_OF_LABELS = (
    *_ANY,
    f"PASSWORD={SOME_SECRET}",
    "io.containers.autoupdate=registry",
    "registry",
)
_NAMESPACES = (
    "host",
    "none",
    "private",
    "shareable",
    "container:web",
    "ns:/proc/1/ns/ipc",
)
_OF_OPTION: dict[Option[Any], tuple[str, ...]] = {
    MOUNTS: _PLACES,
    PUBLISH: (
        "8080",
        "80",
        "22",
        "22:22",
        "8080:80",
        "127.0.0.1:8080:80",
        "127.0.0.1:80",
        "0.0.0.0:22",
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104
    ),
    USERNS: (
        "host",
        "auto",
        "keep-id",
        "nomap",
        "private",
    ),
    ROOTFS: ("/", "/srv/root"),
    USER: ("0", "root", "1000", "app", "1000:1000"),
    IMAGE: (
        "latest",
        "1.2.3",
        f"1@sha256:{'0' * 64}",
        "nginx",
        "docker.io/library/nginx:1.2.3",
    ),
    DEVICES: ("/dev/mem", "/dev/fuse", "/dev/sda", "/dev/kvm", "/dev/dri"),
    CAP_ADD: ("SYS_ADMIN", "NET_RAW", "CHOWN", "ALL"),
    CAP_DROP: ("ALL", "CHOWN", "NET_RAW"),
    NETWORK: (
        "host",
        "none",
        "bridge",
        "net",
        "container:web",
        "pasta:--map-gw",
        "slirp4netns:allow_host_loopback=true",
    ),
    **dict.fromkeys((IPC, PID, UTS, CGROUPNS), _NAMESPACES),
    CGROUPS: ("enabled", "disabled", "split"),
    LOG_DRIVER: (
        "journald",
        "k8s-file",
        "none",
        "passthrough",
    ),
    LOG_OPT: (*_ANY, "max-size=1m", f"tag=token={SOME_SECRET}"),
    HEALTH_CMD: (*_ANY, f"mysqladmin ping -p{SOME_SECRET}"),
    ENTRYPOINT: (
        "x",
        f"--password={SOME_SECRET}",
        f'["x", "--password={SOME_SECRET}"]',
    ),
    ENV: (
        f"PASSWORD={SOME_SECRET}",
        f"https_proxy=http://user:{SOME_SECRET}@host:3128",
    ),
    RESTART: (
        "always",
        "unless-stopped",
        "on-failure",
        "on-failure:3",
        "no",
    ),
    **dict.fromkeys((LABELS, ANNOTATIONS), _OF_LABELS),
    COMMAND: ("x", f"--password={SOME_SECRET}", "--privileged", "/"),
}
_OF_SECURITY = (
    "seccomp=unconfined",
    "apparmor=unconfined",
    "label=disable",
    "disable",
    "type:spc_t",
    "no-new-privileges",
    "unmask=ALL",
    "mask=/proc/kcore",
    "seccomp=/etc/profile.json",
    "ALL",
    "x",
)
"""Of `--security-opt=${X}` and `--security-opt=label=${X}`, which may be any of its options."""
_WHOLE_MOUNTS = (
    *(f"type=bind,source={place},destination=/mnt" for place in _PLACES if ":" not in place),
    "type=volume,source=data,destination=/mnt",
    "type=tmpfs,destination=/mnt",
)
"""Of a mount of which not even the kind is written."""
_FIRST_KINDS = ("volume", "tmpfs")
"""Of a mount whose kind is open: each of its possible sources is also bound."""
_OF_EVERY = (IMAGE, ROOTFS, COMMAND, NAME)
"""What no container is without."""
_FINE = (Status.PASS, Status.NOT_APPLICABLE)


class PossibleValues:
    """A service with open values, for the checks.

    Args:
        facts: of the service as it stands.
        facts_of: the same for the service with another spec.
        verdicts: what a file decides of a service with these facts.
    """

    def __init__(
        self,
        service: Service,
        facts: ContainerFacts,
        facts_of: Callable[[Service], ContainerFacts],
        verdicts: Callable[[ContainerFacts], Verdicts],
    ) -> None:
        self._service, self._facts = service, facts
        self._facts_of, self._verdicts = facts_of, verdicts
        self._made: list[Verdicts] = []
        self._specs = self._every_spec()

    def verdict(
        self,
        check: Check,
        parameters: Parameters,
        strict: Verdict,
    ) -> Verdict:
        """What holds whatever the host puts in; else `strict`, which names what is open."""
        if self._may_hold_more:
            return self._caused_by_what_is_written(check, parameters) or strict
        first: Verdict | None = None
        for verdicts in self._each():
            verdict = verdicts(check, parameters)
            if verdict.status is Status.UNKNOWN:
                return strict  # it is not the open values that it depends on alone
            if first is None:
                first = verdict
            elif (first.status in _FINE) != (verdict.status in _FINE):
                return strict
            elif first.status is not verdict.status:
                first = passed()  # it applies because of what is open
        return first or strict

    def _caused_by_what_is_written(
        self,
        check: Check,
        parameters: Parameters,
    ) -> Verdict | None:
        """A failure that a container without the written options has not: further ones cannot mend
        it."""
        whole, bare = self._with_and_without
        verdict = whole(check, parameters)
        is_caused = verdict.status is Status.FAIL and bare(check, parameters).status in _FINE
        return verdict if is_caused else None

    @cached_property
    def _with_and_without(self) -> tuple[Verdicts, Verdicts]:
        """The container with the written options, and without any."""
        settings = filled(self._service, _as_written, only_names=True).settings
        own = {option: settings[option] for option in _OF_EVERY if option in settings}
        return self._verdicts_of(SpecAtRest(settings)), self._verdicts_of(SpecAtRest(own))

    @property
    def _may_hold_more(self) -> bool:
        """Whether a variable may add options of any kind."""
        spec = self._service.whole
        return bool(spec.unknowable - {each.option for each in spec.open})

    def _each(self) -> Iterator[Verdicts]:
        """Those made already, then new ones: most checks need few of them."""
        yield from tuple(self._made)
        for spec in self._specs:
            self._made.append(self._verdicts_of(spec))
            yield self._made[-1]

    def _verdicts_of(self, spec: SpecAtRest) -> Verdicts:
        facts = self._facts_of(replace(self._service, spec=spec, given=()))
        return self._verdicts(facts.replace(peers=later(lambda _: self._facts.peers)))

    def _every_spec(self) -> Iterator[SpecAtRest]:
        """As it is written, then with each possible value."""
        service = self._service
        yield filled(service, _as_written, only_names=True)
        if not service.whole.open:
            return
        seen: list[SpecAtRest] = []
        for number in range(max(map(_count, service.whole.open))):  # each of its values once
            spec = filled(service, _nth(number))
            if spec not in seen:
                seen.append(spec)
                yield spec


def _values(argument: OpenArgument) -> tuple[str, ...]:
    if argument.flag == "--mount" and isinstance(argument.text.parts[0], OpenPart):
        return _WHOLE_MOUNTS
    whole = (*_OF_SECURITY, *_ANY) if argument.flag == "--security-opt" else _ANY
    return _OF_OPTION.get(argument.option, whole)


def _count(argument: OpenArgument) -> int:
    """How many values an argument is tried with: both of a switch beside each of the others."""
    has_switch = any(_before(argument, part).endswith(_SWITCH) for part in argument.text.open)
    return len(_values(argument)) * (2 if has_switch else 1)


_KIND, _SWITCH = "type=", "readonly="


def _before(argument: OpenArgument, part: OpenPart) -> str:
    """The literal text before a part of an argument of `--mount`; empty in others."""
    at = argument.text.parts.index(part) if argument.flag == "--mount" else 0
    before = argument.text.parts[at - 1] if at else ""
    return before if isinstance(before, str) else ""


def _as_written(argument: OpenArgument, part: OpenPart) -> str:
    """A reference names no secret; the value that it stands for is in the environment like any
    other."""
    return _of_environment(argument) if argument.option is ENV else part.written


_ADDRESS = re.compile(r"(?i)url|uri|dsn|conn|proxy|endpoint")


def _of_environment(argument: OpenArgument) -> str:
    """Addresses may hold a login; what another variable holds, its name tells."""
    name, _ = argument.text.partition("=") or ("", None)
    return f"https://user:{SOME_SECRET}@host/" if _ADDRESS.search(name) else SOME_SECRET


def _nth(number: int) -> Fill:
    def value(argument: OpenArgument, part: OpenPart) -> str:
        if argument.option is ENV and argument.text.partition("=") is not None:
            return _of_environment(argument)
        before = _before(argument, part)
        if before.endswith(_KIND):
            return _FIRST_KINDS[number] if number < len(_FIRST_KINDS) else "bind"
        possible = _that_parse(argument)
        if before.endswith(_SWITCH):
            return "true" if number // len(_values(argument)) % 2 else "false"
        return possible[number % len(possible)]

    return value


@lru_cache(maxsize=1024)
def _that_parse(argument: OpenArgument) -> tuple[str, ...]:
    """The values that make an argument which Podman takes."""
    values = _values(argument)
    if argument.option in (COMMAND, IMAGE, ROOTFS):
        return values
    return tuple(value for value in values if _parses(argument, value)) or values


def _parses(argument: OpenArgument, value: str) -> bool:
    text = argument.text.rendered(lambda literal: literal, lambda part: value)
    return all(item.known for item in parse_argument(argument.flag, text))


def filled(
    service: Service,
    fill: Fill,
    *,
    only_names: bool = False,
) -> SpecAtRest:
    """The spec with text in place of each open part.

    Args:
        only_names: of lists, only entries whose name is literal (`PASSWORD=${X}`) are filled; the
            others are left out.
    """
    items = [
        item
        for each in (*service.given, *service.sets)
        for item in _filled_item(each.item, fill, only_names=only_names)
    ]
    spec = spec_of(items)
    if not spec[NAME]:
        spec = spec.with_(
            NAME,
            Spec.__getitem__(service.whole, NAME),
            Source.UNIT,
        )
    unread = service.whole.literal.unknowable - {each.option for each in service.whole.open}
    return SpecAtRest(spec.settings, spec.unknowable | unread)


def _filled_item(
    item: Item,
    fill: Fill,
    *,
    only_names: bool,
) -> tuple[Item, ...]:
    argument = item.open
    if argument is None:
        return (item,)
    if item.option is COMMAND:
        words = tuple(_text(word, argument, fill) for word in argument.words)
        return (replace(item, value=words),)
    named = item.option in NAMED_VALUES and argument.text.partition("=") is not None
    if only_names and item.is_list and not named:
        return ()
    text = _text(argument.text, argument, fill)
    if item.option in (IMAGE, ROOTFS):
        return (image_item(item.option, text),)
    return parse_argument(item.flag, _bound(text) if item.flag == "--mount" else text)


def _bound(text: str) -> str:
    """A mount with a path, unless it is one of a volume."""
    mount = parse_mount(text)
    if mount.type != "bind" or not mount.source or "/" in mount.source:
        return text
    return mount_text(replace(mount, source=f"/srv/{mount.source}"))


def _text(
    text: OpenText,
    argument: OpenArgument,
    fill: Fill,
) -> str:
    return text.rendered(
        lambda literal: literal,
        lambda part: fill(argument, part),
    )
