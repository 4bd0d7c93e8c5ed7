"""sysctl, without the real one beside it: files, refusals, and what no case of parity reaches."""

import pytest

from pystack.applets import virtual
from pystack.applets.requests import FileRefused
from pystack.applets.running_setup import setup_lines
from pystack.applets.virtual import Completed, Outside
from pystack.host import Host


def sysctl(args: str, host: Host | None = None, outside: Outside | None = None) -> Completed:
    return virtual.run(["sysctl", *args.split()], Host() if host is None else host, outside=outside)


def word(argument: str, host: Host | None = None) -> Completed:
    return virtual.run(["sysctl", argument], Host() if host is None else host)


def reading(**texts: str) -> Outside:
    def read(path: str) -> bytes:
        if path not in texts:
            raise FileRefused(path, "No such file or directory")
        return texts[path].encode()

    return Outside(read_file=read)


@pytest.mark.parametrize(
    ("args", "name"),
    [
        ("-w net.ipv6.conf.all.disable_ipv6=0", "IPv6"),
        ("-w net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.all.forwarding"),
        ("net.ipv6.icmp", "net.ipv6.icmp"),
        ("-w fs.file-max=5", "fs.file-max"),
        ("kernel.hostname", "kernel.hostname"),
        ("-e kernel.hostname", "kernel.hostname"),
        ("--system", "sysctl --system"),
        ("-p f[12]", "sysctl -p with a pattern of files (f[12])"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(args: str, name: str) -> None:
    done = sysctl(args)
    assert done.rc == 2
    assert done.err.startswith(f"pystack: {name} is not modelled")


def test_what_is_not_modelled_does_not_stop_the_rest() -> None:
    done = sysctl("fs.file-max net.ipv4.ip_forward kernel.pid_max=1 net.core.somaxconn=5")
    assert (done.rc, done.out) == (2, "net.ipv4.ip_forward = 0\nnet.core.somaxconn = 5\n")
    assert done.err.count("is not modelled") == 2


def test_that_ipv6_is_off_may_be_read_and_said_again() -> None:
    host = Host()
    assert sysctl("net.ipv6.conf.lo.disable_ipv6", host).out == "net.ipv6.conf.lo.disable_ipv6 = 1\n"
    assert sysctl("net.ipv6.conf.lo.disable_ipv6=1", host).rc == 0


def test_settings_come_from_files_and_patterns_spare_what_another_line_names() -> None:
    text = "# comment\n; too\nnet.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\nfoo\n"
    done = sysctl("-p f", outside=reading(f=text))
    assert done.out == "net.ipv4.conf.default.rp_filter = 2\nnet.ipv4.conf.lo.rp_filter = 2\n"
    assert (done.rc, done.err) == (0, "sysctl: f(5): invalid syntax, continuing...\n")


@pytest.mark.parametrize("args", ["-p f", "-pf", "-f f", "--load=f", "--load f", "--load f -q"])
def test_a_file_may_be_named_in_every_way(args: str) -> None:
    host = Host()
    assert sysctl(args, host, reading(f="net.core.somaxconn = 7")).rc == 0
    assert sysctl("-n net.core.somaxconn", host).out == "7\n"


def test_without_a_name_the_file_is_that_of_the_machine() -> None:
    host = Host()
    outside = Outside(read_file={"/etc/sysctl.conf": b"net.core.somaxconn = 7\n"}.__getitem__)
    assert sysctl("-p", host, outside).out == "net.core.somaxconn = 7\n"


def test_a_dash_is_standard_input() -> None:
    done = sysctl("-p -", outside=Outside(stdin=b"net.core.somaxconn=9"))
    assert done.out == "net.core.somaxconn = 9\n"


def test_a_missing_file_is_told_and_the_next_one_read() -> None:
    done = sysctl("-p nosuch f", outside=reading(f="net.ipv4.ip_forward=1"))
    assert (done.rc, done.out) == (1, "net.ipv4.ip_forward = 1\n")
    assert done.err == 'sysctl: cannot open "nosuch": No such file or directory\n'


def test_a_folder_holds_no_line() -> None:
    def read(path: str) -> bytes:
        raise FileRefused(path, "Is a directory")

    done = sysctl("-p .", outside=Outside(read_file=read))
    assert (done.rc, done.text) == (0, "")


def test_a_line_ends_where_c_stops_reading() -> None:
    done = sysctl("-p f", outside=reading(f="net.core.somaxconn=99\0abc\nnet.core.somaxconn=98"))
    assert done.out == "net.core.somaxconn = 99\nnet.core.somaxconn = 98\n"


def test_a_dry_run_says_what_it_would_write() -> None:
    host = Host()
    assert sysctl("--dry-run -w net.ipv4.ip_forward=1", host).out == "net.ipv4.ip_forward = 1\n"
    assert sysctl("-n net.ipv4.ip_forward", host).out == "0\n"


def test_a_broken_pattern_matches_nothing() -> None:
    assert sysctl("-a -r [").out == ""


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("net.ipv4.ip_forward", "net.ipv4.ip_forward"),
        ("net/ipv4/ip_forward", "net.ipv4.ip_forward"),
        ("/net/ipv4/ip_forward", ".net.ipv4.ip_forward"),
        ("net/ipv4/conf/d0.5/forwarding", "net.ipv4.conf.d0/5.forwarding"),
        ("net.ipv4.conf.d0/5.forwarding", "net.ipv4.conf.d0/5.forwarding"),
    ],
)
def test_a_key_may_be_written_with_dots_or_slashes(key: str, name: str) -> None:
    host = Host()
    assert virtual.run_setup(host, "ip link add d0.5 type dummy", "setup") == []
    assert word(key, host).out == f"{name} = 0\n"


@pytest.mark.parametrize(
    ("key", "code", "err"),
    [
        ("", 255, '"" is an unknown key'),
        (".", 255, "Path is not under /proc/sys/: /proc/sys//"),
        ("=1", 1, "Path is not under /proc/sys/: /proc/sys/"),
        ("net.ipv4.ip_forward.", 1, "cannot stat /proc/sys/net/ipv4/ip_forward/: Not a directory"),
        ("net.foo", 1, "cannot stat /proc/sys/net/foo: No such file or directory"),
        ("net.core/foo=1", 1, "cannot stat /proc/sys/net/core.foo: No such file or directory"),
        ("net.ipv4.tcp_sack=x", 1, 'setting key "net.ipv4.tcp_sack": Invalid argument'),
    ],
)
def test_a_wrong_key_is_told_as_procps_does(key: str, code: int, err: str) -> None:
    done = word(key)
    assert (done.rc, done.err) == (code, f"sysctl: {err}\n")


def test_failures_of_reading_are_counted_and_no_more_than_an_exit_code_holds() -> None:
    assert sysctl("net.a net.b net.ipv4.ip_forward net.c").rc == 3
    assert sysctl(" ".join(["net.a"] * 256)).rc == 0


def test_the_settings_of_a_device_go_with_it() -> None:
    host = Host()
    virtual.run_setup(host, "ip link add d0 type dummy; ip link set d0 name d1", "setup")
    assert sysctl("-a -N -r d0", host).out == ""
    shown = sysctl("-a -N --deprecated -r \\.d1\\.", host).out.splitlines()
    assert len(shown) == 33 + 17 + 1
    virtual.run_setup(host, "ip link del d1", "setup")
    assert sysctl("-a -N -r d1", host).out == ""


def test_a_value_written_by_a_shell_is_read_back() -> None:
    host = Host()
    assert virtual.run_setup(host, "echo 5 > /proc/sys/net/ipv4/tcp_fin_timeout", "setup") == []
    assert virtual.run(["cat", "/proc/sys/net/ipv4/tcp_fin_timeout"], host).out == "5\n"
    [failed, _] = virtual.run_setup(host, "echo x > /proc/sys/net/ipv4/tcp_fin_timeout", "setup")
    assert failed == "pystack: setup:1: cannot write /proc/sys/net/ipv4/tcp_fin_timeout: Invalid argument"


def test_the_route_cache_is_flushed_by_writing_and_cannot_be_read() -> None:
    host = Host()
    before = host.init.ipv4.fib.generation
    assert sysctl("net.ipv4.route.flush=1", host).out == "net.ipv4.route.flush = 1\n"
    assert host.init.ipv4.fib.generation > before
    assert sysctl("net.ipv4.route.flush", host).text == ""


def test_what_belongs_to_the_whole_host_is_written_in_the_first_namespace_alone() -> None:
    host = Host()
    other = host.add_netns("other")
    assert sysctl("net.core.rmem_max=8000000", host).rc == 0
    shown = virtual.run(["sysctl", "net.core.rmem_max"], host, other)
    assert shown.out == "net.core.rmem_max = 8000000\n"
    refused = virtual.run(["sysctl", "net.core.rmem_max=5000"], host, other)
    assert (refused.rc, refused.err) == (0, 'sysctl: setting key "net.core.rmem_max": Invalid argument\n')
    assert virtual.run(["sysctl", "net.core.busy_poll"], host, other).rc == 1


def test_a_big_listing_names_every_key_once_and_in_order() -> None:
    names = sysctl("-a -N").out.splitlines()
    paths = [tuple(word.replace("/", ".") for word in name.split(".")) for name in names]
    assert paths == sorted(set(paths))
    assert len(names) > 400


@pytest.mark.parametrize(
    "text",
    [
        "sysctl -q net.ipv4.ipfrag_low_thresh=5 net.ipv4.ipfrag_high_thresh=9",
        "sysctl -q net.ipv4.ipfrag_high_thresh=9000000 net.ipv4.ipfrag_low_thresh=8000000",
        "sysctl -q net.ipv4.ip_unprivileged_port_start=80 'net.ipv4.ip_local_port_range=100 200'",
        "sysctl -q 'net.ipv4.ip_local_port_range=50000 60000' net.ipv4.ip_unprivileged_port_start=40000",
        "sysctl -q net.nf_conntrack_max=5 net.ipv4.neigh.lo.unres_qlen=7",
        "ip netns add b; ip netns exec b sysctl -q net.ipv4.neigh.lo.proxy_qlen=7",
    ],
)
def test_the_text_of_a_running_host_makes_its_sysctls_again(text: str) -> None:
    """Limits that stand against each other are written in an order in which they may be."""
    host, again = Host(), Host()
    assert virtual.run_setup(host, text, "setup") == []
    lines = setup_lines(host, {})
    assert virtual.run_setup(again, "\n".join(lines), "setup") == []
    assert setup_lines(again, {}) == lines
    for name, netns in host.namespaces.items():
        values = {path: knob.text for path, knob in netns.sysctls if knob.readable}
        assert values == {path: knob.text for path, knob in again.namespaces[name].sysctls if knob.readable}
