"""Random containers: command lines over the rows of the option table, with the values that hurt."""

import shlex
import tomllib
from pathlib import Path

from hypothesis import strategies as st

from hardentui.options.codecs import as_csv_field

Words = tuple[str, ...]

NASTY = (
    "plain",
    "a b",
    " lead",
    "trail ",
    "tab\there",
    "two\nlines",
    '"quoted"',
    'say "hi"',
    "it's",
    "back\\slash\\",
    "\\d+\\.x",
    "100%",
    "%n %h",
    "$HOME ${X} $$",
    "$(id) `id`",
    ";",
    "a;b",
    "#c",
    "--dash",
    "a,b:c=d",
    "äöü 中 \U0001f600",
    "",
    "[x]",
    '{"a": ["b\\"c"]}',
    "\x01\x1b[31m\x7f",
    "*?~|&<>",
)
"""Values that break naive writers: for shells, for systemd, for Quadlet, for CSV."""

nasty = st.sampled_from(NASTY)
_names = st.sampled_from(("A", "LONG_NAME", "x.y", "a-b", "UPPER1"))


def pairs(name: str) -> st.SearchStrategy[Words]:
    return st.dictionaries(
        _names,
        nasty,
        min_size=1,
        max_size=3,
    ).map(lambda chosen: tuple(f"{name}={key}={value}" for key, value in chosen.items()))


def texts() -> st.SearchStrategy[Words]:
    """One nasty value in a place where Podman takes any text."""
    return st.builds(
        lambda name, before, value: (f"{name}={before}{value}",),
        st.just("--passwd-entry") | st.just("--group-entry"),
        st.sampled_from(("", "x:")),
        nasty,
    )


def nasty_places() -> st.SearchStrategy[Words]:
    """The same values where Podman splits, parses or resolves."""
    return st.one_of(
        nasty.map(lambda value: (f"--workdir=/{value}",)),
        nasty.map(lambda value: (f"--health-cmd=echo {value}",)),
        nasty.map(lambda value: (f"--dns-option={as_csv_field(value)}",)),
        nasty.map(lambda value: ("--log-driver=journald", f"--log-opt=tag={value}")),
        nasty.map(lambda value: (f"--tmpfs=/{value.replace(':', '_')}:size=1m",)),
        nasty.map(lambda value: (f"--volume=vol1:/{value.replace(':', '_')}",)),
        nasty.map(lambda value: (f"--user=u{value}",)),
        nasty.map(lambda value: ("--stop-signal=SIGHUP", f"--env=E={value}")),
    )


_PIECES: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parents[1] / "data" / "random-containers.toml").read_text(encoding="utf-8")
)


def pieces(
    directory: str,
    network: str,
) -> dict[str, st.SearchStrategy[Words]]:
    """What a random container is put together of; every piece fits to every other."""

    def words(line: str) -> Words:
        return tuple(
            word.replace("@DIRECTORY", directory).replace("@NETWORK", network)
            for word in shlex.split(line)
        )

    return {
        **{
            name: st.sampled_from([words(line) for line in lines])
            for name, lines in _PIECES.items()
        },
        "texts": texts(),
        "places": nasty_places(),
        "env": pairs("--env"),
        "label": pairs("--label"),
        "annotation": pairs("--annotation"),
    }


def command_words() -> st.SearchStrategy[Words]:
    """The words after the image."""
    return st.lists(nasty, min_size=0, max_size=4).map(lambda words: ("/bin/echo", *words))


def containers(
    directory: str,
    network: str,
) -> st.SearchStrategy[tuple[Words, Words]]:
    """(flags, words after the image) of one container."""
    available = pieces(directory, network)
    chosen = st.lists(
        st.sampled_from(sorted(available)),
        min_size=1,
        max_size=6,
        unique=True,
    )

    def flags(names: list[str]) -> st.SearchStrategy[Words]:
        return st.tuples(*(available[name] for name in sorted(names))).map(
            lambda groups: tuple(word for words in groups for word in words)
        )

    return st.tuples(chosen.flatmap(flags), command_words())
