#pragma once
// A node without anything, which the tests of the keeper of keys and of backups fill with what they are about.

#include "actors/keeper_host.hpp"

namespace coffer::actors {

class StubHost : public KeeperHost {
 public:
  std::string cluster_id() const override { return std::string(16, 'c'); }
  model::NodeId self() const override { return model::NodeId{1}; }
  std::uint32_t data_groups() const override { return 1; }
  model::Result<KeyRows> key_rows() const override { return KeyRows(); }
  model::Status open(crypto::KeyRing) override { return model::Code::internal; }
  void seal() override {}
  model::Result<std::unique_ptr<crypto::Seal>> device_seal(const std::string&) override {
    return model::Error(model::Code::not_active);
  }
  void submit(Call* call) noexcept override { call->complete(); }
  bool is_ending() const override { return false; }
  bool leads(model::GroupId) const override { return false; }
  model::Generation generation(model::GroupId) const override { return model::Generation{1}; }
  bool is_low_on_disk() override { return false; }
  model::Status bring_up_to_date(model::GroupId) override { return {}; }
  model::Result<std::unique_ptr<GroupView>> open_view(RowWish) override { return model::Code::internal; }
  model::Status write_rows(model::GroupId, const model::TenantId&, std::vector<storage::RowChange>,
                           std::string_view) override {
    return model::Code::internal;
  }
  model::Status write_marked(model::GroupId, const model::TenantId&, std::vector<storage::RowChange>,
                             const MarkCondition&, std::string_view) override {
    return model::Code::internal;
  }
  void forget_replaced(model::GroupId, std::function<void(model::Status)> done) override {
    done(model::Code::internal);
  }
};

}  // namespace coffer::actors
