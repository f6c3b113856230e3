// What is read back from disk, log and a retried request: records, write sets, sealed rows, replies, payloads, and the
// texts of model. Damage is told, whatever it is; what reads well says the same when it is written again.

#include "actors/records.hpp"
#include "actors/write_set.hpp"
#include "crypto/sealer.hpp"
#include "model/address.hpp"
#include "model/codec.hpp"
#include "model/identity.hpp"
#include "model/json_text.hpp"
#include "model/payload.hpp"
#include "model/utf8.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace coffer::fuzz {
namespace {

/// `read` of what `write` makes of what was read is the same to the byte.
template <class Read, class Write>
void stable(std::string_view bytes, const Read& read, const Write& write) {
  const auto value = read(bytes);
  if (!value) return require(value.error().code == model::Code::data_loss, "damage is called damage");
  const std::string first(write(*value));
  const auto again = read(first);
  require(again.ok(), "what is written can be read");
  require(std::string(write(*again)) == first, "and is the same");
}

}  // namespace

// The first byte chooses the record.
COFFER_FUZZ(records) {
  using namespace actors;
  Input in(input);
  const std::uint8_t choice = in.byte();
  const std::string_view bytes = in.rest();
  switch (choice % 11) {
    case 0: return stable(bytes, decode_token, encode_token);
    case 1: return stable(bytes, decode_quota, encode_quota);
    case 2: return stable(bytes, decode_issuer, encode_issuer);
    case 3: return stable(bytes, decode_certificate_rule, encode_certificate_rule);
    case 4: return stable(bytes, decode_policy, encode_policy);
    case 5: return stable(bytes, decode_tenant, encode_tenant);
    case 6: return stable(bytes, decode_operator, encode_operator);
    case 7: (void)decode_header(bytes); return;
    case 8: (void)decode_keys(bytes); return;
    case 9: (void)decode_request(bytes); return;
    default: {
      // A map's fields have no order of their own in protobuf.
      const auto entry = decode_entry(bytes);
      if (!entry) return;
      const auto again = decode_entry(encode_entry(*entry));
      require(again.ok() && again->name == entry->name && again->tags == entry->tags &&
                  again->versions.size() == entry->versions.size() &&
                  again->permissions.size() == entry->permissions.size(),
              "an entry stays what it is");
    }
  }
}

COFFER_FUZZ(write_set) {
  actors::WriteSetView view;
  const auto status = actors::decode_write_set(input, view);
  store::v1::WriteSet slow;
  const bool parses = slow.ParseFromArray(input.data(), static_cast<int>(input.size()));
  if (!status) return;
  require(parses, "what is read by hand is protobuf");
  std::vector<storage::RowChange> rows;
  for (const auto& row : view.rows) {
    require((row.row.data() >= input.data() && row.row.data() + row.row.size() <= input.data() + input.size()) ||
                row.row.empty(),
            "rows are parts of the input");
    rows.push_back({std::string(row.row), row.value ? std::optional(std::string(*row.value)) : std::nullopt});
  }
  const auto written = actors::encode_write_set(view.head, rows, view.audit);
  actors::WriteSetView again;
  require(actors::decode_write_set(*written, again).ok() && again.rows.size() == view.rows.size() &&
              again.audit == view.audit,
          "and is the same when it is written");
}

COFFER_FUZZ(sealed) {
  static crypto::SeededRandom random(7);
  static crypto::Sealer sealer = [] {
    crypto::Sealer made(random);
    made.add_key(1, crypto::Key::generate(random), true);
    return made;
  }();
  (void)crypto::sealed_key_version(input);
  const auto opened = sealer.open(input, crypto::row_identity("tenant", "row"));
  require(!opened.ok(), "nobody can seal");
}

COFFER_FUZZ(reply) {
  stable(input, model::decode_reply,
         [](const model::ReplyBody& body) { return std::string(model::encode_reply(body).expose()); });
}

COFFER_FUZZ(payload) {
  const auto payload = model::decode_payload(input);
  if (!payload) return require(payload.error().code == model::Code::data_loss, "damage is called damage");
  require(model::encode_payload(*payload).expose() == input, "there is one encoding");
  const auto text = model::as_text(*payload);
  if (payload->kind != model::PayloadKind::json && payload->kind != model::PayloadKind::text &&
      payload->kind != model::PayloadKind::map) {
    require(model::is_valid_utf8(text.text.expose()), "text is text");
  }
  (void)model::as_bytes(*payload);
  const auto map = model::as_map(*payload, "k");
  for (std::size_t i = 1; i < map.size(); ++i) require(map[i - 1].first < map[i].first, "a map is sorted and unique");
}

COFFER_FUZZ(base64) {
  const auto decoded = model::base64_decode(input);
  if (decoded) {
    const model::Secret written = model::base64_encode(decoded->expose());
    const auto again = model::base64_decode(written.expose());
    require(again.ok() && again->expose() == decoded->expose(), "what is decoded is what is encoded");
  }
  const model::Secret encoded = model::base64_encode(input);
  const auto back = model::base64_decode(encoded.expose());
  require(back.ok() && back->expose() == input, "what is encoded is what is decoded");
}

COFFER_FUZZ(addresses) {
  const auto range = model::parse_address_range(input);
  if (range) require(range->bits <= 128 && range->contains(range->first), "a range holds its first address");
  const auto peer = model::parse_peer(input);
  if (range && peer && range->bits == 128) require(range->contains(*peer), "one address is read alike by both");
}

COFFER_FUZZ(claim_paths) {
  const auto path = model::split_claim_path(input);
  if (path) require(!path->empty(), "a path has parts");
  (void)model::parse_jws_algorithm(input);
  (void)model::builtin_mapping(input);
}

}  // namespace coffer::fuzz
