"""Programs for a virtual machine, which has no modules but those that this one imports."""

import shutil  # noqa: F401 - argparse asks for it late
import signal
import socket
import sys

from pystack.compare.live.verb import compare_live

ANSWERED = bytes.fromhex("8180")  # the flags of an answer to who wanted recursion
ADDRESS = bytes.fromhex("c00c 0001 0001 0000003c 0004 c6336401")  # of the name asked for: 198.51.100.1


def main() -> None:
    """`compare`, with the arguments of the verb; or `names`."""
    if sys.argv[1] == "compare":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored
        sys.exit(compare_live(sys.argv[2:]))
    answer_names()


def answer_names() -> None:
    """Every name has one address, and none of any other kind."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 53))
        print("ready", flush=True)
        while True:
            question, asker = sock.recvfrom(512)
            end = question.index(0, 12) + 5
            has_address = question[end - 4 : end - 2] == b"\0\1"
            head = question[:2] + ANSWERED + b"\0\1" + bytes((0, has_address)) + bytes(4)
            sock.sendto(head + question[12:end] + (ADDRESS if has_address else b""), asker)
