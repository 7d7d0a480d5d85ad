"""Security options: privileges, capabilities, LSM, seccomp, masks."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.model.spec import Readability
from hardentui.options.rows import AR, SV, B, key, many, shaped, switch, text

_AREA = "security"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

PRIVILEGED = switch("--privileged", _AREA, "All capabilities and devices, no seccomp, no masks, no LSM.")
CAP_ADD = many(
    "--cap-add", _AREA, "A capability that is added.", key("AddCapability", "4.4", SV), readability=_LOSSY
)
CAP_DROP = many(
    "--cap-drop",
    _AREA,
    "A capability that is taken away; `all` for every one.",
    key("DropCapability", "4.4", SV),
    readability=_LOSSY,
)
NO_NEW_PRIVILEGES = switch(
    "--security-opt",
    _AREA,
    "No process may gain privileges by exec.",
    key("NoNewPrivileges", "4.4", B),
    argument="no-new-privileges",
    name="no-new-privileges",
)
SECCOMP_PROFILE = text(
    "--security-opt",
    _AREA,
    "Path of a seccomp profile, or unconfined.",
    key("SeccompProfile", "4.4"),
    prefix="seccomp=",
    name="seccomp",
    readability=_LOSSY,
)
SECCOMP_POLICY = text(
    "--seccomp-policy", _AREA, "Where the seccomp profile comes from: default or image.", readability=_COMMAND
)
APPARMOR = text(
    "--security-opt",
    _AREA,
    "AppArmor profile, or unconfined.",
    key("AppArmor", "5.8"),
    prefix="apparmor=",
    name="apparmor",
    readability=_LOSSY,
)
LABEL_DISABLE = switch(
    "--security-opt",
    _AREA,
    "No SELinux separation.",
    key("SecurityLabelDisable", "4.5", B),
    argument="label=disable",
    name="label-disable",
    readability=_LOSSY,
)
LABEL_NESTED = switch(
    "--security-opt",
    _AREA,
    "SELinux labels can be changed inside.",
    key("SecurityLabelNested", "4.6", B),
    argument="label=nested",
    name="label-nested",
    readability=_LOSSY,
)
LABEL_TYPE = text(
    "--security-opt",
    _AREA,
    "SELinux type of the process.",
    key("SecurityLabelType", "4.5"),
    prefix="label=type:",
    name="label-type",
    readability=_LOSSY,
)
LABEL_FILETYPE = text(
    "--security-opt",
    _AREA,
    "SELinux type of its files.",
    key("SecurityLabelFileType", "4.5"),
    prefix="label=filetype:",
    name="label-filetype",
    readability=_LOSSY,
)
LABEL_LEVEL = text(
    "--security-opt",
    _AREA,
    "SELinux level (MCS categories).",
    key("SecurityLabelLevel", "4.5"),
    prefix="label=level:",
    name="label-level",
    readability=_LOSSY,
)
LABEL_USER = text(
    "--security-opt", _AREA, "SELinux user.", prefix="label=user:", name="label-user", readability=_LOSSY
)
LABEL_ROLE = text(
    "--security-opt", _AREA, "SELinux role.", prefix="label=role:", name="label-role", readability=_LOSSY
)
no_paths: tuple[str, ...] = ()


def _joined(prefix: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """All paths in one argument, `mask=/a:/b`."""
    return lambda paths: (prefix + ":".join(paths),) if paths else ()


MASK = shaped(
    "--security-opt",
    _AREA,
    "Paths that are hidden.",
    no_paths,
    _joined("mask="),
    key("Mask", "4.6", AR),
    name="mask",
    to_values=lambda paths: paths,
    readability=_COMMAND,
)
UNMASK = shaped(
    "--security-opt",
    _AREA,
    "Default masks that are lifted; ALL for every one.",
    no_paths,
    _joined("unmask="),
    key("Unmask", "4.6", AR),
    name="unmask",
    to_values=lambda paths: paths,
    readability=_COMMAND,
)
PROC_OPTS = text(
    "--security-opt",
    _AREA,
    "Options of the /proc mount.",
    prefix="proc-opts=",
    name="proc-opts",
    readability=_COMMAND,
)
SYSCTL = many(
    "--sysctl",
    _AREA,
    "A namespaced kernel parameter `name=value`.",
    key("Sysctl", "4.6", SV),
    readability=_COMMAND,
)
SECRETS = many(
    "--secret",
    _AREA,
    "A secret `NAME,type=mount,target=…,uid=…,gid=…,mode=…`.",
    key("Secret", "4.5", AR),
    readability=_LOSSY,
)
