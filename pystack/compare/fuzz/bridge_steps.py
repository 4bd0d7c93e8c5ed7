"""What a user does to a bridge between two frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.compare.fuzz.bridge_site import Site
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Run, Step, Wait

BLOCKING: Final = 4  # the highest of the port states
SETTLING: Final = 0.02  # seconds: carriers, and an ageing of 0, are seen to behind the command's back
UNSETTLING: Final = frozenset(
    "up down master nomaster state bridge_slave ageing_time del txqueuelen arp".split()
)
AGEING: Final = 10  # hundredths of a second
SILENCE: Final = 0.2  # seconds: enough for all to age

Command = Callable[[Dice, Site], str]


def command(dice: Dice, site: Site) -> list[Step]:
    """Some commands in one step, which costs less than one each; after one that the kernel takes its time to
    act upon, that time.
    """
    texts: list[str] = []
    for _ in range(dice.between(1, 3)):
        texts.append(dice.weighted(COMMANDS)(dice, site))
        if _unsettles(texts[-1]):
            return [Run("; ".join(texts)), Wait(SETTLING)]
    return [Run("; ".join(texts))]


def _unsettles(text: str) -> bool:
    """What `bridge fdb` calls `master` is another matter."""
    return not text.startswith("bridge fdb") and not UNSETTLING.isdisjoint(text.split())


def silence(dice: Dice, site: Site) -> list[Step]:
    """All that was learned ages at once, in between frames: how old each one is, is not the same on both
    sides.
    """
    bridge = dice.among(site.bridges)
    return [
        Run(f"ip link set {bridge} type bridge ageing_time {AGEING}"),
        Wait(SILENCE),
        Run(f"bridge fdb show br {bridge}; ip link set {bridge} type bridge ageing_time 30000"),
    ]


# --- the forwarding database ---------------------------------------------------------------------------


def _fdb_change(dice: Dice, site: Site) -> str:
    verb = dice.weighted({"add": 4, "replace": 4, "append": 1})
    ageing = 0 if site.forgets else 4
    state = dice.weighted(
        {"static": 5, "permanent": 2, "dynamic": ageing, "static sticky": 2, "temp": 1, "": 1}
    )
    where = dice.weighted({"master": 30, "self": 2, "master self": 1, "": 1})
    more = dice.weighted({"": 30, "vlan 5": 1, "extern_learn": 2, "use": 1})
    address = _self_address(dice, site) if "self" in where else _address(dice, site)
    words = [verb, address, "dev", _device(dice, site), where, state, more]
    return " ".join(["bridge fdb", *filter(None, words)])


def _fdb_delete(dice: Dice, site: Site) -> str:
    if dice.chance(10):
        return f"bridge fdb del {_self_address(dice, site)} dev {_device(dice, site)} self"
    return f"bridge fdb del {_address(dice, site)} dev {_device(dice, site)} master"


def _fdb_flush(dice: Dice, site: Site) -> str:
    return f"bridge fdb flush dev {dice.among(site.bridges)}"


def _fdb_show(dice: Dice, site: Site) -> str:
    option = dice.weighted({"": 3, "-s ": 1, "-d ": 1})
    return f"bridge {option}fdb show br {dice.among(site.bridges)}"


def _fdb_get(dice: Dice, site: Site) -> str:
    return f"bridge fdb get {_address(dice, site)} br {dice.among(site.bridges)}"


# --- ports ----------------------------------------------------------------------------------------------


def _port_flag(dice: Dice, site: Site) -> str:
    port = _port(dice, site)
    return f"bridge link set dev {port} {dice.among(site.flags_of(port))} {dice.among(['on', 'off'])}"


def _port_state(dice: Dice, site: Site) -> str:
    return f"bridge link set dev {_movable(dice, site)} state {dice.between(0, BLOCKING)}"


def _port_mask(dice: Dice, site: Site) -> str:
    return f"ip link set {_port(dice, site)} type bridge_slave group_fwd_mask {dice.between(0, 0xFFFF):#x}"


def _port_mtu(dice: Dice, site: Site) -> str:
    return f"ip link set {_port(dice, site)} mtu {dice.among([1300, 1500, 9000])}"


def _port_address(dice: Dice, site: Site) -> str:
    return f"ip link set {dice.among(site.ports)} address {_device_address(dice, site)}"


def _port_moves(dice: Dice, site: Site) -> str:
    where = dice.among([f"master {bridge}" for bridge in site.bridges] * 2 + ["nomaster"])
    ports = [port for port in site.movable() if port not in site.ends]  # a cable within one bridge: a storm
    return f"ip link set {dice.among(ports or ['lo'])} {where}"


def _up_or_down(dice: Dice, site: Site) -> str:
    return f"ip link set {_movable(dice, site)} {dice.weighted({'up': 3, 'down': 1})}"


def _port_rank(dice: Dice, site: Site) -> str:
    what = dice.among([f"cost {dice.between(0, 70000)}", f"priority {dice.between(0, 80)}"])
    return f"bridge link set dev {_port(dice, site)} {what}"


def _port_forgets(dice: Dice, site: Site) -> str:
    return f"ip link set {_port(dice, site)} type bridge_slave fdb_flush"


def _device_flag(dice: Dice, site: Site) -> str:
    what = dice.among(["arp off", "arp on", "multicast off", "allmulticast on", "promisc on", "promisc off"])
    return f"ip link set {_movable(dice, site)} {dice.among([what, f'txqueuelen {dice.between(10, 12)}'])}"


def _links(dice: Dice, site: Site) -> str:
    return dice.among(["bridge link show", f"bridge -d link show dev {_port(dice, site)}"])


def _counters(dice: Dice, site: Site) -> str:
    """Of devices whose carrier stays: else it depends on the moment what is said of the state."""
    return f"ip -s link show dev {dice.among([*site.anchors, *site.addressed] or ['lo'])}"


def _cable_cut(dice: Dice, site: Site) -> str:
    return f"ip link del {dice.among(site.ends or ['lo'])}"


# --- the bridge itself ----------------------------------------------------------------------------------


def _bridge_option(dice: Dice, site: Site) -> str:
    values = {
        f"group_fwd_mask {dice.between(0, 0xFFFF):#x}": 3,
        f"no_linklocal_learn {dice.between(0, 1)}": 2,
        f"ageing_time {dice.among([0, 30000]) if site.forgets else 30000}": 2,
        "fdb_flush": 1,
    }
    return f"ip link set {dice.among(site.bridges)} type bridge {dice.weighted(values)}"


def _bridge_address(dice: Dice, site: Site) -> str:
    bridge = dice.among(site.bridges)
    text = f"ip link set {bridge} address {_device_address(dice, site)}"
    return "; ".join([text, *site.write_down.get(bridge, [])])


def _bridge_mtu(dice: Dice, site: Site) -> str:
    return f"ip link set {dice.among(site.bridges)} mtu {dice.among([1280, 1500, 9000])}"


def _bridge_promiscuous(dice: Dice, site: Site) -> str:
    return f"ip link set {dice.among(site.bridges)} promisc {dice.among(['on', 'off'])}"


def _host_speaks(dice: Dice, site: Site) -> str:
    """To a group, and not to itself."""
    if not site.addressed:
        return "bridge link show"
    return f"ping -q -L -c1 -W0.05 -I {dice.among(site.addressed)} 224.0.0.9"


def _bridge_down_and_up(dice: Dice, site: Site) -> str:
    bridge = dice.among(site.bridges)
    if bridge in site.addressed:  # it would forget routes and neighbours
        return "bridge link show"
    return f"ip link set {bridge} down; ip link set {bridge} up"


COMMANDS: Final[Mapping[Command, int]] = {
    _fdb_change: 10,
    _fdb_delete: 5,
    _fdb_flush: 1,
    _fdb_show: 4,
    _fdb_get: 2,
    _port_flag: 12,
    _port_state: 3,
    _port_mask: 2,
    _port_mtu: 3,
    _port_address: 4,
    _port_moves: 5,
    _port_rank: 1,
    _port_forgets: 1,
    _device_flag: 2,
    _up_or_down: 5,
    _links: 2,
    _counters: 6,
    _cable_cut: 1,
    _bridge_option: 4,
    _bridge_address: 3,
    _bridge_mtu: 1,
    _bridge_promiscuous: 2,
    _bridge_down_and_up: 1,
    _host_speaks: 3,
}


# --- words ----------------------------------------------------------------------------------------------


def _port(dice: Dice, site: Site) -> str:
    return dice.among((*site.ports, *site.ends))


def _movable(dice: Dice, site: Site) -> str:
    return dice.among(site.movable() or ["lo"])


def _device(dice: Dice, site: Site) -> str:
    """Mostly a port, sometimes what cannot have entries of that sort."""
    return dice.among(site.bridges) if dice.chance(10) else _port(dice, site)


def _device_address(dice: Dice, site: Site) -> str:
    """Often that of another device, for then one entry stands for both."""
    return (
        _address(dice, site) if dice.chance(50) else f"02:00:00:00:00:{dice.between(0, len(site.ports)):02x}"
    )


def _self_address(dice: Dice, site: Site) -> str:
    """No group: those that a device has joined pystack tells of, but does not keep beside a user's."""
    return dice.among([*site.stations, "02:00:00:00:00:01"])


def _address(dice: Dice, site: Site) -> str:
    kind = dice.weighted({"station": 20, "port": 2, "group": 1, "strange": 1})
    if kind == "station":
        return dice.among(site.stations)
    if kind == "port":
        return f"02:00:00:00:00:{dice.between(1, len(site.ports)):02x}"
    return dice.among(site.groups) if kind == "group" else "00:00:00:00:00:00"
