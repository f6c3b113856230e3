# Sourced by ./dev: installs Debian packages that are missing, by name, from the machine's own package sources.
# shellcheck shell=bash disable=SC2034,SC2016  # the lists are used by ./dev; apt expands its own $(NAMES)

say() { printf '%s\n' "$*"; }
die() { printf 'dev: %s\n' "$*" >&2; exit 1; }
log_file() { mkdir -p build/log; printf 'build/log/%s.log' "$1"; }
as_root() { if [[ $(id -u) = 0 ]]; then "$@"; else sudo "$@"; fi; }

codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
case $codename in
  bookworm) boost=1.81 ;;
  *) boost=1.83 ;;
esac
raft_version=0.22.1

# A python3 found first on PATH may be one that does not see Debian's modules.
python=/usr/bin/python3

# libsnappy-dev: libleveldb-dev's CMake target links it, and the package does not depend on it.
build_packages=(
  ca-certificates curl g++ cmake ninja-build ccache mold pkg-config python3
  libcaf-dev libraft-dev libleveldb-dev libsnappy-dev libjemalloc-dev libssl-dev libsodium-dev libp11-kit-dev libre2-dev libabsl-dev
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  "libboost$boost-dev" "libboost-json$boost-dev" "libboost-url$boost-dev"
  libspdlog-dev libcli11-dev libtomlplusplus-dev prometheus-cpp-dev
  libgtest-dev libgmock-dev
  python3-grpcio python3-protobuf
)
test_packages=(clang-format openssl python3-yaml softhsm2)
bench_packages=(nghttp2-client)
fuzz_packages=(clang libclang-rt-dev)
nemesis_packages=(iproute2)
lint_packages=(clang-format clang-tidy shellcheck)

installed() {  # installed PACKAGE: also when another architecture-qualified name provides it
  dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -q '^installed$'
}

# install_packages NAME...: asks apt only when something is missing, so a second run takes no time.
install_packages() {
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  check_raft_version || missing+=(libraft-dev)
  [[ ${#missing[@]} = 0 ]] && return
  command -v apt-get >/dev/null || die "missing: ${missing[*]}; this script installs them with apt only"
  say "Installing ${missing[*]}"
  apt_quiet update
  if [[ " ${missing[*]} " == *" libraft-dev "* && $codename = bookworm ]]; then
    add_backports
    apt_quiet install -t bookworm-backports --no-install-recommends libraft-dev
  fi
  apt_quiet install --no-install-recommends "${missing[@]}"
  check_raft_version || die "libraft-dev must be $raft_version (another version owns memory differently)"
}

check_raft_version() {
  local version
  version=$(dpkg-query -W -f='${Version}' libraft-dev 2>/dev/null || true)
  [[ -z $version || $version == "$raft_version"* ]]
}

apt_quiet() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@" \
    >"$(log_file apt)" 2>&1 || { tail -n 20 "$(log_file apt)" >&2; die "apt-get $1 failed"; }
}

# Debian 12 has libraft 0.22.1 in backports only. The archive is the one that the machine already uses.
add_backports() {
  local targets uri
  targets=$(apt-get indextargets --format '$(REPO_URI)|$(CODENAME)' "Created-By: Packages" | sort -u)
  grep -q '|bookworm-backports$' <<<"$targets" && return
  uri=$(sed -n 's/|bookworm$//p' <<<"$targets" | head -n 1)
  [[ -n $uri ]] || die "apt knows no source of bookworm; cannot tell where its backports are"
  say "Adding bookworm-backports of the machine's own archive to apt's sources"
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s bookworm-backports main\n' "$uri" |
    as_root tee /etc/apt/sources.list.d/coffer-backports.list >/dev/null
  apt_quiet update
}

# Node.js for the test of Dapr's JavaScript client. Whatever node and npm are on PATH will do.
install_node() {
  command -v node >/dev/null && command -v npm >/dev/null && return
  install_packages nodejs npm
}

# etcd is unpacked, not installed: the package would start a daemon.
etcd_binary=build/peers/usr/bin/etcd
fetch_etcd() {
  [[ -x $etcd_binary ]] && return
  say "Fetching etcd-server"
  mkdir -p build/peers
  (cd build/peers && apt-get -qq download etcd-server 2>/dev/null) ||
    { apt_quiet update; (cd build/peers && apt-get -qq download etcd-server); } || die "cannot fetch etcd-server"
  dpkg-deb -x build/peers/etcd-server_*.deb build/peers
}
