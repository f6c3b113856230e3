// See seal_keeper.hpp.

#include "actors/seal_keeper.hpp"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <tuple>

#include "actors/key_file_place.hpp"
#include "crypto/hash.hpp"
#include "crypto/token.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::chrono::minutes kAttempt{15};  // between two shares of one attempt
constexpr std::chrono::hours kNewSet{1};
constexpr int kTries = 30;  // when somebody else changes the keys at the same time
constexpr std::chrono::milliseconds kBeforeAnother{100};

model::SealInfo info_of(const store::v1::SealRecord& record) {
  model::SealInfo info;
  info.name = record.name();
  info.kind = record.kind();
  info.created_at = record.created_at_ms();
  if (record.has_shamir()) {
    info.threshold = record.shamir().threshold();
    info.shares = record.shamir().shares();
    info.set_id = crypto::hex(record.shamir().set_id());
  }
  if (record.has_pkcs11()) info.detail = "token " + record.pkcs11().token() + ", key " + record.pkcs11().key();
  return info;
}

model::Result<std::map<std::string, store::v1::SealRecord>> seals_in(const KeyRows& rows) {
  std::map<std::string, store::v1::SealRecord> found;
  for (const auto& [key, value] : rows) {
    if (!key.starts_with(storage::kSealRows)) continue;
    store::v1::SealRecord record;
    if (!record.ParseFromString(value)) return Error(Code::data_loss, "a seal's record does not parse");
    std::string name = record.name();
    found.emplace(std::move(name), std::move(record));
  }
  return found;
}

model::TimeMs wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Each change of the key ring raises one of these numbers, and none ever falls.
auto age_of(const store::v1::KeyRingRecord& ring) {
  std::uint32_t newest = 0;
  for (const auto& key : ring.cluster_keys()) newest = std::max(newest, key.version());
  return std::tuple(std::max(1U, ring.root_version()), newest, ring.current(), ring.retired_keys_size());
}

std::string describe(const store::v1::KeyRingRecord& ring) {
  const auto [root, newest, current, retired] = age_of(ring);
  return "root key " + std::to_string(root) + " and cluster key " + std::to_string(newest);
}

Error wrong_passphrase() { return {Code::unauthenticated, "no seal of this cluster opens by this passphrase"}; }

Error unreadable_ring() { return {Code::data_loss, "the committed key ring does not parse"}; }

/// What a node needs whose ring does not become the committed one by itself.
std::string how_to_follow(const Error& why) {
  if (why.code != Code::key_mismatch) return std::string(why.message());
  return "no seal that it knew from before opens the new root key; restart it, or run `coffer admin seal now` and "
         "`coffer admin unseal` there";
}

const Error& is_sealed() {
  static const Error error(Code::sealed);
  return error;
}

}  // namespace

model::Result<std::map<std::string, store::v1::SealRecord>> SealKeeper::records() const {
  auto rows = host_.key_rows();
  if (!rows) return rows.error();
  return seals_in(*rows);
}

/// What is committed reaches the rows a moment before the ring: the seals would be of another root key than the ring's.
model::Result<SealKeeper::Keys> SealKeeper::look() const {
  crypto::KeyRing* ring = host_.ring();
  if (ring == nullptr) return is_sealed();
  auto rows = host_.key_rows();
  if (!rows) return rows.error();
  const std::lock_guard lock(follow_mutex_);
  Keys keys{ring->record().SerializeAsString(), ring->root(), {}};
  const auto row = rows->find(storage::kKeyRingRow);
  if (row == rows->end() || row->second != keys.ring) {
    store::v1::KeyRingRecord committed;
    if (row == rows->end() || !committed.ParseFromString(row->second)) return unreadable_ring();
    const std::string both = "the cluster has " + describe(committed) + ", this node " + describe(ring->record());
    if (row->second == lag_.ring) return Error(lag_.why.code, both + ", and cannot follow: " + how_to_follow(lag_.why));
    return Error(Code::cas_mismatch, "the keys are being changed: " + both + "; look and try again");
  }
  auto seals = seals_in(*rows);
  if (!seals) return seals.error();
  keys.seals = std::move(*seals);
  return keys;
}

model::Result<model::ReplyBody> SealKeeper::status(bool in_full) {
  model::SealReply reply;
  reply.sealed = host_.ring() == nullptr;
  reply.cluster_id = crypto::hex(host_.cluster_id());
  if (reply.sealed) reply.reason = reason_;
  if (unsealing_ && reply.sealed) {
    reply.given = unsealing_->collector.given();
    reply.needed = unsealing_->collector.needed();
  }
  if (in_full || reply.sealed) {
    auto all = records();
    if (!all) return all.error();
    for (const auto& [name, record] : *all) reply.seals.push_back(info_of(record));
  }
  return model::ReplyBody(std::move(reply));
}

/// Puts a share to the others of its set, or tries a passphrase; with enough of them the root key.
model::Result<SealKeeper::Quorum> SealKeeper::quorum(std::optional<Attempt>& attempt, const model::Secret& text,
                                                     const model::Secret& passphrase) {
  if (text.empty() == passphrase.empty()) {
    return Error(Code::invalid_argument, "give a share, or a passphrase: one of both");
  }
  auto all = records();
  if (!all) return all.error();
  const std::string cluster = host_.cluster_id();
  if (!passphrase.empty()) {
    if (passphrase.size() < crypto::kLeastPassphrase) return wrong_passphrase();
    for (const auto& [name, record] : *all) {
      if (record.kind() != crypto::kPassphraseSeal) continue;
      auto seal = crypto::make_passphrase_seal(name, passphrase);
      if (!seal) return seal.error();
      auto root = (*seal)->unwrap(record, cluster);
      if (root) return Quorum{std::move(*root), 1, 1};
      if (root.error().code != Code::unauthenticated) return root.error();
    }
    return wrong_passphrase();
  }
  auto share = crypto::read_share(text.expose());
  if (!share) return share.error();
  const auto now = Clock::now();
  if (attempt && now - attempt->last > kAttempt) attempt.reset();
  // One of another set of this cluster begins a new attempt, when it is one of that set's own: what a stranger makes up
  // must not disturb the attempt that is under way.
  std::optional<Attempt> fresh;
  if (!attempt || attempt->collector.record().shamir().set_id() != share->set) {
    for (const auto& [name, record] : *all) {
      if (record.kind() != crypto::kShamirSeal || record.shamir().set_id() != share->set) continue;
      fresh.emplace(Attempt{crypto::ShareCollector(record), now});
    }
    if (!fresh) return Error(Code::unauthenticated, "the share is of no set of this cluster");
  }
  if (auto status = (fresh ? *fresh : *attempt).collector.add(std::move(*share)); !status) return status.error();
  if (fresh) {
    attempt.reset();
    attempt.emplace(std::move(*fresh));
  }
  attempt->last = now;
  Quorum state{std::nullopt, attempt->collector.given(), attempt->collector.needed()};
  if (!attempt->collector.is_complete()) return state;
  auto root = crypto::open_seal(attempt->collector.record(), attempt->collector.seal_key(), cluster);
  attempt.reset();
  if (!root) return root.error();
  state.root = std::move(*root);
  return state;
}

model::Result<model::ReplyBody> SealKeeper::unseal(const model::Unseal& given) {
  if (host_.ring() != nullptr) return status(false);
  auto state = quorum(unsealing_, given.share, given.passphrase);
  if (!state) return state.error();
  if (state->root) {
    auto rows = host_.key_rows();
    if (!rows) return rows.error();
    store::v1::KeyRingRecord record;
    const auto row = rows->find(storage::kKeyRingRow);
    if (row == rows->end() || !record.ParseFromString(row->second)) {
      return Error(Code::data_loss, "the key ring is missing or does not parse");
    }
    auto ring = crypto::KeyRing::open(std::move(*state->root), record);
    if (!ring) return ring.error();
    if (auto opened = host_.open(std::move(*ring)); !opened) return opened.error();
    unsealing_.reset();
    reason_.clear();
  }
  return status(false);
}

/// What somebody else changed meanwhile, on whatever node, is looked at before it is tried anew.
template <class Once>
auto SealKeeper::insist(const Once& once) -> decltype(once()) {
  for (int tries = 1;; ++tries) {
    auto done = once();
    if (done || done.error().code != Code::cas_mismatch || tries == kTries) return done;
    if (auto status = host_.bring_up_to_date(model::kMetaGroup); !status) return status.error();
    std::this_thread::sleep_for(kBeforeAnother);  // what is applied is a moment later in the ring
  }
}

/// A seal of a root key that was rotated meanwhile would open nothing: the ring is to be as it was when the seal was made.
model::Status SealKeeper::write_over(std::string ring, const std::string& action,
                                     std::vector<std::pair<std::string, std::optional<std::string>>> rows) {
  model::ChangeKeys change{action, std::move(ring), std::move(rows)};
  auto done = ask(host_, {}, model::DirectoryOperation(std::move(change)));
  return done ? model::Status() : model::Status(done.error());
}

/// Nobody keeps a seal that does not give back what it was given.
model::Result<store::v1::SealRecord> SealKeeper::wrap_and_check(crypto::Seal& seal, const crypto::Key& root) {
  const std::string cluster = host_.cluster_id();
  auto record = seal.wrap(root, cluster, random_);
  if (!record) return record.error();
  const auto opened = seal.unwrap(*record, cluster);
  if (!opened) return opened.error();
  if (!(*opened == root))
    return Error(Code::key_mismatch, "the seal does not give back the root key; nothing was changed");
  record->set_created_at_ms(wall_clock());
  return record;
}

model::Result<store::v1::SealRecord> SealKeeper::make_record(const model::AddSeal& add, const crypto::Key& root) {
  if (add.kind == crypto::kPassphraseSeal) {
    auto seal = crypto::make_passphrase_seal(add.name, add.passphrase);
    if (!seal) return seal.error();
    return wrap_and_check(**seal, root);
  }
  if (add.kind == crypto::kKeyFileSeal) {
    const auto path = key_file_place(key_directory_, add.key_file);
    if (!path) return path.error();
    if (::access(path->c_str(), F_OK) != 0) {
      if (auto made = crypto::create_key_file(*path, random_); !made) return made.error();
    }
    auto seal = crypto::open_key_file_seal(*path);
    if (!seal) return seal.error();
    return wrap_and_check(**seal, root);  // its name is the key's fingerprint
  }
  if (add.kind == crypto::kPkcs11Seal) {
    auto seal = host_.device_seal(add.name);
    if (!seal) return seal.error();
    return wrap_and_check(**seal, root);
  }
  return Error(Code::invalid_argument, "kind: it is key-file, passphrase, shamir or pkcs11");
}

/// The seal whose place the new one takes; empty: that of none.
model::Result<std::string> SealKeeper::place_of(const model::AddSeal& add,
                                                const std::map<std::string, store::v1::SealRecord>& all) const {
  const auto same = all.find(add.name);
  if (!add.replace) {
    if (same == all.end() || add.kind == crypto::kKeyFileSeal) return std::string();
    return Error(Code::entry_exists, "there is a seal " + add.name + "; say that it is to be replaced");
  }
  if (add.name.empty() && add.kind == crypto::kKeyFileSeal) {
    std::vector<std::string> names;
    for (const auto& [name, record] : all) {
      if (record.kind() == crypto::kKeyFileSeal) names.push_back(name);
    }
    if (names.size() == 1) return names.front();
    return Error(Code::invalid_argument, "name: say which key file's seal is replaced; there are " +
                                             std::to_string(names.size()) + " of that kind");
  }
  if (same == all.end()) {
    return Error(Code::entry_not_found,
                 "there is no seal " + add.name + " that could be replaced; add it without saying so");
  }
  if (same->second.kind() != add.kind) {
    return Error(Code::invalid_argument,
                 "the seal " + add.name + " is of another kind; add the new one and remove it afterwards instead");
  }
  return add.name;
}

model::Result<model::ReplyBody> SealKeeper::add(const model::AddSeal& add) {
  auto reply = insist([&] { return add_once(add); });
  if (!reply) return reply.error();
  return model::ReplyBody(std::move(*reply));
}

model::Result<model::SealReply> SealKeeper::add_once(const model::AddSeal& add) {
  if (host_.ring() == nullptr) return is_sealed();
  if (add.kind != crypto::kKeyFileSeal) {
    if (auto status = crypto::check_seal_name(add.name); !status) return status.error();
  }
  auto keys = look();
  if (!keys) return keys.error();
  const auto place = place_of(add, keys->seals);
  if (!place) return place.error();
  model::SealReply reply;
  if (add.kind == crypto::kShamirSeal) {
    auto made = crypto::make_shamir_seal(add.name, add.threshold, add.shares, keys->root, host_.cluster_id(), random_);
    if (!made) return made.error();
    made->record.set_created_at_ms(wall_clock());
    reply.seal = info_of(made->record);
    reply.share_texts = std::move(made->shares);
    new_set_.emplace(NewSet{crypto::ShareCollector(std::move(made->record)), Clock::now(), !place->empty()});
    return reply;
  }
  auto record = make_record(add, keys->root);
  if (!record) return record.error();
  // One write set: there is no moment with both, and none without either.
  std::vector<std::pair<std::string, std::optional<std::string>>> rows{
      {storage::seal_row(record->name()), record->SerializeAsString()}};
  const bool removes = !place->empty() && *place != record->name();  // a key file's name is its fingerprint
  if (removes) rows.emplace_back(storage::seal_row(*place), std::nullopt);
  const char* const action = place->empty() ? "add-seal" : "replace-seal";
  if (auto status = write_over(std::move(keys->ring), action, std::move(rows)); !status) return status.error();
  reply.seal = info_of(*record);
  if (removes) reply.seal->detail = "in place of " + *place;
  return reply;
}

model::Result<model::ReplyBody> SealKeeper::verify(const model::VerifyShare& given) {
  if (host_.ring() == nullptr) return is_sealed();
  if (new_set_ && Clock::now() - new_set_->last > kNewSet) new_set_.reset();
  if (!new_set_)
    return Error(Code::not_active, "no new set of shares waits to be verified on this node; add one first");
  auto share = crypto::read_share(given.share.expose());
  if (!share) return share.error();
  crypto::ShareCollector& collector = new_set_->collector;
  if (auto status = collector.add(std::move(*share)); !status) {
    // The caller has shown who he is: it is his share that is wrong.
    const bool is_wrong = status.error().code == Code::unauthenticated;
    return is_wrong ? Error(Code::invalid_argument, "the share is none of the new set") : status.error();
  }
  new_set_->last = Clock::now();
  model::SealReply reply;
  reply.given = collector.given();
  reply.needed = collector.needed();
  if (!collector.is_complete()) return model::ReplyBody(std::move(reply));
  const store::v1::SealRecord record = collector.record();
  const auto root = crypto::open_seal(record, collector.seal_key(), host_.cluster_id());
  const char* const action = new_set_->replaces ? "replace-seal" : "add-seal";
  new_set_.reset();
  const auto status = insist([&]() -> model::Status {
    auto keys = look();
    if (!keys) return keys.error();
    if (!root || !(*root == keys->root)) {
      return Error(Code::key_mismatch, "the root key was rotated since the set was made; add a new set");
    }
    return write_over(std::move(keys->ring), action, {{storage::seal_row(record.name()), record.SerializeAsString()}});
  });
  if (!status) return status.error();
  reply.seal = info_of(record);
  return model::ReplyBody(std::move(reply));
}

model::Result<model::ReplyBody> SealKeeper::remove(const model::RemoveSeal& remove) {
  if (host_.ring() == nullptr) return is_sealed();
  if (auto status = insist([&] { return remove_once(remove); }); !status) return status.error();
  return status(true);
}

model::Status SealKeeper::remove_once(const model::RemoveSeal& remove) {
  auto keys = look();
  if (!keys) return keys.error();
  if (!keys->seals.contains(remove.name))
    return Error(Code::entry_not_found, "there is no seal " + remove.name + "; the status of the seals names them");
  if (keys->seals.size() == 1) {
    return Error(Code::invalid_argument,
                 "this is the last seal: without one nothing ever opens again; add another first");
  }
  return write_over(std::move(keys->ring), "remove-seal", {{storage::seal_row(remove.name), std::nullopt}});
}

model::Result<model::ReplyBody> SealKeeper::regenerate_token(const model::RegenerateToken& given) {
  crypto::KeyRing* ring = host_.ring();
  if (ring == nullptr) return is_sealed();
  auto state = quorum(regenerating_, given.share, given.passphrase);
  if (!state) return state.error();
  model::SealReply reply;
  reply.given = state->given;
  reply.needed = state->needed;
  if (!state->root) return model::ReplyBody(std::move(reply));
  if (!(*state->root == ring->root())) return Error(Code::key_mismatch, "what was given opens another root key");
  crypto::MintedToken minted = crypto::mint_token(*ring, model::TenantId{}, random_);
  model::AddOperator add{"regenerated-" + minted.public_id, minted.id_hash, given.revoke_others};
  auto done = ask(host_, {}, model::DirectoryOperation(std::move(add)));
  if (!done) return done.error();
  reply.token = std::move(minted.text);
  return model::ReplyBody(std::move(reply));
}

model::Status SealKeeper::rotate_root() {
  return insist([this] { return rotate_root_once(); });
}

model::Status SealKeeper::rotate_root_once() {
  crypto::KeyRing* ring = host_.ring();
  if (ring == nullptr) return is_sealed();
  auto keys = look();
  if (!keys) return keys.error();
  auto made = ring->with_new_root(random_, wall_clock());
  if (!made) return made.error();
  std::vector<std::pair<std::string, std::optional<std::string>>> rows;
  for (const auto& [name, record] : keys->seals) {
    auto next = crypto::reseal_root(record, keys->root, made->root, host_.cluster_id(), random_);
    if (!next) return next.error();
    rows.emplace_back(storage::seal_row(name), next->SerializeAsString());
  }
  rows.emplace_back(storage::kKeyRingRow, made->record.SerializeAsString());
  {
    const std::lock_guard lock(follow_mutex_);
    next_root_ = made->root.duplicate();
  }
  auto status = write_over(std::move(keys->ring), "rotate-root-key", std::move(rows));
  const std::lock_guard lock(follow_mutex_);
  next_root_.reset();
  return status;
}

model::Status SealKeeper::change_ring(const std::string& action, const NextRing& next) {
  return insist([&]() -> model::Status {
    auto keys = look();
    if (!keys) return keys.error();
    auto ring = next(*host_.ring());
    if (!ring) return ring.error();
    return write_over(std::move(keys->ring), action, {{storage::kKeyRingRow, ring->SerializeAsString()}});
  });
}

model::Status SealKeeper::follow(const KeyRows& rows) {
  const std::lock_guard lock(follow_mutex_);
  crypto::KeyRing* ring = host_.ring();
  if (ring == nullptr) return {};
  const auto row = rows.find(storage::kKeyRingRow);
  store::v1::KeyRingRecord record;
  if (row == rows.end() || !record.ParseFromString(row->second)) {
    return unreadable_ring();
  }
  if (ring->record().SerializeAsString() != row->second) {
    // A log that is replayed shows old rings, too. Going back to one would have new keys wrapped under a key that is retired.
    if (age_of(record) < age_of(ring->record())) return {};
    if (auto done = adopt(*ring, record, rows); !done) {
      lag_ = {row->second, done.error()};
      return Error(done.error().code, how_to_follow(done.error()));
    }
  }
  lag_ = {};
  known_ = rows;
  return {};
}

/// A new root key comes out of a seal that is around both the old one and the new one. It may be another one than this node
/// is about to write: somebody was faster, or it follows its own earlier one only now.
model::Status SealKeeper::adopt(crypto::KeyRing& ring, const store::v1::KeyRingRecord& record, const KeyRows& rows) {
  auto done = ring.adopt(record);
  if (done.ok() || done.error().code != Code::key_mismatch) return done;
  if (next_root_ && ring.adopt(next_root_->duplicate(), record).ok()) return {};
  const std::string cluster = host_.cluster_id();
  for (const auto& [key, value] : known_) {
    store::v1::SealRecord old_seal, new_seal;
    const auto now = rows.find(key);
    if (!key.starts_with(storage::kSealRows) || now == rows.end() || !old_seal.ParseFromString(value) ||
        !new_seal.ParseFromString(now->second)) {
      continue;
    }
    const auto seal_key = crypto::escrowed_key(old_seal, ring.root(), cluster);
    if (!seal_key) continue;
    auto root = crypto::open_seal(new_seal, *seal_key, cluster);
    if (root && ring.adopt(std::move(*root), record).ok()) return {};
  }
  return done;
}

}  // namespace coffer::actors
