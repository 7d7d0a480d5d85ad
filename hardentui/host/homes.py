"""Home directories of accounts."""

from __future__ import annotations

import pwd

from hardentui.host.files.reader import Files, text


def home_of(files: Files, uid: int) -> str:
    """The home directory of an account: from /etc/passwd, else from a directory service, else /."""
    content = text(files, "/etc/passwd")
    rows = (line.split(":") for line in (content if isinstance(content, str) else "").splitlines())
    home = next((row[5] for row in rows if len(row) > 5 and row[2] == str(uid)), "")
    if home:
        return home
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/"
