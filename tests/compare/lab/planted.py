"""Faults to plant into pystack, each one that somebody could have made, for the twin to find."""

from __future__ import annotations

from typing import Any

import pytest

from pystack.applets.ping import Ping
from pystack.applets.ping_tally import Tally
from pystack.l2.bridge_forward import BridgeForward
from pystack.l2.bridge_input import BridgeInput
from pystack.l2.bridge_port import BridgePort
from pystack.l2.devices import Link
from pystack.l2.fdb import Fdb
from pystack.l2.neigh_parms import NeighParms
from pystack.l2.neighbour import Neighbour
from pystack.l2.port import PortDevice
from pystack.l3.addresses import RT_SCOPE_LINK
from pystack.l3.arp import Arp
from pystack.l3.defrag import Defrag
from pystack.l3.icmp import Icmp
from pystack.l3.icmp_error import IcmpErrorSender
from pystack.l3.ip_forward import IpForward
from pystack.l3.ip_input import IpInput
from pystack.l3.route import Rtable
from pystack.l3.source_check import SourceCheck
from pystack.netfilter.hooks import HookEntry, HookPoint
from pystack.packet import Packet
from pystack.wire import arp, ethernet, icmp, ipv4
from pystack.wire.checksum import Buffer, checksum, update16
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.malformed import Malformed

# --- the bridge -----------------------------------------------------------------------------------------


def the_fdb_never_moves(plant: pytest.MonkeyPatch) -> None:
    learn = Fdb.learn

    def learn_once(fdb: Fdb, port: BridgePort, address: bytes, vid: int) -> bool:
        known = fdb.get(address, vid)
        return learn(fdb, port if known is None or known.port is None else known.port, address, vid)

    plant.setattr(Fdb, "learn", learn_once)


def learning_off_is_ignored(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(BridgePort, "learning", property(lambda port: True, lambda port, value: None))


def a_broadcast_is_echoed_to_its_port(plant: pytest.MonkeyPatch) -> None:
    plant.setattr("pystack.l2.bridge_forward._should_deliver", lambda port, source: True)


def isolated_ports_hear_each_other(plant: pytest.MonkeyPatch) -> None:
    plant.setattr("pystack.l2.bridge_forward._should_deliver", lambda port, source: port is not source)


def a_flood_begins_with_the_oldest_port(plant: pytest.MonkeyPatch) -> None:
    flood = BridgeForward.flood

    def flood_backwards(way_out: Any, *arguments: Any, **options: Any) -> None:
        bridge = way_out._bridge
        bridge.ports = bridge.ports[::-1]
        flood(way_out, *arguments, **options)
        bridge.ports = bridge.ports[::-1]

    plant.setattr(BridgeForward, "flood", flood_backwards)


def link_local_groups_are_forwarded(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(BridgeInput, "_may_forward_reserved", lambda *arguments: True)


def a_known_station_is_sent_to_by_another_port(plant: pytest.MonkeyPatch) -> None:
    forward = BridgeForward.forward

    def go_astray(way_out: Any, port: Any, pkt: Packet, source: Any, *, local_rcv: bool) -> None:
        others = [other for other in way_out._bridge.ports if other not in (port, source)]
        forward(way_out, others[0], pkt, source, local_rcv=local_rcv)

    plant.setattr(BridgeForward, "forward", go_astray)


def what_was_learned_is_taken_for_static(plant: pytest.MonkeyPatch) -> None:
    learn = Fdb.learn

    def write_down(fdb: Fdb, port: BridgePort, address: bytes, vid: int) -> bool:
        taken = learn(fdb, port, address, vid)
        fdb.entries[address, vid].static = True
        return taken

    plant.setattr(Fdb, "learn", write_down)


def an_entry_ages_too_late(plant: pytest.MonkeyPatch) -> None:
    set_ageing_time = Fdb.set_ageing_time
    plant.setattr(Fdb, "set_ageing_time", lambda fdb, seconds: set_ageing_time(fdb, 5 * seconds))


def the_bridge_itself_does_not_hear_what_it_floods(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(BridgeInput, "pass_frame_up", lambda way_in, pkt: None)


def a_promiscuous_bridge_hears_only_what_is_for_it(plant: pytest.MonkeyPatch) -> None:
    plant.setattr("pystack.l2.bridge_input.IFF_PROMISC", 0)


# --- devices and hooks ----------------------------------------------------------------------------------


def a_port_sends_everything_twice(plant: pytest.MonkeyPatch) -> None:
    transmit = PortDevice.transmit

    def transmit_twice(port: PortDevice, pkt: Packet) -> None:
        transmit(port, pkt)
        transmit(port, pkt)

    plant.setattr(PortDevice, "transmit", transmit_twice)


def hooks_run_in_the_opposite_order(plant: pytest.MonkeyPatch) -> None:
    register = HookPoint.register

    def register_backwards(point: HookPoint, fn: Any, priority: int, *more: Any, **named: Any) -> HookEntry:
        return register(point, fn, -priority, *more, **named)

    plant.setattr(HookPoint, "register", register_backwards)


def a_packet_is_marked_though_nobody_said_so(plant: pytest.MonkeyPatch) -> None:
    finish = IpInput.ip_rcv_finish

    def mark_and_finish(way_in: IpInput, pkt: Packet) -> None:
        pkt.mark = 7
        finish(way_in, pkt)

    plant.setattr(IpInput, "ip_rcv_finish", mark_and_finish)


def a_packet_is_logged_without_a_rule(plant: pytest.MonkeyPatch) -> None:
    deliver = IpInput.ip_local_deliver

    def log_and_deliver(way_in: IpInput, pkt: Packet) -> None:
        pkt.dev.net.printk(f"IN={pkt.dev.name} OUT= ")  # type: ignore[attr-defined]
        deliver(way_in, pkt)

    plant.setattr(IpInput, "ip_local_deliver", log_and_deliver)


# --- ARP and neighbours ---------------------------------------------------------------------------------


def an_arp_reply_leaves_by_another_card(plant: pytest.MonkeyPatch) -> None:
    def reply_elsewhere(speaker: Any, message: arp.Arp, dev: Link) -> None:
        others = {held.dev for held in speaker._addresses} - {dev}
        other = next(one for one in others if isinstance(one, PortDevice))
        speaker.send(other, arp.ARPOP_REPLY, message.tpa, message.spa, message.sha, message.sha)

    plant.setattr(Arp, "_reply", reply_elsewhere)


def arp_answers_for_addresses_that_are_not_ours(plant: pytest.MonkeyPatch) -> None:
    def answer_all(speaker: Any, message: arp.Arp, *more: Any) -> bool:
        speaker._reply(message, next(one for one in more if isinstance(one, Link)))
        return True

    plant.setattr(Arp, "_answer", answer_all)


def an_answer_to_arp_is_forgotten(plant: pytest.MonkeyPatch) -> None:
    told = Neighbour.told

    def forget(neigh: Neighbour, *how: Any, answered: bool, **more: Any) -> None:
        if not answered:
            told(neigh, *how, answered=answered, **more)

    plant.setattr(Neighbour, "told", forget)


def what_waits_for_arp_leaves_in_the_opposite_order(plant: pytest.MonkeyPatch) -> None:
    release = Neighbour._release_queue

    def release_backwards(neigh: Any) -> None:
        neigh.queue.reverse()
        release(neigh)

    plant.setattr(Neighbour, "_release_queue", release_backwards)


def who_asks_us_is_taken_for_reachable(plant: pytest.MonkeyPatch) -> None:
    told = Neighbour.told

    def believe(neigh: Neighbour, *how: Any, **more: Any) -> None:
        told(neigh, *how, **{**more, "answered": True})

    plant.setattr(Neighbour, "told", believe)


def arp_asks_again_too_late(plant: pytest.MonkeyPatch) -> None:
    init = NeighParms.__setattr__
    plant.setattr(
        NeighParms,
        "__setattr__",
        lambda parms, name, value: init(parms, name, value * 2 if name == "retrans_time_ms" else value),
    )


# --- IP -------------------------------------------------------------------------------------------------


def the_time_to_live_does_not_count_down(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Packet, "set_ttl", lambda pkt, ttl: None)


def a_forwarded_checksum_is_wrong_by_one(plant: pytest.MonkeyPatch) -> None:
    plant.setattr("pystack.packet.update16", lambda check, old, new: update16(check, old, new) ^ 1)


def a_routed_frame_has_its_addresses_swapped(plant: pytest.MonkeyPatch) -> None:
    plant.setattr("pystack.l2.neighbour.header", lambda to, by, kind: ethernet.header(by, to, kind))


def a_router_asks_for_the_wrong_neighbour(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Rtable, "nexthop", lambda route, daddr: (route.gateway or daddr) ^ 3)


def a_routed_packet_leaves_by_a_third_card(plant: pytest.MonkeyPatch) -> None:
    forward = IpForward.ip_forward

    def go_astray(router: IpForward, pkt: Any) -> None:
        passed = ("lo", pkt.dev.name, pkt.route.dev.name)
        pkt.route.dev = next(dev for dev in pkt.dev.devices if dev.name not in passed)
        forward(router, pkt)

    plant.setattr(IpForward, "ip_forward", go_astray)


def a_fragments_offset_is_too_great(plant: pytest.MonkeyPatch) -> None:
    def build(header: Ipv4Header, length: int) -> bytes:
        header.frag_off += bool(header.frag_off & ipv4.IP_OFFSET)
        return ipv4.build(header, length)

    plant.setattr("pystack.l3.fragment.build", build)


def reassembly_loses_the_last_octet(plant: pytest.MonkeyPatch) -> None:
    glue = Defrag._glue

    def cut(defrag: Any, *arguments: Any) -> Packet | None:
        whole: Packet | None = glue(defrag, *arguments)
        if whole is not None and whole.ip is not None:
            payload = bytes(whole.data[whole.transport_header : -1])
            link = bytes(whole.data[: whole.network_header])
            whole.data = link + ipv4.build(whole.ip, len(payload)) + payload
        return whole

    plant.setattr(Defrag, "_glue", cut)


def a_headers_checksum_is_not_looked_at(plant: pytest.MonkeyPatch) -> None:
    parse = ipv4.parse

    def forgive(data: Buffer, offset: int) -> Ipv4Header | Malformed:
        header = parse(data, offset)
        if header is not Malformed.CHECKSUM:
            return header
        mended = bytearray(data)
        field, end = offset + 10, offset + (data[offset] & 15) * 4
        mended[field : field + 2] = bytes(2)
        mended[field : field + 2] = checksum(mended[offset:end]).to_bytes(2, "big")
        return parse(mended, offset)

    plant.setattr("pystack.wire.ipv4.parse", forgive)


def the_reverse_path_filter_lets_everything_pass(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(SourceCheck, "validate", lambda *arguments: 0)


# --- ICMP -----------------------------------------------------------------------------------------------


def an_error_quotes_as_little_as_rfc_792(plant: pytest.MonkeyPatch) -> None:
    plant.setattr("pystack.l3.icmp_error._MOST_OF_IT", 2 * ipv4.HEADER_LENGTH + 2 * icmp.HEADER_LENGTH)


def an_error_comes_from_the_card_that_was_not_reached(plant: pytest.MonkeyPatch) -> None:
    def far_side(sender: Any, header: Ipv4Header, route: Rtable) -> int:
        source: int = sender._addresses.select(route.dev, header.daddr, RT_SCOPE_LINK)
        return source

    plant.setattr(IcmpErrorSender, "_source_for", far_side)


def nobody_says_that_a_port_is_closed(plant: pytest.MonkeyPatch) -> None:
    send = IcmpErrorSender.send

    def keep_quiet(sender: Any, pkt: Packet, type_: int, code: int, *more: Any, **named: Any) -> None:
        if code != icmp.ICMP_PORT_UNREACH:
            send(sender, pkt, type_, code, *more, **named)

    plant.setattr(IcmpErrorSender, "send", keep_quiet)


def an_echos_answer_has_no_type_of_service(plant: pytest.MonkeyPatch) -> None:
    def plain(saddr: int, daddr: int, protocol: int, **fields: Any) -> Ipv4Header:
        return Ipv4Header(saddr, daddr, protocol, **{**fields, "tos": 0})

    plant.setattr("pystack.l3.icmp_output.Ipv4Header", plain)


def an_answers_checksum_is_wrong_by_one(plant: pytest.MonkeyPatch) -> None:
    reply: Any = Icmp._reply

    def reply_wrongly(ours: Any, *what: Any, **more: Any) -> None:
        reply(ours, *(spoilt(one) if isinstance(one, bytes) else one for one in what), **more)

    def spoilt(message: bytes) -> bytes:
        return message[:3] + bytes([message[3] ^ 1]) + message[4:]

    plant.setattr(Icmp, "_reply", reply_wrongly)


# --- commands -------------------------------------------------------------------------------------------


def ping_counts_one_answer_too_many(plant: pytest.MonkeyPatch) -> None:
    counts = Tally.counts

    def boast(tally: Tally, elapsed: int) -> str:
        tally.received += 1
        return counts(tally, elapsed)

    plant.setattr(Tally, "counts", boast)


def ping_ends_well_without_an_answer(plant: pytest.MonkeyPatch) -> None:
    finish = Ping._finish
    plant.setattr(Ping, "_finish", lambda ping: finish(ping) * 0)


def ip_prints_addresses_back_to_front(plant: pytest.MonkeyPatch) -> None:
    def swapped(address: int) -> str:
        return ipv4.address_text(int.from_bytes(address.to_bytes(4, "little"), "big"))

    plant.setattr("pystack.applets.iproute.address_show.format_ipv4", swapped)
