// Hashes against the published vectors, the encodings, and the name hash against its definition.

#include "crypto/hash.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <tuple>

#include "model/constant_time.hpp"
#include "model/secret.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

using test::unhex;

TEST(Sha256, MatchesFips180Examples) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// A Key has 32 bytes. HMAC pads shorter keys with zeros and hashes those longer than a block, so both kinds of RFC 4231's
// keys have an equal of 32 bytes.
Key key_of_rfc(std::string bytes) {
  if (bytes.size() > 64) bytes = sha256(bytes);
  bytes.resize(Key::kSize, '\0');
  return Key::from_bytes(bytes);
}

TEST(HmacSha256, MatchesRfc4231) {
  const std::tuple<std::string, std::string, std::string_view> cases[] = {
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {unhex("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
       "hashed "
       "before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& [key, data, mac] : cases) EXPECT_EQ(hex(hmac_sha256(key_of_rfc(key), data)), mac) << data;
}

std::string hkdf(std::string_view input, std::string_view salt, std::string_view info, std::size_t size) {
  std::string out(size, '\0');
  hkdf_sha256(input, salt, info, {reinterpret_cast<unsigned char*>(out.data()), out.size()});
  return out;
}
std::string counting(int from, int to) {
  std::string out;
  for (int i = from; i <= to; ++i) out.push_back(static_cast<char>(i));
  return out;
}

TEST(HkdfSha256, MatchesRfc5869) {
  const std::string input(22, '\x0b');
  EXPECT_EQ(hex(hkdf(input, counting(0x00, 0x0c), counting(0xf0, 0xf9), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(hex(hkdf(counting(0x00, 0x4f), counting(0x60, 0xaf), counting(0xb0, 0xff), 82)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  EXPECT_EQ(hex(hkdf(input, {}, {}, 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Derive, IsHkdfWithAnEmptySaltAndSeparatesLabels) {
  SeededRandom random(1);
  const Key key = Key::generate(random);
  EXPECT_EQ(derive(key, "a").bytes(), hkdf(key.bytes(), {}, "a", 32));
  EXPECT_FALSE(derive(key, "a") == derive(key, "b"));
  EXPECT_FALSE(derive(key, "a") == key);
}

TEST(EqualConstantTime, ComparesLengthAndEveryByte) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secrets"));
  EXPECT_FALSE(equal_constant_time("", "s"));
  for (std::size_t bit = 0; bit < 6 * 8; ++bit) {
    EXPECT_FALSE(equal_constant_time("secret", test::with_flipped_bit("secret", bit)));
  }
}

/// Two readable pages and behind them one that nobody may read.
class Fenced {
 public:
  Fenced() : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
    memory_ =
        static_cast<char*>(::mmap(nullptr, 3 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(memory_, MAP_FAILED);
    std::memset(memory_, 'a', 3 * page_);
    EXPECT_EQ(::mprotect(memory_ + 2 * page_, page_, PROT_NONE), 0);
  }
  ~Fenced() { ::munmap(memory_, 3 * page_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;
  char& operator[](std::size_t at) { return memory_[at]; }
  std::size_t readable() const { return 2 * page_; }
  std::string_view view(std::size_t size) const { return {memory_, size}; }

 private:
  const std::size_t page_;
  char* memory_;
};

// Not by the clock: whoever reads on behind the difference, wherever that is, falls over the end that cannot be read, and
// whoever stops at it answers and lives.
TEST(EqualConstantTimeDeathTest, ReadsOnBehindTheFirstDifference) {
  for (const std::size_t different : {0U, 1U, 31U, 4095U, 5000U}) {
    Fenced one, other;
    one[different] = 'b';
    EXPECT_FALSE(equal_constant_time(one.view(one.readable()), other.view(other.readable())));
    EXPECT_DEATH((void)equal_constant_time(one.view(one.readable() + 1), other.view(other.readable() + 1)), "")
        << "it answered at byte " << different;
    EXPECT_DEATH((void)model::equal_constant_time(one.view(one.readable() + 8), other.view(other.readable() + 8)), "");
  }
}

TEST(EqualConstantTime, IsWhatKeysAndSecretsCompareBy) {
  const std::string bytes(40, 'k');
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = 'x';
    EXPECT_FALSE(equal_constant_time(bytes, changed)) << at;
    EXPECT_FALSE(model::Secret(bytes) == model::Secret(changed)) << at;
    if (at < Key::kSize) {
      EXPECT_FALSE(Key::from_bytes(bytes.substr(0, Key::kSize)) == Key::from_bytes(changed.substr(0, Key::kSize)))
          << at;
    }
  }
  EXPECT_TRUE(model::Secret(bytes) == model::Secret(bytes));
}

TEST(Hex, WritesLowerCaseDigits) { EXPECT_EQ(hex(std::string("\x00\x0f\xa5\xff", 4)), "000fa5ff"); }

TEST(Base64Url, MatchesRfc4648WithoutPadding) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(base64url(bytes), text);
    const auto back = from_base64url(text);
    ASSERT_TRUE(back.ok()) << text;
    EXPECT_EQ(*back, bytes);
  }
  EXPECT_EQ(base64url("\xfb\xff\xbf"), "-_-_");
}

TEST(Base64Url, RoundTripsEveryLength) {
  SeededRandom random(2);
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string bytes = random.bytes(size);
    const auto back = from_base64url(base64url(bytes));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, bytes);
  }
}

TEST(Base64Url, RefusesEverySecondSpelling) {
  // Padding, the other alphabet, white space, a length no bytes have, unused bits that are set.
  for (const std::string_view text :
       {"Zg==", "Zm8=", "+/+/", "Zm9v\n", " Zm9v", "Z", "A", "AAAAA", "Zm9vY", "Zh", "Zm9", "Zm9vYn"}) {
    EXPECT_FALSE(from_base64url(text).ok()) << text;
  }
}

TEST(Base64Url, RefusesTextForAnotherNumberOfBytes) {
  char out[4];
  EXPECT_TRUE(from_base64url_into("AAAA", out, 3));
  EXPECT_FALSE(from_base64url_into("AAAA", out, 2));
  EXPECT_FALSE(from_base64url_into("AAAA", out, 4));
}

class NameHasherTest : public ::testing::Test {
 protected:
  SeededRandom random_{3};
  const Key key_ = Key::generate(random_);
  NameHasher hasher_{key_};
};

TEST_F(NameHasherTest, IsHmacOverSizedFields) {
  const std::string message = unhex("00000005") + "entry" + unhex("00000002") + "kv" + "app/password";
  EXPECT_EQ(hasher_.hash("entry", "kv", "app/password"), hmac_sha256(key_, message));
  EXPECT_EQ(hasher_.hash("", "", ""), hmac_sha256(key_, std::string(8, '\0')));
  const std::string longest(512, 'n');
  EXPECT_EQ(hasher_.hash("d", "s", longest),
            hmac_sha256(key_, unhex("00000001") + "d" + unhex("00000001") + "s" + longest));
}

TEST_F(NameHasherTest, AnswersTheSameAfterOtherNamesAndAfterAMove) {
  const std::string first = hasher_.hash("entry", "kv", "a");
  hasher_.hash("entry", "kv", std::string(500, 'b'));
  EXPECT_EQ(hasher_.hash("entry", "kv", "a"), first);
  NameHasher moved = std::move(hasher_);
  EXPECT_EQ(moved.hash("entry", "kv", "a"), first);
}

TEST_F(NameHasherTest, KeepsFieldsApartAndDependsOnTheKey) {
  std::set<std::string> seen;
  for (const auto& [domain, space, name] : {std::tuple{"ab", "c", "d"},
                                            {"a", "bc", "d"},
                                            {"a", "b", "cd"},
                                            {"abc", "", "d"},
                                            {"", "abc", "d"},
                                            {"", "", "abcd"},
                                            {"abcd", "", ""}}) {
    EXPECT_TRUE(seen.insert(hasher_.hash(domain, space, name)).second);
  }
  NameHasher other(Key::generate(random_));
  EXPECT_NE(other.hash("a", "b", "c"), hasher_.hash("a", "b", "c"));
}

}  // namespace
}  // namespace coffer::crypto
