// libFuzzer's entry points: one program for all targets, the environment's COFFER_FUZZ_TARGET says which. Built with clang
// by the preset `fuzz` (`./dev fuzz`).

#include <cstddef>

#include <google/protobuf/stubs/logging.h>

#include "tests/fuzz/fuzz.hpp"

namespace {
const coffer::fuzz::Target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("COFFER_FUZZ_TARGET");
  chosen = coffer::fuzz::find_target(name ? name : "");
  google::protobuf::SetLogHandler(nullptr);  // it names fields that are not UTF-8, thousands of times
  if (chosen) return 0;
  std::fprintf(stderr, "COFFER_FUZZ_TARGET is none of:");
  for (const auto& target : coffer::fuzz::targets()) {
    std::fprintf(stderr, " %.*s", static_cast<int>(target.name.size()), target.name.data());
  }
  std::fprintf(stderr, "\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
