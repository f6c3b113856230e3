// own_request_id: rows of ids in the order of their making, and no id in another's place.

#include "actors/own_request_id.hpp"

#include <gtest/gtest.h>

#include <array>

#include "crypto/hash.hpp"

namespace coffer::actors {
namespace {

const std::string kHash = crypto::sha256("principal and id");

TEST(OwnRequestId, RowsOfOneStartLieInTheOrderOfTheirIds) {
  const std::string start = start_of_request_ids(7, std::string(8, '\x5a'));
  EXPECT_EQ(start, "n7-5a5a5a5a5a5a5a5a");
  std::string before;
  for (const std::uint64_t number : {1ULL, 2ULL, 9ULL, 10ULL, 255ULL, 256ULL, 4'294'967'295ULL}) {
    const std::string id = own_request_id(start, number, true);
    const std::string row = request_row_hash(id, crypto::sha256(id));
    EXPECT_EQ(row.size(), 32U);
    EXPECT_LT(before, row) << id;
    before = row;
  }
}

TEST(OwnRequestId, ARowKeepsAsManyBytesOfTheKeyedHashAsHaveRoom) {
  const std::string id = own_request_id(start_of_request_ids(1, "12345678"), 3, true);
  EXPECT_EQ(request_row_hash(id, kHash).substr(8), kHash.substr(0, 24));
  EXPECT_EQ(request_row_hash(id, kHash), request_row_hash(id, kHash)) << "a second try finds it";
}

TEST(OwnRequestId, EveryOtherIdLiesWhereItsHashSays) {
  for (const std::string& id : std::array<std::string, 11>{
           "", "n", "of-the-client", "n1-0123456789abcdef-1", "n-0123456789abcdef:1", "x1-0123456789abcdef:1",
           "n1-0123456789abcdef:", "n1-0123456789ABCDEF:1", "n1-0123456789abcde:1", "n1-0123456789abcdef:1x",
           "n1-0123456789abcdef:99999999999999999999"}) {
    EXPECT_EQ(request_row_hash(id, kHash), kHash) << id;
  }
}

}  // namespace
}  // namespace coffer::actors
