"""Archives of images, as an engine gives them."""

import io
import json
import tarfile


def member(
    name: str,
    data: bytes = b"",
    mode: int = 0o644,
    **fields: object,
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def directory(
    name: str,
    mode: int = 0o755,
    **fields: object,
) -> tuple[tarfile.TarInfo, bytes]:
    return member(
        name,
        b"",
        mode,
        type=tarfile.DIRTYPE,
        **fields,
    )


def packed(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out,
        mode="w",
        format=kind,
    ) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def image(
    *layers: bytes,
    order: list[str] | None = None,
    manifest: bytes | None = None,
) -> bytes:
    names = [f"{number:064x}.tar" for number in range(len(layers))]
    listed = json.dumps(
        [
            {
                "Config": "c.json",
                "Layers": order if order is not None else names,
            }
        ]
    ).encode()
    parts = [member(name, data) for name, data in zip(names, layers, strict=True)]
    return packed(
        *parts,
        member("manifest.json", listed if manifest is None else manifest),
    )
