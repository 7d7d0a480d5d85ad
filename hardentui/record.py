"""`@record`: a frozen dataclass that costs next to nothing to define.

A check of a hundred containers takes a quarter of a second. Defining a hundred frozen dataclasses would take
eighty milliseconds of it, because each compiles seven methods, and `inspect`, which dataclasses import, seven
more. A record shares all methods but `__init__`, and compiles that one when the first of its kind is made.
The type checker sees a frozen dataclass (`typing.dataclass_transform`), so an assignment to a field is an
error there; the functions of `dataclasses` work. At run time a field is an ordinary slot.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cache, cached_property, partial
from operator import attrgetter
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

C = TypeVar("C")
E = TypeVar("E", bound=Enum)


class _Made:
    """A default that is made anew for each record."""

    __slots__ = ("factory",)

    def __init__(self, factory: Callable[[], Any]) -> None:
        self.factory = factory


def field(*, default_factory: Callable[[], Any]) -> Any:
    """A field whose default is what `default_factory` returns, called for each record."""
    return _Made(default_factory)


if TYPE_CHECKING:
    from dataclasses import replace as replace
else:

    def replace(record: Any, /, **changes: Any) -> Any:
        """A copy of the record with some fields changed."""
        if not changes.keys() <= record.__record_fields__.keys():
            raise TypeError(f"{record.__class__.__name__} has no such fields: {', '.join(changes)}")
        copy = record.__class__(*_values(record))
        for name, value in changes.items():
            setattr(copy, name, value)
        return copy


def names(record: Any) -> tuple[str, ...]:
    """The fields of a record, or of its class, in their order."""
    return tuple(record.__record_fields__)


class _DataclassFields:
    """What `dataclasses.fields`, `asdict` and others read; made when one of them asks."""

    def __get__(self, record: Any, kind: Any) -> Any:
        import dataclasses

        given: list[Any] = []
        for name, default in kind.__record_fields__.items():
            if default is _REQUIRED:
                given.append((name, Any))
            else:
                factory = default.factory if isinstance(default, _Made) else partial(_same, default)
                given.append((name, Any, dataclasses.field(default_factory=factory)))
        twin: Any = dataclasses.make_dataclass(kind.__name__, given, kw_only=True)
        return twin.__dataclass_fields__


_REQUIRED = object()
_FIELDS = _DataclassFields()


def _same(value: Any) -> Any:
    return value


def _getter(fields: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of all fields at once."""
    if len(fields) > 1:
        return attrgetter(*fields)
    return lambda record: tuple([getattr(record, name) for name in fields])


def _values(record: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = record.__class__.__record_values__(record)
    return found


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is self.__class__:
        return self is other or _values(self) == _values(other)
    return NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _show(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__record_fields__)
    return f"{self.__class__.__qualname__}({shown})"


@cache
def _storing(made: tuple[bool, ...]) -> CodeType:
    """The code of an `__init__` that stores so many fields, one compiled for all classes of that shape.

    Args:
        made: for each field whether its default is made for each record.
    """
    numbers = range(len(made))
    body = [
        f"f{n} = made{n}() if f{n} is default{n} else f{n}" if made[n] else f"f{n} = f{n}" for n in numbers
    ]
    text = f"def __init__(self{''.join(f', f{n}' for n in numbers)}):"
    known: dict[str, Any] = {}
    exec(text + ("".join(f"\n self.{line}" for line in body) or " pass"), known)  # noqa: S102 - numbers only
    code: CodeType = known["__init__"].__code__
    return code


def _first(self: Any, /, *values: Any, **named: Any) -> None:
    """`__init__` until the first record of a class is made: make the real one."""
    kind = next(one for one in self.__class__.__mro__ if "__record_fields__" in one.__dict__)
    fields: dict[str, Any] = kind.__record_fields__
    renamed = {f"f{number}": name for number, name in enumerate(fields)}
    known: dict[str, Any] = {}
    for number, default in enumerate(fields.values()):
        if isinstance(default, _Made):
            known[f"default{number}"], known[f"made{number}"] = default, default.factory
    code = _storing(tuple([isinstance(default, _Made) for default in fields.values()]))
    code = code.replace(
        co_varnames=tuple([renamed.get(name, name) for name in code.co_varnames]),
        co_names=tuple([renamed.get(name, name) for name in code.co_names]),
    )
    defaults = tuple([default for default in fields.values() if default is not _REQUIRED])
    kind.__init__ = FunctionType(code, known, "__init__", defaults)
    kind.__init__(self, *values, **named)


def _make(cls: type[C], own_hash: Any) -> type[C]:
    own = dict(cls.__dict__)
    annotations: dict[str, str] = own.get("__annotations__", {})
    fields = {name: own.pop(name, _REQUIRED) for name, kind in annotations.items() if "ClassVar" not in kind}
    for name in ("__dict__", "__weakref__"):
        own.pop(name, None)
    if "__eq__" not in own:
        own |= {"__eq__": _equal, "__hash__": own_hash}
    own.setdefault("__repr__", _show)
    cached = any(isinstance(value, cached_property) for value in own.values())
    own |= {
        "__slots__": (*fields, "__dict__") if cached else tuple(fields),
        "__match_args__": tuple(fields),
        "__record_fields__": fields,
        "__record_values__": _getter(tuple(fields)),
        "__dataclass_fields__": _FIELDS,
        "__init__": _first,
    }
    kind: Any = type(cls)
    made: type[C] = kind(cls.__name__, cls.__bases__, own)
    return made


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[C]) -> type[C]:
    """Make a class a record. Methods that it defines itself (`__eq__`, `__repr__`, `__hash__`) are kept.

    Its module must have `from __future__ import annotations`. A record inherits methods, never fields, and
    `super()` without arguments does not work in it, because a class with slots is a second class.
    """
    return _make(cls, _hash)


@dataclass_transform(field_specifiers=(field,))
def mutable_record(cls: type[C]) -> type[C]:
    """A record whose fields may change; it has no hash."""
    return _make(cls, None)


def plain_members(cls: type[E]) -> type[E]:
    """Make the members of an enumeration ordinary attributes of its class, as Python does from 3.12 on.

    In 3.11 each `Status.FAIL` calls a function; a scan of a hundred containers does so fifty thousand times.
    """
    for name, member in cls.__members__.items():
        type.__setattr__(cls, name, member)
    return cls
