// Who may become a node, and who is one: tokens work once and not for ever, a node speaks for itself only, ids are given
// once, and a certificate authority is not lost when something else fails.

#include "actors/cluster_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "actors/replica_count.hpp"
#include "crypto/hash.hpp"
#include "crypto/join_token.hpp"
#include "crypto/node_certificate.hpp"
#include "crypto/node_key.hpp"
#include "storage/keys.hpp"
#include "storage/open.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::NodeState;

class ClusterDirectoryTest : public ::testing::Test {
 protected:
  ClusterDirectoryTest()
      : state(storage::open_memory()),
        ring(crypto::KeyRing::generate(crypto::Key::generate(crypto::system_random()), crypto::system_random(), 1)) {
    reopen();
  }
  /// As the next leader finds it.
  void reopen() {
    directory = std::make_unique<ClusterDirectory>(
        ClusterDeps{ring, crypto::system_random(), std::string(16, 'c'), 4, model::NodeId{1}, self_address,
                    [this](model::NodeId) { return held; }, newest_format, 3,
                    [this](model::NodeId id) { return !silent.contains(id.value); }});
    const storage::TenantRows rows(*state, model::kMetaGroup, model::Generation{1}, model::TenantId{});
    ASSERT_TRUE(directory->load(rows).ok());
  }
  model::Result<ClusterDirectory::Decision> decide(const model::DirectoryOperation& operation,
                                                   const std::string& principal = "operator") {
    auto decision = directory->decide(operation, principal, now);
    if (decision.ok()) {
      storage::StateWriter writer(*state);
      writer.apply(model::kMetaGroup, model::Generation{1}, model::TenantId{}, decision->rows);
      EXPECT_TRUE(writer.write().ok());
    }
    return decision;
  }
  crypto::JoinToken token(model::TimeMs ttl = 1000) {
    model::CreateJoinToken create;
    create.ttl = ttl;
    auto made = decide(create);
    EXPECT_TRUE(made.ok());
    return *crypto::parse_join_token(std::get<model::JoinTokenReply>(made->reply).token.expose());
  }
  static model::JoinNode wish(const crypto::JoinToken& token, const crypto::NodeKey& key) {
    model::JoinNode join;
    join.token_id = token.id;
    join.secret = token.secret;
    join.address = "n:1";
    join.certificate_request = key.certificate_request();
    return join;
  }
  model::AnnounceNode announcement(std::uint64_t node, std::uint32_t format = 1) {
    return {model::NodeId{node}, "n" + std::to_string(node) + ":1", format};
  }

  std::unique_ptr<storage::Engine> state;
  crypto::KeyRing ring;
  std::unique_ptr<ClusterDirectory> directory;
  model::TimeMs now = 1'700'000'000'000;
  std::uint32_t held = 0, newest_format = 9;
  std::set<std::uint64_t> silent;
  std::string self_address;
};

TEST_F(ClusterDirectoryTest, WhoeverIsLetInLearnsOfTheNodeThatLetItIn) {
  self_address = "n1:1";
  newest_format = 1;
  reopen();
  auto joined = decide(wish(token(), crypto::NodeKey::generate()));
  ASSERT_TRUE(joined.ok());
  const auto& nodes = std::get<model::JoinReply>(joined->reply).nodes;
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[0].address, "n1:1");
}

TEST_F(ClusterDirectoryTest, ATokenLetsOneNodeInWithACertificateThatNamesIt) {
  const auto key = crypto::NodeKey::generate();
  const auto first = token();
  auto joined = decide(wish(first, key), "");
  ASSERT_TRUE(joined.ok()) << joined.error().message();
  const auto& reply = std::get<model::JoinReply>(joined->reply);
  EXPECT_EQ(reply.node.value, 2U);
  EXPECT_EQ(*crypto::certificate_hash(reply.ca), first.ca_hash) << "the CA is the one that the token pins";
  auto facts = crypto::read_certificate(reply.certificate);
  ASSERT_TRUE(facts.ok());
  EXPECT_THAT(facts->uris,
              ::testing::ElementsAre(crypto::to_uri({crypto::hex(std::string(16, 'c')), model::NodeId{2}})));
  EXPECT_EQ(directory->nodes().at(model::NodeId{2}).state, NodeState::joining);
}

TEST_F(ClusterDirectoryTest, AUsedTokenAnswersOnlyTheRequestThatUsedItAgain) {
  const auto key = crypto::NodeKey::generate();
  const auto first = token();
  const auto join = wish(first, key);
  ASSERT_TRUE(decide(join).ok());
  reopen();
  auto again = decide(join);
  ASSERT_TRUE(again.ok()) << "its answer may have been lost with the leader";
  EXPECT_EQ(std::get<model::JoinReply>(again->reply).node.value, 2U);
  EXPECT_EQ(decide(wish(first, crypto::NodeKey::generate())).error().code, Code::permission_denied);
  auto next = decide(wish(token(), crypto::NodeKey::generate()));
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(std::get<model::JoinReply>(next->reply).node.value, 3U);
}

TEST_F(ClusterDirectoryTest, AWrongOrExpiredTokenIsRefusedInTheSameWords) {
  const auto key = crypto::NodeKey::generate();
  auto wrong = wish(token(), key);
  wrong.secret = model::Secret(std::string(32, 'x'));
  auto unknown = wish(token(), key);
  unknown.token_id = "12345678";
  auto late = wish(token(10), key);
  now += 11;
  const auto refused = decide(wrong).error();
  EXPECT_EQ(refused.code, Code::permission_denied);
  EXPECT_EQ(decide(unknown).error(), refused);
  EXPECT_EQ(decide(late).error(), refused);
}

TEST_F(ClusterDirectoryTest, ARequestThatCannotBeSignedBurnsNoTokenAndLosesNoAuthority) {
  const auto first = token();
  auto bad = wish(first, crypto::NodeKey::generate());
  bad.certificate_request = "no request";
  EXPECT_FALSE(decide(bad).ok());
  auto good = decide(wish(first, crypto::NodeKey::generate()));
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*crypto::certificate_hash(std::get<model::JoinReply>(good->reply).ca), first.ca_hash);
}

TEST_F(ClusterDirectoryTest, AnAuthorityThatWasNotStoredIsNotUsed) {
  // The first node asks for its certificate with a request that fails: no row is written, so no CA may be remembered.
  ASSERT_TRUE(decide(announcement(1), node_principal(model::NodeId{1})).ok());
  EXPECT_FALSE(decide(model::RenewNodeCertificate{model::NodeId{1}, "none"}, node_principal(model::NodeId{1})).ok());
  const auto first = token();
  reopen();
  auto joined = decide(wish(first, crypto::NodeKey::generate()));
  ASSERT_TRUE(joined.ok()) << joined.error().message();
  EXPECT_EQ(*crypto::certificate_hash(std::get<model::JoinReply>(joined->reply).ca), first.ca_hash);
}

TEST_F(ClusterDirectoryTest, ANodeSpeaksForItselfOnly) {
  EXPECT_EQ(decide(announcement(1), node_principal(model::NodeId{2})).error().code, Code::permission_denied);
  EXPECT_EQ(decide(announcement(5), node_principal(model::NodeId{5})).error().code, Code::entry_not_found);
  ASSERT_TRUE(decide(announcement(1), node_principal(model::NodeId{1})).ok());
  EXPECT_EQ(directory->nodes().at(model::NodeId{1}).state, NodeState::up);
  EXPECT_TRUE(decide(announcement(1), node_principal(model::NodeId{1}))->rows.empty()) << "nothing is new";
}

TEST_F(ClusterDirectoryTest, ARemovedNodeIsOutForEver) {
  ASSERT_TRUE(decide(announcement(1), node_principal(model::NodeId{1})).ok());
  ASSERT_TRUE(decide(wish(token(), crypto::NodeKey::generate())).ok());
  ASSERT_TRUE(decide(announcement(2), node_principal(model::NodeId{2})).ok());
  held = 3;
  EXPECT_EQ(decide(model::RemoveNode{model::NodeId{2}, false}).error().code, Code::invalid_argument);
  held = kReplicasNotKnown;
  EXPECT_EQ(decide(model::RemoveNode{model::NodeId{2}, false}).error().code, Code::unavailable) << "it is asked again";
  ASSERT_TRUE(decide(model::RemoveNode{model::NodeId{2}, true}).ok());
  reopen();
  EXPECT_EQ(decide(announcement(2), node_principal(model::NodeId{2})).error().code, Code::not_active);
  EXPECT_EQ(decide(model::RenewNodeCertificate{model::NodeId{2}, crypto::NodeKey::generate().certificate_request()},
                   node_principal(model::NodeId{2}))
                .error()
                .code,
            Code::not_active);
  auto next = decide(wish(token(), crypto::NodeKey::generate()));
  EXPECT_EQ(std::get<model::JoinReply>(next->reply).node.value, 3U) << "an id is given once";
}

TEST_F(ClusterDirectoryTest, TheOnlyNodeIsNotDrained) {
  ASSERT_TRUE(decide(announcement(1), node_principal(model::NodeId{1})).ok());
  EXPECT_EQ(decide(model::DrainNode{model::NodeId{1}, false}).error().code, Code::invalid_argument);
}

TEST_F(ClusterDirectoryTest, ANewFormatIsActiveWhenEveryNodeKnowsItAndNeverGoesBack) {
  ASSERT_TRUE(decide(announcement(1, 2), node_principal(model::NodeId{1})).ok());
  EXPECT_EQ(directory->settings().active_format, 2U);
  EXPECT_FALSE(decide(wish(token(), crypto::NodeKey::generate())).ok()) << "a program that knows only format 1";
  EXPECT_EQ(decide(announcement(1, 1), node_principal(model::NodeId{1})).error().code, Code::invalid_argument);
  auto newer = wish(token(), crypto::NodeKey::generate());
  newer.newest_format = 3;
  ASSERT_TRUE(decide(newer).ok());
  EXPECT_EQ(directory->settings().active_format, 2U);
  ASSERT_TRUE(decide(announcement(1, 3), node_principal(model::NodeId{1})).ok());
  EXPECT_EQ(directory->settings().active_format, 3U);
  reopen();
  EXPECT_EQ(directory->settings().active_format, 3U);
}

TEST_F(ClusterDirectoryTest, ANodeIsNotLetToReadWhatItsProgramDoesNotKnow) {
  ASSERT_TRUE(decide(announcement(1, 3), node_principal(model::NodeId{1})).ok());
  newest_format = 2;
  ClusterDirectory older(
      ClusterDeps{ring, crypto::system_random(), std::string(16, 'c'), 4, model::NodeId{1}, {}, {}, 2});
  const storage::TenantRows rows(*state, model::kMetaGroup, model::Generation{1}, model::TenantId{});
  const auto loaded = older.load(rows);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, Code::unimplemented);
  EXPECT_THAT(std::string(loaded.error().message()), ::testing::HasSubstr("format 3"));
}

TEST_F(ClusterDirectoryTest, WhatAFormatBringsIsRefusedUntilTheLastNodeKnowsIt) {
  ASSERT_TRUE(decide(announcement(1, 2), node_principal(model::NodeId{1})).ok());
  const auto key = crypto::NodeKey::generate();
  auto older = wish(token(), key);
  older.newest_format = 2;
  ASSERT_TRUE(decide(older).ok());
  EXPECT_TRUE(directory->use_format(2).ok());
  const auto refused = directory->use_format(3);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::not_active);
  EXPECT_THAT(std::string(refused.error().message()), ::testing::HasSubstr("node 1, 2"));
  ASSERT_TRUE(decide(announcement(1, 3), node_principal(model::NodeId{1})).ok());
  EXPECT_FALSE(directory->use_format(3).ok());
  ASSERT_TRUE(decide(announcement(2, 3), node_principal(model::NodeId{2})).ok());
  const auto used = directory->use_format(3);
  ASSERT_TRUE(used.ok());
  EXPECT_TRUE(used->empty()) << "it is active, nothing has to be written";
}

TEST_F(ClusterDirectoryTest, ALonelyNodeUsesWhatItKnowsAndThenItIsActive) {
  newest_format = 2;
  reopen();
  const auto rows = directory->use_format(2);
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->size(), 1U);
  EXPECT_EQ(directory->settings().active_format, 2U);
  newest_format = 1;
  directory = std::make_unique<ClusterDirectory>(
      ClusterDeps{ring, crypto::system_random(), std::string(16, 'c'), 4, model::NodeId{1}, {}, {}, 1});
  EXPECT_EQ(directory->use_format(2).error().code, Code::not_active);
}

TEST_F(ClusterDirectoryTest, GroupsAreAddedOnceHoweverOftenItIsAsked) {
  ASSERT_TRUE(decide(announcement(1, 2), node_principal(model::NodeId{1})).ok());
  auto added = decide(model::AddGroups{2, 4});
  ASSERT_TRUE(added.ok()) << added.error().message();
  ASSERT_EQ(added->groups.size(), 2U);
  EXPECT_EQ(added->groups[0], (GroupFounding{model::GroupId{5}, {model::NodeId{1}}}));
  EXPECT_EQ(added->groups[1].id, model::GroupId{6});
  EXPECT_EQ(directory->data_groups(), 6U);
  auto again = decide(model::AddGroups{2, 4});
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->rows.empty()) << "its answer was lost";
  EXPECT_EQ(decide(model::AddGroups{3, 4}).error().code, Code::invalid_argument) << "somebody else was faster";
  EXPECT_EQ(decide(model::AddGroups{0, 6}).error().code, Code::invalid_argument);
  EXPECT_EQ(decide(model::AddGroups{1019, 6}).error().code, Code::invalid_argument) << "1,024 is the most";
  reopen();
  EXPECT_EQ(directory->data_groups(), 6U);
  EXPECT_EQ(directory->added_groups(), added->groups);
  auto joined = wish(token(), crypto::NodeKey::generate());
  joined.newest_format = 2;
  EXPECT_EQ(std::get<model::JoinReply>(decide(joined)->reply).data_groups, 6U);
}

TEST_F(ClusterDirectoryTest, GroupsBeginOnNodesThatLive) {
  ASSERT_TRUE(decide(announcement(1, 2), node_principal(model::NodeId{1})).ok());
  for (std::uint64_t id = 2; id <= 5; ++id) {
    auto next = wish(token(), crypto::NodeKey::generate());
    next.newest_format = 2;
    ASSERT_TRUE(decide(next).ok());
    ASSERT_TRUE(decide(announcement(id, 2), node_principal(model::NodeId{id})).ok());
  }
  ASSERT_TRUE(decide(model::DrainNode{model::NodeId{3}, false}).ok());
  silent = {2};
  const auto added = decide(model::AddGroups{1, 4});
  ASSERT_TRUE(added.ok());
  EXPECT_THAT(added->groups[0].founders, ::testing::ElementsAre(model::NodeId{1}, model::NodeId{4}, model::NodeId{5}));
}

}  // namespace
}  // namespace coffer::actors
