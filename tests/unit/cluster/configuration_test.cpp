// Configurations as bytes, and which change of one Raft allows.

#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

TEST(ConfigurationTest, RoundTripKeepsOrderAddressesAndRoles) {
  std::vector<Voter> servers = voters(3);
  servers[1].role = ServerRole::standby;
  servers[2].role = ServerRole::spare;
  const auto bytes = encode_configuration(servers);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*decode_configuration(*bytes), servers);
}

TEST(ConfigurationTest, BrokenBytesAndDoubledServersAreErrors) {
  EXPECT_EQ(decode_configuration("").error().code, model::Code::data_loss);
  EXPECT_EQ(decode_configuration("not a configuration").error().code, model::Code::data_loss);
  std::vector<Voter> servers = voters(2);
  servers[1].id = servers[0].id;
  EXPECT_EQ(encode_configuration(servers).error().code, model::Code::invalid_argument);
}

TEST(ConfigurationTest, OnlyOneServerMayDifferAndTheOrderStays) {
  const auto from = voters(3);
  EXPECT_TRUE(check_single_change(from, voters(4)).ok());
  EXPECT_TRUE(check_single_change(from, voters(2)).ok());
  auto to = from;
  to[1].role = ServerRole::spare;
  EXPECT_TRUE(check_single_change(from, to).ok());
  EXPECT_FALSE(check_single_change(from, from).ok());
  EXPECT_FALSE(check_single_change(from, voters(5)).ok());
  EXPECT_FALSE(check_single_change(from, {from[1], from[0], from[2]}).ok());
  EXPECT_FALSE(check_single_change(from, {from[2], from[0]}).ok());
  EXPECT_FALSE(check_single_change(voters(1), {}).ok());
}

TEST(ConfigurationTest, ASoleVoterMayHaveStandbys) {
  auto servers = voters(2);
  EXPECT_FALSE(is_sole_voter(servers, model::NodeId(1)));
  servers[1].role = ServerRole::standby;
  EXPECT_TRUE(is_sole_voter(servers, model::NodeId(1)));
  EXPECT_FALSE(is_sole_voter(servers, model::NodeId(2)));
}

}  // namespace
}  // namespace coffer::cluster::testing
