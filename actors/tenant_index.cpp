// Lists of a tenant: an index of opened metadata, built when first needed and walked in slices, so that a long list
// never delays the tenant's other requests for long. See tenant_core.hpp.

#include "actors/regex.hpp"
#include "actors/tenant_core.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

/// An entry that may not be read, or went away meanwhile, is left out of a list with values. Anything else is no answer: who
/// reads everything must not take less for it.
bool is_not_shown(model::Code code) {
  return code == model::Code::permission_denied || code == model::Code::write_only ||
         code == model::Code::entry_not_found || code == model::Code::version_not_found ||
         code == model::Code::not_active;
}

constexpr int kRowsPerSlice = 512;      // opened while the index is built: about a millisecond
constexpr int kEntriesPerSlice = 4096;  // looked at while a list is answered
constexpr int kLooksPerValue = 16;      // what opening a value counts for
constexpr std::int64_t kIndexEntryBytes = 640;

std::string index_key(std::string_view space, std::string_view name) {
  std::string key;
  key.reserve(space.size() + 1 + name.size());
  key.append(space).push_back('\0');  // neither spaces nor names contain it
  key.append(name);
  return key;
}

}  // namespace

model::Result<std::shared_ptr<const TenantCore::TagFilter>> TenantCore::make_tag_filter(const model::List& list,
                                                                                        model::TimeMs now) {
  auto made = std::make_shared<TagFilter>();
  model::query::Filter filter;
  for (const auto& [key, value] : list.tags) {
    filter.all.push_back({"tags." + key, model::query::Operator::eq, model::query::Literal::of(value)});
  }
  auto holds = model::query::Predicate::make(filter, model::native_schema(), made->pool, {regex_compiler(), now});
  if (!holds) return holds.error();
  made->holds.emplace(std::move(*holds));
  return std::shared_ptr<const TagFilter>(std::move(made));
}

void TenantCore::start_list(CallHandle call, const Caller& caller) {
  if (jobs_.size() >= deps_.max_waiting_lists) return call.finish(Error(Code::overloaded));
  const auto& list = std::get<model::List>(std::get<model::TenantOperation>(call.request().operation));
  ListJob job;
  if (!list.tags.empty()) {
    auto tags = make_tag_filter(list, now());
    if (!tags) return call.finish(tags.error());
    job.tags = std::move(*tags);
  }
  job.list = list;
  job.caller = caller;
  job.revision = committed_revision_;
  job.after = list.after.empty() ? std::string() : index_key(list.space, list.after);
  job.access = access_changes_;
  job.call = std::move(call);
  jobs_.push_back(std::move(job));
  if (jobs_.size() == 1 && index_ready_) work();
}

void TenantCore::work() {
  if (jobs_.empty()) return;
  if (!index_ready_) {
    if (auto status = build_index_slice(); !status) {
      while (!jobs_.empty()) {
        jobs_.front().call.finish(status.error());
        jobs_.pop_front();
      }
      drop_index();
    }
    return;
  }
  ListJob& job = jobs_.front();
  if (auto status = admit_again(job); !status) {
    job.call.finish(status.error());
  } else if (job.query) {
    run_query_slice(job);
  } else {
    run_list_slice(job);
  }
  if (!job.call) jobs_.pop_front();
}

/// A list runs for several turns, and its caller must be let in at each. What was collected under rights that changed
/// meanwhile is thrown away. Errors: those of admit().
model::Status TenantCore::admit_again(ListJob& job) {
  auto caller = admit(job.call.request());
  if (!caller) return caller.error();
  if (job.access == access_changes_) return {};
  job.caller = std::move(*caller);
  job.access = access_changes_;
  job.revision = committed_revision_;
  job.after = job.list.after.empty() ? std::string() : index_key(job.list.space, job.list.after);
  job.reply = {};
  job.bytes = 0;
  return job.query ? begin_query(job) : model::Status();
}

model::Status TenantCore::build_index_slice() {
  const std::string_view prefix = storage::kEntryRows;
  if (!index_scan_) {
    // The scan is a snapshot of now; what is committed and not applied yet is newer, what commits later comes through
    // index_entry(). An entry is never removed, so an existing one is always the newer.
    index_scan_ = rows_.scan(prefix, storage::prefix_end(prefix));
    model::Status failed;
    overlay_.each_committed(prefix, [&](std::string_view row, const std::optional<std::string>& sealed) {
      if (!sealed || !failed.ok()) return;
      auto entry = open_entry(std::string(row.substr(prefix.size())), *sealed);
      if (entry) {
        index_entry(*entry);
      } else {
        failed = entry.error();
      }
    });
    if (!failed) return failed;
  }
  for (int i = 0; i < kRowsPerSlice && index_scan_->valid(); ++i, index_scan_->next()) {
    const std::string_view row = rows_.row_of(index_scan_->key());
    auto entry = open_entry(std::string(row.substr(prefix.size())), index_scan_->value());
    if (!entry) return entry.error();
    if (index_.try_emplace(index_key((*entry)->space, (*entry)->name), *entry).second) {
      index_charged_ += kIndexEntryBytes;
      deps_.cache.used += kIndexEntryBytes;
      collect(*entry);
    }
  }
  if (index_scan_->valid()) return {};
  if (auto status = index_scan_->status(); !status) return status;
  index_scan_.reset();
  index_ready_ = true;
  return {};
}

void TenantCore::run_list_slice(ListJob& job) {
  const model::List& list = job.list;
  const std::string prefix = index_key(list.space, list.prefix);
  const model::TimeMs time = now();
  const auto capability = list.with_payload ? model::Capability::read_value : model::Capability::list;
  auto it = job.after.empty() ? index_.lower_bound(prefix) : index_.upper_bound(std::max(job.after, prefix));
  // A name equal to the prefix itself is listed on the first page.
  if (!job.after.empty() && job.after < prefix) it = index_.lower_bound(prefix);
  for (int looked = 0; it != index_.end(); ++it, ++looked) {
    if (!std::string_view(it->first).starts_with(prefix)) break;
    if (looked >= kEntriesPerSlice) return;
    const model::Entry& entry = *it->second;
    const bool show = model::listed(entry, list, time) && (!job.tags || job.tags->holds->holds(entry)) &&
                      judge(job.caller, capability, entry.space, entry.name, &entry) == model::Verdict::allowed;
    if (show) {
      if (list.limit != 0 && job.reply.entries.size() == list.limit) {
        job.reply.more = true;
        break;
      }
      const model::Get get{entry.space, entry.name, 0, list.with_payload};
      model::EntryReply reply{entry, entry.last_version, std::nullopt};
      if (list.with_payload) {
        looked += kLooksPerValue;
        model::EntryReply value;
        const std::string hash = entry_hash(get.space, get.name);
        const auto status = get_entry(job.caller, get, hash, value);
        if (!status && !is_not_shown(status.error().code)) return job.call.finish(status.error());
        if (!status) {
          job.after = it->first;
          continue;
        }
        note_item(job.call.audit(), hash, Code::ok, "get");
        job.bytes += value.payload->size();
        reply = std::move(value);
      }
      job.bytes += entry.name.size() + entry.description.size();
      if (job.bytes > list.byte_limit) {
        return job.call.finish(Error(Code::too_large, "the answer would exceed " + std::to_string(list.byte_limit) +
                                                          " bytes; ask for fewer secrets at a time"));
      }
      job.reply.entries.push_back(std::move(reply));
    }
    job.after = it->first;
  }
  job.call.finish(model::Reply{{header_.epoch(), job.revision}, model::ReplyBody(std::move(job.reply))});
}

void TenantCore::index_entry(const EntryPtr& entry) {
  auto [it, added] = index_.insert_or_assign(index_key(entry->space, entry->name), entry);
  collect(entry);
  if (added) {
    index_charged_ += kIndexEntryBytes;
    deps_.cache.used += kIndexEntryBytes;
  }
}

void TenantCore::drop_index() {
  index_.clear();
  collections_.clear();
  index_scan_.reset();
  index_ready_ = false;
  deps_.cache.used -= index_charged_;
  index_charged_ = 0;
}

}  // namespace coffer::actors
