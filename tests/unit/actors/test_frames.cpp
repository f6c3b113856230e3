// The bytes of calls and control messages between nodes: whole after any cut, and refused when they are another's. That they are
// fixed says test_golden_cluster.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/cluster_records.hpp"
#include "actors/control_frames.hpp"
#include "actors/forward_frames.hpp"
#include "actors/placer.hpp"
#include "actors/trust_lookup.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::Secret;

std::vector<Secret> pieces(FrameKind kind, std::uint64_t id, std::string_view message) {
  std::vector<Secret> out;
  encode_pieces(kind, id, message, [&](Secret body) { out.push_back(std::move(body)); });
  return out;
}

TEST(CallFrames, AMessageOfAnySizeArrivesWhole) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPieceBytes, kPieceBytes + 1, 5 * kPieceBytes + 7}) {
    std::string message(size, 'x');
    for (std::size_t i = 0; i < size; ++i) message[i] = static_cast<char>(i * 7);
    Assembly assembly(kMaxMessageBytes);
    std::optional<Secret> whole;
    for (const Secret& body : pieces(FrameKind::reply, 9, message)) {
      EXPECT_LE(body.size(), kPieceBytes + 16);
      EXPECT_FALSE(whole.has_value()) << "nothing follows the last piece";
      auto frame = decode_call_frame(body.expose());
      ASSERT_TRUE(frame.ok());
      EXPECT_EQ(frame->kind, FrameKind::reply);
      EXPECT_EQ(frame->id, 9U);
      auto added = assembly.add(frame->id, std::get<Piece>(frame->body));
      ASSERT_TRUE(added.ok());
      whole = std::move(*added);
    }
    ASSERT_TRUE(whole.has_value());
    EXPECT_EQ(whole->expose(), message);
    EXPECT_EQ(assembly.bytes(), 0U);
  }
}

TEST(CallFrames, PiecesOfSeveralMessagesMayBeMixed) {
  Assembly assembly(kMaxMessageBytes);
  const auto a = pieces(FrameKind::call, 1, std::string(kPieceBytes + 5, 'a'));
  const auto b = pieces(FrameKind::call, 2, std::string(kPieceBytes + 6, 'b'));
  std::map<std::uint64_t, std::size_t> sizes;
  for (const Secret* body : {&a[0], &b[0], &b[1], &a[1]}) {
    auto frame = decode_call_frame(body->expose());
    auto added = assembly.add(frame->id, std::get<Piece>(frame->body));
    if (added->has_value()) sizes[frame->id] = (*added)->size();
  }
  EXPECT_THAT(sizes, ::testing::ElementsAre(::testing::Pair(1, kPieceBytes + 5), ::testing::Pair(2, kPieceBytes + 6)));
}

TEST(CallFrames, MoreThanANodeTakesIsRefusedAndForgotten) {
  Assembly assembly(2 * kPieceBytes);
  std::string message(3 * kPieceBytes, 'x');
  bool refused = false;
  for (const Secret& body : pieces(FrameKind::call, 1, message)) {
    auto frame = decode_call_frame(body.expose());
    auto added = assembly.add(1, std::get<Piece>(frame->body));
    if (!added.ok()) {
      refused = true;
      EXPECT_EQ(added.error().code, Code::too_large);
      EXPECT_EQ(assembly.bytes(), 0U);
      break;
    }
  }
  EXPECT_TRUE(refused);
}

/// As a program sends it that does not say which pieces continue something.
Piece unmarked(const Secret& body) {
  auto frame = decode_call_frame(body.expose());
  Piece piece = std::get<Piece>(frame->body);
  piece.continues = false;
  return piece;
}

TEST(CallFrames, WhatFollowsARefusedPieceBeginsNoCall) {
  Assembly assembly(2 * kPieceBytes, Assembly::Ids::rising);
  const auto refused = pieces(
      FrameKind::call, 5,
      std::string(2 * kPieceBytes, 'x') + std::string(kPieceBytes, 'y') + "what a client wrote, and looks like a call");
  ASSERT_EQ(refused.size(), 4U);
  EXPECT_TRUE(assembly.add(5, unmarked(refused[0])).ok());
  EXPECT_TRUE(assembly.add(5, unmarked(refused[1])).ok());
  EXPECT_EQ(assembly.add(5, unmarked(refused[2])).error().code, Code::too_large);
  const auto rest = assembly.add(5, unmarked(refused[3]));
  ASSERT_TRUE(rest.ok());
  EXPECT_FALSE(rest->has_value()) << "a call that nobody made";
  EXPECT_EQ(assembly.bytes(), 0U);
  const auto next = assembly.add(6, unmarked(pieces(FrameKind::call, 6, "next")[0]));
  ASSERT_TRUE(next.ok() && next->has_value());
  EXPECT_EQ((*next)->expose(), "next");
}

TEST(CallFrames, APieceThatContinuesNothingIsRefused) {
  for (const auto ids : {Assembly::Ids::rising, Assembly::Ids::any}) {
    Assembly assembly(kMaxMessageBytes, ids);
    const auto sent = pieces(FrameKind::call, 5, std::string(kPieceBytes, 'x') + "tail");
    auto frame = decode_call_frame(sent[1].expose());
    const Piece tail = std::get<Piece>(frame->body);
    EXPECT_TRUE(tail.continues && tail.last);
    EXPECT_EQ(assembly.add(5, tail).error().code, Code::invalid_argument);
    EXPECT_EQ(assembly.bytes(), 0U);
  }
  // The bit is one that older programs do not look at: their pieces are what they were.
  EXPECT_EQ(pieces(FrameKind::call, 5, "ab")[0].expose(), std::string_view("\x01\x01\x05\x01"
                                                                           "ab"));
}

TEST(CallFrames, WhatIsForgottenOrTakenBackLeavesItsRoom) {
  Assembly assembly(2 * kPieceBytes);
  const auto reply = pieces(FrameKind::reply, 1, std::string(kPieceBytes + 5, 'x'));
  EXPECT_TRUE(assembly.add(1, unmarked(reply[0])).ok());
  EXPECT_EQ(assembly.bytes(), kPieceBytes);
  assembly.forget(1);
  assembly.forget(2);
  EXPECT_EQ(assembly.bytes(), 0U);
  EXPECT_TRUE(assembly.add(3, unmarked(reply[0])).ok());
  const auto lost = assembly.add(3, unmarked(pieces(FrameKind::reply, 3, "")[0]));
  ASSERT_TRUE(lost.ok() && lost->has_value());
  EXPECT_TRUE((*lost)->empty()) << "half of a reply is none";
  EXPECT_EQ(assembly.bytes(), 0U);
}

TEST(CallFrames, AnotherFormatOrKindIsRefused) {
  const Secret good = encode_barrier(3, model::GroupId{2});
  std::string bytes(good.expose());
  bytes[0] = 2;
  EXPECT_EQ(decode_call_frame(bytes).error().code, Code::unimplemented);
  bytes[0] = 1;
  bytes[1] = 77;
  EXPECT_EQ(decode_call_frame(bytes).error().code, Code::unimplemented);
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(decode_call_frame(good.expose().substr(0, size)));
  // A code of more than sixteen bits is none, and not another one (a fuzzer's finding).
  EXPECT_FALSE(decode_call_frame(std::string_view("\x01\x06\x2c\x8c\xfe\x61\xb2", 7)).ok());
  EXPECT_FALSE(decode_call_frame(std::string_view("\x01\x04\x2c\x8c\xfe\x61\x05", 7)).ok());
  EXPECT_FALSE(decode_call_frame(std::string(good.expose()) + "x"));
}

TEST(CallFrames, WhomATenantTrustsArrivesWhole) {
  const auto tenant = model::TenantId::from_raw("0123456789abcdef");
  const Secret question = encode_trust_question(7, {model::GroupId{3}, tenant, 1500});
  auto frame = decode_call_frame(question.expose());
  ASSERT_TRUE(frame.ok());
  const auto& asked = std::get<TrustAsked>(frame->body);
  EXPECT_EQ(asked.group, model::GroupId{3});
  EXPECT_EQ(asked.tenant, tenant);
  EXPECT_EQ(asked.remaining_ms, 1500);
  for (std::size_t size = 0; size < question.size(); ++size) {
    EXPECT_FALSE(decode_call_frame(question.expose().substr(0, size)).ok()) << size;
  }
  TenantTrust trust;
  trust.issuers.resize(2);
  trust.issuers[0].name = "corp";
  trust.issuers[0].public_keys = {"pem", "other"};
  trust.issuers[0].version = 12;
  trust.certificate_rules = {{"web", "uri:spiffe://prod/web", "service:web", {"reader"}, 9, 1, "a"}};
  const Secret text = encode_trust(trust);
  const Secret answer = encode_trust_answer(7, {Code::ok, text.expose()});
  frame = decode_call_frame(answer.expose());
  ASSERT_TRUE(frame.ok());
  auto read = decode_trust(tenant, std::get<TrustAnswered>(frame->body).trust);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->tenant, tenant);
  EXPECT_EQ(read->issuers, trust.issuers);
  EXPECT_EQ(read->certificate_rules, trust.certificate_rules);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(decode_trust(tenant, text.expose().substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(decode_trust(tenant, std::string(text.expose()) + "x").ok());
}

GroupsReport sample_report() {
  GroupsReport report;
  model::GroupInfo info{model::GroupId{3}, model::NodeId{9}, model::Term{4}, model::Index{500}, {}};
  info.replicas = {{model::NodeId{9}, model::ReplicaRole::voter, model::Index{500}},
                   {model::NodeId{2}, model::ReplicaRole::standby, model::Index{7}}};
  report.groups.push_back(info);
  return report;
}

TEST(ControlFrames, ArriveAsTheyWereSent) {
  auto report = decode_control(model::NodeId{9}, encode_control(sample_report()).expose());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(std::get<GroupsReport>(*report).groups, sample_report().groups);
  const Target target{model::GroupId{3},
                      {server_of(model::NodeId{2}, cluster::ServerRole::voter),
                       server_of(model::NodeId{9}, cluster::ServerRole::standby)}};
  auto told = decode_control(model::NodeId{9}, encode_control(target).expose());
  ASSERT_TRUE(told.ok());
  EXPECT_EQ(std::get<Target>(*told).servers, target.servers);
  auto transfer =
      decode_control(model::NodeId{9}, encode_control(Transfer{model::GroupId{3}, model::NodeId{2}}).expose());
  ASSERT_TRUE(transfer.ok());
  EXPECT_EQ(std::get<Transfer>(*transfer).to.value, 2U);
}

TEST(ControlFrames, AReportSaysWhetherItsSendersDiskHasRoom) {
  GroupsReport low = sample_report();
  low.low_on_disk = true;
  const std::string bytes(encode_control(low).expose());
  auto read = decode_control(model::NodeId{9}, bytes);
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(std::get<GroupsReport>(*read).low_on_disk);
  EXPECT_FALSE(decode_control(model::NodeId{9}, bytes.substr(0, bytes.size() - 1) + "\x02").ok());
  EXPECT_FALSE(decode_control(model::NodeId{9}, bytes + "\x01").ok());
}

TEST(ControlFrames, AReportSaysHowBusyItsGroupsAre) {
  GroupsReport report = sample_report();
  report.groups.push_back({model::GroupId{5}, model::NodeId{9}, model::Term{1}, model::Index{2}, {}});
  report.groups.push_back({model::GroupId{6}, model::NodeId{9}, model::Term{1}, model::Index{2}, {}});
  report.groups[0].load = model::GroupLoad{1200, 80};
  report.groups[2].load = model::GroupLoad{0, 0};
  for (const bool low : {false, true}) {
    report.low_on_disk = low;
    const std::string bytes(encode_control(report).expose());
    auto read = decode_control(model::NodeId{9}, bytes);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(std::get<GroupsReport>(*read).groups, report.groups);
    EXPECT_EQ(std::get<GroupsReport>(*read).low_on_disk, low);
    const std::size_t old_end = bytes.size() - 9;  // low, how many, and two loads
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      if (size == old_end || (low && size == old_end + 1)) continue;  // what an older program says
      EXPECT_FALSE(decode_control(model::NodeId{9}, std::string_view(bytes).substr(0, size)).ok()) << size;
    }
    EXPECT_FALSE(decode_control(model::NodeId{9}, bytes + "\x01").ok());
  }
}

TEST(ControlFrames, ALoadOfAGroupThatIsNotInTheReportOrOutOfOrderIsRefused) {
  const std::string head(encode_control(sample_report()).expose());
  const auto with = [&](std::string_view tail) {
    return decode_control(model::NodeId{9}, head + std::string(tail)).ok();
  };
  using namespace std::string_view_literals;
  EXPECT_TRUE(with("\0\1\3\7\7"sv));
  EXPECT_FALSE(with("\0\1\4\7\7"sv)) << "another group";
  EXPECT_FALSE(with("\0\2\3\7\7\3\7\7"sv)) << "twice";
  EXPECT_FALSE(with("\0\0"sv)) << "no load would have been no tail";
}

TEST(ControlFrames, RefuseOthers) {
  const std::string bytes(encode_control(sample_report()).expose());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_control(model::NodeId{9}, std::string_view(bytes).substr(0, size)));
  }
  std::string newer = bytes;
  newer[0] = 2;
  EXPECT_EQ(decode_control(model::NodeId{9}, newer).error().code, Code::unimplemented);
}

TEST(ClusterRecords, RefuseWhatNobodyWrites) {
  EXPECT_FALSE(decode_founding("\x08\x01\x10\x11").ok()) << "nobody begins it";
  EXPECT_FALSE(decode_founding("\x08\x01\x1a\x01\x01").ok()) << "the meta group is not added";
  EXPECT_FALSE(decode_node("\x08\x02").ok());
}

}  // namespace
}  // namespace coffer::actors
