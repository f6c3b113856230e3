// The collector's side of a view at another node, against a source that does what the test says.

#include "actors/view_desk.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace coffer::actors {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

const model::NodeId kSource{2}, kStranger{3};

std::string row_of(char tenant, const std::string& row, const std::string& value) {
  const std::string key = std::string(16, tenant) + row;
  return std::string(1, static_cast<char>(key.size())) + key + std::string(1, static_cast<char>(value.size())) + value;
}

class ViewDeskTest : public ::testing::Test {
 protected:
  bool sent(model::NodeId to, const cluster::ViewMessage& message) {
    EXPECT_EQ(to, kSource);
    messages.push_back(message);
    if (!connected) return false;
    if (const auto* request = std::get_if<cluster::ViewRequest>(&message)) view = request->view;
    if (std::holds_alternative<cluster::ViewRequest>(message) && opens) desk.take(kSource, cluster::ViewOpened{view});
    if (std::holds_alternative<cluster::ViewMore>(message) && on_more) on_more(std::get<cluster::ViewMore>(message));
    return true;
  }
  void send_chunk(std::uint64_t number, std::string rows, bool last = false) {
    cluster::ViewChunk chunk{view, number, 0, last, std::move(rows)};
    chunk.crc = cluster::checksum_of(chunk);
    desk.take(kSource, chunk);
  }
  std::unique_ptr<GroupView> open() {
    RowWish wish;
    wish.group = model::GroupId{7};
    wish.index = model::Index{9};
    auto opened = desk.open(kSource, wish);
    failure = opened.ok() ? "" : std::string(opened.error().message());
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  std::string read_all(GroupView& rows) {
    std::string read;
    for (;;) {
      auto row = rows.next();
      if (!row.ok()) return read + "! " + std::string(row.error().message());
      if (!row->has_value()) return read;
      read +=
          std::string((*row)->tenant.substr(0, 1)) + std::string((*row)->row) + "=" + std::string((*row)->value) + " ";
    }
  }

  bool connected = true, opens = true;
  std::uint64_t view = 0;
  std::string failure;
  std::function<void(const cluster::ViewMore&)> on_more;
  std::vector<cluster::ViewMessage> messages;
  ViewDesk desk{
      [this](model::NodeId to, model::GroupId, const cluster::ViewMessage& message) { return sent(to, message); },
      100,
      {200ms, 300ms, 2}};
};

TEST_F(ViewDeskTest, RowsAreReadInOrderAndNoMoreIsAskedForThanTheWindow) {
  std::uint64_t out = 0, most = 0, read = 0;
  on_more = [&](const cluster::ViewMore& more) {
    for (; out < more.number && out < 5;) {
      ++out;
      send_chunk(out, row_of('a', "e" + std::to_string(out), "v"), out == 5);
    }
    most = std::max(most, out - read);
  };
  auto rows = open();
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(out, 0U) << "nothing comes before it is read";
  EXPECT_EQ(rows->index(), model::Index{9});
  EXPECT_EQ(rows->node(), kSource);
  std::string text;
  for (auto row = rows->next(); row.ok() && row->has_value(); row = rows->next(), ++read) text += (*row)->row;
  EXPECT_EQ(text, "e1e2e3e4e5");
  EXPECT_LE(most, 3U);
  messages.clear();
  rows.reset();
  EXPECT_TRUE(messages.empty()) << "its source has forgotten it by itself";
}

TEST_F(ViewDeskTest, WhatIsNotReadToItsEndIsGivenBackAndKeptUntilThen) {
  auto rows = open();
  ASSERT_NE(rows, nullptr);
  messages.clear();
  desk.keep();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(std::get<cluster::ViewMore>(messages[0]).view, view);
  rows.reset();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(std::get<cluster::ViewEnd>(messages[1]), (cluster::ViewEnd{view, cluster::ViewEnded::not_wanted}));
}

TEST_F(ViewDeskTest, ASourceThatRefusesIsAwayOrSilentIsToldOfInWords) {
  opens = false;
  EXPECT_EQ(open(), nullptr);
  EXPECT_EQ(failure, "does not answer");
  connected = false;
  EXPECT_EQ(open(), nullptr);
  EXPECT_EQ(failure, "is not connected");
  connected = true;
  std::thread refusing([&] {
    std::this_thread::sleep_for(20ms);
    desk.take(kStranger, cluster::ViewOpened{103});
    desk.take(kSource, cluster::ViewEnd{103, cluster::ViewEnded::behind});
  });
  EXPECT_EQ(open(), nullptr);
  refusing.join();
  EXPECT_EQ(failure, "has a replica that is behind");
}

TEST_F(ViewDeskTest, WhoeverReadsHearsThatItsSourceIsGoneOrSilentOrTalksNonsense) {
  auto rows = open();
  EXPECT_EQ(read_all(*rows), "! has fallen silent");
  rows = open();
  on_more = [&](const cluster::ViewMore&) {
    send_chunk(1, row_of('a', "e", "v"));
    desk.gone(kStranger);
    desk.gone(kSource);
  };
  EXPECT_EQ(read_all(*rows), "ae=v ! cannot be heard any more") << "what came before counts";
  rows = open();
  on_more = [&](const cluster::ViewMore&) { send_chunk(2, row_of('a', "e", "v")); };
  EXPECT_THAT(read_all(*rows), HasSubstr("does not fit"));
  rows = open();
  on_more = [&](const cluster::ViewMore&) {
    desk.take(kSource, cluster::ViewChunk{view, 1, 5, true, row_of('a', "e", "v")});
  };
  EXPECT_THAT(read_all(*rows), HasSubstr("does not fit")) << "a wrong checksum";
  rows = open();
  on_more = [&](const cluster::ViewMore&) {
    send_chunk(1,
               "\x20"
               "ab",
               true);
  };
  EXPECT_THAT(read_all(*rows), HasSubstr("does not parse"));
}

TEST_F(ViewDeskTest, ANodeThatStopsLetsNobodyWait) {
  auto rows = open();
  desk.stop();
  EXPECT_THAT(read_all(*rows), HasSubstr("this node stops"));
  opens = false;
  EXPECT_EQ(open(), nullptr);
  EXPECT_THAT(failure, HasSubstr("this node stops"));
}

TEST_F(ViewDeskTest, ADeskThatHasStoppedAsksNobody) {
  desk.stop();
  EXPECT_TRUE(desk.stopped());
  EXPECT_EQ(open(), nullptr);
  EXPECT_EQ(failure, "was not waited for: this node stops");
  EXPECT_TRUE(messages.empty());
}

}  // namespace
}  // namespace coffer::actors
