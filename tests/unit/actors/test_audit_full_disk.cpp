// The audit trail on a disk without room: nothing that was written suffers, the next file begins when there is room again,
// and the service goes on. A limit on the size of files stands for the disk.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <future>

#include "actors/audit_log.hpp"
#include "tests/unit/actors/audit_fixture.hpp"

namespace coffer::actors {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// As long as it lives no file of this process grows beyond `bytes`.
class FullDisk {
 public:
  explicit FullDisk(std::uint64_t bytes = 0) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit full = before_;
    full.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &full);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

class AuditFullDiskTest : public AuditFixture {
 protected:
  static constexpr auto kNobody = [](std::string_view) {};

  std::unique_ptr<AuditLog> start() {
    AuditOptions log;
    log.directory = path + "/audit";
    log.trail = options;
    log.gather = std::chrono::milliseconds(1);
    const std::string key = signer.public_key();
    auto started = AuditLog::start(std::move(log), signer,
                                   {[this] { return now; }, [this](std::string_view line) { said.emplace_back(line); },
                                    [key](std::uint32_t) { return key; }});
    EXPECT_TRUE(started.ok()) << started.error().message();
    return started ? std::move(*started) : nullptr;
  }
  static bool wait_for(AuditLog& log, std::string_view action) {
    model::AuditEvent event;
    event.action = action;
    std::promise<bool> done;
    log.record_strictly(event, &done, [](void* context, bool on_disk) {
      static_cast<std::promise<bool>*>(context)->set_value(on_disk);
    });
    return done.get_future().get();
  }
  /// What verifying says who has but the first key.
  std::vector<std::string> problems_by_the_first_key() const {
    AuditExpectation expected;
    expected.trusted = {signer.public_key()};
    return verify_audit(directory(), expected)->problems;
  }
  std::string text() const {
    std::string all;
    for (const std::string& file : files()) {
      for (const std::string& line : lines(file)) all.append(line).append("\n");
    }
    return all;
  }

  std::vector<std::string> said;
};

TEST_F(AuditFullDiskTest, AKeyThatFindsNoRoomForItsFileSignsNothingUntilItHasOne) {
  const crypto::ChainSigner second(crypto::Key::generate(random));
  const auto trail = open();
  add(*trail, "\"kind\":\"request\",\"action\":\"before\"");
  {
    const FullDisk full;
    EXPECT_FALSE(trail->use_key(2, second, now).ok());
    EXPECT_FALSE(trail->use_key(2, second, now).ok());
    EXPECT_EQ(trail->options().key_version, 1U);
  }
  EXPECT_EQ(files().size(), 1U) << "no file without a begin";
  // Room for the end of the one file, and none for another.
  add(*trail, "\"kind\":\"request\",\"action\":\"meanwhile\"");
  ASSERT_TRUE(trail->checkpoint(now, kNobody).ok());
  {
    const FullDisk full(100);
    EXPECT_FALSE(trail->use_key(2, second, now).ok());
  }
  add(*trail, "\"kind\":\"request\",\"action\":\"later\"");
  EXPECT_EQ(files().size(), 1U);
  ASSERT_TRUE(trail->use_key(2, second, now).ok());
  add(*trail, "\"kind\":\"request\",\"action\":\"after\"");
  ASSERT_TRUE(trail->checkpoint(now, kNobody).ok());
  EXPECT_EQ(files().size(), 2U);
  EXPECT_THAT(lines(files()[0]), Not(Contains(HasSubstr("\"key\":2"))));
  EXPECT_THAT(lines(files()[1]), Not(Contains(HasSubstr("\"key\":1"))));
  for (const char* action : {"before", "meanwhile", "later", "after"}) EXPECT_THAT(text(), HasSubstr(action));
  EXPECT_THAT(problems_by_the_first_key(), IsEmpty());
}

TEST_F(AuditFullDiskTest, ANewFileThatFindsNoRoomIsTriedAgain) {
  const auto trail = open();
  add(*trail, "\"kind\":\"request\",\"action\":\"before\"");
  now += (options.file_age_s + 1) * 1000;
  for (int tries = 0; tries < 2; ++tries) {
    const FullDisk full(100);
    EXPECT_FALSE(trail->write(now, kNobody).ok());
  }
  add(*trail, "\"kind\":\"request\",\"action\":\"after\"");
  EXPECT_EQ(files().size(), 2U);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(AuditFullDiskTest, TheLogStartsAndSaysWhatItCouldNotWrite) {
  write_records(2);
  const std::string before = text();
  {
    std::unique_ptr<AuditLog> log;
    {
      const FullDisk full;
      log = start();
      ASSERT_NE(log, nullptr);
      EXPECT_FALSE(wait_for(*log, "lost")) << "a strict tenant's answer does not go out without its record";
      EXPECT_EQ(text(), before);
    }
    EXPECT_TRUE(wait_for(*log, "found"));
  }
  EXPECT_THAT(said, Contains(HasSubstr("audit records are being lost")));
  EXPECT_THAT(said, Contains(HasSubstr("audit records are written again")));
  EXPECT_THAT(text(), Not(HasSubstr("\"action\":\"lost\"")));
  EXPECT_THAT(text(), HasSubstr("\"action\":\"found\""));
  EXPECT_THAT(text(), HasSubstr("\"kind\":\"dropped\",\"count\":1"));
  EXPECT_THAT(problems(), IsEmpty());
}

/// What the start has found is noted as soon as there is room, and what a crash has torn is cut off before that.
TEST_F(AuditFullDiskTest, DamageThatAStartHasFoundIsNotForgotten) {
  write_records(6);
  auto all = lines(files().front());
  all.resize(4);
  write_lines(files().front(), all);
  std::ofstream(files().front(), std::ios::app) << "{\"seq\":5,\"ti";
  std::unique_ptr<AuditTrail> trail;
  {
    const FullDisk full;
    trail = open();
    trail->add(now, "\"kind\":\"request\",\"action\":\"lost\"");
    EXPECT_FALSE(trail->write(now, kNobody).ok());
    EXPECT_FALSE(trail->checkpoint(now, kNobody).ok());
  }
  ASSERT_TRUE(trail->prepare(now).ok());
  add(*trail, "\"kind\":\"request\",\"action\":\"found\"");
  EXPECT_EQ(lines(files().front()), all);
  EXPECT_THAT(lines(files().back()), Contains(HasSubstr("records 5 to 8 are missing at its end")));
  EXPECT_THAT(text(), Not(HasSubstr("\"action\":\"lost\"")));
  EXPECT_THAT(problems(), Not(Contains(HasSubstr("altered"))));
}

}  // namespace
}  // namespace coffer::actors
