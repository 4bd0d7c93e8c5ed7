"""lo: what is sent is received, later."""

import pytest

from pystack.device import IFF_LOOPBACK
from pystack.errors import EINVAL, EOPNOTSUPP, NetError
from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.backlog import NETDEV_MAX_BACKLOG
from pystack.packet import PACKET_HOST, Packet
from pystack.wire.ethernet import ZERO, header


def looped(host: Host, payload: bytes) -> Packet:
    pkt = Packet(header(ZERO, ZERO, 0x88B5) + payload, host.init.loopback)
    pkt.network_header = 14
    pkt.mark = 5
    host.outcomes.generated += 1
    host.init.link.egress.dev_queue_xmit(pkt)
    return pkt


def up() -> Host:
    host = Host()
    host.init.devices.set_up(host.init.loopback)
    return host


def test_what_is_sent_is_received_when_the_backlog_runs() -> None:
    host = up()
    seen: list[bool] = []
    host.init.loopback.add_tap(lambda pkt, leaving: seen.append(leaving))
    pkt = looped(host, b"payload")
    assert (seen, host.queued()) == ([True], 1)
    host.run_backlog()
    assert (seen, host.queued()) == ([True, False], 0)
    assert (pkt.pkt_type, pkt.mark) == (PACKET_HOST, 5)
    assert host.outcomes.outstanding() == 0


def test_both_directions_count_without_the_link_header() -> None:
    host = up()
    looped(host, bytes(46))
    stats = host.init.loopback.stats
    assert (stats.tx_packets, stats.tx_bytes, stats.rx_packets, stats.rx_bytes) == (1, 46, 1, 46)


def test_a_full_backlog_counts_as_dropped_on_receive() -> None:
    host = up()
    for _ in range(NETDEV_MAX_BACKLOG + 4):
        looped(host, b"")
    stats = host.init.loopback.stats
    assert (stats.tx_packets, stats.rx_dropped, stats.tx_dropped) == (NETDEV_MAX_BACKLOG + 1, 3, 0)


def test_nobody_knows_the_state_of_loopback() -> None:
    host = Host()
    lo = host.init.loopback
    assert (lo.operstate, lo.flags, lo.mtu, lo.ifindex) == ("DOWN", IFF_LOOPBACK, 65536, 1)
    host.init.devices.set_up(lo)
    assert lo.operstate == "UNKNOWN"


def test_loopback_stays_in_its_namespace_and_is_not_deleted() -> None:
    host = Host()
    with pytest.raises(NetError) as moved:
        host.init.devices.move(host.init.loopback, host.add_netns("b").devices)
    with pytest.raises(NetError) as deleted:
        kinds.delete(host.init.devices, host.init.loopback)
    assert (moved.value.number, deleted.value.number) == (EINVAL, EOPNOTSUPP)


def test_loopback_takes_an_address_and_any_mtu() -> None:
    host = Host()
    lo = host.init.loopback
    host.init.devices.set_address(lo, bytes.fromhex("020000000000"))
    host.init.devices.set_mtu(lo, 0)
    host.init.devices.set_mtu(lo, 1 << 20)
    assert (lo.address, lo.mtu) == (bytes.fromhex("020000000000"), 1 << 20)
