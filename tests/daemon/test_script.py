"""`pystack exec`: programs that know nothing of pystack run on it."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.daemon.running import PYSTACK, clean_environment, pystack
from tests.drivers.kernel import kernel_namespace

ECHO = """
import sys
import trio

async def echo(stream):
    async for chunk in stream:
        await stream.send_all(chunk.upper())

async def main():
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_tcp, echo, 8000)
        client = await trio.open_tcp_stream("127.0.0.1", 8000)
        await client.send_all(b"hello")
        print((await client.receive_some()).decode(), sys.argv[1:], __name__)
        nursery.cancel_scope.cancel()

trio.run(main)
"""
WEB = """
import trio

async def serve(stream):
    request = b""
    while b"\\r\\n\\r\\n" not in request:
        request += await stream.receive_some()
    body = b"x" * int(request.split()[1][1:])
    head = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n" % len(body)
    await stream.send_all(head + body)
    await stream.aclose()

trio.run(trio.serve_tcp, serve, 80)
"""
ONCE = """
import trio

async def main():
    (listener,) = await trio.open_tcp_listeners(80, host="10.44.0.1")
    print("ready", flush=True)
    client = await listener.accept()
    await client.receive_some()
    await client.send_all(b"x" * 1_000_000)

trio.run(main)
"""
GREET = """
import trio

async def greet(stream):
    await stream.send_all(b"hello\\n")
    await trio.sleep_forever()

async def main():
    listeners = await trio.open_tcp_listeners(80, host="10.44.0.1")
    print("ready", flush=True)
    await trio.serve_listeners(greet, listeners)

trio.run(main)
"""
HYPERCORN = """
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config, Sockets
from hypercorn.trio.run import worker_serve

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = b"x" * int(scope["path"][1:])
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

async def main():
    listener = trio.socket.socket()
    await listener.bind(("10.44.0.1", 80))
    listener.listen()
    config = Config()
    config.errorlog = None
    await worker_serve(ASGIWrapper(app), config, sockets=Sockets([], [listener], []))

trio.run(main)
"""
LAB = """
name = "script-{name}"
setup_text = '''
ip link set lo up
ip addr add 10.44.0.1/24 dev tap1
ip link set tap1 up
'''
[port.tap1]
driver = "tap"
ifname = "tap1"
netns = "{name}"
"""


def script(folder: Path, text: str) -> str:
    path = folder / "script.py"
    path.write_text(text)
    return str(path)


def lo(folder: Path) -> str:
    path = folder / "lo.setup"
    path.write_text("ip link set lo up\n")
    return str(path)


def test_a_program_runs_on_a_stack_of_its_own(tmp_path: Path) -> None:
    done = pystack(
        "--setup", lo(tmp_path), "exec", script(tmp_path, ECHO), "a", "-b", XDG_RUNTIME_DIR=str(tmp_path)
    )
    assert (done.rc, done.out, done.err) == (0, "HELLO ['a', '-b'] __main__\n", "")


@pytest.mark.parametrize(
    ("text", "rc", "said"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('no')", 1, "no\n"),
        ("import trio\nasync def main(): raise ValueError('mine')\ntrio.run(main)", 1, "ValueError: mine\n"),
    ],
)
def test_it_ends_as_the_program_does(tmp_path: Path, text: str, rc: int, said: str) -> None:
    done = pystack("--setup", lo(tmp_path), "exec", script(tmp_path, text), XDG_RUNTIME_DIR=str(tmp_path))
    assert (done.rc, done.err[len(done.err) - len(said) :]) == (rc, said)
    assert "ExceptionGroup" not in done.err


def test_a_script_that_is_not_there_is_named() -> None:
    done = pystack("exec", "nowhere.py")
    assert (done.rc, done.err) == (2, "pystack: exec: nowhere.py: no such file, or it may not be read\n")


def test_a_namespace_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = pystack(
        "-n", "x", "--setup", lo(tmp_path), "exec", script(tmp_path, ECHO), XDG_RUNTIME_DIR=str(tmp_path)
    )
    assert (done.rc, done.err) == (2, "pystack: there is no namespace x\n")


@pytest.mark.root
@pytest.mark.parametrize("program", [WEB, HYPERCORN], ids=["trio", "hypercorn"])
def test_curl_in_a_namespace_fetches_pages_from_a_program(tmp_path: Path, program: str) -> None:
    if program is HYPERCORN:
        pytest.importorskip("hypercorn", reason="hypercorn is not installed (pip install pystack[web])")
    with kernel_namespace() as namespace:
        lab = tmp_path / "lab.toml"
        lab.write_text(LAB.format(name=namespace.name))
        words = ["exec", "-c", str(lab), script(tmp_path, program)]
        with subprocess.Popen([*PYSTACK, *words], env=clean_environment(), stderr=subprocess.PIPE) as server:
            try:
                wait_for(namespace.name)
                namespace.sh("ip addr add 10.44.0.2/24 dev tap1")
                assert namespace.sh("curl -sS --retry 5 --retry-connrefused http://10.44.0.1/20") == "x" * 20
                fetched = "curl -sS -o /dev/null -w '%{size_download}' http://10.44.0.1/20000000"
                assert namespace.sh(fetched) == "20000000"
                both = " & ".join(["curl -sS http://10.44.0.1/1"] * 20)
                assert namespace.sh(f"{both}; wait") == "x" * 20
            finally:
                server.send_signal(signal.SIGINT)
                _, said = server.communicate(timeout=10)
        assert said == b""
        assert server.returncode in (0, 130)  # hypercorn takes Ctrl-C for a wish to end
        assert "tap1" not in namespace.sh("ip link")


@pytest.mark.root
def test_what_a_program_sent_arrives_though_it_has_ended(tmp_path: Path) -> None:
    with kernel_namespace() as namespace:
        lab = tmp_path / "lab.toml"
        lab.write_text(LAB.format(name=namespace.name))
        words = ["exec", "-c", str(lab), script(tmp_path, ONCE)]
        with subprocess.Popen([*PYSTACK, *words], env=clean_environment(), stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            namespace.sh("ip addr add 10.44.0.2/24 dev tap1")
            assert int(namespace.sh("echo | timeout 20 nc -w 10 10.44.0.1 80 | wc -c")) == 1_000_000
            assert server.wait(timeout=10) == 0


@pytest.mark.root
def test_a_program_that_is_interrupted_leaves_nobody_waiting(tmp_path: Path) -> None:
    with kernel_namespace() as namespace:
        lab = tmp_path / "lab.toml"
        lab.write_text(LAB.format(name=namespace.name))
        words = ["exec", "-c", str(lab), script(tmp_path, GREET)]
        with subprocess.Popen([*PYSTACK, *words], env=clean_environment(), stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            namespace.sh("ip addr add 10.44.0.2/24 dev tap1")
            enter = ["ip", "netns", "exec", namespace.name, "nc", "-d", "10.44.0.1", "80"]
            with subprocess.Popen(enter, stdout=subprocess.PIPE) as client:
                assert client.stdout is not None
                assert client.stdout.readline() == b"hello\n"
                server.send_signal(signal.SIGINT)
                assert client.wait(timeout=10) == 0
            assert server.wait(timeout=10) == 130


def wait_for(namespace: str) -> None:
    """Until the TAP is there."""
    ask = ["ip", "-n", namespace, "link", "show", "tap1"]
    deadline = time.monotonic() + 10
    while subprocess.run(ask, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline
        time.sleep(0.05)
