"""Security options: privileges, capabilities, LSM, seccomp, masks."""

from __future__ import annotations

from hardentui.model.spec import KeyKind, Option, Readability
from hardentui.options.codecs.plain import COMMA_NAMED, SWITCH, TEXT
from hardentui.options.codecs.security import (
    CAPABILITIES,
    MASKED_PATHS,
    NO_NEW_PRIVILEGES_WORD,
    SECRET_REFERENCES,
    UNMASKED_PATHS,
    security_text,
    security_word,
)
from hardentui.options.inspect.common import command_text
from hardentui.options.inspect.masks import read_mask, read_proc_opts, read_sysctl, read_unmask
from hardentui.options.inspect.security import (
    label_part,
    label_switch,
    read_apparmor,
    read_cap_add,
    read_cap_drop,
    read_label_disable,
    read_no_new_privileges,
    read_privileged,
    read_seccomp,
    read_secrets,
)
from hardentui.options.table.parts import (
    CHANGE_IS_WEAKER,
    ENTRIES_PROTECT,
    JUDGED,
    NO_ORDER_NAMES,
    key,
    on_exposes,
    on_protects,
)

PRIVILEGED = Option(
    flag="--privileged",
    area="security",
    about="All capabilities and devices, no seccomp, no masks, no LSM.",
    default=False,
    codec=SWITCH,
    read=read_privileged,
    protection=JUDGED,
)
CAP_ADD = Option(
    flag="--cap-add",
    area="security",
    about="A capability to add.",
    default=(),
    codec=CAPABILITIES,
    quadlet=key("AddCapability", "4.4", KeyKind.WORDS_LITERAL),
    read=read_cap_add,
    readability=Readability.LOSSY,
    protection=JUDGED,
)
CAP_DROP = Option(
    flag="--cap-drop",
    area="security",
    about="A capability to drop; `all` drops every one.",
    default=(),
    codec=CAPABILITIES,
    quadlet=key("DropCapability", "4.4", KeyKind.WORDS_LITERAL),
    read=read_cap_drop,
    readability=Readability.LOSSY,
    protection=JUDGED,
)
NO_NEW_PRIVILEGES = Option(
    flag="--security-opt",
    own_name="no-new-privileges",
    area="security",
    about="Processes cannot gain privileges through exec.",
    default=False,
    codec=NO_NEW_PRIVILEGES_WORD,
    quadlet=key("NoNewPrivileges", "4.4", KeyKind.BOOLEAN),
    read=read_no_new_privileges,
    protection=on_protects("lets processes gain privileges"),
)
SECCOMP_PROFILE = Option(
    flag="--security-opt",
    own_name="seccomp",
    area="security",
    about="Path of a seccomp profile, or unconfined.",
    default="",
    codec=security_text("seccomp="),
    quadlet=key("SeccompProfile", "4.4"),
    read=read_seccomp,
    readability=Readability.LOSSY,
    protection=JUDGED,
)
SECCOMP_POLICY = Option(
    flag="--seccomp-policy",
    area="security",
    about="Where the seccomp profile comes from: default or image.",
    default="",
    codec=TEXT,
    read=command_text("--seccomp-policy"),
    readability=Readability.CREATE_COMMAND,
    protection=JUDGED,
)
APPARMOR = Option(
    flag="--security-opt",
    own_name="apparmor",
    area="security",
    about="AppArmor profile, or unconfined.",
    default="",
    codec=security_text("apparmor="),
    quadlet=key("AppArmor", "5.8"),
    read=read_apparmor,
    readability=Readability.LOSSY,
    protection=JUDGED,
)
LABEL_DISABLE = Option(
    flag="--security-opt",
    own_name="label-disable",
    area="security",
    about="No SELinux separation.",
    default=False,
    codec=security_word("label=disable"),
    quadlet=key("SecurityLabelDisable", "4.5", KeyKind.BOOLEAN),
    read=read_label_disable,
    readability=Readability.LOSSY,
    protection=JUDGED,
)
LABEL_NESTED = Option(
    flag="--security-opt",
    own_name="label-nested",
    area="security",
    about="Allow changing SELinux labels inside.",
    default=False,
    codec=security_word("label=nested"),
    quadlet=key("SecurityLabelNested", "4.6", KeyKind.BOOLEAN),
    read=label_switch("nested"),
    readability=Readability.LOSSY,
    protection=on_exposes("lets it change SELinux labels"),
)
LABEL_TYPE = Option(
    flag="--security-opt",
    own_name="label-type",
    area="security",
    about="SELinux type of the process.",
    default="",
    codec=security_text("label=type:"),
    quadlet=key("SecurityLabelType", "4.5"),
    read=label_part("type"),
    readability=Readability.LOSSY,
    protection=JUDGED,
)
LABEL_FILETYPE = Option(
    flag="--security-opt",
    own_name="label-filetype",
    area="security",
    about="SELinux type of its files.",
    default="",
    codec=security_text("label=filetype:"),
    quadlet=key("SecurityLabelFileType", "4.5"),
    read=label_part("filetype"),
    readability=Readability.LOSSY,
    protection=NO_ORDER_NAMES,
)
LABEL_LEVEL = Option(
    flag="--security-opt",
    own_name="label-level",
    area="security",
    about="SELinux level (MCS categories).",
    default="",
    codec=security_text("label=level:"),
    quadlet=key("SecurityLabelLevel", "4.5"),
    read=label_part("level"),
    readability=Readability.LOSSY,
    protection=JUDGED,
)
LABEL_USER = Option(
    flag="--security-opt",
    own_name="label-user",
    area="security",
    about="SELinux user.",
    default="",
    codec=security_text("label=user:"),
    read=label_part("user"),
    readability=Readability.LOSSY,
    protection=NO_ORDER_NAMES,
)
LABEL_ROLE = Option(
    flag="--security-opt",
    own_name="label-role",
    area="security",
    about="SELinux role.",
    default="",
    codec=security_text("label=role:"),
    read=label_part("role"),
    readability=Readability.LOSSY,
    protection=NO_ORDER_NAMES,
)
MASK = Option(
    flag="--security-opt",
    own_name="mask",
    area="security",
    about="Additional paths to mask.",
    default=(),
    codec=MASKED_PATHS,
    quadlet=key("Mask", "4.6", KeyKind.WORDS_ESCAPED),
    read=read_mask,
    readability=Readability.CREATE_COMMAND,
    protection=ENTRIES_PROTECT,
)
UNMASK = Option(
    flag="--security-opt",
    own_name="unmask",
    area="security",
    about="Default masks to remove; ALL removes every one.",
    default=(),
    codec=UNMASKED_PATHS,
    quadlet=key("Unmask", "4.6", KeyKind.WORDS_ESCAPED),
    read=read_unmask,
    readability=Readability.CREATE_COMMAND,
    protection=JUDGED,
)
PROC_OPTS = Option(
    flag="--security-opt",
    own_name="proc-opts",
    area="security",
    about="Options of the /proc mount.",
    default="",
    codec=security_text("proc-opts="),
    read=read_proc_opts,
    readability=Readability.CREATE_COMMAND,
    protection=CHANGE_IS_WEAKER,
)
SYSCTL = Option(
    flag="--sysctl",
    area="security",
    about="A namespaced kernel parameter `name=value`.",
    default=(),
    codec=COMMA_NAMED,
    quadlet=key("Sysctl", "4.6", KeyKind.WORDS_LITERAL),
    read=read_sysctl,
    readability=Readability.CREATE_COMMAND,
    protection=JUDGED,
)
SECRETS = Option(
    flag="--secret",
    area="security",
    about="A secret `NAME,type=mount,target=…,uid=…,gid=…,mode=…`.",
    default=(),
    codec=SECRET_REFERENCES,
    quadlet=key("Secret", "4.5", KeyKind.WORDS_ESCAPED),
    read=read_secrets,
    readability=Readability.LOSSY,
    protection=JUDGED,
)
