#pragma once
// A payload as it was put (bytes, text, a map of strings, or JSON), its stored encoding, and the one table of
// projections by which each door reads and writes it (DESIGN section 8). Pure values, any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/result.hpp"
#include "model/secret.hpp"
#include "model/utf8.hpp"

namespace coffer::model {

enum class PayloadKind : std::uint8_t { bytes = 1, text = 2, map = 3, json = 4 };

struct Payload {
  PayloadKind kind = PayloadKind::bytes;
  Secret content;                                   // bytes, text, json
  std::vector<std::pair<std::string, Secret>> map;  // sorted by key, unique; kind map only

  static Payload of_bytes(std::string_view b) { return {PayloadKind::bytes, Secret(b), {}}; }
  static Payload of_text(std::string_view t) { return {PayloadKind::text, Secret(t), {}}; }
  /// Bytes of content and of keys and values: what the payload limit counts.
  std::size_t size() const;
  friend bool operator==(const Payload&, const Payload&) = default;
};

/// Stored form, before sealing: format byte 1, kind byte, then content, or (varint length, bytes) pairs of the map.
Secret encode_payload(const Payload& payload);
/// Errors: data_loss when the bytes are not what encode_payload writes.
Result<Payload> decode_payload(std::string_view encoded);
/// The same for a buffer that may be taken over: bytes, text and JSON keep it instead of being copied.
Result<Payload> decode_payload(Secret&& encoded);

/// What a door that knows only strings (Dapr's single value, Tapis) shows: text and JSON as they are, bytes as they
/// are if they are UTF-8, else base64 with `is_base64`; a map as a JSON object with sorted keys.
struct TextView {
  Secret text;
  bool is_base64 = false;
};
TextView as_text(const Payload& payload);
/// What a door that knows only bytes (Direktiv) shows: bytes, text and JSON as they are, a map as a JSON object.
Secret as_bytes(const Payload& payload);
/// What a door that knows a map of strings shows (Dapr multi-value, Cloudforet): the map; a JSON object's members
/// (strings as they are, others as JSON text; of a repeated name the last); anything else under `single_key` as as_text
/// shows it. Sorted by key, unique.
std::vector<std::pair<std::string, Secret>> as_map(const Payload& payload, std::string_view single_key);

/// Standard base64 with padding (RFC 4648 section 4).
Secret base64_encode(std::string_view bytes);
/// Errors: invalid_argument, with the position. Accepts the standard and the URL-safe alphabet, with or without padding;
/// refuses bits behind the last byte that are not zero, which are the trace of a cut text.
Result<Secret> base64_decode(std::string_view text);

}  // namespace coffer::model
