"""Reading the host: this machine, a recorded one, and the recording itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from hardentui.host.files import LocalFiles, NotRecorded, reason
from hardentui.host.files.layers import directory_of_image, files_of_image
from hardentui.host.files.recorded import RecordedFiles, RecordingFiles


def test_local_reads_text_and_keeps_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\xff")
    assert (
        LocalFiles()
        .read_text(str(tmp_path / "a"))
        .encode(
            "utf-8",
            "surrogateescape",
        )
        == b"x\xff"
    )


def test_local_refuses_more_than_the_limit_instead_of_cutting(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert LocalFiles().read_bytes(str(tmp_path / "a"), limit=5) == b"12345"
    with pytest.raises(OSError, match="too large") as caught:
        LocalFiles().read_bytes(str(tmp_path / "a"), limit=4)
    assert reason(caught.value) == "it is too large"


def test_complete_document_answers_like_a_file_system() -> None:
    files = RecordedFiles(
        {
            "text": {"/etc/os-release": "ID=debian\n", "/usr/lib/a": "A"},
            "links": {"/etc/a": "../usr/lib/a", "/loop": "loop"},
            "errors": {"/etc/shadow": "EACCES"},
        }
    )
    assert files.read_text("/etc/os-release") == "ID=debian\n"
    assert files.read_text("/etc/a") == "A"
    assert files.list_dir("/etc") == ("a", "os-release", "shadow")
    assert files.list_dir("/") == ("etc", "loop", "usr")
    assert files.stat("/etc/os-release").size == 10
    assert files.exists("/usr/lib")
    assert not files.exists("/usr/bin")
    with pytest.raises(PermissionError):
        files.read_text("/etc/shadow")
    with pytest.raises(FileNotFoundError):
        files.read_text("/etc/fstab")
    with pytest.raises(NotADirectoryError):
        files.list_dir("/etc/os-release")
    with pytest.raises(IsADirectoryError):
        files.read_text("/etc")
    with pytest.raises(OSError, match="symbolic links"):
        files.read_text("/loop")


def test_recording_gives_the_same_answers_later(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "bytes").write_bytes(b"\xff\0")
    (tmp_path / "link").symlink_to("text")
    live = RecordingFiles(LocalFiles())
    paths = {name: str(tmp_path / name) for name in ("text", "bytes", "link", "missing")}

    def ask(files: RecordingFiles | RecordedFiles) -> list[object]:
        return [
            files.read_text(paths["text"]),
            files.read_bytes(paths["bytes"]),
            files.read_link(paths["link"]),
            files.stat(paths["text"]),
            files.stat(paths["link"], follow=False),
            files.list_dir(str(tmp_path)),
            files.exists(paths["missing"]),
        ]

    seen = ask(live)
    later = RecordedFiles(json.loads(json.dumps(live.document())))
    assert ask(later) == seen
    with pytest.raises(FileNotFoundError):
        later.stat(paths["missing"])


def test_what_was_not_asked_is_unknown_and_not_absent(tmp_path: Path) -> None:
    recorded = RecordedFiles(RecordingFiles(LocalFiles()).document())
    with pytest.raises(NotRecorded) as caught:
        recorded.exists(str(tmp_path))
    assert reason(caught.value) == "it was not recorded"


@pytest.mark.parametrize(
    "name",
    "auth.json etc/shadow tls.key ssh_host_ed25519_key .docker/config.json userdata/config.json".split(),
)
def test_secrets_pass_through_but_are_not_kept(
    tmp_path: Path,
    name: str,
) -> None:
    path = tmp_path / name
    path.parent.mkdir(
        parents=True,
        exist_ok=True,
    )
    path.write_text("hunter2")
    files = RecordingFiles(LocalFiles())
    assert files.read_text(str(path)) == "hunter2"
    document = files.document()
    assert "hunter2" not in json.dumps(document)
    with pytest.raises(NotRecorded) as caught:
        RecordedFiles(document).read_text(str(path))
    assert reason(caught.value) == "its content is secret, so it was not recorded"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("/usr/bin/web\0--password\0hunter2\0", "/usr/bin/web\0"),
        ("worker: amqp://me:hunter2@mq\0", "worker:\0"),
        ("amqp://me:hunter2@mq\0", "?\0"),
        ("hunter2=x\0hunter2\0", "?\0"),
        ("", "\0"),
        (
            "podman\0--log-level\0hunter2\0system\0service\0tcp:0.0.0.0:2375\0",
            "podman\0system\0service\0tcp:0.0.0.0:2375\0",
        ),
        (
            "podman\0system\0service\0--tls-client-ca=/hunter2\0tcp:me:hunter2@h:1\0",
            "podman\0system\0service\0--tls-client-ca\0",
        ),
        (
            "/usr/bin/conmon\0-c\0hunter2\0--log-size-max\x0099\0",
            "/usr/bin/conmon\0--log-size-max=99\0",
        ),
    ],
)
def test_saved_facts_keep_of_a_command_line_what_tells_of_engines(
    line: str,
    kept: str,
) -> None:
    path = "/proc/812/cmdline"
    files = RecordingFiles(RecordedFiles({"text": {path: line}}))
    assert files.read_text(path) == line
    document = files.document()
    assert "hunter2" not in json.dumps(document)
    assert RecordedFiles(document).read_text(path) == kept


@pytest.fixture
def inspect(tmp_path: Path) -> dict[str, Any]:
    for name, size in (
        ("low/app/a", 1000),
        ("high/app/lib/b", 200),
        ("own/app/c", 7),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * size)
    data = {
        "UpperDir": str(tmp_path / "own"),
        "LowerDir": f"{tmp_path}/high:{tmp_path}/low",
    }
    return {"GraphDriver": {"Data": data}}


def test_the_files_of_the_image_are_counted_and_not_those_of_the_container(
    inspect: dict[str, Any],
) -> None:
    assert (
        files_of_image(
            LocalFiles(),
            inspect,
            "/app",
            100,
        ).bytes
        == 1200
    )
    assert (
        files_of_image(
            LocalFiles(),
            inspect,
            "/app/lib",
            100,
        ).bytes
        == 200
    )
    assert (
        files_of_image(
            LocalFiles(),
            inspect,
            "/nowhere",
            100,
        ).bytes
        == 0
    )


def test_no_link_of_an_image_leads_out_of_it(
    tmp_path: Path,
    inspect: dict[str, Any],
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_bytes(b"x" * 5000)
    (tmp_path / "high" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "high" / "app" / "link").symlink_to(tmp_path / "secret")
    assert (
        files_of_image(
            LocalFiles(),
            inspect,
            "/link",
            100,
        ).bytes
        == 0
    )
    assert (
        files_of_image(
            LocalFiles(),
            inspect,
            "/app",
            100,
        ).bytes
        == 1200
    )


def test_a_directory_is_as_the_image_has_it_or_as_the_container_made_it(
    tmp_path: Path,
    inspect: dict[str, Any],
) -> None:
    (tmp_path / "low" / "app").chmod(0o700)
    (tmp_path / "high" / "app").chmod(0o750)
    (tmp_path / "own" / "app").chmod(0o777)
    (tmp_path / "own" / "made").mkdir(mode=0o711)
    seen = directory_of_image(LocalFiles(), inspect, "/app")
    made = directory_of_image(LocalFiles(), inspect, "/made")
    assert seen is not None
    assert made is not None
    assert (seen.mode & 0o777, made.mode & 0o777) == (0o750, 0o711)
    assert directory_of_image(LocalFiles(), inspect, "/nowhere") is None


def test_private_key_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "server.pem").write_text("-----BEGIN PRIVATE KEY-----\nMIIabc\n")
    files = RecordingFiles(LocalFiles())
    files.read_text(str(tmp_path / "server.pem"))
    assert "MIIabc" not in json.dumps(files.document())
