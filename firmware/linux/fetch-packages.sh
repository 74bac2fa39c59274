#!/bin/sh
# Fetches Debian's riscv64 kernel, its headers and busybox, and unpacks them under
#   OUT/root (kernel, headers, busybox), OUT/host-root (tools that run on this machine)
# usage: fetch-packages.sh OUT
# apt runs with a configuration, state and cache of its own inside OUT: the system's package lists,
# cache and sources are read at most. The mirror and its keyring are those of the machine's own apt
# sources. Nothing happens when OUT is complete already; OUT/kernel-version says which kernel it is.
set -eu

suite=trixie          # riscv64 is a release architecture since this one

[ $# = 1 ] || { echo "usage: $0 OUT" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
[ ! -e "$out/complete" ] || exit 0

host_arch=$(dpkg --print-architecture)
system_suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

fail() {
  echo "fetch-packages.sh: $*" >&2
  exit 1
}

# Prints "URI KEYRING" of the first entry for the system's own release with component main; KEYRING
# is empty when the entry has none. Reads both formats of sources.list(5).
own_mirror() {
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -r "$file" ] || continue
    { cat "$file"; echo; } | awk -v suite="$system_suite" '
      function has(list, word, i, n, part) {
        n = split(list, part, " ")
        for (i = 1; i <= n; ++i) if (part[i] == word) return 1
        return 0
      }
      function entry_ends(word) {
        if (has(value["types"], "deb") && has(value["suites"], suite) &&
            has(value["components"], "main") && value["enabled"] !~ /^(no|false)/) {
          split(value["uris"], word, " ")
          print word[1], (value["signed-by"] ~ /^ *\// ? value["signed-by"] : "")
          exit
        }
        split("", value)
      }
      /^#/ { next }
      /^[ \t]*$/ { entry_ends(); next }
      /^[^ \t]+:/ {
        key = tolower(substr($0, 1, index($0, ":") - 1))
        value[key] = substr($0, index($0, ":") + 1)
        next
      }
      { value[key] = value[key] " " $0 }'
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -r "$file" ] || continue
    awk -v suite="$system_suite" '
      $1 != "deb" { next }
      {
        keyring = ""
        line = $0
        if (match(line, /\[[^]]*\]/)) {
          options = substr(line, RSTART + 1, RLENGTH - 2)
          line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
          if (match(options, /signed-by=[^ ]*/)) keyring = substr(options, RSTART + 10, RLENGTH - 10)
        }
        n = split(line, word, " ")
        if (word[3] != suite) next
        for (i = 4; i <= n; ++i) if (word[i] == "main") { print word[2], keyring; exit }
      }' "$file"
  done
}

write_configuration() {
  mirror=$(own_mirror | head -n 1)
  [ -n "$mirror" ] || fail "found no Debian mirror for '$system_suite' in this machine's apt sources"
  uri=${mirror%% *}
  keyring=${mirror#* }
  # shellcheck disable=SC2086
  keyring=$(echo $keyring)
  if [ -z "$keyring" ] && [ -r /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  fi
  mkdir -p "$out/apt/lists/partial" "$out/apt/cache/archives/partial" "$out/apt/log"
  : >"$out/apt/status"
  {
    echo "Types: deb"
    echo "URIs: $uri"
    echo "Suites: $suite"
    echo "Components: main"
    echo "Architectures: riscv64 $host_arch"
    [ -z "$keyring" ] || echo "Signed-By: $keyring"
  } >"$out/apt/debian.sources"
  # The machine's own settings for transfers (a proxy, say) hold; its hooks do not.
  {
    apt-config dump | grep -E '^Acquire::(http|https|ftp|Retries|ForceIPv)' || true
    cat <<END
Dir::Etc::Parts "/dev/null";
Dir::Etc::SourceList "$out/apt/debian.sources";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$out/apt";
Dir::State::Lists "$out/apt/lists";
Dir::State::Status "$out/apt/status";
Dir::Cache "$out/apt/cache";
Dir::Log "$out/apt/log";
APT::Architecture "riscv64";
APT::Architectures { "riscv64"; "$host_arch"; };
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
END
  } >"$out/apt/apt.conf"
  export APT_CONFIG="$out/apt/apt.conf"
}

# The versioned package that a metapackage depends on.
real_package() {
  apt-cache show --no-all-versions "$1" | sed -n "s/^Depends:.*\($2[^ ,]*\).*/\1/p" | head -n 1
}

download() {
  (cd "$out/debs" && apt-get download -q -q "$@") || fail "could not download: $*"
}

write_configuration
apt-get update -q -q 2>"$out/apt/log/update" || {
  cat "$out/apt/log/update" >&2
  fail "cannot reach the Debian mirror of this machine's apt sources; the Linux demonstration" \
    "needs the network once"
}
grep -q '^E:\|Failed to fetch' "$out/apt/log/update" && {
  cat "$out/apt/log/update" >&2
  fail "cannot read the package lists of $suite; the Linux demonstration needs the network once"
}

image=$(real_package linux-image-riscv64 linux-image-)
[ -n "$image" ] || fail "$suite has no linux-image-riscv64"
release=${image#linux-image-}
headers=linux-headers-$release
common=$(real_package "$headers" 'linux-headers-[^ ,]*-common')
kbuild=$(real_package "$headers" 'linux-kbuild-')
[ -n "$common" ] && [ -n "$kbuild" ] || fail "cannot tell which packages belong to $headers"

rm -rf "$out/debs" "$out/root" "$out/host-root"
mkdir -p "$out/debs" "$out/root" "$out/host-root"
echo "Fetching $image, its headers and busybox-static (riscv64, $suite)"
download "$image" "$headers" "$common" busybox-static
# The build tools among the headers have to run here; they may want a newer C library than this
# system's, which comes along.
download "$kbuild:$host_arch" "libc6:$host_arch"

for package in "$out"/debs/*.deb; do
  case $package in
    */linux-kbuild-* | */libc6_*) dpkg-deb -x "$package" "$out/host-root" ;;
    */linux-image-*)
      # Its modules are not needed, and are most of it.
      dpkg-deb --fsys-tarfile "$package" | tar -x -C "$out/root" ./boot ;;
    *) dpkg-deb -x "$package" "$out/root" ;;
  esac
done
rm -rf "$out/debs" "$out/apt/lists" "$out/apt/cache"
echo "$release" >"$out/kernel-version"
: >"$out/complete"
