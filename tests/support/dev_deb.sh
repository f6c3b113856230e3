# Sourced by ./dev: builds the Debian package, and tries it in a small Debian of its own.
# shellcheck shell=bash disable=SC2154,SC2016  # the lists are those of dev_packages.sh; apt expands its own $(NAMES)

command_deb() {
  local try=0
  [[ ${1:-} = --try ]] && try=1
  command_build release
  install_packages dpkg-dev
  (cd build/release && cpack -G DEB >"$(log_file cpack)") || { cat "$(log_file cpack)" >&2; die "cpack failed"; }
  ls build/release/coffer_*.deb
  if [[ $try = 1 ]]; then try_deb build/release/coffer_*.deb; fi
}

# try_deb DEB: a fresh Debian in a folder, made by debootstrap from the machine's own archive; apt installs the package there
# with what it depends on, the program makes a cluster and serves as the unit would start it, and the package goes again.
# The steps are those of deploy/Dockerfile's second stage. Needs root.
try_deb() {
  local deb=$1 uri root
  [[ $(id -u) = 0 ]] || die "./dev deb --try needs root, for the chroot"
  install_packages debootstrap
  uri=$(apt-get indextargets --format '$(REPO_URI)|$(CODENAME)' "Created-By: Packages" | sed -n "s/|$codename\$//p" | head -n 1)
  [[ -n $uri ]] || die "apt knows no source of $codename"
  root=$(mktemp -d /tmp/coffer-chroot-XXXXXX)
  chmod 0755 "$root"  # as / of whoever runs in it
  # shellcheck disable=SC2064  # the folder of now
  trap "umount '$root/proc' 2>/dev/null || true; rm -rf '$root'" EXIT
  say "Making a Debian ($codename) in $root"
  debootstrap --variant=minbase --include=adduser,ca-certificates "$codename" "$root" "$uri" >"$(log_file debootstrap)" 2>&1 ||
    { tail -n 20 "$(log_file debootstrap)" >&2; die "debootstrap failed"; }
  mount -t proc proc "$root/proc" || die "cannot mount /proc in the chroot"
  cp "$deb" "$root/tmp/coffer.deb"
  if [[ $codename = bookworm ]]; then
    printf 'deb %s bookworm-backports main\n' "$uri" >"$root/etc/apt/sources.list.d/backports.list"
  fi
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  say "Installing the package with its dependencies"
  in_chroot "$root" "apt-get -qq update && apt-get -qq -y install --no-install-recommends /tmp/coffer.deb" >"$(log_file chroot)" 2>&1 ||
    { tail -n 20 "$(log_file chroot)" >&2; die "the package cannot be installed"; }
  say "Making a cluster and serving as the unit does"
  try_program "$root"
  say "Removing the package: its data stay"
  in_chroot "$root" "apt-get -qq -y purge coffer" >>"$(log_file chroot)" 2>&1 || die "the package cannot be removed"
  [[ ! -e $root/usr/bin/coffer && -d $root/var/lib/coffer/data/log ]] || die "what should have gone or stayed has not"
  say "The package works."
}

in_chroot() { chroot "$1" /usr/bin/env -i DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 sh -ec "$2"; }

# The unit's own words, but for what only systemd does (hardening, notify). TLS is left out by name, the ports are the defaults.
try_program() {
  local root=$1 start status=0
  start=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/coffer.service")
  in_chroot "$root" '
    id coffer >/dev/null
    test "$(stat -c %U:%G:%a /etc/coffer/coffer.toml)" = root:coffer:640
    test "$(stat -c %U:%G:%a /var/lib/coffer /etc/coffer/keys | sort -u)" = coffer:coffer:700
    as_coffer() { setpriv --reuid=coffer --regid=coffer --init-groups "$@"; }
    as_coffer coffer config check --dev /etc/coffer/coffer.toml
    as_coffer sh -ec "umask 0077; coffer admin init --config /etc/coffer/coffer.toml --seal-key /etc/coffer/keys/seal.key --operator-token /var/lib/coffer/token"
    setpriv --reuid=coffer --regid=coffer --init-groups sh -c "umask 0077; exec '"$start"' --insecure --seal-key /etc/coffer/keys/seal.key --http 127.0.0.1:17780 --grpc 127.0.0.1:17781 --admin 127.0.0.1:17782" 2>/tmp/server.log &
    server=$!
    operator() { coffer admin "$@" --server 127.0.0.1:17782 --token-file /var/lib/coffer/token; }
    for attempt in $(seq 100); do operator status >/dev/null 2>&1 && break; sleep 0.2; done
    operator tenants create acme
    operator tokens create --tenant acme --scope "read,read-value,write:kv:*" --out /tmp/acme.token
    tenant() { coffer "$@" --tenant acme --server 127.0.0.1:17781 --token-file /tmp/acme.token; }
    printf s3cret | tenant put db
    test "$(tenant get db)" = s3cret
    kill -TERM $server
    wait $server
  ' >"$(log_file package)" 2>&1 || status=$?
  [[ $status = 0 ]] || { tail -n 30 "$(log_file package)" "$root/tmp/server.log" >&2; die "the packaged program does not work"; }
}
