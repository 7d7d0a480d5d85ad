"""File system options: root, mounts, devices."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.argv.mount_text import mount_arguments
from hardentui.options.table.shapes import RA, SV, B, key, many, shaped, switch, switch_off, text
from hardentui.options.values import Mount

_AREA = "filesystem"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

no_mounts: tuple[Mount, ...] = ()

READ_ONLY = switch(
    flag="--read-only",
    area=_AREA,
    about="The root file system cannot be written.",
    quadlet=key("ReadOnly", "4.4", B),
)
READ_ONLY_TMPFS = switch_off(
    flag="--read-only-tmpfs",
    area=_AREA,
    about="With --read-only: tmpfs on /dev, /dev/shm, /run, /tmp, /var/tmp.",
    quadlet=key("ReadOnlyTmpfs", "4.8", B),
    readability=_COMMAND,
)
MOUNTS = shaped(
    flag="--volume",
    area=_AREA,
    about="Bind mounts, volumes and image mounts.",
    default=no_mounts,
    to_arguments=mount_arguments,
    quadlet=key("Volume", "4.4", RA),
    readability=_LOSSY,
)
TMPFS = many(
    flag="--tmpfs",
    area=_AREA,
    about="A tmpfs mount `path:options`.",
    quadlet=key("Tmpfs", "4.5", RA),
    readability=_LOSSY,
)
VOLUMES_FROM = many(flag="--volumes-from", area=_AREA, about="Mounts of another container.")
IMAGE_VOLUME = text(
    flag="--image-volume",
    area=_AREA,
    about="What becomes of the image's volumes: anonymous, ignore, tmpfs.",
    quadlet=key("ImageVolume", "6.1"),
    readability=_COMMAND,
)
DEVICES = many(
    flag="--device",
    area=_AREA,
    about="A host device `host:container:rwm`.",
    quadlet=key("AddDevice", "4.4", SV),
    readability=_LOSSY,
)
DEVICE_CGROUP_RULE = many(
    flag="--device-cgroup-rule",
    area=_AREA,
    about="A rule of the device cgroup, `c 1:3 rwm`.",
    readability=_COMMAND,
)
GPUS = many(flag="--gpus", area=_AREA, about="GPU devices.", readability=_COMMAND)
ROOTFS = text(
    flag="--rootfs",
    area=_AREA,
    about="A directory in place of an image.",
    quadlet=key("Rootfs", "4.5"),
    readability=_LOSSY,
)
CHROOTDIRS = many(flag="--chrootdirs", area=_AREA, about="Directories treated as chroots for /etc files.")
