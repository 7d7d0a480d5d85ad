"""Texts that are written can be read again: mounts, comma lists, command lines, scripts."""

import shlex
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hardentui.errors import CannotExpress
from hardentui.model.podman_version import Version
from hardentui.model.spec import KeyKind, Spec
from hardentui.options import *
from hardentui.options.argv import parse_create_command
from hardentui.options.codecs import as_csv_field, split_csv
from hardentui.options.inspect import Sources
from hardentui.options.mount_texts import mount_flag, mount_text, parse_mount, parse_volume
from hardentui.options.read import read_spec
from hardentui.options.same_command import compare_arguments
from hardentui.quadlet.write.bundle import UnitContext, bundle
from hardentui.systemd.command_line import escape
from hardentui.writers.run_script import run_arguments, run_script
from tests.property.recorded_cases import IMAGE as RECORDED_IMAGE
from tests.property.recorded_cases import document, names

texts = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters="\0",
    ),
    max_size=20,
)
words = st.text(
    st.characters(categories=("Lu", "Ll", "Nd")),
    min_size=1,
    max_size=8,
)
_path_characters = st.characters(
    exclude_categories=["Cs"],
    exclude_characters='\0\n\r"/',
)
paths = st.text(_path_characters, max_size=12).map(lambda text: "/" + text)
OPTIONS = (
    "ro",
    "z",
    "Z",
    "U",
    "bind",
    "noexec",
    "nosuid",
    "rshared",
    "rslave",
    "idmap",
    "nocopy",
)


@given(st.lists(texts, min_size=1, max_size=5))
def test_comma_lists_come_back(fields: list[str]) -> None:
    assert split_csv(",".join(as_csv_field(field) for field in fields)) == tuple(fields)


@given(
    st.builds(
        Mount,
        st.sampled_from(("bind", "volume", "image")),
        paths,
        paths,
        st.lists(
            st.sampled_from(OPTIONS),
            max_size=3,
            unique=True,
        ).map(lambda options: tuple(sorted(options))),
        st.sampled_from(("", "/sub")),
    )
)
def test_mounts_come_back(mount: Mount) -> None:
    assert parse_mount(mount_text(mount)) == mount
    flag, argument = mount_flag(mount)
    if flag == "--volume" and mount.type == "bind":
        assert parse_volume(argument) == mount


def spec_of(values: list[str], key: str) -> Spec:
    first, second = values[0], values[-1]
    return Spec.of(
        (NAME, "web"),
        (IMAGE, "localhost/x:1"),
        (COMMAND, tuple(values)),
        (
            ENV,
            tuple(sorted({f"{key}={value}" for value in values}))[:1],
        ),
        (LABELS, (f"{key}={first}",)),
        (ANNOTATIONS, (f"{key}={second}",)),
        (SYSCTL, (f"{key}={first}",)),
        (DNS_OPTION, tuple(dict.fromkeys(values))),
        (HOSTNAME, first),
        (WORKDIR, "/" + second),
        (PASSWD_ENTRY, first),
        (TMPFS, ("/t:size=1m",)),
        (READ_ONLY, True),
        (
            MOUNTS,
            (
                Mount(
                    "bind",
                    "/" + first.replace("/", "_"),
                    "/b",
                    ("ro",),
                ),
            ),
        ),
    )


@given(st.lists(texts, min_size=1, max_size=4), words)
def test_a_command_line_says_what_the_spec_says(
    values: list[str],
    key: str,
) -> None:
    spec = spec_of(values, key)
    result = parse_create_command(["podman", *run_arguments(spec)])
    assert result is not None
    assert result.rest == tuple(values)
    assert result.image == "localhost/x:1"
    assert result.all("--env") == spec[ENV]
    assert result.all("--sysctl") == spec[SYSCTL]
    assert result.all("--dns-option") == spec[DNS_OPTION]
    assert result.switched("--read-only") is True
    assert compare_arguments(run_arguments(spec), run_arguments(spec)) == ()


@given(st.lists(texts, min_size=1, max_size=4), words)
def test_a_script_holds_the_same_words(
    values: list[str],
    key: str,
) -> None:
    spec = spec_of(values, key)
    script = run_script(spec)
    block = script.split("create)\n    exec podman ")[1].split("\n    ;;\nrun)")[0]
    assume("\\\n" not in "".join(values))
    assert tuple(shlex.split(block.replace(" \\\n    ", " "))) == run_arguments(spec, "create")


@given(st.lists(texts, min_size=1, max_size=4), words)
def test_a_unit_stays_in_its_sections(
    values: list[str],
    key: str,
) -> None:
    try:
        made = bundle(spec_of(values, key), UnitContext(version=Version(5, 4)))
    except CannotExpress:
        assert "\x80" in "".join(values)
        return
    text = made.files[0].text
    headers = [line for line in text.split("\n") if line.startswith("[")]
    assert headers == [
        h for h in ("[Unit]", "[Container]", "[Service]", "[Install]") if h in headers
    ]
    for line in text.split("\n"):
        assert line == "" or line.startswith(("#", "[")) or line.partition("=")[0].isalnum(), line


@given(
    texts,
    st.sampled_from([kind for kind in KeyKind if kind is not KeyKind.BOOLEAN]),
)
def test_escaped_values_are_one_line_without_expansions(
    value: str,
    kind: KeyKind,
) -> None:
    try:
        result = escape(value, kind)
    except CannotExpress:
        return
    assert "\n" not in result
    bare = (
        result.replace("${HT_EMPTY}", "").replace("${HT_SEMI}", "")
        if value in ("", ";")
        else result
    )
    assert "$" not in bare.replace("$$", "")
    assert "%" not in bare.replace("%%", "")


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def replaced(
    value: Any,
    steps: list[int],
    by: Any,
) -> Any:
    """The document with one place in it replaced; `steps` choose the way down."""
    if not steps or not isinstance(value, dict | list) or not value:
        return by
    if isinstance(value, list):
        index = steps[0] % len(value)
        return [replaced(v, steps[1:], by) if i == index else v for i, v in enumerate(value)]
    chosen = sorted(value)[steps[0] % len(value)]
    return {k: replaced(v, steps[1:], by) if k == chosen else v for k, v in value.items()}


@settings(max_examples=200)
@given(
    st.sampled_from(names("running")),
    st.booleans(),
    st.lists(
        st.integers(0, 200),
        min_size=1,
        max_size=4,
    ),
    json_values,
)
def test_a_malformed_document_never_breaks_the_reader(
    name: str,
    with_command: bool,
    steps: list[int],
    by: Any,
) -> None:
    broken = replaced(
        document("running", name, with_command=with_command),
        steps,
        by,
    )
    if not isinstance(broken, dict):
        return
    spec = read_spec(
        Sources(
            broken,
            RECORDED_IMAGE,
            oci_config={"linux": by, "mounts": by},
        )
    )
    try:
        made = bundle(spec, UnitContext(version=Version(5, 4)))
    except CannotExpress:
        return
    assert made.argv[-1] is not None
    assert run_script(spec).endswith("esac\n")
