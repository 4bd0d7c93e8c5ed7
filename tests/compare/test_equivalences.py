"""What a text may differ in by nature."""

from pystack.compare.equivalences import plain_text

LOCAL = "02:00:00:00:00:01 dev tap1 master br0 permanent\n"
LEARNED = "02:00:00:00:aa:01 dev tap1 master br0 \n"


def test_what_a_kernel_with_vlans_lists_once_more_counts_once() -> None:
    again = "02:00:00:00:00:01 dev tap1 vlan 1 master br0 permanent\n"
    sticky = "02:00:00:00:aa:01 dev tap3 vlan 1 sticky master br0 static\n"
    assert plain_text(LEARNED + again + LOCAL + sticky) == LEARNED + LOCAL


def test_entries_of_other_vlans_and_learned_ones_stay() -> None:
    text = (
        "02:00:00:00:00:01 dev tap1 vlan 5 master br0 permanent\n"
        "02:00:00:00:00:01 dev tap1 vlan 11 master br0 permanent\n"
        "02:00:00:00:aa:01 dev tap1 vlan 1 master br0 \n"
    )
    assert plain_text(text) == text
