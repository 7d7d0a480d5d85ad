"""The rows of the option table. A row is the only place that defines an option.

Its columns are the fields of `Option` in their order: flag, area, codec, default, Quadlet key,
reader; readability, protection, use on a twin, sentence for the documentation; then what few
options have.
"""

from __future__ import annotations

import re

from hardentui.model.podman_version import Version
from hardentui.model.spec import (
    Option,
)
from hardentui.options.codecs import (
    CAPABILITIES,
    COMMA_NAMED,
    COMMA_TEXTS,
    DECIMAL,
    DEVICE_NODES,
    DURATION,
    ENTRYPOINT_WORDS,
    MASKED_PATHS,
    NAMED,
    NO_HEALTHCHECK,
    NO_NEW_PRIVILEGES_WORD,
    NUMBER,
    SECRET_REFERENCES,
    SIZE,
    SWITCH,
    SWITCH_OFF,
    TEXT,
    TEXTS,
    ULIMITS,
    UNMASKED_PATHS,
    WORDS,
    security_text,
    security_word,
)
from hardentui.options.columns import (
    ALWAYS,
    AS_IS,
    BOOLEAN,
    CHANGE_IS_WEAKER,
    CLIENT,
    CREATE_COMMAND,
    DROPPED,
    ENTRIES_EXPOSE,
    ENTRIES_PROTECT,
    JUDGED,
    KEY_VALUE,
    LOSSY,
    LOWER_IS_TIGHTER,
    MAKING,
    NAMES,
    NO_PORTS,
    NO_RESTART,
    OWN_LIFE,
    OWN_LOG,
    OWN_NETWORK,
    PROGRAM,
    RAW_ALL,
    REPLACED,
    SAME_IMAGE,
    SHARE,
    TIMING,
    V5,
    WITHHELD,
    WORDS_ESCAPED,
    WORDS_LITERAL,
    key,
    on_exposes,
    on_protects,
)
from hardentui.options.inspect import (
    client_text,
    command_list,
    command_text,
    config,
    global_list,
    host,
    inspected,
    never,
)
from hardentui.options.inspect.devices import read_device_cgroup_rules, read_devices
from hardentui.options.inspect.health import (
    DEFAULT_INTERVAL,
    duration,
    health_value,
    read_health_cmd,
    read_health_interval,
    read_log_destination,
    read_on_failure,
    read_startup_cmd,
    startup_duration,
    startup_number,
)
from hardentui.options.inspect.identity import (
    id_map,
    namespace,
    read_group_add,
    read_ipc,
    read_passwd,
    read_umask,
    read_user,
    read_userns,
)
from hardentui.options.inspect.lifecycle import (
    log_limit,
    pid_file,
    read_annotations,
    read_init_ctr,
    read_labels,
    read_log_driver,
    read_log_options,
    read_name,
    read_pod,
    read_requires,
    read_restart,
    read_runtime,
    read_sdnotify,
    read_stop_signal,
    read_stop_timeout,
    read_tls_verify,
    read_volumes_from,
)
from hardentui.options.inspect.masks import read_mask, read_proc_opts, read_sysctl, read_unmask
from hardentui.options.inspect.mounts import (
    read_image_volume,
    read_mounts,
    read_read_only_tmpfs,
    read_rootfs,
    read_tmpfs,
)
from hardentui.options.inspect.network_limits import (
    device_rates,
    host_limit,
    quota_part,
    read_blkio_weight,
    read_cgroup_conf,
    read_cgroup_parent,
    read_cgroupns,
    read_cgroups,
    read_cpus,
    read_dns,
    read_expose,
    read_hostname,
    read_hosts_file,
    read_http_proxy,
    read_memory_swap,
    read_memory_swappiness,
    read_network,
    read_network_alias,
    read_oom_score_adj,
    read_pids_limit,
    read_publish,
    read_publish_all,
    read_shm_size,
    read_shm_size_systemd,
    read_ulimits,
    static_address,
)
from hardentui.options.inspect.process import (
    read_command,
    read_entrypoint,
    read_env,
    read_image,
    read_init_path,
    read_personality,
    read_secrets,
    read_systemd,
    read_unsetenv,
    read_unsetenv_all,
    read_workdir,
)
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
)
from hardentui.options.mount_texts import (
    MOUNTS_OF_MOUNT,
    MOUNTS_OF_VOLUME,
    TMPFS_MOUNTS,
    TMPFS_OF_MOUNT,
)
from hardentui.options.ports import NETWORKS, PORTS

# several columns to a line
# fmt: off


_EXPOSED = r"\d+(-\d+)?(/(tcp|udp))?"
"""The values that ExposeHostPort= accepts; the generator rejects the whole unit for any other."""
_PUBLISHED = r"((\[[0-9a-fA-F:.]+\]|[0-9.]*):)?([0-9]+(-[0-9]+)?)?:?[0-9]+(-[0-9]+)?(/(tcp|udp))?"
_UID = r"0|[1-9][0-9]{0,8}"
_PORTS_AS_THEY_STAND = Version(5, 3)
"""Earlier generators parse PublishPort=: no sctp, and 0.0.0.0 is dropped."""
_TMPFS_AS_IT_STANDS = Version(5, 3)
_USER_BY_NAME = Version(4, 8)
"""Earlier generators read User= as a number, and anything else as 0: root."""


def exposed_port(value: str, version: Version) -> bool:
    return re.fullmatch(_EXPOSED, value) is not None


def published_port(value: str, version: Version) -> bool:
    if version >= _PORTS_AS_THEY_STAND:
        return True
    return re.fullmatch(_PUBLISHED, value) is not None and not value.startswith("0.0.0.0:")


def tmpfs(value: str, version: Version) -> bool:
    return version >= _TMPFS_AS_IT_STANDS or value.count(":") < 2


def user(value: str, version: Version) -> bool:
    return re.fullmatch(_UID, value) is not None if version < _USER_BY_NAME else bool(value)


def device(value: str, version: Version) -> bool:
    """A dash in front means that the device may be missing."""
    return not value.startswith("-")


IMAGE = Option("IMAGE", "process", TEXT, "", key("Image", "4.4"), read_image,
    ALWAYS, JUDGED, REPLACED, "The image name.", own_name="image", untried=SAME_IMAGE)
COMMAND = Option("COMMAND", "process", WORDS, (), key("Exec", "4.4", WORDS_ESCAPED), read_command,
    LOSSY, PROGRAM, AS_IS, "Arguments after the image.", own_name="command")
ENTRYPOINT = Option("--entrypoint", "process", ENTRYPOINT_WORDS, None, key("Entrypoint", "5.0"),
    read_entrypoint, LOSSY, PROGRAM, AS_IS, "Overrides the image's entrypoint.")
ENV = Option("--env", "process", NAMED, (), key("Environment", "4.4", KEY_VALUE), read_env,
    LOSSY, PROGRAM, AS_IS, "An environment variable `NAME=value`.", short="e")
ENV_FILE = Option("--env-file", "process", TEXTS, (), key("EnvironmentFile", "4.4", WORDS_ESCAPED), never,
    CREATE_COMMAND, PROGRAM, AS_IS, "A file with environment variables.")
ENV_HOST = Option("--env-host", "process", SWITCH, False, key("EnvironmentHost", "4.4", BOOLEAN), never,
    CREATE_COMMAND, on_exposes("passes in the environment of the host"), WITHHELD,
    "Pass on the whole host environment.")
UNSETENV = Option("--unsetenv", "process", TEXTS, (), None, read_unsetenv,
    LOSSY, PROGRAM, AS_IS, "An environment variable of the image to remove.")
UNSETENV_ALL = Option("--unsetenv-all", "process", SWITCH, False, None, read_unsetenv_all,
    LOSSY, PROGRAM, AS_IS, "Remove all environment variables of the image.")
WORKDIR = Option("--workdir", "process", TEXT, "", key("WorkingDir", "4.6"), read_workdir,
    LOSSY, PROGRAM, AS_IS, "Working directory.", short="w")
TTY = Option("--tty", "process", SWITCH, False, None, config("Tty", bool),
    ALWAYS, PROGRAM, AS_IS, "Allocate a pseudo-terminal.", short="t")
INTERACTIVE = Option("--interactive", "process", SWITCH, False, None, config("OpenStdin", bool),
    ALWAYS, PROGRAM, AS_IS, "Keep standard input open.", short="i")
INIT = Option("--init", "process", SWITCH, False, key("RunInit", "4.4", BOOLEAN), host("Init", bool),
    ALWAYS, PROGRAM, AS_IS, "Run an init that reaps children and forwards signals.")
INIT_PATH = Option("--init-path", "process", TEXT, "", None, read_init_path,
    CREATE_COMMAND, PROGRAM, AS_IS, "Path of the init program.")
SYSTEMD = Option("--systemd", "process", TEXT, "", None, read_systemd,
    LOSSY, PROGRAM, AS_IS, "systemd mode: true (automatic), always, false.")
PERSONALITY = Option("--personality", "process", TEXT, "", None, read_personality,
    CREATE_COMMAND, PROGRAM, AS_IS, "Execution domain.")
TIMEZONE = Option("--tz", "process", TEXT, "", key("Timezone", "4.4"), config("Timezone", str),
    ALWAYS, PROGRAM, AS_IS, "Time zone.", aliases=("--timezone",))

NAME = Option("--name", "lifecycle", TEXT, "", key("ContainerName", "4.4"), read_name,
    ALWAYS, NAMES, REPLACED, "Name of the container.", untried=OWN_LIFE)
LABELS = Option("--label", "lifecycle", NAMED, (), key("Label", "4.4", KEY_VALUE), read_labels,
    ALWAYS, NAMES, REPLACED, "A label `name=value`.", short="l", untried="a twin has its own labels")
ANNOTATIONS = Option("--annotation", "lifecycle", NAMED, (), key("Annotation", "4.4", KEY_VALUE),
    read_annotations, LOSSY, JUDGED, WITHHELD, "An OCI annotation `name=value`.", commas_before=V5)
POD = Option("--pod", "lifecycle", TEXT, "", key("Pod", "5.0"), read_pod,
    ALWAYS, MAKING, REPLACED, "The pod it belongs to.", untried=OWN_LIFE)
REQUIRES = Option("--requires", "lifecycle", COMMA_TEXTS, (), None, read_requires,
    LOSSY, MAKING, DROPPED, "A container that must run first.", untried=NO_RESTART)
RESTART = Option("--restart", "lifecycle", TEXT, "", None, read_restart,
    ALWAYS, JUDGED, DROPPED, "Restart policy: no, always, unless-stopped, on-failure[:N].",
    untried=NO_RESTART)
REMOVE = Option("--rm", "lifecycle", SWITCH, False, None, host("AutoRemove", bool),
    ALWAYS, MAKING, DROPPED, "Remove it when it exits.", untried=OWN_LIFE)
REMOVE_IMAGE = Option("--rmi", "lifecycle", SWITCH, False, None, host("AutoRemoveImage", bool),
    ALWAYS, MAKING, DROPPED, "Remove its image when it exits.", only_verb="run")
STOP_SIGNAL = Option("--stop-signal", "lifecycle", TEXT, "", key("StopSignal", "5.2"), read_stop_signal,
    LOSSY, TIMING, AS_IS, "Stop signal.")
STOP_TIMEOUT = Option("--stop-timeout", "lifecycle", NUMBER, 10, key("StopTimeout", "5.0"), read_stop_timeout,
    ALWAYS, TIMING, AS_IS, "Seconds to wait before killing it.")
TIMEOUT = Option("--timeout", "lifecycle", NUMBER, 0, None, config("Timeout", int),
    ALWAYS, TIMING, DROPPED, "Maximum run time in seconds.")
SDNOTIFY = Option("--sdnotify", "lifecycle", TEXT, "", key("Notify", "4.4"), read_sdnotify,
    LOSSY, JUDGED, REPLACED, "Who notifies systemd: container, conmon, healthy or ignore.",
    untried=NO_RESTART)
PULL = Option("--pull", "lifecycle", TEXT, "", key("Pull", "4.6"), client_text("--pull"),
    CLIENT, MAKING, REPLACED, "Pull policy: always, missing, never, newer.", untried=SAME_IMAGE)
ARCH = Option("--arch", "lifecycle", TEXT, "", None, client_text("--arch"),
    CLIENT, MAKING, DROPPED, "Architecture of the image.", image_key="Arch", selects_image=True)
OS = Option("--os", "lifecycle", TEXT, "", None, client_text("--os"),
    CLIENT, MAKING, DROPPED, "Operating system of the image.", image_key="OS", selects_image=True)
VARIANT = Option("--variant", "lifecycle", TEXT, "", None, client_text("--variant"),
    CLIENT, MAKING, DROPPED, "Variant of the image's architecture.",
    image_key="Variant", selects_image=True)
PLATFORM = Option("--platform", "lifecycle", TEXT, "", None, client_text("--platform"),
    CLIENT, MAKING, DROPPED, "OS/architecture of the image.", image_key="", selects_image=True)
RETRY = Option("--retry", "lifecycle", TEXT, "", key("Retry", "5.5"), client_text("--retry"),
    CLIENT, MAKING, DROPPED, "Number of pull retries.", image_key="Retry")
RETRY_DELAY = Option("--retry-delay", "lifecycle", TEXT, "", key("RetryDelay", "5.5"),
    client_text("--retry-delay"), CLIENT, MAKING, DROPPED, "Time between pull retries.",
    image_key="RetryDelay")
TLS_VERIFY = Option("--tls-verify", "lifecycle", SWITCH_OFF, True, None, read_tls_verify,
    CLIENT, on_protects("stops checking the registry's certificate"), DROPPED,
    "Verify the registry's certificate.", image_key="TLSVerify", kube_flag=True)
AUTHFILE = Option("--authfile", "lifecycle", TEXT, "", None, client_text("--authfile"),
    CLIENT, MAKING, DROPPED, "Credentials file for the registry.", image_key="AuthFile", kube_flag=True)
CERT_DIR = Option("--cert-dir", "lifecycle", TEXT, "", None, client_text("--cert-dir"),
    CLIENT, MAKING, DROPPED, "Certificates for the registry.", image_key="CertDir", kube_flag=True)
INIT_CTR = Option("--init-ctr", "lifecycle", TEXT, "", None, read_init_ctr,
    CREATE_COMMAND, MAKING, DROPPED, "Init container of a pod: once or always.", only_verb="create")
CONMON_PIDFILE = Option("--conmon-pidfile", "lifecycle", TEXT, "", None, pid_file("ConmonPidFile"),
    LOSSY, MAKING, DROPPED, "File for the PID of conmon.")
PIDFILE = Option("--pidfile", "lifecycle", TEXT, "", None, pid_file("PidFile"),
    LOSSY, MAKING, DROPPED, "File for the PID of the container.")
RUNTIME = Option("--runtime", "lifecycle", TEXT, "", None, read_runtime,
    LOSSY, MAKING, AS_IS, "OCI runtime (a global option).", before_verb=True)
MODULE = Option("--module", "lifecycle", TEXTS, (), None, global_list("--module"),
    CREATE_COMMAND, MAKING, WITHHELD, "A containers.conf module (a global option).", before_verb=True)
HOOKS_DIR = Option("--hooks-dir", "lifecycle", TEXTS, (), None, global_list("--hooks-dir"),
    CREATE_COMMAND, MAKING, WITHHELD, "Directory of OCI hooks (a global option).", before_verb=True)
RUNTIME_FLAG = Option("--runtime-flag", "lifecycle", TEXTS, (), None, global_list("--runtime-flag"),
    CREATE_COMMAND, MAKING, WITHHELD, "A flag for the OCI runtime (a global option).", before_verb=True)

USER = Option("--user", "identity", TEXT, "", key("User", "4.4", holds=user), read_user,
    LOSSY, JUDGED, AS_IS, "User and group of the main process.", short="u")
GROUP_ADD = Option("--group-add", "identity", COMMA_TEXTS, (), key("GroupAdd", "5.1", RAW_ALL),
    read_group_add, ALWAYS, ENTRIES_EXPOSE, REPLACED, "A supplementary group.")
USERNS = Option("--userns", "identity", TEXT, "", key("UserNS", "4.5"), read_userns,
    ALWAYS, JUDGED, REPLACED, "User namespace: auto, keep-id, nomap, host, container:….")
UIDMAP = Option("--uidmap", "identity", COMMA_TEXTS, (), key("UIDMap", "4.8", WORDS_LITERAL),
    id_map("UidMap", "--uidmap"), LOSSY, JUDGED, REPLACED, "A line of the UID map.")
GIDMAP = Option("--gidmap", "identity", COMMA_TEXTS, (), key("GIDMap", "4.8", WORDS_LITERAL),
    id_map("GidMap", "--gidmap"), LOSSY, JUDGED, REPLACED, "A line of the GID map.")
SUBUIDNAME = Option("--subuidname", "identity", TEXT, "", key("SubUIDMap", "4.8"),
    client_text("--subuidname"), CREATE_COMMAND, JUDGED, AS_IS, "Name in /etc/subuid to map.")
SUBGIDNAME = Option("--subgidname", "identity", TEXT, "", key("SubGIDMap", "4.8"),
    client_text("--subgidname"), CREATE_COMMAND, JUDGED, AS_IS, "Name in /etc/subgid to map.")
HOSTUSER = Option("--hostuser", "identity", COMMA_TEXTS, (), None, command_list("--hostuser"),
    CREATE_COMMAND, ENTRIES_EXPOSE, AS_IS, "A host user to add to /etc/passwd.")
PASSWD = Option("--passwd", "identity", SWITCH_OFF, True, None, read_passwd,
    ALWAYS, PROGRAM, AS_IS, "Let Podman add the user to /etc/passwd.", only_verb="run")
PASSWD_ENTRY = Option("--passwd-entry", "identity", TEXT, "", None, command_text("--passwd-entry"),
    CREATE_COMMAND, PROGRAM, AS_IS, "Line for /etc/passwd.")
GROUP_ENTRY = Option("--group-entry", "identity", TEXT, "", None, command_text("--group-entry"),
    CREATE_COMMAND, PROGRAM, AS_IS, "Line for /etc/group.")
UMASK = Option("--umask", "identity", TEXT, "0022", None, read_umask,
    ALWAYS, JUDGED, AS_IS, "Umask of the main process, four octal digits.")

PID = Option("--pid", "namespaces", TEXT, "", None, namespace("PidMode", "private"),
    ALWAYS, JUDGED, REPLACED, "PID namespace: private, host, container:…, ns:….")
IPC = Option("--ipc", "namespaces", TEXT, "", None, read_ipc,
    ALWAYS, JUDGED, REPLACED, "IPC namespace: shareable, private, host, none, container:…, ns:….")
UTS = Option("--uts", "namespaces", TEXT, "", None, namespace("UTSMode", "private"),
    ALWAYS, JUDGED, REPLACED, "UTS namespace: private, host, container:…, ns:….")

NETWORK = Option("--network", "network", NETWORKS, (), key("Network", "4.4", RAW_ALL), read_network,
    LOSSY, JUDGED, REPLACED, "Networks or a mode: host, none, pasta, container:…, NAME:options.",
    aliases=("--net",), untried=OWN_NETWORK)
NETWORK_ALIAS = Option("--network-alias", "network", COMMA_TEXTS, (), key("NetworkAlias", "5.2", RAW_ALL),
    read_network_alias, LOSSY, NAMES, DROPPED, "A DNS name on its networks.", aliases=("--net-alias",),
    untried=OWN_NETWORK)
PUBLISH = Option("--publish", "network", PORTS, (), key("PublishPort", "4.4", RAW_ALL, holds=published_port),
    read_publish, LOSSY, JUDGED, DROPPED, "Published ports.", short="p", untried=NO_PORTS)
PUBLISH_ALL = Option("--publish-all", "network", SWITCH, False, None, read_publish_all,
    ALWAYS, JUDGED, DROPPED, "Publish every exposed port on a random host port.", short="P",
    untried=NO_PORTS)
EXPOSE = Option("--expose", "network", COMMA_TEXTS, (),
    key("ExposeHostPort", "4.4", RAW_ALL, holds=exposed_port), read_expose, ALWAYS, NAMES, AS_IS,
    "A port that is declared but not published.")
IP = Option("--ip", "network", TEXT, "", key("IP", "4.5"), static_address("--ip"),
    CREATE_COMMAND, NAMES, DROPPED, "Static IPv4 address.", untried=OWN_NETWORK, kube_flag=True)
IP6 = Option("--ip6", "network", TEXT, "", key("IP6", "4.5"), static_address("--ip6"),
    CREATE_COMMAND, NAMES, DROPPED, "Static IPv6 address.", untried=OWN_NETWORK)
MAC_ADDRESS = Option("--mac-address", "network", TEXT, "", None, static_address("--mac-address"),
    CREATE_COMMAND, NAMES, DROPPED, "Static MAC address.", untried=OWN_NETWORK, kube_flag=True)
ADD_HOST = Option("--add-host", "network", COMMA_TEXTS, (), key("AddHost", "5.3", RAW_ALL),
    host("ExtraHosts", tuple), ALWAYS, NAMES, REPLACED, "A line of /etc/hosts, `name:address`.")
HOSTS_FILE = Option("--hosts-file", "network", TEXT, "", None, read_hosts_file,
    ALWAYS, NAMES, DROPPED, "Base of /etc/hosts: a path, image or none.")
NO_HOSTS = Option("--no-hosts", "network", SWITCH, False, None, inspected("UseImageHosts", bool),
    ALWAYS, NAMES, DROPPED, "Keep the image's /etc/hosts.", kube_flag=True)
NO_HOSTNAME = Option("--no-hostname", "network", SWITCH, False, None, inspected("UseImageHostname", bool),
    ALWAYS, NAMES, AS_IS, "Keep the image's /etc/hostname.", kube_flag=True)
DNS = Option("--dns", "network", COMMA_TEXTS, (), key("DNS", "4.7", RAW_ALL), read_dns,
    LOSSY, NAMES, REPLACED, "A DNS server; none keeps the image's resolv.conf.")
DNS_OPTION = Option("--dns-option", "network", COMMA_TEXTS, (), key("DNSOption", "4.7", RAW_ALL),
    host("DnsOptions", tuple), ALWAYS, NAMES, AS_IS, "An option of resolv.conf.", aliases=("--dns-opt",))
DNS_SEARCH = Option("--dns-search", "network", COMMA_TEXTS, (), key("DNSSearch", "4.7", RAW_ALL),
    host("DnsSearch", tuple), ALWAYS, NAMES, AS_IS, "A search domain.")
HOSTNAME = Option("--hostname", "network", TEXT, "", key("HostName", "4.6"), read_hostname,
    LOSSY, NAMES, AS_IS, "Host name in the container.", short="h")
HTTP_PROXY = Option("--http-proxy", "network", SWITCH_OFF, True, key("HttpProxy", "5.7", BOOLEAN),
    read_http_proxy, CREATE_COMMAND, on_exposes("passes in the proxy variables of the host"), AS_IS,
    "Pass on the host's proxy variables.")

READ_ONLY = Option("--read-only", "filesystem", SWITCH, False, key("ReadOnly", "4.4", BOOLEAN),
    host("ReadonlyRootfs", bool), ALWAYS, on_protects("makes its root filesystem writable"), AS_IS,
    "Read-only root filesystem.")
READ_ONLY_TMPFS = Option("--read-only-tmpfs", "filesystem", SWITCH_OFF, True,
    key("ReadOnlyTmpfs", "4.8", BOOLEAN), read_read_only_tmpfs, CREATE_COMMAND, JUDGED, AS_IS,
    "With --read-only: tmpfs on /dev, /dev/shm, /run, /tmp, /var/tmp.")
MOUNTS = Option("--volume", "filesystem", MOUNTS_OF_VOLUME, (), key("Volume", "4.4", RAW_ALL), read_mounts,
    LOSSY, JUDGED, REPLACED, "Bind mounts, volumes and image mounts.", also=(("--mount", MOUNTS_OF_MOUNT),),
    short="v")
TMPFS = Option("--tmpfs", "filesystem", TMPFS_MOUNTS, (), key("Tmpfs", "4.5", RAW_ALL, holds=tmpfs),
    read_tmpfs, LOSSY, JUDGED, AS_IS, "A tmpfs mount `path:options`.", also=(("--mount", TMPFS_OF_MOUNT),))
VOLUMES_FROM = Option("--volumes-from", "filesystem", TEXTS, (), None, read_volumes_from,
    ALWAYS, ENTRIES_EXPOSE, DROPPED, "Use the mounts of another container.")
IMAGE_VOLUME = Option("--image-volume", "filesystem", TEXT, "", key("ImageVolume", "6.1"), read_image_volume,
    CREATE_COMMAND, PROGRAM, AS_IS, "How to handle the image's volumes: anonymous, ignore, tmpfs.")
DEVICES = Option("--device", "filesystem", DEVICE_NODES, (),
    key("AddDevice", "4.4", WORDS_LITERAL, holds=device), read_devices, LOSSY, JUDGED, REPLACED,
    "A host device `host:container:rwm`.", commas_before=V5)
DEVICE_CGROUP_RULE = Option("--device-cgroup-rule", "filesystem", COMMA_TEXTS, (), None,
    read_device_cgroup_rules, CREATE_COMMAND, ENTRIES_EXPOSE, WITHHELD,
    "A rule of the device cgroup, `c 1:3 rwm`.")
GPUS = Option("--gpus", "filesystem", COMMA_TEXTS, (), None, command_list("--gpus"),
    CREATE_COMMAND, ENTRIES_EXPOSE, WITHHELD, "GPU devices.")
ROOTFS = Option("--rootfs", "filesystem", TEXT, "", key("Rootfs", "4.5"), read_rootfs,
    LOSSY, CHANGE_IS_WEAKER, REPLACED, "A directory instead of an image.")
CHROOTDIRS = Option("--chrootdirs", "filesystem", TEXTS, (), None, config("ChrootDirs", tuple),
    ALWAYS, PROGRAM, AS_IS, "Directories treated as chroots for /etc files.", commas_before=V5)

PRIVILEGED = Option("--privileged", "security", SWITCH, False, None, read_privileged,
    ALWAYS, JUDGED, REPLACED, "All capabilities and devices, no seccomp, no masks, no LSM.")
CAP_ADD = Option("--cap-add", "security", CAPABILITIES, (), key("AddCapability", "4.4", WORDS_LITERAL),
    read_cap_add, LOSSY, JUDGED, REPLACED, "A capability to add.")
CAP_DROP = Option("--cap-drop", "security", CAPABILITIES, (), key("DropCapability", "4.4", WORDS_LITERAL),
    read_cap_drop, LOSSY, JUDGED, REPLACED, "A capability to drop; `all` drops every one.")
NO_NEW_PRIVILEGES = Option("--security-opt", "security", NO_NEW_PRIVILEGES_WORD, False,
    key("NoNewPrivileges", "4.4", BOOLEAN), read_no_new_privileges, ALWAYS,
    on_protects("lets processes gain privileges"), AS_IS, "Processes cannot gain privileges through exec.",
    own_name="no-new-privileges")
SECCOMP_PROFILE = Option("--security-opt", "security", security_text("seccomp="), "",
    key("SeccompProfile", "4.4"), read_seccomp, LOSSY, JUDGED, REPLACED,
    "Path of a seccomp profile, or unconfined.", own_name="seccomp")
SECCOMP_POLICY = Option("--seccomp-policy", "security", TEXT, "", None, command_text("--seccomp-policy"),
    CREATE_COMMAND, JUDGED, WITHHELD, "Where the seccomp profile comes from: default or image.")
APPARMOR = Option("--security-opt", "security", security_text("apparmor="), "", key("AppArmor", "5.8"),
    read_apparmor, LOSSY, JUDGED, REPLACED, "AppArmor profile, or unconfined.", own_name="apparmor")
LABEL_DISABLE = Option("--security-opt", "security", security_word("label=disable"), False,
    key("SecurityLabelDisable", "4.5", BOOLEAN), read_label_disable, LOSSY, JUDGED, REPLACED,
    "No SELinux separation.", own_name="label-disable")
LABEL_NESTED = Option("--security-opt", "security", security_word("label=nested"), False,
    key("SecurityLabelNested", "4.6", BOOLEAN), label_switch("nested"), LOSSY,
    on_exposes("lets it change SELinux labels"), AS_IS, "Allow changing SELinux labels inside.",
    own_name="label-nested")
LABEL_TYPE = Option("--security-opt", "security", security_text("label=type:"), "",
    key("SecurityLabelType", "4.5"), label_part("type"), LOSSY, JUDGED, AS_IS, "SELinux type of the process.",
    own_name="label-type")
LABEL_FILETYPE = Option("--security-opt", "security", security_text("label=filetype:"), "",
    key("SecurityLabelFileType", "4.5"), label_part("filetype"), LOSSY, NAMES, AS_IS,
    "SELinux type of its files.", own_name="label-filetype")
LABEL_LEVEL = Option("--security-opt", "security", security_text("label=level:"), "",
    key("SecurityLabelLevel", "4.5"), label_part("level"), LOSSY, JUDGED, AS_IS,
    "SELinux level (MCS categories).", own_name="label-level")
LABEL_USER = Option("--security-opt", "security", security_text("label=user:"), "", None, label_part("user"),
    LOSSY, NAMES, AS_IS, "SELinux user.", own_name="label-user")
LABEL_ROLE = Option("--security-opt", "security", security_text("label=role:"), "", None, label_part("role"),
    LOSSY, NAMES, AS_IS, "SELinux role.", own_name="label-role")
MASK = Option("--security-opt", "security", MASKED_PATHS, (), key("Mask", "4.6", WORDS_ESCAPED), read_mask,
    CREATE_COMMAND, ENTRIES_PROTECT, AS_IS, "Additional paths to mask.", own_name="mask")
UNMASK = Option("--security-opt", "security", UNMASKED_PATHS, (), key("Unmask", "4.6", WORDS_ESCAPED),
    read_unmask, CREATE_COMMAND, JUDGED, WITHHELD, "Default masks to remove; ALL removes every one.",
    own_name="unmask")
PROC_OPTS = Option("--security-opt", "security", security_text("proc-opts="), "", None, read_proc_opts,
    CREATE_COMMAND, CHANGE_IS_WEAKER, AS_IS, "Options of the /proc mount.", own_name="proc-opts")
SYSCTL = Option("--sysctl", "security", COMMA_NAMED, (), key("Sysctl", "4.6", WORDS_LITERAL), read_sysctl,
    CREATE_COMMAND, JUDGED, REPLACED, "A namespaced kernel parameter `name=value`.")
SECRETS = Option("--secret", "security", SECRET_REFERENCES, (), key("Secret", "4.5", WORDS_ESCAPED),
    read_secrets, LOSSY, JUDGED, AS_IS, "A secret `NAME,type=mount,target=…,uid=…,gid=…,mode=…`.")

MEMORY = Option("--memory", "resources", SIZE, 0, key("Memory", "5.5"), host_limit("Memory"),
    ALWAYS, JUDGED, REPLACED, "Memory limit.", short="m", updatable=True)
MEMORY_RESERVATION = Option("--memory-reservation", "resources", SIZE, 0, None,
    host_limit("MemoryReservation"), ALWAYS, SHARE, AS_IS, "Memory soft limit.", updatable=True)
MEMORY_SWAP = Option("--memory-swap", "resources", SIZE, 0, None, read_memory_swap,
    LOSSY, JUDGED, AS_IS, "Memory plus swap; -1 = unlimited.", updatable=True)
MEMORY_SWAPPINESS = Option("--memory-swappiness", "resources", NUMBER, -1, None, read_memory_swappiness,
    LOSSY, SHARE, AS_IS, "Tendency to swap, 0 to 100 (cgroup v1).")
PIDS_LIMIT = Option("--pids-limit", "resources", NUMBER, 2048, key("PidsLimit", "4.7"), read_pids_limit,
    ALWAYS, LOWER_IS_TIGHTER, AS_IS, "Maximum number of tasks; -1 = unlimited.", engine_decides=True,
    updatable=True)
CPUS = Option("--cpus", "resources", DECIMAL, 0.0, None, read_cpus,
    ALWAYS, JUDGED, AS_IS, "Number of CPUs, may be fractional.", updatable=True)
CPU_PERIOD = Option("--cpu-period", "resources", NUMBER, 0, None, quota_part("CpuPeriod"),
    ALWAYS, JUDGED, AS_IS, "CFS period in microseconds.", updatable=True)
CPU_QUOTA = Option("--cpu-quota", "resources", NUMBER, 0, None, quota_part("CpuQuota"),
    ALWAYS, JUDGED, AS_IS, "CFS quota in microseconds.", updatable=True)
CPU_RT_PERIOD = Option("--cpu-rt-period", "resources", NUMBER, 0, None, host("CpuRealtimePeriod", int),
    ALWAYS, SHARE, AS_IS, "Real-time period in microseconds (cgroup v1).")
CPU_RT_RUNTIME = Option("--cpu-rt-runtime", "resources", NUMBER, 0, None, host("CpuRealtimeRuntime", int),
    ALWAYS, SHARE, AS_IS, "Real-time runtime in microseconds (cgroup v1).")
CPU_SHARES = Option("--cpu-shares", "resources", NUMBER, 0, None, host("CpuShares", int),
    ALWAYS, SHARE, AS_IS, "Relative CPU weight.", short="c", updatable=True)
CPUSET_CPUS = Option("--cpuset-cpus", "resources", TEXT, "", None, host("CpusetCpus", str),
    ALWAYS, CHANGE_IS_WEAKER, AS_IS, "CPUs it may run on.", updatable=True)
CPUSET_MEMS = Option("--cpuset-mems", "resources", TEXT, "", None, host("CpusetMems", str),
    ALWAYS, CHANGE_IS_WEAKER, AS_IS, "Memory nodes it may use.", updatable=True)
BLKIO_WEIGHT = Option("--blkio-weight", "resources", NUMBER, 0, None, read_blkio_weight,
    ALWAYS, SHARE, AS_IS, "Block IO weight, 10 to 1000.")
BLKIO_WEIGHT_DEVICE = Option("--blkio-weight-device", "resources", TEXTS, (), None,
    device_rates("BlkioWeightDevice", "Weight"), ALWAYS, SHARE, AS_IS, "Block IO weight of a device.",
    commas_before=V5)
DEVICE_READ_BPS = Option("--device-read-bps", "resources", TEXTS, (), None,
    device_rates("BlkioDeviceReadBps", "Rate"), ALWAYS, ENTRIES_PROTECT, AS_IS,
    "Read limit of a device in bytes per second.", commas_before=V5)
DEVICE_READ_IOPS = Option("--device-read-iops", "resources", TEXTS, (), None,
    device_rates("BlkioDeviceReadIOps", "Rate"), ALWAYS, ENTRIES_PROTECT, AS_IS,
    "Read limit of a device in operations per second.", commas_before=V5)
DEVICE_WRITE_BPS = Option("--device-write-bps", "resources", TEXTS, (), None,
    device_rates("BlkioDeviceWriteBps", "Rate"), ALWAYS, ENTRIES_PROTECT, AS_IS,
    "Write limit of a device in bytes per second.", commas_before=V5)
DEVICE_WRITE_IOPS = Option("--device-write-iops", "resources", TEXTS, (), None,
    device_rates("BlkioDeviceWriteIOps", "Rate"), ALWAYS, ENTRIES_PROTECT, AS_IS,
    "Write limit of a device in operations per second.", commas_before=V5)
ULIMIT = Option("--ulimit", "resources", ULIMITS, (), key("Ulimit", "4.7", RAW_ALL, repeats_since="5.0"),
    read_ulimits, LOSSY, JUDGED, REPLACED, "Resource limit `name=soft:hard`.")
SHM_SIZE = Option("--shm-size", "resources", SIZE, 65536000, key("ShmSize", "4.7"), read_shm_size,
    ALWAYS, LOWER_IS_TIGHTER, AS_IS, "Size of /dev/shm.")
SHM_SIZE_SYSTEMD = Option("--shm-size-systemd", "resources", TEXT, "", None, read_shm_size_systemd,
    CREATE_COMMAND, SHARE, AS_IS, "Size of the tmpfs mounts of systemd mode.")
OOM_KILL_DISABLE = Option("--oom-kill-disable", "resources", SWITCH, False, None,
    host("OomKillDisable", bool), ALWAYS, on_exposes("exempts it from the OOM killer"), WITHHELD,
    "Never kill it when memory runs out (cgroup v1).")
# -1001, not set: inherited from the starting process, unlike 0
OOM_SCORE_ADJ = Option("--oom-score-adj", "resources", NUMBER, -1001, None, read_oom_score_adj,
    LOSSY, JUDGED, REPLACED, "OOM preference, -1000 to 1000.")
CGROUP_CONF = Option("--cgroup-conf", "resources", COMMA_NAMED, (), None, read_cgroup_conf,
    ALWAYS, ENTRIES_PROTECT, AS_IS, "A cgroup v2 file and its value, `memory.high=1G`.")
CGROUP_PARENT = Option("--cgroup-parent", "resources", TEXT, "", None, read_cgroup_parent,
    ALWAYS, CHANGE_IS_WEAKER, REPLACED, "Parent cgroup.")
CGROUPNS = Option("--cgroupns", "resources", TEXT, "", None, read_cgroupns,
    ALWAYS, JUDGED, REPLACED, "Cgroup namespace: private, host, container:…, ns:….")
CGROUPS = Option("--cgroups", "resources", TEXT, "", key("CgroupsMode", "5.3"), read_cgroups,
    CREATE_COMMAND, JUDGED, DROPPED, "Cgroup mode: enabled, disabled, no-conmon or split.")
RDT_CLASS = Option("--rdt-class", "resources", TEXT, "", None, host("IntelRdtClosID", str),
    ALWAYS, SHARE, WITHHELD, "Intel RDT class of service.")

HEALTH_CMD = Option("--health-cmd", "health", TEXT, "", key("HealthCmd", "4.5"), read_health_cmd,
    LOSSY, JUDGED, AS_IS, "Health check command; none disables it.", aliases=("--healthcheck-command",),
    also=(("--no-healthcheck", NO_HEALTHCHECK),))
HEALTH_INTERVAL = Option("--health-interval", "health", DURATION, "", key("HealthInterval", "4.5"),
    read_health_interval, ALWAYS, TIMING, AS_IS, "Time between checks; disable turns the timer off.",
    aliases=("--healthcheck-interval",))
HEALTH_TIMEOUT = Option("--health-timeout", "health", DURATION, "", key("HealthTimeout", "4.5"),
    health_value("Timeout", DEFAULT_INTERVAL, duration), ALWAYS, TIMING, AS_IS, "Timeout of a check.",
    aliases=("--healthcheck-timeout",))
HEALTH_RETRIES = Option("--health-retries", "health", NUMBER, -1, key("HealthRetries", "4.5"),
    health_value("Retries", 3, int), ALWAYS, TIMING, AS_IS, "Failures before it counts as unhealthy.",
    aliases=("--healthcheck-retries",))
HEALTH_START_PERIOD = Option("--health-start-period", "health", DURATION, "", key("HealthStartPeriod", "4.5"),
    health_value("StartPeriod", 0, duration), ALWAYS, TIMING, AS_IS,
    "Start-up time during which failures do not count.", aliases=("--healthcheck-start-period",))
HEALTH_ON_FAILURE = Option("--health-on-failure", "health", TEXT, "", key("HealthOnFailure", "4.5"),
    read_on_failure, ALWAYS, JUDGED, REPLACED, "Action when unhealthy: none, kill, restart or stop.",
    untried="a twin is left alone when it is unhealthy")
HEALTH_LOG_DESTINATION = Option("--health-log-destination", "health", TEXT, "",
    key("HealthLogDestination", "5.3"), read_log_destination, ALWAYS, TIMING, DROPPED,
    "Where results are logged.")
HEALTH_MAX_LOG_COUNT = Option("--health-max-log-count", "health", NUMBER, 5, key("HealthMaxLogCount", "5.3"),
    log_limit("HealthcheckMaxLogCount", 5), ALWAYS, TIMING, AS_IS, "Number of results to keep.")
HEALTH_MAX_LOG_SIZE = Option("--health-max-log-size", "health", NUMBER, 500, key("HealthMaxLogSize", "5.3"),
    log_limit("HealthcheckMaxLogSize", 500), ALWAYS, TIMING, AS_IS,
    "Maximum length of a kept result, in characters.")
HEALTH_STARTUP_CMD = Option("--health-startup-cmd", "health", TEXT, "", key("HealthStartupCmd", "4.5"),
    read_startup_cmd, ALWAYS, TIMING, AS_IS,
    "Start-up check, which must succeed before the regular checks begin.")
HEALTH_STARTUP_INTERVAL = Option("--health-startup-interval", "health", DURATION, "",
    key("HealthStartupInterval", "4.5"), startup_duration("Interval"), ALWAYS, TIMING, AS_IS,
    "Time between start-up checks.")
HEALTH_STARTUP_RETRIES = Option("--health-startup-retries", "health", NUMBER, -1,
    key("HealthStartupRetries", "4.5"), startup_number("Retries"), ALWAYS, TIMING, AS_IS,
    "Failed start-up checks before a restart.")
HEALTH_STARTUP_SUCCESS = Option("--health-startup-success", "health", NUMBER, -1,
    key("HealthStartupSuccess", "4.5"), startup_number("Successes"), ALWAYS, TIMING, AS_IS,
    "Successful start-up checks before it counts as started.")
HEALTH_STARTUP_TIMEOUT = Option("--health-startup-timeout", "health", DURATION, "",
    key("HealthStartupTimeout", "4.5"), startup_duration("Timeout"), ALWAYS, TIMING, AS_IS,
    "Timeout of a start-up check.")

LOG_DRIVER = Option("--log-driver", "logging", TEXT, "", key("LogDriver", "4.5"), read_log_driver,
    ALWAYS, JUDGED, REPLACED, "Log driver: journald, k8s-file, json-file, none, passthrough.",
    untried=OWN_LOG, kube_flag=True)
LOG_OPT = Option("--log-opt", "logging", NAMED, (), key("LogOpt", "5.2", WORDS_LITERAL), read_log_options,
    LOSSY, JUDGED, REPLACED, "A log option: `max-size=10mb`, `path=…`, `tag=…`.", commas_before=V5,
    untried=OWN_LOG, kube_flag=True)
