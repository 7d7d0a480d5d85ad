"""A starter settings file: every setting with its default, commented out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from hardentui.errors import InputError
from hardentui.files import write_bundle
from hardentui.model.check import AnyCheck, ParameterValue
from hardentui.model.draft import TextFile
from hardentui.model.settings import Settings, Vocabulary
from hardentui.reading.forms import FORMS
from hardentui.visible import visible
from hardentui.workbench.settings.document import settings_file
from hardentui.workbench.strangers import refuse_strangers


def write_template(vocabulary: Vocabulary, tooltips: Mapping[str, str], checks: Iterable[AnyCheck]) -> str:
    """Write the template as the settings file; returns its path.

    Raises:
        InputError: there already is a settings file; it is not changed.
        UsageError: the session is somebody else's, in a browser.
        WriteError: it cannot be written.
    """
    refuse_strangers()
    path = settings_file()
    if os.path.lexists(path):
        message = f"{visible(path)} already exists and is not changed."
        raise InputError(message, "hardentui settings show displays it.")
    directory, name = os.path.split(path)
    text = template(vocabulary, tooltips, checks)
    write_bundle(directory, [TextFile(name, text, 0o600)], overwrite=False, create=True)
    return path


def template(vocabulary: Vocabulary, tooltips: Mapping[str, str], checks: Iterable[AnyCheck]) -> str:
    """The text of the template; unedited it changes nothing."""
    usual = Settings()
    lines = [
        "# Settings of HardenTUI. Remove the # before a line to change a setting.",
        "# `hardentui settings show` shows what is in force, and where it comes from.",
        "",
        "# Colours of the screens. Also: $HARDENTUI_THEME.",
        *_wrapped("# ", vocabulary.themes),
        '# theme = "hardentui-dark"',
        "",
        "# Only ASCII signs on the screens. Also: $HARDENTUI_ASCII=1.",
        f"# ascii = {_toml(usual.ascii)}",
        "",
        "# Columns of the container list besides name, score and steps, as far as there is room.",
        f"# columns = {_toml(vocabulary.columns)}",
        "",
        "# The directory that the write dialog offers. Also: $HARDENTUI_FOLDER.",
        f"# folder = {_toml(usual.folder)}",
        "",
        "# Plain lines instead of screens, for screen readers: hardentui --text. Also: $HARDENTUI_TEXT=1.",
        f"# text_mode = {_toml(usual.text_mode)}",
        "",
        "# Keep theme, directory, filter and order of the list, and the last place for the next session.",
        f"# remember = {_toml(usual.remember)}",
        "",
        "# Keys, by action: several with commas. Names of keys are those of Textual: f3, ctrl+g, slash.",
        "[keys]",
    ]
    width = max(len(action) + len(keys) for action, keys in vocabulary.actions.items()) + 10
    for action, keys in vocabulary.actions.items():
        setting = f"# {_toml(action)} = {_toml(keys)}"
        lines.append(f"{setting:<{width}} # {tooltips.get(action, '')}")
    lines += [
        "",
        "# Values that fixes write if none was chosen for the container and none was measured.",
    ]
    for check in checks:
        if check.takes:
            lines += ["", f"# {check.title}: {check.summary}", f"[fixes.{check.id}]"]
            lines += [
                f"# {name} = {_toml(check.parameters[name])}   # {FORMS[form].words}"
                for name, form in check.takes.items()
            ]
    return "\n".join(lines) + "\n"


def _toml(value: ParameterValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _wrapped(start: str, words: Iterable[str]) -> list[str]:
    from textwrap import wrap

    return [f"{start}{line}" for line in wrap(", ".join(words), 96, break_on_hyphens=False)]
