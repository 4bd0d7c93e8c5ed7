"""`pystack exec`: programs that know nothing of pystack run on it."""

import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.daemon.running import PYSTACK, clean_environment, daemon, pystack
from tests.daemon.scripts import HYPERCORN, md5, page, running_script, script
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
FETCH = """
import hashlib, sys
import httpx, trio

async def main():
    async with httpx.AsyncClient() as client:
        pages = [await client.get(sys.argv[1]) for _ in range(2)]  # over one connection
    print(*(page.status_code for page in pages), *(hashlib.md5(page.content).hexdigest() for page in pages))

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


@pytest.mark.parametrize("text", ["def deep(): 1 / 0\ndeep()", "1 +"])
def test_a_traceback_is_the_one_that_python_prints(tmp_path: Path, text: str) -> None:
    path = script(tmp_path, text)
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    done = pystack("--setup", lo(tmp_path), "exec", path, XDG_RUNTIME_DIR=str(tmp_path))
    assert (done.rc, done.out, done.err) == (plain.returncode, "", plain.stderr)


def test_a_socket_that_stays_the_kernels_is_told_of(tmp_path: Path) -> None:
    text = """
import socket, trio
ours, (local, _) = socket.socket(), socket.socketpair()
ours.bind(("127.0.0.1", 0))
trio.socket.from_stdlib_socket(local)
trio.socket.from_stdlib_socket(ours)
print(ours.getsockname()[1])
"""
    path = script(tmp_path, text)
    done = pystack("--setup", lo(tmp_path), "exec", path, XDG_RUNTIME_DIR=str(tmp_path))
    port = int(done.out)
    said = f"pystack: exec: the program made a socket of the kernel's: 127.0.0.1 port {port}\n"
    assert (done.rc, done.err) == (0, said)


def test_only_the_script_is_missing_where_no_words_are_given() -> None:
    done = pystack("exec")
    assert (done.rc, done.err) == (2, "pystack exec: the following arguments are required: SCRIPT.py\n")


def test_a_script_that_is_not_there_is_named() -> None:
    done = pystack("exec", "nowhere.py")
    assert (done.rc, done.err) == (2, "pystack: exec: nowhere.py: no such file, or it may not be read\n")


def test_a_namespace_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = pystack(
        "-n", "x", "--setup", lo(tmp_path), "exec", script(tmp_path, ECHO), XDG_RUNTIME_DIR=str(tmp_path)
    )
    assert (done.rc, done.err) == (2, "pystack: there is no namespace x\n")


@pytest.mark.root
def test_curl_in_a_namespace_fetches_pages_from_a_program(tmp_path: Path) -> None:
    with kernel_namespace() as namespace:
        lab = tmp_path / "lab.toml"
        lab.write_text(LAB.format(name=namespace.name))
        words = ["exec", "-c", str(lab), script(tmp_path, WEB)]
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
        assert server.returncode == 130
        assert "tap1" not in namespace.sh("ip link")


@pytest.mark.root
@pytest.mark.parametrize("place", ["own stack", "daemon"])
def test_hypercorn_serves_a_hundred_curls_at_once(tmp_path: Path, place: str) -> None:
    pytest.importorskip("hypercorn", reason="hypercorn is not installed (pip install pystack[web])")
    with kernel_namespace() as namespace, ExitStack() as stack:
        lab = tmp_path / "lab.toml"
        lab.write_text(LAB.format(name=namespace.name))
        program = [script(tmp_path, HYPERCORN), "10.44.0.1"]
        if place == "daemon":
            running = stack.enter_context(daemon(tmp_path, "-c", str(lab)))
            stack.enter_context(running_script("-S", str(running.socket), "exec", *program))
        else:
            stack.enter_context(running_script("exec", "-c", str(lab), *program))
        namespace.sh("ip addr add 10.44.0.2/24 dev tap1")
        assert namespace.sh("curl -sS http://10.44.0.1/20000000 | md5sum").split()[0] == md5(20_000_000)
        at_once = "curl -sS -Z --parallel-immediate --parallel-max 100 -w '%{http_code} %{size_download}\\n'"
        fetched = namespace.sh(f"{at_once} -o /dev/null 'http://10.44.0.1/1000?[1-100]'")
        assert fetched == "200 1000\n" * 100


@pytest.mark.root
@pytest.mark.parametrize("place", ["own stack", "daemon"])
def test_an_httpx_client_fetches_from_a_server_in_a_namespace(tmp_path: Path, place: str) -> None:
    pytest.importorskip("httpx", reason="httpx is not installed (pip install pystack[test])")
    (tmp_path / "page").write_bytes(page(1_000_000))
    with kernel_namespace() as namespace, ExitStack() as stack:
        lab = tmp_path / "lab.toml"
        lab.write_text(LAB.format(name=namespace.name))
        namespace.sh("ip tuntap add tap1 mode tap vnet_hdr; ip addr add 10.44.0.2/24 dev tap1")
        serve = [sys.executable, "-m", "http.server", "--protocol", "HTTP/1.1", "--bind", "10.44.0.2", "8000"]
        server = subprocess.Popen(
            ["ip", "netns", "exec", namespace.name, *serve],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(server.wait)
        stack.callback(server.terminate)
        namespace.sh("until ss -Hltn | grep -q 10.44.0.2:8000; do sleep 0.05; done")
        words = ["exec", script(tmp_path, FETCH), "http://10.44.0.2:8000/page"]
        if place == "daemon":
            done = stack.enter_context(daemon(tmp_path, "-c", str(lab))).run(*words)
        else:
            done = pystack(*words[:1], "-c", str(lab), *words[1:])
        assert (done.out, done.err) == (f"200 200 {md5(1_000_000)} {md5(1_000_000)}\n", "")


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
