"""How frames get in and out: what stands behind the ports of a host, and the pump that moves the frames.

Opening needs rights, driving does not, so the two are apart. A keeper that stays privileged opens and passes
descriptors on; the daemon drives them:

    opened = open_tap("vm1", netns="", offload=True)             # tap_open; PortUnavailable if it cannot be
    port = netns.add_port("tap1")
    pump.add(TapDriver(port, opened.fd, opened.features))         # tap
    …
    pump.remove(driver); driver.close(); opened.restore()

    behind the port         open                                            drive
    a TAP                   open_tap(ifname, netns, offload=) -> OpenedTap  TapDriver(dev, fd, features)
    an existing device      open_packet(ifname, netns, offload=)            PacketDriver(dev, fd, features)
    QEMU -netdev stream     listen_stream(path) -> socket, or nothing       UnixStreamDriver(dev, path, listener)
    QEMU -netdev dgram      bind_dgram(path) -> socket                      UnixDgramDriver(dev, socket, peer)
    a capture file          the caller opens the files                      PcapDriver(dev, …)
    a test                  nothing                                         MemoryDriver(dev)

`pump.Pump` drives them under trio, `virtual_time.VirtualTime` without trio and in no time at all.
"""
