"""Logs."""

from __future__ import annotations

from hardentui.model.spec import KeyKind, Option, Readability, TwinUse
from hardentui.options.codecs.plain import NAMED, TEXT
from hardentui.options.inspect.lifecycle import read_log_driver, read_log_options
from hardentui.options.table.parts import COMMA_LISTS_BEFORE, JUDGED, key

LOG_DRIVER = Option(
    flag="--log-driver",
    area="logging",
    about="Log driver: journald, k8s-file, json-file, none, passthrough.",
    default="",
    codec=TEXT,
    quadlet=key("LogDriver", "4.5"),
    read=read_log_driver,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
LOG_OPT = Option(
    flag="--log-opt",
    area="logging",
    about="A log option: `max-size=10mb`, `path=…`, `tag=…`.",
    default=(),
    codec=NAMED,
    commas_before=COMMA_LISTS_BEFORE,
    quadlet=key("LogOpt", "5.2", KeyKind.WORDS_LITERAL),
    read=read_log_options,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
