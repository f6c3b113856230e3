// See reader.hpp.

#include "net/dapr/reader.hpp"

#include <string>
#include <utility>

#include "net/dapr/projection.hpp"

namespace coffer::net::dapr {

using model::Code;
using model::Error;
using model::Status;

namespace {

/// Which stores there are is told to those only whose credential has been checked.
Status absent_store(const model::Credential& credential) {
  const Status ok = require_checked(credential);
  return ok ? Status(Code::tenant_not_found) : ok;
}

}  // namespace

Reader::Reader(const Doors& settings, const actors::Gateway& gateway)
    : stores_(settings, gateway),
      gateway_(gateway),
      rule_{.door = model::Door::dapr,
            .own_header = "dapr-api-token",
            .ignore_other_schemes = true,
            .open_on_loopback = settings.dev},
      errors_{settings.dapr_runtime_statuses, stores_.none()} {}

Status Reader::authenticate(const Caller& caller, model::Request& request) const {
  auto credential = take_credential(caller, gateway_, rule_);
  if (!credential) return credential.error();
  if (credential->kind == model::CredentialKind::operator_) {
    return Error(Code::unauthenticated, "an operator's token works on the admin listener only");
  }
  request.credential = std::move(*credential);
  return fill_call_info(request, caller, rule_.door, {});
}

Status Reader::authenticate_here(const Caller& caller, model::Request& request) const {
  if (const Status ok = authenticate(caller, request); !ok) return ok;
  return require_checked(request.credential);
}

Status Reader::ask(std::string_view store, std::string_view key, std::string_view version_id,
                   model::Request& request) const {
  auto view = stores_.find(store);
  if (!view) return absent_store(request.credential);
  model::Get get{.space = std::move(view->space), .name = std::string(key)};
  const auto version = read_version(version_id);
  const bool refused = !version || !is_allowed(*view, key);
  if (!refused) get.version = *version;
  get.with_payload = !refused;
  request.tenant = std::move(view->tenant);
  if (refused) request.tenant.create_at_first_use = false;
  request.operation = model::TenantOperation(std::move(get));
  return {};
}

Status Reader::judge(std::string_view store, std::string_view key, std::string_view version_id,
                     const Status& answer) const {
  if (!answer.ok()) {
    const model::Category category = answer.error().category();
    const bool is_about_key = category == model::Category::not_found ||
                              category == model::Category::permission_denied ||
                              category == model::Category::invalid_argument || answer.error().code == Code::not_active;
    if (!is_about_key) return {};
  }
  const auto view = stores_.find(store);
  if (!view) return {};
  if (!is_allowed(*view, key)) return Error(Code::permission_denied);
  const auto version = read_version(version_id);
  return version ? Status() : Status(version.error());
}

Status Reader::ask_bulk(std::string_view store, model::Request& request) const {
  auto view = stores_.find(store);
  if (!view) return absent_store(request.credential);
  model::List list;
  list.space = std::move(view->space);
  list.limit = 0;
  list.with_payload = true;
  request.tenant = std::move(view->tenant);
  request.operation = model::TenantOperation(std::move(list));
  return {};
}

WireStatus Reader::describe(const Caller& caller, const Asked& asked, const Error& error) const {
  if (error.category() == model::Category::unauthenticated) return refuse_token(has_no_credential(caller, rule_));
  ErrorTable errors = errors_;
  errors.no_stores = stores_.none();
  return errors.describe(asked, error);
}

}  // namespace coffer::net::dapr
