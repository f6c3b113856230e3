// Who may be told again what a request of his did: its stored answer is for those only who would still be let do it.
// See tenant_core.hpp.

#include <type_traits>

#include "actors/tenant_core.hpp"

namespace coffer::actors {

using model::Capability;
using model::Code;
using model::Error;
using model::Status;

namespace {

/// What change_entry() asks for; on what is no operation on one entry it is not called.
template <class T>
constexpr Capability capability_of() {
  if constexpr (std::is_same_v<T, model::Check>) return Capability::read;
  if constexpr (std::is_same_v<T, model::SetPermission>) return Capability::grant;
  if constexpr (std::is_same_v<T, model::Put> || std::is_same_v<T, model::UpdateMetadata>) return Capability::write;
  return Capability::del;
}

template <class T, class... Types>
inline constexpr bool kIsOneOf = (std::is_same_v<T, Types> || ...);

}  // namespace

/// `by_entry` and `at` are of the first time. A request may end its own rights (its owner destroys an entry, somebody
/// gives his level away), so rights that the entry gave count until somebody changes it again.
Status TenantCore::check_repeat_on(const Caller& caller, Capability capability, const std::string& space,
                                   const std::string& name, bool by_entry, model::TimeMs at) {
  const auto verdict = judge(caller, capability, space, name);
  if (verdict == model::Verdict::allowed) return {};
  if (verdict == model::Verdict::denied) return refusal(*caller.principal, capability, space, name);
  const auto entry = latest_entry(entry_hash(space, name));
  if (!entry) return entry.error();
  if (judge(caller, capability, space, name, entry->get()) == model::Verdict::allowed) return {};
  if (by_entry && (!*entry || (*entry)->updated_at <= at)) return {};
  return refusal(*caller.principal, capability, space, name);
}

/// Errors: permission_denied, data_loss, disk_error.
Status TenantCore::check_repeat(const Caller& caller, const model::TenantOperation& operation, bool by_entry,
                                model::TimeMs at) {
  const auto on = [&]<class T>(const T& one) {
    return check_repeat_on(caller, capability_of<T>(), one.space, one.name, by_entry, at);
  };
  return std::visit(
      [&]<class T>(const T& one) -> Status {
        if constexpr (kIsOneOf<T, model::Put, model::UpdateMetadata, model::Delete, model::Undelete, model::Destroy,
                               model::SetPermission>) {
          return on(one);
        } else if constexpr (std::is_same_v<T, model::Transact>) {
          for (const auto& part : one.operations) {
            if (Status status = std::visit(on, part); !status) return status;
          }
          return {};
        } else if constexpr (std::is_same_v<T, model::ChangeDocument>) {
          return check_repeat_of(caller, one, by_entry, at);
        } else if constexpr (kIsOneOf<T, model::RenewSelf, model::RevokeSelf>) {
          return {};  // a token on itself: whoever is let in with it may
        } else {
          return caller.may_administer ? Status() : Status(Error(Code::permission_denied));
        }
      },
      operation);
}

}  // namespace coffer::actors
