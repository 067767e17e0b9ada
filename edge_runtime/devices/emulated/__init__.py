"""Emulate an Arm board: a Debian tree, QEMU's user emulation, and Linux namespaces around both.

Results are the board's, down to the bit. Times say nothing about the board; the number of instructions that an
inference takes does (`edge_runtime.devices.emulated.instructions`).
"""
