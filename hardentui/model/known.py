"""Facts on demand: what is known of a subject is read when first asked for, then stays as it was
read.

What cannot be read raises `Unread` with the reason, so that no check can mistake it for an absent
value: the engine of checks makes "unknown, because …" of it. A reader may also return an `Unread`
in place of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Concatenate,
    Generic,
    NoReturn,
    ParamSpec,
    TypeAlias,
    TypeVar,
    TypeVarTuple,
    dataclass_transform,
    final,
    overload,
)

from hardentui.model.fact_source import FactSource

if TYPE_CHECKING:
    from typing import Self

    from hardentui.do import Do


P = ParamSpec("P")
V = TypeVar("V")
W = TypeVar("W")
Arguments = TypeVarTuple("Arguments")


@final
class Unread(Exception):
    """Something cannot be read.

    Attributes:
        reason: completes the sentence "unknown, because …".
        said: the last line of the error output of a program that failed; None if none did.
        source: what would have told it.
    """

    def __init__(
        self,
        reason: str,
        said: str | None = None,
        *,
        do: Do | None = None,
        source: FactSource | None = None,
    ) -> None:
        super().__init__(reason)
        self.source = source
        self.reason = reason
        self.said = said
        self.do = do

    def anew(self) -> Unread:
        """The same to raise: what is raised keeps the frames that it passed, with all that they hold,
        and a constant would keep them for ever."""
        return Unread(
            self.reason,
            self.said,
            do=self.do,
            source=self.source,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unread) and other.reason == self.reason

    def __hash__(self) -> int:
        return hash(self.reason)


Known: TypeAlias = V | Unread
"""A value that was read, or why it could not be: what readers return, and what lists of facts hold.
"""

NOT_READ = Unread("it was not read")
NONE: Mapping[str, Any] = MappingProxyType({})


@overload
def known(read: Callable[[*Arguments], V], *arguments: *Arguments) -> V | Unread: ...


@overload
def known(
    read: Callable[[*Arguments], V],
    *arguments: *Arguments,
    else_: W,
) -> V | W: ...


def known(
    read: Callable[[*Arguments], Any],
    *arguments: *Arguments,
    else_: Any = NOT_READ,
) -> Any:
    """What `read(*arguments)` returns, or why that cannot be read, or `else_` instead, where one is
    given."""
    try:
        return read(*arguments)
    except Unread as unread:
        return unread.with_traceback(None) if else_ is NOT_READ else else_


def need(value: V | Unread) -> V:
    """The value; raises the Unread in its place."""
    if isinstance(value, Unread):
        raise value.anew()
    return value


class Later(Generic[V]):
    """A reader that a fact calls when it is first asked for, with its subject.

    Args:
        read: returns the value; returns or raises an Unread if there is none.
        of_original: it asks the subject that this one is a copy of.
    """

    __slots__ = ("of_original", "read")

    def __init__(
        self,
        read: Callable[[Any], V | Unread],
        *,
        of_original: bool = False,
    ) -> None:
        self.read = read
        self.of_original = of_original


def later(
    read: Callable[Concatenate[Any, P], V | Unread],
    *arguments: P.args,
    **named: P.kwargs,
) -> Later[V]:
    """`read(subject, *arguments)`, when the fact is first asked for."""
    return Later(lambda subject: read(subject, *arguments, **named))


class Together(Generic[V]):
    """One reading for several facts: `later(together.part, "name")` is an attribute of its answer."""

    def __init__(
        self,
        read: Callable[Concatenate[Any, P], V],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> None:
        self._read: Callable[[Any], V] = lambda subject: read(subject, *arguments, **named)
        self._answers: list[V] = []

    def part(self, subject: Any, name: str) -> Any:
        """One attribute of the answer."""
        return getattr(self.whole(subject), name)

    def whole(self, subject: Any) -> V:
        """The answer, which is read once."""
        if not self._answers:
            self._answers.append(self._read(subject))
        return self._answers[0]


Readers: TypeAlias = Callable[[str], Later[Any] | Unread | None]
"""The name of a fact -> what reads it; None = its default holds."""


class Fact(Generic[V]):
    """A fact of a `Facts`, declared in its class. Given a value, an Unread or a reader called
    later.

    Args:
        told_by: what tells it, if not what tells most of its subject.
        costly: it takes too long for hundreds of containers, so a scan of all leaves it out.

    Raises:
        Unread: it cannot be read.
    """

    def __init__(
        self,
        default: V | Unread = NOT_READ,
        *,
        told_by: FactSource | None = None,
        costly: bool = False,
    ) -> None:
        self.default = default
        self.told_by = told_by
        self.costly = costly
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, subject: None, owner: type) -> Fact[V]: ...
    @overload
    def __get__(self, subject: Facts, owner: type) -> V: ...
    def __get__(
        self,
        subject: Facts | None,
        owner: type,
    ) -> V | Fact[V]:
        """Called while the subject has no attribute of this name: it cannot be read, or is not read
        yet."""
        if subject is None:
            return self
        given = subject.waiting.get(self.name) or subject.reader_of(self.name)
        if given is None:
            original = subject.__dict__.get("original")
            given = (
                self.default if original is None else Later(lambda _: getattr(original, self.name))
            )
        if isinstance(given, Later):
            try:
                given = given.read(subject)
            except Unread as unread:
                given = Unread(
                    unread.reason,
                    do=unread.do,
                    source=unread.source,
                )
            # two threads may have read it: the first answer stays
            if isinstance(given, Unread):
                subject.waiting[self.name] = given
            else:
                given = subject.__dict__.setdefault(self.name, given)
        if isinstance(given, Unread):
            source = given.source or self.told_by or subject.told_by
            raise Unread(
                given.reason,
                do=given.do,
                source=source,
            )
        value: V = given
        return value

    if TYPE_CHECKING:  # a value in the attributes of the subject is found before the descriptor

        def __set__(
            self,
            subject: Facts,
            value: V | Unread | Later[V],
        ) -> None: ...


@dataclass_transform()
class Facts:
    """What facts are about. Made with values, or with readers for its `Fact`s; it never changes for
    who asks.

    Attributes:
        original: of a copy, the subject that is asked for what the copy was not given.
    """

    told_by: ClassVar[FactSource] = FactSource.ENGINE
    fields: ClassVar[tuple[str, ...]] = ()
    field_names: ClassVar[frozenset[str]] = frozenset()
    facts: ClassVar[frozenset[str]] = frozenset()
    costly: ClassVar[Mapping[str, Any]] = NONE  # fact that takes long -> its default
    required: ClassVar[tuple[str, ...]] = ()
    waiting: ClassVar[dict[str, Any]]  # name -> reader or Unread of the facts without a value

    def __init_subclass__(cls, told_by: FactSource = FactSource.ENGINE) -> None:
        cls.told_by = told_by
        cls.fields = tuple(cls.__annotations__)
        cls.field_names = frozenset(cls.fields)
        facts = {name: fact for name, fact in vars(cls).items() if isinstance(fact, Fact)}
        cls.facts = frozenset(facts)
        cls.costly = {name: fact.default for name, fact in facts.items() if fact.costly}
        cls.required = tuple(name for name in cls.fields if not hasattr(cls, name))

    def __init__(self, *values: Any, **named: Any) -> None:
        self.__dict__["waiting"] = {}
        if len(values) > len(self.fields):
            raise TypeError(f"{type(self).__name__} has only the fields {', '.join(self.fields)}")
        self._take(
            {
                **dict(zip(self.fields, values, strict=False)),
                **named,
            }
        )
        known_names = self.__dict__.keys() | self.waiting.keys()
        if missing := [name for name in self.required if name not in known_names]:
            raise TypeError(f"{type(self).__name__} needs {', '.join(missing)}")

    def asking(self, readers: Readers) -> Self:
        """This subject, which asks `readers` for the facts that it was not given."""
        self.__dict__["readers"] = readers
        return self

    def reader_of(self, name: str) -> Later[Any] | Unread | None:
        """What its source reads the fact with; None where it has no source that knows it."""
        readers: Readers | None = self.__dict__.get("readers")
        return None if readers is None else readers(name)

    def _take(self, values: Mapping[str, Any]) -> None:
        own, waiting, facts = self.__dict__, self.waiting, self.facts
        if unknown := values.keys() - self.field_names:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        for name, value in values.items():
            if name in facts and isinstance(value, (Unread, Later)):
                own.pop(name, None)
                waiting[name] = value
            else:
                waiting.pop(name, None)
                own[name] = value

    def __setattr__(
        self,
        name: str,
        value: object,
    ) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} does not change: {name}")

    def __repr__(self) -> str:
        shown = {name: self.__dict__.get(name, self.waiting.get(name)) for name in self.fields}
        values = (f"{name}={value!r}" for name, value in shown.items() if value is not None)
        return f"{type(self).__name__}({', '.join(values)})"

    def __eq__(self, other: object) -> bool:
        """Equal without reading anything: the same values, and the same left to read."""
        if not isinstance(other, type(self)):
            return NotImplemented
        return all(self._given(name) == other._given(name) for name in self.fields)

    def _given(self, name: str) -> Any:
        """The value, the Unread or the reader of a field."""
        if name in self.__dict__:
            return self.__dict__[name]
        if name in self.waiting:
            return self.waiting[name]
        original = self.__dict__.get("original")
        declared = getattr(type(self), name)
        return (
            original._given(name)
            if original is not None
            else getattr(declared, "default", declared)
        )

    def read(self) -> Self:
        """Read every fact now, because what it is about will soon be gone."""
        for name in self.facts:
            value = known(getattr, self, name)
            if isinstance(value, Facts):
                value.read()
        return self

    def replace(self, **changes: Any) -> Self:
        """A copy with other values. What is not read yet, the copy asks of this subject: it is read
        once."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.pop("readers", None)
        copy.__dict__["waiting"] = waiting = {}
        if "original" not in self.__dict__:
            copy.__dict__["original"] = self
        else:
            # another thread may learn meanwhile what cannot be read
            for name, given in self.waiting.copy().items():
                mine = isinstance(given, Unread) or given.of_original
                waiting[name] = given if mine else Later(self._asked(name), of_original=True)
        copy._take(changes)
        return copy

    def _asked(self, name: str) -> Callable[[Any], Any]:
        return lambda copy: getattr(self, name)
