"""Reads what the arguments of a call refer to, while its caller waits: a `CallDetail`, or nothing relevant.

The result is evidence, never a decision: another thread of the program may change the memory meanwhile.
"""

from __future__ import annotations

from hardentui.model.observation import CallDetail, Caller, SocketAddress, TouchedFile
from hardentui.trial.observe.argument_shapes import (
    CHANGES_IDENTITY,
    CURRENT_DIRECTORY,
    OPENS,
    SHAPES,
    ArgumentShape,
    plain_name,
)
from hardentui.trial.observe.files_of_process import FileLookup
from hardentui.trial.observe.notify_abi import Notification
from hardentui.trial.observe.processes import (
    AF_UNIX,
    IdMap,
    caller,
    id_maps,
    read_address,
    read_numbers,
    read_text,
    target_uids,
)

_WRITES = 0o3 | 0o100 | 0o1000  # write only or both, create, truncate: the same on x86 and ARM
_AT_FDCWD = -100
_SOCK_TYPE = 0xF
_MOST_TIMES = 3
"""How often a repeated call is inspected; its file may have another owner by then."""
_MOST_REMEMBERED = 200_000


class Inspector:
    """For the processes of one container; call it for the calls in `argument_shapes.INSPECTED`."""

    def __init__(self) -> None:
        self._maps: tuple[IdMap, IdMap] | None = None
        self._files: FileLookup | None = None
        self._callers: dict[int, Caller] = {}
        self._times: dict[tuple[object, ...], int] = {}
        self._kinds: dict[int, int] = {}

    def __call__(self, name: str, notification: Notification) -> CallDetail | None:
        """The details of the call.

        Raises:
            OSError, ValueError, LookupError: the process shows something that cannot be read.
        """
        call = plain_name(name)
        pid = notification.pid
        try:
            return self._detail(call, notification) if pid and call in SHAPES else None
        finally:
            if call in CHANGES_IDENTITY:
                self._callers.pop(pid, None)

    def _detail(self, call: str, notification: Notification) -> CallDetail | None:
        shape, pid, arguments = SHAPES[call], notification.pid, notification.arguments
        if any(arguments[place] & 0xFFFFFFFF not in wanted for place, wanted in shape.only.items()):
            return None
        numbers = tuple(arguments[place] & 0xFFFFFFFF for place in shape.numbers)
        numbers += tuple(int(arguments[place] != 0) for place in shape.unless_zero)
        if shape.behind is not None:
            numbers += read_numbers(pid, arguments[shape.behind[0]], shape.behind[1])
        who = self._caller(pid)
        if call in OPENS and who.uid != 0 and not (numbers and numbers[0] & _WRITES):
            return None  # an ordinary user who reads needs no privilege that could be removed
        paths = tuple(
            (_directory(arguments, place), read_text(pid, arguments[at])) for place, at in shape.paths
        )
        handle = _handle(shape, arguments)
        text = "" if shape.text is None else read_text(pid, arguments[shape.text]).decode("utf-8", "replace")
        kept_track_of = call == "socket" or shape.address is not None
        if not kept_track_of and self._often((call, pid, numbers, paths, handle, text)):
            return None
        address = _address(shape, pid, arguments)
        if call == "socket":
            self._kinds[pid] = numbers[1] & _SOCK_TYPE
        elif call == "connect":  # of the socket that the thread created last: nothing else shows it
            numbers = (self._kinds.get(pid, 0),)
        return CallDetail(
            call=call,
            caller=who,
            numbers=numbers,
            files=self._touched(shape, notification, paths, address, who),
            address=address,
            target_uids=self._targets(shape, pid, arguments),
            text=text,
        )

    def _caller(self, pid: int) -> Caller:
        known = self._callers.get(pid)
        if known is None:
            if self._maps is None:
                self._maps = id_maps(pid)
            known = self._callers[pid] = caller(pid, *self._maps)
        return known

    def _lookup(self, pid: int) -> FileLookup:
        if self._files is None:
            self._files = FileLookup(*(self._maps or id_maps(pid)))
        return self._files

    def _often(self, key: tuple[object, ...]) -> bool:
        """Whether the same call was inspected often enough."""
        times = self._times.get(key, 0)
        if times or len(self._times) < _MOST_REMEMBERED:
            self._times[key] = times + 1
        return times >= _MOST_TIMES

    def _touched(
        self,
        shape: ArgumentShape,
        notification: Notification,
        paths: tuple[tuple[int, bytes], ...],
        address: SocketAddress | None,
        who: Caller,
    ) -> tuple[TouchedFile, ...]:
        pid, arguments, follow = notification.pid, notification.arguments, shape.follow
        if shape.flags is not None and arguments[shape.flags[0]] & shape.flags[1]:
            follow = not follow
        lookup = self._lookup(pid)
        if address is not None and address.family == AF_UNIX and address.host:
            paths = ((CURRENT_DIRECTORY, address.host.encode("utf-8", "surrogateescape")),)
        touched = [lookup.at_path(pid, directory, path, who, follow=follow) for directory, path in paths]
        handle = _handle(shape, arguments)
        if handle is not None and handle >= 0:
            touched.append(lookup.at_handle(pid, handle, who))
        return tuple(file for file in touched if file is not None)

    def _targets(self, shape: ArgumentShape, pid: int, arguments: tuple[int, ...]) -> frozenset[int]:
        if shape.target is None:
            return frozenset()
        place, _ = shape.target
        target = _signed(arguments[place])
        if target == 0 and arguments and place == 0 and shape.numbers == ():
            return frozenset()  # 0 is the caller itself, except for kill
        users, _ = self._maps or id_maps(pid)
        return target_uids(pid, target, users)


def _signed(argument: int) -> int:
    low = argument & 0xFFFFFFFF
    return low - (1 << 32) if low & 0x80000000 else low


def _handle(shape: ArgumentShape, arguments: tuple[int, ...]) -> int | None:
    """The file descriptor that the call takes; None if it takes none."""
    return None if shape.handle is None else _signed(arguments[shape.handle])


def _directory(arguments: tuple[int, ...], place: int) -> int:
    if place == CURRENT_DIRECTORY:
        return CURRENT_DIRECTORY
    number = _signed(arguments[place])
    return CURRENT_DIRECTORY if number == _AT_FDCWD else number


def _address(shape: ArgumentShape, pid: int, arguments: tuple[int, ...]) -> SocketAddress | None:
    if shape.address is None:
        return None
    return read_address(pid, arguments[shape.address], arguments[shape.address + 1] & 0xFFFFFFFF)
