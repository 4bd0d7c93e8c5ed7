"""sysctl: what test_parity.py does not hold against the real one."""

import pytest

from pystack.applets import virtual
from pystack.applets.requests import FileRefused
from pystack.applets.sysctl import key_path, key_text
from pystack.applets.virtual import Completed, Outside
from pystack.host import Host
from pystack.sysctl_defaults import CONF, GLOBALS, NEIGH


def sysctl(args: str, host: Host | None = None, outside: Outside | None = None) -> Completed:
    return virtual.run(["sysctl", *args.split()], Host() if host is None else host, outside=outside)


@pytest.mark.parametrize(
    ("args", "name"),
    [
        ("-w net.ipv6.conf.all.disable_ipv6=0", "IPv6 (net.ipv6.conf.all.disable_ipv6 = 0)"),
        ("-w net.ipv6.conf.all.forwarding=1", "sysctl net.ipv6.conf.all.forwarding"),
        ("-w fs.file-max=5", "sysctl fs.file-max"),
        ("kernel.hostname", "sysctl kernel.hostname"),
        ("--system", "sysctl --system"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(args: str, name: str) -> None:
    done = sysctl(args)
    assert done.rc == 2
    assert done.err.startswith(f"pystack: {name} is not modelled")


def reading(**texts: str) -> Outside:
    def read(path: str) -> bytes:
        if path not in texts:
            raise FileRefused(path, "No such file or directory")
        return texts[path].encode()

    return Outside(read_file=read)


def test_settings_come_from_files_patterns_spare_what_another_line_names() -> None:
    text = "# comment\n; too\nnet.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\nfoo\n"
    done = sysctl("-p f", outside=reading(f=text))
    assert done.out == "net.ipv4.conf.default.rp_filter = 2\nnet.ipv4.conf.lo.rp_filter = 2\n"
    assert (done.rc, done.err) == (0, "sysctl: f(5): invalid syntax, continuing...\n")


def test_a_missing_file_is_told_and_the_next_one_read() -> None:
    done = sysctl("-p nosuch f", outside=reading(f="net.ipv4.ip_forward=1"))
    assert (done.rc, done.out) == (1, "net.ipv4.ip_forward = 1\n")
    assert done.err == 'sysctl: cannot open "nosuch": No such file or directory\n'


def test_a_dry_run_says_what_it_would_write() -> None:
    host = Host()
    assert sysctl("--dry-run -w net.ipv4.ip_forward=1", host).out == "net.ipv4.ip_forward = 1\n"
    assert sysctl("-n net.ipv4.ip_forward", host).out == "0\n"


def test_a_broken_pattern_matches_nothing() -> None:
    assert sysctl("-a -r [").out == ""


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("net.ipv4.ip_forward", ("net", "ipv4", "ip_forward")),
        ("net/ipv4/conf/eth0.5/forwarding", ("net", "ipv4", "conf", "eth0.5", "forwarding")),
        ("net.ipv4.conf.eth0/5.forwarding", ("net", "ipv4", "conf", "eth0.5", "forwarding")),
    ],
)
def test_a_key_may_be_written_with_dots_or_slashes(key: str, path: tuple[str, ...]) -> None:
    assert key_path(key) == path
    assert key_path(key_text(path)) == path


def test_stored_settings_say_that_they_change_nothing() -> None:
    host = Host()
    knob = host.init.sysctls.find("net.ipv4.tcp_sack")
    assert knob is not None
    assert not knob.effect
    forward = host.init.sysctls.find("net.ipv4.ip_forward")
    assert forward is not None
    assert forward.effect


def test_names_of_the_table_are_in_order_and_told_once() -> None:
    for rows in (*GLOBALS.values(), CONF, NEIGH):
        names = [row.name for row in rows]
        assert names == sorted(set(names))


def test_the_settings_of_a_device_go_with_it() -> None:
    host = Host()
    virtual.run_setup(host, "ip link add d0 type dummy; ip link set d0 name d1", "setup")
    assert sysctl("-a -N -r d0", host).out == ""
    assert "net.ipv6.conf.d1.disable_ipv6\n" in sysctl("-a -N -r d1", host).out
    virtual.run_setup(host, "ip link del d1", "setup")
    assert sysctl("-a -N -r d1", host).out == ""


def test_a_value_written_by_a_shell_is_read_back() -> None:
    host = Host()
    assert virtual.run_setup(host, "echo 5 > /proc/sys/net/ipv4/tcp_fin_timeout", "setup") == []
    assert virtual.run(["cat", "/proc/sys/net/ipv4/tcp_fin_timeout"], host).out == "5\n"
    [failed, _] = virtual.run_setup(host, "echo x > /proc/sys/net/ipv4/tcp_fin_timeout", "setup")
    assert failed == "pystack: setup:1: cannot write /proc/sys/net/ipv4/tcp_fin_timeout: Invalid argument"
