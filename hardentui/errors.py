"""All expected errors: one sentence (title), what to do (hint), and the exit code of the program;
and the report of an unexpected one.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardentui.do import Do, Sentence, said


class HardenError(Exception):
    """Base of all errors that are shown to the user as one sentence and a hint.

    Attributes:
        advice: the hint with its next steps and options; `hint` is the same as text, without
            options.
    """

    exit_code = 2

    def __init__(
        self,
        title: str,
        hint: Sentence = "",
    ) -> None:
        super().__init__(title)
        self.title = title
        self.advice = hint
        self.hint = said(hint)

    def __str__(self) -> str:
        return f"{self.title}\n{self.hint}" if self.hint else self.title


class UsageError(HardenError):
    """The call itself is wrong: an unknown check, a missing name."""


class InputError(HardenError):
    """A given file or name cannot be used."""


class ChecklistError(InputError):
    """A checklist has faults; `faults` lists all of them as `line: message`, `where` is the file's
    name."""

    def __init__(
        self,
        title: str,
        faults: tuple[str, ...],
        where: str = "",
    ) -> None:
        super().__init__(title, "\n".join(faults))
        self.faults = faults
        self.where = where


class WaiversError(InputError):
    """A waivers file has faults; `faults` lists all of them as `line: message`."""

    def __init__(
        self,
        title: str,
        faults: tuple[str, ...],
    ) -> None:
        super().__init__(title, "\n".join(faults))
        self.faults = faults


class PlanError(InputError):
    """A saved plan cannot be read."""


class EngineError(HardenError):
    """A request to Podman failed."""

    exit_code = 3


class NoEngine(EngineError):
    """No Podman was found."""


class EngineUnreachable(EngineError):
    """Podman gave no answer: absent, refused, no permission, timed out."""


class EngineDenied(EngineUnreachable):
    """Podman is running, but this account may not use it."""


class StrangersEngine(EngineError):
    """Root was to act on the engine of another account: what it answers would reach as far as root.

    Attributes:
        uid, gid: of that account, as the kernel says.
        url: of the engine.
    """

    def __init__(
        self,
        uid: int,
        gid: int,
        url: str,
    ) -> None:
        super().__init__(
            "This Podman belongs to another account, so root changes nothing on it.",
            f"hardentui --url {url} … does it as that account.",
        )
        self.uid = uid
        self.gid = gid
        self.url = url


class OriginalSuffers(HardenError):
    """A trial was ended, because the original or its stack needs what the twins take."""

    exit_code = 7


class EngineProtocolError(EngineError):
    """Podman's answer cannot be parsed."""


class NotFound(EngineError):
    """The object does not exist (any more)."""


class Locked(HardenError):
    """Another change of the same container or file is running."""


class JournalError(HardenError):
    """The journal cannot be read or written."""


class ApplyFailed(HardenError):
    """A change failed and was rolled back, or could not be rolled back completely."""

    exit_code = 5


class NoWayBack(UsageError):
    """The original of a change no longer exists; undoing it would only do harm."""


class ChangeFailed(EngineError):
    """Podman did not make a requested change."""


class NameTaken(ChangeFailed):
    """Another object has that name."""


class PortTaken(ChangeFailed):
    """A container does not start, because something else has its port."""


class NotInForce(ChangeFailed):
    """The kernel does not enforce what a change asked for.

    Attributes:
        missing: container -> the checks that still fail.
    """

    def __init__(
        self,
        title: str,
        hint: Sentence,
        missing: Mapping[str, tuple[str, ...]],
    ) -> None:
        super().__init__(title, hint)
        self.missing = missing


class ChangeTimedOut(ChangeFailed):
    """A change did not finish in time; it may still happen."""


class CannotExpress(HardenError):
    """A format cannot represent this value."""


class CannotFix(HardenError):
    """A remediation is impossible for this container.

    Attributes:
        needs: a parameter without a suitable value.
        do: what makes it possible.
    """

    def __init__(
        self,
        title: str,
        hint: Sentence = "",
        *,
        needs: str = "",
        do: Do | None = None,
    ) -> None:
        super().__init__(title, hint)
        self.needs = needs
        self.do = do


class ToolMissing(HardenError):
    """A required program is not installed, so the answer stays unknown."""

    exit_code = 4


class GeneratorError(HardenError):
    """The Quadlet generator does not produce the intended command."""


class WriteError(HardenError):
    """A file could not be written; the previous one is untouched. `denied`: another user might be
    able to."""

    def __init__(
        self,
        title: str,
        hint: Sentence = "",
        *,
        denied: bool = False,
    ) -> None:
        super().__init__(title, hint)
        self.denied = denied
