#!/bin/sh
# Boots what the other scripts built on the platform.
# usage: run.sh NPIM OUT [WHAT [OPTION...]]
# WHAT is npim= of initramfs/init: demo (default), poweroff, check or shell. OPTIONs go to `npim run`.
# Without a terminal, demo types `exit` into the shell by itself. Exit status: 0 when all went well.
set -eu

[ $# -ge 2 ] || { echo "usage: $0 NPIM OUT [WHAT [OPTION...]]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
npim=$1
out=$2
what=${3:-demo}
shift $(($# < 3 ? $# : 3))
opensbi=/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf
[ -r "$opensbi" ] || { echo "$0: $opensbi is missing: install the package opensbi" >&2; exit 2; }
# An interactive run has no end in simulated time but its user's.
case $what in demo | shell) seconds=1000000 ;; *) seconds=100 ;; esac
if [ "$what" = demo ] && ! [ -t 0 ]; then
  seconds=100
  echo exit >"$out/typed"
  set -- --uart-input "$out/typed" --uart-input-after '/data # ' "$@"
fi
status=0
"$npim" run --platform "${NPIM_PLATFORM:-$here/../../configs/platforms/demo.json}" --firmware "$opensbi" \
  --kernel "$out/packages/root/boot/vmlinux-$(cat "$out/packages/kernel-version")" \
  --initrd "$out/initramfs.cpio" --timeout "$seconds" \
  --bootargs "console=ttyS0 panic=-1 cryptomgr.notests npim=$what" "$@" || status=$?
case $status in
  0) echo "Linux on the platform: all went well" ;;
  *) echo "Linux on the platform: failed (npim run: exit status $status)" >&2 ;;
esac
exit $status
