"""Read QEMU's log of executed blocks: instructions between marks."""

import pytest

from edge_runtime.devices.emulated.qemu_log import instructions_between_marks

MARK = "1 close(1000000007) = -1 errno=9 (Bad file descriptor)"
LISTING = """\
----------------
IN:
0x7fffe23956fc:  d503201f  nop
0x7fffe2395700:  a9bf7bfd  stp      x29, x30, [sp, #-0x10]!
0x7fffe2395704:  910003fd  mov      x29, sp
"""
SHORT = "IN: name\n0x7fffe1ee90f0:  d65f03c0  ret\n"
THREE = "Trace 0: 0x7fffef7a8c40 [00001001/00007fffe23956fc/00000001/00008200] \n"
ONE = "Trace 0: 0x7fffef7a8f00 [00001001/00007fffe1ee90f0/00000001/00008200] name\n"
STOPPED = "Stopped execution of TB chain before 0x7fffef7a8c40 [00007fffe23956fc]"


@pytest.mark.parametrize(
    ("log", "counts"),
    [
        ((LISTING, SHORT, THREE, MARK, THREE, ONE, THREE, MARK, ONE, MARK), [7, 1]),
        ((MARK, LISTING, THREE, MARK, LISTING, THREE, THREE, MARK), [3, 6]),  # translated between marks, and again
        ((LISTING, MARK, THREE, STOPPED, THREE, MARK), [3]),  # a block that did not begin
        ((LISTING, MARK, "1 munmap(0x00007fffe4600000,33554432) = 0", THREE, MARK), [3]),
        ((LISTING, THREE), []),
    ],
)
def test_each_execution_of_a_block_between_marks_counts_all_its_instructions(log, counts):
    assert instructions_between_marks("\n".join(log).splitlines()) == counts
