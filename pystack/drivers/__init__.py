"""How frames get in and out: what stands behind the ports of a host, and the pump that moves the frames.

Opening needs rights, driving does not, so the two are apart. A keeper that stays privileged opens and passes
descriptors on; the daemon drives them:

    opened = open_tap("vm1", netns="", offload=True)             # tap_open; PortUnavailable if it cannot be
    port = netns.add_port("tap1")
    pump.add(TapDriver(port, opened.fd, opened.features))         # tap
    …
    pump.remove(driver); driver.close(); opened.restore()

    behind the port      open (module)                                         drive (module)
    a TAP                tap_open.open_tap(ifname, netns, offload=)            tap.TapDriver
    an existing device   packet_open.open_packet(ifname, netns, offload=)      packet.PacketDriver
    QEMU -netdev stream  unix_open.listen_stream(path), or nothing to call it  unix_stream.UnixStreamDriver
    QEMU -netdev dgram   unix_open.bind_dgram(path), or a socketpair           unix_dgram.UnixDgramDriver
    a capture file       the caller opens the files                            pcap.PcapDriver
    a test               nothing                                               memory.MemoryDriver

`pump.Pump` drives them under trio.
"""
