"""`python -m pystack.compare.lab.vmimage [guest] [full]`: build what VMs boot from, ahead of the tests."""

from __future__ import annotations

import sys

from pystack.compare.lab.errors import LabUnavailable
from pystack.compare.lab.initramfs import KINDS, initramfs
from pystack.compare.lab.vm_kernel import find_kernel


def main(arguments: list[str]) -> int:
    wanted = arguments or list(KINDS)
    if unknown := [name for name in wanted if name not in KINDS]:
        print(f"vmimage: {unknown[0]} is no image (known: {', '.join(KINDS)})", file=sys.stderr)
        return 2
    try:
        kernel = find_kernel()
        print(kernel.bootable())
        for name in wanted:
            print(initramfs(kernel, KINDS[name]))
    except LabUnavailable as error:
        print(f"vmimage: {error}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
