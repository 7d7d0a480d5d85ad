"""Security options: privileges, capabilities, LSM, seccomp, masks."""

from __future__ import annotations

from collections.abc import Callable

from hardentui.model.spec import Readability
from hardentui.options.table.shapes import AR, SV, B, key, many, shaped, switch, text

_AREA = "security"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

PRIVILEGED = switch(
    flag="--privileged", area=_AREA, about="All capabilities and devices, no seccomp, no masks, no LSM."
)
CAP_ADD = many(
    flag="--cap-add",
    area=_AREA,
    about="A capability that is added.",
    quadlet=key("AddCapability", "4.4", SV),
    readability=_LOSSY,
)
CAP_DROP = many(
    flag="--cap-drop",
    area=_AREA,
    about="A capability that is taken away; `all` for every one.",
    quadlet=key("DropCapability", "4.4", SV),
    readability=_LOSSY,
)
NO_NEW_PRIVILEGES = switch(
    flag="--security-opt",
    area=_AREA,
    about="No process may gain privileges by exec.",
    quadlet=key("NoNewPrivileges", "4.4", B),
    argument="no-new-privileges",
    name="no-new-privileges",
)
SECCOMP_PROFILE = text(
    flag="--security-opt",
    area=_AREA,
    about="Path of a seccomp profile, or unconfined.",
    quadlet=key("SeccompProfile", "4.4"),
    prefix="seccomp=",
    name="seccomp",
    readability=_LOSSY,
)
SECCOMP_POLICY = text(
    flag="--seccomp-policy",
    area=_AREA,
    about="Where the seccomp profile comes from: default or image.",
    readability=_COMMAND,
)
APPARMOR = text(
    flag="--security-opt",
    area=_AREA,
    about="AppArmor profile, or unconfined.",
    quadlet=key("AppArmor", "5.8"),
    prefix="apparmor=",
    name="apparmor",
    readability=_LOSSY,
)
LABEL_DISABLE = switch(
    flag="--security-opt",
    area=_AREA,
    about="No SELinux separation.",
    quadlet=key("SecurityLabelDisable", "4.5", B),
    argument="label=disable",
    name="label-disable",
    readability=_LOSSY,
)
LABEL_NESTED = switch(
    flag="--security-opt",
    area=_AREA,
    about="SELinux labels can be changed inside.",
    quadlet=key("SecurityLabelNested", "4.6", B),
    argument="label=nested",
    name="label-nested",
    readability=_LOSSY,
)
LABEL_TYPE = text(
    flag="--security-opt",
    area=_AREA,
    about="SELinux type of the process.",
    quadlet=key("SecurityLabelType", "4.5"),
    prefix="label=type:",
    name="label-type",
    readability=_LOSSY,
)
LABEL_FILETYPE = text(
    flag="--security-opt",
    area=_AREA,
    about="SELinux type of its files.",
    quadlet=key("SecurityLabelFileType", "4.5"),
    prefix="label=filetype:",
    name="label-filetype",
    readability=_LOSSY,
)
LABEL_LEVEL = text(
    flag="--security-opt",
    area=_AREA,
    about="SELinux level (MCS categories).",
    quadlet=key("SecurityLabelLevel", "4.5"),
    prefix="label=level:",
    name="label-level",
    readability=_LOSSY,
)
LABEL_USER = text(
    flag="--security-opt",
    area=_AREA,
    about="SELinux user.",
    prefix="label=user:",
    name="label-user",
    readability=_LOSSY,
)
LABEL_ROLE = text(
    flag="--security-opt",
    area=_AREA,
    about="SELinux role.",
    prefix="label=role:",
    name="label-role",
    readability=_LOSSY,
)
no_paths: tuple[str, ...] = ()


def _joined(prefix: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """All paths in one argument, `mask=/a:/b`."""
    return lambda paths: (prefix + ":".join(paths),) if paths else ()


MASK = shaped(
    flag="--security-opt",
    area=_AREA,
    about="Paths that are hidden.",
    default=no_paths,
    to_arguments=_joined("mask="),
    quadlet=key("Mask", "4.6", AR),
    name="mask",
    to_values=lambda paths: paths,
    readability=_COMMAND,
)
UNMASK = shaped(
    flag="--security-opt",
    area=_AREA,
    about="Default masks that are lifted; ALL for every one.",
    default=no_paths,
    to_arguments=_joined("unmask="),
    quadlet=key("Unmask", "4.6", AR),
    name="unmask",
    to_values=lambda paths: paths,
    readability=_COMMAND,
)
PROC_OPTS = text(
    flag="--security-opt",
    area=_AREA,
    about="Options of the /proc mount.",
    prefix="proc-opts=",
    name="proc-opts",
    readability=_COMMAND,
)
SYSCTL = many(
    flag="--sysctl",
    area=_AREA,
    about="A namespaced kernel parameter `name=value`.",
    quadlet=key("Sysctl", "4.6", SV),
    readability=_COMMAND,
)
SECRETS = many(
    flag="--secret",
    area=_AREA,
    about="A secret `NAME,type=mount,target=…,uid=…,gid=…,mode=…`.",
    quadlet=key("Secret", "4.5", AR),
    readability=_LOSSY,
)
