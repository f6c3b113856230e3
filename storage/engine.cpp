// The parts of the engine contract that are the same for every engine. Any thread.

#include "storage/engine.hpp"

#include <unordered_set>

namespace coffer::storage {

void Batch::put(std::string_view prefix, std::string_view key, std::string_view value) {
  bytes_.append(prefix).append(key).append(value);
  places_.push_back({false, prefix.size() + key.size(), value.size()});
}

void Batch::del(std::string_view prefix, std::string_view key) {
  bytes_.append(prefix).append(key);
  places_.push_back({true, prefix.size() + key.size(), 0});
}

void Batch::append(std::string_view more) {
  bytes_.append(more);
  places_.back().value_size += more.size();
}

void Batch::keep_last() {
  std::unordered_set<std::string_view> seen;
  seen.reserve(places_.size());
  std::size_t end = bytes_.size();
  for (auto place = places_.rbegin(); place != places_.rend(); ++place) {
    end -= place->key_size + place->value_size;
    if (!seen.insert(std::string_view(bytes_).substr(end, place->key_size)).second) place->is_overwritten = true;
  }
}

std::vector<Batch::Op> Batch::ops() const {
  std::vector<Op> ops;
  ops.reserve(places_.size());
  std::string_view rest(bytes_);
  for (const Place& place : places_) {
    if (!place.is_overwritten) {
      ops.push_back({place.is_delete, rest.substr(0, place.key_size), rest.substr(place.key_size, place.value_size)});
    }
    rest.remove_prefix(place.key_size + place.value_size);
  }
  return ops;
}

void Batch::clear() {
  bytes_.clear();
  places_.clear();
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace coffer::storage
