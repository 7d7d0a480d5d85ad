"""A known application: an image family and what it needs, as data with sources and proof.

An entry only says what is needed. It gives no rights: a fix takes away what the entry does not
name, and adds nothing that a container has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Literal, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.words import plural


class PathUse(StrEnum):
    """What a directory of an application holds."""

    DATA = "data"
    CONFIGURATION = "configuration"
    SCRATCH = "scratch"
    LOGS = "logs"


class PortUse(StrEnum):
    """Who connects to a port."""

    CLIENTS = "clients"
    ADMINISTRATORS = "administrators"
    PEERS = "peers"


class ProofKind(StrEnum):
    """How the needs are known."""

    READ = "read"  # in its sources, given in `EntrySource`
    RUN = "run"  # with all fixes in force, under real work


class ImageMatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which images an entry is about."""

    # path in a registry, without the registry: `library/postgres`, `grafana/grafana`
    repositories: tuple[str, ...]
    # entrypoint, command, labels: of a local copy, all that are set must agree: program of its
    # entry point; its command, one of these programs, also where a container sets one; labels
    entrypoint: str = ""
    command: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


class ApplicationUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who its processes run as."""

    image: str  # what the image names: `root`, `999`, `472:0`
    work: str  # UID or UID:GID that serves in the end; `root` if it stays root; empty = unknown
    # UID:GID that the container can start as from the first process on; empty = as the image says
    start_as: str = ""
    why_root: str = ""  # what it does as root; a sentence


class ApplicationCapabilities(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Capabilities, without `CAP_`."""

    # needed from the start as the image's own user, until it is stopped; without it, not known for
    # an image that starts as root, and none for one with an ordinary user
    start: tuple[str, ...] | None = None
    # needed when it starts as `start_as`
    work: tuple[str, ...] = ()
    why: str = ""  # a sentence


class Privileges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Programs that gain rights when they start: set-user-ID bit or file capabilities."""

    programs: tuple[str, ...] = ()  # paths of those that it uses
    needed: bool | Literal["unknown"] = False  # it does not work with no-new-privileges
    why: str = ""


class ApplicationPath(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A directory that it writes."""

    path: str
    use: PathUse
    owner: str = ""  # UID:GID in the image; `work` = as `ApplicationUser.work`; empty = root
    mode: str = "0755"  # octal
    volume: bool = False  # the image declares a volume there
    programs: bool = False  # it runs or loads files from there
    only_with: str = ""  # it writes there only if something is mounted at this path
    size: str = ""  # of a tmpfs, where the usual size is too small: `256m`
    note: str = ""


class ApplicationPort(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A port on which it listens."""

    number: int
    protocol: str = "tcp"
    use: PortUse = PortUse.CLIENTS


class ReadOnlyRoot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether it works with a read-only root filesystem, given the directories in `path`."""

    works: bool | None = None  # None = unknown
    why: str = ""


class ApplicationHealth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command that exists in the image and tells whether it serves."""

    command: str = ""
    in_image: bool = False  # the image declares a health check already


class ApplicationStop(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is stopped."""

    signal: str = ""  # empty = SIGTERM
    seconds: int = 10  # how long it may take


class ApplicationMemory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The least that a memory limit may be."""

    floor: str = ""  # `256m`; empty = unknown
    why: str = ""


class UnusualCalls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it asks of the kernel that most services do not."""

    system_calls: tuple[str, ...] = ()
    families: tuple[str, ...] = ()  # of sockets: `AF_NETLINK`
    why: str = ""


class EntrySource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a fact was read."""

    address: str  # `github: docker-library/postgres 17/bookworm/Dockerfile@6edb0a8`
    read: date


class EntryProof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the needs are proven."""

    kind: ProofKind
    how: str = ""  # for `run`: what was run, where, and what it did


class Application(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image family, or one of its variants."""

    name: str  # `postgres`, as the file
    title: str
    match: ImageMatch
    user: ApplicationUser
    source: tuple[EntrySource, ...]
    proof: EntryProof
    capabilities: ApplicationCapabilities = ApplicationCapabilities()
    privileges: Privileges = Privileges()
    path: tuple[ApplicationPath, ...] = ()
    # directories and files that it only reads: configuration and content that somebody mounts there
    reads: tuple[str, ...] = ()
    root: ReadOnlyRoot = ReadOnlyRoot()
    port: tuple[ApplicationPort, ...] = ()
    health: ApplicationHealth = ApplicationHealth()
    stop: ApplicationStop = ApplicationStop()
    memory: ApplicationMemory = ApplicationMemory()
    calls: UnusualCalls = UnusualCalls()
    # variable with a secret -> the variable that names a file with it; empty = it has none
    secrets: Mapping[str, str] = field(default_factory=dict)
    breaks: Mapping[str, str] = field(default_factory=dict)  # check -> what its fix breaks
    upgrade: str = ""  # what it takes to bring its data to another release; sentences
    site: bool = False  # it is an entry of this site, not one that comes with HardenTUI
    any_tag: bool = False  # the tag is not known: what holds for every one

    @property
    def read(self) -> date:
        """The day on which its newest source was read."""
        return max(source.read for source in self.source)

    @property
    def said_by(self) -> str:
        """Completes a finding: who says so."""
        proven = "run" if self.proof.kind is ProofKind.RUN else "read"
        ours = "this site's entry" if self.site else "the known application"
        tags = ", whatever its tag is" if self.any_tag else ""
        return f"declared by {ours} {self.name}, {proven} {self.read.isoformat()}{tags}"


class Variant(Struct, frozen=True, kw_only=True):
    """The entry of some tags."""

    tags: tuple[str, ...]  # patterns such as `*alpine*`; empty = all
    first: str  # first version, `18`; empty = any
    until: str  # version that it no longer holds for; empty = none
    application: Application


class Family(Struct, frozen=True, kw_only=True):
    """A file: its variants, the most particular first, the general entry last."""

    name: str
    variants: tuple[Variant, ...]

    @property
    def general(self) -> Application:
        return self.variants[-1].application

    @property
    def of_any_tag(self) -> Application:
        """What holds for all variants: of where they differ, rights add up and the rest is not
        known."""
        general, every = self.general, [variant.application for variant in self.variants]
        if len(every) == 1:
            return general
        starts = [_needed_at_start(each) for each in every]
        capabilities = ApplicationCapabilities(
            start=None if None in starts else _all_of(start or () for start in starts),
            work=_all_of(each.capabilities.work for each in every),
            why=general.capabilities.why,
        )
        refusing = [each.root for each in every if each.root.works is False]
        user = ApplicationUser(
            image=_same([each.user.image for each in every], else_=""),
            work=_same([each.user.work for each in every], else_=""),
            start_as=_same([each.user.start_as for each in every], else_=""),
            why_root=general.user.why_root,
        )
        return replace(
            general,
            any_tag=True,
            user=user,
            capabilities=capabilities,
            privileges=_same(
                [each.privileges for each in every],
                else_=Privileges(needed="unknown"),
            ),
            path=tuple(path for path in general.path if all(path in each.path for each in every)),
            root=_same(
                [(each.root, each.path) for each in every],
                else_=(refusing[0] if refusing else ReadOnlyRoot(), ()),
            )[0],
            port=tuple(port for port in general.port if all(port in each.port for each in every)),
            health=_same([each.health for each in every], else_=ApplicationHealth()),
            stop=ApplicationStop(
                signal=_same([each.stop.signal for each in every], else_=""),
                seconds=max(each.stop.seconds for each in every),
            ),
        )

    @property
    def summary(self) -> str:
        """Of a valid file."""
        variants = plural(len(self.variants) - 1, "variant")
        read = self.general.read.isoformat()
        return f"valid. {variants} besides the general entry, sources read {read}"


def _needed_at_start(application: Application) -> tuple[str, ...] | None:
    """None = not known: an image with an ordinary user needs none where its entry names none."""
    start = application.capabilities.start
    as_root = application.user.image.partition(":")[0] in ("", "0", "root")
    return () if start is None and not as_root else start


_Value = TypeVar("_Value")


def _same(values: Sequence[_Value], else_: _Value) -> _Value:
    """The one value that all have."""
    return values[0] if all(value == values[0] for value in values) else else_


def _all_of(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for each in names for name in each}))
