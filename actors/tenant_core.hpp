#pragma once
// One tenant as a value: authenticates, authorizes, decides, seals and opens; calls in, write sets out. No CAF, no
// threads, no clock of its own: the shard actor (or a test) delivers calls and outcomes and submits what comes out.
//
// A mutation is decided on the newest decided rows and answered after its commit; a read is answered from committed
// rows at once. When a write set is refused the core is finished: later write sets were decided on top of it.

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/call_handle.hpp"
#include "actors/change_records.hpp"
#include "actors/disk_watch.hpp"
#include "actors/entry_cache.hpp"
#include "actors/move_trace.hpp"
#include "actors/quota_board.hpp"
#include "actors/records.hpp"
#include "actors/row_overlay.hpp"
#include "actors/tenant_move.hpp"
#include "crypto/hash.hpp"
#include "crypto/key_ring.hpp"
#include "crypto/sealer.hpp"
#include "model/address.hpp"
#include "model/cloudforet.hpp"
#include "model/codec.hpp"
#include "model/document.hpp"
#include "model/query_filter.hpp"
#include "model/rules.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

/// Requests that shards refused, by the limit that was reached; for /metrics.
struct QuotaRefusals {
  std::array<std::atomic<std::uint64_t>, model::kLimits> by_limit{};
};

/// What all shards of a node share. Constant while they run.
struct TenantDeps {
  const storage::Engine& state;
  const crypto::KeyRing& ring;
  crypto::Random& random;
  const model::Authorizer& authorizer;
  std::function<model::TimeMs()> wall_clock;
  CacheBudget& cache;
  model::Limits limits;
  std::size_t max_pending_writes = 1024;  // beyond: overloaded
  std::size_t max_overlay_bytes = 32 << 20;
  std::size_t max_waiting_lists = 256;               // of one tenant; beyond: overloaded
  std::size_t max_waiting_watches = 1024;            // of one tenant; beyond: overloaded
  std::size_t max_waiting_retries = 16;              // of one pending write; beyond: overloaded
  std::uint64_t max_batch_bytes = 16 << 20;          // of payloads in one BatchGet's answer
  std::uint64_t max_seals = std::uint64_t{1} << 31;  // under one data key; then a new one (NIST SP 800-38D section 8.3)
  std::uint64_t kept_changes = 1000;
  std::uint64_t kept_requests = 1024;        // at least
  model::TimeMs kept_requests_ms = 600'000;  // at least
  /// Issuers or certificate rules have changed by the entry at this index; called before the change is answered.
  std::function<void(const model::TenantId&, model::GroupId, model::Index)> trust_changed;
  model::QuotaLimits quotas;                                             // of tenants that have none of their own
  const std::atomic<const model::QuotaLimits*>* newer_quotas = nullptr;  // instead of those, once it is not null
  QuotaRefusals* quota_refusals = nullptr;                               // null: not counted
  QuotaBoard* quota_board = nullptr;                                     // null: nothing is shown
  model::AuditPort* audit = nullptr;                                     // null: nothing is noted
  DiskRoom room;
};

struct TenantIdentity {
  model::TenantId tenant;
  model::GroupId group;
  model::Generation generation;
  std::uint32_t epoch = 1;
  std::string owner_public_key;  // data keys are also sealed to it
};

/// A write set on its way to the group.
struct Submission {
  std::uint64_t sequence = 0;  // comes back in committed() or refused()
  std::shared_ptr<const std::string> write_set;
};

/// What a reply shows of an entry: its fields and the one version that is answered, not the whole history.
model::EntryReply reply_of(const model::Entry& entry, std::uint64_t version);
void fill_reply(const model::Entry& entry, std::uint64_t version, model::EntryReply& reply);

class QueryRun;

class TenantCore {
 public:
  /// Reads header and keys. Errors: data_loss, key_mismatch, disk_error.
  static model::Result<std::unique_ptr<TenantCore>> open(const TenantDeps& deps, TenantIdentity identity);
  ~TenantCore();

  /// Answers the call now, keeps it (a write until its commit, a list until its slice), or refuses it.
  void handle(CallHandle call, std::vector<Submission>& out);
  /// What handle() would answer to a Get, when all that it takes is in memory; else false: handle() is to be called.
  bool get_from_memory(const model::Request& request, model::Result<model::Reply>& reply, AuditNote* note = nullptr);
  /// Write sets up to `sequence` are committed, the last of them at `index`; the state holds up to `applied`.
  void committed(std::uint64_t sequence, model::Index index, model::Index applied);
  /// This write set is not, or may not be, in the log. Every waiting write is answered; no call may follow.
  void refused(std::uint64_t sequence, const model::Error& error);

  /// Long reads wait for work(): each call does one slice.
  bool has_work() const { return !jobs_.empty(); }
  void work();
  /// Somebody waits for changes: expire_watches() is to be called about once a second.
  bool is_watched() const { return !watches_.empty(); }
  void expire_watches();
  /// Gives memory back while the tenant is not used.
  void shrink();
  bool writes_pending() const { return !pending_.empty(); }
  /// The tenant lives in another group, or will: when nothing is pending this core is over, for its rows may change under it.
  bool has_left() const { return moving_.has_value(); }

 private:
  struct Caller {  // an authenticated caller
    std::shared_ptr<const model::Principal> principal;
    bool may_administer = false;
    bool of_tapis = false;                                      // a bearer at the Tapis door
    bool pods_admin = false;                                    // who wants this role to count
    bool founds = false;                                        // makes an entry of his own
    std::shared_ptr<const model::CloudforetClaims> cloudforet;  // at the Cloudforet door, of its tokens
    std::uint32_t granted = 0;                                  // capabilities that the door's rules give, on documents
    model::TimeMs at = 0;                                       // the wall clock when he was admitted
  };
  struct Token {
    model::TokenInfo info;
    std::shared_ptr<const model::Principal> principal;
    std::vector<model::AddressRange> addresses;  // none: from everywhere
  };
  using Rows = std::vector<storage::RowChange>;
  struct Mutation;
  /// An answer that changes nothing and was decided on write sets that are pending: it leaves with the last of them.
  struct Judged {
    CallHandle call;
    model::Result<model::Reply> reply;
  };
  struct Pending {
    std::uint64_t sequence = 0;
    CallHandle call;
    model::Reply reply;
    std::vector<Judged> judged;
    std::string request_key;  // empty: without a request id
    std::string request_hash;
    std::vector<CallHandle> retries;  // the same request, sent again meanwhile
    std::vector<std::string> entry_hashes;
    std::vector<EntryPtr> entries;
    std::optional<model::Quota> quota;          // of a change of it
    std::optional<model::AuditSettings> audit;  // likewise
    bool touches_tokens = false, touches_policy = false;
    bool touches_trust = false;
    bool by_entry = false;  // see Mutation
    model::TimeMs at = 0;
  };
  /// The tags that a list asks for, as conditions.
  struct TagFilter {
    model::query::Pool pool;
    std::optional<model::query::Predicate> holds;
  };
  struct ListJob {
    std::shared_ptr<QueryRun> query;        // of a Query; before the call, whose request it reads
    std::shared_ptr<const TagFilter> tags;  // of a List with tags
    CallHandle call;
    model::List list;
    Caller caller;
    std::string after;           // key of the index that was looked at last
    std::uint64_t revision = 0;  // when it was asked for: everything up to it is in the answer
    std::uint64_t access = 0;    // access_changes_ when its caller was admitted
    model::ListReply reply;
    std::uint64_t bytes = 0;
  };
  struct WatchJob {
    CallHandle call;
    std::uint64_t next = 0;   // revision
    model::TimeMs until = 0;  // wall clock
  };
  using Index = std::map<std::string, EntryPtr, std::less<>>;
  struct Collection {  // the documents of one space
    std::vector<std::shared_ptr<const model::Document>> documents;
    std::unordered_map<std::string, std::size_t> places;  // by name
  };

  TenantCore(const TenantDeps& deps, TenantIdentity identity);

  // tenant_core.cpp
  model::Status load();
  model::Status use_keys(store::v1::TenantKeysRecord record);
  model::Status make_keys();
  model::Status renew_unused_keys();
  model::TimeMs now() const;
  model::Result<Caller> admit(const model::Request& request);
  model::Result<Caller> authenticate(const model::Credential& credential, std::string_view address);
  model::Result<Caller> authenticate_token(const model::Credential& credential, std::string_view address);
  model::Verdict judge(const Caller& caller, model::Capability capability, std::string_view space,
                       std::string_view name, const model::Entry* entry = nullptr) const;
  bool shares_names(const Caller& caller, std::string_view space) const;
  model::Result<std::optional<std::string>> row(std::string_view key, bool latest) const;
  model::Result<EntryPtr> committed_entry(const std::string& hash);
  model::Result<EntryPtr> latest_entry(const std::string& hash);
  model::Result<EntryPtr> open_entry(const std::string& hash, std::string_view sealed);
  std::string entry_hash(std::string_view space, std::string_view name);
  const std::string& space_hash(const std::string& space);

  // tenant_reads.cpp
  void read(CallHandle call, const Caller& caller);
  model::Result<model::ReplyBody> get(const Caller& caller, const model::Get& get);
  model::Status get_entry(const Caller& caller, const model::Get& get, const std::string& hash,
                          model::EntryReply& reply);
  bool knows(const model::Credential& credential) const;
  bool holds(const model::Get& get, const std::string& hash) const;
  model::Result<model::Payload> payload(const std::string& hash, std::uint64_t version);
  model::Result<model::ReplyBody> history(const Caller& caller, const model::History& history);
  model::Result<model::ReplyBody> batch_get(const Caller& caller, const model::BatchGet& batch, AuditNote& audit);
  model::Result<model::ReplyBody> list_tokens(const Caller& caller);

  // tenant_writes.cpp
  void write(CallHandle call, const Caller& caller, std::vector<Submission>& out);
  bool answer_retry(CallHandle& call, const Caller& caller, Mutation& mutation);
  void answer_behind_pending(CallHandle call, model::Result<model::Reply> reply);
  model::Result<model::ReplyBody> decide(const Caller& caller, model::TenantOperation& operation, Mutation& mutation);
  model::Result<model::ReplyBody> transact(const Caller& caller, model::Transact& transact, Mutation& mutation);
  model::Status check_entry(const Caller& caller, const model::Check& check, const model::RuleContext& context,
                            Mutation& mutation);
  struct Changed {  // what became of one entry
    EntryPtr entry;
    std::uint64_t version = 0;
    std::uint64_t count = 0;
  };
  model::Result<Changed> change_entry(const Caller& caller, model::Capability capability, const std::string& space,
                                      const std::string& name, model::Payload* payload,
                                      const std::function<model::Result<model::Decision>(const model::Entry*)>& rule,
                                      Mutation& mutation);
  void record_change(const EntryPtr& current, const EntryPtr& next, const model::Decision& decision,
                     const std::string& hash, model::Payload* payload, Mutation& mutation);
  EntryPtr store_decision(const std::string& hash, const EntryPtr& current, model::Decision decision,
                          model::Payload* payload, Mutation& mutation);
  model::Result<model::ReplyBody> create_token(const Caller& caller, const model::CreateToken& create,
                                               Mutation& mutation);
  model::Result<model::ReplyBody> revoke_token(const Caller& caller, const model::RevokeToken& revoke,
                                               Mutation& mutation);
  model::Status finish_rows(Mutation& mutation);
  void submit(CallHandle call, Mutation mutation, model::ReplyBody reply, std::vector<Submission>& out);

  // tenant_repeats.cpp
  model::Status check_repeat(const Caller& caller, const model::TenantOperation& operation, bool by_entry,
                             model::TimeMs at);
  model::Status check_repeat_on(const Caller& caller, model::Capability capability, const std::string& space,
                                const std::string& name, bool by_entry, model::TimeMs at);
  model::Status check_repeat_of(const Caller& caller, const model::ChangeDocument& change, bool by_entry,
                                model::TimeMs at);

  // tenant_issuers.cpp
  model::Result<Caller> authenticate_bearer(const model::Credential& credential);
  std::string trust_key(const model::Credential& credential) const;
  bool trust_in_memory(const model::Credential& credential) const;
  model::Result<Caller> bearer(const model::Credential& credential);
  model::Result<std::uint64_t> trust_version(const std::string& row_key, bool is_certificate);
  template <class Row>
  model::Result<std::vector<Row>> trust_rows();
  template <class Row>
  model::Result<Row> put_trust(Row row, Mutation& mutation);
  template <class Row>
  model::Result<Row> delete_trust(const std::string& name, Mutation& mutation);
  model::Result<model::ReplyBody> change_trust(const Caller& caller, model::TenantOperation& operation,
                                               Mutation& mutation);
  model::Result<model::ReplyBody> list_trust(const Caller& caller, const model::TenantOperation& operation);

  // tenant_policies.cpp
  model::Result<std::shared_ptr<const model::Principal>> resolve(model::Principal principal);
  model::Result<std::shared_ptr<const model::PolicySet>> policy(bool latest);
  void forget_policy();
  model::Result<model::ReplyBody> get_policy(const Caller& caller);
  model::Result<model::ReplyBody> preview_policy(const Caller& caller, const model::ApplyPolicy& apply);
  model::Result<model::ReplyBody> apply_policy(const Caller& caller, const model::ApplyPolicy& apply, model::TimeMs now,
                                               Rows& rows);

  // tenant_quotas.cpp
  model::Status load_quota();
  model::Result<model::Quota> stored_quota(bool latest);
  const model::QuotaLimits& default_quotas() const;
  void use_quota(model::Quota quota);
  model::Status count_request(const model::Request& request, model::TimeMs at);
  model::Status check_held(const Mutation& mutation);
  model::QuotaReply quota_reply(const model::Quota& own) const;
  model::Result<model::ReplyBody> get_quota(const Caller& caller) const;
  model::Result<model::ReplyBody> set_quota(const Caller& caller, const model::SetQuota& set, Mutation& mutation);

  // tenant_keys.cpp
  model::Result<model::ReplyBody> tend(const Caller& caller, const model::TendTenant& tend, Mutation& mutation);
  model::Result<model::ReplyBody> keys_status(const Caller& caller) const;
  void store_keys(store::v1::TenantKeysRecord record, Mutation& mutation);
  model::Status rotate_data_key(Mutation& mutation);
  model::Status rotate_when_due(Mutation& mutation);
  model::Status reseal_slice(std::uint32_t rows, Mutation& mutation, model::TenantKeysReply& reply);
  model::Status sweep_slice(std::uint32_t rows, Mutation& mutation, model::TenantKeysReply& reply);
  static model::TimeMs sweep_time(model::TimeMs ends, const Mutation& mutation);
  // tenant_moving.cpp
  model::Result<bool> load_mark();
  void answer_moving(CallHandle call, std::vector<Submission>& out);
  void fence(CallHandle call, const model::FenceTenant& fence, std::vector<Submission>& out);
  model::Result<model::ReplyBody> moving_rows(const model::ReadMoving& read) const;
  model::Result<model::ReplyBody> live_rows(const model::ReadMoving& read);
  model::Result<model::MovingReply> rows_behind(const model::ReadMoving& read) const;
  model::Result<model::MovingReply> changed_behind(const MoveTrace::Place& since, std::size_t bytes, bool latest) const;
  model::Result<std::optional<model::MovingReply>> not_to_be_fenced(const model::FenceTenant& fence) const;
  // tenant_audit.cpp
  model::Status load_audit();
  model::Result<model::AuditSettings> stored_audit(bool latest);
  void note(AuditNote& note, std::shared_ptr<const model::Principal> principal) const;
  void note_entry(AuditNote& note, const std::string& hash) const;
  void note_item(AuditNote& note, const std::string& hash, model::Code code, std::string_view action) const;
  void note_render(AuditNote& note, const model::BatchGet& batch, std::string_view actor,
                   const std::vector<model::Code>& codes);
  void note_secret(AuditNote& note, const model::Request& request, const EntryPtr& entry) const;
  void describe(const model::TenantOperation& operation, const model::ReplyBody& reply, Mutation& mutation) const;
  void audit_operation(std::string_view action, const std::string& space, const std::string& name,
                       std::uint64_t version, Mutation& mutation);
  model::Result<model::ReplyBody> get_audit(const Caller& caller, const model::GetAudit& get);
  model::Result<model::ReplyBody> set_audit(const Caller& caller, const model::SetAudit& set, Mutation& mutation);

  // tenant_tokens.cpp
  model::Result<model::TokenInfo> stored_token(const std::string& hash, bool latest);
  void store_token(const std::string& hash, const model::TokenInfo& token, Rows& rows);
  model::Result<model::ReplyBody> lookup_self(const model::Credential& credential);
  model::Result<model::ReplyBody> renew_self(const std::string& hash, const model::RenewSelf& renew, model::TimeMs now,
                                             Rows& rows);
  model::Result<model::ReplyBody> revoke_self(const std::string& hash, model::TimeMs now, Rows& rows);

  // tenant_documents.cpp
  model::Result<Caller> with_door_rights(const Caller& caller, std::string_view action, model::Capability capability,
                                         std::vector<model::Restriction>& where) const;
  model::Result<model::ReplyBody> read_document(const Caller& caller, const model::ReadDocument& read);
  model::Status claim_value(const model::ChangeDocument& change, const model::Entry* before, const model::Entry& after,
                            Mutation& mutation);
  model::Status check_reference(const Caller& caller, std::string_view get, const std::string& space,
                                const std::string& id, const std::string& field, model::TimeMs at);
  model::Status count_reference(const model::ChangeDocument& change, const std::string& id, bool refers,
                                const model::RuleContext& context, Mutation& mutation, model::EntryReply* referenced);
  model::Result<model::ReplyBody> change_document(const Caller& caller, const model::ChangeDocument& asked,
                                                  Mutation& mutation);
  void start_query(CallHandle call, const Caller& caller);
  model::Status begin_query(ListJob& job);
  void run_query_slice(ListJob& job);
  void collect(const EntryPtr& entry);

  // tenant_index.cpp
  void start_list(CallHandle call, const Caller& caller);
  static model::Result<std::shared_ptr<const TagFilter>> make_tag_filter(const model::List& list, model::TimeMs now);
  model::Status build_index_slice();
  void run_list_slice(ListJob& job);
  model::Status admit_again(ListJob& job);
  void index_entry(const EntryPtr& entry);
  void drop_index();

  // tenant_watch.cpp
  void start_watch(CallHandle call, const Caller& caller);
  bool answer_watch(WatchJob& job, const Caller& caller);
  void finish_watch(WatchJob& job, std::vector<model::WatchedChange> told = {});
  model::Result<bool> may_be_told(const Caller& caller, const model::Watch& watch, const Change& change);
  model::Result<std::shared_ptr<const ChangeSet>> changes_at(std::uint64_t revision);
  void wake_watches();
  model::Error compacted(model::Revision asked) const;

  const TenantDeps& deps_;
  TenantIdentity identity_;
  storage::TenantRows rows_;
  RowOverlay overlay_;
  EntryCache cache_;
  crypto::Sealer sealer_;
  std::unique_ptr<crypto::NameHasher> hasher_;
  store::v1::TenantHeader header_;                                // as of the newest decided write set
  std::map<std::string, std::string, std::less<>> space_hashes_;  // for audit records; few
  std::uint64_t loaded_seals_ = 0;           // with the sealer's own: those under the current data key
  store::v1::TenantKeysRecord keys_record_;  // as of the newest decided write set
  std::optional<std::string> reseal_after_;  // where the next slice begins; none: no pass is under way
  std::string sweep_after_;                  // likewise, of the sweep
  model::TimeMs next_sweep_ = 0;             // what the sweep that is under way has found so far
  std::string unwritten_keys_;               // keys row that the first write set brings along
  struct {
    std::uint64_t sequence = 0;
    model::TimeMs time = 0;
  } oldest_request_;  // what its order row says, so that not every write reads it
  std::uint64_t next_sequence_ = 1;
  std::uint64_t committed_revision_ = 0;
  model::TimeMs newest_time_ = 0;  // newest leader time of a decided write set
  std::deque<Pending> pending_;
  std::unordered_map<std::string, Token> tokens_;
  std::unordered_map<std::string, std::uint64_t> trust_versions_;  // of rows that were asked for; 0: no such row
  std::unordered_map<std::string, std::shared_ptr<const model::Principal>> bearers_;  // with the policy's rights
  std::shared_ptr<const model::PolicySet> policy_;                             // as committed; null until it is needed
  std::map<model::Door, std::shared_ptr<const model::Principal>> open_doors_;  // who comes without a credential

  std::optional<MoveMark> moving_;  // decided: nothing is answered from these rows any more
  std::optional<MoveTrace> trace_;  // the rows are being copied while the tenant is used
  model::AuditSettings audit_;      // as committed
  model::Quota quota_;              // as committed
  const model::QuotaLimits* defaults_used_ = nullptr;
  model::QuotaLimits quota_limits_;
  std::optional<QuotaBoard::Place> quota_place_;
  model::RequestRates rates_;

  std::uint64_t access_changes_ = 0;  // commits that may have changed who may do what

  std::deque<ListJob> jobs_;
  Index index_;
  std::map<std::string, Collection, std::less<>> collections_;  // by space, as far as the index is
  bool index_ready_ = false;
  std::unique_ptr<storage::Scan> index_scan_;
  std::int64_t index_charged_ = 0;

  std::deque<WatchJob> watches_;
  std::deque<std::pair<std::uint64_t, std::shared_ptr<const ChangeSet>>> opened_changes_;  // by revision
};

}  // namespace coffer::actors
