#!/bin/sh
# Builds neural_pim.ko for the kernel that fetch-packages.sh unpacked.
# usage: build-module.sh PACKAGES OUT
# The headers' build tools are programs of the kernel's Debian release for this machine; where they
# want a newer C library than the system's, they run with their own release's, which was fetched
# along. Neither tree is changed: OUT/kernel is a build tree of links and wrappers.
set -eu

[ $# = 2 ] || { echo "usage: $0 PACKAGES OUT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
firmware=$(dirname "$here")
packages=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
release=$(cat "$packages/kernel-version")
headers=$packages/root/usr/src/linux-headers-$release
common=$(echo "$packages"/root/usr/src/linux-headers-*-common)
kbuild=$(echo "$packages"/host-root/usr/lib/linux-kbuild-*)
libraries=$(dirname "$(find "$packages/host-root/usr/lib" -name libc.so.6 | head -n 1)")
loader=$(find "$packages/host-root/usr" -name 'ld-linux*.so.*' | head -n 1)

# A tool becomes a wrapper that starts it with the C library of its own release.
wrap() {
  rm -f "$1"
  cat >"$1" <<END
#!/bin/sh
exec "$loader" --library-path "$libraries" "$2" "\$@"
END
  chmod +x "$1"
}

make_kernel_tree() {
  rm -rf "$out/kernel"
  mkdir -p "$out/kernel/common" "$out/kernel/build"
  cp -r "$kbuild/scripts" "$out/kernel/scripts"
  for tool in basic/fixdep mod/modpost; do
    program=$kbuild/scripts/$tool
    # scripts/mod/modpost chooses one of its siblings by the target's word size and byte order.
    [ "$tool" != mod/modpost ] || program=$kbuild/scripts/mod/modpost.real-lsb-64
    wrap "$out/kernel/scripts/$tool" "$program"
  done
  for part in arch include Makefile; do
    ln -s "$common/$part" "$out/kernel/common/$part"
  done
  for part in arch include .config Module.symvers; do
    ln -s "$headers/$part" "$out/kernel/build/$part"
  done
  for tree in common build; do
    ln -s ../scripts "$out/kernel/$tree/scripts"
    ln -s "$kbuild/tools" "$out/kernel/$tree/tools"
  done
  echo "include $out/kernel/common/Makefile" >"$out/kernel/build/Makefile"
}

link_sources() {
  rm -rf "$out/module"
  mkdir -p "$out/module"
  for file in "$here"/module/*; do ln -s "$file" "$out/module/"; done
  for file in "$firmware"/driver/*.c; do
    ln -s "$file" "$out/module/core-$(basename "$file")"
  done
  ln -s "$firmware/include" "$out/module/include"
  ln -s "$here/include" "$out/module/uapi"
}

make_kernel_tree
link_sources
# Debian's kernel is of a newer compiler than this cross compiler; modules may differ in that. No
# BTF: it needs the kernel's own pahole.
make -C "$out/kernel/build" M="$out/module" ARCH=riscv KERNELRELEASE="$release" \
  CROSS_COMPILE=riscv64-linux-gnu- CC=riscv64-linux-gnu-gcc DEBIAN_KERNEL_NO_CC_VERSION_CHECK=y \
  CONFIG_DEBUG_INFO_BTF_MODULES= modules >"$out/module.log" 2>&1 || {
  cat "$out/module.log" >&2
  echo "build-module.sh: cannot build the kernel module" >&2
  exit 1
}
grep -E 'warning:|WARNING' "$out/module.log" >&2 || true
riscv64-linux-gnu-strip --strip-debug -o "$out/neural_pim.ko" "$out/module/neural_pim.ko"
