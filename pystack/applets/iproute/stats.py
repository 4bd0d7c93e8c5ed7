"""The counters of a device, as `ip -s link` lays them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import Printer
from pystack.counters import DeviceStats

_HEADINGS: Final = ("*X errors:", "packets", "errors", "dropped", "heartbt", "overrun", "compressed")
_RX: Final = ("bytes", "packets", "errors", "dropped", "missed", "mcast")
_TX: Final = ("bytes", "packets", "errors", "dropped", "carrier", "collsns")
_RX_ERRORS: Final = ("length", "crc", "frame", "fifo", "overrun")
_TX_ERRORS: Final = ("aborted", "fifo", "window", "heartbt", "transns")


def print_stats(printer: Printer, options: Options, stats: DeviceStats, carrier_changes: int) -> None:
    """Linux: iproute2 ip/ipaddress.c print_stats64()"""
    if printer.json:
        _print_json(printer, options, stats, carrier_changes)
        return
    rx = (
        stats.rx_bytes,
        stats.rx_packets,
        stats.rx_errors,
        stats.rx_dropped,
        stats.rx_missed,
        stats.multicast,
    )
    tx = (
        stats.tx_bytes,
        stats.tx_packets,
        stats.tx_errors,
        stats.tx_dropped,
        stats.tx_carrier_errors,
        stats.collisions,
    )
    rx_errors = (0, 0, 0, stats.rx_frame_errors, 0, 0)
    tx_errors = (0, 0, 0, 0, 0, carrier_changes)
    rows = [rx, tx, rx_errors] if options.stats > 1 else [rx, tx]
    columns = _widths(rows, options)
    _print_row(printer, options, columns, "RX", _RX, rx)
    if options.stats > 1:
        _print_errors(printer, options, columns, "RX", _RX_ERRORS, rx_errors)
    printer.nl()
    _print_row(printer, options, columns, "TX", _TX, tx)
    if options.stats > 1:
        _print_errors(printer, options, columns, "TX", _TX_ERRORS, tx_errors)


def _widths(rows: Sequence[Sequence[int]], options: Options) -> list[int]:
    columns = [len(heading) for heading in _HEADINGS]
    if not options.human:
        for row in rows:
            for index, value in enumerate(row):
                columns[index] = max(columns[index], len(str(value)))
    return columns


def _print_row(
    printer: Printer, options: Options, columns: list[int], way: str, names: Sequence[str], row: Sequence[int]
) -> None:
    heading = f"    {way}: {names[0]:>{columns[0] - 4}}"
    heading += "".join(f" {name:>{width}}" for name, width in zip(names[1:], columns[1:6], strict=True))
    printer.text(f"{heading} {'':>{columns[6]}}{printer.separator}    ")
    printer.text("".join(_number(options, width, value) for width, value in zip(columns, row, strict=False)))


def _print_errors(
    printer: Printer, options: Options, columns: list[int], way: str, names: Sequence[str], row: Sequence[int]
) -> None:
    printer.nl()
    heading = f"    {way} errors:{'':>{columns[0] - 10}}"
    heading += "".join(f" {name:>{width}}" for name, width in zip(names, columns[1:6], strict=True))
    printer.text(f"{heading}{printer.separator}{'':>{columns[0] + 5}}")
    numbers = zip(columns[1:6], row[1:], strict=True)
    printer.text("".join(_number(options, width, value) for width, value in numbers))


def _number(options: Options, width: int, count: int) -> str:
    """Linux: iproute2 ip/ipaddress.c print_num()"""
    base = 1024 if options.iec else 1000
    if not options.human or count < base:
        return f"{count:>{width}} "
    power, prefix = base, 0
    while count // base >= power and prefix < 5:
        power *= base
        prefix += 1
    precision = 2
    limit = 10
    while precision > 0 and count // power >= limit:
        precision -= 1
        limit *= 10
    text = f"{count / power:.{precision}f}{'kMGTPE'[prefix]}{'i' if options.iec else ''}"
    return f"{text:>{width}} "


def _print_json(printer: Printer, options: Options, stats: DeviceStats, carrier_changes: int) -> None:
    printer.open_object("stats64")
    printer.open_object("rx")
    printer.field("bytes", stats.rx_bytes)
    printer.field("packets", stats.rx_packets)
    printer.field("errors", stats.rx_errors)
    printer.field("dropped", stats.rx_dropped)
    printer.field("over_errors", 0)
    printer.field("multicast", stats.multicast)
    if options.stats > 1:
        for name in ("length_errors", "crc_errors"):
            printer.field(name, 0)
        printer.field("frame_errors", stats.rx_frame_errors)
        printer.field("fifo_errors", 0)
        printer.field("missed_errors", stats.rx_missed)
    printer.close_object()
    printer.open_object("tx")
    printer.field("bytes", stats.tx_bytes)
    printer.field("packets", stats.tx_packets)
    printer.field("errors", stats.tx_errors)
    printer.field("dropped", stats.tx_dropped)
    printer.field("carrier_errors", stats.tx_carrier_errors)
    printer.field("collisions", stats.collisions)
    if options.stats > 1:
        for name in ("aborted_errors", "fifo_errors", "window_errors", "heartbeat_errors"):
            printer.field(name, 0)
        printer.field("carrier_changes", carrier_changes)
    printer.close_object()
    printer.close_object()
