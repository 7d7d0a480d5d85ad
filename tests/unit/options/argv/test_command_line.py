"""Taking a recorded command line apart."""

import pytest

from hardentui.model.spec import Version
from hardentui.options.argv import parse_create_command
from hardentui.options.codecs import as_csv_field, split_csv
from hardentui.options.inspect.view import CommandLine


def parsed(*words: str) -> CommandLine:
    result = parse_create_command(["podman", *words])
    assert result is not None
    return result


@pytest.mark.parametrize(
    "words",
    [
        ("run", "-dit", "--env", "A=1", "img", "-x"),
        ("run", "-d", "-i", "-t", "-eA=1", "img", "-x"),
        ("run", "-di", "--tty=true", "-e=A=1", "--", "img", "-x"),
        ("container", "run", "-d", "--interactive", "-te", "A=1", "img", "-x"),
        ("--root", "/r", "--log-level=info", "-r", "run", "-dit", "--env=A=1", "img", "-x"),
    ],
)
def test_spellings_of_the_same_command(words: tuple[str, ...]) -> None:
    result = parsed(*words)
    assert result.verb == "run"
    assert result.flags == {
        "--detach": ["true"],
        "--interactive": ["true"],
        "--tty": ["true"],
        "--env": ["A=1"],
    }
    assert (result.image, result.words) == ("img", ("-x",))


def test_short_flags_with_glued_arguments() -> None:
    result = parsed("create", "-p8080:80", "-m64m", "-v/a:/b", "-itp", "90:90", "img")
    assert result.flags["--publish"] == ["8080:80", "90:90"]
    assert result.flags["--memory"] == ["64m"]
    assert result.flags["--volume"] == ["/a:/b"]
    assert result.switched("--tty") is True


def test_aliases_and_switches_are_read_as_their_option() -> None:
    result = parsed("run", "--net=n1", "--dns-opt", "ndots:3", "--read-only=false", "img")
    assert result.all("--network") == ("n1",)
    assert result.all("--dns-option") == ("ndots:3",)
    assert result.switched("--read-only") is False
    assert result.switched("--privileged") is None


def test_comma_lists_are_split_and_others_are_not() -> None:
    result = parsed("run", '--sysctl="a=1,2",b=3', "--cap-add=A,B", "--env", "X=1,2", "img")
    assert result.all("--sysctl") == ("a=1,2", "b=3")
    assert result.all("--cap-add") == ("A", "B")
    assert result.all("--env") == ("X=1,2",)


def test_globals_are_kept_apart() -> None:
    result = parsed("--runtime", "/usr/bin/crun", "--module", "m.conf", "run", "img")
    assert result.globals == {"--runtime": ["/usr/bin/crun"], "--module": ["m.conf"]}


@pytest.mark.parametrize(
    "argv",
    [
        None,
        [],
        ["podman"],
        ["podman", "--log-level=info", "system", "service"],
        ["podman", "pod", "create", "--name", "run"],
        ["podman", "kube", "play", "run.yaml"],
    ],
)
def test_other_commands_are_no_source(argv: list[str] | None) -> None:
    assert parse_create_command(argv) is None


def test_a_cut_off_command_does_not_break() -> None:
    assert parsed("run", "--env").flags == {"--env": [""]}
    assert parsed("run", "-e").flags == {"--env": [""]}
    assert parsed("run", "-d").image == ""


@pytest.mark.parametrize("text", ["a,b", 'say "x"', "two\nlines", "", " lead", ",", '"'])
def test_csv_fields_come_back(text: str) -> None:
    assert split_csv(as_csv_field(text)) == (text,)
    assert split_csv(as_csv_field(text) + ",z") == (text, "z")


def test_podman_before_5_splits_more_flags_at_commas() -> None:
    argv = ["podman", "create", "--device=/dev/fuse,/dev/kvm", '--annotation="a=1,2"', "i"]
    old, new = (parse_create_command(argv, version) for version in (Version(4, 9, 4), Version(5, 0)))
    assert old is not None
    assert new is not None
    assert old.all("--device") == ("/dev/fuse", "/dev/kvm")
    assert old.all("--annotation") == ("a=1,2",)
    assert new.all("--device") == ("/dev/fuse,/dev/kvm",)
