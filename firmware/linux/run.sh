#!/bin/sh
# Boots what the other scripts built on the platform.
# usage: run.sh NPIM OUT [WHAT [OPTION...]]
# WHAT is npim= of initramfs/init: demo (default), poweroff, check or shell. OPTIONs go to `npim run`.
set -eu

[ $# -ge 2 ] || { echo "usage: $0 NPIM OUT [WHAT [OPTION...]]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
npim=$1
out=$2
what=${3:-demo}
shift $(($# < 3 ? $# : 3))
packages=$out/packages/root
# An interactive run has no end in simulated time but its user's.
case $what in demo | shell) seconds=1000000 ;; *) seconds=100 ;; esac
exec "$npim" run --platform "$here/../../configs/platforms/demo.json" \
  --firmware "$packages/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf" \
  --kernel "$packages/boot/vmlinux-$(cat "$out/packages/kernel-version")" \
  --initrd "$out/initramfs.cpio" --timeout "$seconds" \
  --bootargs "console=ttyS0 panic=-1 cryptomgr.notests npim=$what" "$@"
