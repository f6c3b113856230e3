// See projection.hpp.

#include "net/dapr/projection.hpp"

#include <charconv>

namespace coffer::net::dapr {
namespace {

void add_marker(StringMap* map, std::string_view key) {
  map->emplace(std::string(key) + std::string(kEncodingSuffix), "base64");
}

StringMap project_members(const model::Payload& payload, std::string_view name) {
  StringMap map;
  std::vector<std::string> encoded;
  for (const auto& [key, value] : model::as_map(payload, name)) {
    const bool is_text = model::is_valid_utf8(value.expose());
    map.emplace(key,
                is_text ? std::string(value.expose()) : std::string(model::base64_encode(value.expose()).expose()));
    if (!is_text) encoded.push_back(key);
  }
  for (const std::string& key : encoded) add_marker(&map, key);
  return map;
}

}  // namespace

StringMap project(const model::Payload& payload, std::string_view name, bool multiple_values) {
  const bool has_members = payload.kind == model::PayloadKind::map || payload.kind == model::PayloadKind::json;
  if (multiple_values && has_members) return project_members(payload, name);
  const model::TextView view = model::as_text(payload);
  StringMap map{{std::string(name), std::string(view.text.expose())}};
  if (view.is_base64) add_marker(&map, name);
  return map;
}

std::map<std::string, StringMap> project_all(const model::ListReply& reply, const View& view) {
  std::map<std::string, StringMap> all;
  for (const model::EntryReply& entry : reply.entries) {
    if (!entry.payload || !is_allowed(view, entry.entry.name)) continue;
    all.emplace(entry.entry.name, project(*entry.payload, entry.entry.name, view.multiple_values));
  }
  return all;
}

model::Result<std::uint64_t> read_version(std::string_view version_id) {
  if (version_id.empty()) return std::uint64_t{0};
  std::uint64_t version = 0;
  const char* end = version_id.data() + version_id.size();
  const auto read = std::from_chars(version_id.data(), end, version);
  if (read.ptr != end || read.ec == std::errc::invalid_argument) {
    return model::Error(model::Code::invalid_argument, "metadata version_id is not a number");
  }
  if (read.ec == std::errc::result_out_of_range) return model::Error(model::Code::version_not_found);
  return version;
}

}  // namespace coffer::net::dapr
