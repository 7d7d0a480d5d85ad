"""File system options: root, mounts, devices."""

from __future__ import annotations

from hardentui.model.spec import KeyKind, Option, Readability, TwinUse
from hardentui.options.codecs.mounts import MOUNTS_OF_MOUNT, MOUNTS_OF_VOLUME, TMPFS_MOUNTS, TMPFS_OF_MOUNT
from hardentui.options.codecs.plain import COMMA_TEXTS, SWITCH, SWITCH_OFF, TEXT, TEXTS
from hardentui.options.codecs.security import DEVICE_NODES
from hardentui.options.inspect.common import command_list, host_switch
from hardentui.options.inspect.devices import read_chrootdirs, read_device_cgroup_rules, read_devices
from hardentui.options.inspect.lifecycle import read_volumes_from
from hardentui.options.inspect.mounts import (
    read_image_volume,
    read_mounts,
    read_read_only_tmpfs,
    read_rootfs,
    read_tmpfs,
)
from hardentui.options.table.key_values import device, tmpfs
from hardentui.options.table.parts import (
    CHANGE_IS_WEAKER,
    COMMA_LISTS_BEFORE,
    ENTRIES_EXPOSE,
    JUDGED,
    NO_ORDER_PROGRAM,
    key,
    on_protects,
)

READ_ONLY = Option(
    flag="--read-only",
    area="filesystem",
    about="Read-only root filesystem.",
    default=False,
    codec=SWITCH,
    quadlet=key("ReadOnly", "4.4", KeyKind.BOOLEAN),
    read=host_switch("ReadonlyRootfs"),
    protection=on_protects("makes its root filesystem writable"),
    twin=TwinUse.AS_IS,
)
READ_ONLY_TMPFS = Option(
    flag="--read-only-tmpfs",
    area="filesystem",
    about="With --read-only: tmpfs on /dev, /dev/shm, /run, /tmp, /var/tmp.",
    default=True,
    codec=SWITCH_OFF,
    quadlet=key("ReadOnlyTmpfs", "4.8", KeyKind.BOOLEAN),
    read=read_read_only_tmpfs,
    readability=Readability.CREATE_COMMAND,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
MOUNTS = Option(
    flag="--volume",
    area="filesystem",
    about="Bind mounts, volumes and image mounts.",
    default=(),
    codec=MOUNTS_OF_VOLUME,
    also=(("--mount", MOUNTS_OF_MOUNT),),
    short="v",
    quadlet=key("Volume", "4.4", KeyKind.RAW_ALL),
    read=read_mounts,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
TMPFS = Option(
    flag="--tmpfs",
    area="filesystem",
    about="A tmpfs mount `path:options`.",
    default=(),
    codec=TMPFS_MOUNTS,
    also=(("--mount", TMPFS_OF_MOUNT),),
    quadlet=key("Tmpfs", "4.5", KeyKind.RAW_ALL, holds=tmpfs),
    read=read_tmpfs,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
VOLUMES_FROM = Option(
    flag="--volumes-from",
    area="filesystem",
    about="Use the mounts of another container.",
    default=(),
    codec=TEXTS,
    read=read_volumes_from,
    protection=ENTRIES_EXPOSE,
    twin=TwinUse.REPLACED,
)
IMAGE_VOLUME = Option(
    flag="--image-volume",
    area="filesystem",
    about="How to handle the image's volumes: anonymous, ignore, tmpfs.",
    default="",
    codec=TEXT,
    quadlet=key("ImageVolume", "6.1"),
    read=read_image_volume,
    readability=Readability.CREATE_COMMAND,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
DEVICES = Option(
    flag="--device",
    area="filesystem",
    about="A host device `host:container:rwm`.",
    default=(),
    codec=DEVICE_NODES,
    commas_before=COMMA_LISTS_BEFORE,
    quadlet=key("AddDevice", "4.4", KeyKind.WORDS_LITERAL, holds=device),
    read=read_devices,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
DEVICE_CGROUP_RULE = Option(
    flag="--device-cgroup-rule",
    area="filesystem",
    about="A rule of the device cgroup, `c 1:3 rwm`.",
    default=(),
    codec=COMMA_TEXTS,
    read=read_device_cgroup_rules,
    readability=Readability.CREATE_COMMAND,
    protection=ENTRIES_EXPOSE,
    twin=TwinUse.WITHHELD,
)
GPUS = Option(
    flag="--gpus",
    area="filesystem",
    about="GPU devices.",
    default=(),
    codec=COMMA_TEXTS,
    read=command_list("--gpus"),
    readability=Readability.CREATE_COMMAND,
    protection=ENTRIES_EXPOSE,
    twin=TwinUse.WITHHELD,
)
ROOTFS = Option(
    flag="--rootfs",
    area="filesystem",
    about="A directory instead of an image.",
    default="",
    codec=TEXT,
    quadlet=key("Rootfs", "4.5"),
    read=read_rootfs,
    readability=Readability.LOSSY,
    protection=CHANGE_IS_WEAKER,
    twin=TwinUse.REPLACED,
)
CHROOTDIRS = Option(
    flag="--chrootdirs",
    area="filesystem",
    about="Directories treated as chroots for /etc files.",
    default=(),
    codec=TEXTS,
    commas_before=COMMA_LISTS_BEFORE,
    read=read_chrootdirs,
    protection=NO_ORDER_PROGRAM,
    twin=TwinUse.AS_IS,
)
