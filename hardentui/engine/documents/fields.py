"""Kinds of fields, and objects that appear in several answers."""

from typing import Any

from msgspec import Struct

Text = str | None
Texts = list[str] | None
Flag = bool | None
Number = int | None
TextMap = dict[str, str] | None
Keys = dict[str, Any] | None
"""A mapping whose keys alone are read."""


class Binding(Struct):
    HostIp: Text = None
    HostPort: Text = None


Bindings = dict[str, list[Binding] | None] | None


class Health(Struct):
    Test: Texts = None
    Interval: Number = None
    Timeout: Number = None
    StartPeriod: Number = None
    Retries: Number = None
    Successes: Number = None


class Device(Struct):
    PathOnHost: Text = None
    PathInContainer: Text = None
    CgroupPermissions: Text = None


class InspectMount(Struct):
    Type: Text = None
    Name: Text = None
    Source: Text = None
    Destination: Text = None
    Driver: Text = None
    Mode: Text = None
    Options: Texts = None
    RW: Flag = None
    Propagation: Text = None
    SubPath: Text = None
