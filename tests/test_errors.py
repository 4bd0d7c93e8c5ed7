"""Refusals in the kernel's words."""

import errno
import os

import pytest

from pystack import errors
from pystack.errors import ENETUNREACH, NetError, NotModelled

NUMBERS = {
    name: value for name, value in vars(errors).items() if name.startswith("E") and isinstance(value, int)
}


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_every_number_is_this_systems_own(name: str) -> None:
    assert NUMBERS[name] == getattr(errno, name)


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_every_number_has_the_c_librarys_words(name: str) -> None:
    assert NetError(NUMBERS[name]).text == os.strerror(NUMBERS[name])


def test_a_refusal_keeps_its_number_and_sentence() -> None:
    error = NetError(ENETUNREACH, "Nexthop has invalid gateway")
    assert (error.number, error.extack, str(error)) == (
        ENETUNREACH,
        "Nexthop has invalid gateway",
        "Network is unreachable",
    )


def test_an_unknown_number_is_said_to_be_unknown() -> None:
    assert NetError(4095).text == "Unknown error 4095"


def test_what_is_not_modelled_is_named_with_what_is() -> None:
    assert str(NotModelled("link type vxlan", ("bridge", "veth"))) == (
        "link type vxlan is not modelled (known: bridge, veth)"
    )
    assert str(NotModelled("option x")) == "option x is not modelled"
