"""Containers: create, start, stop, rename, remove, update, and inspect containers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from hardentui import account
from hardentui.child_process import ChildTimedOut, run_child
from hardentui.engine import shapes
from hardentui.engine.change.api_session import ApiSession, path, refusal
from hardentui.engine.connection import Request
from hardentui.engine.wire import frames_of
from hardentui.errors import (
    ChangeFailed,
    ChangeTimedOut,
    EngineError,
    EngineProtocolError,
    EngineUnreachable,
    NotFound,
)
from hardentui.model.podman_version import NEWEST_KNOWN, Version
from hardentui.model.spec import Spec
from hardentui.reading.masking import mask_text
from hardentui.visible import visible
from hardentui.writers.run_script import run_arguments

_UNKNOWN_FLAG = "unknown flag"
_AWAY = (
    "unable to connect to Podman",
    "connection refused",
    "connection reset by peer",
    "broken pipe",
    ": EOF",
)
"""What the client says when the service is not there, or goes away while it answers."""
_NOT_OVER_A_SOCKET = ("--conmon-pidfile", "--decryption-key", "--env-host", "--pidfile")


def run_podman(
    session: ApiSession,
    arguments: Sequence[str],
    what: str,
    seconds: float,
) -> str:
    """The output of `podman --url unix://SOCKET ARGUMENTS`; never through a shell.

    Raises:
        NotFound, NameTaken, ChangeTimedOut, EngineUnreachable, ChangeFailed
    """
    code, printed, errors = exit_of_podman(
        session,
        arguments,
        what,
        seconds,
    )
    if code == 0:
        return printed.strip()
    raise _refused(what, errors)


def exit_of_podman(
    session: ApiSession,
    arguments: Sequence[str],
    what: str,
    seconds: float,
) -> tuple[int, str, str]:
    """Exit code, output and errors of `podman --url unix://SOCKET ARGUMENTS`; never through a
    shell.

    Raises:
        ChangeTimedOut, ChangeFailed: it could not be run at all.
    """
    words = [
        "podman",
        "--url",
        f"unix://{session.socket}",
        *arguments,
    ]
    started = monotonic()
    environment = {**account.environment(), "LC_ALL": "C"}
    for leading in ("CONTAINER_HOST", "CONTAINER_CONNECTION"):
        environment.pop(leading, None)
    try:
        done = run_child(
            words,
            seconds=seconds,
            environment=environment,
        )
    except FileNotFoundError:
        raise ChangeFailed(f"Cannot {what}: the program podman is not installed here.") from None
    except ChildTimedOut:
        raise ChangeTimedOut(
            f"Cannot {what}: Podman did not finish within {seconds:g} s."
        ) from None
    except (OSError, ValueError) as error:
        raise ChangeFailed(f"Cannot {what}: podman cannot be run ({error}).") from error
    if session.listener is not None:
        shown = shlex.join(("podman", *map(mask_text, arguments)))
        session.listener(
            Request(
                "run",
                shown,
                200 if done.code == 0 else 500,
                monotonic() - started,
            )
        )
    return (
        done.code,
        done.output.decode("utf-8", "replace"),
        done.errors.decode("utf-8", "replace"),
    )


_CRASHES = ("fatal error: ", "panic: ", "runtime/cgo: ", "runtime: ")
"""How a program in Go tells why it ends, the clearest first; the registers that follow help nobody."""


def _refused(what: str, errors: str) -> EngineError:
    lines = [line for line in errors.splitlines() if line.strip()]
    last = lines[-1:]
    told = [line for line in lines if line.startswith("Error: ")][-1:]
    crash = [line for start in _CRASHES for line in lines if line.startswith(start)][:1]
    message = next(iter(told or crash or last), "").removeprefix("Error: ")
    if any(words in errors for words in _AWAY):
        return EngineUnreachable(
            f"Cannot {what}: Podman does not answer.", "Check whether `podman ps` works."
        )
    if message.startswith(_UNKNOWN_FLAG) and any(flag in message for flag in _NOT_OVER_A_SOCKET):
        message += " (Podman does not take this option over its socket)"
    return refusal(what, 0, message)


def podman_is_installed() -> bool:
    return account.find_program("podman") is not None


CREATE_LIMIT = 120.0  # seconds; a missing image is pulled
QUICK_LIMIT = 30.0
REMOVE_LIMIT = 60.0
START_LIMIT = 60.0
LOG_LIMIT = 1 << 20  # bytes
_ID_LENGTH, _HEX = 64, frozenset("0123456789abcdef")


class ContainerControl:
    """The containers of one engine, by name or id.

    Every method raises NotFound, NameTaken, ChangeTimedOut, EngineUnreachable or ChangeFailed.
    """

    def __init__(self, session: ApiSession) -> None:
        self._session = session

    def create(
        self,
        spec: Spec,
        version: Version = NEWEST_KNOWN,
        *,
        flags: Sequence[str] = (),
        seconds: float = CREATE_LIMIT,
    ) -> str:
        """Create a container and return its full id; it is not started.

        Args:
            version: of this engine.
            flags: more flags of `podman create`, such as `--pull=never`.
        """
        words = list(run_arguments(spec, "create", version))
        place = words.index("create") + 1
        words[place:place] = flags
        return self.create_by_command(words, seconds=seconds)

    def create_by_command(
        self,
        words: Sequence[str],
        *,
        seconds: float = CREATE_LIMIT,
    ) -> str:
        """Create a container from the words after `podman` (`create --name web …`) and return its
        full id."""
        printed = run_podman(
            self._session,
            words,
            "create the container",
            seconds,
        )
        return printed.splitlines()[-1].strip() if printed else ""

    def exists(self, container: str) -> bool:
        try:
            self.inspect(container)
        except NotFound:
            return False
        return True

    def inspect(self, container: str) -> Mapping[str, Any]:
        what = f"inspect {_the(container)}"
        return self._session.named(
            "containers",
            container,
            what,
            seconds=QUICK_LIMIT,
        )

    def labelled(self, label: str) -> tuple[Mapping[str, Any], ...]:
        """The containers with a label (`KEY` or `KEY=VALUE`), running or not, as listed."""
        return self._session.labelled(
            "containers/json",
            label,
            "Id",
            seconds=QUICK_LIMIT,
            query={"all": "true"},
        )

    def using(
        self,
        volume: str,
        *,
        stopped: bool = False,
    ) -> tuple[str, ...]:
        """The names of the running containers that mount a volume; `stopped`: of the others too."""
        wanted = {"volume": [volume]} | ({} if stopped else {"status": ["running"]})
        query = {"filters": json.dumps(wanted)} | ({"all": "true"} if stopped else {})
        what = "list containers"
        answer = self._session.document(
            "containers/json",
            what,
            seconds=QUICK_LIMIT,
            query=query,
        )
        listed = shapes.mappings(answer, what, "Id", shapes.Labelled)
        return tuple((container.get("Names") or [""])[0] for container in listed)

    def init(
        self,
        container: str,
        *,
        seconds: float = START_LIMIT,
    ) -> int:
        """Prepare a container so that its main process exists but does not run yet; returns its
        pid."""
        self._post(
            container,
            "init",
            f"prepare {_the(container)}",
            seconds,
        )
        return int(self.inspect(container)["State"]["Pid"])

    def start(
        self,
        container: str,
        *,
        seconds: float = START_LIMIT,
    ) -> None:
        """Start a container; a running one is left alone."""
        self._post(
            container,
            "start",
            f"start {_the(container)}",
            seconds,
        )

    def stop(self, container: str, *, timeout: int) -> None:
        """Ask it to stop and kill it after `timeout` seconds; a stopped one is left alone."""
        query = {"timeout": str(timeout)}
        self._post(
            container,
            "stop",
            f"stop {_the(container)}",
            timeout + QUICK_LIMIT,
            query,
        )

    def restart(
        self,
        container: str,
        *,
        timeout: int,
    ) -> None:
        query = {"t": str(timeout)}
        self._post(
            container,
            "restart",
            f"restart {_the(container)}",
            timeout + START_LIMIT,
            query,
        )

    def kill(
        self,
        container: str,
        *,
        signal: str = "KILL",
    ) -> None:
        self._post(
            container,
            "kill",
            f"kill {_the(container)}",
            QUICK_LIMIT,
            {"signal": signal},
        )

    def rename(self, container: str, name: str) -> None:
        what = f"rename {_the(container)} to {visible(name, 80)}"
        self._post(
            container,
            "rename",
            what,
            QUICK_LIMIT,
            {"name": name},
        )

    def remove(
        self,
        container: str,
        *,
        force: bool = False,
        volumes: bool = False,
    ) -> None:
        """Remove a container; with `force` also a running one, which is killed immediately.
        `volumes`: also remove its anonymous volumes.
        """
        query = {
            "force": str(force).lower(),
            "v": str(volumes).lower(),
            "ignore": "true",
        }
        if force:
            query["timeout"] = "0"
        what = f"remove {_the(container)}"
        with suppress(NotFound):
            where = path("containers", self._identity(container, what))
            self._session.send(
                "DELETE",
                where,
                what,
                seconds=REMOVE_LIMIT,
                query=query,
            )

    def wait(self, container: str, *, seconds: float) -> int:
        """Wait until it has stopped; returns its exit code."""
        body = self._post(
            container, "wait", f"wait for {_the(container)}", seconds, {"condition": "stopped"}
        )
        try:
            return int(body)
        except ValueError:
            raise EngineProtocolError("Podman's answer to a wait is not an exit code.") from None

    def update(
        self,
        container: str,
        flags: Sequence[str],
        *,
        seconds: float = QUICK_LIMIT,
    ) -> None:
        """Change limits, restart policy or health checks of a container while it runs. `flags`: of
        `podman
        update`: `("--memory=256m", "--pids-limit=100")`.
        """
        what = f"update {_the(container)}"
        run_podman(
            self._session,
            (
                "update",
                *flags,
                "--",
                self._identity(container, what),
            ),
            what,
            seconds,
        )

    def set_limits(
        self,
        container: str,
        limits: Mapping[str, Any],
    ) -> None:
        """Set limits as OCI resources through the API: unlike `update`, this can also remove a
        limit."""
        what = f"update {_the(container)}"
        where = path(
            "containers",
            self._identity(container, what),
            "update",
        )
        self._session.send(
            "POST",
            where,
            what,
            seconds=QUICK_LIMIT,
            body=json.dumps(limits),
        )

    def check_health(self, container: str) -> str:
        """Run its health check once; `healthy`, `unhealthy` or `starting`."""
        where = path("containers", container, "healthcheck")
        what = f"run the health check of {_the(container)}"
        document = self._session.document(
            where,
            what,
            seconds=QUICK_LIMIT,
        )
        return str(document.get("Status", "")) if isinstance(document, dict) else ""

    def run_inside(
        self,
        container: str,
        words: Sequence[str],
        *,
        user: str = "",
        seconds: float = QUICK_LIMIT,
    ) -> tuple[int, str]:
        """Run a command in a container of our own (a lab's), never in an audited one.

        Returns:
            Its exit code (125 to 127: it could not be run), and its output, with its errors if it
            failed; not yet safe to show.

        Raises:
            ChangeTimedOut: it did not finish.
        """
        who = (f"--user={user}",) if user else ()
        what = f"run a command in {_the(container)}"
        code, printed, errors = exit_of_podman(
            self._session, ("exec", *who, container, *words), what, seconds
        )
        return code, printed if code == 0 else printed + errors

    def logs(
        self,
        container: str,
        *,
        tail: int = 200,
        seconds: float = QUICK_LIMIT,
    ) -> str:
        """The last lines of its log; not yet safe to show. Raises if its log driver keeps none."""
        query = {"stdout": "true", "stderr": "true", "tail": str(tail)}
        where = path("containers", container, "logs")
        collected = bytearray()
        for piece in self._session.download(
            where, f"read the log of {_the(container)}", seconds=seconds, query=query
        ):
            collected += piece
            if len(collected) > LOG_LIMIT:
                break
        return b"".join(data for _, data in frames_of(bytes(collected))).decode(
            "utf-8",
            "replace",
        )

    def changes(
        self,
        container: str,
        *,
        seconds: float = REMOVE_LIMIT,
    ) -> tuple[Mapping[str, Any], ...]:
        """The differences from its image: `Path` and `Kind` (0 changed, 1 added, 2 deleted)."""
        where = path("containers", container, "changes")
        what = f"compare {_the(container)} with its image"
        answer = self._session.document(
            where,
            what,
            seconds=seconds,
        )
        return shapes.mappings(answer, what, "Path", shapes.ChangedFile)

    def archive(
        self,
        container: str,
        place: str,
        *,
        seconds: float,
    ) -> Iterator[bytes]:
        """A file or directory as a tar archive, also from a tmpfs or a volume, but without owners.

        `/data/.` is the contents of a directory.
        """
        where = path("containers", container, "archive")
        what = f"read {visible(place, 80)} of {_the(container)}"
        return self._session.download(
            where,
            what,
            seconds=seconds,
            query={"path": place},
        )

    def export(
        self,
        container: str,
        *,
        seconds: float,
    ) -> Iterator[bytes]:
        """Its whole file system without volumes, as a tar archive. It need not run."""
        where = path("containers", container, "export")
        return self._session.download(
            where, f"read the files of {_the(container)}", seconds=seconds
        )

    def extract(
        self,
        container: str,
        place: str,
        archive: Iterator[bytes],
        *,
        seconds: float,
    ) -> None:
        """Unpack a tar archive into a directory of a container, with the owners in the archive."""
        where = path("containers", container, "archive")
        what = f"write to {visible(place, 80)} of {_the(container)}"
        query = {"path": place, "copyUIDGID": "false"}
        self._session.upload(
            where,
            what,
            archive,
            seconds=seconds,
            query=query,
        )

    def _post(
        self,
        container: str,
        verb: str,
        what: str,
        seconds: float,
        query: Mapping[str, str] | None = None,
    ) -> bytes:
        where = path(
            "containers",
            self._identity(container, what),
            verb,
        )
        return self._session.send(
            "POST",
            where,
            what,
            seconds=seconds,
            query=query,
        )

    def _identity(self, container: str, what: str) -> str:
        """The full id: by a name, Podman also finds the container whose id begins with it."""
        if len(container) == _ID_LENGTH and _HEX.issuperset(container):
            return container
        return str(
            self._session.named(
                "containers",
                container,
                what,
                seconds=QUICK_LIMIT,
            )["Id"]
        )


def _the(container: str) -> str:
    return f"the container {visible(container, 80)}"
