# Sourced by ./dev: three nodes on this machine that are one cluster, and the commands to watch one die.
# shellcheck shell=bash disable=SC2154  # the package lists are those of dev_packages.sh

# Like print_commands of dev_up.sh: every line that starts with two spaces can be pasted as it stands, in this order;
# `cluster --smoke` runs exactly these lines.
print_cluster_commands() {
  local coffer=$1 tokens=$2/node-1/dev/root.token
  cat <<COMMANDS
Who is in the cluster, and who leads what:
  $coffer admin cluster status --groups --server ${admin[1]} --token-file $tokens

Write through one node, read through another:
  printf s3cr3t | $coffer put api-key --server ${grpc[1]} --token-file $tokens
  $coffer get api-key --server ${grpc[2]} --token-file $tokens

Kill the first node as a power failure would, and watch: the others elect new leaders and go on.
  kill -9 ${pids[1]}
  $coffer admin cluster status --groups --server ${admin[2]} --token-file $tokens
  printf rotated | $coffer put api-key --server ${grpc[2]} --token-file $tokens
  $coffer get api-key --server ${grpc[3]} --token-file $tokens
  curl -fsS http://${http[3]}/metrics | grep coffer_peer_connected
COMMANDS
}

# start_cluster_node N ARGUMENTS...: node N of the arrays http, grpc, admin, peer; returns when it is ready.
start_cluster_node() {
  local n=$1
  shift
  local command=("$cluster_binary" server --dev --data "$cluster_data/node-$n" --http "${http[n]}" --grpc "${grpc[n]}"
                 --admin "${admin[n]}" --peer "${peer[n]}")
  [[ $n = 1 ]] || command+=(--seal-key "$cluster_data/node-1/dev/seal.key")
  "${command[@]}" "$@" &
  pids[n]=$!
  for _ in $(seq 600); do
    kill -0 "${pids[n]}" 2>/dev/null || die "node $n did not start; its reason stands above"
    curl -fsS -o /dev/null "http://${http[n]}/readyz" 2>/dev/null && return
    sleep 0.1
  done
  die "node $n was not ready within 60 s"
}

start_cluster() {
  local n token=$cluster_data/join.token
  start_cluster_node 1
  for n in 2 3; do
    (umask 077 && mkdir -p "$cluster_data/node-$n")
    if [[ -e $cluster_data/node-$n/peer/identity.pem ]]; then
      start_cluster_node "$n"
      continue
    fi
    (umask 077 && "$cluster_binary" admin cluster join-token --server "${admin[1]}" \
      --token-file "$cluster_data/node-1/dev/root.token" >"$token") || die "no join token"
    start_cluster_node "$n" --join "${peer[1]}" --token-file "$token"
    rm -f "$token"
  done
}

# Until every group has three voters, the death of a node may take the only copy with it.
wait_for_three_voters() {
  local status
  for _ in $(seq 240); do
    status=$("$cluster_binary" admin cluster status --output json --server "${admin[1]}" \
      --token-file "$cluster_data/node-1/dev/root.token" 2>/dev/null) && "$python" -c '
import json, sys
groups = json.load(sys.stdin)["groups"]
sys.exit(not all(sum(r["role"] == "voter" for r in g.get("replicas", [])) == 3 for g in groups))' <<<"$status" && return
    sleep 0.5
  done
  die "the groups did not get three voters each within two minutes"
}

stop_cluster() {
  kill -TERM "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
}

command_cluster() {
  local smoke=0 n
  local -a http grpc admin peer pids
  cluster_binary='' cluster_data=${COFFER_DATA:-coffer-data-cluster}
  while [[ $# -gt 0 ]]; do
    case $1 in
      --smoke) smoke=1 ;;
      --binary) cluster_binary=$2; shift ;;  # use this program; install and build nothing
      *) die "./dev cluster knows --smoke and --binary FILE" ;;
    esac
    shift
  done
  if [[ -z $cluster_binary ]]; then
    install_packages "${build_packages[@]}"
    build release coffer
    cluster_binary=build/release/coffer
  fi
  local ports=()
  if [[ $smoke = 1 ]]; then
    cluster_data=$(mktemp -d)
    read -r -a ports < <(free_ports 12)
  fi
  for n in 1 2 3; do
    local base=$((7770 + 10 * n))
    http[n]=127.0.0.1:$base grpc[n]=127.0.0.1:$((base + 1)) admin[n]=127.0.0.1:$((base + 2)) peer[n]=127.0.0.1:$((base + 3))
    if [[ $smoke = 1 ]]; then
      http[n]=127.0.0.1:${ports[4 * n - 4]} grpc[n]=127.0.0.1:${ports[4 * n - 3]}
      admin[n]=127.0.0.1:${ports[4 * n - 2]} peer[n]=127.0.0.1:${ports[4 * n - 1]}
    fi
  done
  (umask 077 && mkdir -p "$cluster_data/node-1")
  trap stop_cluster EXIT
  trap 'exit 130' INT TERM
  start_cluster
  say "Waiting until every group has three voters ..."
  wait_for_three_voters
  if [[ $smoke = 1 ]]; then smoke_cluster; return; fi
  say ""
  print_cluster_commands "$cluster_binary" "$cluster_data"
  say ""
  say "Three nodes run; their data is in $cluster_data. Ctrl-C stops them. A node that was killed comes back with"
  say "  ./dev cluster     (after Ctrl-C; nothing is lost)"
  wait
}

# A killed node's leaderships take a moment to move, so each command may try again for a while.
smoke_cluster() {
  local command output failed=0 try
  while IFS= read -r command; do
    for try in $(seq 40); do
      if output=$(bash -o pipefail -c "$command" 2>&1); then break; fi
      [[ $command == *kill* ]] && break
      sleep 0.5
    done
    if [[ $try -lt 40 ]]; then
      say "ok      ${command#  }"
      head -n 4 <<<"$output" | cut -c 1-200
    else
      say "FAILED  ${command#  }"
      printf '%s\n' "$output"
      failed=1
    fi
  done < <(print_cluster_commands "$cluster_binary" "$cluster_data" | grep '^  ')
  stop_cluster
  trap - EXIT
  rm -rf "$cluster_data"
  [[ $failed = 0 ]] || die "a printed command failed"
  say "Every printed command works."
}
