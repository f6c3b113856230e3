// The file that makes a process its node again, and what the configuration says about peers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "app/config.hpp"
#include "app/peer_identity.hpp"
#include "cli_fixture.hpp"

namespace coffer::app {
namespace {

using model::NodeId;
using test::TemporaryDirectory;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kKey = "-----BEGIN PRIVATE KEY-----\nkkk\n-----END PRIVATE KEY-----\n";
constexpr const char* kCertificate = "-----BEGIN CERTIFICATE-----\nccc\n-----END CERTIFICATE-----\n";
constexpr const char* kCa = "-----BEGIN CERTIFICATE-----\naaa\n-----END CERTIFICATE-----\n";

PeerIdentity example_identity() {
  PeerIdentity identity;
  identity.node = NodeId{4};
  identity.cluster_id = "00112233445566778899aabbccddeeff";
  identity.data_groups = 16;
  identity.peers = {{NodeId{1}, "a:7783"}, {NodeId{2}, "[::1]:7783"}};
  identity.credentials = {kCertificate, kCa, model::Secret(kKey)};
  return identity;
}

TEST(PeerIdentityFile, ReadsWhatItWroteAndNobodyElseDoes) {
  const TemporaryDirectory data;
  const std::string path = peer_identity_path(data.path(""));
  const auto none = read_peer_identity(path);
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  ASSERT_TRUE(write_peer_identity(path, example_identity()).ok());
  const auto read = read_peer_identity(path);
  ASSERT_TRUE(read.ok() && read->has_value());
  const PeerIdentity& identity = **read;
  EXPECT_EQ(identity.node, NodeId{4});
  EXPECT_EQ(identity.cluster_id, example_identity().cluster_id);
  EXPECT_EQ(identity.data_groups, 16U);
  EXPECT_EQ(identity.peers, example_identity().peers);
  EXPECT_EQ(identity.credentials.key, model::Secret(kKey));
  EXPECT_EQ(identity.credentials.certificate, kCertificate);
  EXPECT_EQ(identity.credentials.ca, kCa);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST(PeerIdentityFile, IsWrittenAsEverAndReadAsAnEarlierBuildWroteIt) {
  const std::string golden = COFFER_SOURCE_DIR "/tests/unit/app/golden/peer_identity.txt";
  if (std::getenv("COFFER_WRITE_GOLDEN") != nullptr) {
    ASSERT_TRUE(write_peer_identity(golden, example_identity()).ok());
  }
  const TemporaryDirectory data;
  const std::string path = peer_identity_path(data.path(""));
  ASSERT_TRUE(write_peer_identity(path, example_identity()).ok());
  const auto text = [](const std::string& from) {
    std::ifstream in(from);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string stored = text(golden);
  EXPECT_FALSE(stored.empty());
  EXPECT_EQ(text(path), stored);
  std::ofstream(path, std::ios::trunc) << stored;
  const auto read = read_peer_identity(path);
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_EQ((*read)->peers, example_identity().peers);
}

TEST(PeerIdentityFile, ReplacesTheOldOneWhole) {
  const TemporaryDirectory data;
  const std::string path = peer_identity_path(data.path(""));
  ASSERT_TRUE(write_peer_identity(path, example_identity()).ok());
  PeerIdentity shorter = example_identity();
  shorter.peers.clear();
  ASSERT_TRUE(write_peer_identity(path, shorter).ok());
  EXPECT_TRUE((*read_peer_identity(path))->peers.empty());
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST(PeerIdentityFile, RefusesWhatIsNoneAndShowsNoKey) {
  const TemporaryDirectory data;
  const std::string path = peer_identity_path(data.path(""));
  ASSERT_TRUE(write_peer_identity(path, example_identity()).ok());
  const std::string whole = test::read_all(path);
  for (const std::string& bad :
       {std::string("something"), whole.substr(0, whole.size() - 30), whole + "more", "x" + whole, std::string()}) {
    std::ofstream(path, std::ios::trunc) << bad;
    const auto read = read_peer_identity(path);
    ASSERT_FALSE(read.ok()) << bad.size();
    EXPECT_THAT(std::string(read.error().message()), HasSubstr(path));
    EXPECT_THAT(std::string(read.error().message()), Not(HasSubstr("kkk")));
  }
}

std::vector<std::string> cluster_problems(Config config) {
  config.dev = true;
  std::vector<std::string> settings;
  for (const auto& problem : validate(config)) settings.push_back(problem.setting);
  return settings;
}

TEST(PeerConfig, IsReadFromItsSection) {
  const auto file = read_config_text(R"([peer]
address = "0.0.0.0:7783"
advertise = "n1.example:7783"
join = "n0.example:7783"
join_token_file = "/run/secrets/join"
[cluster]
lease = false
replicas = 5
replace_after = "10m"
)");
  EXPECT_THAT(file.problems, IsEmpty());
  EXPECT_EQ(file.config.peer.address, "0.0.0.0:7783");
  EXPECT_EQ(file.config.peer.advertise, "n1.example:7783");
  EXPECT_EQ(file.config.peer.join, "n0.example:7783");
  EXPECT_EQ(file.config.peer.token_file, "/run/secrets/join");
  EXPECT_FALSE(file.config.cluster.lease);
  EXPECT_EQ(file.config.cluster.replicas, 5U);
  EXPECT_EQ(file.config.cluster.replace_after, std::chrono::minutes(10));
}

TEST(PeerConfig, SaysWhatIsMissing) {
  Config config;
  EXPECT_THAT(cluster_problems(config), IsEmpty()) << "alone by default";
  config.peer.join = "n0:7783";
  EXPECT_THAT(cluster_problems(config), testing::ElementsAre("peer.address"));
  config.peer.address = ":7783";
  EXPECT_THAT(cluster_problems(config), testing::UnorderedElementsAre("peer.advertise", "peer.join_token_file"));
  config.peer.advertise = ":7783";
  config.peer.token = model::Secret("t");
  EXPECT_THAT(cluster_problems(config), testing::ElementsAre("peer.advertise"));
  config.peer.advertise = "n1:7783";
  EXPECT_THAT(cluster_problems(config), IsEmpty());
  config.peer.address = config.grpc.address;
  EXPECT_THAT(cluster_problems(config), testing::ElementsAre("peer.address"));
  config.peer.address = "nowhere";
  EXPECT_THAT(cluster_problems(config), testing::ElementsAre("peer.address"));
}

TEST(PeerConfig, TheCommandLineGoesOverTheFile) {
  Config config;
  ServerOverrides overrides;
  overrides.peer = "127.0.0.1:1";
  overrides.join = "h:2";
  overrides.join_token = "cfj_x";
  apply(overrides, config);
  EXPECT_EQ(config.peer.address, "127.0.0.1:1");
  EXPECT_EQ(config.peer.join, "h:2");
  EXPECT_EQ(config.peer.token, model::Secret("cfj_x"));
}

}  // namespace
}  // namespace coffer::app
