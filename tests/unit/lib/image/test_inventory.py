"""The inventory of images, honest ones and hostile ones."""

import io
import tarfile
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.lib.image import ImageInventory, tar
from hardentui.lib.image import accounts as rules
from hardentui.lib.image.inventory import read_inventory
from hardentui.lib.image.tar import Damaged
from tests.support.image_archives import directory, image, member, packed

KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"


def look(*layers: bytes) -> ImageInventory:
    return read_inventory(io.BytesIO(image(*layers)))


def paths(files: tuple[object, ...]) -> list[str]:
    return [str(getattr(file, "path", "")) for file in files]


def test_an_honest_image_is_told_in_full() -> None:
    base = packed(
        directory("etc"),
        member(
            "etc/os-release",
            b'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian 13"\n',
        ),
        member(
            "etc/passwd",
            b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nguest::1000:1000::/:/bin/sh\n",
        ),
        member(
            "etc/sudoers.d/app", b"# app ALL=(ALL) NOPASSWD: ALL\napp ALL=(ALL) NOPASSWD: ALL\n"
        ),
        member("usr/bin/apt-get", b"x", 0o755),
        member("usr/bin/su", b"x", 0o4755),
        member(
            "usr/bin/ping",
            b"x",
            0o755,
            pax_headers={"SCHILY.xattr.security.capability": "\1\0\0\2"},
        ),
        member(
            "bin/nc",
            type=tarfile.SYMTYPE,
            linkname="busybox",
        ),
        member("bin/sh", b"x", 0o755),
        member("usr/sbin/sshd", b"x", 0o755),
        member("srv/open.sh", b"x", 0o666),
        directory("srv/upload", 0o777),
        directory("tmp", 0o1777),
        directory("tmp/anything", 0o777),
        directory("srv/sticky", 0o1777),
        member(
            "var/lib/dpkg/status", b"Package: a\nStatus: install ok installed\n\nPackage: b\n" * 3
        ),
        member("root/.ssh/id_ed25519", KEY, 0o600),
        member("etc/ssl/private/ssl-cert-snakeoil.key", KEY, 0o640),
        member("etc/ssl/certs/ca.pem", b"-----BEGIN CERTIFICATE-----\n"),
    )
    seen = look(base)
    assert seen.gaps == ()
    assert seen.release["ID"] == "debian"
    assert seen.release["VERSION_ID"] == "13"
    assert seen.packages == {"dpkg": 3}
    assert paths(seen.tools) == ["/usr/bin/apt-get", "/bin/nc"]
    assert paths(seen.shells) == ["/bin/sh"]
    assert paths(seen.remote_logins) == ["/usr/sbin/sshd"]
    assert {(file.path, file.what) for file in seen.privileged_files} == {
        ("/usr/bin/su", "setuid root"),
        ("/usr/bin/ping", "file capabilities"),
    }
    assert paths(seen.world_writable) == ["/srv/open.sh", "/srv/upload"]
    assert paths(seen.credentials) == ["/root/.ssh/id_ed25519"]
    assert len(seen.weak_accounts) == 3
    assert seen.layers[0].entries == 19


def test_a_deleted_credential_is_still_in_its_layer_and_a_deleted_tool_is_gone() -> None:
    lower = packed(
        member("root/.ssh/id_rsa", KEY),
        member("usr/bin/gcc", b"x", 0o755),
        member("usr/bin/su", b"x", 0o4755),
    )
    upper = packed(
        member("root/.ssh/.wh.id_rsa"), member("usr/bin/.wh.gcc"), member("usr/bin/su", b"x", 0o755)
    )
    seen = look(lower, upper)
    assert [(file.path, file.layer, file.deleted) for file in seen.credentials] == [
        ("/root/.ssh/id_rsa", 1, True)
    ]
    assert seen.tools == ()
    assert seen.privileged_files == ()


def test_layers_are_found_where_docker_25_puts_them() -> None:
    """Under their digests, among blobs that are none."""
    layer = packed(member("usr/bin/gcc", b"x", 0o755))
    parts = (
        member("blobs/sha256/1c", b'{"config": {}}'),
        member("blobs/sha256/2a", layer),
    )
    manifest = b'[{"Config": "blobs/sha256/1c", "Layers": ["blobs/sha256/2a"]}]'
    seen = read_inventory(io.BytesIO(packed(*parts, member("manifest.json", manifest))))
    assert (paths(seen.tools), seen.gaps) == (["/usr/bin/gcc"], ())


def test_names_and_links_that_climb_stay_in_the_image() -> None:
    seen = look(
        packed(
            member("../../../../etc/passwd", b"evil::0:0::/:/bin/sh\n"),
            member(
                "usr/bin/gcc",
                type=tarfile.SYMTYPE,
                linkname="/../../../../etc/shadow",
            ),
            member(
                "usr/bin/gdb",
                type=tarfile.LNKTYPE,
                linkname="../../../../etc/shadow",
            ),
            member(
                "dev/sda",
                type=tarfile.BLKTYPE,
                devmajor=8,
                devminor=0,
                mode=0o666,
            ),
            member(
                "pipe",
                type=tarfile.FIFOTYPE,
                mode=0o666,
            ),
            member(
                "loop",
                type=tarfile.SYMTYPE,
                linkname="loop",
            ),
        )
    )
    assert seen.gaps == ()
    assert paths(seen.tools) == ["/usr/bin/gcc", "/usr/bin/gdb"]
    assert seen.world_writable == ()
    assert any("evil" in sentence for sentence in seen.weak_accounts)


def test_escape_sequences_and_broken_names_are_only_text() -> None:
    name = "usr/bin/\x1b]0;owned\x07\udcff\n[bold]"
    info, data = member(name, b"x", 0o4755)
    seen = look(packed((info, data), kind=tarfile.GNU_FORMAT))
    result = seen.privileged_files[0].path
    result.encode("utf-8")  # no lone surrogate is left
    assert "\x1b" in result  # raw: views make it visible


def header(
    kind: bytes = b"0",
    size: bytes = b"00000000000\0",
    name: bytes = b"x",
) -> bytes:
    block = bytearray(512)
    block[0 : len(name)] = name
    block[100:108], block[108:116], block[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    block[124:136], block[136:148], block[156:157] = size, b"00000000000\0", kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def wide_header(
    kind: bytes,
    number: int,
    name: bytes = b"",
) -> bytes:
    """An extended header with one value of nearly a megabyte, each under a name of its own."""
    value = b"x" * (1 << 19)
    record = b" %s=%s\n" % (name or b"comment%d" % number, value)
    size = len(record) + 6
    body = b"%d%s" % (size, record)
    return header(kind, b"%011o\0" % len(body)) + body.ljust(-(-len(body) // 512) * 512, b"\0")


HUGE = b"77777777777\0"  # 8 GiB
BINARY_HUGE = b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7
NEGATIVE = b"\xff" * 12
HOSTILE = {
    "long name of 8 GiB": header(b"L", HUGE),
    "extended header of 8 GiB": header(b"x", HUGE),
    "extended header of exabytes": header(b"g", BINARY_HUGE),
    "file of exabytes": header(b"0", BINARY_HUGE),
    "negative size": header(b"0", NEGATIVE),
    "no number": header(b"0", b"no number!!\0"),
    "bad checksum": header()[:10] + b"!" + header()[11:],
    "half a block": header()[:100],
    "endless sparse map": (header(b"S")[:482] + b"\1" + header(b"S")[483:]),
    "extended record that does not add up": header(b"x", b"00000000005\0")
    + b"99 x=".ljust(512, b"\0"),
    "extended record of length zero": header(b"x", b"00000000005\0") + b"0 a=b".ljust(512, b"\0"),
    "global headers of a megabyte each": b"".join(
        wide_header(b"g", number) for number in range(70)
    ),
    "headers without an entry": header(b"x", b"00000000000\0") * 100,
    "name of a megabyte": wide_header(b"x", 0, b"path") + header(),
    "random bytes": bytes(range(256)) * 8,
}


@pytest.mark.parametrize(
    "data",
    HOSTILE.values(),
    ids=HOSTILE.keys(),
)
def test_a_hostile_layer_costs_no_memory_and_leaves_a_gap(data: bytes) -> None:
    good = packed(member("usr/bin/gcc", b"x", 0o755))
    archive = image(good, data)
    tracemalloc.start()
    seen = read_inventory(io.BytesIO(archive))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert any("layer 2" in gap for gap in seen.gaps)
    assert paths(seen.tools) == ["/usr/bin/gcc"]  # the other layer is still told
    assert peak < 4 << 20


@pytest.mark.parametrize(
    "data",
    HOSTILE.values(),
    ids=HOSTILE.keys(),
)
def test_a_hostile_archive_is_a_gap_and_no_error(data: bytes) -> None:
    assert read_inventory(io.BytesIO(data)).gaps


class Zeros:
    """A bomb: a layer whose one file never seems to end, made as it is read."""

    def __init__(self, size: int) -> None:
        inner = header(
            b"0",
            f"{size - 1536:011o}\0".encode(),
            b"var/lib/dpkg/status",
        )
        self._start = header(b"0", f"{size:011o}\0".encode(), b"a.tar") + inner
        self._left = size - 512

    def read(self, size: int, /) -> bytes:
        if self._start:
            part, self._start = self._start[:size], self._start[size:]
            return part
        size = min(size, self._left)
        self._left -= size
        return b"\0" * size


def test_a_file_of_gigabytes_without_a_line_break_is_counted_in_little_memory() -> None:
    tracemalloc.start()
    seen = read_inventory(Zeros(256 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
    assert seen.packages == {"dpkg": 0}


@pytest.mark.parametrize(
    ("path", "content", "is_one"),
    [
        ("root/.aws/credentials", b"[default]\naws_secret_access_key = x\n", True),
        ("app/.npmrc", b"registry=https://example.com/\n", False),
        ("app/.npmrc", b"//example.com/:_authToken=x\n", True),
        ("root/.docker/config.json", b'{"auths": {"a": {"auth": "eA=="}}}', True),
        ("root/.docker/config.json", b'{"credHelpers": {}}', False),
        ("etc/app/server.key", KEY, True),
        ("etc/app/server.key", b"-----BEGIN PUBLIC KEY-----", False),
        ("root/.ssh/id_rsa.pub", b"ssh-rsa AAAA", False),
        ("root/.ssh/id_rsa", b"", False),
    ],
)
def test_credentials_are_told_by_name_and_content(
    path: str,
    content: bytes,
    is_one: bool,
) -> None:
    assert bool(look(packed(member(path, content))).credentials) is is_one


@given(st.binary(max_size=3000))
def test_random_bytes_break_nothing(data: bytes) -> None:
    with suppress(Damaged):
        for entry, body in tar.entries(io.BytesIO(data)):
            assert entry.path.startswith("/")
            body.read(10)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("$6$salt$abc/DEF", 1),
        ("$y$j9T$x$y", 1),
        ("ab01FAX.bQRSU", 1),
        ("x", 0),
        ("*", 0),
        ("!", 0),
        ("!!", 0),
    ],
)
def test_a_hash_in_passwd_is_told(field: str, told: int) -> None:
    assert len(rules.weak({"/etc/passwd": f"web:{field}:101:101::/:/bin/sh\n"})) == told


def test_a_private_key_is_one_under_any_name_and_a_certificate_is_none() -> None:
    key = KEY + b"A" * 100
    seen = look(
        packed(
            member("srv/data.bin", key),
            member("srv/ca", b"-----BEGIN CERTIFICATE-----\n" + b"A" * 100),
            member("srv/readme", b"how to make a key: " + key),
            member("usr/share/doc/example", key),
        )
    )
    assert paths(seen.credentials) == ["/srv/data.bin"]


def test_a_missing_layer_is_a_gap() -> None:
    seen = read_inventory(io.BytesIO(image(packed(), order=["../../etc/passwd", "x.tar"])))
    assert any("not in the archive" in gap for gap in seen.gaps)
