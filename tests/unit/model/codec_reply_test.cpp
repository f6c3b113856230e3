// Stored replies are read back as they were, damaged ones refused. The structured bindings fail to compile when a field
// is added: then it belongs into the sample and into the codec.

#include "model/codec.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/model/golden.hpp"

namespace coffer::model {
namespace {

Entry sample_entry() {
  Version first{1, State::destroyed, 1'700'000'000'000, "token:a", 1'700'000'000'500, 0};
  Version second{2, State::deleted, 1'700'000'000'100, "token:b", 1'700'000'000'600, 12};
  Version third{3, State::active, 1'700'000'000'200, "token:c", 0, 1 << 20};
  [[maybe_unused]] const auto& [number, state, created_at, created_by, deleted_at, payload_bytes] = first;
  Entry entry{"kv",
              "app/db",
              "the database",
              "owner",
              {{"env", "prod"}, {"team", "a"}},
              {{"stype", "1"}},
              1'700'000'000'000,
              1'700'000'000'200,
              "token:a",
              1'800'000'000'000,
              10,
              3,
              {first, second, third},
              true,
              true};
  [[maybe_unused]] const auto& [e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13, e14, e15, permissions] = entry;
  return entry;
}

TokenInfo sample_token_info() {
  TokenInfo token{"3fa9", "for ci", "operator:root", {{5, {"kv", "a*"}, {"*"}}}, 1, 2, 3};
  [[maybe_unused]] const auto& [id, description, created_by, scopes, created_at, expires_at, revoked_at, addresses,
                                renewable, ttl, max_expires_at] = token;
  return token;
}

Entry sample_shared_entry() {
  Entry entry = sample_entry();
  entry.permissions = {{"role:ops", Level::read}, {"user:ann", Level::admin}};
  return entry;
}

TokenInfo sample_renewable_token() {
  TokenInfo token = sample_token_info();
  token.addresses = {"10.0.0.0/8", "::1"};
  token.renewable = true;
  token.ttl = 60'000;
  token.max_expires_at = 1'800'000'000'000;
  return token;
}

std::vector<ReplyBody> sample_replies() {
  return {EntryReply{sample_entry(), 3, std::nullopt},
          EntryReply{},
          DeleteReply{1, sample_entry()},
          TransactReply{{1, 300, 0}},
          TransactReply{},
          TokenReply{sample_token_info(), {}},
          EntryReply{sample_shared_entry(), 3, std::nullopt},
          TokenReply{sample_renewable_token(), {}},
          PolicyReply{{7, {}, {}, 1'700'000'000'000, "operator"}, {"+ role reader", "- role writer"}}};
}

bool same(const ReplyBody& a, const ReplyBody& b) {
  if (a.index() != b.index()) return false;
  if (const auto* x = std::get_if<EntryReply>(&a)) {
    const auto& y = std::get<EntryReply>(b);
    return x->entry == y.entry && x->version == y.version && !x->payload && !y.payload;
  }
  if (const auto* x = std::get_if<DeleteReply>(&a)) {
    return x->count == std::get<DeleteReply>(b).count && x->entry == std::get<DeleteReply>(b).entry;
  }
  if (const auto* x = std::get_if<TransactReply>(&a)) return x->versions == std::get<TransactReply>(b).versions;
  if (const auto* x = std::get_if<PolicyReply>(&a)) {
    return x->policy == std::get<PolicyReply>(b).policy && x->difference == std::get<PolicyReply>(b).difference;
  }
  const auto& x = std::get<TokenReply>(a);
  return x.token == std::get<TokenReply>(b).token && x.secret == std::get<TokenReply>(b).secret;
}

TEST(StoredReply, IsReadBackAsItWas) {
  for (const ReplyBody& reply : sample_replies()) {
    const Result<ReplyBody> decoded = decode_reply(encode_reply(reply).expose());
    ASSERT_TRUE(decoded.ok()) << decoded.error().message();
    EXPECT_TRUE(same(*decoded, reply));
  }
}

TEST(StoredReply, RoundTripsRandomEntries) {
  std::mt19937_64 random(11);
  const auto text = [&] {
    std::string made(random() % 20, '\0');
    for (char& c : made) c = static_cast<char>(random());
    return made;
  };
  // Numbers of every length.
  const auto number = [&] { return random() >> random() % 64; };
  for (int round = 0; round < 500; ++round) {
    Entry e{text(), text(), text(), text(), {{text(), text()}}, {{text(), text()}, {text(), text()}}};
    e.created_at = static_cast<TimeMs>(number());
    e.updated_at = -static_cast<TimeMs>(number() / 2);
    e.expires_at = static_cast<TimeMs>(number());
    e.max_versions = static_cast<std::uint32_t>(number());
    e.last_version = number();
    for (std::uint64_t i = 0; i < random() % 4; ++i) {
      e.versions.push_back({number(), State::deleted, static_cast<TimeMs>(number()), text(), 0, number()});
    }
    const ReplyBody reply = EntryReply{e, number(), std::nullopt};
    const Result<ReplyBody> decoded = decode_reply(encode_reply(reply).expose());
    ASSERT_TRUE(decoded.ok()) << "round " << round;
    ASSERT_TRUE(same(*decoded, reply)) << "round " << round;
  }
}

TEST(StoredReply, HasTheBytesOfTheGoldenFiles) {
  const char* names[] = {"reply_entry",      "reply_entry_empty",    "reply_delete",
                         "reply_transact",   "reply_transact_empty", "reply_token",
                         "reply_entry_more", "reply_token_more",     "reply_policy"};
  const auto replies = sample_replies();
  ASSERT_EQ(std::size(names), replies.size());
  for (std::size_t i = 0; i < replies.size(); ++i) test::expect_golden(names[i], encode_reply(replies[i]).expose());
}

TEST(StoredReply, LeavesOutPayloadsAndTokenSecrets) {
  const Secret bytes = encode_reply(EntryReply{sample_entry(), 3, Payload::of_text("hunter2")});
  EXPECT_EQ(bytes.expose().find("hunter2"), std::string_view::npos);
  const Secret token = encode_reply(TokenReply{sample_token_info(), Secret("cft_hunter2")});
  EXPECT_EQ(token.expose().find("hunter2"), std::string_view::npos);
  EXPECT_TRUE(std::get<TokenReply>(*decode_reply(token.expose())).secret.empty());
}

TEST(StoredReply, EveryCutAndEveryAdditionIsRefused) {
  for (const ReplyBody& reply : sample_replies()) {
    const Secret bytes = encode_reply(reply);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Result<ReplyBody> decoded = decode_reply(bytes.expose().substr(0, size));
      ASSERT_FALSE(decoded.ok()) << size;
      EXPECT_EQ(decoded.error().code, Code::data_loss);
    }
    EXPECT_FALSE(decode_reply(std::string(bytes.expose()) + '\0').ok());
  }
}

TEST(StoredReply, OfAnotherFormatOrKindIsRefused) {
  std::string bytes(encode_reply(TransactReply{}).expose());
  for (const int kind : {0, 5, 255}) {
    bytes[1] = static_cast<char>(kind);
    EXPECT_EQ(decode_reply(bytes).error(),
              Error(Code::data_loss, "stored reply: its kind is not known to this program"));
  }
  bytes[0] = 2;
  EXPECT_EQ(decode_reply(bytes).error(),
            Error(Code::data_loss, "stored reply: its format is not known to this program"));
}

TEST(StoredReply, OfAStateThatDoesNotExistIsRefused) {
  for (const int state : {0, 4, 255}) {
    Entry entry;
    entry.versions.emplace_back().state = static_cast<State>(state);
    EXPECT_FALSE(decode_reply(encode_reply(EntryReply{entry, 1, std::nullopt}).expose()).ok()) << state;
  }
}

TEST(StoredReply, DamageIsRefusedOrHasBytesOfItsOwn) {
  // Whatever is accepted must be what encode_reply would have written: there is one encoding of a reply.
  std::mt19937 random(5);
  for (const ReplyBody& reply : sample_replies()) {
    const std::string bytes(encode_reply(reply).expose());
    for (int round = 0; round < 5000; ++round) {
      std::string damaged = bytes;
      damaged[random() % damaged.size()] = static_cast<char>(random());
      const Result<ReplyBody> decoded = decode_reply(damaged);
      if (decoded) {
        ASSERT_EQ(encode_reply(*decoded).expose(), damaged);
      }
    }
  }
}

TEST(StoredReply, AHugeCountIsRefusedBeforeMemoryIsTaken) {
  EXPECT_FALSE(decode_reply("\x01\x03\xff\xff\xff\xff\xff\xff\xff\xff\x7f").ok());
}

AuditReply sample_audit_reply() { return {{true, false, 4, 1'700'000'000'000, "operator"}, {}}; }

TEST(StoredAuditReply, IsReadBackAsItWas) {
  const auto read = decode_reply(encode_reply(sample_audit_reply()).expose());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(std::get<AuditReply>(*read).settings, sample_audit_reply().settings);
}

TEST(StoredAuditReply, HasTheBytesOfTheGoldenFile) {
  test::expect_golden("reply_audit", encode_reply(sample_audit_reply()).expose());
}

}  // namespace
}  // namespace coffer::model
