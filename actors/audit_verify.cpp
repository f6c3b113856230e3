// See audit_verify.hpp.

#include "actors/audit_verify.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include "actors/audit_line.hpp"
#include "crypto/hash.hpp"

namespace coffer::actors {
namespace {

using model::AuditVerdict;
using Ending = storage::AuditDirectory::Ending;

constexpr std::size_t kMostProblems = 100;

std::string range(std::uint64_t from, std::uint64_t to) {
  if (from == to) return "record " + std::to_string(from) + " is";
  return "records " + std::to_string(from) + " to " + std::to_string(to) + " are";
}

/// The same behind a colon; nothing of no records.
std::string about(std::uint64_t from, std::uint64_t to, const char* what) {
  return from > to ? std::string() : ": " + range(from, to) + what;
}

class Verifier {
 public:
  Verifier(const AuditExpectation& expected, AuditVerdict& verdict)
      : expected_(expected), verdict_(verdict), trusted_(expected.trusted) {}

  void begin_file(const std::string& name) {
    ++verdict_.files;
    file_ = name;
    line_ = 0;
  }
  /// False: this is as far as it was to be read.
  bool read(const storage::AuditDirectory::Line& line);
  void end(std::string_view head);
  void problem(const std::string& what) {
    if (verdict_.problems.size() < kMostProblems) verdict_.problems.push_back(what);
  }

 private:
  void here(const std::string& what) { problem(file_ + " line " + std::to_string(line_) + ": " + what); }
  void check_signature(std::string_view line, std::string_view kind);
  std::string key_of(std::string_view line) const;
  bool trusts(const std::string& key) const { return std::ranges::find(trusted_, key) != trusted_.end(); }
  void introduce(std::string_view line, std::uint64_t sequence);
  void open_segment(std::string_view line, std::uint64_t sequence);

  const AuditExpectation& expected_;
  AuditVerdict& verdict_;
  std::string file_, cluster_, public_key_;
  std::map<std::uint32_t, std::string> keys_;  // as the files' segments name them
  std::vector<std::string> trusted_;
  std::vector<std::string> unvouched_;  // signatures by keys that nobody knows, until a known one signs what follows
  std::uint64_t line_ = 0, node_ = 0, signed_ = 0, removed_to_ = 0;
  AuditTrail::Position last_;
  bool checkpointed_ = false;
  bool any_ = false, sure_ = true;  // sure: last_.hash is what the next record's hash builds on
};

void Verifier::open_segment(std::string_view line, std::uint64_t sequence) {
  const std::string cluster(audit_field(line, "cluster").value_or(""));
  const std::uint64_t node = audit_number(line, "node").value_or(0);
  if (any_ && (cluster != cluster_ || node != node_))
    here("it is of another cluster or node than what stands before it");
  cluster_ = cluster;
  node_ = node;
  const auto key = crypto::from_base64url(audit_field(line, "public_key").value_or(""));
  public_key_ = key ? *key : std::string();
  keys_[static_cast<std::uint32_t>(audit_number(line, "key").value_or(0))] = public_key_;
  introduce(line, sequence);
  if (any_) return;
  // The first file that is kept: it says what its chain builds on.
  const auto previous = crypto::from_base64url(audit_field(line, "previous").value_or(""));
  if (previous && previous->size() == last_.hash.size()) previous->copy(last_.hash.data(), last_.hash.size());
  last_.sequence = sequence - 1;
  verdict_.first = sequence;
}

/// By the segment's own words of what it follows, so that damage before it does not cost the trust in what is behind it.
void Verifier::introduce(std::string_view line, std::uint64_t sequence) {
  const auto signature = crypto::from_base64url(audit_field(line, "introduction").value_or(""));
  const auto previous = crypto::from_base64url(audit_field(line, "previous").value_or(""));
  crypto::ChainHash before{};
  if (!signature || signature->empty() || !previous || previous->size() != before.size() || trusts(public_key_)) return;
  previous->copy(before.data(), before.size());
  const auto version = static_cast<std::uint32_t>(audit_number(line, "key").value_or(0));
  const auto statement = audit_introduction(cluster_, node_, sequence - 1, before, version, public_key_);
  const auto signs = [&](const std::string& key) { return crypto::verify_signature(key, statement, *signature); };
  if (std::ranges::none_of(trusted_, signs)) return;
  trusted_.push_back(public_key_);
  if (expected_.introduced) expected_.introduced(version, public_key_);
}

/// The key that must have signed this line.
std::string Verifier::key_of(std::string_view line) const {
  const auto version = static_cast<std::uint32_t>(audit_number(line, "key").value_or(0));
  std::string key = expected_.public_key ? expected_.public_key(version) : std::string();
  if (!key.empty()) return key;
  const auto named = keys_.find(version);
  return named == keys_.end() ? public_key_ : named->second;
}

void Verifier::check_signature(std::string_view line, std::string_view kind) {
  const std::string key = key_of(line);
  const auto signature = crypto::from_base64url(audit_field(line, "signature").value_or(""));
  const auto statement = audit_statement(kind, cluster_, node_, last_.sequence, last_.hash);
  if (signature && crypto::verify_signature(key, statement, *signature)) {
    ++verdict_.checkpoints;
    if (trusts(key)) {
      unvouched_.clear();
    } else if (!expected_.trusted.empty() && unvouched_.size() < kMostProblems) {
      unvouched_.push_back(file_ + " line " + std::to_string(line_) +
                           ": it is signed by none of the keys that were given, nor by one that they introduce" +
                           about(signed_ + 1, last_.sequence, " not known to be what was written"));
    }
  } else {
    here("its signature is not this cluster's" + about(signed_ + 1, last_.sequence, " not what was written"));
  }
  signed_ = last_.sequence + 1;
}

bool Verifier::read(const storage::AuditDirectory::Line& read) {
  const std::string_view line = read.text;
  ++line_;
  const auto split = split_audit_line(line);
  const auto sequence = audit_number(line, "seq");
  // Whoever writes the trail may be writing what is behind its end.
  if (read.ending == Ending::torn && expected_.end && last_.sequence >= expected_.end->sequence) return false;
  if (read.ending != Ending::whole || !split || !sequence) {
    here("record " + std::to_string(last_.sequence + 1) + " was altered: it cannot be read");
    sure_ = false;
    ++last_.sequence;
    return true;
  }
  if (expected_.end && *sequence > expected_.end->sequence) return false;
  const std::string_view kind = audit_field(line, "kind").value_or("");
  if (kind == "segment") open_segment(line, *sequence);
  ++verdict_.records;
  if (any_ && *sequence <= last_.sequence) {
    here("record " + std::to_string(*sequence) + " stands behind record " + std::to_string(last_.sequence) +
         ": it was moved here");
    sure_ = false;
    return true;
  }
  if (*sequence > last_.sequence + 1) {
    here(range(last_.sequence + 1, *sequence - 1) + " missing before it");
    sure_ = false;
  }
  if (sure_ && crypto::next_hash(last_.hash, split->body) != split->hash) {
    here("record " + std::to_string(*sequence) + " was altered: its hash does not match");
  } else if (sure_ && (kind == "checkpoint" || kind == "segment")) {
    check_signature(line, kind);
  }
  checkpointed_ |= kind == "checkpoint";
  if (kind == "retention") removed_to_ = audit_number(line, "removed_to").value_or(0);
  any_ = true;
  sure_ = true;
  last_ = {*sequence, split->hash};
  return true;
}

/// `head`: what the trail said of its end when it was last synced.
void Verifier::end(std::string_view head) {
  verdict_.last = last_.sequence;
  for (const std::string& what : unvouched_) problem(what);
  const std::uint64_t head_sequence = audit_number(head, "seq").value_or(0);
  if (head_sequence != 0) {
    const std::string key = key_of(head);
    const auto hash = crypto::from_base64url(audit_field(head, "last").value_or(""));
    const auto signature = crypto::from_base64url(audit_field(head, "signature").value_or(""));
    crypto::ChainHash said{};
    if (hash && hash->size() == said.size()) hash->copy(said.data(), said.size());
    if (!signature ||
        !crypto::verify_signature(key, audit_statement("head", cluster_, node_, head_sequence, said), *signature)) {
      problem("head: it was altered: its signature is not this cluster's");
    } else if (!expected_.trusted.empty() && !trusts(key) && unvouched_.empty()) {
      problem("head: it is signed by none of the keys that were given, nor by one that they introduce");
    }
  } else if (checkpointed_) {
    problem("head: it is missing, so that nothing says how far the trail went");
  }
  if (any_ && verdict_.first > std::max<std::uint64_t>(1, removed_to_ + 1)) {
    problem("before its first file " + range(std::max<std::uint64_t>(1, removed_to_ + 1), verdict_.first - 1) +
            " missing, and no record says that they were removed for their age");
  }
  const std::uint64_t end = expected_.end ? expected_.end->sequence : head_sequence;
  if (end > last_.sequence) {
    problem(file_ + " line " + std::to_string(line_ + 1) + ": " + range(last_.sequence + 1, end) +
            " missing at the end");
  } else if (expected_.end && any_ && end == last_.sequence && expected_.end->hash != last_.hash) {
    here("record " + std::to_string(end) + " is not the one that was written last");
  }
}

bool matches(std::string_view line, const model::AuditQuery& query, const std::string& tenant,
             const std::string& principal, const std::string& from, const std::string& until) {
  const auto is = [line](std::string_view field, std::string_view wanted) {
    return wanted.empty() || audit_field(line, field) == wanted;
  };
  if (!is("tenant", tenant) || !is("principal", principal) || !is("action", query.action)) return false;
  if (!is("door", query.door) || !is("outcome", query.outcome)) return false;
  const std::string_view time = audit_field(line, "time").value_or("");
  if (!from.empty() && time < from) return false;
  if (!until.empty() && time >= until) return false;
  if (query.entry.empty()) return true;
  if (audit_field(line, "entry").value_or("").starts_with(query.entry)) return true;
  return line.find("{\"entry\":\"" + query.entry) != std::string_view::npos;  // among its items
}

}  // namespace

model::Result<model::AuditVerdict> verify_audit(const storage::AuditDirectory& directory,
                                                const AuditExpectation& expected) {
  auto files = directory.files();
  if (!files) return files.error();
  AuditVerdict verdict;
  Verifier verifier(expected, verdict);
  // Read first: what is added meanwhile only makes the trail longer.
  const std::string head = directory.head();
  for (const auto& file : *files) {
    verifier.begin_file(file.name);
    const auto status =
        directory.each_line(file.name, [&](const storage::AuditDirectory::Line& line) { return verifier.read(line); });
    if (!status) return status.error();
  }
  verifier.end(head);
  return verdict;
}

model::Result<model::AuditPage> search_audit(const storage::AuditDirectory& directory, const model::AuditQuery& query,
                                             std::uint64_t end) {
  const std::size_t limit = std::clamp<std::size_t>(query.limit, 1, 1000);
  auto files = directory.files();
  if (!files) return files.error();
  const std::string tenant = query.tenant ? to_string(*query.tenant) : std::string();
  const std::string principal = escape_audit_text(query.principal);
  const std::string from = query.from != 0 ? audit_time(query.from) : std::string();
  const std::string until = query.until != 0 ? audit_time(query.until) : std::string();
  std::deque<std::string> found;
  model::AuditPage page;
  page.last = query.after;
  bool full = false;
  for (std::size_t i = 0; i < files->size() && !full; ++i) {
    if (i + 1 < files->size() && (*files)[i + 1].first <= query.after + 1) continue;
    const auto status = directory.each_line((*files)[i].name, [&](const storage::AuditDirectory::Line& read) {
      const std::string_view line = read.text;
      const auto sequence = audit_number(line, "seq");
      if (read.ending != Ending::whole || !sequence) return true;
      if (*sequence > end) return false;
      if (*sequence <= query.after) return true;
      if (matches(line, query, tenant, principal, from, until)) {
        if (found.size() == limit && !query.newest) {
          full = true;
          return false;
        }
        found.emplace_back(line);
        if (found.size() > limit) found.pop_front();
      }
      page.last = *sequence;
      return true;
    });
    if (!status) return status.error();
  }
  page.more = full;
  page.lines.assign(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  return page;
}

}  // namespace coffer::actors
