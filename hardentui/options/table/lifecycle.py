"""Life cycle: name, labels, restart, stop, pod, pull."""

from __future__ import annotations

from hardentui.model.spec import KeyKind, Option, Readability
from hardentui.options.codecs.plain import COMMA_TEXTS, NAMED, NUMBER, SWITCH, SWITCH_OFF, TEXT, TEXTS
from hardentui.options.inspect.common import client_text, global_list, host_switch
from hardentui.options.inspect.lifecycle import (
    pid_file,
    read_annotations,
    read_init_ctr,
    read_labels,
    read_name,
    read_pod,
    read_requires,
    read_restart,
    read_runtime,
    read_sdnotify,
    read_stop_signal,
    read_stop_timeout,
    read_timeout,
    read_tls_verify,
)
from hardentui.options.table.parts import (
    COMMA_LISTS_BEFORE,
    JUDGED,
    NO_ORDER_MAKING,
    NO_ORDER_NAMES,
    NO_ORDER_TIMING,
    key,
    on_protects,
)

NAME = Option(
    flag="--name",
    area="lifecycle",
    about="Name of the container.",
    default="",
    codec=TEXT,
    quadlet=key("ContainerName", "4.4"),
    read=read_name,
    protection=NO_ORDER_NAMES,
)
LABELS = Option(
    flag="--label",
    area="lifecycle",
    about="A label `name=value`.",
    default=(),
    codec=NAMED,
    short="l",
    quadlet=key("Label", "4.4", KeyKind.KEY_VALUE),
    read=read_labels,
    protection=NO_ORDER_NAMES,
)
ANNOTATIONS = Option(
    flag="--annotation",
    area="lifecycle",
    about="An OCI annotation `name=value`.",
    default=(),
    codec=NAMED,
    commas_before=COMMA_LISTS_BEFORE,
    quadlet=key("Annotation", "4.4", KeyKind.KEY_VALUE),
    read=read_annotations,
    readability=Readability.LOSSY,
    protection=JUDGED,
)
POD = Option(
    flag="--pod",
    area="lifecycle",
    about="The pod it belongs to.",
    default="",
    codec=TEXT,
    quadlet=key("Pod", "5.0"),
    read=read_pod,
    protection=NO_ORDER_MAKING,
)
REQUIRES = Option(
    flag="--requires",
    area="lifecycle",
    about="A container that must run first.",
    default=(),
    codec=COMMA_TEXTS,
    read=read_requires,
    readability=Readability.LOSSY,
    protection=NO_ORDER_MAKING,
)
RESTART = Option(
    flag="--restart",
    area="lifecycle",
    about="Restart policy: no, always, unless-stopped, on-failure[:N].",
    default="",
    codec=TEXT,
    read=read_restart,
    protection=JUDGED,
)
REMOVE = Option(
    flag="--rm",
    area="lifecycle",
    about="Remove it when it exits.",
    default=False,
    codec=SWITCH,
    read=host_switch("AutoRemove"),
    protection=NO_ORDER_MAKING,
)
REMOVE_IMAGE = Option(
    flag="--rmi",
    area="lifecycle",
    about="Remove its image when it exits.",
    default=False,
    codec=SWITCH,
    only_verb="run",
    read=host_switch("AutoRemoveImage"),
    protection=NO_ORDER_MAKING,
)
STOP_SIGNAL = Option(
    flag="--stop-signal",
    area="lifecycle",
    about="Stop signal.",
    default="",
    codec=TEXT,
    quadlet=key("StopSignal", "5.2"),
    read=read_stop_signal,
    readability=Readability.LOSSY,
    protection=NO_ORDER_TIMING,
)
STOP_TIMEOUT = Option(
    flag="--stop-timeout",
    area="lifecycle",
    about="Seconds to wait before killing it.",
    default=10,
    codec=NUMBER,
    quadlet=key("StopTimeout", "5.0"),
    read=read_stop_timeout,
    protection=NO_ORDER_TIMING,
)
TIMEOUT = Option(
    flag="--timeout",
    area="lifecycle",
    about="Maximum run time in seconds.",
    default=0,
    codec=NUMBER,
    read=read_timeout,
    protection=NO_ORDER_TIMING,
)
SDNOTIFY = Option(
    flag="--sdnotify",
    area="lifecycle",
    about="Who notifies systemd: container, conmon, healthy or ignore.",
    default="",
    codec=TEXT,
    quadlet=key("Notify", "4.4"),
    read=read_sdnotify,
    readability=Readability.LOSSY,
    protection=JUDGED,
)
PULL = Option(
    flag="--pull",
    area="lifecycle",
    about="Pull policy: always, missing, never, newer.",
    default="",
    codec=TEXT,
    quadlet=key("Pull", "4.6"),
    read=client_text("--pull"),
    readability=Readability.CLIENT,
    protection=NO_ORDER_MAKING,
)
ARCH = Option(
    flag="--arch",
    area="lifecycle",
    about="Architecture of the image.",
    default="",
    codec=TEXT,
    read=client_text("--arch"),
    readability=Readability.CLIENT,
    protection=NO_ORDER_MAKING,
)
OS = Option(
    flag="--os",
    area="lifecycle",
    about="Operating system of the image.",
    default="",
    codec=TEXT,
    read=client_text("--os"),
    readability=Readability.CLIENT,
    protection=NO_ORDER_MAKING,
)
VARIANT = Option(
    flag="--variant",
    area="lifecycle",
    about="Variant of the image's architecture.",
    default="",
    codec=TEXT,
    read=client_text("--variant"),
    readability=Readability.CLIENT,
    protection=NO_ORDER_MAKING,
)
PLATFORM = Option(
    flag="--platform",
    area="lifecycle",
    about="OS/architecture of the image.",
    default="",
    codec=TEXT,
    read=client_text("--platform"),
    readability=Readability.CLIENT,
    protection=NO_ORDER_MAKING,
)
RETRY = Option(
    flag="--retry",
    area="lifecycle",
    about="Number of pull retries.",
    default="",
    codec=TEXT,
    quadlet=key("Retry", "5.5"),
    read=client_text("--retry"),
    readability=Readability.CLIENT,
    protection=NO_ORDER_MAKING,
)
RETRY_DELAY = Option(
    flag="--retry-delay",
    area="lifecycle",
    about="Time between pull retries.",
    default="",
    codec=TEXT,
    quadlet=key("RetryDelay", "5.5"),
    read=client_text("--retry-delay"),
    readability=Readability.CLIENT,
    protection=NO_ORDER_MAKING,
)
TLS_VERIFY = Option(
    flag="--tls-verify",
    area="lifecycle",
    about="Verify the registry's certificate.",
    default=True,
    codec=SWITCH_OFF,
    read=read_tls_verify,
    readability=Readability.CLIENT,
    protection=on_protects("stops checking the registry's certificate"),
)
AUTHFILE = Option(
    flag="--authfile",
    area="lifecycle",
    about="Credentials file for the registry.",
    default="",
    codec=TEXT,
    read=client_text("--authfile"),
    readability=Readability.CLIENT,
    protection=NO_ORDER_MAKING,
)
CERT_DIR = Option(
    flag="--cert-dir",
    area="lifecycle",
    about="Certificates for the registry.",
    default="",
    codec=TEXT,
    read=client_text("--cert-dir"),
    readability=Readability.CLIENT,
    protection=NO_ORDER_MAKING,
)
INIT_CTR = Option(
    flag="--init-ctr",
    area="lifecycle",
    about="Init container of a pod: once or always.",
    default="",
    codec=TEXT,
    only_verb="create",
    read=read_init_ctr,
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_MAKING,
)
CONMON_PIDFILE = Option(
    flag="--conmon-pidfile",
    area="lifecycle",
    about="File for the PID of conmon.",
    default="",
    codec=TEXT,
    read=pid_file("ConmonPidFile"),
    readability=Readability.LOSSY,
    protection=NO_ORDER_MAKING,
)
PIDFILE = Option(
    flag="--pidfile",
    area="lifecycle",
    about="File for the PID of the container.",
    default="",
    codec=TEXT,
    read=pid_file("PidFile"),
    readability=Readability.LOSSY,
    protection=NO_ORDER_MAKING,
)
RUNTIME = Option(
    flag="--runtime",
    area="lifecycle",
    about="OCI runtime (a global option).",
    default="",
    codec=TEXT,
    before_verb=True,
    read=read_runtime,
    readability=Readability.LOSSY,
    protection=NO_ORDER_MAKING,
)
MODULE = Option(
    flag="--module",
    area="lifecycle",
    about="A containers.conf module (a global option).",
    default=(),
    codec=TEXTS,
    before_verb=True,
    read=global_list("--module"),
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_MAKING,
)
HOOKS_DIR = Option(
    flag="--hooks-dir",
    area="lifecycle",
    about="Directory of OCI hooks (a global option).",
    default=(),
    codec=TEXTS,
    before_verb=True,
    read=global_list("--hooks-dir"),
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_MAKING,
)
RUNTIME_FLAG = Option(
    flag="--runtime-flag",
    area="lifecycle",
    about="A flag for the OCI runtime (a global option).",
    default=(),
    codec=TEXTS,
    before_verb=True,
    read=global_list("--runtime-flag"),
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_MAKING,
)
