// The stored encoding of payloads and the projections between kinds; any thread.
//
//   payload := %x01 kind content
//   kind    := %x01 (bytes) | %x02 (text) | %x03 (map) | %x04 (json)
//   content := the bytes as they are | map
//   map     := *(varint-length key varint-length value), keys strictly ascending

#include "model/payload.hpp"

#include <algorithm>

#include "model/json_text.hpp"
#include "model/wire.hpp"

namespace coffer::model {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kHeaderBytes = 2;
constexpr std::size_t kLengthBytes = 10;  // the longest varint

Error damaged(const char* what) { return {Code::data_loss, std::string("stored payload: ") + what}; }

Result<PayloadKind> read_header(std::string_view encoded) {
  if (encoded.size() < kHeaderBytes) return damaged("it is cut");
  if (static_cast<unsigned char>(encoded[0]) != kFormat) return damaged("its format is not known to this program");
  const auto kind = static_cast<unsigned char>(encoded[1]);
  if (kind < 1 || kind > 4) return damaged("its kind is not known to this program");
  return static_cast<PayloadKind>(kind);
}

Result<Payload> read_map(std::string_view content) {
  Payload payload{PayloadKind::map, {}, {}};
  wire::Reader reader(content);
  while (!reader.at_end()) {
    std::string key = reader.string();
    const std::string_view value = reader.bytes();
    if (!reader.ok()) return damaged("its map is cut");
    if (!payload.map.empty() && !(payload.map.back().first < key))
      return damaged("the keys of its map are not ascending");
    payload.map.emplace_back(std::move(key), Secret(value));
  }
  return payload;
}

// Capacity for a map as JSON when nothing needs escaping.
std::size_t json_size_hint(const Payload& payload) { return payload.size() + 6 * payload.map.size() + 2; }

Secret map_as_json(const Payload& payload) {
  Secret out;
  out.reserve(json_size_hint(payload));
  out.append("{");
  for (const auto& [key, value] : payload.map) {
    if (out.size() > 1) out.append(",");
    append_json_string(&out, key);
    out.append(":");
    append_json_string(&out, value.expose());
  }
  out.append("}");
  return out;
}

// Sorted by key; of members with the same key the last one stays, as in every common JSON library.
void sort_unique(std::vector<std::pair<std::string, Secret>>* members) {
  const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::stable_sort(members->begin(), members->end(), by_key);
  const auto same_key = [](const auto& a, const auto& b) { return a.first == b.first; };
  const auto kept = std::unique(members->rbegin(), members->rend(), same_key);
  members->erase(members->begin(), kept.base());
}

}  // namespace

std::size_t Payload::size() const {
  std::size_t bytes = content.size();
  for (const auto& [key, value] : map) bytes += key.size() + value.size();
  return bytes;
}

Secret encode_payload(const Payload& payload) {
  Secret out;
  out.reserve(kHeaderBytes + payload.size() + 2 * kLengthBytes * payload.map.size());
  const char header[kHeaderBytes] = {static_cast<char>(kFormat), static_cast<char>(payload.kind)};
  wire::Writer writer(&out);
  writer.raw({header, sizeof header});
  if (payload.kind != PayloadKind::map) {
    writer.raw(payload.content.expose());
    return out;
  }
  for (const auto& [key, value] : payload.map) {
    writer.bytes(key);
    writer.bytes(value.expose());
  }
  return out;
}

Result<Payload> decode_payload(std::string_view encoded) {
  const Result<PayloadKind> kind = read_header(encoded);
  if (!kind) return kind.error();
  encoded.remove_prefix(kHeaderBytes);
  if (*kind == PayloadKind::map) return read_map(encoded);
  return Payload{*kind, Secret(encoded), {}};
}

Result<Payload> decode_payload(Secret&& encoded) {
  const Result<PayloadKind> kind = read_header(encoded.expose());
  if (!kind) return kind.error();
  if (*kind == PayloadKind::map) return read_map(encoded.expose().substr(kHeaderBytes));
  encoded.drop_front(kHeaderBytes);
  return Payload{*kind, std::move(encoded), {}};
}

TextView as_text(const Payload& payload) {
  if (payload.kind == PayloadKind::map) return {map_as_json(payload), false};
  if (payload.kind == PayloadKind::bytes && !is_valid_utf8(payload.content.expose())) {
    return {base64_encode(payload.content.expose()), true};
  }
  return {payload.content, false};
}

Secret as_bytes(const Payload& payload) {
  return payload.kind == PayloadKind::map ? map_as_json(payload) : payload.content;
}

std::vector<std::pair<std::string, Secret>> as_map(const Payload& payload, std::string_view single_key) {
  if (payload.kind == PayloadKind::map) return payload.map;
  if (payload.kind == PayloadKind::json) {
    if (auto members = split_json_object(payload.content.expose())) {
      sort_unique(&*members);
      return std::move(*members);
    }
  }
  std::vector<std::pair<std::string, Secret>> single;
  single.emplace_back(std::string(single_key), as_text(payload).text);
  return single;
}

}  // namespace coffer::model
