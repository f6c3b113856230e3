// Replays a fuzz target without libFuzzer, so that any compiler's build has it as a test: first its corpus as it is, then
// mutations of it by a seed. A crash prints the input in hex and the command that repeats it.
//
//   fuzz_replay TARGET CORPUS_FOLDER [--rounds N] [--seed S]
//   fuzz_replay --list

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include <unistd.h>
#include <google/protobuf/stubs/logging.h>

#include "tests/fuzz/fuzz.hpp"

namespace {

using coffer::fuzz::Target;

constexpr std::size_t kMostBytes = 4096;  // of a mutated input

std::string current;  // for the signal handler
std::string repeat;

void say(std::string_view text) {
  [[maybe_unused]] const auto ignored = write(STDERR_FILENO, text.data(), text.size());
}

void on_crash(int signal) {
  say("\nfuzz: ");
  say(repeat);
  say("\nfuzz: the input in hex: ");
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const unsigned char byte : current) {
    const char pair[] = {kDigits[byte >> 4], kDigits[byte & 15]};
    say({pair, 2});
  }
  say("\n");
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(folder)) files.push_back(file.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  Mutator(std::uint64_t seed, const std::vector<std::string>& corpus) : random_(seed), corpus_(corpus) {}

  std::string make() {
    std::string made = any();
    for (std::size_t i = 1 + below(4); i > 0; --i) change(made);
    if (made.size() > kMostBytes) made.resize(kMostBytes);
    return made;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  const std::string& any() { return corpus_[below(corpus_.size())]; }
  std::string part_of(const std::string& text) {
    const std::size_t at = below(text.size() + 1);
    return text.substr(at, below(std::min<std::size_t>(text.size() - at, 64) + 1));
  }
  void change(std::string& text) {
    static constexpr std::string_view kOdd("\0\xff\x7f\x80\n\"\\{}[]:,.%/$*0-e", 24);
    const std::size_t at = below(text.size() + 1);
    switch (below(8)) {
      case 0:
        if (!text.empty()) text[below(text.size())] ^= static_cast<char>(1u << below(8));
        return;
      case 1: text.insert(at, 1, kOdd[below(kOdd.size())]); return;
      case 2: text.erase(at, 1 + below(16)); return;
      case 3: text.insert(at, part_of(text)); return;
      case 4: text.insert(at, part_of(any())); return;
      case 5: text = text.substr(0, at) + part_of(any()); return;
      case 6:
        if (!text.empty()) text[below(text.size())] = static_cast<char>(random_());
        return;
      default: text.insert(at, 1 + below(40), text.empty() ? '[' : text[below(text.size())]); return;
    }
  }

  std::mt19937_64 random_;
  const std::vector<std::string>& corpus_;
};

int usage() {
  std::fprintf(stderr, "fuzz_replay TARGET CORPUS_FOLDER [--rounds N] [--seed S] | --list\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const Target& target : coffer::fuzz::targets()) std::printf("%s\n", std::string(target.name).c_str());
    return 0;
  }
  if (argc < 3) return usage();
  const Target* target = coffer::fuzz::find_target(argv[1]);
  if (!target) return usage();
  std::uint64_t rounds = 3000, seed = 20261120;
  for (int i = 3; i + 1 < argc; i += 2) {
    auto& value = std::strcmp(argv[i], "--rounds") == 0 ? rounds : seed;
    value = std::strtoull(argv[i + 1], nullptr, 10);
  }
  google::protobuf::SetLogHandler(nullptr);  // it names fields that are not UTF-8, thousands of times
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS}) std::signal(signal, on_crash);
  std::vector<std::string> corpus = read_corpus(argv[2]);
  if (corpus.empty()) return std::fprintf(stderr, "fuzz: %s is empty\n", argv[2]), 1;
  const auto run = [&](std::string_view how) {
    repeat = std::string(argv[1]) + ", " + std::string(how);
    target->run(current);
  };
  for (std::size_t i = 0; i < corpus.size(); ++i) {
    current = corpus[i];
    run("corpus file " + std::to_string(i));
  }
  Mutator mutator(seed, corpus);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    current = mutator.make();
    run("--seed " + std::to_string(seed) + ", round " + std::to_string(round));
  }
  std::printf("%s: %zu inputs and %llu mutations\n", argv[1], corpus.size(), static_cast<unsigned long long>(rounds));
  return 0;
}
