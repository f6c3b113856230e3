#pragma once
// Whom tenants trust, as it was read last: kept for a while and within a bound, read anew for those who need a reading that
// began after they came. One reading of a tenant at a time, whoever waits for it. Any thread; the readings themselves are
// asked of the actors' gateway, and whoever takes their answers from the inbox brings them back here.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/identity/job.hpp"
#include "net/identity/vouch.hpp"

namespace coffer::net {

class TrustReader {
 public:
  struct Reading {
    std::shared_ptr<const Trust> trust;  // null: `error`
    model::Error error{model::Code::unavailable};
    actors::TrustBasis basis;  // as it was when the reading began
    std::uint64_t begun = 0;   // Inbox::next_number()
    model::TimeMs until = 0;
  };
  using ReadingPtr = std::shared_ptr<const Reading>;

  TrustReader(const actors::Gateway& inner, std::shared_ptr<Inbox> inbox, std::function<model::TimeMs()> clock,
              std::size_t most_tenants, std::size_t most_waiting)
      : inner_(inner),
        inbox_(std::move(inbox)),
        clock_(std::move(clock)),
        most_tenants_(most_tenants),
        most_waiting_(most_waiting) {}

  /// The last reading, when it was made under this basis; null: wait for one.
  ReadingPtr find(const actors::TrustBasis& basis);
  /// The job waits for a reading that begins after it came. False: too many wait, and the job is the caller's.
  bool wait(const JobPtr& job, model::TimeMs deadline);
  /// A reading ended: who waited for it. Begins the next one if somebody came meanwhile.
  std::pair<ReadingPtr, std::vector<JobPtr>> take(TrustAnswer answer);
  /// What was read is read anew when it is needed again; a reading that is under way goes on.
  void forget();
  /// Answers all that wait. No call may follow.
  void clear();

 private:
  struct Waiter {
    JobPtr job;
    model::TimeMs deadline = 0;
  };
  struct Lookup {
    model::TenantRef tenant;
    actors::TrustBasis basis;
    std::uint64_t begun = 0;
    model::TimeMs deadline = 0;
    bool under_way = false;
    std::vector<Waiter> asked, next;
  };
  void begin(const std::string& name);

  const actors::Gateway& inner_;
  const std::shared_ptr<Inbox> inbox_;
  const std::function<model::TimeMs()> clock_;
  const std::size_t most_tenants_, most_waiting_;
  std::mutex mutex_;
  std::unordered_map<model::TenantId, ReadingPtr> known_;
  std::unordered_map<std::string, Lookup> lookups_;
  std::size_t waiting_ = 0;
};

/// A tenant's name, or a door and its external id, in one text that nobody can make mean two things.
std::string text_of_tenant(const model::TenantRef& tenant);

}  // namespace coffer::net
