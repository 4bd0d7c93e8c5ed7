"""Records of /dev/kmsg as lines."""

from pystack.compare.lab.kernel_log import LogLine, log_line


def test_a_record_is_its_sequence_its_time_and_its_first_line() -> None:
    record = b"7,1204,5140900,-;IN=br0 OUT= MAC=02 \n SUBSYSTEM=net\n DEVICE=+net:br0\n"
    assert log_line(record) == LogLine(1204, 5140900, "IN=br0 OUT= MAC=02 ")


def test_a_semicolon_in_the_text_is_text() -> None:
    assert log_line(b"6,1,2,c,caller=T1;a;b\n").text == "a;b"
