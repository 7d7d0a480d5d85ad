"""Two pages about this machine: what works here, and the settings in force."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from hardentui.checks import all_checks
from hardentui.tui.screens.job import JobResult, JobScreen
from hardentui.tui.vocabulary import key_name, vocabulary
from hardentui.workbench.pages.this_machine import doctor_page, settings_page
from hardentui.workbench.settings.document import Document
from hardentui.workbench.settings.fixes import read_fix_defaults
from hardentui.workbench.settings.reading import read_settings
from hardentui.workbench.settings.showing import setting_rows


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

    def __init__(self) -> None:
        def read(stop: threading.Event, tell: Callable[[str], None]) -> JobResult:
            known, checks = vocabulary(), {check.id: check for check in all_checks()}
            document = Document.read(os.environ)
            settings = read_settings(document, known, os.environ, key_name)
            rows = setting_rows(settings, read_fix_defaults(document, checks), known, checks)
            return JobResult(settings_page(document, rows))

        super().__init__("Settings", read, "reading")
