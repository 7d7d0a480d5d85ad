"""All observers of one container together, from before its first instruction until after its last."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from time import monotonic
from typing import Any

from hardentui.host.files.reader import Files, LocalFiles, reason
from hardentui.model.known import NOT_READ, Known, Unreadable
from hardentui.model.observation import CallLog, CapabilityCheck, Observation, Sampled
from hardentui.reading.seccomp import parse_profile
from hardentui.trial.learned.merging import merged_checks, merged_samples
from hardentui.trial.observe.argument_shapes import INSPECTED
from hardentui.trial.observe.call_names import NATIVE, SECCOMP_NAMES
from hardentui.trial.observe.calls import CallWatcher, give_to
from hardentui.trial.observe.capability_checks import TRACEFS, CapabilityWatcher, remove_leftovers
from hardentui.trial.observe.inspector import Inspector
from hardentui.trial.observe.sampling import Sampler


def native_way() -> str:
    """The seccomp profile's name of this machine; empty without a table of its system calls."""
    number = NATIVE.get(platform.machine())
    return "" if number is None else SECCOMP_NAMES[number]


class Watch:
    """Use: `open`; create the container with the seccomp profile at `profile_path` (if it is not empty);
    for each start `attach` between Podman's init and start; stop the container; `finish`; `close`.

    Args:
        base: the seccomp profile in force on it, as JSON; None = its system calls are not watched.
        held: its capabilities.
        account: the engine's uid; by default ours.
        parent: where the directory for the supervisor's socket is created; the engine must reach it.
    """

    def __init__(
        self,
        base: Mapping[str, Any] | None,
        held: frozenset[str],
        *,
        account: int | None = None,
        parent: str | None = None,
        files: Files | None = None,
        tracefs: str = TRACEFS,
    ) -> None:
        self._base, self._held, self._parent = base, held, parent
        self._account = os.geteuid() if account is None else account
        self._files = files or LocalFiles()
        self._tracefs = tracefs
        self._directory = ""
        self._calls: CallWatcher | None = None
        self._no_calls = Unreadable("there is no seccomp profile to watch it with")
        self._samplers: list[Sampler] = []
        self._tracers: list[CapabilityWatcher] = []
        self._sampled: Known[Sampled] = NOT_READ
        self._checks: Known[tuple[CapabilityCheck, ...]] = NOT_READ
        self._begun = 0.0

    @property
    def profile_path(self) -> str:
        """The profile that makes its calls visible; empty if that is impossible."""
        return "" if self._calls is None else self._calls.profile_path

    def open(self) -> None:
        """Start to wait for the container; leftovers of a killed session in the kernel are removed."""
        self._begun = monotonic()
        remove_leftovers(self._tracefs)
        if self._base is None:
            return
        if not native_way():
            self._no_calls = Unreadable(
                f"system calls of {platform.machine()} machines are not in our tables"
            )
            return
        try:
            self._directory = tempfile.mkdtemp(prefix="hardentui-", dir=self._parent)
            give_to(self._directory, self._account)
            rules = parse_profile(self._base, capabilities=self._held, architecture=_go_name())
            calls = CallWatcher(
                self._directory,
                self._base,
                rules,
                account=self._account,
                inspect=Inspector(),
                inspected=INSPECTED,
            )
            calls.start()
        except OSError as error:
            self._no_calls = Unreadable(f"{error.filename or self._directory}: {reason(error)}")
            return
        except ValueError as error:
            self._no_calls = Unreadable(f"its seccomp profile cannot be parsed: {error}")
            return
        self._calls = calls

    def attach(self, pid: int) -> None:
        """Watch a start of the container: `pid` is its main process, which waits to become the program."""
        self._settle()
        sampler = Sampler(pid, files=self._files)
        sampler.start()
        tracer = CapabilityWatcher(self._tracefs)
        tracer.start([pid])
        self._samplers.append(sampler)
        self._tracers.append(tracer)

    def finish(self, written: Known[tuple[str, ...]] = NOT_READ) -> Observation:
        """What was seen; the container must have ended.

        Args:
            written: paths of its root file system that differ from the image, according to Podman.
        """
        self._settle()
        calls: Known[CallLog] = self._no_calls if self._calls is None else self._calls.finish()
        return Observation(
            calls=calls,
            sampled=self._sampled,
            capability_checks=self._checks,
            written=written,
            seconds=round(monotonic() - self._begun, 2),
        )

    def close(self) -> None:
        """Stop everything and remove what was created, also after a failure."""
        self._settle()
        if self._calls is not None:
            self._calls.finish(patience=1.0)
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = ""

    def _settle(self) -> None:
        """Take over the observations of a start that has ended."""
        while self._samplers:
            self._sampled = merged_samples(self._sampled, self._samplers.pop().finish())
        while self._tracers:
            self._checks = merged_checks(self._checks, self._tracers.pop().finish(self._held))


def _go_name() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "amd64")
