// See audit_trail.hpp.

#include "actors/audit_trail.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "actors/audit_line.hpp"
#include "crypto/hash.hpp"

namespace coffer::actors {
namespace {

using model::Status;

std::string letters(const crypto::ChainHash& hash) { return crypto::base64url({hash.data(), hash.size()}); }

}  // namespace

model::Result<std::unique_ptr<AuditTrail>> AuditTrail::open(storage::AuditDirectory directory,
                                                            AuditTrailOptions options, crypto::ChainSigner signer,
                                                            model::TimeMs now, const Former& former) {
  std::unique_ptr<AuditTrail> trail(new AuditTrail(std::move(directory), std::move(options), std::move(signer)));
  if (auto status = trail->recover(former); !status) return status.error();
  (void)trail->prepare(now);  // else it is tried again with every batch
  return trail;
}

/// Reads the newest file: where the chain goes on, which changes the trail has, whether something is wrong.
Status AuditTrail::recover(const Former& former) {
  auto files = directory_.files();
  if (!files) return files.error();
  std::string& trouble = trouble_;
  // Programs before 2026-11-22 left one behind by a crash between a file's making and its first record.
  while (!files->empty() && files->back().bytes == 0) {
    (void)directory_.remove(files->back());  // else the next one takes its place
    files->pop_back();
  }
  if (!files->empty()) {
    const auto& newest = files->back();
    std::uint64_t good = 0;
    bool first = true, same_life = false;
    const auto read = [&](const storage::AuditDirectory::Line& taken) {
      using Ending = storage::AuditDirectory::Ending;
      // Only what a crash has torn is cut off: nothing stands behind it.
      if (taken.ending == Ending::torn) return false;
      const std::string_view line = taken.text;
      const auto split = split_audit_line(line);
      const auto sequence = audit_number(line, "seq");
      good = taken.end;
      if (taken.ending != Ending::whole || !split || !sequence) {
        trouble = "record " + std::to_string(++state_.last.sequence) + " cannot be read";
        return true;
      }
      const bool follows = first || (*sequence == state_.last.sequence + 1 &&
                                     crypto::next_hash(state_.last.hash, split->body) == split->hash);
      if (!follows && trouble.empty()) trouble = "record " + std::to_string(*sequence) + " does not follow";
      if (first) {
        const auto version = static_cast<std::uint32_t>(audit_number(line, "key").value_or(0));
        if (former && version != 0 && version != options_.key_version) {
          if (auto signer = former(version)) introducer_.emplace(Introducer{version, std::move(*signer)});
        }
        same_life = is_of_this_life(line);
        if (same_life) read_groups(line);
      } else if (const auto group = audit_number(line, "group"); group && same_life) {
        state_.groups[*group] = std::max(state_.groups[*group], audit_number(line, "index").value_or(0));
      }
      first = false;
      state_.last = {*sequence, split->hash};
      return true;
    };
    if (auto status = directory_.each_line(newest.name, read); !status) return status;
    if (good < newest.bytes) torn_ = Torn{newest, good};
    if (state_.last.sequence < newest.first) state_.last.sequence = newest.first;
  }
  if (const auto head = audit_number(directory_.head(), "seq"); head && *head > state_.last.sequence) {
    trouble = "records " + std::to_string(state_.last.sequence + 1) + " to " + std::to_string(*head) +
              " are missing at its end";
    state_.last.sequence = *head;
  }
  safe_ = state_;
  written_ = state_.last;
  return {};
}

/// A segment of before lives were noted is of this one when the node's record is as old: then nothing began anew since.
bool AuditTrail::is_of_this_life(std::string_view segment) const {
  return audit_field(segment, "log").value_or("") == options_.log_life &&
         audit_field(segment, "cluster") == options_.cluster && audit_number(segment, "node") == options_.node;
}

/// "3:120 7:15"
void AuditTrail::read_groups(std::string_view segment) {
  std::string_view groups = audit_field(segment, "groups").value_or("");
  while (!groups.empty()) {
    const std::string pair(groups.substr(0, groups.find(' ')));
    groups.remove_prefix(std::min(groups.size(), pair.size() + 1));
    const auto colon = pair.find(':');
    if (colon == std::string::npos) continue;
    state_.groups[std::strtoull(pair.c_str(), nullptr, 10)] = std::strtoull(&pair[colon + 1], nullptr, 10);
  }
}

Status AuditTrail::prepare(model::TimeMs now) {
  if (torn_) {
    if (file_ = directory_.cut(torn_->file, torn_->good); !file_) return file_;
    torn_.reset();
    file_ = begin_file(now);
  } else if (!file_) {
    file_ = begin_file(now);
  }
  if (!file_) return file_;
  if (trouble_.empty()) return {};
  std::string fields = "\"kind\":\"trouble\"";
  AuditLine(fields).text("details", "at its start the node found its audit trail damaged: " + trouble_);
  add(now, fields);
  auto status = write_batch([](std::string_view) {});
  if (status) trouble_.clear();
  return status;
}

std::uint64_t AuditTrail::add(model::TimeMs time, std::string_view fields) {
  const std::size_t begin = batch_.size();
  const std::uint64_t sequence = ++state_.last.sequence;
  batch_.append("{\"seq\":").append(std::to_string(sequence));
  batch_.append(",\"time\":\"").append(audit_time(time)).append("\",").append(fields);
  state_.last.hash = crypto::next_hash(state_.last.hash, std::string_view(batch_).substr(begin));
  batch_.append(",\"hash\":\"").append(letters(state_.last.hash)).append("\"}\n");
  return sequence;
}

bool AuditTrail::is_new_change(std::uint64_t group, std::uint64_t index) {
  std::uint64_t& newest = state_.groups[group];
  if (index <= newest) return false;
  newest = index;
  return true;
}

Status AuditTrail::write_batch(const std::function<void(std::string_view line)>& written) {
  if (batch_.empty()) return file_;
  if (auto status = file_ ? directory_.append(batch_) : file_; !status) {
    state_ = safe_;
    batch_.clear();
    return status;
  }
  safe_ = state_;
  written_ = state_.last;
  std::string_view rest = batch_;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    written(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  batch_.clear();
  return {};
}

Status AuditTrail::write(model::TimeMs now, const std::function<void(std::string_view line)>& written) {
  if (auto status = write_batch(written); !status) return status;
  const bool old = (now - file_began_) / 1000 >= options_.file_age_s;
  if (directory_.size() < options_.file_bytes && !old) return {};
  if (auto status = checkpoint(now, written); !status) return status;
  if (auto status = begin_file(now); !status) return status;
  return retain(now);
}

void AuditTrail::add_checkpoint(model::TimeMs now) {
  const auto statement =
      audit_statement("checkpoint", options_.cluster, options_.node, state_.last.sequence, state_.last.hash);
  std::string fields = "\"kind\":\"checkpoint\"";
  AuditLine(fields).number("key", options_.key_version).word("signature", crypto::base64url(signer_.sign(statement)));
  checked_ = add(now, fields);
}

Status AuditTrail::checkpoint(model::TimeMs now, const std::function<void(std::string_view line)>& written) {
  if (state_.last.sequence == checked_) return {};
  const std::uint64_t before = checked_;
  add_checkpoint(now);
  if (auto status = write_batch(written); !status) {
    checked_ = before;
    return status;
  }
  if (auto status = directory_.sync(); !status) return status;
  const auto statement = audit_statement("head", options_.cluster, options_.node, written_.sequence, written_.hash);
  std::string head = "{\"seq\":" + std::to_string(written_.sequence);
  AuditLine(head)
      .word("last", letters(written_.hash))
      .number("key", options_.key_version)
      .word("signature", crypto::base64url(signer_.sign(statement)));
  return directory_.write_head(head + "}\n");
}

Status AuditTrail::use_key(std::uint32_t version, crypto::ChainSigner signer, model::TimeMs now) {
  if (auto status = checkpoint(now, [](std::string_view) {}); !status) return status;  // by the key of that file
  const Introducer former{options_.key_version, signer_};
  if (auto status = begin_file(now, version, signer, &former); !status) return status;
  options_.key_version = version;
  signer_ = std::move(signer);
  return {};
}

Status AuditTrail::begin_file(model::TimeMs now) {
  return begin_file(now, options_.key_version, signer_, introducer_ ? &*introducer_ : nullptr);
}

/// Nothing of the trail changes unless the file is there: what signs the file before it still does. REQUIRES: the batch is
/// empty.
Status AuditTrail::begin_file(model::TimeMs now, std::uint32_t key_version, const crypto::ChainSigner& signer,
                              const Introducer* introducer) {
  std::string groups;
  for (const auto& [group, index] : state_.groups) {
    if (!groups.empty()) groups += ' ';
    groups.append(std::to_string(group)).append(":").append(std::to_string(index));
  }
  const auto statement =
      audit_statement("segment", options_.cluster, options_.node, state_.last.sequence, state_.last.hash);
  std::string fields = "\"kind\":\"segment\"";
  AuditLine(fields)
      .number("format", 1)
      .word("cluster", options_.cluster)
      .number("node", options_.node)
      .text("log", options_.log_life)
      .word("previous", letters(state_.last.hash))
      .text("groups", groups, groups.size())  // all of them
      .number("key", key_version)
      .word("public_key", crypto::base64url(signer.public_key()));
  if (introducer != nullptr) {
    const auto introduction = audit_introduction(options_.cluster, options_.node, state_.last.sequence,
                                                 state_.last.hash, key_version, signer.public_key());
    AuditLine(fields)
        .number("former_key", introducer->version)
        .word("introduction", crypto::base64url(introducer->signer.sign(introduction)));
  }
  AuditLine(fields).word("signature", crypto::base64url(signer.sign(statement)));
  const std::uint64_t first = add(now, fields);
  const auto status = directory_.begin(first, batch_);
  batch_.clear();
  if (!status) {
    state_ = safe_;
    return status;
  }
  safe_ = state_;
  written_ = state_.last;
  checked_ = first;
  file_began_ = now;
  introducer_.reset();
  return status;
}

Status AuditTrail::retain(model::TimeMs now) {
  auto files = directory_.files();
  if (!files) return files.error();
  std::uint64_t total = 0;
  for (const auto& file : *files) total += file.bytes;
  std::size_t removed = 0;
  while (removed + 1 < files->size()) {
    const auto& oldest = (*files)[removed];
    const bool old = options_.keep_s != 0 && now / 1000 - oldest.written_at > options_.keep_s;
    if (!old && (options_.keep_bytes == 0 || total <= options_.keep_bytes)) break;
    total -= oldest.bytes;
    ++removed;
  }
  if (removed == 0) return {};
  // Noted and on disk before it is done: files that are missing without such a record were taken away by somebody.
  std::string fields = "\"kind\":\"retention\"";
  AuditLine(fields).number("removed_to", (*files)[removed].first - 1);
  add(now, fields);
  if (auto status = checkpoint(now, [](std::string_view) {}); !status) return status;
  for (std::size_t i = 0; i < removed; ++i) {
    if (auto status = directory_.remove((*files)[i]); !status) return status;
  }
  return {};
}

}  // namespace coffer::actors
