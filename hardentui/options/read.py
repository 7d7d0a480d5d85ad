"""From sources to spec: read every row of the option table once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hardentui.model.spec import UNKNOWABLE, Mount, Option, Port, Setting, Source, Spec, Unknowable
from hardentui.options import FLAGS_WITHOUT_ROW, NOT_CARRIED, TABLE
from hardentui.options.argv import CARRIED_GLOBALS, parse_create_command
from hardentui.options.inspect import Sources, View
from hardentui.options.items import items_of
from hardentui.options.run_command import RunCommand

_CARRIED = frozenset(flag for option in TABLE for flag in (option.flag, *dict(option.also)))
_TOLD = frozenset(known.flag for known in FLAGS_WITHOUT_ROW if known.is_told)

_CONNECTION_GLOBALS = frozenset(
    f"--{name}"
    for name in (
        "cgroup-manager config conmon connection events-backend help identity imagestore log-level "
        "network-cmd-path network-config-dir noout out remote root runroot ssh storage-driver storage-opt "
        "syslog tmpdir trace transient-store url version volumepath volume-path db-backend "
        "default-mounts-file tls-ca tls-cert tls-key"
    ).split()
)
"""Global flags that select the engine, which the caller of a unit or script has to do."""

_STORAGE_GLOBALS = ("--root", "--imagestore", "--connection", "--url", "--transient-store")


def remarks_on(view: View) -> list[str]:
    """One sentence for each relevant flag of the command line that is not carried over."""
    if view.command is None:
        return []
    return [
        *_flag_remarks(view.command),
        *_global_remarks(view.command),
    ]


def _flag_remarks(command: RunCommand) -> list[str]:
    remarks = [
        f"{flag} is not carried over: {NOT_CARRIED[flag]}"
        for flag in command.flags
        if flag in _TOLD
    ]
    unknown = sorted(
        flag for flag in command.flags if flag not in _CARRIED and flag not in NOT_CARRIED
    )
    return remarks + [f"{flag} is not carried over: HardenTUI does not know it" for flag in unknown]


def _global_remarks(command: RunCommand) -> list[str]:
    chosen = [flag for flag in _STORAGE_GLOBALS if flag in command.globals]
    remarks = []
    if chosen:
        remarks.append(f"{', '.join(chosen)}: use the same engine or storage to run the result")
    known = _CONNECTION_GLOBALS | CARRIED_GLOBALS
    unknown = sorted(flag for flag in command.globals if flag not in known)
    return remarks + [f"{flag} is not carried over: HardenTUI does not know it" for flag in unknown]


LAYER_REMARK = (
    "files changed inside the container are not carried over, only volumes and mounts are"
)
_IMAGE_REMARK = (
    "the image could not be read: its settings are written as if they were the container's own"
)
_MALFORMED = (TypeError, ValueError, AttributeError, KeyError, IndexError)
"""Exceptions of a reader if a field has an unexpected type."""


def _is_well_formed(value: Any) -> bool:
    """Whether a list contains only types that rows use in lists."""
    return not isinstance(value, tuple) or all(
        isinstance(entry, str | Mount | Port) for entry in value
    )


def _last_of_each_place(option: Option[Any], given: Setting[Any]) -> Setting[Any]:
    """Of several entries with one name on a command line (`--sysctl=A=0 --sysctl=A=1`), Podman takes
    the last."""
    if not option.is_list:
        return given
    items = items_of(Spec({option: given}), option)
    return Setting(tuple({item.place: item.value for item in items}.values()), given.source)


def view_of(sources: Sources) -> View:
    """The sources of one container, parsed for the readers."""
    config = sources.inspect.get("Config")
    argv = config.get("CreateCommand") if isinstance(config, Mapping) else None
    is_argv = isinstance(argv, list) and all(isinstance(word, str) for word in argv)
    return View(
        sources,
        parse_create_command(argv, sources.version) if is_argv else None,
    )


def read_spec(sources: Sources) -> Spec:
    """Everything that was requested when this container was created, as far as the sources show.

    Defaults of the image and the engine are left out. Options that no source can show are in
    `unknowable`; partly known values, and properties that no option carries over, are in `remarks`.
    Malformed documents make the affected options unknowable; nothing is raised.
    """
    view = view_of(sources)
    settings: dict[Option[Any], Setting[Any]] = {}
    unknowable: list[Option[Any]] = []
    remarks: list[str] = []
    for option in TABLE:
        try:
            reading = option.read(view)
            if reading is None:
                continue
            if isinstance(reading, Setting) and not _is_well_formed(reading.value):
                raise TypeError(option.name)
        except _MALFORMED:
            reading = UNKNOWABLE
            remarks.append(f"{option.flag}: the value in inspect cannot be parsed")
        if isinstance(reading, Unknowable):
            unknowable.append(option)
            continue
        if reading.source is Source.CREATE_COMMAND:
            reading = _last_of_each_place(option, reading)
        if reading.value != option.default or option.engine_decides:
            settings[option] = reading
    remarks = [
        *_told(view, "Remarks"),
        *view.remarks,
        *remarks,
        *remarks_on(view),
    ]
    if named := _told(view, "Unknowable"):
        unknowable += [option for option in TABLE if option.name in named]
    if view.image is None and not view.inspect.get("Rootfs"):
        remarks.append(_IMAGE_REMARK)
    if view.started:
        remarks.append(LAYER_REMARK)
    different = tuple(dict.fromkeys(remarks))
    return Spec(
        settings,
        frozenset(unknowable),
        different,
        tuple(view.unsaved),
    )


def _told(view: View, field: str) -> list[str]:
    """What the reader of another engine adds to a document; nothing from a malformed one."""
    told = view.inspect.get(field)
    return [text for text in told if isinstance(text, str)] if isinstance(told, list) else []
