// A forwarded request or reply arrives as it was sent, whatever is in it, and programs of two ages understand each other.

#include "model/forward_codec.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "model/request_fields.hpp"
#include "tests/unit/model/golden.hpp"

namespace coffer::model {
namespace {

// Gives every field of a value something that is not its default and differs from its neighbours.
class Filler {
 public:
  template <class... Fields>
  void operator()(Fields&... values) {
    (fill(values), ...);
  }
  void fill(bool& value) { value = true; }
  void fill(std::uint64_t& value) { value = ++next_; }
  void fill(std::uint32_t& value) { value = static_cast<std::uint32_t>(++next_); }
  void fill(TimeMs& value) { value = -static_cast<TimeMs>(++next_); }
  void fill(std::string& value) { value = "text " + std::to_string(++next_); }
  void fill(Secret& value) { value = Secret("secret " + std::to_string(++next_)); }
  void fill(TenantId& value) { value.bytes.fill(static_cast<std::uint8_t>(++next_)); }
  template <class Tag>
  void fill(Id<Tag>& value) {
    value = Id<Tag>(++next_);
  }
  template <class E>
  requires std::is_enum_v<E>
  void fill(E& value) { value = static_cast<E>(2); }
  template <class A, class B>
  void fill(std::pair<A, B>& pair) {
    fill(pair.first);
    fill(pair.second);
  }
  template <class T>
  void fill(std::optional<T>& value) {
    fill(value.emplace());
  }
  template <class T, std::size_t N>
  void fill(std::array<T, N>& values) {
    for (T& value : values) fill(value);
  }
  template <class T>
  void fill(std::vector<T>& values) {
    for (int i = 0; i < 2; ++i) fill(values.emplace_back());
  }
  template <class T>
  void fill(std::vector<Result<T>>& values) {
    T value{};
    fill(value);
    values.emplace_back(std::move(value));
    values.emplace_back(Error(Code::entry_not_found, "none"));
  }
  template <class V>
  void fill(std::map<std::string, V>& pairs) {
    fill(pairs["a"]);
    fill(pairs["b"]);
  }
  template <class T>
  void fill(std::shared_ptr<const T>& value) {
    auto made = std::make_shared<T>();
    fill(*made);
    value = std::move(made);
  }
  /// Another alternative each time.
  template <class... Types>
  void fill(std::variant<Types...>& value) {
    const std::size_t chosen = ++alternative_ % sizeof...(Types);
    std::size_t next = 0;
    (void)(... || (next++ == chosen && (fill(value.template emplace<Types>()), true)));
  }
  void fill(double& value) { value = static_cast<double>(++next_) + 0.25; }
  void fill(query::Literal& value) {  // holds others of its kind
    if (depth_ == 2) return;
    ++depth_;
    visit_fields(*this, value);
    --depth_;
  }
  template <class T>
  requires requires(Filler& filler, T& object) { visit_fields(filler, object); }
  void fill(T& object) { visit_fields(*this, object); }

 private:
  std::uint64_t next_ = 1000;
  std::size_t alternative_ = 0;
  int depth_ = 0;
};

/// Calls f with each alternative of the variant, filled.
template <class Variant, std::size_t I = 0, class F>
void each_alternative(const F& f) {
  if constexpr (I < std::variant_size_v<Variant>) {
    Variant value;
    Filler().fill(value.template emplace<I>());
    f(std::move(value));
    each_alternative<Variant, I + 1>(f);
  }
}

Request request_with(decltype(Request::operation) operation) {
  Request request;
  Filler filler;
  filler.fill(request.tenant);
  filler.fill(request.credential);
  filler.fill(request.info);
  request.operation = std::move(operation);
  return request;
}

void each_request(const std::function<void(const Request&)>& f) {
  each_alternative<TenantOperation>([&](TenantOperation operation) { f(request_with(std::move(operation))); });
  each_alternative<DirectoryOperation>([&](DirectoryOperation operation) { f(request_with(std::move(operation))); });
  each_alternative<KeeperOperation>([&](KeeperOperation operation) { f(request_with(std::move(operation))); });
}

void each_reply(const std::function<void(const Result<Reply>&)>& f) {
  each_alternative<ReplyBody>([&](ReplyBody body) { f(Reply{{3, 77}, std::move(body)}); });
  f(Error(Code::cas_mismatch, "the current version is 3", 5));
}

std::string text(const Secret& secret) { return std::string(secret.expose()); }

TEST(ForwardCodec, EveryFieldOfEveryRequestArrives) {
  each_request([](const Request& request) {
    const std::string bytes = text(encode_forwarded(request));
    const auto arrived = decode_forwarded_request(bytes);
    ASSERT_TRUE(arrived.ok()) << request.operation.index();
    EXPECT_EQ(arrived->operation.index(), request.operation.index());
    EXPECT_EQ(text(encode_forwarded(*arrived)), bytes) << "every field was set, so none was lost";
  });
}

TEST(ForwardCodec, EveryFieldOfEveryReplyArrives) {
  each_reply([](const Result<Reply>& reply) {
    const std::string bytes = text(encode_forwarded(reply));
    const auto arrived = decode_forwarded_reply(bytes);
    ASSERT_TRUE(arrived.ok());
    ASSERT_EQ(arrived->ok(), reply.ok());
    EXPECT_EQ(text(encode_forwarded(*arrived)), bytes);
  });
}

TEST(ForwardCodec, APayloadAndASecretArriveAsTheyWere) {
  Put put;
  put.space = "kv";
  put.name = "db";
  put.payload = Payload{PayloadKind::map, {}, {}};
  put.payload.map.emplace_back("user", Secret(std::string_view("a\0b", 3)));
  Request request = request_with(TenantOperation(put));
  const auto arrived = decode_forwarded_request(encode_forwarded(request).expose());
  ASSERT_TRUE(arrived.ok());
  EXPECT_EQ(std::get<Put>(std::get<TenantOperation>(arrived->operation)).payload, put.payload);
  EXPECT_EQ(arrived->credential.token, request.credential.token);
}

TEST(ForwardCodec, CutBytesAreRefusedWhereverTheyEnd) {
  each_request([](const Request& request) {
    const std::string bytes = text(encode_forwarded(request));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_forwarded_request(std::string_view(bytes).substr(0, size)).ok()) << size;
    }
    EXPECT_FALSE(decode_forwarded_request(bytes + "x").ok()) << "nothing may follow";
  });
}

TEST(ForwardCodec, AnotherFormatOrAnUnknownOperationIsRefused) {
  std::string bytes = text(encode_forwarded(request_with(TenantOperation(History{"kv", "db"}))));
  std::string other = bytes;
  other[0] = 2;
  EXPECT_EQ(decode_forwarded_request(other).error().code, Code::invalid_argument);
  // The outermost variant's number stands where two encodings that differ in nothing else differ first, behind the head.
  Request plain;
  plain.operation = DirectoryOperation(GetClusterStatus{});
  std::string newer = text(encode_forwarded(plain));
  const std::size_t alternative = newer.size() - 5;  // its struct is four bytes of length
  ASSERT_EQ(static_cast<std::size_t>(newer[alternative]), DirectoryOperation(GetClusterStatus{}).index());
  newer[alternative] = 100;
  EXPECT_FALSE(decode_forwarded_request(newer).ok());
}

std::uint32_t length_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}
void set_length(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i) & 0xff);
}

TEST(ForwardCodec, AFieldThatANewerProgramAddedIsLeftOut) {
  Request request;
  request.operation = TenantOperation(History{"kv", "db"});
  std::string bytes = text(encode_forwarded(request));
  // The innermost struct is the last one; whatever stands around it grows with it.
  const std::size_t inner = bytes.size() - 4 - std::string("\2kv\2db").size();
  bytes += "\7newer..";
  set_length(bytes, inner, length_at(bytes, inner) + 8);
  set_length(bytes, 1, length_at(bytes, 1) + 8);
  const auto arrived = decode_forwarded_request(bytes);
  ASSERT_TRUE(arrived.ok());
  EXPECT_EQ(std::get<History>(std::get<TenantOperation>(arrived->operation)).name, "db");
}

TEST(ForwardCodec, AFieldThatAnOlderProgramDidNotKnowKeepsItsDefault) {
  Request request;
  Get get{"kv", "db", 7, false};
  get.inject = true;
  request.operation = TenantOperation(get);
  std::string bytes = text(encode_forwarded(request));
  const std::size_t inner = bytes.size() - 4 - std::string("\2kv\2db\7_i").size();
  bytes.pop_back();  // inject
  bytes.pop_back();  // with_payload
  set_length(bytes, inner, length_at(bytes, inner) - 2);
  set_length(bytes, 1, length_at(bytes, 1) - 2);
  const auto arrived = decode_forwarded_request(bytes);
  ASSERT_TRUE(arrived.ok());
  const Get& read = std::get<Get>(std::get<TenantOperation>(arrived->operation));
  EXPECT_EQ(read.version, 7U);
  EXPECT_TRUE(read.with_payload);
  EXPECT_FALSE(read.inject);
}

TEST(ForwardCodec, HasTheBytesOfTheGoldenFiles) {
  std::string requests, replies;
  each_request([&](const Request& request) { requests += text(encode_forwarded(request)); });
  each_reply([&](const Result<Reply>& reply) { replies += text(encode_forwarded(reply)); });
  test::expect_golden("forwarded_requests", requests);
  test::expect_golden("forwarded_replies_loads", replies);
}

TEST(ForwardCodec, RepliesOfTheProgramBeforeGroupsHadLoadsAreRead) {
  const std::string older = test::golden_bytes("forwarded_replies");
  constexpr std::size_t kHead = 6;  // format, success, and the outermost struct's length
  std::size_t at = 0;
  each_reply([&](const Result<Reply>& reply) {
    ASSERT_LE(at + kHead, older.size());
    const std::size_t size = kHead + length_at(older, at + 2);
    const auto arrived = decode_forwarded_reply(std::string_view(older).substr(at, size));
    at += size;
    ASSERT_TRUE(arrived.ok());
    const auto* status = arrived->ok() ? std::get_if<ClusterStatusReply>(&(*arrived)->body) : nullptr;
    if (status == nullptr) {
      EXPECT_EQ(text(encode_forwarded(*arrived)), text(encode_forwarded(reply)));
      return;
    }
    ASSERT_EQ(status->groups.size(), 2U);
    for (const GroupInfo& group : status->groups) {
      EXPECT_FALSE(group.load);
      EXPECT_EQ(group.replicas.size(), 2U);
    }
    EXPECT_EQ(status->plan.size(), 2U) << "what stands behind the groups";
  });
  EXPECT_EQ(at, older.size());
}

}  // namespace
}  // namespace coffer::model
