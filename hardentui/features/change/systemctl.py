"""systemctl: reload, start and stop units, for the system and for a user's manager."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence

from hardentui import account
from hardentui.child_process import ChildStopped, ChildTimedOut, run_child
from hardentui.errors import ChangeFailed
from hardentui.features.change.operator import Cancelled
from hardentui.visible import visible

_ASK_LIMIT = 30.0


_DEPENDS = ("RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "UpheldBy")


_MOST_UNITS = 200


class Systemctl:
    """One service manager.

    Args:
        uid: of the user whose manager it is; None = the system's.
    """

    def __init__(self, uid: int | None) -> None:
        self._words = ["systemctl", "--no-ask-password", "--no-pager"]
        self._environment = {
            **account.environment(),
            "LC_ALL": "C",
            "SYSTEMD_COLORS": "0",
        }
        if uid is not None:
            self._words.append("--user")
            if uid == os.geteuid():
                self._environment.setdefault("XDG_RUNTIME_DIR", f"/run/user/{uid}")
            else:
                self._words.append(f"--machine={uid}@.host")

    def reload(self) -> None:
        """Reload the unit files, which also runs the generators.

        Raises:
            ChangeFailed
        """
        self._run(("daemon-reload",), 90.0)

    def enable(self, unit: str) -> None:
        """Enable a unit at boot. Raises ChangeFailed."""
        self._run(("enable", "--", unit), _ASK_LIMIT)

    def disable(self, unit: str) -> None:
        """Disable it. Raises ChangeFailed."""
        self._run(("disable", "--", unit), _ASK_LIMIT)

    def restart(
        self,
        unit: str,
        seconds: float,
        stop: threading.Event,
    ) -> None:
        """Restart a unit and wait for it, even if it recently failed too often.

        Raises:
            ChangeFailed: it did not come up.
            Cancelled: `stop` was set.
        """
        self._forgive((unit,))
        self._run(("restart", "--", unit), seconds, stop)

    def start(
        self,
        units: Sequence[str],
        seconds: float,
    ) -> None:
        """Start units. Raises ChangeFailed."""
        if units:
            self._forgive(units)
            self._run(("start", "--", *units), seconds)

    def stop(self, unit: str, seconds: float) -> None:
        """Stop a unit. Raises ChangeFailed."""
        self._run(("stop", "--", unit), seconds)

    def set_properties(
        self,
        unit: str,
        words: Sequence[str],
    ) -> None:
        """Set properties of a unit until the next boot: `MemoryMax=1000000`. Raises ChangeFailed."""
        self._run(("set-property", "--runtime", "--", unit, *words), _ASK_LIMIT)

    def forget(self, unit: str) -> None:
        """Stop a unit and forget the properties that were set. Raises ChangeFailed."""
        self._run(("stop", "--", unit), _ASK_LIMIT)
        self._run(("revert", "--", unit), _ASK_LIMIT)

    def properties(self, unit: str, *names: str) -> Mapping[str, str]:
        """Properties of a unit; for one that does not exist they are empty or `inactive`."""
        shown = self._run(
            ("show", f"--property={','.join(names)}", "--", unit),
            _ASK_LIMIT,
        )
        pairs = (line.partition("=") for line in shown.splitlines())
        return {name: value for name, equals, value in pairs if equals}

    def is_active(self, unit: str) -> bool:
        return self.properties(unit, "ActiveState").get("ActiveState") == "active"

    def active_dependents(self, unit: str) -> tuple[str, ...]:
        """Active units that stop when this one stops, including indirect dependents."""
        known, waiting = {unit}, [unit]
        dependents = []
        while waiting and len(known) < _MOST_UNITS:
            shown = self.properties(waiting.pop(), *_DEPENDS)
            for name in sorted(
                {word for value in shown.values() for word in value.split()} - known
            ):
                known.add(name)
                waiting.append(name)
                if self.is_active(name):
                    dependents.append(name)
        return tuple(dependents)

    def why_failed(self, unit: str) -> str:
        """Why systemd could not start a unit, in a few words."""
        shown = self.properties(
            unit,
            "Result",
            "ExecMainStatus",
            "SubState",
        )
        result, status = shown.get("Result", ""), shown.get("ExecMainStatus", "0")
        return f"{result}, exit status {status}" if status not in ("", "0") else result or "unknown"

    def _forgive(self, units: Iterable[str]) -> None:
        """Allow a unit to start again although it recently failed often."""
        for unit in units:
            try:
                self._run(("reset-failed", "--", unit), _ASK_LIMIT)
            except ChangeFailed:
                continue  # not loaded: nothing to reset

    def _run(
        self,
        words: Sequence[str],
        seconds: float,
        stop: threading.Event | None = None,
    ) -> str:
        """The output of systemctl. It runs in its own process group: Ctrl-C in the terminal must
        not stop it.
        """
        what = f"systemctl {' '.join(visible(word, 80) for word in words if word != '--')}"
        try:
            done = run_child(
                [*self._words, *words],
                seconds=seconds,
                environment=self._environment,
                stop=stop,
            )
        except OSError as error:
            raise ChangeFailed(f"{what} cannot be run: {error.strerror}.") from error
        except ChildStopped:
            raise Cancelled("It was interrupted.") from None
        except ChildTimedOut:
            raise ChangeFailed(f"{what} did not finish within {seconds:g} s.") from None
        if done.code:
            message = " ".join(done.errors.decode("utf-8", "replace").split())
            raise ChangeFailed(f"{what} failed: {visible(message, 300).rstrip('.')}.")
        return done.output.decode("utf-8", "replace")
