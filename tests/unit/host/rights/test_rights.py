"""Who becomes root without a password, by the rules of sudoers(5) and doas.conf(5)."""

from pathlib import Path

import pytest

from hardentui.host.accounts import read_sudo_rights
from hardentui.host.root_commands import root_command
from hardentui.model.known import known
from tests.support.rooted import Rooted

HOST = "web1.example.com"


def sudo(
    directory: Path,
    content: str,
    **more: str,
) -> list[tuple[str, str]]:
    files = Rooted(directory)
    files.put("/etc/sudoers", content)
    for name, text in more.items():
        files.put(f"/etc/{name.replace('__', '/')}", text)
    result = read_sudo_rights(files, HOST)
    return [
        (
            right.who,
            right.why.removeprefix("may run ").split(" through")[0],
        )
        for right in result
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "anna ALL=(root) NOPASSWD: /usr/bin/podman\n",
            [("anna", "podman")],
        ),
        (
            "%ops ALL=(ALL:ALL) NOPASSWD: ALL\n",
            [("%ops", "everything")],
        ),
        (
            "anna ALL = NOPASSWD: /usr/bin/systemctl restart web, \\\n  /usr/bin/podman *\n",
            [("anna", "podman")],
        ),
        ("%sudo ALL=(ALL:ALL) ALL\n", []),
        ("root ALL=(ALL) NOPASSWD: ALL\n", []),
        (
            "anna ALL=(root) NOPASSWD: /usr/bin/podman-login-only\n",
            [],
        ),
        (
            "# anna ALL=(ALL) NOPASSWD: ALL\nDefaults !lecture\n",
            [],
        ),
        ("anna ALL=(ALL) NOPASSWD: /usr/bin/less\n", []),
        (
            "anna ALL=(ALL) NOPASSWD: /usr/local/bin/UPDATE-ALL\n",
            [],
        ),
        # patterns
        (
            "anna ALL=NOPASSWD: /usr/bin/*\n",
            [("anna", "/usr/bin/*")],
        ),
        (
            "anna ALL=NOPASSWD: /usr/bin/pod[a-m]an\n",
            [("anna", "podman")],
        ),
        (
            "anna ALL=NOPASSWD: /usr/bin/\n",
            [("anna", "/usr/bin/")],
        ),
        ("anna ALL=NOPASSWD: /opt/tools/*\n", []),
        # what is fixed and only looks
        (
            "anna ALL=NOPASSWD: /usr/bin/podman ps -a, /usr/bin/podman restart web\n",
            [],
        ),
        (
            "anna ALL=NOPASSWD: /usr/bin/podman restart *\n",
            [("anna", "podman")],
        ),
        (
            "anna ALL=NOPASSWD: /usr/bin/podman exec web sh\n",
            [("anna", "podman")],
        ),
        # tags last until the opposite
        (
            "anna ALL=NOPASSWD: /usr/bin/id, PASSWD: /usr/bin/podman\n",
            [],
        ),
        (
            "anna ALL=NOPASSWD: SETENV: /usr/bin/id, /usr/bin/podman\n",
            [("anna", "podman")],
        ),
        ("anna ALL=(ben) NOPASSWD: ALL\n", []),
        (
            "anna ALL=(ben) /usr/bin/id, (root) NOPASSWD: ALL\n",
            [("anna", "everything")],
        ),
        ("anna ALL=(:docker) NOPASSWD: ALL\n", []),
        ("#1000 ALL=NOPASSWD: ALL\n", [("#1000", "everything")]),
        (
            "%#20 ALL=(#0) NOPASSWD: ALL\n",
            [("%#20", "everything")],
        ),
        (
            "anna web1 = NOPASSWD: ALL\n",
            [("anna", "everything")],
        ),
        (
            "anna 10.0.0.1 = NOPASSWD: ALL\n",
            [("anna", "everything")],
        ),
        ("anna db1 = NOPASSWD: ALL\n", []),
    ],
)
def test_sudo_rules_give_rights_to_whom_they_name(
    tmp_path: Path,
    content: str,
    expected: list[tuple[str, str]],
) -> None:
    assert sudo(tmp_path, content) == expected


@pytest.mark.parametrize(
    "content",
    [
        "Cmnd_Alias PODMAN = /usr/bin/podman\nanna ALL=(root) NOPASSWD: PODMAN\n",
        "Cmnd_Alias X = /usr/bin/id : Y = ALL\nanna ALL=NOPASSWD: Y\n",
        "User_Alias OPS = anna, %wheel\nOPS ALL=NOPASSWD: ALL\n",
        "Host_Alias HERE = web1\nanna HERE=NOPASSWD: ALL\n",
        "Runas_Alias BOSS = root\nanna ALL=(BOSS) NOPASSWD: ALL\n",
        "anna ALL=NOPASSWD: ^/usr/bin/p.*$\n",
        "anna ALL=NOPASSWD: sha224:abc= /usr/bin/podman\n",
        "anna ALL=(ALL, !root) NOPASSWD: ALL\n",
        "anna db1=NOPASSWD: ALL : web1=(root) NOPASSWD: /usr/bin/podman\n",
        "Defaults:OPS !authenticate\nanna ALL=(ALL) ALL\n",
        'Defaults exempt_group="ops"\n%ops ALL=(ALL) ALL\n',
    ],
)
def test_rules_that_are_not_plain_are_unknown(
    tmp_path: Path,
    content: str,
) -> None:
    files = Rooted(tmp_path)
    files.put("/etc/sudoers", content)
    assert "is not evaluated" in str(known(read_sudo_rights, files, HOST))


@pytest.mark.parametrize(
    "line",
    [
        "@include /etc/more",
        "#include more",
        "@includedir /etc/more.d",
        "#includedir more.d",
        "@include /etc/more.%h",
    ],
)
def test_included_files_count(tmp_path: Path, line: str) -> None:
    rule = "anna ALL=NOPASSWD: ALL\n"
    files = Rooted(tmp_path)
    files.put("/etc/sudoers", f"{line}\n")
    for path in ("/etc/more", "/etc/more.d/a", "/etc/more.web1"):
        files.put(path, rule)
    files.put("/etc/more.d/old.bak", rule.replace("anna", "ben"))
    files.put("/etc/more.d/old~", rule.replace("anna", "ben"))
    result = read_sudo_rights(files, HOST)
    assert isinstance(result, list)
    assert [right.who for right in result] == ["anna"]
    assert result[0].where != "/etc/sudoers"


def test_what_is_not_included_does_not_count(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    files.put("/etc/sudoers", "root ALL=(ALL) ALL\n")
    files.put("/etc/sudoers.d/a", "anna ALL=NOPASSWD: ALL\n")
    assert read_sudo_rights(files, HOST) == []
    (tmp_path / "etc/sudoers").unlink()
    assert read_sudo_rights(files, HOST) == []


def test_the_configuration_of_a_vendor_counts_where_there_is_no_own(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    files.put(
        "/usr/etc/sudoers",
        "@includedir /usr/etc/sudoers.d\n@includedir /etc/sudoers.d\n",
    )
    files.put("/etc/sudoers.d/a", "anna ALL=NOPASSWD: ALL\n")
    result = read_sudo_rights(files, HOST)
    assert isinstance(result, list)
    assert [right.where for right in result] == ["/etc/sudoers.d/a"]


def test_a_host_with_doas_is_unknown(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    files.put("/etc/doas.conf", "permit nopass anna\n")
    assert "doas" in str(known(lambda: read_sudo_rights(files, "host")))


def test_commands_that_lead_to_root() -> None:
    assert root_command("ALL") == "everything"
    assert root_command("/usr/bin/bash") == "bash"
    assert root_command("/usr/bin/podman") == "podman"
    assert root_command("/usr/bin/podman logs web") == ""
    assert root_command("/usr/bin/systemctl restart web.service") == ""
