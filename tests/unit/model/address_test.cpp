// Addresses and ranges: what is read, what is refused, and which address lies in which range.

#include "model/address.hpp"

#include <gtest/gtest.h>

namespace coffer::model {
namespace {

bool within(std::string_view range, std::string_view peer) {
  const auto parsed = parse_address_range(range);
  const auto address = parse_peer(peer);
  EXPECT_TRUE(parsed.ok()) << range;
  EXPECT_TRUE(address.has_value()) << peer;
  return parsed.ok() && address && parsed->contains(*address);
}

TEST(AddressRange, HoldsItsAddressesAndNoOthers) {
  EXPECT_TRUE(within("10.0.0.0/8", "10.255.0.1:4711"));
  EXPECT_FALSE(within("10.0.0.0/8", "11.0.0.1:4711"));
  EXPECT_TRUE(within("192.0.2.7", "192.0.2.7:1"));
  EXPECT_FALSE(within("192.0.2.7", "192.0.2.6:1"));
  EXPECT_TRUE(within("192.0.2.6/31", "192.0.2.7:1"));
  EXPECT_FALSE(within("192.0.2.6/31", "192.0.2.8:1"));
  EXPECT_TRUE(within("0.0.0.0/0", "255.255.255.255:1"));
  EXPECT_FALSE(within("0.0.0.0/0", "[2001:db8::1]:1")) << "all of IPv4 is not all of IPv6";
  EXPECT_TRUE(within("::/0", "127.0.0.1:1"));
  EXPECT_TRUE(within("2001:db8::/33", "[2001:db8:7fff::1]:1"));
  EXPECT_FALSE(within("2001:db8::/33", "[2001:db8:8000::1]:1"));
  EXPECT_TRUE(within("::1", "[::1]:4711"));
}

TEST(AddressRange, IPv4InIPv6IsTheSameAddress) {
  EXPECT_TRUE(within("10.0.0.0/8", "[::ffff:10.1.2.3]:4711"));
  EXPECT_TRUE(within("::ffff:10.0.0.0/104", "10.1.2.3:4711"));
}

TEST(AddressRange, WhatIsNotOneIsRefused) {
  for (const char* text : {"",
                           "/8",
                           "10",
                           "10.0.0",
                           "10.0.0.0.0",
                           "010.0.0.0/8",
                           "256.0.0.0",
                           "10.0.0.0/33",
                           "10.0.0.0/",
                           "10.0.0.0/08",
                           "10.0.0.0/8 ",
                           " 10.0.0.0/8",
                           "10.0.0.0/-1",
                           "::/129",
                           ":::",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1.2.3",
                           "1.2.3.4::",
                           "localhost",
                           "*",
                           "[::1]",
                           "::1%lo",
                           "1:",
                           ":1"}) {
    EXPECT_FALSE(parse_address_range(text).ok()) << text;
  }
}

TEST(AddressRange, BitsBehindThePrefixAreAMistake) {
  const auto range = parse_address_range("10.1.0.0/8");
  ASSERT_FALSE(range.ok());
  EXPECT_EQ(
      range.error().detail,
      "\"10.1.0.0/8\" has bits behind its prefix; write the range's first address, or one address without a prefix");
}

TEST(Peer, IsReadWithAndWithoutItsPort) {
  const IpAddress loopback = *parse_peer("::1");
  EXPECT_EQ(loopback[15], 1);
  EXPECT_EQ(parse_peer("[::1]:80"), loopback);
  EXPECT_EQ(parse_peer("127.0.0.1"), parse_peer("127.0.0.1:80"));
  EXPECT_EQ(parse_peer("[fe80::1%eth0]:80"), parse_peer("fe80::1"));
  for (const char* text : {"", "unix:", "localhost:80", "[::1", "1.2.3:80"}) EXPECT_FALSE(parse_peer(text)) << text;
}

}  // namespace
}  // namespace coffer::model
