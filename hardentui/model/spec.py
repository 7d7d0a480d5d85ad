"""The spec: everything that was asked for when a container was created, as a set of options.

`Option` says what one option of `podman create` is: how its value is typed and how it is spelled in each
output. The rows themselves stand in `hardentui.options`. A `Spec` maps options to values and knows for each
value where it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast

from msgspec import Struct, field

from hardentui.model.version import Version

T = TypeVar("T")


class Source(StrEnum):
    """Where a value was read."""

    INSPECT = "inspect"
    CREATE_COMMAND = "create command"
    OCI_CONFIG = "OCI config"
    ENGINE_RECORD = "engine record"
    UNIT = "unit file"
    CHOSEN = "chosen"


class KeyKind(StrEnum):
    """How Quadlet parses a key's value, and so how it must be escaped (see docs/quadlet-escaping)."""

    RAW_ONE = "R1"
    RAW_ALL = "RA"
    WORDS_LITERAL = "SV"
    WORDS_ESCAPED = "AR"
    KEY_VALUE = "KV"
    BOOLEAN = "B"


class QuadletKey(Struct, frozen=True):
    """A key of a Quadlet section and the first Podman that knows it."""

    name: str
    since: Version
    kind: KeyKind


class Readability(StrEnum):
    """Which sources can show an option at all."""

    ALWAYS = "always"
    LOSSY = "lossy"
    CREATE_COMMAND = "needs create command"
    CLIENT = "client side"


class Option(Struct, Generic[T], frozen=True):
    """One option of `podman create`.

    Attributes:
        flag: as on the command line, with dashes: `--memory`.
        area: resources, filesystem, identity, network, health, process, security, logging, lifecycle.
        default: what it means when the option is absent; a spec never stores it.
        to_arguments: value -> arguments, one string per occurrence of the flag (`("NET_RAW", "MKNOD")`);
            for a flag without argument `("",)` when set and `()` when not.
        quadlet: its key in `[Container]`; None = always `PodmanArgs=`.
        key: tells rows that share a flag apart (`--security-opt`); else empty.
        to_values: value -> values of the Quadlet key, where they differ from the arguments.
        readability: which sources can show it.
        about: one sentence for the documentation page.
    """

    flag: str
    area: str
    default: T
    to_arguments: Callable[[T], tuple[str, ...]]
    quadlet: QuadletKey | None = None
    key: str = ""
    to_values: Callable[[T], tuple[str, ...]] | None = None
    readability: Readability = Readability.ALWAYS
    about: str = ""

    __eq__ = object.__eq__  # one row of the table, whatever its values
    __hash__ = object.__hash__

    @property
    def name(self) -> str:
        """Unique; the name in saved plans, in JSON and in the documentation."""
        return self.key or self.flag.lstrip("-")

    def __repr__(self) -> str:
        return f"<Option {self.name}>"


class Setting(Struct, Generic[T], frozen=True):
    """A value and where it came from."""

    value: T
    source: Source


class Spec(Struct, frozen=True):
    """A set of options with their values.

    Two specs are equal when their values are, whatever the sources.

    Attributes:
        unknowable: options that no source of this container could show (not: that are absent).
        remarks: things of the container that no option carries over, one sentence each.
    """

    settings: Mapping[Option[Any], Setting[Any]] = field(default_factory=dict)
    unknowable: frozenset[Option[Any]] = frozenset()
    remarks: tuple[str, ...] = ()

    def __getitem__(self, option: Option[T]) -> T:
        setting = self.settings.get(option)
        return option.default if setting is None else cast(T, setting.value)

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
        """Where the value was read; None when the option is absent."""
        setting = self.settings.get(option)
        return None if setting is None else setting.source

    def with_(self, option: Option[T], value: T, source: Source = Source.CHOSEN) -> Spec:
        """This spec with one option set; setting the default removes it."""
        if value == option.default:
            return self.without(option)
        if option in self.settings and self.settings[option].value == value:
            return self
        changed = {**self.settings, option: Setting(value, source)}
        return Spec(changed, self.unknowable - {option}, self.remarks)

    def without(self, *options: Option[Any]) -> Spec:
        """This spec with these options absent, and known to be absent."""
        if not any(o in self.settings or o in self.unknowable for o in options):
            return self
        kept = {o: s for o, s in self.settings.items() if o not in options}
        return Spec(kept, self.unknowable - set(options), self.remarks)

    @classmethod
    def of(cls, *pairs: tuple[Option[Any], Any], source: Source = Source.CHOSEN) -> Spec:
        """A spec from (option, value) pairs: `Spec.of((PRIVILEGED, True), (MEMORY, 64 << 20))`."""
        return cls({o: Setting(v, source) for o, v in pairs if v != o.default})

    @classmethod
    def collect(
        cls,
        settings: Iterable[tuple[Option[Any], Setting[Any]]],
        unknowable: frozenset[Option[Any]],
        remarks: tuple[str, ...] = (),
    ) -> Spec:
        """A spec from what the readers found; defaults are left out."""
        return cls({o: s for o, s in settings if s.value != o.default}, unknowable, remarks)
