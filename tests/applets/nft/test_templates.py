"""What the tables of fields say: places that fit, kinds that are long enough, links that lead somewhere."""

from pystack.applets.nft.headers import EXTENSION_HEADERS, IP_OPTIONS, SCTP_CHUNKS, TCP_OPTIONS, tcp_option
from pystack.applets.nft.keys import CT_KEYS, FIB_RESULTS, META_KEYS, META_SYNONYMS, RT_KEYS, SOCKET_KEYS
from pystack.applets.nft.protocols import ETHER, FAMILY_PROTOCOLS, IP, LAYERS, PROTOCOLS, TCP, VLAN
from pystack.applets.nft.types import TYPES


def test_a_field_is_as_long_as_its_kind() -> None:
    fields = [(protocol.name, one) for protocol in PROTOCOLS.values() for one in protocol.fields.values()]
    for headers in (EXTENSION_HEADERS, IP_OPTIONS, SCTP_CHUNKS, TCP_OPTIONS):
        fields += [(header.name, one) for header in headers.values() for one in header.fields.values()]
    assert [
        (owner, one.name) for owner, one in fields if one.type.bits not in (0, one.bits) or one.bits == 0
    ] == []


def test_every_protocol_leads_to_protocols_and_says_by_what() -> None:
    for protocol in (*PROTOCOLS.values(), *FAMILY_PROTOCOLS.values()):
        assert protocol.layer in LAYERS
        assert all(name in PROTOCOLS for name in protocol.upper.values())
        if protocol.upper:
            assert bool(protocol.next_field) != bool(protocol.next_meta)
        assert protocol.next_field in ("", *protocol.fields)
        assert protocol.next_meta in ("", *META_KEYS)
        assert protocol.checksum in ("", *protocol.fields)


def test_a_protocol_knows_the_number_of_what_follows() -> None:
    assert IP.number_of("tcp") == 6
    assert ETHER.number_of("vlan") == 0x8100
    assert TCP.number_of("tcp") is None


def test_a_raw_payload_is_the_first_field_with_its_place() -> None:
    dport, flag = TCP.field_at(16, 16), VLAN.field_at(3, 1)
    assert dport is not None
    assert dport.name == "dport"
    assert flag is not None
    assert flag.name == "dei"
    assert TCP.field_at(1, 1) is None


def test_keys_are_as_long_as_their_kinds_need() -> None:
    for keys in (META_KEYS, CT_KEYS, RT_KEYS, SOCKET_KEYS, FIB_RESULTS):
        assert [key.name for key in keys.values() if key.bits < key.type.bits] == []
    assert all(name in META_KEYS for name in META_SYNONYMS.values())


def test_a_set_can_be_declared_with_the_relative_time() -> None:
    assert TYPES["time"].description == "relative time"


def test_a_tcp_option_without_a_name_is_known_by_its_number() -> None:
    assert tcp_option("maxseg") is TCP_OPTIONS["maxseg"]
    assert (tcp_option("255").number, tcp_option("255").fields) == (255, {})
