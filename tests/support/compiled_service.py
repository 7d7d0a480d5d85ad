"""A small service in C, whose late work stands in its binary only."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import cannot_run
from tests.support.image_archives import directory, member, packed
from tests.support.podman import Bench

REFERENCE = "localhost/compiled:1"
_SOURCE = """
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int put(const char *path) {
    int file = open(path, O_CREAT | O_WRONLY | O_APPEND, 0640);
    if (file < 0) return 0;
    int wrote = write(file, "x", 1) == 1;
    close(file);
    return wrote;
}

static int late(void) { @LATE@ }

int main(void) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(8000)};
    int listening = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listening, (void *)&here, sizeof here) || listen(listening, 8)) return 1;
    for (;;) {
        char asked[4096] = "";
        int client = accept(listening, 0, 0);
        if (client < 0 || read(client, asked, sizeof asked - 1) <= 0) { close(client); continue; }
        const char *answer = !strstr(asked, "/late") ? "it works" : late() ? "done" : "failed";
        dprintf(client, "HTTP/1.0 200 OK\\r\\n\\r\\n%s\\n", answer);
        close(client);
    }
}
"""
ASKS = ("wget", "-q", "-O", "-", "http://127.0.0.1:8000/late")


def built(
    bench: Bench,
    late: str,
    *,
    folders: Sequence[tuple[str, int]],
    files: Sequence[str],
    user: int = 0,
) -> str:
    """Make an image of the service; returns its reference.

    Args:
        late: statements of C, the last of which returns whether it worked.
        folders: path -> owner.
        files: each holds something.
    """
    compiler = shutil.which("gcc")
    if compiler is None:
        cannot_run(
            "gcc is missing; run: sudo apt-get install --no-install-recommends gcc libc6-dev"
        )
    work = bench.directory / "tmp"
    source, program, tar = work / "late.c", work / "late", work / "late.tar"
    source.write_text(_SOURCE.replace("@LATE@", late))
    words = (compiler, "-O2", "-static", "-o", str(program), str(source))
    subprocess.run(words, check=True, timeout=60)
    busybox = shutil.which("busybox")
    assert busybox
    owners = dict.fromkeys(("bin", "etc", "tmp", "var", "var/lib", "var/log", "srv"), 0)
    owners |= dict(folders)
    archive = packed(
        *(directory(name, uid=uid, gid=uid) for name, uid in owners.items()),
        *(member(name, b"of the image") for name in files),
        member("etc/passwd", b"root:x:0:0::/root:/bin/sh\nshop:x:700:700::/home/shop:/bin/sh\n"),
        member("bin/busybox", Path(busybox).read_bytes(), mode=0o755),
        member("usr/sbin/late", program.read_bytes(), mode=0o755),
    )
    tar.write_bytes(archive)
    changes = ('ENTRYPOINT ["/usr/sbin/late"]', "EXPOSE 8000", f"USER {user}")
    try:
        return bench.import_image(tar, REFERENCE, changes) and REFERENCE
    finally:
        for made in (source, program, tar):
            made.unlink()
