// See forward_codec.hpp.

#include "model/forward_codec.hpp"

#include <bit>
#include <cstring>
#include <type_traits>

#include "model/request_fields.hpp"
#include "model/wire.hpp"

namespace coffer::model {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kLengthBytes = 4;
static_assert(std::endian::native == std::endian::little, "doubles go over the wire as they are in memory");

struct AnyVisitor {
  template <class... Fields>
  void operator()(Fields&...) {}
};
template <class T>
concept Struct = std::is_class_v<T> && requires(AnyVisitor& visitor, T& object) {
  visit_fields(visitor, object);
};

class Encoder {
 public:
  explicit Encoder(Secret* out) : out_(out), writer_(out) {}

  template <class... Fields>
  void operator()(const Fields&... values) {
    (put(values), ...);
  }

  void put(bool value) { writer_.boolean(value); }
  void put(std::uint64_t value) { writer_.varint(value); }
  void put(std::uint32_t value) { writer_.varint(value); }
  void put(TimeMs value) { writer_.signed_varint(value); }
  void put(double value) {
    writer_.raw({reinterpret_cast<const char*>(&value), sizeof value});
  }  // IEEE 754, little-endian
  void put(const std::string& value) { writer_.bytes(value); }
  void put(const Secret& value) { writer_.bytes(value.expose()); }
  void put(const TenantId& value) { writer_.raw(value.view()); }
  template <class Tag>
  void put(const Id<Tag>& id) {
    writer_.varint(id.value);
  }
  template <class E>
  requires std::is_enum_v<E>
  void put(E value) { writer_.varint(static_cast<std::uint64_t>(value)); }
  template <class A, class B>
  void put(const std::pair<A, B>& pair) {
    put(pair.first);
    put(pair.second);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  void put(const std::shared_ptr<const T>& value) {
    put(value != nullptr);
    if (value) put(*value);
  }
  template <class T, std::size_t N>
  void put(const std::array<T, N>& values) {
    writer_.varint(N);
    for (const T& value : values) put(value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    writer_.varint(values.size());
    for (const T& value : values) put(value);
  }
  template <class V>
  void put(const std::map<std::string, V>& pairs) {
    writer_.varint(pairs.size());
    for (const auto& pair : pairs) put(pair);
  }
  template <class... Types>
  void put(const std::variant<Types...>& value) {
    writer_.varint(value.index());
    std::visit([this](const auto& alternative) { put(alternative); }, value);
  }
  template <class T>
  void put(const Result<T>& result) {
    put(result.ok());
    if (result.ok()) {
      put(*result);
    } else {
      put(result.error());
    }
  }
  template <Struct T>
  void put(const T& object) {
    const std::size_t at = out_->size();
    out_->append(std::string_view("\0\0\0\0", kLengthBytes));
    visit_fields(*this, object);
    const std::size_t length = out_->size() - at - kLengthBytes;
    for (std::size_t i = 0; i < kLengthBytes; ++i) {
      out_->expose_mutable()[at + i] = static_cast<char>(length >> (8 * i) & 0xff);
    }
  }

 private:
  Secret* out_;
  wire::Writer writer_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : reader_(bytes) {}
  bool finished() const { return reader_.ok() && reader_.at_end(); }

  /// Fields of a struct: those that its writer did not know keep their defaults.
  template <class... Fields>
  void operator()(Fields&... values) {
    (get_if_there(values), ...);
  }

  void get(bool& value) { value = reader_.boolean(); }
  void get(std::uint64_t& value) { value = reader_.varint(); }
  void get(std::uint32_t& value) { value = narrow<std::uint32_t>(reader_.varint()); }
  void get(TimeMs& value) { value = reader_.signed_varint(); }
  void get(double& value) {
    const std::string_view raw = reader_.raw(sizeof value);
    if (reader_.ok()) std::memcpy(&value, raw.data(), sizeof value);
  }
  void get(std::string& value) { value = reader_.string(); }
  void get(Secret& value) { value = Secret(reader_.bytes()); }
  void get(TenantId& value) {
    const std::string_view raw = reader_.raw(value.bytes.size());
    if (reader_.ok()) value = TenantId::from_raw(raw);
  }
  template <class Tag>
  void get(Id<Tag>& id) {
    id.value = reader_.varint();
  }
  template <class E>
  requires std::is_enum_v<E>
  void get(E& value) {
    // A number that this program does not know stays what it is: its users answer unknown ones like the default.
    value = static_cast<E>(narrow<std::underlying_type_t<E>>(reader_.varint()));
  }
  template <class A, class B>
  void get(std::pair<A, B>& pair) {
    get(pair.first);
    get(pair.second);
  }
  template <class T>
  void get(std::optional<T>& value) {
    // clang takes a nested struct for no default-constructible one while the struct around it is incomplete, and keeps to it.
    if (reader_.boolean()) get(value.emplace(T{}));
  }
  template <class T>
  void get(std::shared_ptr<const T>& value) {
    if (!reader_.boolean()) return;
    auto made = std::make_shared<T>();
    get(*made);
    value = std::move(made);
  }
  template <class T, std::size_t N>
  void get(std::array<T, N>& values) {
    const std::size_t n = reader_.count();
    for (std::size_t i = 0; i < n && reader_.ok(); ++i) {
      T newer{};
      get(i < N ? values[i] : newer);
    }
  }
  template <class T>
  void get(std::vector<T>& values) {
    const std::size_t n = reader_.count();
    for (std::size_t i = 0; i < n && reader_.ok(); ++i) get(values.emplace_back());
  }
  template <class T>
  void get(std::vector<Result<T>>& values) {
    const std::size_t n = reader_.count();
    for (std::size_t i = 0; i < n && reader_.ok(); ++i) get(values.emplace_back(T{}));
  }
  template <class V>
  void get(std::map<std::string, V>& pairs) {
    const std::size_t n = reader_.count();
    for (std::size_t i = 0; i < n && reader_.ok(); ++i) {
      std::string key = reader_.string();
      V value{};
      get(value);
      pairs.emplace_hint(pairs.end(), std::move(key), std::move(value));
    }
  }
  template <class... Types>
  void get(std::variant<Types...>& value) {
    const std::uint64_t index = reader_.varint();
    std::uint64_t next = 0;
    const bool known = (... || (next++ == index && (get(value.template emplace<Types>()), true)));
    if (!known) reader_.fail();
  }
  template <class T>
  void get(Result<T>& result) {
    if (reader_.boolean()) {
      T value{};
      get(value);
      result = std::move(value);
    } else {
      Error error;
      get(error);
      result = std::move(error);
    }
  }
  template <Struct T>
  void get(T& object) {
    const std::string_view length = reader_.raw(kLengthBytes);
    if (!reader_.ok()) return;
    std::size_t size = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i) {
      size |= static_cast<std::size_t>(static_cast<unsigned char>(length[i])) << (8 * i);
    }
    const std::string_view body = reader_.raw(size);
    if (!reader_.ok()) return;
    Decoder inner(body);
    visit_fields(inner, object);
    if (!inner.reader_.ok()) reader_.fail();
  }

 private:
  template <class T>
  void get_if_there(T& value) {
    if (!reader_.at_end()) get(value);
  }
  template <class To>
  To narrow(std::uint64_t wide) {
    const auto value = static_cast<To>(wide);
    if (static_cast<std::uint64_t>(value) != wide) reader_.fail();
    return value;
  }
  wire::Reader reader_;
};

// Most of a request is its payload: with room for it, it is copied once.
std::size_t size_hint(const Request& request) {
  constexpr std::size_t kRest = 512;
  const auto* operation = std::get_if<TenantOperation>(&request.operation);
  const auto* put = operation == nullptr ? nullptr : std::get_if<Put>(operation);
  return kRest + (put == nullptr ? 0 : put->payload.size() + 4 * put->payload.map.size());
}

template <class T>
Secret encode(const T& value, std::size_t hint) {
  Secret out;
  out.reserve(hint);
  out.append({&kFormat, 1});
  Encoder(&out).put(value);
  return out;
}

template <class T>
bool decode(std::string_view bytes, T& value) {
  if (bytes.empty() || bytes.front() != kFormat) return false;
  Decoder decoder(bytes.substr(1));
  decoder.get(value);
  return decoder.finished();
}

}  // namespace

Secret encode_forwarded(const Request& request) { return encode(request, size_hint(request)); }

Result<Request> decode_forwarded_request(std::string_view bytes) {
  Request request;
  if (!decode(bytes, request)) {
    return Error(Code::invalid_argument, "a forwarded request is of a kind that this node's program does not know");
  }
  return request;
}

Secret encode_forwarded(const Result<Reply>& reply) { return encode(reply, 512); }

Result<Result<Reply>> decode_forwarded_reply(std::string_view bytes) {
  Result<Reply> reply{Reply{}};
  if (!decode(bytes, reply)) {
    return Error(Code::internal, "a forwarded reply is of a kind that this node's program does not know");
  }
  return reply;
}

}  // namespace coffer::model
