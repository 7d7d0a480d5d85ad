"""Changed files put where they came from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from hardentui.errors import UsageError
from hardentui.features.at_rest.fixing import drafts_of
from hardentui.features.at_rest.git_history import kept_by_git
from hardentui.features.at_rest.sources import Sources
from hardentui.files import write_bundle
from hardentui.model.written_file import WrittenFile
from hardentui.visible import visible


def write_in_place(
    texts: Mapping[str, str],
    sources: Sources,
) -> Iterator[tuple[tuple[WrittenFile, ...], list[str]]]:
    """Write changed files, folder by folder: the files of each, and notes about them. Links are
    followed below the given paths; nothing is written through one that leads out.

    Args:
        texts: by path.

    Raises:
        UsageError: a file came from nowhere, or leads out of its folder; nothing is written.
        WriteError: a file was changed meanwhile, or cannot be written.
    """
    folders: dict[str, dict[str, str]] = {}  # directory -> where a name leads to -> the path
    for path in texts:
        if not path:
            raise UsageError(
                "Standard input cannot be changed in place.", "Print the diff, or use -o DIR."
            )
        target = os.path.realpath(path)  # resolved once: this very path is written, or nothing
        if not sources.is_below_resolved(target):
            sentence = f"{visible(path, 200)} is a link out of its folder."
            raise UsageError(sentence, f"Name the file: {visible(target, 200)}")
        directory, name = os.path.split(target)
        folders.setdefault(directory, {})[name] = path
    for directory, paths in folders.items():
        yield _write_folder(
            directory,
            paths,
            texts,
            sources,
        )


def _write_folder(
    directory: str,
    paths: Mapping[str, str],
    texts: Mapping[str, str],
    sources: Sources,
) -> tuple[tuple[WrittenFile, ...], list[str]]:
    changed = {path: texts[path] for path in paths.values()}
    files = [
        replace(draft, directory=directory, name=name)
        for name, draft in zip(paths, drafts_of(changed, sources), strict=True)
    ]
    read = (sources.files.get(path) for path in paths.values())
    in_git = kept_by_git(files)
    written = write_bundle(
        directory,
        files,
        create=os.path.basename(directory).endswith(".d"),
        keep_mode=True,
        seen={file.name: file.before for file in files},
        kept_elsewhere=in_git,
        expected=next((file.folder for file in read if file is not None), None),
    )
    shown = [visible(os.path.join(directory, name), 200) for name in sorted(in_git)]
    return written, [f"{path}: the previous file is the one of Git's HEAD" for path in shown]
