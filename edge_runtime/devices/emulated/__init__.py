"""Emulate an Arm board: a Debian tree and QEMU's user emulation in Linux namespaces of their own."""
