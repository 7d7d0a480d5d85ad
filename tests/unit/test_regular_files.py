"""Root reads the homes of others with no more than their rights, and nothing there can hold it up."""

import os
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.engine.locate import Environment, candidates, connections
from hardentui.errors import InputError
from hardentui.features.checklists.loading import load
from hardentui.features.waivers import accepted
from hardentui.host.files import LocalFiles
from hardentui.host.files.recorded import RecordingFiles
from hardentui.named_files import read_named
from hardentui.regular_files import names_in, read_regular

ANNA, BEN = 4321, 4322
SECRET = "root:$y$secret\n"
as_root = pytest.mark.skipif(
    os.geteuid() != 0,
    reason="makes files of another account",
)
pytestmark = [as_root, pytest.mark.timeout(30)]


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A home of anna's, and what only root may read."""
    for name, owner in (("anna", ANNA), ("ben", BEN), ("root", 0)):
        (tmp_path / name).mkdir(mode=0o755)
        os.chown(tmp_path / name, owner, owner)
    _put(
        tmp_path / "root/shadow",
        SECRET,
        0,
        0o640,
    )
    _put(
        tmp_path / "root/public",
        "for all",
        0,
        0o644,
    )
    (tmp_path / "root/closed").mkdir(mode=0o700)
    _put(
        tmp_path / "root/closed/public",
        "behind a closed door",
        0,
        0o644,
    )
    _put(
        tmp_path / "anna/own",
        "mine",
        ANNA,
        0o600,
    )
    _put(
        tmp_path / "ben/own",
        "ben's",
        BEN,
        0o600,
    )
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if str(parent).startswith("/tmp/pytest"):
            parent.chmod(0o755)
    return tmp_path


def _put(
    path: Path,
    text: str,
    owner: int,
    mode: int,
) -> None:
    path.write_text(text)
    path.chmod(mode)
    os.chown(path, owner, owner)


def _link(
    path: Path,
    target: Path | str,
    owner: int = ANNA,
) -> str:
    path.symlink_to(target)
    os.lchown(path, owner, owner)
    return str(path)


@pytest.mark.parametrize(
    "target",
    ["root/shadow", "root/closed/public", "ben/own"],
)
def test_a_link_of_hers_leads_to_nothing_that_she_may_not_read(
    places: Path,
    target: str,
) -> None:
    direct = _link(places / "anna/direct", places / target)
    _link(places / "anna/folder", (places / target).parent)
    below = f"{places}/anna/folder/{os.path.basename(target)}"
    chained = _link(places / "anna/chained", "direct")
    for path in (direct, below, chained):
        with pytest.raises(PermissionError):
            LocalFiles().read_text(path)


def test_her_own_links_to_her_own_and_to_public_files_work(places: Path) -> None:
    assert LocalFiles().read_text(_link(places / "anna/a", "own")) == "mine"
    assert LocalFiles().read_text(_link(places / "anna/b", places / "root/public")) == "for all"
    assert LocalFiles().read_text(str(places / "anna/own")) == "mine"


def test_a_path_that_she_names_leads_to_nothing_that_she_may_not_read(places: Path) -> None:
    """Her engine answers with paths: of a seccomp profile, an OCI configuration."""
    hers = LocalFiles().named_by(ANNA)
    for name in ("root/shadow", "root/closed/public", "ben/own"):
        with pytest.raises(PermissionError):
            hers.read_text(str(places / name))
    with pytest.raises(PermissionError):
        hers.list_dir(str(places / "root/closed"))
    assert hers.read_text(str(places / "anna/own")) == "mine"
    assert hers.read_text(str(places / "root/public")) == "for all"
    assert LocalFiles().named_by(0).read_text(str(places / "root/shadow")) == SECRET
    recording = RecordingFiles(LocalFiles())
    with pytest.raises(PermissionError):
        recording.named_by(ANNA).read_text(str(places / "root/shadow"))
    assert "secret" not in str(recording.document())


@pytest.mark.parametrize(
    "way",
    [
        "/proc/self/root{}",
        "/proc/thread-self/root{}",
        "/proc/../{}",
        "/sys/kernel/../..{}",
        "/proc/self/cwd/shadow",
        "/proc/self/fd/{handle}",
        "shadow",
        "./shadow",
    ],
)
def test_no_view_of_the_kernel_gives_her_more(
    places: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    """The kernel shows each file once more, as root sees it; and root works in some folder."""
    monkeypatch.chdir(places / "root")
    with open(places / "root/shadow", "rb") as opened:
        path = way.format(places / "root/shadow", handle=opened.fileno())
        with pytest.raises(PermissionError):
            LocalFiles().named_by(ANNA).read_text(path)
        with pytest.raises(PermissionError):
            LocalFiles().named_by(ANNA).read_text("/proc/1/environ")
        assert LocalFiles().read_text("/proc/self/status").startswith("Name:")


def test_a_link_of_roots_in_a_folder_of_roots_works(places: Path) -> None:
    assert LocalFiles().read_text(_link(places / "root/link", "shadow", 0)) == SECRET


def test_a_root_owned_link_in_her_folder_counts_as_hers(places: Path) -> None:
    with pytest.raises(PermissionError):
        LocalFiles().read_text(_link(places / "anna/roots", places / "root/shadow", 0))


def test_a_hard_link_in_her_folder_counts_as_hers(places: Path) -> None:
    os.link(places / "root/shadow", places / "anna/hard")
    with pytest.raises(PermissionError):
        LocalFiles().read_text(str(places / "anna/hard"))
    os.link(places / "anna/own", places / "anna/twice")
    assert LocalFiles().read_text(str(places / "anna/twice")) == "mine"


def test_a_folder_that_all_may_write_belongs_to_nobody(places: Path) -> None:
    (places / "open").mkdir()
    (places / "open").chmod(0o777)
    with pytest.raises(PermissionError):
        LocalFiles().read_text(_link(places / "open/roots", places / "root/shadow", 0))


def test_the_names_in_a_closed_folder_are_not_told(places: Path) -> None:
    with pytest.raises(PermissionError):
        names_in(_link(places / "anna/names", places / "root/closed"))
    assert "own" in names_in(_link(places / "anna/home", places / "anna"))


def test_a_fifo_a_device_or_a_socket_is_no_file(places: Path) -> None:
    os.mkfifo(places / "anna/fifo")
    os.mknod(
        places / "anna/device",
        0o20600,
        os.makedev(1, 5),
    )  # /dev/zero
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(places / "anna/socket"))
        for name in ("fifo", "device", "socket"):
            with pytest.raises(OSError, match="not a regular file"):
                read_regular(str(places / "anna" / name), 100)
    with pytest.raises(OSError, match="not a regular file"):
        read_regular(_link(places / "anna/terminal", "/dev/tty"), 100)


def test_a_circle_of_links_ends(places: Path) -> None:
    _link(places / "anna/one", "two")
    _link(places / "anna/two", "one")
    with pytest.raises(OSError, match="symbolic links"):
        read_regular(str(places / "anna/one"), 100)


@pytest.mark.parametrize(
    "name",
    ["containers.conf", "podman-connections.json"],
)
def test_looking_for_podman_never_waits_for_her(
    places: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (places / "anna/.config/containers").mkdir(parents=True)
    os.mkfifo(places / "anna/.config/containers" / name)
    monkeypatch.setenv("HOME", str(places / "anna"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(places / "anna/.config"))
    here = Environment.here()
    assert candidates(here)
    forced = replace(
        here,
        uid=0,
        home=str(places / "anna"),
    )
    assert connections(forced)[1] == ""


def test_a_text_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text("é = 1\n")
    assert read_named(str(file)) == "é = 1\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff", "not UTF-8 text"),
        (b"x" * 11, "larger than"),
    ],
)
def test_what_is_no_text_or_too_large_is_refused(
    tmp_path: Path,
    content: bytes,
    why: str,
) -> None:
    file = tmp_path / "plan.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=why):
        read_named(str(file), largest=10)


def test_a_missing_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"mine\\x1b cannot be read|mine␛ cannot be read"
    ) as caught:
        read_named(
            str(tmp_path / "none"),
            shown="mine\x1b",
            if_missing="Write one.",
        )
    assert caught.value.hint == "Write one."


def test_a_person_may_name_a_pipe_and_a_file_may_not(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe\n")
    os.close(writing)
    assert read_named(f"/dev/fd/{reading}") == "from a pipe\n"
    os.close(reading)
    os.mkfifo(tmp_path / "fifo.toml")
    with pytest.raises(InputError, match="not a regular file"):
        read_named(str(tmp_path / "fifo.toml"), by_file=True)


@pytest.mark.timeout(30)
def test_a_checklist_that_extends_a_pipe_does_not_wait_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "base.toml")
    os.mkfifo(tmp_path / "waivers.toml")
    own = tmp_path / "own.toml"
    own.write_text('id = "own"\ntitle = "Own"\nextends = "./base.toml"\n')
    with pytest.raises(InputError, match="not a regular file"):
        load(str(own))
    with pytest.raises(InputError, match="not a regular file"):
        accepted(str(own), ())
