"""A table that the kernel saved, taken over in the middle of conversations by another kernel and by us."""

from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.wire.tcp import ACK, FIN, PSH, SYN
from tests.netfilter.conntrack.packets import flow_of
from tests.netfilter.conntrack.router import PORTS, KernelRouter, PystackRouter
from tests.netfilter.conntrack.talk import Said, ping, query, segment
from tests.netfilter.conntrack.test_against_kernel import first_difference

FILE = "saved"


def conversation(port: int) -> list[Said]:
    """From the first SYN to the last ACK, and the same ports once more."""
    data = PSH | ACK
    return [
        segment(0, SYN, 100, 0, port=port),
        segment(1, SYN | ACK, 500, 101, port=port),
        segment(0, ACK, 101, 501, port=port),
        segment(0, data, 101, 501, b"a question", port=port),
        segment(1, ACK, 501, 111, port=port),
        segment(1, data, 501, 111, b"an answer", port=port),
        segment(0, ACK, 111, 510, port=port),
        segment(1, FIN | ACK, 510, 111, port=port),
        segment(0, ACK, 111, 511, port=port),
        segment(0, FIN | ACK, 111, 511, port=port),
        segment(1, ACK, 511, 112, port=port),
        segment(0, SYN, 9000, 0, port=port),
        segment(1, SYN | ACK, 7000, 9001, port=port),
    ]


def beside(port: int) -> list[Said]:
    return [query(0, port, 53), query(1, 53, port), ping(port), query(0, port, 54)]


def loaded(text: str) -> PystackRouter:
    ours = PystackRouter()
    outside = virtual.Outside(read_file=lambda path: text.encode())
    assert virtual.run(["conntrack", "-R", FILE], ours.box.host, None, outside).rc == 0
    return ours


@pytest.mark.root
def test_what_a_kernel_saved_goes_on_here_as_in_another_kernel_from_any_segment(tmp_path: Path) -> None:
    differing, file = [], tmp_path / FILE
    with KernelNetns(PORTS) as first, KernelNetns(PORTS) as second:
        source, heir = KernelRouter(first), KernelRouter(second)
        for cut in range(1, len(conversation(0))):
            port = 2000 + cut
            source.flush()
            heir.flush()
            for side, packet in (*conversation(port)[:cut], *beside(port)):
                source.send(side, packet)
            file.write_text(first.run(["conntrack", "-L", "-o", "save"]).out)
            assert second.run(["conntrack", "-R", str(file)]).rc == 0
            ours = loaded(file.read_text())
            for side, packet in (*conversation(port)[cut:], *beside(port)):
                found = first_difference(heir, ours, side, packet, flow_of(packet))
                differing += [] if found is None else [f"cut at {cut}: {packet[20:].hex()}\n{found}"]
        source.close()
        heir.close()
    assert "\n".join(differing) == ""
