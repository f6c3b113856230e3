// See state_copy.hpp.

#include "storage/state_copy.hpp"

#include <algorithm>

#include "model/wire.hpp"
#include "storage/keys.hpp"

namespace coffer::storage {

namespace {

constexpr std::size_t kTenantBytes = 16;

std::string group_prefix(model::GroupId group) {
  std::string key = "g";
  append_be64(key, group.value);
  return key;
}

std::string generation_prefix(model::GroupId group, model::Generation generation) {
  std::string key = group_prefix(group);
  append_be64(key, generation.value);
  return key;
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) {
    out.push_back(static_cast<char>(value | 0x80));
  }
  out.push_back(static_cast<char>(value));
}

void append_bytes(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out.append(bytes);
}

}  // namespace

model::Result<RowBlock> read_block(const Engine& engine, model::GroupId group, model::Generation generation,
                                   std::string_view after, std::size_t max_bytes) {
  const std::string prefix = generation_prefix(group, generation);
  std::string begin = prefix;
  if (!after.empty()) {
    begin.append(after).push_back('\0');  // the smallest key behind it
  }
  auto scan = engine.scan(begin, prefix_end(prefix));
  return read_block(*scan, max_bytes);
}

std::unique_ptr<Scan> scan_rows(const Engine& engine, model::GroupId group, model::Generation generation,
                                std::string_view within, std::string_view after) {
  const std::string prefix = generation_prefix(group, generation);
  const std::string first = prefix + std::string(within);
  const std::string end = prefix_end(first);
  const std::string begin = after.empty() ? first : std::max(first, prefix_end(prefix + std::string(after)));
  return engine.scan(std::min(begin, end), end);
}

model::Result<RowBlock> read_block(Scan& scan, std::size_t max_bytes) {
  RowBlock block;
  for (; scan.valid(); scan.next()) {
    const std::string_view key = scan.key().substr(kCopyPrefix);
    if (!block.rows.empty() && block.rows.size() + key.size() + scan.value().size() > max_bytes) {
      return block;
    }
    append_bytes(block.rows, key);
    append_bytes(block.rows, scan.value());
    block.last_key = key;
  }
  if (auto status = scan.status(); !status) return status.error();
  block.is_last = true;
  return block;
}

model::Status add_block(std::string_view rows, model::GroupId group, model::Generation generation, Batch& out) {
  const std::string prefix = generation_prefix(group, generation);
  model::wire::Reader in(rows);
  while (in.ok() && !in.at_end()) {
    const std::string_view key = in.bytes();
    const std::string_view value = in.bytes();
    if (!in.ok() || key.size() < kTenantBytes) {
      return model::Error(model::Code::data_loss, "a block of a snapshot does not parse");
    }
    out.put(prefix, key, value);
  }
  return {};
}

model::Result<bool> drop_generation(Engine& engine, model::GroupId group, model::Generation generation,
                                    std::size_t max_rows) {
  const std::string prefix = generation_prefix(group, generation);
  Batch batch;
  std::size_t rows = 0;
  auto scan = engine.scan(prefix, prefix_end(prefix));
  for (; scan->valid() && rows < max_rows; scan->next(), ++rows) batch.del(scan->key());
  const bool finished = !scan->valid();
  if (auto status = scan->status(); finished && !status) return status.error();
  scan.reset();
  if (batch.empty()) return finished;
  if (auto status = engine.write(batch, Durability::unsynced); !status) return status.error();
  return finished;
}

model::Result<std::vector<model::Generation>> generations(const Engine& engine, model::GroupId group) {
  const std::string prefix = group_prefix(group);
  const std::string end = prefix_end(prefix);
  std::vector<model::Generation> found;
  for (std::string begin = prefix;;) {
    auto scan = engine.scan(begin, end);
    if (!scan->valid()) {
      if (auto status = scan->status(); !status) return status.error();
      return found;
    }
    if (scan->key().size() < prefix.size() + 8) {
      return model::Error(model::Code::data_loss, "the state database holds a key that is no row's");
    }
    found.emplace_back(read_be64(scan->key().substr(prefix.size())));
    begin = prefix_end(generation_prefix(group, found.back()));
    if (begin.empty()) return found;
  }
}

}  // namespace coffer::storage
