"""Known applications in public files: how often each stands there, and what `fix` writes for them.

python -m tools.application_corpus [--write] FOLDER…   prints two tables, and writes them to
docs/applications.md. A folder is a checkout of a repository with Quadlets, compose files or run
commands.
"""

from __future__ import annotations

import posixpath
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from msgspec import Struct

from hardentui.errors import HardenError
from hardentui.features.at_rest.checking import AtRest, Looked, look
from hardentui.features.at_rest.choosing import Wanted
from hardentui.features.at_rest.fixing import fix_all
from hardentui.features.at_rest.judging import Judged
from hardentui.features.at_rest.target_podman import target_podman
from hardentui.model.application import Application
from hardentui.model.known import known
from hardentui.model.spec import Option, Spec
from hardentui.options import (
    CAP_DROP,
    CPUS,
    IMAGE,
    MEMORY,
    NO_NEW_PRIVILEGES,
    PIDS_LIMIT,
    READ_ONLY,
    USER,
)
from hardentui.reading.application_needs import why_not_start_as
from hardentui.reading.applications import repository_names
from hardentui.reading.containers import is_root, known_application
from tools.application_table import keep_section

_LIMITS: tuple[Option[Any], ...] = (CPUS, MEMORY, PIDS_LIMIT)
_MOST_TOLD = 40


class FixedService(Struct, frozen=True):
    """A service of a known application, before and after the default fix."""

    folder: str
    application: Application
    before: Spec
    after: Spec

    @property
    def sets(self) -> Iterator[str]:
        """What holds after the default fix."""
        if self.after[NO_NEW_PRIVILEGES]:
            yield "no-new-privileges"
        if "all" in {name.lower() for name in self.after[CAP_DROP]}:
            yield "all capabilities dropped but the needed ones"
        if self.after[READ_ONLY]:
            yield "read-only root, its scratch directories writable"
        user = self.after[USER] or self.application.user.image
        if not is_root(user):
            yield "an ordinary user"
        if any(self.after[limit] != self.before[limit] for limit in _LIMITS):
            yield "an invented limit"

    def _starts_as(self) -> bool:
        return not why_not_start_as(self.application, self.before)

    @property
    def possible(self) -> Iterator[str]:
        """What its entry knows to be possible."""
        known_needs = self.application.capabilities.start is not None
        if self.application.privileges.needed is False:
            yield "no-new-privileges"
        if known_needs or not is_root(self.application.user.image):
            yield "all capabilities dropped but the needed ones"
        if self.application.root.works:
            yield "read-only root, its scratch directories writable"
        can_start = self.application.user.start_as
        if not is_root(self.application.user.image) or (
            can_start and known(self._starts_as, else_=False)
        ):
            yield "an ordinary user"


def main(words: list[str]) -> None:
    folders = [word for word in words if word != "--write"]
    images: Counter[str] = Counter()
    services: list[FixedService] = []
    for folder in folders:
        try:
            looked = look(AtRest((folder,)), date.today())
        except HardenError as error:
            print(f"{folder}: {error}", file=sys.stderr)
            continue
        images.update(filter(None, map(_repository, looked.services)))
        services += _fixed(folder, looked)
    repositories = sorted(posixpath.basename(folder.rstrip("/")) for folder in folders)
    text = "\n".join((*_shares(services), "", *_counting(images, repositories), ""))
    print(text)
    if "--write" in words:
        keep_section("corpus", text)


def _repository(judged: Judged) -> str:
    """The longest name of its image as an entry would give it; empty if a variable leaves it open."""
    name = known(lambda: judged.service.whole[IMAGE], else_="")
    return repository_names(name)[-1] if name else ""


def _fixed(folder: str, looked: Looked) -> Iterator[FixedService]:
    version = target_podman(None, looked.sources).version
    fixed = fix_all(looked, Wanted(), version)
    for judged, done in zip(looked.services, fixed, strict=True):
        application = known_application(judged.facts)
        before = judged.service.whole
        after = done.taken[-1].after if done.taken else before
        if application is not None:
            yield FixedService(folder, application, before, after)


def _counting(images: Counter[str], repositories: list[str]) -> Iterator[str]:
    yield (
        f"The most used of {len(images)} images in {images.total()} services of {len(repositories)} "
        f"public repositories ({date.today()}): {', '.join(repositories)}."
    )
    yield ""
    yield "| image | services |"
    yield "|---|---|"
    for name, count in images.most_common(_MOST_TOLD):
        yield f"| {name} | {count} |"


def _shares(services: list[FixedService]) -> Iterator[str]:
    total = len(services)
    names = {each.application.name for each in services}
    yield f"{total} services of {len(names)} known applications in public files:"
    yield ""
    yield "| after the default fix | services | where the entry knows it to work |"
    yield "|---|---|---|"
    sets = Counter(word for each in services for word in each.sets)
    possible = Counter(word for each in services for word in each.possible)
    both = Counter(word for each in services for word in {*each.sets} & {*each.possible})
    for word in (*possible, "an invented limit"):
        share = f"{both[word]} of {possible[word]}" if possible[word] else "–"
        yield f"| {word} | {sets[word]} of {total} | {share} |"


if __name__ == "__main__":
    main(sys.argv[1:])
