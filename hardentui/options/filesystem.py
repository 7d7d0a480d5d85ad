"""File system options: root, mounts, devices."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.argv.mount_text import mount_arguments
from hardentui.options.rows import RA, SV, B, key, many, shaped, switch, switch_off, text
from hardentui.options.values import Mount

_AREA = "filesystem"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

no_mounts: tuple[Mount, ...] = ()

READ_ONLY = switch("--read-only", _AREA, "The root file system cannot be written.", key("ReadOnly", "4.4", B))
READ_ONLY_TMPFS = switch_off(
    "--read-only-tmpfs",
    _AREA,
    "With --read-only: tmpfs on /dev, /dev/shm, /run, /tmp, /var/tmp.",
    key("ReadOnlyTmpfs", "4.8", B),
    readability=_COMMAND,
)
MOUNTS = shaped(
    "--volume",
    _AREA,
    "Bind mounts, volumes and image mounts.",
    no_mounts,
    mount_arguments,
    key("Volume", "4.4", RA),
    readability=_LOSSY,
)
TMPFS = many("--tmpfs", _AREA, "A tmpfs mount `path:options`.", key("Tmpfs", "4.5", RA), readability=_LOSSY)
VOLUMES_FROM = many("--volumes-from", _AREA, "Mounts of another container.")
IMAGE_VOLUME = text(
    "--image-volume",
    _AREA,
    "What becomes of the image's volumes: anonymous, ignore, tmpfs.",
    key("ImageVolume", "6.1"),
    readability=_COMMAND,
)
DEVICES = many(
    "--device", _AREA, "A host device `host:container:rwm`.", key("AddDevice", "4.4", SV), readability=_LOSSY
)
DEVICE_CGROUP_RULE = many(
    "--device-cgroup-rule", _AREA, "A rule of the device cgroup, `c 1:3 rwm`.", readability=_COMMAND
)
GPUS = many("--gpus", _AREA, "GPU devices.", readability=_COMMAND)
ROOTFS = text(
    "--rootfs", _AREA, "A directory in place of an image.", key("Rootfs", "4.5"), readability=_LOSSY
)
CHROOTDIRS = many("--chrootdirs", _AREA, "Directories treated as chroots for /etc files.")
