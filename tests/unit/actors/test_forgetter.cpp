// What is purged is forgotten by the disk beside everything else: a group that waits for another node holds up nobody.

#include "actors/forgetter.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace coffer::actors {
namespace {

using model::Code;
using std::chrono::milliseconds;

class FakeDisk final : public Forgetter::Disk {
 public:
  std::future<model::Result<model::Index>> newest(model::GroupId, std::chrono::steady_clock::time_point) override {
    std::promise<model::Result<model::Index>> told;
    auto answer = told.get_future();
    const std::lock_guard lock(mutex);
    if (leader == Leader::answers) told.set_value(model::Index{committed.load()});
    if (leader == Leader::refuses) told.set_value(model::Error(Code::unavailable));
    if (leader == Leader::is_silent) asked.push_back(std::move(told));
    return answer;
  }
  model::Index applied(model::GroupId) const override { return model::Index{in_state.load()}; }
  std::future<void> flush_state() override {
    ++flushes;
    std::promise<void> done;
    auto flushed = done.get_future();
    if (flush_ends) done.set_value();
    if (!flush_ends && !flush_drops) kept.push_back(std::move(done));
    return flushed;
  }
  model::Result<std::optional<model::Index>> first_logged(model::GroupId group) const override {
    const std::lock_guard lock(mutex);
    const auto found = first.find(group);
    return found == first.end() ? std::optional<model::Index>() : found->second;
  }
  model::Status compact_state(model::GroupId group) override {
    const std::lock_guard lock(mutex);
    compacted.push_back(group);
    return {};
  }
  model::Status compact_log() override {
    ++log_compacted;
    return {};
  }
  void log_begins_at(model::GroupId group, std::uint64_t index) {
    const std::lock_guard lock(mutex);
    first[group] = model::Index{index};
  }

  enum class Leader { answers, refuses, is_silent, goes_away };
  std::atomic<Leader> leader{Leader::answers};
  std::vector<std::promise<model::Result<model::Index>>> asked;
  std::atomic<std::uint64_t> committed{10}, in_state{10};
  std::atomic<bool> flush_ends{true}, flush_drops{false};
  std::atomic<int> flushes{0}, log_compacted{0};
  std::vector<std::promise<void>> kept;
  mutable std::mutex mutex;
  std::map<model::GroupId, model::Index> first;
  std::vector<model::GroupId> compacted;
};

/// What it is told, by group.
class Told {
 public:
  Forgetter::Done of(std::uint64_t group) {
    return [this, group](const model::Status& status) {
      const std::lock_guard lock(mutex_);
      told_[group].push_back(status ? Code::ok : status.error().code);
      changed_.notify_all();
    };
  }
  std::vector<Code> wait(std::uint64_t group, std::size_t count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return told_[group].size() >= count; });
    return told_[group];
  }
  bool is_told(std::uint64_t group) {
    const std::lock_guard lock(mutex_);
    return !told_[group].empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, std::vector<Code>> told_;
};

TEST(ForgetterTest, AGroupWhoseLogIsStillNeededHoldsUpNoOther) {
  FakeDisk disk;
  Told told;
  disk.log_begins_at(model::GroupId{1}, 4);   // a node that is away needs it
  disk.log_begins_at(model::GroupId{2}, 11);  // cut behind what was applied
  Forgetter forgetter(disk);
  forgetter.start();
  forgetter.forget(model::GroupId{1}, told.of(1));
  forgetter.forget(model::GroupId{2}, told.of(2));
  forgetter.forget(model::GroupId{3}, told.of(3));
  EXPECT_EQ(told.wait(2), std::vector<Code>{Code::ok});
  EXPECT_EQ(told.wait(3), std::vector<Code>{Code::ok});
  EXPECT_FALSE(told.is_told(1));
  disk.log_begins_at(model::GroupId{1}, 11);
  EXPECT_EQ(told.wait(1), std::vector<Code>{Code::ok});
  EXPECT_GE(disk.log_compacted, 1);
  EXPECT_GE(disk.flushes, 1);
}

TEST(ForgetterTest, WhatTakesTooLongIsToldAndWhoAsksMeanwhileWaitsForTheNextJob) {
  FakeDisk disk;
  Told told;
  disk.log_begins_at(model::GroupId{1}, 4);
  Forgetter forgetter(disk, milliseconds(100));
  forgetter.start();
  forgetter.forget(model::GroupId{1}, told.of(1));
  EXPECT_EQ(told.wait(1), std::vector<Code>{Code::unavailable});
  disk.committed = disk.in_state = 20;
  forgetter.forget(model::GroupId{1}, told.of(1));
  disk.log_begins_at(model::GroupId{1}, 15);  // enough for 10, not for 20
  EXPECT_EQ(told.wait(1, 2).at(1), Code::unavailable);
  disk.log_begins_at(model::GroupId{1}, 21);
  forgetter.forget(model::GroupId{1}, told.of(1));
  EXPECT_EQ(told.wait(1, 3).at(2), Code::ok);
}

TEST(ForgetterTest, AFlushThatNeverEndsOrIsDroppedIsAFailureAndNoForgetting) {
  FakeDisk disk;
  Told told;
  disk.flush_ends = false;
  Forgetter forgetter(disk, milliseconds(50));
  forgetter.start();
  forgetter.forget(model::GroupId{1}, told.of(1));
  EXPECT_EQ(told.wait(1), std::vector<Code>{Code::unavailable});
  disk.flush_drops = true;  // as a writer that stopped for a disk error
  forgetter.forget(model::GroupId{1}, told.of(1));
  EXPECT_EQ(told.wait(1, 2).at(1), Code::unavailable);
  EXPECT_TRUE(disk.compacted.empty());
}

TEST(ForgetterTest, WhatIsCommittedElsewhereAndNotInTheStateHereIsWaitedFor) {
  FakeDisk disk;
  Told told;
  disk.committed = 12;  // the deletions; the state here is older
  disk.log_begins_at(model::GroupId{1}, 11);
  Forgetter forgetter(disk);
  forgetter.start();
  forgetter.forget(model::GroupId{1}, told.of(1));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(disk.flushes, 0) << "that would be a compaction of the rows that are to go";
  EXPECT_FALSE(told.is_told(1));
  disk.in_state = 12;
  disk.log_begins_at(model::GroupId{1}, 13);
  EXPECT_EQ(told.wait(1), std::vector<Code>{Code::ok});
  EXPECT_EQ(disk.compacted, std::vector<model::GroupId>{model::GroupId{1}});
}

TEST(ForgetterTest, AReplicaThatStaysBehindIsAFailure) {
  FakeDisk disk;
  Told told;
  disk.committed = 12;
  Forgetter forgetter(disk, milliseconds(100));
  forgetter.start();
  forgetter.forget(model::GroupId{1}, told.of(1));
  EXPECT_EQ(told.wait(1), std::vector<Code>{Code::unavailable});
  EXPECT_TRUE(disk.compacted.empty());
}

TEST(ForgetterTest, WhenNobodySaysHowFarTheGroupHasComeNothingIsForgotten) {
  for (const auto leader : {FakeDisk::Leader::refuses, FakeDisk::Leader::is_silent, FakeDisk::Leader::goes_away}) {
    FakeDisk disk;
    Told told;
    disk.leader = leader;
    Forgetter forgetter(disk, milliseconds(100));
    forgetter.start();
    forgetter.forget(model::GroupId{1}, told.of(1));
    EXPECT_EQ(told.wait(1), std::vector<Code>{Code::not_active});
    EXPECT_TRUE(disk.compacted.empty());
  }
}

TEST(ForgetterTest, ALeaderThatRefusesIsFollowedByOneThatAnswers) {
  FakeDisk disk;
  Told told;
  disk.leader = FakeDisk::Leader::refuses;
  Forgetter forgetter(disk);
  forgetter.start();
  forgetter.forget(model::GroupId{1}, told.of(1));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_FALSE(told.is_told(1));
  disk.leader = FakeDisk::Leader::answers;
  EXPECT_EQ(told.wait(1), std::vector<Code>{Code::ok});
}

TEST(ForgetterTest, StoppingDoesNotWaitForWhatIsUnderWay) {
  FakeDisk disk;
  Told told;
  disk.log_begins_at(model::GroupId{1}, 4);
  Forgetter forgetter(disk, std::chrono::hours(1));
  forgetter.start();
  forgetter.forget(model::GroupId{1}, told.of(1));
  forgetter.stop();
  forgetter.forget(model::GroupId{2}, told.of(2));
  EXPECT_FALSE(told.is_told(1));
  EXPECT_FALSE(told.is_told(2));
}

}  // namespace
}  // namespace coffer::actors
