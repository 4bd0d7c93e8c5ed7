"""The kernel under laboratory conditions: in a namespace nobody else sees, or in a virtual machine.

`kernel_netns.KernelNetns` is the first, `vm.Vm` the second.
"""
