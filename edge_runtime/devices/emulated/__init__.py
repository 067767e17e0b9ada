"""An Arm board on an x86 machine: a Debian tree, QEMU's user emulation, and namespaces of its own around both.

What it computes is what the board would compute, down to the bit; how long it takes says nothing about the board. How
many instructions an inference takes does (`edge_runtime.devices.emulated.instructions`).
"""
