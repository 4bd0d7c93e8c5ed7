"""The configuration: what is right becomes values, and everything that is wrong is said at once."""

from pathlib import Path

import pytest

from pystack.applets.virtual import run
from pystack.daemon.config import ConfigError, load
from pystack.daemon.settings import (
    LAB,
    Config,
    PacketSettings,
    PcapSettings,
    ServiceSettings,
    SetupText,
    TapSettings,
    UnixSettings,
)
from pystack.daemon.stack import build
from pystack.services.dhcp import DhcpConfig
from tests.frames import ip


def write(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return str(folder / "lab.toml")


def no_faults(setup: SetupText) -> list[str]:
    return []


def read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def load_text(folder: Path, text: str, **files: str) -> Config:
    return load(write(folder, lab_toml=text, **files), read, no_faults)


def complaints(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text)
    return [line.replace(f"{folder}/", "") for line in caught.value.complaints]


DEVICE_NAME = "1 to 15 octets without '/', ':', '%' or white space"
TOP_LEVEL = " (known: name, setup, setup_text, port, dhcp, services, uplink, daemon, hooks)"
RANGE = "range = ['10.0.0.1', '10.0.0.9']"
WHOLE = """\
name = "lab1"
setup = ["lab.setup"]
setup_text = \"\"\"
ip link set br0 up
\"\"\"

[port.tap1]
driver = "tap"
ifname = "vm1"
netns = "a"
offload = false

[port.eth0]
driver = "packet"

[port.q1]
driver = "unix"
type = "dgram"
path = "q1.sock"
peer = "/run/q1.peer"

[port.q2]
driver = "unix"
type = "stream"
path = "q2.sock"
listen = true

[port.replay]
driver = "pcap"
path = "in.pcap"

[port.m]
driver = "memory"

[dhcp.br0]
range = ["10.0.0.100", "10.0.0.199"]
dns = ["10.0.0.53"]
lease_time = 600
static = { "52:54:00:00:00:01" = "10.0.0.9" }

[services]
daytime = true

[daemon]
socket = "lab1.sock"
group = "root"
user = "nobody"
"""


def test_a_whole_configuration_becomes_values(tmp_path: Path) -> None:
    config = load_text(tmp_path, WHOLE, lab_setup="ip link add br0 type bridge\n")
    assert config.name == "lab1"
    assert [(setup.file, setup.line(1)) for setup in config.setups] == [
        (str(tmp_path / "lab.setup"), 1),
        (str(tmp_path / "lab.toml"), 4),
    ]
    assert {port.name: port.settings for port in config.ports} | {"m": None} == {
        "tap1": TapSettings(ifname="vm1", netns="a", offload=False),
        "eth0": PacketSettings(),
        "q1": UnixSettings(type="dgram", path=str(tmp_path / "q1.sock"), peer="/run/q1.peer"),
        "q2": UnixSettings(type="stream", path=str(tmp_path / "q2.sock"), listen=True),
        "replay": PcapSettings(path=str(tmp_path / "in.pcap")),
        "m": None,
    }
    (dhcp,) = config.dhcp
    assert dhcp.config == DhcpConfig(
        "br0",
        ip("10.0.0.100"),
        ip("10.0.0.199"),
        dns=(ip("10.0.0.53"),),
        lease_time=600,
        reserved={bytes.fromhex("525400000001"): ip("10.0.0.9")},
    )
    assert config.services == ServiceSettings(daytime=True)
    assert config.daemon.user == "nobody"
    assert config.daemon.socket == str(tmp_path / "lab1.sock")


def test_an_uplink_is_a_port_and_commands_before_all_others(tmp_path: Path) -> None:
    found = load_text(tmp_path, "setup_text = 'true'\n[uplink]\nvia = 'kernel-nat'\nlink = '10.1.0.0/24'")
    assert [(port.name, port.driver) for port in found.ports] == [("uplink", "uplink")]
    assert "ip address add 10.1.0.2/24 dev uplink" in found.setups[0].text
    assert found.setups[1].text == "true"
    addresses = run(["ip", "-br", "addr", "show", "dev", "uplink"], build(found).host).out
    assert "10.1.0.2/24" in addresses


def test_an_empty_file_is_a_configuration_named_after_itself(tmp_path: Path) -> None:
    config = load_text(tmp_path, "")
    assert (config.name, config.ports, config.setups) == ("lab", (), ())


def test_without_a_file_there_is_the_lab(tmp_path: Path) -> None:
    assert LAB.name == "lab"
    assert [port.name for port in LAB.ports] == ["vm1", "vm2"]


def test_the_lab_answers_at_its_own_address() -> None:
    assert run(["ping", "-c1", "10.77.0.1"], build(LAB).host).rc == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nmae = 1", "lab.toml:1: nmae: unknown section or key (did you mean name?)"),
        ("\n[daemom]\n", "lab.toml:2: daemom: unknown section or key (did you mean daemon?)"),
        ("[daemon]\n\nsokcet = ''", "lab.toml:3: daemon.sokcet: unknown key (did you mean socket?)"),
        ("[daemon]\nsocket = 1", "lab.toml:2: daemon.socket: expected str, got int"),
        ("daemon = 1", "lab.toml:1: daemon: a section, [daemon]"),
        ("port = 1", "lab.toml:1: port: a port is a section, [port.NAME]"),
        ("[port]\na = 1", "lab.toml:2: port.a: a port is a section, [port.NAME]"),
        (
            "[port.a]\ndriver = 'tep'",
            "lab.toml:2: port.a.driver: unknown driver 'tep' (did you mean tap?)",
        ),
        (
            "[port.a]\ndriver = 3",
            "lab.toml:2: port.a.driver: unknown driver 3 (known: tap, packet, unix, pcap, memory)",
        ),
        (
            "[port.a]",
            "lab.toml:1: port.a.driver: driver is missing (known: tap, packet, unix, pcap, memory)",
        ),
        (
            "[port.a]\ndriver = 'tap'\nofload = true",
            "lab.toml:3: port.a.ofload: unknown key (did you mean offload?)",
        ),
        ("[port.a]\ndriver = 'tap'\noffload = 'yes'", "lab.toml:3: port.a.offload: expected bool, got str"),
        ("[port.a]\ndriver = 'unix'\npath = 'x'", "lab.toml:1: port.a: type is missing"),
        (
            "[port.a]\ndriver = 'unix'\ntype = 'tcp'\npath = 'x'",
            "lab.toml:3: port.a.type: invalid enum value 'tcp' (known: stream, dgram)",
        ),
        (
            "[port.a]\ndriver = 'unix'\ntype = 'dgram'\npath = 'x'",
            "lab.toml:1: port.a: a dgram port needs peer, the path of QEMU's own socket",
        ),
        (
            "[port.a]\ndriver = 'pcap'",
            "lab.toml:1: port.a: a pcap port needs path (replay), record, or both",
        ),
        (
            "[port.'a b']\ndriver = 'tap'",
            "lab.toml:1: port.a b: not a device name: 1 to 15 octets without '/', ':', '%' or white space",
        ),
        (
            "[port.a]\ndriver = 'tap'\nifname = 'sixteen-octets-x'",
            "lab.toml:3: port.a.ifname: not a device name",
        ),
        (
            "[port.a]\ndriver = 'tap'\n[port.b]\ndriver = 'packet'\nifname = 'a'",
            "lab.toml:3: port.b: the device a is port.a's already",
        ),
        ("dhcp = 1", "lab.toml:1: dhcp: a server is a section, [dhcp.DEVICE]"),
        ("[dhcp.b]\ndns = []", "lab.toml:1: dhcp.b: range is missing"),
        (f"[dhcp.b]\n{RANGE}\nruoter = ''", "lab.toml:3: dhcp.b.ruoter: unknown key (did you mean router?)"),
        ("[dhcp.b]\nrange = ['10.0.0.1']", "lab.toml:2: dhcp.b.range: the first address and the last one"),
        (
            "[dhcp.b]\nrange = ['10.0.0.9', '10.0.0.8']",
            "lab.toml:2: dhcp.b.range: the last address is before the first one",
        ),
        ("[dhcp.b]\nrange = ['10.0.0.0', '10.1.0.0']", "lab.toml:2: dhcp.b.range: more than 65536 addresses"),
        (
            "[dhcp.b]\nrange = ['127.0.0.1', '10.0.0.8']",
            "lab.toml:2: dhcp.b.range: '127.0.0.1' is no address of a station",
        ),
        (f"[dhcp.b]\n{RANGE}\nrouter = 'x'", "lab.toml:3: dhcp.b.router: 'x' is no address of a station"),
        (f"[dhcp.b]\n{RANGE}\nlease_time = 5", "lab.toml:3: dhcp.b.lease_time: 60 to 2592000 seconds"),
        (f"[dhcp.b]\n{RANGE}\ndns = {9 * ['9.9.9.9']}", "lab.toml:3: dhcp.b.dns: 8 servers at most"),
        (f"[dhcp.b]\n{RANGE}\ndomain = 'ö'", "lab.toml:3: dhcp.b.domain: 100 ASCII characters at most"),
        (
            f"[dhcp.b]\n{RANGE}\n[dhcp.b.static]\nx = '10.0.0.9'",
            "lab.toml:4: dhcp.b.static.x: no hardware address of a station",
        ),
        (
            f"[dhcp.b]\n{RANGE}\n[dhcp.b.static]\n'2:0:0:0:0:1' = '10.0.0.9'\n'2:0:0:0:0:2' = '10.0.0.9'",
            "lab.toml:5: dhcp.b.static.2:0:0:0:0:2: 10.0.0.9 is another one's already",
        ),
        (
            f"[dhcp.b]\n{RANGE}\n[dhcp.b.static]\n'2:0:0:0:0:1' = '10.0.0.9'\n'02:0:0:0:0:1' = '10.0.0.8'",
            "lab.toml:5: dhcp.b.static.02:0:0:0:0:1: has an address already",
        ),
        (
            "[services]\nchargen = true",
            "lab.toml:2: services.chargen: unknown key (known: echo, discard, daytime, http)",
        ),
        ("name = 'a/b'", "lab.toml:1: name: letters, digits, '_', '-' and '.' make a name, 64 at most"),
        ("setup = 'x'", "lab.toml:1: setup: expected array, got str"),
        ("setup = ['x']", "lab.toml:1: setup: x: No such file or directory"),
        ("setup = [3, 'x']", "lab.toml:1: setup: expected str, got int"),
        ("setup = [3, 'x']", "lab.toml:1: setup: x: No such file or directory"),
        ("setup = ['a\\u0000']".replace("'", '"'), "lab.toml:1: setup: a NUL has no place here"),
        ("[port.lo]\ndriver = 'memory'", "lab.toml:1: port.lo: lo is every namespace's own device"),
        (
            "[port.all]\ndriver = 'memory'",
            "lab.toml:1: port.all: all names no device, but what holds for all",
        ),
        (
            "[port.a]\ndriver = 'tap'\nifname = \"a\\u0000\"",
            "lab.toml:3: port.a.ifname: a NUL has no place here",
        ),
        ("[port.\"a\\u0000\"]\ndriver = 'tap'", "lab.toml:1: port.a\\x00: not a device name: " + DEVICE_NAME),
        ('[daemon]\nuser = "a\\u0000"', "lab.toml:2: daemon.user: a NUL has no place here"),
        (
            "[daemon]\nsocket = '" + 200 * "x" + "'",
            "lab.toml:2: daemon.socket: longer than the 107 octets of a socket's path",
        ),
        (
            "[port.a]\ndriver = 'unix'\ntype = 'stream'\npath = ''",
            "lab.toml:4: port.a.path: empty",
        ),
        (
            "[port.a]\ndriver = 'unix'\ntype = 'stream'\npath = '" + 200 * "x" + "'",
            "lab.toml:4: port.a.path: longer than the 107 octets of a socket's path",
        ),
        (
            "[port.a]\ndriver = 'pcap'\npath = 'x'\nrecord = 'x'",
            "lab.toml:4: port.a.record: the file that is replayed would be overwritten",
        ),
        ('"a\\u001b\\nb" = 1', f"lab.toml:1: a\\x1b\\nb: unknown section or key{TOP_LEVEL}"),
        ("a = " + 5000 * "9", "lab.toml: a number is too long"),
        ("a = " + 5000 * "[" + 5000 * "]", "lab.toml: nested too deeply"),
        ("[uplink]", "lab.toml:1: uplink: via is missing"),
        (
            "[uplink]\nvia = 'kernel-nat'\nnetworks = ['10.0.0.1/24']",
            "lab.toml:3: uplink.networks: '10.0.0.1/24' is no network (such as 10.0.0.0/24)",
        ),
        (
            "[uplink]\nvia = 'kernel-nat'\nlink = '10.0.0.0/31'",
            "lab.toml:3: uplink.link: '10.0.0.0/31' is no network with room for two (such as a /30)",
        ),
        ("[uplink]\nvia = 'kernel-nat'\nifname = 'a b'", "lab.toml:3: uplink.ifname: not a device name"),
        (
            "[port.uplink]\ndriver = 'memory'",
            "lab.toml:1: port.uplink: that is the device of [uplink]",
        ),
        (
            "[port.a]\ndriver = 'tap'\nifname = 'pystack0'\n[uplink]\nvia = 'kernel-nat'",
            "lab.toml:4: uplink: the device pystack0 is port.a's already",
        ),
        ("[hooks]\nqueue_base = 65535", "lab.toml:2: hooks.queue_base: queues have numbers from 0 to 65535"),
        ("[hooks]\nqueue_base = -1", "lab.toml:2: hooks.queue_base: queues have numbers from 0 to 65535"),
        ("[hooks]\ndeadline_ms = 19", "lab.toml:2: hooks.deadline_ms: from 20 to 10000"),
        ("[hooks]\npoints = []", "lab.toml:2: hooks.points: none"),
        (
            "[hooks]\nnetns = '..'",
            "lab.toml:2: hooks.netns: neither a name nor a path of a network namespace",
        ),
        (
            "[hooks]\npoints = ['mangle/input', 'mangle/inptu']",
            "lab.toml:2: hooks.points: unknown point 'mangle/inptu' (did you mean mangle/input?)",
        ),
        (
            "[hooks]\npoints = ['nat/prerouting']",
            "lab.toml:2: hooks.points: unknown point 'nat/prerouting' (did you mean raw/prerouting?)",
        ),
        (
            "[hooks]\npoints = ['raw/output', 'raw/output']",
            "lab.toml:2: hooks.points: raw/output is there more than once",
        ),
        (
            "[hooks]\npoints = ['raw/prerouting', 'mangle/prerouting']",
            "lab.toml:2: hooks.points: raw/prerouting and mangle/prerouting are one hook, and the copy's "
            "rules there are asked once",
        ),
        (
            "[hooks]\nmode = 'divert'\npoints = ['mangle/input']",
            "lab.toml:3: hooks.points: none at prerouting, where packets are taken over",
        ),
        (
            "[daemon]\nuser = 'nobody'\n[hooks]",
            "lab.toml:3: hooks: not with daemon.user: to follow the kernel takes the rights it gives up",
        ),
        ("[daemon]\nweb = '127.0.0.1:8080'", "lab.toml:2: daemon.web: not built yet"),
        ("[daemon]\nuser = 'no-such-user'", "lab.toml:2: daemon.user: there is no user no-such-user"),
        ("[daemon]\ngroup = 'no-such-group'", "lab.toml:2: daemon.group: there is no group no-such-group"),
        ("a = \n", "lab.toml:1: Invalid value"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in complaints(tmp_path, text)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        "nmae = 'x'\n[port.a]\ndriver = 'tap'\noffload = 1\nnetns = 2\n[port.b]\ndriver = 'x'\n"
        "[daemon]\nusr = ''\n[hooks]\nmode = 'watch'\npoints = ['mangle/preroutin']\n"
    )
    assert [line.split(": ")[:2] for line in complaints(tmp_path, text)] == [
        ["lab.toml:1", "nmae"],
        ["lab.toml:4", "port.a.offload"],
        ["lab.toml:5", "port.a.netns"],
        ["lab.toml:7", "port.b.driver"],
        ["lab.toml:9", "daemon.usr"],
        ["lab.toml:11", "hooks.mode"],
    ]


def test_faults_of_the_setups_are_told_with_those_of_the_file(tmp_path: Path) -> None:
    seen = []

    def faults(setup: SetupText) -> list[str]:
        seen.append((setup.text, setup.lines))
        return [f"{setup.file}: wrong"]

    path = write(tmp_path, lab_toml="x = 1\nsetup_text = '''\nfoo\n'''\n")
    with pytest.raises(ConfigError) as caught:
        load(path, read, faults)
    assert caught.value.complaints[1:] == [f"{path}: wrong"]
    assert seen == [("foo\n", (3, 4))], "with its own lines"


def test_a_missing_file_is_one_complaint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(str(tmp_path / "no.toml"), read, no_faults)
    assert caught.value.complaints == [f"{tmp_path}/no.toml: No such file or directory"]


def test_a_file_that_is_not_utf_8_is_one_complaint(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError) as caught:
        load(str(tmp_path / "lab.toml"), read, no_faults)
    assert caught.value.complaints == [f"{tmp_path}/lab.toml: not UTF-8"]
