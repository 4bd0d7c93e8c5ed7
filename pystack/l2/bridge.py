"""The bridge: a device that joins its ports to one network and is a station on it itself.

port --> bridge_input --+--> bridge_forward --> port
                        +--> pass_frame_up --> this device receives
this device transmits -----> bridge_forward --> port
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.device import ARPHRD_ETHER, IFF_LOOPBACK, NetDevice
from pystack.drop import HDR_TRUNC
from pystack.errors import EBUSY, EINVAL, ELOOP, EXFULL, NetError
from pystack.l2 import bridge_stp, fdb_local
from pystack.l2.bridge_forward import BROADCAST, MULTICAST, UNICAST, BridgeForward
from pystack.l2.bridge_input import BridgeInput
from pystack.l2.bridge_port import BR_STATE_DISABLED, MAX_PORTS, BridgePort
from pystack.l2.bridge_state import BridgeState
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.packet import Packet
from pystack.wire import ethernet
from pystack.wire.ethernet import ETH_HLEN, is_valid_unicast
from pystack.wire.vlan import tag_length

ETH_DATA_LEN: Final = 1500


class Bridge(BridgeState):
    """Linux: net/bridge/br_device.c, br_if.c"""

    kind = "bridge"
    netns_local = True

    forwarding: BridgeForward  # these live as long as the bridge is in its namespace
    input: BridgeInput

    def __init__(self, name: str, address: bytes) -> None:
        super().__init__(name, address)
        self._unlisten: Callable[[], None] = _not_listening

    def attach(self, devices: DeviceTable) -> None:
        """Build the parts, and hear of the ports from now on."""
        super().attach(devices)
        self.forwarding = BridgeForward(self, self.net)
        self.input = BridgeInput(self, self.net, self.fdb, self.forwarding)
        self._unlisten = devices.listen(self._device_event)

    # --- the station ------------------------------------------------------------------------------------

    def transmit(self, pkt: Packet) -> None:
        """Send what this host sends by the bridge. Linux: net/bridge/br_device.c br_dev_xmit()"""
        if pkt.bridge_cb is not None:  # it was only to learn the address of its station
            take_back, pkt.bridge_cb = pkt.bridge_cb, None
            return take_back(pkt)
        length = len(pkt)
        if length < ETH_HLEN:
            return self.net.drop(pkt, HDR_TRUNC)
        self.stats.tx_packets += 1
        self.stats.tx_bytes += length - tag_length(pkt.protocol)
        at = pkt.mac_header
        destination = bytes(pkt.data[at : at + ethernet.ETH_ALEN])
        if destination[0] & 1:
            kind = BROADCAST if destination == ethernet.BROADCAST else MULTICAST
            return self.forwarding.flood(pkt, kind, None, local_rcv=False)
        entry = self.fdb.entries.get((destination, 0))
        if entry is None:
            return self.forwarding.flood(pkt, UNICAST, None, local_rcv=False)
        self.forwarding.forward(entry.port, pkt, None, local_rcv=False)

    def open(self) -> None:
        """Linux: net/bridge/br_stp_if.c br_stp_enable_bridge()"""
        self.fdb.start()
        for port in self.ports:
            if port.dev.running:
                bridge_stp.enable_port(self, port)

    def stop(self) -> None:
        """Linux: net/bridge/br_stp_if.c br_stp_disable_bridge()"""
        for port in self.ports:
            if port.state != BR_STATE_DISABLED:
                bridge_stp.disable_port(self, port)
        self.fdb.stop()

    def set_mac_address(self, address: bytes) -> None:
        """Linux: net/bridge/br_device.c br_set_mac_address()"""
        bridge_stp.change_bridge_id(self, address)

    def change_mtu(self, mtu: int) -> None:
        """Linux: net/bridge/br_device.c br_change_mtu()"""
        self.mtu = mtu
        self.mtu_set_by_user = True

    def dellink(self) -> None:
        """Let all ports go. Linux: net/bridge/br_if.c br_dev_delete()"""
        for port in self.ports:
            self._remove_port(port)
            self.devices.notify(LinkEvent.CHANGEUPPER, port.dev)
        fdb_local.delete_by_port(self, None, everything=True)
        self.fdb.stop()

    def uninit(self) -> None:
        """Linux: net/bridge/br_device.c br_dev_uninit()"""
        self._unlisten()

    # --- ports ------------------------------------------------------------------------------------------

    def add_slave(self, dev: NetDevice) -> None:
        """Linux: net/bridge/br_if.c br_add_if()"""
        assert isinstance(dev, Link)
        if dev.flags & IFF_LOOPBACK or dev.type != ARPHRD_ETHER or not is_valid_unicast(dev.address):
            raise NetError(EINVAL)
        if isinstance(dev, Bridge):
            raise NetError(ELOOP, "Can not enslave a bridge to a bridge")
        if dev.master is not None:
            raise NetError(EBUSY)
        if dev.stands_on(self):
            raise NetError(EBUSY)
        port = BridgePort(dev, self._free_number())
        bridge_stp.init_port(self, port)
        bridge_stp.set_state(self, port, BR_STATE_DISABLED)
        devices = self.devices
        devices.set_allmulti(dev, 1)
        dev.master, dev.port, dev.rx_handler = self, port, self.input.handle_frame
        self.port_of[dev] = port
        self.ports = (port, *self.ports)
        self.had_ports = True
        self.net.origins.note(port)
        devices.set_promiscuity(dev, 1)  # until VLAN filtering every port hears everything
        fdb_local.add_local(self, port, dev.address)
        changed = bridge_stp.recalculate_bridge_id(self)
        if dev.running and self.up:
            bridge_stp.enable_port(self, port)
        if changed:
            devices.notify(LinkEvent.CHANGEADDR, self)
        self._adjust_mtu()

    def del_slave(self, dev: NetDevice) -> None:
        """Linux: net/bridge/br_if.c br_del_if()"""
        port = self.port_of.get(dev)
        if port is None:
            raise NetError(EINVAL)
        self._remove_port(port)
        self._adjust_mtu()
        if bridge_stp.recalculate_bridge_id(self):
            self.devices.notify(LinkEvent.CHANGEADDR, self)

    def _remove_port(self, port: BridgePort) -> None:
        """Linux: net/bridge/br_if.c del_nbp()"""
        dev, devices = port.dev, self.devices
        devices.set_allmulti(dev, -1)
        devices.set_promiscuity(dev, -1)
        bridge_stp.disable_port(self, port)
        self.ports = tuple(other for other in self.ports if other is not port)
        fdb_local.delete_by_port(self, port, everything=True)
        del self.port_of[dev]
        dev.master = dev.port = dev.rx_handler = None

    def _free_number(self) -> int:
        """Linux: net/bridge/br_if.c find_portno()"""
        taken = {port.number for port in self.ports}
        for number in range(1, MAX_PORTS):
            if number not in taken:
                return number
        raise NetError(EXFULL)

    def _adjust_mtu(self) -> None:
        """The lowest of the ports', unless a user chose. Linux: net/bridge/br_if.c br_mtu_auto_adjust()"""
        if self.mtu_set_by_user:
            return
        lowest = min((port.dev.mtu for port in self.ports), default=ETH_DATA_LEN)
        self.devices.set_mtu(self, lowest)
        self.mtu_set_by_user = False

    def _device_event(self, event: LinkEvent, dev: Link) -> None:
        """Linux: net/bridge/br.c br_device_event()"""
        if dev is self:
            if event is LinkEvent.REGISTER:
                fdb_local.change_bridge_address(self, self.address)
            return
        port = self.port_of.get(dev)
        if port is None:
            return
        if event is LinkEvent.CHANGEMTU:
            self._adjust_mtu()
        elif event is LinkEvent.CHANGEADDR:
            fdb_local.change_port_address(self, port, dev.address)
            if bridge_stp.recalculate_bridge_id(self):
                self.devices.notify(LinkEvent.CHANGEADDR, self)
        elif event is LinkEvent.CHANGE:
            bridge_stp.carrier_check(self, port)
        elif event is LinkEvent.DOWN and self.up:
            bridge_stp.disable_port(self, port)
        elif event is LinkEvent.UP and self.up and dev.running:
            bridge_stp.enable_port(self, port)


def _not_listening() -> None:
    pass
