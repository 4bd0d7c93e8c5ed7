"""The table of leases: who gets which address, and that it stays as small as its range."""

from hypothesis import given
from hypothesis import strategies as st

from pystack.services.leases import QUARANTINE, Lease, LeaseState, LeaseTable

PRINTER = bytes.fromhex("020000000099")


def mac(number: int) -> bytes:
    return bytes([2, 0, 0, 0, number >> 8, number & 255])


class Table(LeaseTable):
    """Ten addresses, 100 to 109, of which 109 is the printer's; 103 is the host's own."""

    def __init__(self) -> None:
        self.own = {103}
        super().__init__(100, 109, {PRINTER: 109}, lambda address: address not in self.own)

    def give(
        self, number: int, now: float = 0.0, wanted: int | None = None, until: float = 60.0
    ) -> int | None:
        client = mac(number)
        address = self.choose(client, client, wanted, now)
        if address is not None:
            self.put(Lease(address, client, client, LeaseState.BOUND, until))
        return address


def test_each_client_gets_an_address_of_its_own_and_the_last_ones_none() -> None:
    table = Table()
    assert [table.give(number) for number in range(10)] == [
        100,
        101,
        102,
        104,
        105,
        106,
        107,
        108,
        None,
        None,
    ]


def test_a_client_gets_what_it_had_also_when_it_is_long_over() -> None:
    table = Table()
    table.give(0)
    table.give(1)
    assert table.give(1, now=1000.0, until=1060.0) == 101


def test_a_wanted_address_is_given_if_it_is_free() -> None:
    table = Table()
    assert table.give(0, wanted=107) == 107
    assert table.give(1, wanted=107) == 100
    assert table.give(2, wanted=99) == 101


def test_no_address_is_given_twice_at_a_time() -> None:
    table = Table()
    table.give(0, wanted=102)
    assert [table.give(number) for number in range(1, 9)] == [100, 101, 104, 105, 106, 107, 108, None]


def test_when_all_were_given_the_one_that_is_free_longest_follows() -> None:
    table = Table()
    for number in range(8):
        table.give(number, until=60.0 - number)
    assert table.give(50, now=54.0) == 108
    assert table.give(51, now=54.0) == 107
    assert table.give(52, now=54.0) is None


def test_a_reserved_address_is_its_stations_alone() -> None:
    table = Table()
    assert not table.may_have(mac(1), mac(1), 109, 0.0)
    assert table.choose(PRINTER, PRINTER, 105, 0.0) == 109
    assert not table.may_have(PRINTER, PRINTER, 105, 0.0)


def test_an_address_that_this_host_gives_up_is_given_later() -> None:
    table = Table()
    for number in range(9):
        table.give(number, until=10_000.0)
    table.own = set()
    assert table.give(50, now=1.0) is None
    assert table.give(50, now=QUARANTINE) == 103


def test_a_declined_address_rests() -> None:
    table = Table()
    table.give(0)
    lease = table.of(mac(0))
    assert lease is not None
    table.end(lease, LeaseState.DECLINED, QUARANTINE)
    assert table.give(0) == 101
    assert not table.may_have(mac(0), mac(0), 100, 0.0)
    for number in range(1, 9):
        table.give(number, until=10_000.0)
    assert table.give(50, now=QUARANTINE) == 100


def test_a_released_address_is_free_at_once() -> None:
    table = Table()
    for number in range(9):
        table.give(number)
    lease = table.of(mac(2))
    assert lease is not None
    table.end(lease, LeaseState.RELEASED, 1.0)
    assert table.give(50, now=1.0) == 102


def test_a_new_table_takes_over_what_still_fits() -> None:
    old, new = Table(), Table()
    old.give(0, until=60.0)
    old.give(1, until=5.0)
    old.give(2, until=60.0)
    declined = old.of(mac(2))
    assert declined is not None
    old.end(declined, LeaseState.DECLINED, QUARANTINE)
    new.own = {100}
    new.inherit(old, 10.0)
    assert [(lease.address, lease.state) for lease in new] == [(102, LeaseState.DECLINED)]
    assert new.of(mac(2)) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(98, 111), st.integers(0, 3), st.integers(1, 90))))
def test_whatever_happens_every_lease_is_alone_and_the_table_bounded(
    steps: list[tuple[int, int, int, int]],
) -> None:
    table, now = Table(), 0.0
    for number, wanted, what, length in steps:
        now += 7.0
        lease = table.of(mac(number))
        if what == 0 and lease is not None:
            table.end(lease, LeaseState.RELEASED, now)
        elif what == 1 and lease is not None:
            table.end(lease, LeaseState.DECLINED, now + length)
        else:
            running = {held.address: held.client for held in table if held.expires > now}
            address = table.give(number, now, wanted, now + length)
            if address is None:
                assert set(running) >= {100, 101, 102, 104, 105, 106, 107, 108} - {
                    held.address for held in table if held.state is LeaseState.DECLINED
                }
            else:
                assert running.get(address, mac(number)) == mac(number)
        assert {held.address for held in table} <= set(range(100, 109)) - {103}
        assert len(table._by_end) <= 2 * len(table) + 65
