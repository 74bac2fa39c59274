#!/bin/sh
# Packs busybox, the kernel module, the programs and their data into OUT/initramfs.cpio. The same
# files give the same archive.
# usage: build-initramfs.sh PACKAGES OUT PROGRAM IMAGES LABELS
# PACKAGES is from fetch-packages.sh, OUT that of build-module.sh. IMAGES and LABELS may be .gz.
set -eu

[ $# = 5 ] || { echo "usage: $0 PACKAGES OUT PROGRAM IMAGES LABELS" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
firmware=$(dirname "$here")
packages=$1
out=$2
root=$out/initramfs

unpacked() {
  case $1 in
    *.gz) gzip -dc "$1" ;;
    *) cat "$1" ;;
  esac
}

# The driver core and the runtime in user space are the files of bare metal.
build_program() {
  riscv64-linux-gnu-gcc -std=c11 -D_GNU_SOURCE -O2 -static -s -Wall -Wextra -Wpedantic -Werror \
    -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla \
    -I"$firmware/include" -I"$firmware" -I"$here" -o "$root/bin/$1" \
    "$here/app/$1.c" "$here"/lib/*.c "$firmware/driver/commands.c" "$firmware/driver/errors.c" \
    "$firmware/driver/service.c" "$firmware"/runtime/*.c -lm
}

rm -rf "$root"
mkdir -p "$root/bin" "$root/lib" "$root/data" "$root/proc" "$root/sys" "$root/dev"
cp "$here/initramfs/init" "$root/init"
cp "$packages/root/usr/bin/busybox" "$root/bin/busybox"
cp "$out/neural_pim.ko" "$root/lib/"
build_program npim_classify
build_program npim_check
cp "$3" "$root/data/digits.npim"
unpacked "$4" >"$root/data/images"
unpacked "$5" >"$root/data/labels"
chmod 755 "$root/init" "$root"/bin/*
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0) \
  >"$out/initramfs.cpio"
