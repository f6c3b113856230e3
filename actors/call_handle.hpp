#pragma once
// Ownership of a Call on its way through actors: whoever holds a CallHandle owes the call an answer, and its destructor
// pays with `unavailable`. A Parcel is the copyable form that travels in an actor message; what is in a mailbox when
// its actor dies was never looked at, so the parcel gives it back to the router. Used by actors/ only, any thread.

#include <functional>
#include <memory>
#include <utility>

#include "actors/gateway.hpp"

namespace coffer::actors {

/// Notes in the audit trail what the call was answered, and completes it: at once, or for a strict tenant when the
/// record is on disk. REQUIRES: call->audit.port.
void complete_audited(Call* call) noexcept;

class CallHandle {
 public:
  CallHandle() = default;
  explicit CallHandle(Call* call) : call_(call) {}
  CallHandle(CallHandle&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  CallHandle& operator=(CallHandle&& other) noexcept {
    if (this != &other) {
      drop();
      call_ = std::exchange(other.call_, nullptr);
    }
    return *this;
  }
  ~CallHandle() { drop(); }

  explicit operator bool() const { return call_ != nullptr; }
  const model::Request& request() const { return call_->request; }
  model::Request& request() { return call_->request; }
  Call& call() { return *call_; }
  model::GroupId group() const { return call_->group; }

  AuditNote& audit() { return call_->audit; }

  /// Answers; the call may be gone afterwards.
  void finish(model::Result<model::Reply> reply) {
    call_->reply = std::move(reply);
    finish();
  }
  /// The same for an answer that was made where it belongs.
  model::Result<model::Reply>& reply() { return call_->reply; }
  void finish() {
    Call* call = std::exchange(call_, nullptr);
    if (call->audit.port != nullptr) return complete_audited(call);
    call->complete();
  }
  /// Gives the obligation away.
  [[nodiscard]] Call* release() { return std::exchange(call_, nullptr); }

 private:
  void drop() {
    if (call_ != nullptr) finish(model::Error(model::Code::unavailable));
  }
  Call* call_ = nullptr;
};

/// What a parcel does with a call that nobody took.
using Undelivered = void (*)(void* router, Call* call);

class Parcel {
 public:
  Parcel() = default;
  Parcel(CallHandle call, Undelivered undelivered, void* router)
      : box_(std::make_shared<Box>(call.release(), undelivered, router)) {}
  /// The call, once; REQUIRES: nobody took it yet.
  CallHandle take() const { return CallHandle(std::exchange(box_->call, nullptr)); }

 private:
  struct Box {
    Box(Call* c, Undelivered u, void* r) : call(c), undelivered(u), router(r) {}
    Box(const Box&) = delete;
    ~Box() {
      if (call != nullptr) undelivered(router, call);
    }
    Call* call;
    Undelivered undelivered;
    void* router;
  };
  std::shared_ptr<Box> box_;
};

}  // namespace coffer::actors
