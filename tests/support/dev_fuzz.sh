# Sourced by ./dev: libFuzzer over the targets of tests/fuzz.
# shellcheck shell=bash disable=SC2154  # the package lists are those of dev_packages.sh

# fuzz [TARGET...] [--time SECONDS]: all targets without a name, each so long (default 60). What is new goes into
# build/fuzz/corpus, a crash into build/fuzz/found.
command_fuzz() {
  local seconds=60 names=() name binary=build/fuzz/tests/fuzz/coffer_fuzz
  while [[ $# -gt 0 ]]; do
    case $1 in
      --time) seconds=$2; shift ;;
      *) names+=("$1") ;;
    esac
    shift
  done
  install_packages "${build_packages[@]}" "${fuzz_packages[@]}"
  build fuzz coffer_fuzz
  if [[ ${#names[@]} = 0 ]]; then mapfile -t names < <(find tests/fuzz/corpus -mindepth 1 -maxdepth 1 -printf '%f\n' | sort); fi
  mkdir -p build/fuzz/found
  for name in "${names[@]}"; do
    [[ -d tests/fuzz/corpus/$name ]] || die "there is no fuzz target $name; tests/fuzz/corpus has one folder for each"
    say "Fuzzing $name for $seconds s"
    mkdir -p "build/fuzz/corpus/$name"
    COFFER_FUZZ_TARGET=$name UBSAN_OPTIONS=print_stacktrace=1 "$binary" "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" \
      -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
      -artifact_prefix="build/fuzz/found/$name-" >"$(log_file "fuzz-$name")" 2>&1 ||
      { tail -n 40 "$(log_file "fuzz-$name")" >&2; die "$name failed. Its input is in build/fuzz/found: copy it to tests/fuzz/corpus/$name with the fix"; }
    grep -E 'stat::number_of_executed_units|^#.*DONE' "$(log_file "fuzz-$name")" || true
  done
}
