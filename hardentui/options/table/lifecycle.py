"""Life cycle: name, labels, restart, stop, pod, pull."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.table.shapes import KV, key, many, number, switch, switch_off, text

_AREA = "lifecycle"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

NAME = text(flag="--name", area=_AREA, about="Name of the container.", quadlet=key("ContainerName", "4.4"))
LABELS = many(flag="--label", area=_AREA, about="A label `name=value`.", quadlet=key("Label", "4.4", KV))
ANNOTATIONS = many(
    flag="--annotation",
    area=_AREA,
    about="An OCI annotation `name=value`.",
    quadlet=key("Annotation", "4.4", KV),
    readability=_LOSSY,
)
POD = text(flag="--pod", area=_AREA, about="Pod that it is a member of.", quadlet=key("Pod", "5.0"))
REQUIRES = many(flag="--requires", area=_AREA, about="A container that must run first.", readability=_LOSSY)
RESTART = text(flag="--restart", area=_AREA, about="no, always, unless-stopped, on-failure[:N].")
REMOVE = switch(flag="--rm", area=_AREA, about="Remove it when it ends.")
REMOVE_IMAGE = switch(flag="--rmi", area=_AREA, about="Remove its image when it ends.")
STOP_SIGNAL = text(
    flag="--stop-signal",
    area=_AREA,
    about="Signal that stops it.",
    quadlet=key("StopSignal", "5.2"),
    readability=_LOSSY,
)
STOP_TIMEOUT = number(
    flag="--stop-timeout",
    area=_AREA,
    about="Seconds until it is killed.",
    quadlet=key("StopTimeout", "5.0"),
    default=10,
)
TIMEOUT = number(flag="--timeout", area=_AREA, about="Longest run time in seconds.")
SDNOTIFY = text(
    flag="--sdnotify",
    area=_AREA,
    about="container, conmon, healthy or ignore.",
    quadlet=key("Notify", "4.4"),
    readability=_LOSSY,
)
PULL = text(
    flag="--pull",
    area=_AREA,
    about="Pull policy: always, missing, never, newer.",
    quadlet=key("Pull", "4.6"),
    readability=_CLIENT,
)
ARCH = text(flag="--arch", area=_AREA, about="Architecture of the image.", readability=_CLIENT)
OS = text(flag="--os", area=_AREA, about="Operating system of the image.", readability=_CLIENT)
VARIANT = text(
    flag="--variant", area=_AREA, about="Variant of the image's architecture.", readability=_CLIENT
)
PLATFORM = text(flag="--platform", area=_AREA, about="OS/architecture of the image.", readability=_CLIENT)
RETRY = text(
    flag="--retry", area=_AREA, about="Retries of a pull.", quadlet=key("Retry", "5.5"), readability=_CLIENT
)
RETRY_DELAY = text(
    flag="--retry-delay",
    area=_AREA,
    about="Time between retries.",
    quadlet=key("RetryDelay", "5.5"),
    readability=_CLIENT,
)
TLS_VERIFY = switch_off(
    flag="--tls-verify", area=_AREA, about="Check the certificate of the registry.", readability=_CLIENT
)
AUTHFILE = text(
    flag="--authfile", area=_AREA, about="Credentials file for the registry.", readability=_CLIENT
)
CERT_DIR = text(flag="--cert-dir", area=_AREA, about="Certificates for the registry.", readability=_CLIENT)
INIT_CTR = text(
    flag="--init-ctr", area=_AREA, about="Init container of a pod: once or always.", readability=_COMMAND
)
CONMON_PIDFILE = text(
    flag="--conmon-pidfile", area=_AREA, about="File with the pid of conmon.", readability=_LOSSY
)
PIDFILE = text(flag="--pidfile", area=_AREA, about="File with the pid of the container.", readability=_LOSSY)
RUNTIME = text(flag="--runtime", area=_AREA, about="OCI runtime (a global option).", readability=_LOSSY)
MODULE = many(
    flag="--module", area=_AREA, about="A containers.conf module (a global option).", readability=_COMMAND
)
HOOKS_DIR = many(
    flag="--hooks-dir", area=_AREA, about="Directory of OCI hooks (a global option).", readability=_COMMAND
)
RUNTIME_FLAG = many(
    flag="--runtime-flag",
    area=_AREA,
    about="A flag for the OCI runtime (a global option).",
    readability=_COMMAND,
)
