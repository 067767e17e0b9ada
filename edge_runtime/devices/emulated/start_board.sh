#!/bin/sh
# Run a command on an emulated board: start_board.sh TREE EMULATOR JOB COMMAND ...
#
# `unshare` starts this as the first process of its own Linux namespaces, and they end with it. There EMULATOR runs
# programs for arm64 (binfmt_misc): it is opened now (F), and told their names (P). JOB is the board's /job.
set -e
tree=$1 emulator=$2 job=$3
shift 3

mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
cd "$(dirname "$emulator")"  # the rule has the name alone: a path may hold a colon, and be long
# The head of an ELF file for 64-bit Arm, of any ABI and whether position-independent or not.
head='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf '%s' ":arm64:M:0:$head:$mask:$(basename "$emulator"):FP" >/proc/sys/fs/binfmt_misc/register

cd "$tree"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs tmp
mount --bind "$job" job
ip link set lo up 2>/dev/null || true
chroot . "$@"
exit $?
