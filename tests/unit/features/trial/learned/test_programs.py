"""From a command to all that it may start, and what that can ask for; nothing is run."""

import io
import random
import shutil
import struct
from pathlib import Path
from time import process_time

import pytest

from hardentui.features.trial.learned.named_paths import is_go
from hardentui.features.trial.learned.programs import (
    Allowance,
    CodeFile,
    NoProgram,
    Programs,
    is_elf,
    read_elf,
    read_programs,
)
from hardentui.features.trial.learned.started import Reached, reached
from hardentui.reading.asked_functions import FUNCTIONS, everyday
from tests.support.image_archives import member, packed

BASH = CodeFile("program", frozenset({"setuid", "setgid"}))


def program(
    *functions: str,
    needed: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
) -> CodeFile:
    return CodeFile(
        "program",
        frozenset(functions),
        needed,
        frozenset(words),
    )


def asked(
    files: dict[str, CodeFile],
    *command: str,
    links: dict[str, str] | None = None,
) -> Reached:
    return reached(Programs(files, links or {}), command)


def names(answer: Reached) -> set[str]:
    return {function for functions in answer.functions.values() for function in functions}


def test_a_real_program_is_read_from_an_archive() -> None:
    su = shutil.which("su")
    assert su
    archive = packed(member("usr/bin/su", Path(su).read_bytes(), 0o4755))
    programs = read_programs(io.BytesIO(archive))
    assert programs.gap == ""
    assert {"setuid", "initgroups"} <= programs.files["/usr/bin/su"].functions
    assert programs.files["/usr/bin/su"].set_id
    assert any("libpam" in why for why in reached(programs, ["su"]).unknown.values())


def test_libraries_count_through_links_and_transitively() -> None:
    files = {
        "/usr/sbin/d": program(needed=("liba.so.1",)),
        "/usr/lib/x86_64-linux-gnu/liba.so.1.2": program("chroot", needed=("libb.so",)),
        "/opt/lib/libb.so": program("mknod"),
    }
    links = {"/usr/lib/x86_64-linux-gnu/liba.so.1": "liba.so.1.2", "/sbin": "usr/sbin"}
    answer = asked(files, "/sbin/d", links=links)
    assert names(answer) == {"chroot", "mknod"}
    assert answer.unknown == {}


def test_libraries_that_do_as_they_are_told_do_not_count() -> None:
    files = {"/bin/d": program("bind", needed=("libsystemd.so.0", "libc.so.6"))}
    files["/usr/lib/libsystemd.so.0"] = program("chroot", "setns")
    assert names(asked(files, "d")) == {"bind"}


def test_modules_of_pam_that_are_configured_count_and_what_they_start() -> None:
    files = {
        "/bin/login": program(needed=("libpam.so.0",)),
        "/lib/libpam.so.0": program(),
        "/etc/pam.d/login": CodeFile("script", words=frozenset({"pam_a.so", "required"})),
        "/lib/security/pam_a.so": program("audit_open", words=("/sbin/helper",)),
        "/lib/security/pam_b.so": program("mount"),
        "/sbin/helper": program("setreuid"),
    }
    assert names(asked(files, "login")) == {"audit_open", "setreuid"}


def test_shells_do_what_their_scripts_say() -> None:
    files = {
        "/bin/bash": BASH,
        "/entry.sh": CodeFile(
            "script", words=frozenset({"gosu", "echo"}), interpreter=("/bin/bash",)
        ),
        "/usr/local/bin/gosu": program("setresuid"),
        "/usr/bin/other": program("chroot"),
    }
    assert names(asked(files, "/entry.sh")) == {"setresuid"}
    assert names(
        asked(
            files,
            "/bin/bash",
            "-c",
            "exec other --now",
        )
    ) == {"chroot"}


def test_an_interpreter_does_what_its_sources_say() -> None:
    files = {
        "/usr/bin/python3.13": program("chown", "chroot", "setuid"),
        "/usr/bin/app": CodeFile("script", interpreter=("/usr/bin/env", "python3")),
        "/usr/bin/env": program(),
        "/usr/lib/python3.13/shutil.py": CodeFile("source", frozenset({"chroot"})),
        "/usr/lib/python3/dist-packages/worker.py": CodeFile("source", frozenset({"setuid"})),
    }
    assert names(
        asked(
            files,
            "app",
            links={"/usr/bin/python3": "python3.13"},
        )
    ) == {"setuid"}


def test_a_set_id_program_that_a_source_names_by_path_counts() -> None:
    text = b"run(['/usr/libexec/app/helper']); run(['/usr/bin/plain'])"
    read = read_programs(io.BytesIO(packed(member("app/serve.py", text))))
    files = {
        **read.files,
        "/usr/bin/python3.13": program(),
        "/usr/libexec/app/helper": CodeFile("program", set_id=True),
        "/usr/libexec/app/other": CodeFile("program", set_id=True),
        "/usr/bin/plain": program("chroot"),
    }
    answer = asked(files, "python3.13", "/app/serve.py")
    assert (answer.set_id, names(answer)) == (("helper",), set())


@pytest.mark.parametrize(
    ("command", "functions"),
    [
        (("/bin/httpd", "-f"), {"bind", "setuid"}),
        (("sh", "-c", "busybox chown 1 /x"), {"chown"}),
        (("ls",), set()),
    ],
)
def test_a_busybox_does_what_its_name_says(
    command: tuple[str, ...],
    functions: set[str],
) -> None:
    files = {"/bin/busybox": CodeFile("program", unknown="it is statically linked")}
    links = dict.fromkeys(
        ("/bin/httpd", "/bin/sh", "/bin/chown", "/bin/ls"),
        "busybox",
    )
    answer = asked(files, *command, links=links)
    told = names(answer) - everyday(FUNCTIONS)
    assert functions <= told
    assert bool(functions) == bool(told)
    assert answer.unknown == {}


def test_code_in_a_mount_is_unknown_although_the_image_has_a_copy_of_it() -> None:
    files = {
        "/bin/sh": BASH,
        "/bin/node": program(),
        "/entry": CodeFile(
            "script",
            words=frozenset({"node", "/home/app/s.js", "/home/data"}),
            interpreter=("/bin/sh",),
        ),
        "/home/app/s.js": CodeFile("source"),
    }
    programs = Programs(files)
    assert reached(programs, ("/entry",), mounts=("/srv", "/home")).unknown.keys() == {
        "/home/app/s.js"
    }
    assert (
        reached(
            programs,
            ("/entry",),
            mounts=("/srv", "/home/data", "/hom"),
        ).unknown
        == {}
    )


@pytest.mark.parametrize(
    ("name", "source", "functions"),
    [
        (
            "a.js",
            "const c = require('child_process'); c.execSync('id', {uid: 33})",
            {"setuid", "setgid", "setgroups"},
        ),
        ("a.js", "const uid = next()", set()),
        ("a.js", "fs.fchownSync(1, 2)", {"fchown"}),
        (
            "a.py",
            "subprocess.run(['id'], user='nobody')",
            {"setuid", "setgid", "setgroups"},
        ),
        ("a.py", "import tarfile", {"chown"}),
        ("a.php", "posix_setuid(33);", {"setuid"}),
        (
            "a.rb",
            "Process::Sys.setuid(1); Process.euid = 3",
            {"setuid", "setgid", "setgroups"},
        ),
        (
            "a.pl",
            "$EUID = 33;",
            {"setuid", "setgid", "setgroups"},
        ),
    ],
)
def test_each_language_spells_a_function_its_way(
    name: str,
    source: str,
    functions: set[str],
) -> None:
    programs = read_programs(io.BytesIO(packed(member(name, source.encode()))))
    assert programs.files[f"/{name}"].functions == functions


WANTED = frozenset((b"setuid", b"initgroups", b"chroot", b"fchownat"))
SU, CHROOT = (
    Path(shutil.which(name, path="/usr/bin:/usr/sbin:/bin") or "/") for name in ("su", "chroot")
)


def test_imports_and_libraries_of_real_programs() -> None:
    su, chroot = (read_elf(program.read_bytes(), WANTED) for program in (SU, CHROOT))
    assert {"setuid", "initgroups"} <= su.imports
    assert "libpam.so.0" in su.needed
    assert "chroot" in chroot.imports
    assert "chroot" not in su.imports
    assert not su.static


def test_a_static_program_says_so() -> None:
    busybox = shutil.which("busybox")
    assert busybox
    data = Path(busybox).read_bytes()
    assert is_elf(data)
    assert not is_go(data)
    elf = read_elf(data, WANTED)
    assert elf.static
    assert elf.imports == frozenset()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x7fELF",
        b"#!/bin/sh\n",
        b"\x7fELF\x02\x02" + bytes(200),
    ],
)
def test_what_is_no_known_program_has_a_reason(data: bytes) -> None:
    with pytest.raises(NoProgram):
        read_elf(data, WANTED)


def _many_tables(headers: int, symbols: int) -> bytes:
    """A program whose section headers all name one table of symbols."""
    table = struct.pack("<IBBHQQ", 1, 0, 0, 0, 0, 0) * symbols
    strings = b"\0setuid\0"
    dynamic = struct.pack("<qQ", 5, 0) + struct.pack("<qQ", 0, 0)
    body = strings + dynamic + table
    start = 64 + 2 * 56
    segments = struct.pack("<IIQQQQQQ", 1, 0, 0, 0, 0, len(body) + start, 0, 0)
    segments += struct.pack("<IIQQQQQQ", 2, 0, start + len(strings), 0, 0, len(dynamic), 0, 0)
    at = start + len(strings) + len(dynamic)
    section = struct.pack("<IIQQQQIIQQ", 0, 11, 0, 0, at, len(table), headers, 0, 0, 24)
    last = struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, start, len(strings), 0, 0, 0, 0)
    head = struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, 1, 64, start + len(body), 0, 64, 56, 2, 64, headers + 1, 0
    )
    return b"\x7fELF\x02\x01\x01" + bytes(9) + head + segments + body + section * headers + last


def test_one_table_is_read_and_many_of_the_same_are_refused() -> None:
    assert read_elf(_many_tables(1, 10), WANTED).imports == {"setuid"}
    data = _many_tables(4094, 200_000)
    begun = process_time()
    with pytest.raises(NoProgram, match="more headers and symbols than are read"):
        read_elf(data, WANTED)
    assert process_time() - begun < 5


def test_many_programs_of_an_image_share_one_allowance() -> None:
    data = _many_tables(1, 100)
    allowance = Allowance(left=1_000)
    for _ in range(9):
        read_elf(data, WANTED, allowance)
    with pytest.raises(NoProgram):
        read_elf(data, WANTED, allowance)


def test_truncated_and_forged_headers_end_in_a_reason_or_an_answer() -> None:
    data = SU.read_bytes()
    chance = random.Random(18)  # noqa: S311 - the same files each time
    files = [data[:length] for length in range(0, len(data), max(1, len(data) // 100))]
    tables = [
        *range(64),
        *range(64, 1400),
        *range(len(data) - 2200, len(data)),
    ]  # headers of all kinds
    for _ in range(400):
        forged = bytearray(data)
        for at in chance.choices(tables, k=chance.randint(1, 8)):
            forged[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        files.append(bytes(forged))
    refused = 0
    for file in files:
        try:
            read_elf(file, WANTED)
        except NoProgram:
            refused += 1
    assert refused > 100  # every truncated one at least


@pytest.mark.parametrize(
    ("command", "listed"),
    [
        (("cron", "-f"), "/etc/cron.d/clean"),
        (("inetd", "-i"), "/etc/inetd.conf"),
        (("runsvdir", "-P", "/svc"), "/svc/web/run"),
        (("sh", "/entry"), "/svc/web/run"),
    ],
)
def test_jobs_of_a_supervisor_count(
    command: tuple[str, ...],
    listed: str,
) -> None:
    files = {
        "/bin/sh": BASH,
        "/entry": CodeFile("script", words=frozenset({"exec", "runsvdir", "/svc"})),
        **{f"/usr/sbin/{name}": program("setuid") for name in ("cron", "inetd", "runsvdir")},
        listed: CodeFile("script", words=frozenset({"/usr/bin/tidy", "root"})),
        "/usr/bin/tidy": program("chown"),
        "/elsewhere/run": CodeFile("script", words=frozenset({"/usr/bin/mount"})),
        "/usr/bin/mount": program("mount"),
    }
    assert names(asked(files, *command)) == {"setuid", "chown"}


def test_a_list_of_a_super_server_is_read() -> None:
    text = b"tftp dgram udp wait root /usr/sbin/in.tftpd in.tftpd\n"
    programs = read_programs(io.BytesIO(packed(member("etc/inetd.conf", text))))
    assert "/usr/sbin/in.tftpd" in programs.files["/etc/inetd.conf"].words
