"""Podman's document about itself and its host."""

from msgspec import Struct

from hardentui.engine.documents.reading import Flag, Keys, Number, Text, Texts


class Security(Struct):
    apparmorEnabled: Flag = None
    capabilities: Text = None
    rootless: Flag = None
    seccompEnabled: Flag = None
    seccompProfilePath: Text = None
    selinuxEnabled: Flag = None


class OciRuntime(Struct):
    name: Text = None
    package: Text = None
    path: Text = None
    version: Text = None


class NetworkBackend(Struct):
    backend: Text = None
    version: Text = None
    package: Text = None
    path: Text = None
    dns: OciRuntime | None = None


class InfoHost(Struct):
    security: Security
    cgroupManager: Text = None
    cgroupVersion: Text = None
    cgroupControllers: Texts = None
    conmon: OciRuntime | None = None
    cpus: Number = None
    eventLogger: Text = None
    kernel: Text = None
    logDriver: Text = None
    memTotal: Number = None
    networkBackend: Text = None
    networkBackendInfo: NetworkBackend | None = None
    ociRuntime: OciRuntime | None = None
    rootlessNetworkCmd: Text = None


class InfoStore(Struct):
    graphDriverName: Text = None
    graphOptions: Keys = None
    graphRoot: Text = None
    runRoot: Text = None
    imageCopyTmpDir: Text = None
    volumePath: Text = None
    transientStore: Flag = None


class InfoVersion(Struct):
    Version: Text = None
    APIVersion: Text = None


class Info(Struct):
    host: InfoHost
    store: InfoStore | None = None
    registries: Keys = None
    version: InfoVersion | None = None
