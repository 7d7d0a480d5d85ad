"""Who can change a file, and what TOML files say together."""

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hardentui.host.files import LocalFiles, examine, names, parsed, text
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.podman.containers_conf import read_configuration, read_storage
from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.known import Unread, known
from hardentui.model.podman_version import Version
from hardentui.toml_document import TomlFault
from tests.support.rooted import Rooted

ME = frozenset({0, os.getuid()})
OLD, NEW = Version(5, 4, 2), Version(6)


def status(
    mode: int,
    uid: int = 0,
    gid: int = 0,
) -> dict[str, Any]:
    return {
        "mode": mode,
        "uid": uid,
        "gid": gid,
        "size": 0,
        "mtime": 0.0,
        "inode": 1,
        "device": 1,
    }


def fact(
    files: RecordedFiles | LocalFiles,
    path: str,
    owners: frozenset[int] = ME,
) -> FileFact:
    result = examine(files, path, owners)
    assert isinstance(result, FileFact)
    return result


def opened(directory: Path) -> Rooted:
    """A root directory that everybody may enter, whatever pytest gives to its own directories."""
    directory.chmod(0o755)
    return Rooted(directory)


def dangers(file: FileFact) -> list[str]:
    return [str(danger) for danger in file.dangers]


def test_a_safe_file_has_no_dangers(tmp_path: Path) -> None:
    file = tmp_path / "containers.conf"
    file.write_text("x")
    file.chmod(0o644)
    result = fact(LocalFiles(), str(file))
    assert result.dangers == ()
    assert (result.octal, result.kind) == ("0644", "file")


def test_open_files_and_directories_are_named_with_their_repair(tmp_path: Path) -> None:
    files = opened(tmp_path)
    file = files.put("/conf.d/a.conf", "x")
    file.chmod(0o666)
    file.parent.chmod(0o777)
    result = fact(files, "/conf.d/a.conf")
    assert [
        (danger.path, danger.fix) for danger in result.dangers if danger.fix == "chmod o-w"
    ] == [
        ("/conf.d", "chmod o-w"),
        ("/conf.d/a.conf", "chmod o-w"),
    ]


def test_what_lies_below_a_closed_directory_is_open_to_nobody(tmp_path: Path) -> None:
    files = opened(tmp_path)
    file = files.put("/home/anna/own/a.conf", "x")
    file.chmod(0o666)
    assert dangers(fact(files, "/home/anna/own/a.conf"))
    file.parent.parent.chmod(0o700)
    assert not dangers(fact(files, "/home/anna/own/a.conf"))


def test_the_target_of_a_link_counts_and_the_way_to_it(tmp_path: Path) -> None:
    files = opened(tmp_path)
    files.put("/open/file", "x").parent.chmod(0o777)
    (tmp_path / "link").symlink_to("open/../open/file")
    assert "/open world-writable (0777)" in dangers(fact(files, "/link"))


def test_a_link_in_the_middle_of_a_path_is_followed(tmp_path: Path) -> None:
    files = opened(tmp_path)
    files.put("/real/file", "x").chmod(0o646)
    (tmp_path / "directory").symlink_to("/real")
    assert "/real/file world-writable (0646)" in dangers(fact(files, "/directory/file"))


def test_links_that_lead_nowhere_or_in_circles(tmp_path: Path) -> None:
    (tmp_path / "dead").symlink_to("gone")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert examine(LocalFiles(), str(tmp_path / "dead"), ME) == Missing(str(tmp_path / "dead"))
    assert isinstance(examine(LocalFiles(), str(tmp_path / "a"), ME), Unread)
    assert examine(LocalFiles(), "/etc/zero\0byte", ME) == Missing("/etc/zero\0byte")
    assert isinstance(examine(LocalFiles(), "relative", ME), Unread)


def test_owner_group_and_private_group() -> None:
    files = RecordedFiles(
        {
            "text": {"/etc/a": "", "/etc/b": "", "/etc/acl": "", "/home/anna/c": ""},
            "stats": {
                "/etc/a": status(stat.S_IFREG | 0o644, 1000, 1000),
                "/etc/b": status(stat.S_IFREG | 0o664, 0, 100),
                "/etc/acl": status(stat.S_IFREG | 0o664, 0, 0),
                "/home/anna/c": status(stat.S_IFREG | 0o664, 1000, 1000),
            },
        }
    )
    assert dangers(fact(files, "/etc/a", frozenset({0}))) == ["/etc/a belongs to uid 1000"]
    assert dangers(fact(files, "/etc/b", frozenset({0}))) == [
        "/etc/b can be written by group 100 (0664)"
    ]
    # for a file with an ACL the group bits are its mask: somebody else may be named there
    assert dangers(fact(files, "/etc/acl", frozenset({0}))) == [
        "/etc/acl can be written by group 0 (0664)"
    ]
    assert dangers(fact(files, "/home/anna/c", frozenset({0, 1000}))) == []
    assert fact(files, "/home/anna/c", frozenset({0, 1001})).dangers[0].fix == "chown 1001"


def test_a_sticky_directory_on_the_way_is_safe_for_what_belongs_to_root() -> None:
    files = RecordedFiles(
        {
            "text": {"/tmp/x": ""},
            "stats": {"/tmp": status(stat.S_IFDIR | 0o1777)},
        }
    )
    assert fact(files, "/tmp/x", frozenset({0})).dangers == ()


def test_a_closed_file_is_unreadable_and_not_missing() -> None:
    files = RecordedFiles({"errors": {"/etc/x": "EACCES"}, "text": {"/etc/y": ""}})
    assert isinstance(known(lambda: text(files, "/etc/x")), Unread)
    assert isinstance(examine(files, "/etc/x"), Unread)
    assert text(files, "/etc/z") == Missing("/etc/z")
    assert names(files, "/nowhere") == ()


USR, ETC = "/usr/share/containers/containers.conf", "/etc/containers/containers.conf"
OWN = "/home/anna/.config/containers/containers.conf"


def configuration(
    document: dict[str, str],
    version: Version = OLD,
    uid: int = 1000,
) -> Configuration:
    return read_configuration(
        RecordedFiles({"text": document}), home="/home/anna", uid=uid, version=version
    )


def test_podman_5_reads_every_file_over_the_one_before() -> None:
    result = configuration(
        {
            USR: "[containers]\npids_limit = 1\nlabel = true\n",
            ETC: "[containers]\npids_limit = 2\n",
            f"{ETC}.d/20.conf": "[containers]\npids_limit = 3\n",
            f"{ETC}.d/10.conf": "[engine]\nevents_logger = 'none'\n",
            OWN: "[containers]\nenv_host = true\n",
        }
    )
    assert result.files == (USR, ETC, f"{ETC}.d/10.conf", f"{ETC}.d/20.conf", OWN)
    assert (
        result.get("containers.pids_limit"),
        result.file_of("containers.pids_limit"),
    ) == (
        3,
        f"{ETC}.d/20.conf",
    )
    assert result.get("containers.label") is True
    assert result.get("containers.env_host") is True
    assert result.get("containers.privileged") is None
    assert result.fault is None


def test_podman_6_reads_only_the_first_main_file_and_sorted_drop_ins() -> None:
    tree = {
        USR: "[containers]\nlabel = false\n",
        ETC: "[containers]\npids_limit = 2\n",
        "/usr/share/containers/containers.conf.d/90.conf": "[containers]\npids_limit = 90\n",
        "/etc/containers/containers.rootless.conf.d/80.conf": "[containers]\npids_limit = 80\n",
        "/etc/containers/containers.rootful.conf.d/99.conf": "[containers]\nprivileged = true\n",
        "/etc/containers/containers.conf.d/90.conf": "[containers]\nenv_host = true\n",
    }
    result = configuration(tree, NEW)
    assert result.files == (
        ETC,
        "/etc/containers/containers.rootless.conf.d/80.conf",
        "/etc/containers/containers.conf.d/90.conf",
    )
    assert result.get("containers.label") is None
    assert result.get("containers.pids_limit") == 80
    assert result.get("containers.privileged") is None
    assert configuration(tree, NEW, uid=0).get("containers.privileged") is True


def test_a_list_replaces_or_appends() -> None:
    base = "[containers]\nvolumes = ['/a:/a']\n"
    replaced = configuration({USR: base, ETC: "[containers]\nvolumes = ['/b:/b']\n"})
    assert replaced.get("containers.volumes") == ["/b:/b"]
    appended = configuration({USR: base, ETC: "[containers]\nvolumes = ['/b:/b', {append=true}]\n"})
    assert appended.get("containers.volumes") == ["/a:/a", "/b:/b"]


def test_a_broken_file_is_a_fault_and_the_others_still_count() -> None:
    result = configuration({USR: "[containers]\nlabel = false\n", ETC: "[containers\n"})
    assert result.get("containers.label") is False
    assert result.fault is not None
    assert ETC in result.fault.reason


@pytest.mark.parametrize(
    ("uid", "driver"),
    [(0, "overlay"), (1000, "vfs")],
)
def test_only_a_rootless_engine_reads_the_users_storage_file(
    uid: int,
    driver: str,
) -> None:
    tree = {
        "/home/anna/.config/containers/storage.conf": "[storage]\ndriver = 'vfs'\n",
        "/etc/containers/storage.conf": "[storage]\ndriver = 'overlay'\n",
        "/usr/share/containers/storage.conf": "[storage]\ngraphroot = '/x'\n",
    }
    result = read_storage(
        RecordedFiles({"text": tree}),
        home="/home/anna",
        uid=uid,
        version=OLD,
    )
    assert result.get("storage.driver") == driver
    assert result.get("storage.graphroot") is None


TEXTS = (
    "",
    "# only a comment",
    (
        '# one\n[engine]\n  # two\nruntime = "crun" # three\nlist = [\n  "a",\n  # in a list\n  '
        '"b",\n]\n'
    ),
    'text = """\n# no comment\n"""\n',
    "text = '''\n# no comment\n'''\n",
    "mark = \"#\"\r\n# a comment\r\nother = '# 1'\r\n",
)


@pytest.mark.parametrize("text", TEXTS)
def test_it_says_what_tomllib_says(text: str) -> None:
    assert parsed(text) == tomllib.loads(text)


def test_an_error_names_the_line_of_the_file() -> None:
    with pytest.raises(TomlFault, match="line 3"):
        parsed("# one\n# two\nbroken =\n")


UNIT = "/etc/systemd/system/getty@tty1.service"


def masked(directory: Path, target: str) -> Rooted:
    directory.chmod(0o755)
    files = Rooted(directory)
    files.put("/dev/null", "").chmod(0o666)
    place = files.put(UNIT, "")
    place.unlink()
    place.symlink_to(target)
    return files


def owners(files: Rooted) -> frozenset[int]:
    return frozenset({files.stat("/").uid, files.stat("/..").uid, 0})


def test_a_masked_unit_says_nothing_and_nobody_can_change_it(tmp_path: Path) -> None:
    files = masked(tmp_path, "/dev/null")
    assert text(files, UNIT) == ""
    fact = examine(files, UNIT, owners(files))
    assert isinstance(fact, FileFact)
    assert fact.dangers == ()


def test_a_link_to_another_writable_place_stays_a_danger(tmp_path: Path) -> None:
    files = masked(tmp_path, "/dev/other")
    files.put("/dev/other", "").chmod(0o666)
    fact = examine(files, UNIT, owners(files))
    assert isinstance(fact, FileFact)
    assert fact.dangers


def test_a_link_to_another_device_cannot_be_read(tmp_path: Path) -> None:
    assert isinstance(
        known(lambda: text(masked(tmp_path, "/dev/zero"), UNIT)),
        Unread,
    )
