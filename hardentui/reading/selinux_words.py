"""What makes SELinux let a confined container read a directory of the host, and what never to relabel.

`:z` and `:Z` rewrite the label of every file below a mount, for good. On a directory that services
of the host use, they are denied it from then on; a label by a rule (semanage) survives the next
relabelling and can be taken back (container_selinux(8), semanage-fcontext(8)).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import lru_cache

from hardentui.reading.host_words import to_install
from hardentui.reading.mounts import at_or_above

_SYSTEM = tuple(
    """
    / /bin /boot /dev /etc /home /lib /lib64 /opt /proc /root /run /sys /tmp /usr /usr/bin /usr/lib
    /usr/local /var /var/home /var/lib /var/lib/containers /var/log /var/roothome
    """.split()
)
_A_HOME = re.compile(r"(?:/var)?/home/[^/]+")
"""/var/home is where ostree keeps them."""


@lru_cache(maxsize=512)
def is_never_relabelled(path: str) -> bool:
    """A system directory, a directory above one, or a whole home directory."""
    return bool(_A_HOME.fullmatch(path)) or any(at_or_above(path, other) for other in _SYSTEM)


def to_label(release: Mapping[str, str], path: str) -> tuple[str, ...]:
    """The commands that let confined containers use a directory made for them."""
    if is_never_relabelled(path):
        return (
            f"# never relabel {path}, which the host itself uses: mount a directory of its own",
        )
    pattern = re.sub(r"([.^$*+?()\[\]{}|\\])", r"\\\1", path)
    return (
        f"sudo semanage fcontext -a -t container_file_t {shlex.quote(pattern + '(/.*)?')}",
        f"sudo restorecon -R {shlex.quote(path)}",
        f"# if semanage is missing: {to_install(release, 'policycoreutils-python-utils')}",
    )


def to_label_back(path: str) -> str:
    """The command that gives a relabelled directory the labels of the policy again."""
    return f"sudo restorecon -RF {shlex.quote(path)}"
