#pragma once
// The rules of documents as pure functions, beside those of entries (model/rules.hpp): what a change makes of one, and
// who stands behind a restriction. The shard loads, decides here, seals and submits.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "model/document_requests.hpp"
#include "model/entry.hpp"
#include "model/rules.hpp"

namespace coffer::model {

/// What a referenced document keeps: how many others name it, and which the first ones are.
inline constexpr char kReferencesAttribute[] = "references";

/// Is it there, and does it fit? REQUIRES: nothing; null does not.
bool fits(const Entry* entry, const std::vector<Restriction>& where, TimeMs now);

/// Errors: entry_exists (create), entry_not_found (missing, or outside of `where`), too_large. Whether others name what is
/// to be destroyed is asked of referenced_by. A destroyed document keeps nothing but its name and the marks of its versions.
Result<Decision> decide_document(const Entry* current, const ChangeDocument& change, const RuleContext& context);

/// The document `by` names this one, or does not any more. REQUIRES: the entry is there.
Decision decide_reference(const Entry& current, const std::string& by, bool refers, const RuleContext& context);

/// The first document that names this one and was not destroyed, also not by another door; "?" when only ones are left
/// whose ids are not kept; empty: none. `find` looks an id up in the space of those that refer. Errors: those of `find`.
using FindEntry = std::function<Result<std::shared_ptr<const Entry>>(const std::string& id)>;
Result<std::string> referenced_by(const Entry& entry, const FindEntry& find);

/// What needs no stored state, but for payload and key. Errors: invalid_argument, too_large.
Status check_document_change(const ChangeDocument& change, const Limits& limits);
Status check_query(const Query& query);

}  // namespace coffer::model
