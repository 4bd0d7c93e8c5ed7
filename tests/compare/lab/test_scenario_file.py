"""Scenario files: what they become, and how all that is wrong with one is told at once."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.compare.lab.scenario_file import ScenarioError, find, parse, read
from pystack.compare.scenario import Expectation, Run, Scenario, Send, Start, Station, Stop, Topology, Wait
from pystack.wire import pcap

PING: Final = "Ether(src='ba:ec:24:5c:80:3a', dst='ba:ec:24:5c:80:3b')/IP(src='172.16.10.11')/ICMP(id=104)"
FRAME: Final = bytes.fromhex("02 00 00 00 00 02  02 00 00 00 00 01  88 b5 01 02 03")

WHOLE: Final = f'''\
format = 1
title = "1-7: a VM pings another VM on the same bridge"
claim = "they do not need an address on the bridge"
verdict = "true, but only since 1998"
kernel = ">=5.10, <7.0"
needs = ["ebtables-broute"]
family = ["ip"]
offload = true
hash_seed = 7
ports = ["tap1", "tap2"]
capture = ["br0"]
setup = """
ip link add br0 type bridge
ip link set tap1 master br0
"""
[host.vm1]
port = "tap1"
mac = "ba:ec:24:5c:80:3a"
ip = ["172.16.10.11/24", "172.16.10.12"]

[[step]]
send = {{ port = "tap1", packet = "{PING}", count = 2 }}
[[step]]
send = {{ port = "tap2", hex = "{FRAME.hex(" ")}" }}
[[step]]
run = "ping -c1 172.16.10.1; true"
[[step]]
start = "nc -ul 53"
as = "srv"
[[step]]
wait = 3
[[step]]
stop = "srv"
[[step]]
start = "nc -ul 54"

[[expect]]
path = "1-7"
log = "FILTER-FORWARD"
[[expect]]
log = ["a", "b"]
'''


def test_a_file_becomes_a_scenario() -> None:
    scenario = parse(WHOLE, "dir/x.toml")
    sent = scenario.steps[0]
    assert isinstance(sent, Send)
    assert (sent.port, sent.text, len(sent.frames)) == ("tap1", PING, 2)
    assert sent.frames[0][:12].hex() == "baec245c803bbaec245c803a"
    assert scenario == Scenario(
        file="dir/x.toml",
        title="1-7: a VM pings another VM on the same bridge",
        topology=Topology(
            ("tap1", "tap2"),
            "ip link add br0 type bridge\nip link set tap1 master br0\n",
            offload=True,
            hash_seed=7,
        ),
        steps=(
            sent,
            Send("tap2", (FRAME,), FRAME.hex(" ")),
            Run("ping -c1 172.16.10.1; true"),
            Start("nc -ul 53", "srv"),
            Wait(3.0),
            Stop("srv"),
            Start("nc -ul 54", "#6"),
        ),
        stations=(Station("vm1", "tap1", bytes.fromhex("baec245c803a"), (0xAC100A0B, 0xAC100A0C)),),
        capture=("br0",),
        claim="they do not need an address on the bridge",
        verdict="true, but only since 1998",
        kernel=">=5.10, <7.0",
        needs=("ebtables-broute",),
        expectations=(Expectation("1-7", ("FILTER-FORWARD",)), Expectation("", ("a", "b"))),
        step_lines=(22, 24, 26, 28, 31, 33, 35),
        setup_line=13,
        capture_line=11,
    )


def test_title_and_ports_are_enough() -> None:
    scenario = parse("title = 'nothing happens'\nports = []", "x.toml")
    assert (scenario.steps, scenario.topology, scenario.family) == ((), Topology((), ""), ("ip",))


def test_a_capture_file_is_found_beside_the_scenario(tmp_path: Path) -> None:
    content = pcap.file_header() + pcap.record(0, FRAME) + pcap.record(5, FRAME + b"x")
    (tmp_path / "two.pcap").write_bytes(content)
    (tmp_path / "x.toml").write_text(with_step('send = { port = "tap1", pcap = "two.pcap", count = 2 }'))
    scenario = read(str(tmp_path / "x.toml"))
    assert scenario.steps == (Send("tap1", (FRAME, FRAME + b"x") * 2, "two.pcap"),)


def with_step(step: str) -> str:
    return f"title = 't'\nports = ['tap1', 'tap2']\n[[step]]\n{step}\n"


def complaints(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as told:
        parse(text, "x.toml", no_file)
    return told.value.complaints


def no_file(name: str) -> bytes:
    if name == "broken.pcap":
        return pcap.file_header() + pcap.record(0, FRAME) + b"\0" * 3
    if name == "short.pcap":
        return pcap.file_header() + pcap.record(0, FRAME[:13])
    raise FileNotFoundError(2, "No such file or directory")


def test_everything_that_is_wrong_is_told_at_once_and_from_the_top_down() -> None:
    text = """\
titel = "misspelt"
ports = ["tap1", "tap1", "a name", "lo"]
setup = '''
ip link add br0 type bridge
ip link show | grep br0
'''
[host.vm1]
port = "tap9"
mac = "01:00:00:00:00:00"
ip = []
[[step]]
send = { prot = "tap1", packet = "Ethr()" }
[[step]]
run = "true &"
[[step]]
wait = nan
"""
    assert complaints(text) == [
        'x.toml:1: titel: unknown key; did you mean "title"?',
        "x.toml:1: title: a scenario has a title, in a sentence",
        'x.toml:2: ports: "tap1" is there twice',
        "x.toml:2: ports: 'a name' cannot be a device's name",
        'x.toml:2: ports: "lo" is in every namespace already',
        "x.toml:5: setup: pipes are not modelled",
        'x.toml:8: host.vm1.port: there is no port "tap9"; did you mean "tap1"?',
        "x.toml:9: host.vm1.mac: must be the address of a station, such as ba:ec:24:5c:80:3a",
        "x.toml:10: host.vm1.ip: a host has at least one address",
        'x.toml:12: step.send.prot: unknown key; did you mean "port"?',
        'x.toml:12: step.send.port: there is no port ""',
        'x.toml:12: step.send.packet: unknown layer Ethr; did you mean "Ether"? (column 1)',
        "x.toml:14: step.run: background commands and && are not modelled",
        "x.toml:16: step.wait: must be a number of seconds, up to 3600",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "x.toml:1: title: a scenario has a title, in a sentence"),
        (
            "title = 't'",
            "x.toml:1: ports: a scenario names the ports by which frames enter and leave; [] if none do",
        ),
        ("title = 't'\nports = 'tap1'", "x.toml:2: ports: must be a list of strings"),
        ("title = 't'\nports = [1]", "x.toml:2: ports: must be a list of strings"),
        (
            "title = 't'\nports = []\n[[step]]\nrun = 'ip link > /tmp/x'",
            "x.toml:4: step.run: /tmp/x: is no file of the lab, as /proc/sys/net has",
        ),
        (
            "title = 't'\nports = []\n[[step]]\nrun = 'echo 1 > /proc/sys/net/../kernel/panic'",
            "x.toml:4: step.run: /proc/sys/net/../kernel/panic: is no file of the lab",
        ),
        (
            "title = 't'\nports = []\n[[expect]]\npath = '9-9'",
            'x.toml:4: expect.path: there is no path "9-9" (known: 1-2, ',
        ),
        ("title = 7\nports = []", "x.toml:1: title: must be a string"),
        ('title = """a\nb"""\nports = []', "x.toml:1: title: must be one line"),
        (
            'title = "\\u001b[31mred"\nports = []',
            "x.toml:1: title: must be one line, of characters that",
        ),
        ("title = 't'\nports = ['a/b']", "x.toml:2: ports: 'a/b' cannot be a device's name"),
        ("title = 't'\nports = ['tap%d']", "x.toml:2: ports: 'tap%d' cannot be a device's name"),
        ("title = 't'\nports = [1 2]", "x.toml:2: Unclosed array"),
        ("title = 't'\nports = [\n", "x.toml:2: Invalid value"),
        ("title = 't'\nports = []\nx = " + "[" * 5000, "x.toml: nested too deeply"),
        ("title = 't'\nports = []\nx = " + "9" * 5000, "x.toml:3: a number of 5000 digits"),
        ('title = "t\\u0000"\nports = []', "x.toml:1: title: holds a NUL"),
        ('title = "t"\nports = ["t\\u0000"]', "x.toml:2: ports: 't\\x00' cannot be a device's name"),
        ('title = "t"\nports = []\nsetup = "true\\u0000"', "x.toml:3: setup: holds a NUL"),
        ('title = "t"\nports = []\n[host."a\\u0000"]\nx = 1', "x.toml:3: host.a\\x00.x: unknown key"),
        ("title = 't'\nports = []\n[host.a]\n[host.a]", "x.toml:4: Cannot declare ('host', 'a') twice"),
        ("title = 't'\nports = []\nformat = 2", "x.toml:3: format: must be 1"),
        ("title = 't'\nports = []\nipv6 = 1", "x.toml:3: ipv6: must be true or false"),
        (
            "title = 't'\nports = []\nhash_seed = -1",
            "x.toml:3: hash_seed: must be a whole number from 0 to 4294967295",
        ),
        ("title = 't'\nports = []\nkernel = 'new'", "x.toml:3: kernel: 'new' is no bound such as >=5.10"),
        ("title = 't'\nports = []\nverdict = 'true'", "x.toml:3: verdict: needs a claim"),
        ("title = 't'\nports = []\nclaim = 'c'", "x.toml:3: claim: needs a verdict"),
        (
            "title = 't'\nports = []\nclaim = 'c'\nverdict = 'maybe'",
            'x.toml:4: verdict: must be "true", "false", or "true, but …"',
        ),
        ("title = 't'\nports = []\nneeds = ['vrff']", 'x.toml:3: needs: unknown "vrff"; did you mean "vrf"?'),
        ("title = 't'\nports = []\nfamily = ['ip9']", 'x.toml:3: family: unknown "ip9"; did you mean "ip"?'),
        ("title = 't'\nports = []\nfamily = ['x25']", 'x.toml:3: family: unknown "x25" (known: ip, ip6)'),
        ("title = 't'\nports = []\nhost = 1", "x.toml:3: host: must be a table"),
        ("title = 't'\nports = []\nstep = 1", "x.toml:3: step: must be written [[step]]"),
        ("title = 't'\nports = []\nstep = [1]", "x.toml:3: step: must be a table"),
        (
            "title = 't'\nports = []\n[[expect]]\nlog = 1",
            "x.toml:4: expect.log: must be a line, or a list of lines",
        ),
        (
            "title = 't'\nports = []\n[[expect]]\npaht = ''",
            'x.toml:4: expect.paht: unknown key; did you mean "path"?',
        ),
        (with_step(""), "x.toml:3: step: must be exactly one of send, call, run, start, stop, wait"),
        (
            with_step("run = 'true'\nwait = 1"),
            "x.toml:3: step: must be exactly one of send, call, run, start, stop, wait",
        ),
        (with_step("rnu = 'true'"), 'x.toml:4: step.rnu: unknown key; did you mean "run"?'),
        (with_step("run = ''"), "x.toml:4: step.run: names no command"),
        (with_step('run = "ping\\u0000"'), "x.toml:4: step.run: holds a NUL"),
        (with_step('start = "ping\\u0000"'), "x.toml:4: step.start: holds a NUL"),
        (with_step("run = 7"), "x.toml:4: step.run: must be a string"),
        (with_step("run = 'true'\nas = 'x'"), "x.toml:5: step.as: names what a start leaves running"),
        (with_step("stop = 'srv'"), 'x.toml:4: step.stop: "srv" is not running'),
        (
            with_step("start = 'a'\nas = 'srv'\n[[step]]\nstop = 'server'"),
            'x.toml:7: step.stop: "server" is not running; did you mean "srv"?',
        ),
        (
            with_step("start = 'a'\nas = 'srv'\n[[step]]\nstart = 'b'\nas = 'srv'"),
            'x.toml:8: step.as: "srv" is running already',
        ),
        (with_step("wait = 0"), "x.toml:4: step.wait: must be a number of seconds, up to 3600"),
        (with_step("wait = true"), "x.toml:4: step.wait: must be a number of seconds, up to 3600"),
        (with_step("wait = inf"), "x.toml:4: step.wait: must be a number of seconds, up to 3600"),
        (with_step("wait = '1'"), "x.toml:4: step.wait: must be a number of seconds, up to 3600"),
        (with_step("send = 1"), "x.toml:4: step.send: must be a table"),
        (with_step("send = { port = 'tap1' }"), "x.toml:4: step.send: has exactly one of packet, hex, pcap"),
        (
            with_step("send = { port = 'tap1', hex = '', packet = '' }"),
            "x.toml:4: step.send: has exactly one of packet, hex, pcap",
        ),
        (
            with_step(f"send = {{ port = 'tap3', hex = '{FRAME.hex()}' }}"),
            'x.toml:4: step.send.port: there is no port "tap3"; did you mean "tap',
        ),
        (
            with_step(f"send = {{ port = 'tap1', hex = '{FRAME.hex()}', count = 0 }}"),
            "x.toml:4: step.send.count: must be a whole number from 1 to 100000",
        ),
        (
            with_step(f"send = {{ port = 'tap1', hex = '{FRAME.hex()}', count = 1000000000 }}"),
            "x.toml:4: step.send.count: must be a whole number from 1 to 100000",
        ),
        (
            with_step('send = { port = "tap1", pcap = "a\\u0000b" }'),
            "x.toml:4: step.send.pcap: holds a NUL",
        ),
        (
            with_step("[step.send]\nport = 'tap1'\nhex = 'xy'"),
            "x.toml:6: step.send.hex: must be hexadecimal digits",
        ),
        (with_step("send = { port = 'tap1', hex = 7 }"), "x.toml:4: step.send.hex: must be a string"),
        (
            with_step("send = { port = 'tap1', hex = '0102' }"),
            "x.toml:4: step.send.hex: a frame has 14 to 65549 octets, not 2",
        ),
        (
            with_step("send = { port = 'tap1', packet = 'Ether()' }"),
            "x.toml:4: step.send.packet: Ether.src must be given",
        ),
        (
            with_step("send = { port = 'tap1', pcap = 'none.pcap' }"),
            "x.toml:4: step.send.pcap: none.pcap: No such file or directory",
        ),
        (
            with_step("send = { port = 'tap1', pcap = 'broken.pcap' }"),
            "x.toml:4: step.send.pcap: broken.pcap: frame 2: ",
        ),
        (
            with_step("send = { port = 'tap1', pcap = 'short.pcap' }"),
            "x.toml:4: step.send.pcap: short.pcap: frame 1: a frame has 14 to 65549 octets, not 13",
        ),
        (
            "title = 't'\nports = ['tap1']\n[host.a]\nport = 'tap1'\nmac = '02:00:00:00:00:01'\nip = ['x']",
            'x.toml:6: host.a.ip: "x" is no address such as 172.16.10.11/24',
        ),
        (
            "title = 't'\nports = ['tap1']\n[host.a]\nport = 'tap1'\nmac = '02:00:00:00:00:01'\nip = ['::1']",
            'x.toml:6: host.a.ip: "::1": hosts do not speak IPv6 yet',
        ),
    ],
)
def test_each_fault_has_its_line_and_its_words(text: str, complaint: str) -> None:
    assert any(told.startswith(complaint) for told in complaints(text)), complaints(text)


def test_a_fault_in_a_setup_is_on_the_line_of_the_file_wherever_the_text_begins() -> None:
    one = "title = 't'\nports = []\nsetup = 'true; a | b'"
    assert complaints(one) == ["x.toml:3: setup: pipes are not modelled"]
    inline = 'title = "t"\nports = []\nsetup = """true\na | b"""'
    assert complaints(inline) == ["x.toml:4: setup: pipes are not modelled"]


def test_folders_are_read_in_order_with_all_below_and_without_their_own_files(tmp_path: Path) -> None:
    for name in ("b/2.toml", "b/1.toml", "a.toml", "known.toml", "b/known.toml", "pending.txt", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = find([f"{tmp_path}/b/2.toml", str(tmp_path)])
    assert [name.removeprefix(f"{tmp_path}/") for name in found] == ["b/2.toml", "a.toml", "b/1.toml"]


def test_places_without_scenarios_are_named_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text("")
    with pytest.raises(ScenarioError) as told:
        find([str(tmp_path), f"{tmp_path}/known.toml", f"{tmp_path}/none.toml"])
    assert told.value.complaints == [
        f"{tmp_path}: no scenarios there",
        f"{tmp_path}/known.toml: is the folder's own, and no scenario",
        f"{tmp_path}/none.toml: No such file or directory",
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="Is a directory"):
        read(str(tmp_path))
    (tmp_path / "latin.toml").write_bytes(b"# fine\ntitle = '\xe4'")
    with pytest.raises(ScenarioError, match=r"latin.toml:2: not UTF-8"):
        read(str(tmp_path / "latin.toml"))


@given(st.text(alphabet="[]={}\"'#\n ,.:titleporsndwa01\\u", max_size=120))
def test_any_text_is_a_scenario_or_told_to_be_none(text: str) -> None:
    for attempt in (text, f"title = 't'\nports = ['tap1']\n{text}"):
        try:
            assert parse(attempt, "x.toml", no_file).title
        except ScenarioError as error:
            told = error.complaints
            assert told
            assert all(one.startswith("x.toml:") for one in told)


VALUES: Final = st.sampled_from(
    [
        "1",
        "-1",
        "1.5",
        "true",
        "''",
        "'tap1'",
        "[]",
        "['tap1']",
        "[[]]",
        "{}",
        "{ port = 1 }",
        "nan",
        "1979-05-27",
    ]
)
KEYS: Final = st.sampled_from(
    "format title claim verdict kernel needs family ipv6 offload hash_seed ports capture setup host step "
    "expect host.a host.a.ip".split()
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_value_of_any_key_is_taken_or_told_to_be_wrong(values: dict[str, str]) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in values.items())
    with suppress(ScenarioError):
        assert parse(text, "x.toml", no_file).title
