// Who owns a job, and when; see job.hpp.

#include "net/http/job.hpp"

#include "net/http/endpoint.hpp"

namespace coffer::net::http {
namespace {

/// The job that this thread is starting: a call completed within submit() needs nobody to be woken.
thread_local const Job* t_starting = nullptr;

}  // namespace

Job::Job(Arrival arrival)
    : arrival_(std::move(arrival)),
      caller_(*arrival_.request, *arrival_.peer, arrival_.call_id),
      patience_(Clock::time_point::max()) {}

Job::~Job() {
  if (counted_) counted_->leave();
}

bool Job::start(Waker& waker, const std::shared_ptr<InFlight>& in_flight) {
  if (!in_flight->enter()) {
    refuse(model::Error(model::Code::overloaded));
    return true;
  }
  counted_ = in_flight.get();
  waker_ = &waker;
  t_starting = this;
  const bool done = begin() || answered_in_start_;
  t_starting = nullptr;
  return done;
}

bool Job::again() {
  state_.store(State::pending, std::memory_order_relaxed);
  answered_in_start_ = false;
  t_starting = this;
  const bool done = begin_again() || answered_in_start_;
  t_starting = nullptr;
  return done;
}

bool Job::abandon() {
  State expected = State::pending;
  return state_.compare_exchange_strong(expected, State::abandoned, std::memory_order_acq_rel);
}

void Job::disown(std::unique_ptr<Job> job, const std::shared_ptr<InFlight>& in_flight) {
  job->in_flight_ = in_flight;
  State expected = State::abandoned;
  if (job->state_.compare_exchange_strong(expected, State::disowned, std::memory_order_acq_rel)) {
    (void)job.release();  // claim() deletes it
  }
}

bool Job::claim() noexcept {
  State expected = State::pending;
  if (state_.compare_exchange_strong(expected, State::answering, std::memory_order_acq_rel)) return true;
  expected = State::abandoned;
  if (!state_.compare_exchange_strong(expected, State::completed_late, std::memory_order_acq_rel)) {
    delete this;  // disowned
  }
  return false;
}

void Job::answered() noexcept {
  if (t_starting == this) {
    answered_in_start_ = true;
  } else {
    waker_->wake();
  }
}

void Job::set_deadline(model::CallInfo& info, const Limits& limits) {
  const auto allowed = time_allowed(std::chrono::milliseconds::max(), limits);
  patience_ = arrival_.began + allowed + kGrace;
  deadline_ = wall_clock_ms() + allowed.count();
  info.deadline = deadline_;
}

void Job::complete_call_info(model::CallInfo& info) const {
  complete_info(info, incoming().header("x-request-id"), caller_.address(), incoming().header("traceparent"),
                deadline_);
}

void Job::write_log(const Context& context, const Metrics::Series& series, std::string_view status, bool failed) const {
  const CallLog* const log = context.metrics->call_log();
  if (log == nullptr || !log->wants(failed)) return;
  const std::string_view trace = caller_.header("traceparent");
  log->write({Metrics::door(series), Metrics::method(series), status, failed, seconds(), caller_.address(), call_id(),
              is_valid_traceparent(trace) ? trace : std::string_view()});
}

model::Result<std::string_view> Job::client_id() const {
  const auto id = incoming().header("x-request-id");
  if (id.empty() || is_valid_call_id(id)) return id;
  return model::Error(model::Code::invalid_argument, "x-request-id: expected at most 128 visible ASCII characters");
}

}  // namespace coffer::net::http
