"""A packet that is put together from its line gives that line again."""

import pytest

from pystack.compare.log.datagram import Unreadable, read
from pystack.compare.log.rebuild import rebuild
from pystack.netfilter.log_ipv4 import ipv4_words
from pystack.netfilter.log_transport import LOG_IPOPT, LOG_TCPOPT, LOG_TCPSEQ
from tests.compare.log.logs import echo

HEAD = "SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=7 "
QUOTED = "SRC=10.0.0.2 DST=10.9.9.9 LEN=32 TOS=0x00 PREC=0x00 TTL=1 ID=9 "


@pytest.mark.parametrize(
    "words",
    [
        echo(),
        HEAD + "DF PROTO=UDP SPT=53 DPT=1024 LEN=40 ",
        HEAD + "DF PROTO=TCP SPT=5 DPT=80 SEQ=1000 ACK=7 WINDOW=512 RES=0x00 ACK SYN URGP=0 OPT (020405B4) ",
        f"{HEAD}PROTO=ICMP TYPE=11 CODE=0 [{QUOTED}PROTO=UDP SPT=1 DPT=2 LEN=12 ] ",
        f"{HEAD}PROTO=ICMP TYPE=5 CODE=1 GATEWAY=10.0.0.9 [{QUOTED}PROTO=47 ] ",
        HEAD + "MF FRAG:100 PROTO=UDP ",
        HEAD + "OPT (94040000) PROTO=2 ",
        "SRC=10.0.0.1 DST=10.0.0.2 LEN=24 TOS=0x00 PREC=0x00 TTL=64 ID=7 PROTO=ICMP INCOMPLETE [4 bytes] ",
    ],
)
def test_the_same_words_come_back(words: str) -> None:
    flags = LOG_TCPSEQ | LOG_TCPOPT | LOG_IPOPT
    assert ipv4_words(rebuild(read(words)), flags).words == words


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("SRC=fe80::1 DST=fe80::2 LEN=40 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=UDP SPT=1 DPT=2 LEN=8 ", "IPv6"),
        ("SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 ", "cut off"),
        (
            "SRC=10.0.0.1 DST=10.0.0.2 LEN=8 TOS=0x00 PREC=0x00 TTL=64 ID=7 PROTO=UDP ",
            "shorter than its header",
        ),
        (HEAD + "OPT (940400) PROTO=2 ", "length that no options have"),
    ],
)
def test_what_cannot_be_put_together_says_why(words: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        rebuild(read(words))
