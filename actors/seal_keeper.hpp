#pragma once
// Seals of a running or sealed node: unsealing share by share, adding, verifying and removing seals, an operator's token
// for a quorum. The keeper's thread only; what is not written to the meta group lives in this object and ends with it.

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "actors/keeper_host.hpp"
#include "crypto/seal.hpp"

namespace coffer::actors {

class SealKeeper {
 public:
  using Clock = std::chrono::steady_clock;
  SealKeeper(KeeperHost& host, crypto::Random& random, std::string reason, std::string key_directory)
      : host_(host), random_(random), key_directory_(std::move(key_directory)), reason_(std::move(reason)) {}

  model::Result<model::ReplyBody> status(bool in_full);
  /// Errors: unauthenticated (a wrong share or passphrase), invalid_argument, data_loss.
  model::Result<model::ReplyBody> unseal(const model::Unseal& given);
  model::Result<model::ReplyBody> add(const model::AddSeal& add);
  model::Result<model::ReplyBody> verify(const model::VerifyShare& given);
  model::Result<model::ReplyBody> remove(const model::RemoveSeal& remove);
  model::Result<model::ReplyBody> regenerate_token(const model::RegenerateToken& given);
  /// A new root key, and every seal around it. The ring itself changes when the rows are committed.
  model::Status rotate_root();
  /// Writes the ring that `next` makes of the one there is, and makes it anew when somebody else changes the keys at the same
  /// time; `next` says so itself by cas_mismatch. Errors: those of `next`, sealed, unavailable, outcome_unknown.
  using NextRing = std::function<model::Result<store::v1::KeyRingRecord>(const crypto::KeyRing&)>;
  model::Status change_ring(const std::string& action, const NextRing& next);
  /// A change of the keys' rows is committed: the ring becomes that of `rows`. On the node that made a new root key, by
  /// that; elsewhere by the seals, whose keys the old root key still opens. Any thread. Errors: key_mismatch.
  model::Status follow(const KeyRows& rows);

 private:
  struct Attempt {  // shares towards one purpose
    crypto::ShareCollector collector;
    Clock::time_point last;
  };
  struct Quorum {
    std::optional<crypto::Key> root;  // enough was given
    std::uint32_t given = 0, needed = 0;
  };
  /// The keys at one moment: the seals are of this root key, and the ring is as its committed row says.
  struct Keys {
    std::string ring;  // the row
    crypto::Key root;
    std::map<std::string, store::v1::SealRecord> seals;
  };
  model::Result<std::map<std::string, store::v1::SealRecord>> records() const;
  model::Result<Keys> look() const;
  model::Result<Quorum> quorum(std::optional<Attempt>& attempt, const model::Secret& share,
                               const model::Secret& passphrase);
  template <class Once>
  auto insist(const Once& once) -> decltype(once());
  model::Result<model::SealReply> add_once(const model::AddSeal& add);
  model::Status remove_once(const model::RemoveSeal& remove);
  model::Status rotate_root_once();
  model::Status adopt(crypto::KeyRing& ring, const store::v1::KeyRingRecord& record, const KeyRows& rows);
  model::Status write_over(std::string ring, const std::string& action,
                           std::vector<std::pair<std::string, std::optional<std::string>>> rows);
  model::Result<std::string> place_of(const model::AddSeal& add,
                                      const std::map<std::string, store::v1::SealRecord>& all) const;
  model::Result<store::v1::SealRecord> wrap_and_check(crypto::Seal& seal, const crypto::Key& root);
  model::Result<store::v1::SealRecord> make_record(const model::AddSeal& add, const crypto::Key& root);

  KeeperHost& host_;
  crypto::Random& random_;
  const std::string key_directory_;  // see key_file_place.hpp
  std::string reason_;               // why the node did not open by itself
  std::optional<Attempt> unsealing_, regenerating_;
  struct NewSet {
    crypto::ShareCollector collector;
    Clock::time_point last;
    bool replaces = false;
  };
  std::optional<NewSet> new_set_;
  mutable std::mutex follow_mutex_;
  std::optional<crypto::Key> next_root_;  // of a rotation that is being committed; under the mutex
  KeyRows known_;                         // those of the ring that this node uses; under the mutex
  struct Lag {
    std::string ring;  // the committed row
    model::Error why{model::Code::ok};
  } lag_;  // what could not be followed last; under the mutex
};

}  // namespace coffer::actors
