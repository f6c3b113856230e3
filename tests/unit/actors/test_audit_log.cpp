// The audit log with its threads: what is noted arrives, strict waits, refusals are counted, sinks hold nobody up.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "actors/audit_log.hpp"
#include "actors/call_handle.hpp"
#include "actors/records.hpp"
#include "tests/unit/actors/audit_fixture.hpp"

namespace coffer::actors {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class AuditLogTest : public AuditFixture {
 protected:
  std::unique_ptr<AuditLog> start(std::function<void(AuditOptions&)> change = {}) {
    AuditOptions log;
    log.directory = path + "/audit";
    log.trail = options;
    log.gather = std::chrono::milliseconds(1);
    if (change) change(log);
    const std::string key = signer.public_key();
    auto started = AuditLog::start(std::move(log), signer,
                                   {[this] { return now; }, [this](std::string_view line) { said.emplace_back(line); },
                                    [key](std::uint32_t) { return key; }});
    EXPECT_TRUE(started.ok());
    return std::move(*started);
  }
  static model::AuditEvent event(std::string_view action = "get", model::Code code = model::Code::ok) {
    model::AuditEvent made;
    made.tenant.bytes.fill(7);
    made.principal = "user:alice";
    made.action = action;
    made.code = code;
    made.address = "10.0.0.1:4711";
    made.request_id = "r-1";
    return made;
  }
  static bool wait_for(AuditLog& log, const model::AuditEvent& what) {
    std::promise<bool> done;
    log.record_strictly(what, &done, [](void* context, bool on_disk) {
      static_cast<std::promise<bool>*>(context)->set_value(on_disk);
    });
    return done.get_future().get();
  }
  /// Every line of the trail.
  std::vector<std::string> records() const {
    std::vector<std::string> all;
    for (const std::string& file : files()) {
      for (const std::string& line : lines(file)) all.push_back(line);
    }
    return all;
  }
  static model::AuditPage query(AuditLog& log, model::AuditQuery what) {
    std::promise<model::Result<model::AuditPage>> done;
    log.query(std::move(what), [&done](model::Result<model::AuditPage> page) { done.set_value(std::move(page)); });
    return std::move(*done.get_future().get());
  }
  static std::map<std::string, double> samples(const AuditLog& log) {
    std::vector<Sample> all;
    log.add_samples(all);
    std::map<std::string, double> values;
    for (const Sample& sample : all) values[sample.name] = sample.value;
    return values;
  }

  std::vector<std::string> said;
};

TEST_F(AuditLogTest, ARecordSaysWhoAskedWhatAndWhatCameOut) {
  auto log = start();
  auto asked = event("get", model::Code::permission_denied);
  model::NameHash hash;
  hash.fill('\x0a');
  asked.entry = &hash;
  asked.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  log->record(asked);
  log.reset();
  EXPECT_THAT(records(),
              Contains(AllOf(HasSubstr(R"("kind":"request","tenant":"07070707070707070707070707070707")"),
                             HasSubstr(R"("door":"native","action":"get","entry":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a")"),
                             HasSubstr(R"("outcome":"PERMISSION_DENIED","principal":"user:alice")"),
                             HasSubstr(R"("address":"10.0.0.1:4711","request_id":"r-1","trace":"00-0af7)"))));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditLogTest, ARotatedKeySignsANewFileAndTheOldOneStaysVerifiable) {
  const crypto::ChainSigner second(crypto::Key::generate(random));
  std::atomic<std::uint32_t> version{1};
  const auto key_of = [first = signer.public_key(), &second](std::uint32_t wanted) {
    return wanted == 1 ? first : wanted == 2 ? second.public_key() : std::string();
  };
  AuditLog::Hooks hooks{[this] { return now; }, [this](std::string_view line) { said.emplace_back(line); }, key_of,
                        [&version] { return version.load(); },
                        [&second](std::uint32_t) { return std::optional(second); }};
  AuditOptions log_options;
  log_options.directory = path + "/audit";
  log_options.trail = options;
  log_options.gather = std::chrono::milliseconds(1);
  auto log = std::move(*AuditLog::start(std::move(log_options), signer, std::move(hooks)));
  EXPECT_TRUE(wait_for(*log, event("before")));
  version = 2;
  EXPECT_TRUE(wait_for(*log, event("after")));
  log.reset();
  ASSERT_THAT(files(), SizeIs(2));
  EXPECT_THAT(lines(files()[0]), Each(Not(HasSubstr("\"key\":2"))));
  EXPECT_THAT(lines(files()[1]), Contains(AllOf(HasSubstr("segment"), HasSubstr("\"key\":2"))));
  EXPECT_THAT(lines(files()[1]), Contains(HasSubstr("after")));
  const auto verdict = verify_audit(directory(), {key_of, std::nullopt});
  EXPECT_THAT(verdict->problems, IsEmpty());
  // Each file's own public key is enough for who has no server.
  EXPECT_THAT(verify_audit(directory(), {{}, std::nullopt})->problems, IsEmpty());
}

TEST_F(AuditLogTest, AStrictAnswerComesWhenTheRecordIsInTheFile) {
  const auto log = start();
  EXPECT_TRUE(wait_for(*log, event("put")));
  EXPECT_THAT(records(), Contains(HasSubstr("\"action\":\"put\"")));
}

TEST_F(AuditLogTest, AStrictAnswerSaysThatTheRecordCannotBeWritten) {
  const auto log = start([](AuditOptions& o) { o.trail.file_bytes = 1; });  // a new file for each batch
  std::filesystem::remove_all(path + "/audit");
  EXPECT_FALSE(wait_for(*log, event()));
  EXPECT_GE(samples(*log)["coffer_audit_failures_total"], 1);
  EXPECT_THAT(said, Contains(HasSubstr("audit records are being lost")));
}

TEST_F(AuditLogTest, WhatDoesNotFitIsDroppedCountedAndSaid) {
  auto log = start([](AuditOptions& o) {
    o.queue_bytes = 16;  // a byte for each stripe: one record fits
    o.gather = std::chrono::milliseconds(300);
  });
  for (int i = 0; i < 10; ++i) log->record(event());
  EXPECT_TRUE(wait_for(*log, event("strict"))) << "a strict tenant's record is never dropped";
  EXPECT_EQ(samples(*log)["coffer_audit_dropped_total"], 9);
  log.reset();
  EXPECT_THAT(records(), Contains(HasSubstr(R"("kind":"dropped","count":9)")));
}

TEST_F(AuditLogTest, RefusalsWithoutACredentialAreCountedBySource) {
  auto log = start();
  for (int i = 0; i < 1000; ++i) {
    auto refused = event("get", model::Code::unauthenticated);
    refused.principal = {};
    const std::string address = "10.0.0.2:" + std::to_string(1000 + i);
    refused.address = address;
    log->refused(refused);
  }
  log.reset();
  EXPECT_THAT(records(), Contains(AllOf(HasSubstr(R"("kind":"refusals")"), HasSubstr(R"("address":"10.0.0.2")"),
                                        HasSubstr(R"("outcome":"UNAUTHENTICATED","count":1000)"))));
}

TEST_F(AuditLogTest, JoinTokensThatDoNotCountAreCountedBySource) {
  struct Stranger final : Call {
    void complete() noexcept override {}
  };
  auto log = start();
  for (int i = 0; i < 1000; ++i) {
    Stranger call;
    call.request.credential.kind = model::CredentialKind::node;
    call.request.credential.principal = "node:joining";
    call.request.info.address = "10.0.0.3:" + std::to_string(1000 + i);
    call.request.operation = model::DirectoryOperation(model::JoinNode{});
    call.reply = model::Error(model::Code::permission_denied);
    call.audit.port = log.get();
    complete_audited(&call);
  }
  log.reset();
  EXPECT_THAT(records(), Not(Contains(HasSubstr("join_node"))))
      << "whoever reaches the peers' port would fill the disk";
  EXPECT_THAT(records(), Contains(AllOf(HasSubstr(R"("kind":"refusals")"), HasSubstr(R"("address":"10.0.0.3")"),
                                        HasSubstr(R"("outcome":"PERMISSION_DENIED","count":1000)"))));
}

TEST_F(AuditLogTest, AFloodFromInventedSourcesTakesBoundedMemory) {
  RefusalCounts counts;
  for (int i = 0; i < 100'000; ++i) {
    auto refused = event("get", model::Code::unauthenticated);
    const std::string address =
        "10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) + ":1";
    refused.address = address;
    counts.add(refused, now);
  }
  std::size_t sources = 0;
  std::uint64_t all = 0;
  counts.drain([&](const auto&, const auto& count) { ++sources, all += count.count; });
  EXPECT_LE(sources, RefusalCounts::kMostSources + 1);
  EXPECT_EQ(all, 100'000U);
}

TEST_F(AuditLogTest, AChangeIsNotedOnceHoweverOftenItIsReplayed) {
  store::v1::AuditRecord record;
  record.set_format(1);
  record.set_principal("user:bob");
  record.set_action("put");
  record.set_door("tapis");
  record.set_version(1);
  record.set_entry_hash(std::string(32, '\x0b'));
  record.set_details("scope=user readable=true");
  const std::string bytes = record.SerializeAsString();
  for (int life = 0; life < 2; ++life) {
    const auto log = start();
    log->changed({model::GroupId{2}, model::Index{5}, {}, {1, 9}, bytes});
  }
  std::vector<std::string> changes;
  for (const std::string& line : records()) {
    if (line.find("\"kind\":\"change\"") != std::string::npos) changes.push_back(line);
  }
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_THAT(changes[0], AllOf(HasSubstr(R"("event":"SECRET_CREATED")"), HasSubstr(R"("revision":9)"),
                                HasSubstr(R"("details":"scope=user readable=true")")));
}

TEST_F(AuditLogTest, AChangeOfSeveralSecretsIsFoundByEachOfThem) {
  store::v1::AuditRecord record;
  record.set_format(1);
  record.set_action("transact");
  record.set_door("tapis");
  for (const char letter : {'\x0b', '\x0c'}) {
    store::v1::AuditedOperation& one = *record.add_operations();
    one.set_action("destroy");
    one.set_entry_hash(std::string(32, letter));
    one.set_version(3);
  }
  const auto log = start();
  log->changed({model::GroupId{2}, model::Index{5}, {}, {1, 9}, record.SerializeAsString()});
  EXPECT_TRUE(wait_for(*log, event("list")));
  for (const char* entry : {"0b0b0b", "0c0c0c"}) {
    model::AuditQuery wanted;
    wanted.entry = entry;
    const auto found = query(*log, wanted).lines;
    ASSERT_THAT(found, SizeIs(1)) << entry;
    EXPECT_THAT(found[0], AllOf(HasSubstr(R"("event":"SECRET_DELETED","level":"info","version":3}])"),
                                HasSubstr(std::string(R"({"entry":")") + entry)));
  }
}

TEST_F(AuditLogTest, AnswersWhatAnOperatorAsks) {
  const auto log = start();
  for (int i = 0; i < 5; ++i) log->record(event("get"));
  log->record(event("put"));
  EXPECT_TRUE(wait_for(*log, event("list")));
  model::AuditQuery wanted;
  wanted.action = "get";
  wanted.limit = 3;
  const auto first = query(*log, wanted);
  EXPECT_THAT(first.lines, SizeIs(3));
  EXPECT_TRUE(first.more);
  wanted.after = first.last;
  const auto rest = query(*log, wanted);
  EXPECT_THAT(rest.lines, SizeIs(2));
  EXPECT_FALSE(rest.more);
  wanted = {};
  wanted.newest = true;
  wanted.limit = 1;
  EXPECT_THAT(query(*log, wanted).lines, Contains(HasSubstr("\"action\":\"list\"")));
  wanted = {};
  wanted.tenant.emplace().bytes.fill(9);
  EXPECT_THAT(query(*log, wanted).lines, IsEmpty());
}

/// Takes the first record and does not come back until it is cancelled.
class HangingSink final : public model::AuditSink {
 public:
  std::string_view name() const override { return "hanging"; }
  bool write(std::string_view) noexcept override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return cancelled_; });
    return false;
  }
  void cancel() noexcept override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;
};

class FailingSink final : public model::AuditSink {
 public:
  std::string_view name() const override { return "failing"; }
  bool write(std::string_view) noexcept override { return false; }
  void cancel() noexcept override {}
};

TEST_F(AuditLogTest, ASinkThatFailsHasItsRecordsCounted) {
  auto log = start([](AuditOptions& o) { o.sinks.push_back(std::make_unique<FailingSink>()); });
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(wait_for(*log, event()));
  for (int i = 0; i < 1000 && samples(*log)["coffer_audit_sink_failures_total"] < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(samples(*log)["coffer_audit_sink_failures_total"], 5);
  EXPECT_EQ(samples(*log)["coffer_audit_sink_records_total"], 0);
}

TEST_F(AuditLogTest, TheQueueShowsHowFullItIsAndWhatItDropped) {
  AuditInbox inbox(16 * 1000, [] { return model::TimeMs{1}; });
  const auto shown = [&](std::uint64_t given_up = 0) {
    std::vector<Sample> all;
    inbox.add_samples(all, given_up);
    std::map<std::string, double> values;
    for (const Sample& sample : all) values[sample.name] = sample.value;
    return values;
  };
  EXPECT_EQ(shown()["coffer_audit_queue_bytes"], 0);
  EXPECT_EQ(shown()["coffer_audit_queue_limit_bytes"], 16'000);
  inbox.record(event());
  const double one = shown()["coffer_audit_queue_bytes"];
  EXPECT_GT(one, 0);
  EXPECT_DOUBLE_EQ(shown()["coffer_audit_queue_fullest_ratio"], one / 1000);
  for (int i = 0; i < 100; ++i) inbox.record(event());  // of one thread, which has one part of the queue
  EXPECT_GE(shown()["coffer_audit_queue_fullest_ratio"], 1);
  EXPECT_LT(shown()["coffer_audit_queue_bytes"], 16'000) << "the other parts have room";
  const double dropped = shown()["coffer_audit_dropped_total"];
  EXPECT_GT(dropped, 0);
  const auto batch = inbox.queue().take();
  EXPECT_EQ(static_cast<double>(batch.dropped), dropped);
  EXPECT_EQ(shown()["coffer_audit_queue_bytes"], 0);
  EXPECT_EQ(shown()["coffer_audit_queue_fullest_ratio"], 0);
  EXPECT_EQ(shown()["coffer_audit_dropped_total"], dropped) << "a counter does not go back when somebody takes notice";
  EXPECT_EQ(shown(3)["coffer_audit_dropped_total"], dropped + 3);
}

TEST_F(AuditLogTest, ASinkThatHangsLosesItsOwnRecordsAndHoldsNobodyUp) {
  auto log = start([](AuditOptions& o) {
    o.sink_lines = 4;
    o.sinks.push_back(std::make_unique<HangingSink>());
  });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(wait_for(*log, event()));
  EXPECT_GE(samples(*log)["coffer_audit_sink_dropped_total"], 15);
  EXPECT_GE(samples(*log)["coffer_audit_sink_queue"], 3) << "one may be in the sink's hands";
  EXPECT_EQ(samples(*log)["coffer_audit_sink_queue_limit"], 4);
  log.reset();  // and the stop does not wait for it either
  EXPECT_THAT(problems(), IsEmpty());
}

}  // namespace
}  // namespace coffer::actors
