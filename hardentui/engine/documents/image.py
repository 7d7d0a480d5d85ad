"""Podman's documents about an image."""

from msgspec import Struct

from hardentui.engine.documents.fields import (
    Flag,
    Health,
    Keys,
    Number,
    Text,
    TextMap,
    Texts,
)


class ImageConfig(Struct):
    User: Text = None
    ExposedPorts: Keys = None
    Env: Texts = None
    Entrypoint: Texts = None
    Cmd: Texts = None
    Volumes: Keys = None
    WorkingDir: Text = None
    Labels: TextMap = None
    StopSignal: Text = None
    Healthcheck: Health | None = None


class ImageLayer(Struct):
    created: Text = None
    created_by: Text = None
    comment: Text = None
    empty_layer: Flag = None


class ImageLayers(Struct):
    Type: Text = None
    Layers: Texts = None


class Image(Struct):
    Id: str
    Digest: Text = None
    RepoTags: Texts = None
    RepoDigests: Texts = None
    Created: Text = None
    Config: ImageConfig | None = None
    Architecture: Text = None
    Os: Text = None
    Size: Number = None
    RootFS: ImageLayers | None = None
    Labels: TextMap = None
    Annotations: TextMap = None
    User: Text = None
    History: list[ImageLayer] | None = None
    NamesHistory: Texts = None
    Healthcheck: Health | None = None
    HealthCheck: Health | None = None


class ListedImage(Struct):
    Id: str
    RepoTags: Texts = None
    RepoDigests: Texts = None
    Names: Texts = None
    Digest: Text = None
    Labels: TextMap = None
    Size: Number = None


class HistoryEntry(Struct):
    Id: str
    CreatedBy: Text = None
    Comment: Text = None
    Size: Number = None
    Tags: Texts = None
