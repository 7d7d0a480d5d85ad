"""The spec: everything that was requested when a container was created, as a set of options.

`Option` describes one option of `podman create`: its type, how to read it, how to write it in each
output and how to compare it. The rows are in `hardentui.options`. A `Spec` maps options to values,
with the source of each value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar, cast

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.model.open_value import OpenText
from hardentui.model.podman_version import Version


class ProtectionRule(StrEnum):
    """When a changed value protects the container less than the previous one.

    JUDGED: it depends on other options and facts, see `harden/protection.py`.
    """

    NEVER = "no value protects more than another"
    HIGHER = "a higher number; below 1 is no limit"
    SWITCHED_OFF = "switching it off"
    SWITCHED_ON = "switching it on"
    ADDED = "each added entry"
    REMOVED = "each removed entry"
    CHANGED = "any change of a set value, because values cannot be compared"
    JUDGED = "depends on other options and facts"


class Protection(Struct, frozen=True):
    rule: ProtectionRule
    text: str = ""  # for NEVER the reason; for a switch the effect of changing it, as a verb phrase


T = TypeVar("T")


class Source(StrEnum):
    INSPECT = "inspect"
    CREATE_COMMAND = "create command"
    OCI_CONFIG = "OCI config"
    UNIT = "unit file"
    CHOSEN = "chosen"


class KeyKind(StrEnum):
    """How Quadlet parses a key's value, which determines its escaping."""

    RAW_ONE = "R1"
    RAW_ALL = "RA"
    WORDS_LITERAL = "SV"
    WORDS_ESCAPED = "AR"
    KEY_VALUE = "KV"
    BOOLEAN = "B"


class QuadletKey(Struct, frozen=True):
    """A key of a Quadlet section."""

    name: str
    since: Version  # the first Podman version that supports it
    kind: KeyKind
    # (value, version) -> whether that version's generator passes the value on unchanged; None =
    # always
    holds: Callable[[str, Version], bool] | None = None
    # the first version that accepts the key more than once; before, only its last line counts
    repeats_since: Version | None = None

    def holds_one(self, version: Version) -> bool:
        """Whether the last line of this key is the only one that counts."""
        return self.repeats_since is not None and version < self.repeats_since


class Readability(StrEnum):
    """Which sources can show an option."""

    ALWAYS = "always"
    LOSSY = "lossy"
    CREATE_COMMAND = "needs create command"
    CLIENT = "client side"


class TwinUse(StrEnum):
    """What becomes of an option of a container on its twin, which must reach nothing real."""

    AS_IS = "as is"
    """It acts on the container alone."""
    REPLACED = "replaced"
    """The twin gets a value of its own, or the harmless part of this one."""
    DROPPED = "dropped"
    """The twin has its default: it is about the original's address, files, start or end."""
    WITHHELD = "withheld"
    """The twin lacks it, and the user is told."""


class Setting(Struct, Generic[T], frozen=True, gc=False):
    value: T
    source: Source


class Unknowable:
    """The result of a reader if no source of this container can show the option."""


UNKNOWABLE = Unknowable()
Reading: TypeAlias = "Setting[Any] | Unknowable | None"
"""The result of a reader; None: the option is known to be absent."""


class Option(Struct, Generic[T], frozen=True):
    """One option of `podman create`."""

    flag: str  # as on the command line, with dashes: `--memory`
    # resources, filesystem, identity, network, health, process, security, logging, lifecycle
    area: str
    codec: Codec[T]  # how its arguments are parsed and formatted
    default: T  # the value if the option is absent; a spec never stores it
    quadlet: QuadletKey | None  # its key in `[Container]`; None = always `PodmanArgs=`
    # reads it from the sources of a container, a `hardentui.options.inspect.View`
    read: Callable[[Any], Reading]
    readability: Readability  # which sources can show it
    protection: Protection  # which values protect a container more
    twin: TwinUse | None  # what becomes of it on a twin; None, as yet undecided, is withheld
    about: str
    own_name: str = ""  # distinguishes rows that share a flag (`--security-opt`); otherwise empty
    # short, aliases: other spellings of the flag: a letter, older names
    short: str = ""
    aliases: tuple[str, ...] = ()
    # other flags for the same option, each with its own codec (`--mount` beside `--volume`)
    also: tuple[tuple[str, Codec[T]], ...] = ()
    before_verb: bool = False  # a global flag, placed before `run` or `create`
    only_verb: str = ""  # the only subcommand that has the flag; empty = both
    # before this version, Podman splits an argument at commas, as a CSV record
    commas_before: Version | None = None
    # the default differs between engines, so the usual value is kept too
    engine_decides: bool = False
    # why a twin cannot show the effect of changing it; empty: it can
    untried: str = ""
    # of what an image is pulled with: its key in a Quadlet's `[Image]`; empty = `PodmanArgs=` there
    image_key: str | None = None
    selects_image: bool = False  # it also selects among local images
    kube_flag: bool = (
        False  # `podman kube play` has the same flag; a cluster configures it elsewhere
    )
    updatable: bool = False  # a limit that `podman update` changes in an existing container

    __eq__ = object.__eq__  # one row of the table, whatever its values
    __hash__ = object.__hash__

    @property
    def name(self) -> str:
        """Unique; the name in saved plans, in JSON and in the documentation."""
        return self.own_name or self.flag.lstrip("-")

    @property
    def is_list(self) -> bool:
        """Whether its value is a tuple of entries."""
        return self.codec.identity is not None

    def to_arguments(self, value: T) -> tuple[str, ...]:
        """One argument per occurrence of the flag."""
        return self.codec.write(value)

    def to_values(self, value: T) -> tuple[str, ...]:
        """One value per line of its Quadlet key."""
        return (
            self.codec.values(value) if self.codec.values is not None else self.codec.write(value)
        )

    def to_words(self, value: T) -> tuple[str, ...]:
        """The words of a command line that set this value: `--flag=argument`, or a bare switch."""
        arguments = self.codec.write(value)
        if self.codec.flag_of is not None:
            flags = [self.codec.flag_of(entry) for entry in cast(tuple[Any, ...], value)]
            return tuple(
                f"{flag}={argument}" for flag, argument in zip(flags, arguments, strict=True)
            )
        return tuple(self.word(argument) for argument in arguments)

    def is_comma_list(self, version: Version) -> bool:
        """Whether this Podman splits an argument of the flag at commas."""
        return self.codec.comma_list or (
            self.commas_before is not None and version < self.commas_before
        )

    def word(self, argument: str) -> str:
        """`--flag=argument`, or the bare flag of a switch."""
        return (
            self.flag
            if argument == "" and isinstance(self.default, bool)
            else f"{self.flag}={argument}"
        )

    def __repr__(self) -> str:
        return f"<Option {self.name}>"


class UnsavedVolume(Struct, frozen=True):
    """An anonymous volume: a container created from the spec gets a new, empty one."""

    destination: str
    of_image: bool  # it is requested by the image, otherwise by the container


class OpenArgument(Struct, frozen=True):
    """An argument of which a file leaves parts open: `--volume=${DATA}/db:/var/lib/db`."""

    option: Option[Any]
    flag: str  # as written; `--mount` and `--volume` differ
    words: tuple[OpenText, ...]  # the argument; several words only for the command

    @property
    def text(self) -> OpenText:
        """The argument of an option that is not the command."""
        return self.words[0]


class Spec(Struct, frozen=True):
    """A set of options with their values.

    Two specs are equal if their values are, regardless of the sources.
    """

    settings: Mapping[Option[Any], Setting[Any]] = field(default_factory=dict)
    # options that no source of this container could show (as opposed to absent ones)
    unknowable: frozenset[Option[Any]] = frozenset()
    # properties of the container that no option carries over, one sentence each
    remarks: tuple[str, ...] = ()
    unsaved: tuple[UnsavedVolume, ...] = ()  # volumes whose data is not carried over
    # arguments with open parts; their options are `unknowable`, and `settings` holds the literal
    # entries of a list
    open: tuple[OpenArgument, ...] = ()

    def __getitem__(self, option: Option[T]) -> T:
        return self.written(option)

    def written(self, option: Option[T]) -> T:
        """The value as far as it is written, for comparing two specs: what a file leaves open counts
        as absent, where `[]` says that it is not known."""
        setting = self.settings.get(option)
        return option.default if setting is None else setting.value

    def __contains__(self, option: object) -> bool:
        return option in self.settings

    def __iter__(self) -> Iterator[Option[Any]]:
        return iter(self.settings)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spec):
            return NotImplemented
        return self.values() == other.values()

    def __hash__(self) -> int:
        return hash(frozenset(self.settings))

    def values(self) -> dict[Option[Any], Any]:
        """Option -> value, without sources."""
        return {option: setting.value for option, setting in self.settings.items()}

    def source(self, option: Option[Any]) -> Source | None:
        """The source of the value; None if the option is absent."""
        setting = self.settings.get(option)
        return None if setting is None else setting.source

    def with_(
        self,
        option: Option[T],
        value: T,
        source: Source = Source.CHOSEN,
    ) -> Spec:
        """This spec with one option set; setting the default removes it. What a file leaves open of
        a list stays."""
        if value == option.default:
            cleared = self.without(option)
            return replace(cleared, open=self.open) if option.is_list else cleared
        if option in self.settings and self.settings[option].value == value:
            return self
        changed = {**self.settings, option: Setting(value, source)}
        return Spec(
            changed,
            self.unknowable - {option},
            self.remarks,
            self.unsaved,
            tuple(each for each in self.open if option.is_list or each.option is not option),
        )

    def without(self, *options: Option[Any]) -> Spec:
        """This spec with these options known to be absent."""
        if not any(o in self.settings or o in self.unknowable for o in options):
            return self
        kept = {o: s for o, s in self.settings.items() if o not in options}
        return Spec(
            kept,
            self.unknowable - set(options),
            self.remarks,
            self.unsaved,
            tuple(each for each in self.open if each.option not in options),
        )

    @classmethod
    def of(
        cls,
        *pairs: tuple[Option[Any], Any],
        source: Source = Source.CHOSEN,
    ) -> Spec:
        """A spec from (option, value) pairs: `Spec.of((PRIVILEGED, True), (MEMORY, 64 << 20))`."""
        return cls({o: Setting(v, source) for o, v in pairs if v != o.default})


C = TypeVar("C")


def _whole(argument: str) -> tuple[str, ...]:
    return (argument,)


class Codec(Struct, Generic[C], frozen=True, kw_only=True):
    """How to parse and format the arguments of an option.

    The value of a list option is a tuple of entries; each entry has a text. The value of a scalar
    option is one entry.
    """

    # value -> arguments, one per occurrence of the flag; a bare switch: `("",)` when set, else `()`
    write: Callable[[C], tuple[str, ...]]
    parse: Callable[[str], Any]  # text -> entry; raises ValueError if it cannot be parsed
    # argument -> texts of its entries; none if the argument belongs to another row of the flag
    split: Callable[[str], tuple[str, ...]] = _whole
    text: Callable[[Any], str] = str  # entry -> text; the reverse of `parse`
    # text -> key that identifies an entry of a list (destination, name, port); None = the option is
    # a scalar
    identity: Callable[[str], str] | None = None
    # entry -> canonical form, equal for two spellings of the same value
    canonical: Callable[[Any], str] = str
    # value -> values of the Quadlet key, if they differ from the arguments
    values: Callable[[C], tuple[str, ...]] | None = None
    # entry -> the flag that it needs, if that is not always the flag of the row
    flag_of: Callable[[Any], str] | None = None
    # a list may have several entries with the same key (a port on two addresses)
    several_alike: bool = False
    comma_list: bool = False  # Podman splits an argument at commas, as a CSV record
    begins: str = ""  # of a row that shares its flag: what each of its arguments begins with
    is_switch: bool = False  # the flag takes a value only after `=`


class Mount(Struct, frozen=True):
    """A bind, volume, image or other mount; tmpfs has its own option."""

    type: str  # bind, volume, image, devpts, ramfs, glob, artifact
    source: str  # host path, volume name or image; empty for an anonymous volume
    destination: str  # path in the container
    # in the spelling of `--volume` (`ro`, `z`, `Z`, `U`, `nosuid`, `rshared`, `idmap=…`), sorted;
    # Podman's own defaults (rw, rbind, rprivate, nosuid, nodev of a volume…) are left out
    options: tuple[str, ...] = ()
    subpath: str = ""  # directory inside a volume or image; only `--mount` can express it

    @property
    def read_only(self) -> bool:
        return "ro" in self.options or "readonly" in self.options

    def with_options(self, *add: str, drop: tuple[str, ...] = ()) -> Mount:
        kept = (set(self.options) - set(drop)) | set(add)
        return Mount(
            self.type,
            self.source,
            self.destination,
            tuple(sorted(kept)),
            self.subpath,
        )


class Port(Struct, frozen=True):
    container: int  # port number in the container
    host: str = ""  # host port as text; empty = a random one
    address: str = ""  # host address; empty = all addresses
    protocol: str = "tcp"  # tcp, udp or sctp

    @property
    def on_all_addresses(self) -> bool:
        return self.address in ("", "0.0.0.0", "::", "*", "[::]")  # noqa: S104 - compared, not bound

    def argument(self) -> str:
        """The argument for `--publish`: `127.0.0.1:8080:80/udp`."""
        address = (
            f"[{self.address}]"
            if ":" in self.address and not self.address.startswith("[")
            else self.address
        )
        text = (
            f"{address}:{self.host}:{self.container}"
            if address
            else (f"{self.host}:{self.container}" if self.host else str(self.container))
        )
        return text if self.protocol == "tcp" else f"{text}/{self.protocol}"
