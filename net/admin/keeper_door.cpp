// The operators' services that the node's keeper of keys answers: Seal, Keys and Backup of coffer.admin.v1, on the admin
// listener beside the admin door. Each function makes one service's RPCs.

#include <functional>
#include <string>
#include <utility>

#include "coffer/admin/v1/backup.pb.h"
#include "coffer/admin/v1/keys.pb.h"
#include "net/admin/capabilities.hpp"
#include "net/admin/door.hpp"
#include "net/admin/messages.hpp"
#include "net/credentials.hpp"
#include "net/timestamps.hpp"
#include "net/typed_method.hpp"

namespace coffer::net {
namespace {

namespace api = ::coffer::admin::v1;
using model::Code;
using model::Error;
using model::KeeperOperation;
using model::Result;
using model::Status;

constexpr CredentialRule kRule{.door = model::Door::admin};

void to_message(const model::SealInfo& seal, api::SealInfo* out) {
  out->set_name(seal.name);
  out->set_kind(seal.kind);
  if (seal.created_at > 0) to_timestamp(seal.created_at, out->mutable_created_at());
  out->set_threshold(seal.threshold);
  out->set_shares(seal.shares);
  out->set_set_id(seal.set_id);
  out->set_detail(seal.detail);
}

void to_message(const model::KeyVersionInfo& key, api::KeyVersion* out) {
  out->set_version(key.version);
  if (key.created_at > 0) to_timestamp(key.created_at, out->mutable_created_at());
  out->set_current(key.current);
  if (key.retired_at > 0) to_timestamp(key.retired_at, out->mutable_retired_at());
}

void to_message(const model::KeysReply& keys, api::KeysStatus* out) {
  out->set_root_version(keys.root_version);
  if (keys.root_created_at > 0) to_timestamp(keys.root_created_at, out->mutable_root_created_at());
  for (const auto& key : keys.cluster_keys) to_message(key, out->add_cluster_keys());
  auto* reseal = out->mutable_reseal();
  reseal->set_paused(keys.paused);
  reseal->set_rows_per_second(keys.rows_per_second);
  reseal->set_tenants_left(keys.tenants_left);
  reseal->set_tenants_done(keys.tenants_done);
  reseal->set_rows_done(keys.rows_done);
  reseal->set_working_on(keys.working_on);
  reseal->set_waits_for(keys.waits_for);
  if (keys.tenant.empty()) return;
  auto* tenant = out->mutable_tenant();
  tenant->set_name(keys.tenant);
  for (const auto& key : keys.tenant_keys.data_keys) to_message(key, tenant->add_data_keys());
  tenant->set_cluster_key(keys.tenant_keys.cluster_key);
  tenant->set_seals(keys.tenant_keys.seals);
  tenant->set_seal_limit(keys.tenant_keys.seal_limit);
}

class KeeperDoor final : public Door {
 public:
  explicit KeeperDoor(actors::Gateway& gateway) : gateway_(gateway) {}

  std::string_view name() const override { return "admin"; }
  std::vector<Method> methods() override {
    std::vector<Method> methods;
    add_seal(methods);
    add_keys(methods);
    add_backup(methods);
    return methods;
  }
  WireStatus http_failure(const Error& error, std::string_view) const override { return admin::make_failure(error); }

 private:
  void add_seal(std::vector<Method>& methods);
  void add_keys(std::vector<Method>& methods);
  void add_backup(std::vector<Method>& methods);

  /// Of calls that need no token: the keeper answers who proves himself by what he gives. A token that is presented is
  /// looked at, so that the audit trail knows whose it was.
  Status open(Rpc& rpc) const {
    if (const Status ok = fill_call_info(rpc.request, rpc.caller(), kRule.door, {}); !ok) return ok;
    rpc.request.credential.door = kRule.door;
    if (has_no_credential(rpc.caller(), kRule)) return {};
    auto credential = take_credential(rpc.caller(), gateway_, kRule);
    // On a sealed node no token can be checked.
    if (!credential && credential.error().code == Code::sealed) return {};
    if (!credential) return credential.error();
    using Kind = model::CredentialKind;
    if (credential->kind != Kind::operator_ && credential->kind != Kind::dev_root) {
      return Error(Code::permission_denied, "this needs an operator's token: a tenant's token does not work here");
    }
    rpc.request.credential = std::move(*credential);
    return {};
  }

  template <class In, class Out, class Body>
  Method call(const char* service, std::string_view name, std::function<Result<KeeperOperation>(const In&)> decode,
              std::function<void(const Body&, Out&)> encode, bool needs_token = true) {
    Method method = typed_method<In, Out, Body>(
        *In::descriptor()->file()->FindServiceByName(service), name,
        {.decode = [this, decode = std::move(decode), needs_token](const In& in, Rpc& rpc) -> Result<Step> {
           const Status ok = needs_token ? fill_call_info(rpc.request, rpc.caller(), kRule.door, {}) : open(rpc);
           if (!ok) return ok.error();
           auto operation = decode(in);
           if (!operation) return operation.error();
           rpc.request.operation = std::move(*operation);
           return Step::submit;
         },
         .encode = [encode = std::move(encode)](const In&, const Body& body, Rpc&, Out& out) -> Status {
           encode(body, out);
           return {};
         },
         .fail = [](const Rpc&, const Error& error) { return admin::make_failure(error); },
         .recover = {}});
    if (needs_token) admin::guard(method, gateway_);
    return method;
  }

  actors::Gateway& gateway_;
};

void to_status(const model::SealReply& reply, api::SealStatus& out) {
  out.set_sealed(reply.sealed);
  out.set_cluster_id(reply.cluster_id);
  out.set_reason(reply.reason);
  out.set_given(reply.given);
  out.set_needed(reply.needed);
  for (const auto& seal : reply.seals) to_message(seal, out.add_seals());
}

void KeeperDoor::add_seal(std::vector<Method>& methods) {
  using Reply = model::SealReply;
  methods.push_back(call<api::SealStatusRequest, api::SealStatus, Reply>(
      "Seal", "Status", [](const auto&) -> Result<KeeperOperation> { return KeeperOperation(model::GetSeals{}); },
      to_status, false));
  methods.push_back(call<api::UnsealRequest, api::SealStatus, Reply>(
      "Seal", "Unseal",
      [](const auto& in) -> Result<KeeperOperation> {
        return KeeperOperation(model::Unseal{model::Secret(in.share()), model::Secret(in.passphrase())});
      },
      to_status, false));
  methods.push_back(call<api::SealRequest, api::SealStatus, Reply>(
      "Seal", "Seal", [](const auto&) -> Result<KeeperOperation> { return KeeperOperation(model::SealNode{}); },
      to_status));
  methods.push_back(call<api::AddSealRequest, api::AddSealResponse, Reply>(
      "Seal", "Add",
      [](const auto& in) -> Result<KeeperOperation> {
        return KeeperOperation(model::AddSeal{in.name(), in.kind(), model::Secret(in.passphrase()), in.threshold(),
                                              in.shares(), in.key_file(), in.replace()});
      },
      [](const Reply& reply, api::AddSealResponse& out) {
        if (reply.seal) to_message(*reply.seal, out.mutable_seal());
        for (const auto& share : reply.share_texts) out.add_shares(std::string(share.expose()));
      }));
  methods.push_back(call<api::VerifyShareRequest, api::VerifyShareResponse, Reply>(
      "Seal", "VerifyShare",
      [](const auto& in) -> Result<KeeperOperation> {
        return KeeperOperation(model::VerifyShare{model::Secret(in.share())});
      },
      [](const Reply& reply, api::VerifyShareResponse& out) {
        out.set_given(reply.given);
        out.set_needed(reply.needed);
        if (reply.seal) to_message(*reply.seal, out.mutable_seal());
      }));
  methods.push_back(call<api::RemoveSealRequest, api::SealStatus, Reply>(
      "Seal", "Remove",
      [](const auto& in) -> Result<KeeperOperation> { return KeeperOperation(model::RemoveSeal{in.name()}); },
      to_status));
  methods.push_back(call<api::RegenerateTokenRequest, api::RegenerateTokenResponse, Reply>(
      "Seal", "RegenerateToken",
      [](const auto& in) -> Result<KeeperOperation> {
        return KeeperOperation(
            model::RegenerateToken{model::Secret(in.share()), model::Secret(in.passphrase()), in.revoke_others()});
      },
      [](const Reply& reply, api::RegenerateTokenResponse& out) {
        out.set_given(reply.given);
        out.set_needed(reply.needed);
        out.set_token(std::string(reply.token.expose()));
      },
      false));
}

void KeeperDoor::add_keys(std::vector<Method>& methods) {
  const auto encode = [](const model::KeysReply& reply, api::KeysStatus& out) { to_message(reply, &out); };
  const auto check = [](const std::string& tenant) {
    return tenant.empty() ? Status() : model::check_tenant_name(tenant);
  };
  methods.push_back(call<api::KeysStatusRequest, api::KeysStatus, model::KeysReply>(
      "Keys", "Status",
      [check](const auto& in) -> Result<KeeperOperation> {
        if (const Status ok = check(in.tenant()); !ok) return ok.error();
        return KeeperOperation(model::GetKeys{in.tenant()});
      },
      encode));
  methods.push_back(call<api::RotateKeysRequest, api::KeysStatus, model::KeysReply>(
      "Keys", "Rotate",
      [check](const auto& in) -> Result<KeeperOperation> {
        model::RotateKeys rotate;
        if (in.level() == "root") {
          rotate.level = model::KeyLevel::root;
        } else if (in.level() == "cluster") {
          rotate.level = model::KeyLevel::cluster;
        } else if (in.level() == "data") {
          rotate.level = model::KeyLevel::data;
          if (in.tenant().empty()) return Error(Code::invalid_argument, "tenant: whose data key is to be rotated?");
        } else {
          return Error(Code::invalid_argument, "level: it is root, cluster or data");
        }
        if (rotate.level != model::KeyLevel::data && !in.tenant().empty()) {
          return Error(Code::invalid_argument, "tenant: this key belongs to no tenant");
        }
        if (const Status ok = check(in.tenant()); !ok) return ok.error();
        rotate.tenant = in.tenant();
        return KeeperOperation(std::move(rotate));
      },
      encode));
  methods.push_back(call<api::SetResealRequest, api::KeysStatus, model::KeysReply>(
      "Keys", "SetReseal",
      [](const auto& in) -> Result<KeeperOperation> {
        model::SetReseal set;
        if (in.has_paused()) set.paused = in.paused();
        if (in.has_rows_per_second()) set.rows_per_second = in.rows_per_second();
        return KeeperOperation(set);
      },
      encode));
}

void KeeperDoor::add_backup(std::vector<Method>& methods) {
  using Reply = model::StreamReply;
  const auto to_stream = [](const Reply& reply, api::BackupStream& out) {
    out.set_id(reply.id);
    out.set_tenants(reply.tenants);
  };
  const auto to_import = [](const Reply& reply, api::ImportStream& out) {
    out.set_id(reply.id);
    out.set_sequence(reply.sequence);
  };
  methods.push_back(call<api::StartBackupRequest, api::BackupStream, Reply>(
      "Backup", "Start",
      [](const auto& in) -> Result<KeeperOperation> {
        return KeeperOperation(model::StartBackup{{in.tenants().begin(), in.tenants().end()}});
      },
      to_stream));
  methods.push_back(call<api::ExportTenantRequest, api::BackupStream, Reply>(
      "Backup", "Export",
      [](const auto& in) -> Result<KeeperOperation> {
        if (const Status ok = model::check_tenant_name(in.tenant()); !ok) return ok.error();
        return KeeperOperation(
            model::ExportTenant{in.tenant(), model::Secret(in.passphrase()), in.receiving_key(), in.to_owner()});
      },
      to_stream));
  methods.push_back(call<api::ReadBackupRequest, api::BackupPiece, Reply>(
      "Backup", "Read",
      [](const auto& in) -> Result<KeeperOperation> {
        return KeeperOperation(model::ReadBackup{in.id(), in.sequence()});
      },
      [](const Reply& reply, api::BackupPiece& out) {
        out.set_data(reply.data);
        out.set_last(reply.last);
      }));
  methods.push_back(call<api::ImportTenantRequest, api::ImportStream, Reply>(
      "Backup", "Import",
      [](const auto& in) -> Result<KeeperOperation> {
        return KeeperOperation(
            model::ImportTenant{in.name(), model::Secret(in.passphrase()), model::Secret(in.private_key())});
      },
      to_import));
  methods.push_back(call<api::WriteImportRequest, api::ImportStream, Reply>(
      "Backup", "Write",
      [](const auto& in) -> Result<KeeperOperation> {
        return KeeperOperation(model::WriteImport{in.id(), in.sequence(), in.data()});
      },
      to_import));
  methods.push_back(call<api::FinishImportRequest, api::ImportedTenant, Reply>(
      "Backup", "FinishImport",
      [](const auto& in) -> Result<KeeperOperation> { return KeeperOperation(model::FinishImport{in.id()}); },
      [](const Reply& reply, api::ImportedTenant& out) {
        out.set_name(reply.name);
        out.set_id(reply.id);
        out.set_entries(reply.entries);
      }));
}

}  // namespace

std::unique_ptr<Door> make_keeper_door(actors::Gateway& gateway) { return std::make_unique<KeeperDoor>(gateway); }

}  // namespace coffer::net
