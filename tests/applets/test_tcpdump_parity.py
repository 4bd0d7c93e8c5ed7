"""Our tcpdump and the real one read the same files: lines, complaints and counts are the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.requests import FileRefused
from pystack.applets.virtual import Completed, Outside
from pystack.host import Host
from pystack.wire import pcap
from pystack.wire.pcap import Captured
from tests.applets import tcpdump_frames as frames
from tests.applets.tcpdump_frames import Recorded, cut_short, mutated, savefile, whole

pytestmark = pytest.mark.slow  # the real tcpdump is started again and again

VERSION = "tcpdump version 4.99.3"
CAPTURES = Path(__file__).parents[3] / "shared" / "data" / "captures-tcpdump"

LOOKS = ["-nn", "-nn -e", "-nn -v", "-nn -vv -e", "-n -q", "-nn -X", "-nn -xx", "-nn -A", "-nn -S -t"]
CUT_LOOKS = ["-nn", "-nn -e -vv", "-nn -v -X", "-nn -x"]


@pytest.fixture(scope="module")
def real() -> str:
    path = shutil.which("tcpdump")
    if path is None:
        pytest.skip("needs tcpdump (Debian: tcpdump)")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    if not said.startswith(VERSION):
        pytest.skip(f"compares with {VERSION}, here is {said.partition(chr(10))[0]}")
    return path


@pytest.fixture
def same(real: str, tmp_path: Path) -> Callable[..., Completed]:
    def compare(content: bytes, *options: str) -> Completed:
        """Read a file with both; they must say the same. Ours is returned."""
        path = tmp_path / "frames.pcap"
        path.write_bytes(content)
        argv = ["-r", str(path), *options]
        theirs = subprocess.run([real, *argv], capture_output=True, env=UTC, timeout=120, check=False)
        ours = virtual.run(["tcpdump", *argv], Host(), outside=Outside(read_file=read_file))
        assert_same_lines(ours.out, theirs.stdout.decode("latin-1"))
        assert (ours.rc, ours.err) == (theirs.returncode, theirs.stderr.decode())
        return ours

    return compare


UTC = dict(os.environ, TZ="UTC0", LC_ALL="C")


def read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileRefused(path, error.strerror or "") from None


def assert_same_lines(ours: str, theirs: str) -> None:
    mine, real_ones = ours.split("\n"), theirs.split("\n")
    differing = [
        f"line {number}\n  tcpdump {line!r}\n  pystack {my_line!r}"
        for number, (my_line, line) in enumerate(zip(mine, real_ones, strict=False), start=1)
        if my_line != line
    ]
    assert not differing, f"{len(differing)} of {len(real_ones)} lines\n" + "\n".join(differing[:5])
    assert len(mine) == len(real_ones)


KINDS = {
    "arp": frames.arps,
    "icmp": frames.icmps,
    "udp": frames.udps,
    "tcp": frames.tcps,
    "igmp": frames.igmps,
    "ip headers": frames.headers,
    "links": frames.links,
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_shown_as_tcpdump_shows_them(same: Callable[..., Completed], kind: str, look: str) -> None:
    same(savefile(whole(KINDS[kind]())), *look.split())


@pytest.mark.parametrize("look", CUT_LOOKS)
@pytest.mark.parametrize("kind", KINDS)
def test_frames_that_were_cut_are_shown_as_tcpdump_shows_them(
    same: Callable[..., Completed], kind: str, look: str
) -> None:
    same(savefile(cut_short(KINDS[kind]())), *look.split())


def without(recorded: Iterable[Recorded], place: int, values: Iterable[int]) -> Iterator[Recorded]:
    """Those whose octet at a place is none of these: what they mean is decoded by tcpdump alone."""
    unwanted = frozenset(values)
    return (one for one in recorded if len(one.frame) <= place or one.frame[place] not in unwanted)


def damaged(kind: str, turns: int) -> list[Recorded]:
    """Frames with octets changed where that does not lead to a protocol which only tcpdump decodes."""
    if kind == "arp":
        return list(without(mutated(frames.arps(), range(14, 42), turns, seed=1), 15, (15, 19)))
    if kind == "icmp":
        return list(mutated(frames.icmps(), range(34, 43), turns, seed=2))
    if kind == "igmp":
        plain = [frame for frame in frames.igmps() if frame[14] == 0x45]
        return list(without(mutated(plain, range(34, 60), turns, seed=3), 34, (0x13, 0x14)))
    if kind == "tcp":
        found = mutated(frames.tcps(), range(38, 80), turns, seed=4)
        return [one for one in found if 30 not in one.frame[54:94]]
    if kind == "ip headers":
        return list(mutated([frames.ip(frames.udp(b"x" * 30), 17)], range(14, 23), turns * 50, seed=5))
    found = mutated(frames.links(), range(20), turns, seed=6)
    return [one for one in found if _is_plain_link(one.frame)]


def _is_plain_link(frame: bytes) -> bool:
    return frame[12:14] in (b"\x08\0", b"\x12\x34", b"\x81\0", b"\x88\xa8", b"\0\x26") and frame[
        14:16
    ] not in (
        b"\xff\xff",
        b"\xe0\xe0",
        b"\xfe\xfe",
        b"\xf0\xf0",
    )


@pytest.mark.parametrize("look", ["-nn", "-nn -e"])
@pytest.mark.parametrize("kind", ["arp", "icmp", "igmp", "tcp", "ip headers", "links"])
def test_damaged_frames_are_shown_as_tcpdump_shows_them(
    same: Callable[..., Completed], scaled: Callable[[int], int], kind: str, look: str
) -> None:
    same(savefile(damaged(kind, scaled(100))), *look.split())


@pytest.mark.parametrize(
    "options",
    [
        "-tt",
        "-ttt",
        "-tttt",
        "-ttttt",
        "-#",
        "--nano",
        "--micro",
        "-c 3",
        "--count",
        "-c 2 --count",
        "-s 40",
        "-K -v",
    ],
)
def test_options_do_what_they_do_there(same: Callable[..., Completed], options: str) -> None:
    same(savefile(whole(frames.icmps())), "-nn", *options.split())


FAULTS = {
    "empty": b"",
    "short magic": b"\xd4\xc3",
    "short header": pcap.file_header()[:10],
    "no capture": b"root:x:0:0:root:/:/bin/sh\n" * 3,
    "no frames": pcap.file_header(),
    "short record": pcap.file_header() + bytes(6),
    "short frame": savefile(whole([frames.ip(frames.udp(b"x"), 17)]))[:-5],
    "nothing kept": pcap.file_header() + bytes(16),
    "no length": pcap.file_header() + pcap.record(0, b"x" * 20)[:12] + bytes(4) + b"x" * 20,
    "longer than it was": pcap.file_header() + pcap.record(0, b"x" * 20)[:12] + b"\x05\0\0\0" + b"x" * 20,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_a_file_are_told_in_the_same_words(same: Callable[..., Completed], fault: str) -> None:
    same(FAULTS[fault], "-nn")


# --- filters ----------------------------------------------------------------------------------------------

EXPRESSIONS = """
arp
rarp
ip
ip6
icmp
icmp6
igmp
tcp
udp
sctp
pim
vrrp
ah
esp
igrp
stp
netbeui
decnet
not ip
ip and not tcp
tcp or udp
!arp
! ( arp )
not not tcp
ip && tcp || arp
arp or ip and tcp
not (tcp or udp)
tcp port 80
port 53
udp port 53
src port 53
dst port 53
tcp src port 80
src or dst port 53
src and dst port 53
tcp port 80 or 443
port 80 or (443 or 8080)
(port 80 or 443)
port 80 and not host 10.0.0.1
portrange 1-1023
portrange 80-90
udp portrange 1000-2000
src portrange 1-1023
dst portrange 53-53
portrange 90-80
port http
port domain
portrange http-https
tcp port http and tcp[20:4] = 0
host 10.0.0.1
src host 10.0.0.1
dst 10.0.0.1
host 127.0.0.1 or 10.0.0.1
host 10.0.0.1 and not 10.0.0.2
host 10.0.0.1 and (10.0.0.2 or 10.0.0.3)
src or dst host 192.168.1.1
src and dst host 127.0.0.1
host 0
host localhost
net 10
net 10.0
net 192.168
net 192.168.0.0/16
net 0.0.0.0/0
net 10.0.0.0 mask 255.0.0.0
src net 10 or 192.168
dst net 224.0.0.0/4
ip host 10.0.0.1
arp host 192.168.1.1
arp net 192.168
ip6 host fe80::1
net fe80::/10
dst host ff02::1
ip proto 1
ip proto \\tcp
ip proto 300
ip6 proto 58
proto 17
proto \\udp
ether proto 0x806
ether proto \\arp
ether proto \\stp
ether host ff:ff:ff:ff:ff:ff
ether dst 01:80:c2:00:00:00
ether src 00-00-00-00-00-00
ether host aabb.cc00.0200
ether broadcast
broadcast
multicast
ip broadcast
ip multicast
ip6 multicast
less 60
greater 1000
len > 500
length = 60
tcp[tcpflags] & tcp-syn != 0
tcp[tcpflags] & (tcp-syn|tcp-fin) != 0
tcp[tcpflags] == tcp-syn
icmp[icmptype] = icmp-echo
icmp[icmptype] == icmp-echoreply or icmp[0] = 3
icmp6[icmp6type] = icmp6-routersolicit
ip6[6] = 58
ip[8] < 64
ip[6:2] & 0x1fff != 0
ip[2:2] > 576
udp[4:2] > 100
ether[0] & 1 = 0 and ip[16] >= 224
ether[12:2] < 1501
arp[6:2] = 1
tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420
ip[2:2] - ((ip[0] & 0xf) << 2) > 100
(tcp[0:2] + 1) = 81
ip[8] * 2 > 200
ip[8] / 2 = 32
ip[8] % 2 = 1
ip[8] ^ 1 = 65
0 - ip[8] > 0
1 = 1
tcp or 1 = 2
vlan
vlan 100
vlan and ip
vlan and vlan
vlan 1 and arp
not vlan
tcp[0] = 0 or not tcp
not tcp[1000] = 0
ip[1000] = 0
not ip[1000] = 0
ip6 and tcp port 80
(udp or tcp) and (port 53 or port 80) and not (host 10.0.0.1 or net 192.168)
"""

REFUSED = """
arp and ip
icmp and udp
tcp port 80 and udp
icmp and port 80
1 = 2
tcp and 1 = 2
host 300.1.1.1
host 1.2.3.4.5
foo
host
and
tcp and
(tcp
tcp)
tcp port
port foo
port 70000
portrange 1-foo
net 10.0.0.1/8
net 10.0.0.0/33
host 10.0.0.0/8
10.0.0.1
tcp 80
tcp and 80
arp and 10.0.0.1
arp port 80
tcp host 10.0.0.1
ip6 host 10.0.0.1
ip host ::1
ether host 10.0.0.1
host 00:11:22:33:44:55
ether net 10
src port
tcp proto 6
arp proto 5
tcp[0:3] = 1
ah[0] = 1
len
1
tcp[0]
(tcp[0])
ip proto foo
ether proto foo
src arp
ether
ip host
vlan 5000
inbound
ifindex 3
ip[8] / 0 = 1
ip[8] % 0 = 1
ip[8] << 33 = 1
08 = 1
4294967296 = 1
host @
port 80 $
tcp ! udp
host 10.0.0.1 or or
ip host 10.0.0.1 10.0.0.2
net nosuch
net fe80::1/10
host fe80::/10
"""


def lines_of(text: str) -> list[str]:
    return text.strip().split("\n")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All our frames, and those of the captures where they are at hand."""
    recorded = [one for make in KINDS.values() for one in whole(make())]
    recorded += list(captured()) if CAPTURES.is_dir() else []
    path = tmp_path_factory.mktemp("captures") / "everything.pcap"
    path.write_bytes(savefile(recorded))
    return path


def captured(limit: int = 60) -> Iterator[Recorded]:
    for path in sorted(CAPTURES.glob("*.pcap")):
        if path.name.startswith(("mptcp", "arp-oobr")):  # decoded by tcpdump alone
            continue
        frames_of = (one for one in pcap.parse(path.read_bytes()) if isinstance(one, Captured))
        for _, one in zip(range(limit), frames_of, strict=False):
            if one.frame and one.length < 262_144:
                yield Recorded(one.frame, one.length)


@pytest.mark.parametrize("expression", lines_of(EXPRESSIONS))
def test_a_filter_lets_the_same_frames_pass(real: str, everything: Path, expression: str) -> None:
    argv = ["-n", "--count", "-r", str(everything), expression]
    theirs = subprocess.run([real, *argv], capture_output=True, text=True, timeout=60, check=False)
    ours = virtual.run(["tcpdump", *argv], Host(), outside=Outside(read_file=read_file))
    assert (ours.out, ours.err, ours.rc) == (theirs.stdout, theirs.stderr, theirs.returncode)


@pytest.mark.parametrize("expression", lines_of(REFUSED))
def test_a_filter_is_refused_in_the_same_words(real: str, everything: Path, expression: str) -> None:
    argv = ["-n", "--count", "-r", str(everything), expression]
    theirs = subprocess.run([real, *argv], capture_output=True, text=True, timeout=60, check=False)
    ours = virtual.run(["tcpdump", *argv], Host(), outside=Outside(read_file=read_file))
    assert theirs.returncode == 1
    assert (ours.out, ours.err, ours.rc) == (theirs.stdout, theirs.stderr, theirs.returncode)


# --- captures of the real world -----------------------------------------------------------------------------

NO_DATA = "ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) = 0 and ip[6:2] & 0x3fff = 0"
PLAIN = f"arp or rarp or icmp or stp or (igmp and igmp[0] != 0x13 and igmp[0] != 0x14) or (tcp and {NO_DATA})"
# With -v the packets that ICMP errors quote are decoded too, and with them what we do not decode.
VERBOSE = PLAIN.replace("or icmp or stp", "or (icmp and (icmp[0] = 0 or icmp[0] = 8))")


@pytest.mark.parametrize(
    ("look", "expression"),
    [
        ("-nn", PLAIN),
        ("-nn -e", PLAIN),
        ("-nn -X", PLAIN),
        ("-nn -S -tttt", PLAIN),
        ("-nn -v", VERBOSE),
        ("-nn -vv -e", VERBOSE),
        ("-n -q", "udp and ip"),
        ("-n -q", "udp and ip6"),
        (
            "-nn -v -e",
            "icmp6 and (ip6[40] < 5 or ip6[40] = 128 or ip6[40] = 129 or ip6[40] >= 133 and ip6[40] < 137)",
        ),
    ],
)
def test_captures_are_shown_as_tcpdump_shows_them(
    same: Callable[..., Completed], look: str, expression: str
) -> None:
    if not CAPTURES.is_dir():
        pytest.skip("tcpdump's own captures are not beside this checkout")
    shown = same(savefile(captured()), *look.split(), expression)
    assert shown.out.count("\n") > 20
