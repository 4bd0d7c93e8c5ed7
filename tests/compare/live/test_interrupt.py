"""Ctrl-C while a comparison runs."""

import os
import signal

import pytest

from pystack.compare.live.interrupt import Interrupt


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_one_interrupts_nothing_and_is_known() -> None:
    with Interrupt() as interrupt:
        assert not interrupt.came
        ctrl_c()
        assert interrupt.came


def test_a_second_one_interrupts() -> None:
    with Interrupt():
        ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()


def test_behind_it_all_is_as_before() -> None:
    with Interrupt():
        pass
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_where_it_is_ignored_it_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupt() as interrupt:
            ctrl_c()
            assert not interrupt.came
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
