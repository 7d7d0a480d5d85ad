"""The process: command, environment, terminal, init."""

from __future__ import annotations

import json

from hardentui.model.spec import Readability
from hardentui.options.rows import AR, KV, B, key, many, shaped, switch, text

_AREA = "process"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

no_words: tuple[str, ...] = ()
no_entrypoint: tuple[str, ...] | None = None


def entrypoint_arguments(words: tuple[str, ...] | None) -> tuple[str, ...]:
    """One word as it is; several (or a word that looks like JSON) as a JSON array; none as an empty text."""
    if words is None:
        return ()
    if len(words) == 0:
        return ("",)
    if len(words) == 1 and not words[0].startswith("["):
        return words
    return (json.dumps(list(words), ensure_ascii=False),)


IMAGE = shaped(
    "IMAGE",
    _AREA,
    "The image, as it is named.",
    "",
    lambda value: (value,),
    key("Image", "4.4"),
    name="image",
)
COMMAND = shaped(
    "COMMAND",
    _AREA,
    "Words after the image.",
    no_words,
    lambda words: words,
    key("Exec", "4.4", AR),
    name="command",
    readability=_LOSSY,
)
ENTRYPOINT = shaped(
    "--entrypoint",
    _AREA,
    "Program and words in place of the image's entry point.",
    no_entrypoint,
    entrypoint_arguments,
    key("Entrypoint", "5.0"),
    readability=_LOSSY,
)
ENV = many("--env", _AREA, "A variable `NAME=value`.", key("Environment", "4.4", KV), readability=_LOSSY)
ENV_FILE = many(
    "--env-file", _AREA, "A file of variables.", key("EnvironmentFile", "4.4", AR), readability=_COMMAND
)
ENV_HOST = switch(
    "--env-host",
    _AREA,
    "The whole environment of the host.",
    key("EnvironmentHost", "4.4", B),
    readability=_COMMAND,
)
UNSETENV = many("--unsetenv", _AREA, "A variable of the image that is removed.", readability=_LOSSY)
UNSETENV_ALL = switch("--unsetenv-all", _AREA, "Remove every variable of the image.", readability=_LOSSY)
WORKDIR = text("--workdir", _AREA, "Working directory.", key("WorkingDir", "4.6"), readability=_LOSSY)
TTY = switch("--tty", _AREA, "A pseudo-terminal.")
INTERACTIVE = switch("--interactive", _AREA, "Standard input stays open.")
INIT = switch("--init", _AREA, "A small init reaps children and forwards signals.", key("RunInit", "4.4", B))
INIT_PATH = text("--init-path", _AREA, "Path of that init.", readability=_COMMAND)
SYSTEMD = text("--systemd", _AREA, "systemd mode: true (automatic), always, false.", readability=_LOSSY)
PERSONALITY = text("--personality", _AREA, "Execution domain.", readability=_COMMAND)
TIMEZONE = text("--tz", _AREA, "Time zone.", key("Timezone", "4.4"))
