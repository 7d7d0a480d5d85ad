"""Two pages about this machine: what works here, and the settings in force."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.message import Message

from hardentui.checks import CHECKS, all_checks
from hardentui.errors import HardenError
from hardentui.features.opening.this_machine import doctor_page, settings_page
from hardentui.features.settings.reading import Document, read_fix_defaults, read_settings
from hardentui.features.settings.showing import setting_rows, write_template
from hardentui.regular_files import why_not_here
from hardentui.state.own_files import settings_file
from hardentui.tui.actions import SETTINGS, bindings
from hardentui.tui.screens.job import JobResult, JobScreen, SureScreen
from hardentui.tui.vocabulary import all_actions, key_name, vocabulary
from hardentui.tui.ways import told


@dataclass
class StarterWritten(Message):
    """The path of the new settings file, or why there is none."""

    outcome: str | HardenError


class DoctorScreen(JobScreen):
    """`r` looks again."""

    def __init__(self) -> None:
        def look(stop: threading.Event, tell: Callable[[str], None]) -> JobResult:
            opened = self.session.opened
            found_with = opened.engines[0].facts.found_with if opened and opened.engines else ()
            return JobResult((doctor_page((self.app.size.width, self.app.size.height), found_with),))

        super().__init__("Doctor", look, "looking")


class SettingsScreen(JobScreen):
    """`r` reads the file again; the settings in force were read at the start."""

    ACTIONS = (*SETTINGS, *JobScreen.ACTIONS)
    BINDINGS: ClassVar = bindings(SETTINGS)
    BINDING_GROUP_TITLE = "Settings"

    def __init__(self) -> None:
        self._there = False

        def read(stop: threading.Event, tell: Callable[[str], None]) -> JobResult:
            known, checks = vocabulary(), CHECKS
            document = Document.read(os.environ)
            self._there = document.there
            settings = read_settings(document, known, os.environ, key_name)
            rows = setting_rows(settings, read_fix_defaults(document, checks), known, checks)
            return JobResult(settings_page(document, rows))

        super().__init__("Settings", read, "reading")

    def why_not(self, action: str) -> str:
        if action == "starter" and self.stop is not None:
            return "The settings are being read."
        if action == "starter":
            return why_not_here() or self._why_no_starter
        return super().why_not(action)

    @property
    def _why_no_starter(self) -> str:
        return "There is a settings file already; it is not changed." if self._there else ""

    def action_starter(self) -> None:
        question = f"Write {settings_file()}?"
        detail = "Every setting with its default, as a comment: it changes nothing until you edit it."
        self.app.push_screen(SureScreen(question, detail), self._sure)

    def _sure(self, sure: bool | None) -> None:
        if sure:
            self._write_starter()

    @work(thread=True, group="settings")
    def _write_starter(self) -> None:
        tooltips = {action.id: action.tooltip for action in all_actions()}
        try:
            self.post_message(StarterWritten(write_template(vocabulary(), tooltips, all_checks())))
        except HardenError as error:
            self.post_message(StarterWritten(error))

    @on(StarterWritten)
    def _starter_written(self, message: StarterWritten) -> None:
        outcome = message.outcome
        if isinstance(outcome, HardenError):
            self.complain(told(outcome), "Not written")
        else:
            self.notify(f"{outcome}: edit it; the next session uses it.", title="Written")
        self.action_again()
