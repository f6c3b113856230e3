// See sim.hpp.

#include "tests/sim/sim.hpp"

#include <iostream>

namespace coffer::sim {

CommandLine parse(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name.starts_with("--gtest_")) {
      continue;
    }
    std::uint64_t* target = name == "--seed"    ? &line.seed
                            : name == "--first" ? &line.seed
                            : name == "--seeds" ? &line.seeds
                            : name == "--steps" ? &line.steps
                            : name == "--nodes" ? &line.nodes
                                                : nullptr;
    if (target == nullptr || i + 1 == argc) {
      throw std::invalid_argument("usage: [--seed|--first N] [--seeds N] [--steps N] [--nodes N]");
    }
    *target = std::stoull(argv[++i]);
    line.given = true;
  }
  return line;
}

int run_seeds(const CommandLine& line, const std::function<std::string(std::uint64_t seed)>& run) {
  int failures = 0;
  std::string last;
  for (std::uint64_t seed = line.seed; seed < line.seed + line.seeds; ++seed) {
    try {
      last = run(seed);
    } catch (const Violation& violation) {
      ++failures;
      std::cout << "FAILED --seed " << seed << " --steps " << line.steps << ": " << violation.what() << std::endl;
    }
  }
  std::cout << line.seeds << " seeds from " << line.seed << ", " << line.steps << " steps each, " << failures
            << " failed; the last: " << last << std::endl;
  return failures;
}

}  // namespace coffer::sim
