"""Why an ICMP redirect is not heeded. Linux: net/ipv4/route.c __ip_do_redirect()"""

from __future__ import annotations

from pystack.explain.lookup import asked_again
from pystack.explain.scene import Scene
from pystack.explain.stage import Reason
from pystack.l2.devices import Link
from pystack.l3.fib_types import RTN_UNICAST, Flow
from pystack.l3.route import Rtable
from pystack.wire.ipv4 import address_text


def why_unheeded(scene: Scene, dev: Link, teller: int, gateway: int, flow: Flow) -> Reason:
    """The first thing that speaks against it; asked when it is known that nothing was learned."""
    netns, there = scene.netns, address_text(flow.daddr)
    route = netns.ipv4.router.route_output(asked_again(flow))
    named, told_by = address_text(gateway), address_text(teller)
    if not isinstance(route, Rtable) or not route.gateway:
        return Reason(f"the way to {there} has no gateway that could be another")
    if route.gateway == gateway:
        return Reason(f"the way to {there} is via {named} already")
    if route.gateway != teller:
        return Reason(f"it came from {told_by}, and the gateway to {there} is {address_text(route.gateway)}")
    confs = netns.ipv4.confs
    here, everywhere = confs.of(dev), confs.all
    both = here.accept_redirects and everywhere.accept_redirects
    either = here.accept_redirects or everywhere.accept_redirects
    if not (both if here.forwarding else either):
        name = dev.name if not here.accept_redirects else "all"
        why = f", and of a device that forwards all.accept_redirects and {dev.name}'s have to be 1"
        line = scene.line_of_sysctl("conf", name, "accept_redirects")
        return Reason(f"{name}.accept_redirects is 0" + (why if here.forwarding else ""), line)
    if netns.ipv4.fib.address_type(gateway) != RTN_UNICAST:
        return Reason(f"{named} is no address of another host")
    if not (here.shared_media or everywhere.shared_media):
        if not netns.ipv4.addresses.are_on_link(dev, gateway, teller):
            return Reason(f"{named} is not of the network of {told_by}, and {dev.name}.shared_media is 0")
        if here.secure_redirects or everywhere.secure_redirects:
            return Reason(f"{named} is a gateway of no route, and {dev.name}.secure_redirects is 1")
    return Reason(f"the link address of {named} is not known: it is asked for, and the next redirect counts")
