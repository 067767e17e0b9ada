"""Read QEMU's log of executed blocks: instructions between marks."""

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


def counted(*parts: str) -> list[int]:
    return instructions_between_marks("\n".join(parts).splitlines())


def test_each_execution_of_a_block_counts_all_its_instructions():
    assert counted(LISTING, SHORT, THREE, MARK, THREE, ONE, THREE, MARK, ONE, MARK) == [7, 1]


def test_a_block_may_be_translated_first_between_marks_and_again():
    assert counted(MARK, LISTING, THREE, MARK, LISTING, THREE, THREE, MARK) == [3, 6]


def test_a_block_that_was_stopped_at_its_start_does_not_count():
    stopped = "Stopped execution of TB chain before 0x7fffef7a8c40 [00007fffe23956fc]"
    assert counted(LISTING, MARK, THREE, stopped, THREE, MARK) == [3]


def test_system_calls_are_no_instructions():
    assert counted(LISTING, MARK, "1 munmap(0x00007fffe4600000,33554432) = 0", THREE, MARK) == [3]
    assert counted(LISTING, THREE) == []
