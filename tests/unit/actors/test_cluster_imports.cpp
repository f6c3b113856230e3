// An import whose group gets another leader on the way: whoever imports hears what to do, nothing is left behind, and the
// same file is taken when it comes again.

#include <atomic>

#include "cluster_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;

const char kPassphrase[] = "correct horse battery";
constexpr int kEntries = 60;

class ClusterImportsTest : public testing::ClusterFixture {
 protected:
  ClusterImportsTest() {
    change = [this](NodeOptions& options) {
      const std::string at = options.peer_address;
      options.keeper.round = std::chrono::milliseconds(200);
      options.log = [](std::string_view) {};
      options.free_bytes = [this, at] {
        return std::optional<std::uint64_t>(at == address(full) ? 1ULL << 20 : 1ULL << 40);
      };
    };
  }
  model::Result<model::Reply> keep(std::uint64_t at, model::KeeperOperation operation) {
    model::Request made;
    made.credential.kind = model::CredentialKind::dev_root;
    made.info.deadline = now() + 30'000;
    made.operation = std::move(operation);
    return run(at, std::move(made));
  }
  std::string export_of(std::uint64_t at, const std::string& tenant) {
    model::ExportTenant wanted;
    wanted.tenant = tenant;
    wanted.passphrase = model::Secret(kPassphrase);
    auto begun = keep(at, std::move(wanted));
    std::string file;
    for (std::uint64_t sequence = 0; begun; ++sequence) {
      const auto piece = keep(at, model::ReadBackup{std::get<model::StreamReply>(begun->body).id, sequence});
      if (!piece) break;
      file += std::get<model::StreamReply>(piece->body).data;
      if (std::get<model::StreamReply>(piece->body).last) return file;
    }
    ADD_FAILURE() << "the export failed";
    return file;
  }
  std::string begin(std::uint64_t at) {
    auto begun = keep(at, model::ImportTenant{"t", model::Secret(kPassphrase), {}});
    return begun ? std::get<model::StreamReply>(begun->body).id : std::string();
  }
  /// Pieces from `from` on, each again while the node says that it is to be asked in a moment.
  model::Status write(std::uint64_t at, const std::string& id, const std::string& file, std::size_t from,
                      std::size_t end, std::uint64_t& sequence) {
    constexpr std::size_t kPiece = 64 << 10;
    for (std::size_t place = from; place < end; place += kPiece) {
      model::Status status;
      const bool over = eventually([&] {
        auto taken = keep(at, model::WriteImport{id, sequence, file.substr(place, std::min(kPiece, end - place))});
        status = taken ? model::Status() : model::Status(taken.error());
        return status.ok() || status.error().code != Code::unavailable || status.error().retry_after_s == 0;
      });
      if (!over || !status) return status;
      ++sequence;
    }
    return {};
  }
  std::vector<model::TenantInfo> deleted() {
    model::ListTenants list;
    list.only_deleted = true;
    auto reply = run(1, operate(list));
    return reply ? std::get<model::TenantsReply>(reply->body).tenants : std::vector<model::TenantInfo>(1);
  }

  std::atomic<std::uint64_t> full{0};
};

TEST_F(ClusterImportsTest, AGroupThatGetsAnotherLeaderEndsTheImportAndTheFileIsTakenAgain) {
  start_three();
  const std::string value(20'000, 'v');
  for (int i = 0; i < kEntries; ++i) ASSERT_EQ(ClusterFixture::write(1, "t", "k" + std::to_string(i), value), "ok");
  const std::string file = export_of(1, "t");
  model::DeleteTenant gone;
  gone.name = "t";
  gone.purge = true;
  ASSERT_TRUE(run(1, operate(gone)).ok());
  ASSERT_TRUE(eventually([&] { return deleted().empty(); }));

  const std::uint64_t at = leader_of(1, 1), other = at % 3 + 1;
  std::uint64_t sequence = 0;
  const std::string id = begin(at);
  const auto taken = write(at, id, file, 0, file.size() / 2, sequence);
  ASSERT_TRUE(taken.ok()) << taken.error().message();
  full = at;  // it hands over what it leads, and gets nothing back
  ASSERT_TRUE(eventually([&] {
    auto now = status(other);
    if (!now) return false;
    for (const auto& group : now->groups) {
      if (group.leader.value == at || group.leader.value == 0) return false;
    }
    return true;
  }));
  const auto cut = write(at, id, file, file.size() / 2, file.size(), sequence);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code, Code::cas_mismatch) << "who is told UNAVAILABLE asks for the same piece again and again";
  EXPECT_NE(cut.error().message().find("import the file again"), std::string::npos) << cut.error().message();
  EXPECT_EQ(keep(at, model::FinishImport{id}).error().code, Code::cas_mismatch) << "whoever asks again hears the same";
  ASSERT_TRUE(eventually([&] { return deleted().empty(); })) << "nothing is left behind";

  std::uint64_t leads = leader_of(1, other);
  sequence = 0;
  const std::string next = begin(leads);
  const auto whole = write(leads, next, file, 0, file.size(), sequence);
  ASSERT_TRUE(whole.ok()) << whole.error().message();
  const auto done = keep(leads, model::FinishImport{next});
  ASSERT_TRUE(done.ok()) << done.error().message();
  for (int i = 0; i < kEntries; ++i) EXPECT_EQ(read(1, "t", "k" + std::to_string(i)), value);
}

}  // namespace
}  // namespace coffer::actors
