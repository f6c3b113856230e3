#pragma once
// One HTTP request while it is being answered. A session makes it from an endpoint, starts it on its io thread and
// sleeps; the answer is made by whichever thread completes the call, and the session is woken to send it. When nobody
// answers in time the session abandons the job, which then deletes itself when the call is completed after all.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/flight.hpp"
#include "net/http/incoming.hpp"
#include "net/rpc.hpp"
#include "net/server.hpp"

namespace coffer::net::http {

/// What doors see of the other end.
class HttpCaller final : public Caller {
 public:
  HttpCaller(const Incoming& request, const Peer& peer, std::string_view call_id)
      : request_(request), peer_(peer), call_id_(call_id) {}
  Transport transport() const override { return Transport::http; }
  std::string_view header(std::string_view name) const override { return request_.header(name); }
  std::string_view address() const override { return peer_.address; }
  bool is_loopback() const override { return peer_.loopback; }
  bool is_tls() const override { return peer_.tls; }
  std::string_view call_id() const override { return call_id_; }
  const ClientCertificate& client_certificate() const override { return peer_.certificate; }

 private:
  const Incoming& request_;
  const Peer& peer_;
  std::string_view call_id_;
};

/// Called once, from any thread, when a job that was started has its answer.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake() noexcept = 0;
};

/// What a request brings to its job.
struct Arrival {
  std::unique_ptr<Incoming> request;
  const Peer* peer = nullptr;
  std::string call_id;
  std::vector<std::pair<std::string_view, std::string_view>> variables;  // names, raw values in request->target
  std::string_view query;                                                // raw, in request->target
  Clock::time_point began;
};

struct Context;

class Job {
 public:
  explicit Job(Arrival arrival);
  virtual ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  /// True: `outcome` is there. False: the waker will be called, on any thread.
  bool start(Waker& waker, const std::shared_ptr<InFlight>& in_flight);
  /// Stops waiting. False: the answer is being made at this moment; wait for the waker. True: it will not be called; the
  /// session may still read the job, then disowns it.
  bool abandon();
  /// REQUIRES: abandon() was true. The job deletes itself, now or when its call is completed.
  static void disown(std::unique_ptr<Job> job, const std::shared_ptr<InFlight>& in_flight);

  Answer outcome;
  /// Of a job that answers a stream: what the session does after it sent outcome.body as the next piece.
  struct Stream {
    bool is_on = false;    // outcome is a stream's header; then its body is the first piece
    bool is_last = false;  // ends; else again() brings the next piece
    bool pauses = false;   // not at once
  };
  Stream stream;
  /// As start(), for the next piece. REQUIRES: stream.is_on, and the last piece was taken.
  bool again();

  const std::string& call_id() const { return arrival_.call_id; }
  bool is_http_10() const { return arrival_.request->http_10; }
  bool is_head() const { return arrival_.request->method == "HEAD"; }
  /// When the session stops waiting: the call's deadline and a grace.
  Clock::time_point patience() const { return patience_; }
  /// The answer when it does: `deadline_exceeded`, or what the server's stop makes of it.
  virtual Answer give_up(bool server_stops) const = 0;
  /// For the session's next request.
  std::unique_ptr<Incoming> take_request() { return std::move(arrival_.request); }

 protected:
  /// Decodes and submits, or answers. True: `outcome` is filled; false: it was submitted and may be gone already.
  virtual bool begin() = 0;
  /// The same for the next piece of a stream.
  virtual bool begin_again() { return true; }
  virtual void refuse(const model::Error& error) = 0;
  /// First thing in complete(). False: the job was abandoned and is gone, or about to go.
  bool claim() noexcept;
  /// Last thing in complete(): the answer is there.
  void answered() noexcept;

  const Incoming& incoming() const { return *arrival_.request; }
  const Arrival& arrival() const { return arrival_; }
  const Caller& http_caller() const { return caller_; }
  /// To the log of requests, when it is on.
  void write_log(const Context& context, const Metrics::Series& series, std::string_view status, bool failed) const;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - arrival_.began).count(); }
  /// Sets when the call must be done, and what decode left open of it.
  void set_deadline(model::CallInfo& info, const Limits& limits);
  void wait_at_most(std::chrono::milliseconds time) { patience_ = Clock::now() + time; }
  void complete_call_info(model::CallInfo& info) const;
  /// The client's x-request-id. Errors: invalid_argument when it is none.
  model::Result<std::string_view> client_id() const;

 private:
  enum class State : int { pending, answering, abandoned, completed_late, disowned };

  Arrival arrival_;
  HttpCaller caller_;
  Clock::time_point patience_;
  model::TimeMs deadline_ = 0;
  Waker* waker_ = nullptr;
  bool answered_in_start_ = false;
  InFlight* counted_ = nullptr;
  std::shared_ptr<InFlight> in_flight_;  // set when disowned: the listener may be gone before the job
  std::atomic<State> state_{State::pending};
};

}  // namespace coffer::net::http
