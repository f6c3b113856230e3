// What nodes store of their cluster and send to each other, byte for byte: nodes of other versions write and read the same.
// COFFER_WRITE_GOLDEN=1 writes the files anew; the reviewer reads their difference.

#include <gtest/gtest.h>

#include "actors/cluster_records.hpp"
#include "actors/control_frames.hpp"
#include "actors/forward_frames.hpp"
#include "actors/placer.hpp"
#include "actors/trust_lookup.hpp"
#include "tests/unit/storage/golden.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::GroupId;
using model::NodeId;
using model::Secret;
using test::GoldenLines;

constexpr char kRecordsFile[] = "cluster_records.hex";
constexpr char kFramesFile[] = "node_frames.hex";

const model::NodeInfo kNode{NodeId{7}, "n7:1", model::NodeState::up, 2, "ab", 1000, 900};
const ClusterSettings kCluster{NodeId{5}, 3};
const ClusterSettings kPausedCluster{NodeId{5}, 3, 1700000000001};
const GroupFounding kFounding{GroupId{17}, {NodeId{1}, NodeId{300}}};
const JoinPermission kPermission{"hash", 1000, NodeId{4}, "req"};

model::TenantId tenant() { return model::TenantId::from_raw("0123456789abcdef"); }

GroupsReport report(bool low_on_disk) {
  GroupsReport report;
  model::GroupInfo info{GroupId{3}, NodeId{9}, model::Term{4}, model::Index{500}, {}};
  info.replicas = {{NodeId{9}, model::ReplicaRole::voter, model::Index{500}},
                   {NodeId{2}, model::ReplicaRole::standby, model::Index{7}}};
  report.groups.push_back(info);
  report.low_on_disk = low_on_disk;
  return report;
}

TenantTrust trust() {
  TenantTrust trust;
  trust.tenant = tenant();
  model::Issuer issuer;
  issuer.name = "corp";
  issuer.iss = "https://id.example";
  issuer.public_keys = {"pem", "other"};
  issuer.version = 12;
  trust.issuers = {issuer};
  trust.certificate_rules = {{"web", "uri:spiffe://prod/web", "service:web", {"reader"}, 9, 1, "a"}};
  return trust;
}

GroupsReport report_with_loads() {
  GroupsReport loads = report(false);
  loads.groups.push_back({GroupId{5}, NodeId{9}, model::Term{1}, model::Index{2}, {}});
  loads.groups.front().load = model::GroupLoad{1200, 80};
  return loads;
}

std::string only_piece(FrameKind kind, std::string_view message) {
  std::string bytes;
  encode_pieces(kind, 1, message, [&](Secret body) { bytes.append(body.expose()); });
  return bytes;
}

GoldenLines records() {
  return {{"node", encode_node(kNode)},
          {"cluster", encode_cluster(kCluster)},
          {"cluster_paused", encode_cluster(kPausedCluster)},
          {"group", encode_founding(kFounding)},
          {"join_token", encode_join_permission(kPermission)}};
}

GoldenLines frames() {
  const auto text = [](const Secret& secret) { return std::string(secret.expose()); };
  const Target target{GroupId{3}, {server_of(NodeId{2}, cluster::ServerRole::voter)}};
  return {{"call", only_piece(FrameKind::call, "ab")},
          {"reply", only_piece(FrameKind::reply, "")},
          {"barrier", text(encode_barrier(300, GroupId{2}))},
          {"barrier_answer", text(encode_answer(300, {Code::ok, model::Index{5}}))},
          {"trust_question", text(encode_trust_question(300, {GroupId{2}, tenant(), 300}))},
          {"trust_answer", text(encode_trust_answer(300, {Code::unavailable, "ab"}))},
          {"trust", text(encode_trust(trust()))},
          {"call_text", text(encode_call_text(300, tenant(), Secret("r")))},
          {"report", text(encode_control(report(false)))},
          {"report_low_on_disk", text(encode_control(report(true)))},
          {"report_with_loads", text(encode_control(report_with_loads()))},
          {"target", text(encode_control(target))},
          {"transfer", text(encode_control(Transfer{GroupId{3}, NodeId{2}}))}};
}

std::string stored(const char* file, const std::string& name) {
  for (const auto& [line, bytes] : test::golden_of("actors", file, {})) {
    if (line == name) return bytes;
  }
  ADD_FAILURE() << file << " has no " << name;
  return {};
}

/// The frame may point into the bytes.
template <class Body>
Body call_frame(const std::string& bytes) {
  auto frame = decode_call_frame(bytes);
  EXPECT_TRUE(frame.ok());
  return frame.ok() ? std::get<Body>(frame->body) : Body{};
}

template <class Message>
Message control(const std::string& name) {
  auto message = decode_control(NodeId{9}, stored(kFramesFile, name));
  EXPECT_TRUE(message.ok()) << name;
  return message.ok() ? std::get<Message>(*message) : Message{};
}

TEST(ClusterGolden, EverythingIsWrittenAsEver) {
  EXPECT_EQ(records(), test::golden_of("actors", kRecordsFile, records()));
  EXPECT_EQ(frames(), test::golden_of("actors", kFramesFile, frames()));
}

TEST(ClusterGolden, WhatAnEarlierBuildStoredIsRead) {
  EXPECT_EQ(*decode_node(stored(kRecordsFile, "node")), kNode);
  EXPECT_EQ(decode_cluster(stored(kRecordsFile, "cluster"))->next_node, kCluster.next_node);
  EXPECT_EQ(decode_cluster(stored(kRecordsFile, "cluster_paused"))->moves_paused_until,
            kPausedCluster.moves_paused_until);
  EXPECT_EQ(*decode_founding(stored(kRecordsFile, "group")), kFounding);
  const auto permission = decode_join_permission(stored(kRecordsFile, "join_token"));
  ASSERT_TRUE(permission.ok());
  EXPECT_EQ(permission->secret_hash, kPermission.secret_hash);
  EXPECT_EQ(permission->used_by, kPermission.used_by);
}

TEST(ClusterGolden, WhatANodeOfAnEarlierBuildSendsIsRead) {
  const std::string call = stored(kFramesFile, "call"), refused = stored(kFramesFile, "trust_answer");
  EXPECT_EQ(call_frame<Piece>(call).text, "ab");
  EXPECT_EQ(call_frame<TrustAnswered>(refused).code, Code::unavailable);
  EXPECT_EQ(call_frame<TrustAnswered>(refused).trust, "ab");
  EXPECT_EQ(call_frame<BarrierQuestion>(stored(kFramesFile, "barrier")).group, GroupId{2});
  EXPECT_EQ(call_frame<BarrierAnswer>(stored(kFramesFile, "barrier_answer")).index, model::Index{5});
  EXPECT_EQ(call_frame<TrustAsked>(stored(kFramesFile, "trust_question")).tenant, tenant());
  const std::string text = stored(kFramesFile, "call_text");
  EXPECT_EQ(decode_call_text(text)->request, "r");
  EXPECT_EQ(decode_trust(tenant(), stored(kFramesFile, "trust"))->issuers, trust().issuers);
  EXPECT_EQ(control<GroupsReport>("report").groups, report(false).groups);
  EXPECT_FALSE(control<GroupsReport>("report").low_on_disk);
  EXPECT_TRUE(control<GroupsReport>("report_low_on_disk").low_on_disk);
  EXPECT_EQ(control<GroupsReport>("report_with_loads").groups, report_with_loads().groups);
  EXPECT_EQ(control<Target>("target").group, GroupId{3});
  EXPECT_EQ(control<Transfer>("transfer").to, NodeId{2});
}

}  // namespace
}  // namespace coffer::actors
