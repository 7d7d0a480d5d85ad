"""What crosses from a process that judged a host: the same data, and what is alike only once."""

from hardentui.features.fleet.told import decode, encode
from hardentui.features.reports.host_result import HostResult
from tests.unit.features.fleet.test_comparing import BEST, OTHER


def test_what_hosts_have_alike_is_kept_once() -> None:
    told = HostResult(source="a.json", name="a", summaries=(BEST, OTHER))
    parts: dict[object, object] = {}
    first, second = (decode(encode(told), parts) for _ in range(2))
    assert first == second == told
    for one_host, other in zip(first.summaries, second.summaries, strict=True):
        assert one_host.options is other.options
        assert one_host.failing is other.failing
