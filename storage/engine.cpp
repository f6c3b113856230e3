// The parts of the engine contract that are the same for every engine. Any thread.

#include "storage/engine.hpp"

namespace coffer::storage {

std::size_t Batch::bytes() const {
  std::size_t total = 0;
  for (const Op& op : ops_) total += op.key.size() + op.value.size();
  return total;
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace coffer::storage
