# Sourced by ./dev: formatting and static analysis.
# shellcheck shell=bash disable=SC2154  # the lists are those of dev_packages.sh

sources() { git ls-files --cached --others --exclude-standard -- '*.cpp' '*.hpp' '*.c' '*.h' | grep -v '^proto/public/'; }

# What differs from the branch point with main, or from the last commit on main itself.
changed_sources() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse HEAD~1 2>/dev/null || git rev-parse HEAD)
  { git diff --name-only --diff-filter=d "$base" -- '*.cpp' '*.hpp'
    git ls-files --others --exclude-standard -- '*.cpp' '*.hpp'; } | sort -u
}

command_lint() {
  local scope=changed fix=0
  for argument in "$@"; do
    case $argument in
      --all) scope=all ;;
      --fix) fix=1 ;;
      *) die "./dev lint knows --all and --fix, not $argument" ;;
    esac
  done
  install_packages "${build_packages[@]}" "${lint_packages[@]}"
  if [[ $fix = 1 ]]; then
    sources | xargs -r clang-format -i
    say "Formatted."
    return
  fi
  sources | xargs -r clang-format --dry-run -Werror || die "not formatted; ./dev lint --fix formats"
  shellcheck -x dev .ci/run tests/support/*.sh
  build dev
  local files
  if [[ $scope = all ]]; then files=$(sources); else files=$(changed_sources); fi
  files=$(grep '\.cpp$' <<<"$files" || true)
  if [[ -n $files ]]; then
    tidy_database
    xargs -r -n 1 -P "${COFFER_JOBS:-2}" clang-tidy --quiet -p build/tidy <<<"$files" ||
      die "clang-tidy has findings"
  fi
  say "Lint is clean."
}

# clang cannot read g++'s precompiled headers and wants one command per source where the build has unity files.
tidy_database() {
  mkdir -p build/tidy
  "$python" - build/dev/compile_commands.json build/tidy/compile_commands.json <<'PYTHON'
import json, re, sys
out = []
for entry in json.load(open(sys.argv[1])):
    command = re.sub(r"-Winvalid-pch|-include \S*cmake_pch\S*|\S*ccache ", "", entry["command"])
    parts = [entry["file"]]
    if "/Unity/" in entry["file"]:
        parts = re.findall(r'#include "([^"]+)"', open(entry["file"]).read())
    for part in parts:
        out.append({**entry, "file": part, "command": command.replace(entry["file"], part)})
json.dump(out, open(sys.argv[2], "w"))
PYTHON
}
