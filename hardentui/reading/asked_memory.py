"""The memory that a program's own configuration asks for: buffer pools, caches, heaps."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from hardentui.model.facts import AskedMemory, ContainerFacts
from hardentui.options import ENV
from hardentui.reading.behaviour import command_of
from hardentui.reading.containers import image_config
from hardentui.visible import visible

_UNITS = {
    "": 1,
    "b": 1,
    "k": 1 << 10,
    "m": 1 << 20,
    "g": 1 << 30,
    "t": 1 << 40,
}
_MIB, _BLOCK = 1 << 20, 8 << 10
_NUMBER = r"[\"']?(\d+(?:\.\d+)?)[ \t]*([kmgt]?i?b?)(?![A-Za-z0-9])"
_UNIT_OF = {
    "innodb_buffer_pool_size": 1,
    "key_buffer_size": 1,
    "aria_pagecache_buffer_size": 1,
    "shared_buffers": _BLOCK,
    "maxmemory": 1,
    "cache_mem": 1,
    "wiredtigercachesizegb": 1 << 30,
    "cachesizegb": 1 << 30,
    "max_old_space_size": _MIB,
    "vm_memory_high_watermark.absolute": 1,
}
"""Setting (`_` may be written `-`) -> bytes that a number without a unit stands for."""
_NAME = "|".join(_UNIT_OF).replace("_", "[-_]")
_SETTING = re.compile(
    rf"(?:^|[\s\"'-])({_NAME})[\"']?(?:\s*[=:]\s*|\s+){_NUMBER}", re.IGNORECASE | re.MULTILINE
)
_HEAP = re.compile(
    r"(?:^|[\s\"'])(-Xmx)(\d+)([kmgt]?)(?![A-Za-z0-9])", re.IGNORECASE | re.MULTILINE
)
_COMMENT = re.compile(r"^\s*[#;].*$", re.MULTILINE)
_MEMCACHED = re.compile(r"(?:^|\s)(-m|--memory-limit)(?:\s+|=)?(\d+)(?=\s|$)")


def asked_by_command(facts: ContainerFacts) -> tuple[AskedMemory, ...]:
    """What its command and its environment ask for."""
    words = command_of(facts)
    command = " ".join(words)
    requests = [*_asked(command, "its command")]
    if any(posixpath.basename(word) == "memcached" for word in words):
        requests += [
            AskedMemory(int(match[2]) * _MIB, f"{match[1]} in its command")
            for match in _MEMCACHED.finditer(command)
        ]
    for variable in _variables(facts):
        name, _, value = variable.partition("=")
        requests += _asked(value, f"the variable {visible(name, 40)}")
    return tuple(requests)


def asked_by_file(path: str, text: str) -> tuple[AskedMemory, ...]:
    """What a configuration file asks for."""
    return tuple(_asked(_COMMENT.sub("", text), visible(path, 100)))


def most_asked(facts: ContainerFacts) -> AskedMemory | None:
    """The largest request: programs of one container seldom have two, and one setting may be given
    twice."""
    asked = (*facts.asked_memory, *asked_by_command(facts))
    return max(
        asked,
        key=lambda request: request.size,
        default=None,
    )


def _asked(text: str, where: str) -> Iterator[AskedMemory]:
    for match in _SETTING.finditer(text):
        if size := _bytes(
            match[2],
            match[3],
            _UNIT_OF[match[1].lower().replace("-", "_")],
        ):
            yield AskedMemory(size, f"{match[1]} in {where}")
    for match in _HEAP.finditer(text):
        if size := _bytes(match[2], match[3], 1):
            yield AskedMemory(size, f"{match[1]} in {where}")


def _variables(facts: ContainerFacts) -> Iterator[str]:
    """Of its image, then its own."""
    return map(
        str,
        (
            *(image_config(facts).get("Env") or ()),
            *facts.spec[ENV],
        ),
    )


def _bytes(number: str, unit: str, plain: int) -> int:
    factor = _UNITS[unit.lower()[:1]] if unit else plain
    return int(float(number) * factor)


def config_paths(facts: ContainerFacts) -> tuple[str, ...]:
    """Files and directories in the container where such settings may stand."""
    named = [word.partition("=")[2] or word for word in command_of(facts)]
    paths = [path for path in named if path.startswith("/") and path.endswith(_CONFIG_ENDINGS)]
    data = [text.partition("=")[2] for text in _variables(facts) if text.startswith("PGDATA=/")]
    return tuple(
        dict.fromkeys(
            (
                *paths,
                *(f"{path.rstrip('/')}/postgresql.conf" for path in data),
                *_USUAL,
            )
        )
    )


_CONFIG_ENDINGS = (".conf", ".cnf", ".cfg", ".ini", ".options", ".yml", ".yaml", ".properties")
_USUAL = tuple(
    "/etc/mysql /etc/my.cnf /etc/my.cnf.d /etc/postgresql /etc/redis /usr/local/etc/redis "
    "/var/lib/postgresql/data/postgresql.conf /etc/squid/squid.conf /etc/mongod.conf /etc/memcached.conf "
    "/etc/rabbitmq /etc/default /etc/elasticsearch/jvm.options.d /etc/tomcat10".split()
)
