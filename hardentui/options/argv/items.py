"""One argument of one option, read from a command line: what it sets, and which entry of a list it is.

A unit file and inspect spell the same thing differently (`8080:80`, `NET_RAW`, `512m`). An `Item` has the
typed value, so that both can be compared, and the text as it was written, so that nothing has to change that
stays the same.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from hardentui.model.spec import Option, Setting, Source, Spec
from hardentui.options import (
    ANNOTATIONS,
    BY_NAME,
    CAP_ADD,
    CAP_DROP,
    CGROUP_CONF,
    COMMAND,
    CPUS,
    DEVICES,
    ENTRYPOINT,
    ENV,
    LABELS,
    LOG_OPT,
    MASK,
    MEMORY,
    MEMORY_RESERVATION,
    MEMORY_SWAP,
    MOUNTS,
    NETWORK,
    PUBLISH,
    SECRETS,
    SHM_SIZE,
    SYSCTL,
    TABLE,
    TMPFS,
    ULIMIT,
    UNMASK,
)
from hardentui.options.argv.command_line import is_true
from hardentui.options.argv.flags import COMMA_LISTS, as_csv_field, split_csv
from hardentui.options.argv.mount_text import mount_flag, mount_text, parse_mount, parse_volume
from hardentui.options.values import Mount, Port
from hardentui.systemd.unit_text import UNKNOWN


class Unparsed:
    """The value of an argument that only a running systemd can know, or that is spelled in no known way."""


UNPARSED = Unparsed()

_NAMED = frozenset({ENV, LABELS, ANNOTATIONS, SYSCTL, LOG_OPT, CGROUP_CONF, ULIMIT})
_SIZES = frozenset({MEMORY, MEMORY_RESERVATION, MEMORY_SWAP, SHM_SIZE})
_PATHS = {MASK: ":", UNMASK: ":"}
_BY_FLAG = {option.flag: option for option in TABLE if option.flag != "--security-opt"}
_SECURITY = {
    "seccomp": "seccomp",
    "apparmor": "apparmor",
    "mask": "mask",
    "unmask": "unmask",
    "proc-opts": "proc-opts",
}
_MOST_PORTS = 1024
_SIZE = re.compile(r"(-?\d+)(?:\.0+)?\s*([bkmgtp]?)i?b?$", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


class Item(Struct, frozen=True):
    """One entry of a list, or the value of a scalar.

    Attributes:
        value: the element of the list, the value of the scalar, or UNPARSED.
        raw: the argument as it was written; empty for a bare switch.
        flag: the flag that it was written with; `--mount` and `--volume` differ.
    """

    option: Option[Any]
    value: Any
    raw: str
    flag: str

    @property
    def is_list(self) -> bool:
        return is_list(self.option)

    @property
    def known(self) -> bool:
        return not isinstance(self.value, Unparsed)

    @property
    def identity(self) -> str:
        """What makes two entries of a list the same entry: the destination, the name, the port."""
        return _identity(self)

    @property
    def canonical(self) -> str:
        """Equal for two spellings of the same thing; for what is not parsed, the text itself."""
        return self.raw if not self.known else _canonical(self.option, self.value)


def is_list(option: Option[Any]) -> bool:
    """Whether the option has entries of its own; the command is one value."""
    return isinstance(option.default, tuple) and option is not COMMAND


def items_of(spec: Spec, option: Option[Any]) -> tuple[Item, ...]:
    """The entries that a spec has of an option."""
    if option not in spec:
        return ()
    value = spec[option]
    if not is_list(option):
        return (Item(option, value, "", option.flag),)
    return tuple(Item(option, one, _raw(option, one), _flag(option, one)) for one in value)


def _flag(option: Option[Any], value: Any) -> str:
    return mount_flag(value)[0] if option is MOUNTS else option.flag


def _raw(option: Option[Any], value: Any) -> str:
    if option is MOUNTS:
        return mount_flag(value)[1]
    return value.argument() if isinstance(value, Port) else str(value)


def item_word(item: Item) -> str:
    """The one word of a command line that says this."""
    option = item.option
    if not item.known:
        raw = as_csv_field(item.raw) if item.flag in COMMA_LISTS else item.raw
        return f"{item.flag}={raw}"
    if option is MOUNTS:
        return "=".join(mount_flag(item.value))
    arguments = option.to_arguments((item.value,) if item.is_list else item.value)
    if not arguments:  # a switch that is written although it says the default
        return f"{option.flag}={'true' if option.default else 'false'}"
    return option.flag if arguments[0] == "" and isinstance(option.default, bool) else (
        f"{option.flag}={arguments[0]}"
    )  # fmt: skip


# --- from a flag and its argument ------------------------------------------------------------------


def parse_argument(flag: str, argument: str) -> tuple[Item, ...]:
    """What an argument of a flag says; nothing for a flag without a row.

    Args:
        flag: in its long spelling.
        argument: `true` or `false` for a switch.
    """
    if flag == "--mount":
        return (_mount_item(argument),)
    if flag == "--security-opt":
        return _security(argument)
    option = _BY_FLAG.get(flag)
    if option is None:
        return ()
    if option is NETWORK:
        names = (argument,) if ":" in argument else tuple(argument.split(","))
        return tuple(_item(option, name, flag) for name in names)
    if option is PUBLISH:
        return tuple(item for text in split_csv(argument) for item in _ports(text))
    texts = split_csv(argument) if flag in COMMA_LISTS else (argument,)
    return tuple(_item(option, text, flag) for text in texts)


def _item(option: Option[Any], text: str, flag: str) -> Item:
    try:
        value = UNPARSED if UNKNOWN in text else _value(option, text)
    except ValueError:
        value = UNPARSED
    return Item(option, value, text, flag)


def _value(option: Option[Any], text: str) -> Any:
    default = option.default
    if option is MOUNTS:
        return parse_volume(text)
    if isinstance(default, bool):
        return is_true(text)
    if option in _SIZES:
        return _bytes(text)
    if option is CPUS:
        return float(text)
    if isinstance(default, int):
        return int(text)
    if option is ENTRYPOINT:
        return _entrypoint(text)
    return text


def _entrypoint(text: str) -> tuple[str, ...]:
    if text == "":
        return ()
    if text.startswith("["):
        found = json.loads(text)
        if isinstance(found, list):
            return tuple(str(word) for word in found)
    return (text,)


def _bytes(text: str) -> int:
    found = _SIZE.match(text)
    if not found:
        raise ValueError(text)
    return int(found[1]) << (10 * "bkmgtp".index(found[2].lower() or "b"))


def _mount_item(argument: str) -> Item:
    mount = parse_mount(argument)
    if mount.type == "tmpfs":
        text = mount.destination + (":" + ",".join(mount.options) if mount.options else "")
        return Item(TMPFS, UNPARSED if UNKNOWN in argument else text, argument, "--mount")
    return Item(MOUNTS, UNPARSED if UNKNOWN in argument else mount, argument, "--mount")


def _security(argument: str) -> tuple[Item, ...]:
    flag = "--security-opt"
    if argument.startswith("no-new-privileges"):
        state = argument.removeprefix("no-new-privileges").lstrip(":=")
        return (Item(BY_NAME["no-new-privileges"], state in ("", "true"), argument, flag),)
    name, _, text = re.sub("[=:]", "\0", argument, count=1).partition("\0")
    if name in ("mask", "unmask"):
        paths = re.split("[:,]", text) if name == "unmask" else text.split(":")
        return tuple(Item(BY_NAME[name], path, path, flag) for path in paths)
    if name in _SECURITY:
        return (Item(BY_NAME[_SECURITY[name]], text, argument, flag),)
    if name == "label":
        kind, _, value = text.partition(":")
        option = BY_NAME.get(f"label-{kind}")
        if option is not None:
            return (Item(option, value if value else True, argument, flag),)
    return ()


def _ports(text: str) -> tuple[Item, ...]:
    try:
        ports = parse_publish(text)
    except ValueError:
        return (Item(PUBLISH, UNPARSED, text, "--publish"),)
    return tuple(Item(PUBLISH, port, text, "--publish") for port in ports)


def parse_publish(text: str) -> tuple[Port, ...]:
    """Ports of `[[address:][host]:]container[/protocol]`; ranges are spread out.

    Raises:
        ValueError: it is spelled in no known way, or the range is too wide.
    """
    body, _, protocol = text.partition("/")
    address = ""
    if body.startswith("["):
        address, closed, body = body[1:].partition("]")
        if not closed or not body.startswith(":"):
            raise ValueError(text)
        body = body[1:]
        parts = body.split(":")
    else:
        parts = body.split(":")
        if len(parts) == 3:
            address, parts = parts[0], parts[1:]
    if address:
        ipaddress.ip_address(address)
    if len(parts) > 2:
        raise ValueError(text)
    inside = _range(parts[-1])
    outside = [str(port) for port in _range(parts[0])] if len(parts) == 2 and parts[0] else [""] * len(inside)
    if len(inside) != len(outside):
        raise ValueError(text)
    return tuple(
        Port(port, host, address, protocol or "tcp") for port, host in zip(inside, outside, strict=True)
    )


def _range(text: str) -> range:
    low, dash, high = text.partition("-")
    first, last = int(low), int(high if dash else low)
    if not 0 < first <= last <= 65535 or last - first > _MOST_PORTS:
        raise ValueError(text)
    return range(first, last + 1)


# --- comparing -----------------------------------------------------------------------------------


def _identity(item: Item) -> str:
    option, value, raw = item.option, item.value, item.raw
    if not item.is_list:
        return ""
    if option is MOUNTS or (option is TMPFS and item.flag == "--mount"):
        mount = parse_mount(raw) if item.flag == "--mount" else parse_volume(raw)
        return mount.destination
    if option is TMPFS:
        return (raw.partition(":")[0].rstrip("/")) or "/"
    if option is PUBLISH:
        return f"{value.host}:{value.container}/{value.protocol}" if item.known else raw
    if option in _NAMED:
        name = raw.partition("=")[0]
        return name.lower().removeprefix("rlimit_") if option is ULIMIT else name
    if option in (NETWORK, DEVICES):
        return raw.partition(":")[0]
    if option is SECRETS:
        return raw.partition(",")[0] + ("/env" if "type=env" in raw else "") + _target(raw)
    if option in (CAP_ADD, CAP_DROP):
        return raw.upper().removeprefix("CAP_")
    return raw


def _target(raw: str) -> str:
    return "".join(f"/{part}" for part in raw.split(",")[1:] if part.startswith("target="))


def _canonical(option: Option[Any], value: Any) -> str:
    if isinstance(value, Mount):
        kept = value.with_options(drop=("rw", "rbind", "rprivate"))
        return mount_text(kept)
    if option in (CAP_ADD, CAP_DROP):
        return str(value).upper().removeprefix("CAP_")
    if option in (COMMAND, ENTRYPOINT):
        return json.dumps(value)
    if isinstance(value, Port):
        return value.argument()
    if option is DEVICES:
        return _device(str(value))
    if option is SECRETS:
        name, _, rest = str(value).partition(",")
        return ",".join((name, *sorted({"type=mount", *filter(None, rest.split(","))}))) if (
            "type=" not in rest
        ) else ",".join((name, *sorted(rest.split(","))))  # fmt: skip
    if option is TMPFS:
        path, _, options = str(value).partition(":")
        return f"{path.rstrip('/') or '/'}:{','.join(sorted(set(options.split(',')) - {'', 'rw'}))}"
    if option.area == "health" and isinstance(value, str) and _DURATION.match(value):
        return _duration(value)
    return repr(value) if isinstance(value, bool) else str(value)


def _device(text: str) -> str:
    parts = text.split(":")
    inside = parts[1] if len(parts) > 1 and parts[1].startswith("/") else parts[0]
    access = parts[-1] if len(parts) > 1 and not parts[-1].startswith("/") else "rwm"
    return f"{parts[0]}:{inside}:{access}"


def _duration(text: str) -> str:
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return text
    return f"{sum(float(number) * _SECONDS[unit] for number, unit in parts):.9g}s"


def same(one: Item, other: Item) -> bool:
    """Whether both say the same."""
    return one.canonical == other.canonical


# --- to a spec -------------------------------------------------------------------------------------


def spec_of(items: Iterable[Item], remarks: tuple[str, ...] = ()) -> Spec:
    """The spec that these entries make, in the order of a command line: of a scalar the last one counts.

    What is not parsed is `unknowable`.
    """
    lists: dict[Option[Any], dict[str, Any]] = {}
    scalars: dict[Option[Any], Any] = {}
    unknowable: set[Option[Any]] = set()
    for item in items:
        if not item.known:
            unknowable.add(item.option)
            scalars.pop(item.option, None)
        elif item.is_list:
            lists.setdefault(item.option, {})[item.identity] = item.value
        else:
            unknowable.discard(item.option)
            scalars[item.option] = item.value
    for option, found in lists.items():
        if option not in unknowable:
            scalars[option] = tuple(found.values())
    settings = {o: Setting(v, Source.UNIT) for o, v in scalars.items() if v != o.default}
    return Spec(settings, frozenset(unknowable), remarks)


def image_item(option: Option[Any], text: str) -> Item:
    """The image or the root directory, which stand on a command line without `=`."""
    return Item(option, UNPARSED if UNKNOWN in text else text, text, option.flag)
