"""Life cycle: name, labels, restart, stop, pod, pull."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.rows import KV, key, many, number, switch, switch_off, text

_AREA = "lifecycle"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

NAME = text("--name", _AREA, "Name of the container.", key("ContainerName", "4.4"))
LABELS = many("--label", _AREA, "A label `name=value`.", key("Label", "4.4", KV))
ANNOTATIONS = many(
    "--annotation", _AREA, "An OCI annotation `name=value`.", key("Annotation", "4.4", KV), readability=_LOSSY
)
POD = text("--pod", _AREA, "Pod that it is a member of.", key("Pod", "5.0"))
REQUIRES = many("--requires", _AREA, "A container that must run first.", readability=_LOSSY)
RESTART = text("--restart", _AREA, "no, always, unless-stopped, on-failure[:N].")
REMOVE = switch("--rm", _AREA, "Remove it when it ends.")
REMOVE_IMAGE = switch("--rmi", _AREA, "Remove its image when it ends.")
STOP_SIGNAL = text(
    "--stop-signal", _AREA, "Signal that stops it.", key("StopSignal", "5.2"), readability=_LOSSY
)
STOP_TIMEOUT = number(
    "--stop-timeout", _AREA, "Seconds until it is killed.", key("StopTimeout", "5.0"), default=10
)
TIMEOUT = number("--timeout", _AREA, "Longest run time in seconds.")
SDNOTIFY = text(
    "--sdnotify", _AREA, "container, conmon, healthy or ignore.", key("Notify", "4.4"), readability=_LOSSY
)
PULL = text(
    "--pull", _AREA, "Pull policy: always, missing, never, newer.", key("Pull", "4.6"), readability=_CLIENT
)
ARCH = text("--arch", _AREA, "Architecture of the image.", readability=_CLIENT)
OS = text("--os", _AREA, "Operating system of the image.", readability=_CLIENT)
VARIANT = text("--variant", _AREA, "Variant of the image's architecture.", readability=_CLIENT)
PLATFORM = text("--platform", _AREA, "OS/architecture of the image.", readability=_CLIENT)
RETRY = text("--retry", _AREA, "Retries of a pull.", key("Retry", "5.5"), readability=_CLIENT)
RETRY_DELAY = text(
    "--retry-delay", _AREA, "Time between retries.", key("RetryDelay", "5.5"), readability=_CLIENT
)
TLS_VERIFY = switch_off("--tls-verify", _AREA, "Check the certificate of the registry.", readability=_CLIENT)
AUTHFILE = text("--authfile", _AREA, "Credentials file for the registry.", readability=_CLIENT)
CERT_DIR = text("--cert-dir", _AREA, "Certificates for the registry.", readability=_CLIENT)
INIT_CTR = text("--init-ctr", _AREA, "Init container of a pod: once or always.", readability=_COMMAND)
CONMON_PIDFILE = text("--conmon-pidfile", _AREA, "File with the pid of conmon.", readability=_LOSSY)
PIDFILE = text("--pidfile", _AREA, "File with the pid of the container.", readability=_LOSSY)
RUNTIME = text("--runtime", _AREA, "OCI runtime (a global option).", readability=_LOSSY)
MODULE = many("--module", _AREA, "A containers.conf module (a global option).", readability=_COMMAND)
HOOKS_DIR = many("--hooks-dir", _AREA, "Directory of OCI hooks (a global option).", readability=_COMMAND)
RUNTIME_FLAG = many(
    "--runtime-flag", _AREA, "A flag for the OCI runtime (a global option).", readability=_COMMAND
)
