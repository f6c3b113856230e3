#pragma once
// Requests whose credential does not hold, counted instead of recorded: by the address they come from, who they claimed
// to be, the door and the outcome. Bounded, so that nobody fills memory or disk with them. A value with the time passed
// in; the audit log guards it by a mutex.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "model/audit.hpp"

namespace coffer::actors {

class RefusalCounts {
 public:
  static constexpr std::size_t kMostSources = 4096;
  struct Count {
    std::uint64_t count = 0;
    model::TimeMs first = 0, last = 0;
  };
  struct Source {
    std::string address;  // without the port
    std::string principal;
    model::Door door = model::Door::native;
    model::Code code = model::Code::unauthenticated;
    friend auto operator<=>(const Source&, const Source&) = default;
  };

  void add(const model::AuditEvent& event, model::TimeMs now);
  /// Empties it. Sources that found no place are one, without address.
  void drain(const std::function<void(const Source&, const Count&)>& f);
  bool empty() const { return counts_.empty(); }

 private:
  std::map<Source, Count> counts_;
};

}  // namespace coffer::actors
