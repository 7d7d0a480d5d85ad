"""The interpreter of a script: whoever can change it changes what the script does."""

from __future__ import annotations

from hardentui.host.files import Files

_LONGEST_SCRIPT = 1 << 16


_MARK = b"#!"


_ENV = "env"


def interpreters(files: Files, path: str) -> tuple[str, ...]:
    """The programs in the first line of a script, execve(2): `#!/usr/bin/env /opt/python`.

    Empty for other programs, for what cannot be read, and for longer files, which are no scripts.
    """
    try:
        if files.stat(path).size > _LONGEST_SCRIPT:
            return ()
        content = files.read_bytes(path, _LONGEST_SCRIPT)
    except OSError:
        return ()
    if not content.startswith(_MARK):
        return ()
    words = content[2:].partition(b"\n")[0].decode("utf-8", "surrogateescape").split()
    behind_env = words[:1] and words[0].rpartition("/")[2] == _ENV
    return tuple(word for word in words[: 2 if behind_env else 1] if word.startswith("/"))
