// See shamir.hpp.

#include "crypto/shamir.hpp"

#include <array>
#include <cassert>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"

namespace coffer::crypto {
namespace {

constexpr std::string_view kSharePrefix = "cfs_";
constexpr char kShareFormat = 1;
constexpr std::size_t kChecksumSize = 4;
constexpr std::size_t kShareHead = 1 + kShareSetSize + 1 + 1;
constexpr std::size_t kShareBytes = kShareHead + Key::kSize + kChecksumSize;
constexpr std::size_t kShareText = kSharePrefix.size() + base64url_size(kShareBytes);

std::uint8_t byte_of(const Key& key, std::size_t i) { return static_cast<std::uint8_t>(key.bytes()[i]); }

}  // namespace

namespace gf256 {

std::uint8_t multiply(std::uint8_t a, std::uint8_t b) {
  unsigned product = 0;
  unsigned shifted = a;
  for (unsigned bit = 0; bit < 8; ++bit) {
    product ^= shifted & (0U - (static_cast<unsigned>(b) >> bit & 1U));
    shifted = (shifted << 1) ^ (0x11bU & (0U - (shifted >> 7 & 1U)));
  }
  return static_cast<std::uint8_t>(product);
}

std::uint8_t invert(std::uint8_t a) {
  // a^254: the group has 255 elements.
  std::uint8_t result = 1;
  for (unsigned bit = 8; bit-- > 0;) {
    result = multiply(result, result);
    if (0xfeU >> bit & 1U) result = multiply(result, a);
  }
  return result;
}

}  // namespace gf256

std::vector<Share> split_key(const Key& secret, std::string_view set, std::uint32_t threshold, std::uint32_t count,
                             Random& random) {
  assert(threshold >= 1 && threshold <= count && count <= 255 && set.size() == kShareSetSize);
  std::vector<Key> coefficients;  // of x, x^2, ...
  for (std::uint32_t i = 1; i < threshold; ++i) coefficients.push_back(Key::generate(random));
  std::vector<Share> shares;
  for (std::uint32_t number = 1; number <= count; ++number) {
    const auto x = static_cast<std::uint8_t>(number);
    model::Secret bytes = model::Secret::of_size(Key::kSize);
    for (std::size_t i = 0; i < Key::kSize; ++i) {
      std::uint8_t value = 0;  // Horner's rule, from the highest coefficient down
      for (std::size_t k = coefficients.size(); k-- > 0;) {
        value = gf256::multiply(static_cast<std::uint8_t>(value ^ byte_of(coefficients[k], i)), x);
      }
      bytes.expose_mutable()[i] = static_cast<char>(value ^ byte_of(secret, i));
    }
    shares.push_back({std::string(set), static_cast<std::uint8_t>(threshold), x, Key::from_bytes(bytes.expose())});
  }
  return shares;
}

Key combine_shares(const std::vector<const Share*>& shares) {
  model::Secret sum = model::Secret::of_size(Key::kSize);
  for (const Share* share : shares) {
    std::uint8_t weight = 1;  // Lagrange's basis polynomial of this share at zero; numbers are no secret
    for (const Share* other : shares) {
      if (other == share) continue;
      const auto difference = static_cast<std::uint8_t>(other->number ^ share->number);
      weight = gf256::multiply(weight, gf256::multiply(other->number, gf256::invert(difference)));
    }
    for (std::size_t i = 0; i < Key::kSize; ++i) {
      sum.expose_mutable()[i] =
          static_cast<char>(sum.expose_mutable()[i] ^ gf256::multiply(weight, byte_of(share->bytes, i)));
    }
  }
  return Key::from_bytes(sum.expose());
}

model::Secret share_text(const Share& share) {
  model::Secret bytes;
  bytes.reserve(kShareBytes);
  const std::array<char, 2> numbers{static_cast<char>(share.threshold), static_cast<char>(share.number)};
  bytes.append({&kShareFormat, 1});
  bytes.append(share.set);
  bytes.append({numbers.data(), numbers.size()});
  bytes.append(share.bytes.bytes());
  bytes.append(sha256(bytes.expose()).substr(0, kChecksumSize));
  model::Secret text = model::Secret::of_size(kShareText);
  kSharePrefix.copy(text.expose_mutable(), kSharePrefix.size());
  base64url_into(bytes.expose(), text.expose_mutable() + kSharePrefix.size());
  return text;
}

model::Result<Share> read_share(std::string_view text) {
  const auto bad = [](std::string what) {
    return model::Error(model::Code::invalid_argument, "this is no share: " + std::move(what));
  };
  if (!text.starts_with(kSharePrefix)) return bad("a share begins with cfs_");
  if (text.size() != kShareText) {
    return bad("it has " + std::to_string(text.size()) + " characters, a share has " + std::to_string(kShareText));
  }
  model::Secret raw = model::Secret::of_size(kShareBytes);
  if (!from_base64url_into(text.substr(kSharePrefix.size()), raw.expose_mutable(), raw.size())) {
    return bad("it has a character that no share has");
  }
  const std::string_view bytes = raw.expose();
  const std::string_view body = bytes.substr(0, kShareBytes - kChecksumSize);
  if (sha256(body).substr(0, kChecksumSize) != bytes.substr(body.size())) {
    return bad("its checksum does not fit; a character may be mistyped");
  }
  if (bytes[0] != kShareFormat) return bad("it has a format that this program does not know");
  Share share{std::string(bytes.substr(1, kShareSetSize)), static_cast<std::uint8_t>(bytes[1 + kShareSetSize]),
              static_cast<std::uint8_t>(bytes[2 + kShareSetSize]),
              Key::from_bytes(bytes.substr(kShareHead, Key::kSize))};
  if (share.threshold == 0 || share.number == 0) return bad("its numbers are zero");
  return share;
}

std::string share_digest(const Share& share) {
  model::Secret bytes("coffer share");
  bytes.append(share.bytes.bytes());
  return sha256(bytes.expose());
}

}  // namespace coffer::crypto
