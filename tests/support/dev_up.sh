# Sourced by ./dev: a node for a newcomer, and the commands that show each of its doors.
# shellcheck shell=bash disable=SC2154  # the package lists are those of dev_packages.sh

# Every line that starts with two spaces is a command as it can be pasted into a shell in this directory; `up --smoke`
# runs exactly these lines. They end with an error when the answer is one.
print_commands() {
  local http=$1 grpc=$2 admin=$3 data=$4 coffer=$5
  local token="\$(cat $data/dev/root.token)" stamp=$$  # Direktiv never overwrites, so each run has a name of its own
  local tapis="\$($coffer dev-token --data $data --door tapis --tenant dev --user alice)"
  local cloudforet="\$($coffer dev-token --data $data --door cloudforet --tenant domain-dev --user alice)"
  cat <<COMMANDS
Native API, by REST: store a secret, read it, list the space.
  curl -fsS -X PUT -H "authorization: Bearer $token" --json '{"data":{"user":"app","password":"s3cr3t"}}' http://$http/v1/tenants/default/spaces/kv/secrets/db
  curl -fsS -H "authorization: Bearer $token" http://$http/v1/tenants/default/spaces/kv/secrets/db
  curl -fsS -H "authorization: Bearer $token" http://$http/v1/tenants/default/spaces/kv/secrets

Native API, by the command: the value comes from a file or stdin, never from the command line.
  printf s3cr3t | $coffer put api-key --server $grpc --token-file $data/dev/root.token
  $coffer get api-key --server $grpc --token-file $data/dev/root.token

Direktiv (gRPC, secrets.SecretsService): store, read and list secrets of a namespace.
  printf s3cr3t | $python tests/api/direktiv_client.py $grpc store demo token-$stamp
  $python tests/api/direktiv_client.py $grpc retrieve demo token-$stamp
  $python tests/api/direktiv_client.py $grpc list demo

Dapr secrets (HTTP): the same secrets as Dapr stores; "coffer" shows the space kv, "direktiv-demo" Direktiv's namespace.
  curl -fsS http://$http/v1.0/secrets/coffer/api-key
  curl -fsS http://$http/v1.0/secrets/direktiv-demo/token-$stamp
  curl -fsS http://$http/v1.0/secrets/coffer/bulk

Tapis Pods (HTTP): a user's secrets. His token is one that only this server trusts; Tapis makes real ones.
  curl -fsS -H "x-tapis-token: $tapis" http://$http/v3/pods/secrets --json '{"secret_id":"db-$stamp","secret_value":"s3cr3t"}'
  curl -fsS -H "x-tapis-token: $tapis" http://$http/v3/pods/secrets/db-$stamp/value
  curl -fsS -H "x-tapis-token: $tapis" http://$http/v3/pods/secrets

Cloudforet (REST and gRPC): a user's secrets, and how they are found.
  curl -fsS -H "authorization: Bearer $cloudforet" http://$http/secret/v1/user-secret/create --json '{"name":"otp","data":{"key":"s3cr3t"},"tags":{"team":"a"}}'
  curl -fsS -H "authorization: Bearer $cloudforet" http://$http/secret/v1/user-secret/list --json '{"query":{"filter":[{"k":"tags.team","v":"a","o":"eq"}]}}'
  COFFER_TOKEN="$cloudforet" $coffer cloudforet list user-secret --domain domain-dev --server $grpc

Operators' API.
  $coffer admin status --server $admin --token-file $data/dev/root.token
  $coffer admin tenants list --server $admin --token-file $data/dev/root.token

Health and metrics.
  curl -fsS http://$http/readyz
  curl -fsS http://$http/metrics
COMMANDS
}

free_ports() {  # free_ports N: that many in one line, each another one
  "$python" -c 'import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))' "$1"
}

# start_node HTTP GRPC ADMIN DATA BINARY [ARGUMENTS...]: sets node_pid; returns when /readyz answers.
start_node() {
  local http=$1 grpc=$2 admin=$3 data=$4 binary=$5
  shift 5
  "$binary" server --dev --data "$data" --http "$http" --grpc "$grpc" --admin "$admin" "$@" &
  node_pid=$!
  for _ in $(seq 300); do
    kill -0 "$node_pid" 2>/dev/null || { wait "$node_pid" || true; die "the node did not start; its reason stands above"; }
    curl -fsS -o /dev/null "http://$http/readyz" 2>/dev/null && return
    sleep 0.1
  done
  stop_node
  die "the node was not ready within 30 s"
}

stop_node() {
  kill -TERM "$node_pid" 2>/dev/null || true
  wait "$node_pid"
}

command_up() {
  local smoke=0 binary=
  while [[ $# -gt 0 ]]; do
    case $1 in
      --smoke) smoke=1 ;;
      --binary) binary=$2; shift ;;  # use this program; install and build nothing
      *) break ;;
    esac
    shift
  done
  if [[ -z $binary ]]; then
    install_packages "${build_packages[@]}"
    build release coffer
    binary=build/release/coffer
  fi
  if [[ $smoke = 1 ]]; then smoke "$binary"; return; fi

  local http=${COFFER_HTTP:-127.0.0.1:7780} grpc=${COFFER_GRPC:-127.0.0.1:7781} admin=${COFFER_ADMIN:-127.0.0.1:7782}
  local data=${COFFER_DATA:-coffer-data}
  start_node "$http" "$grpc" "$admin" "$data" "$binary" "$@"
  trap 'kill -TERM "$node_pid" 2>/dev/null' INT TERM
  say ""
  print_commands "$http" "$grpc" "$admin" "$data" "$binary"
  say ""
  say "The node runs; its data is in $data. Ctrl-C stops it."
  # A trapped signal ends the first wait; the second one waits for the drain.
  local status=0
  wait "$node_pid" || wait "$node_pid" || status=$?
  return "$status"
}

smoke() {
  local binary=$1 data http grpc admin failed=0 command output
  data=$(mktemp -d)
  local ports
  read -r -a ports < <(free_ports 3)
  http=127.0.0.1:${ports[0]} grpc=127.0.0.1:${ports[1]} admin=127.0.0.1:${ports[2]}
  # shellcheck disable=SC2064  # the names as they are now: at the end these variables are gone
  trap "kill -KILL \$node_pid 2>/dev/null; rm -rf '$data'" EXIT
  start_node "$http" "$grpc" "$admin" "$data" "$binary"
  while IFS= read -r command; do
    if output=$(bash -o pipefail -c "$command" 2>&1); then
      say "ok      ${command#  }"
      head -n 3 <<<"$output" | cut -c 1-200  # not from a pipe: head would break one that has more, and end the script
    else
      say "FAILED  ${command#  }"
      printf '%s\n' "$output"
      failed=1
    fi
  done < <(print_commands "$http" "$grpc" "$admin" "$data" "$binary" | grep '^  ')
  stop_node || die "the node did not stop cleanly"
  trap - EXIT
  rm -rf "$data"
  [[ $failed = 0 ]] || die "a printed command failed"
  say "Every printed command works."
}
