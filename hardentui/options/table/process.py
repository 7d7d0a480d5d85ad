"""The process: command, environment, terminal, init."""

from __future__ import annotations

import json

from hardentui.model.spec import Readability
from hardentui.options.table.shapes import AR, KV, B, key, many, shaped, switch, text

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
    flag="IMAGE",
    area=_AREA,
    about="The image, as it is named.",
    default="",
    to_arguments=lambda value: (value,),
    quadlet=key("Image", "4.4"),
    name="image",
)
COMMAND = shaped(
    flag="COMMAND",
    area=_AREA,
    about="Words after the image.",
    default=no_words,
    to_arguments=lambda words: words,
    quadlet=key("Exec", "4.4", AR),
    name="command",
    readability=_LOSSY,
)
ENTRYPOINT = shaped(
    flag="--entrypoint",
    area=_AREA,
    about="Program and words in place of the image's entry point.",
    default=no_entrypoint,
    to_arguments=entrypoint_arguments,
    quadlet=key("Entrypoint", "5.0"),
    readability=_LOSSY,
)
ENV = many(
    flag="--env",
    area=_AREA,
    about="A variable `NAME=value`.",
    quadlet=key("Environment", "4.4", KV),
    readability=_LOSSY,
)
ENV_FILE = many(
    flag="--env-file",
    area=_AREA,
    about="A file of variables.",
    quadlet=key("EnvironmentFile", "4.4", AR),
    readability=_COMMAND,
)
ENV_HOST = switch(
    flag="--env-host",
    area=_AREA,
    about="The whole environment of the host.",
    quadlet=key("EnvironmentHost", "4.4", B),
    readability=_COMMAND,
)
UNSETENV = many(
    flag="--unsetenv", area=_AREA, about="A variable of the image that is removed.", readability=_LOSSY
)
UNSETENV_ALL = switch(
    flag="--unsetenv-all", area=_AREA, about="Remove every variable of the image.", readability=_LOSSY
)
WORKDIR = text(
    flag="--workdir",
    area=_AREA,
    about="Working directory.",
    quadlet=key("WorkingDir", "4.6"),
    readability=_LOSSY,
)
TTY = switch(flag="--tty", area=_AREA, about="A pseudo-terminal.")
INTERACTIVE = switch(flag="--interactive", area=_AREA, about="Standard input stays open.")
INIT = switch(
    flag="--init",
    area=_AREA,
    about="A small init reaps children and forwards signals.",
    quadlet=key("RunInit", "4.4", B),
)
INIT_PATH = text(flag="--init-path", area=_AREA, about="Path of that init.", readability=_COMMAND)
SYSTEMD = text(
    flag="--systemd", area=_AREA, about="systemd mode: true (automatic), always, false.", readability=_LOSSY
)
PERSONALITY = text(flag="--personality", area=_AREA, about="Execution domain.", readability=_COMMAND)
TIMEZONE = text(flag="--tz", area=_AREA, about="Time zone.", quadlet=key("Timezone", "4.4"))
