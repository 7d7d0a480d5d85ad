"""The process: command, environment, terminal, init."""

from __future__ import annotations

from hardentui.model.spec import KeyKind, Option, Readability, TwinUse
from hardentui.options.codecs.plain import ENTRYPOINT_WORDS, NAMED, SWITCH, TEXT, TEXTS, WORDS
from hardentui.options.inspect.common import config_switch, config_text, host_switch, never
from hardentui.options.inspect.process import (
    read_command,
    read_entrypoint,
    read_env,
    read_image,
    read_init_path,
    read_personality,
    read_systemd,
    read_unsetenv,
    read_unsetenv_all,
    read_workdir,
)
from hardentui.options.table.parts import JUDGED, NO_ORDER_PROGRAM, key, on_exposes

IMAGE = Option(
    flag="IMAGE",
    own_name="image",
    area="process",
    about="The image name.",
    default="",
    codec=TEXT,
    quadlet=key("Image", "4.4"),
    read=read_image,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
COMMAND = Option(
    flag="COMMAND",
    own_name="command",
    area="process",
    about="Arguments after the image.",
    default=(),
    codec=WORDS,
    quadlet=key("Exec", "4.4", KeyKind.WORDS_ESCAPED),
    read=read_command,
    readability=Readability.LOSSY,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
ENTRYPOINT = Option(
    flag="--entrypoint",
    area="process",
    about="Overrides the image's entrypoint.",
    default=None,
    codec=ENTRYPOINT_WORDS,
    quadlet=key("Entrypoint", "5.0"),
    read=read_entrypoint,
    readability=Readability.LOSSY,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
ENV = Option(
    flag="--env",
    area="process",
    about="An environment variable `NAME=value`.",
    default=(),
    codec=NAMED,
    short="e",
    quadlet=key("Environment", "4.4", KeyKind.KEY_VALUE),
    read=read_env,
    readability=Readability.LOSSY,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
ENV_FILE = Option(
    flag="--env-file",
    area="process",
    about="A file with environment variables.",
    default=(),
    codec=TEXTS,
    quadlet=key("EnvironmentFile", "4.4", KeyKind.WORDS_ESCAPED),
    read=never,
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
ENV_HOST = Option(
    flag="--env-host",
    area="process",
    about="Pass on the whole host environment.",
    default=False,
    codec=SWITCH,
    quadlet=key("EnvironmentHost", "4.4", KeyKind.BOOLEAN),
    read=never,
    readability=Readability.CREATE_COMMAND,
    protection=on_exposes("passes in the environment of the host"),
    twin=TwinUse.WITHHELD,
)
UNSETENV = Option(
    flag="--unsetenv",
    area="process",
    about="An environment variable of the image to remove.",
    default=(),
    codec=TEXTS,
    read=read_unsetenv,
    readability=Readability.LOSSY,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
UNSETENV_ALL = Option(
    flag="--unsetenv-all",
    area="process",
    about="Remove all environment variables of the image.",
    default=False,
    codec=SWITCH,
    read=read_unsetenv_all,
    readability=Readability.LOSSY,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
WORKDIR = Option(
    flag="--workdir",
    area="process",
    about="Working directory.",
    default="",
    codec=TEXT,
    short="w",
    quadlet=key("WorkingDir", "4.6"),
    read=read_workdir,
    readability=Readability.LOSSY,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
TTY = Option(
    flag="--tty",
    area="process",
    about="Allocate a pseudo-terminal.",
    default=False,
    codec=SWITCH,
    short="t",
    read=config_switch("Tty"),
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
INTERACTIVE = Option(
    flag="--interactive",
    area="process",
    about="Keep standard input open.",
    default=False,
    codec=SWITCH,
    short="i",
    read=config_switch("OpenStdin"),
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
INIT = Option(
    flag="--init",
    area="process",
    about="Run an init that reaps children and forwards signals.",
    default=False,
    codec=SWITCH,
    quadlet=key("RunInit", "4.4", KeyKind.BOOLEAN),
    read=host_switch("Init"),
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
INIT_PATH = Option(
    flag="--init-path",
    area="process",
    about="Path of the init program.",
    default="",
    codec=TEXT,
    read=read_init_path,
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
SYSTEMD = Option(
    flag="--systemd",
    area="process",
    about="systemd mode: true (automatic), always, false.",
    default="",
    codec=TEXT,
    read=read_systemd,
    readability=Readability.LOSSY,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
PERSONALITY = Option(
    flag="--personality",
    area="process",
    about="Execution domain.",
    default="",
    codec=TEXT,
    read=read_personality,
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
TIMEZONE = Option(
    flag="--tz",
    area="process",
    about="Time zone.",
    default="",
    codec=TEXT,
    aliases=("--timezone",),
    quadlet=key("Timezone", "4.4"),
    read=config_text("Timezone"),
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
