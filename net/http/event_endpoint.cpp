// A protobuf method that streams, as server-sent events (HTML Living Standard 9.2): each message is an event whose data is
// its JSON, the id is where a client resumes (Last-Event-ID). A comment every kStreamWait shows that the server is there;
// a position that moved without an event comes as an id alone. decode runs on the io thread, the rest on the thread that
// completes a request.

#include "net/http/endpoint.hpp"
#include "net/http/words.hpp"
#include "net/rest/json_write.hpp"
#include "net/streaming.hpp"

namespace coffer::net::http {
namespace {

using google::protobuf::Message;
using model::Category;
using model::Error;
using model::Status;

constexpr std::string_view kOpening = "retry: 1000\n\n";  // milliseconds until a client that was cut comes back

struct Served {
  const Context& context;
  const Door& door;
  const Method& method;
  std::unique_ptr<rest::Binding> binding;
  Metrics::Series& series;
};

class EventJob final : public Job, public Rpc {
 public:
  EventJob(const Served& served, Arrival arrival)
      : Job(std::move(arrival)), served_(served), in_(served.method.in_prototype->New()) {}

  const Caller& caller() const override { return http_caller(); }
  const Message& in() const override { return *in_; }
  Message& out() override {
    if (!out_) out_.reset(served_.method.out_prototype->New());
    return *out_;
  }
  void set_header(std::string_view name, std::string_view value) override { outcome.headers.emplace_back(name, value); }
  void set_http_status(int status) override { outcome.status = status; }

  void complete() noexcept override {
    if (!claim()) return;
    try {
      take_answer();
    } catch (...) {
      fail(model::Code::internal);
    }
    answered();
  }

  Answer give_up(bool server_stops) const override {
    return to_answer(served_.door.http_failure(server_stops ? cut_off(false) : overdue(false), call_id()));
  }

 protected:
  bool begin() override {
    set_deadline(request.info, served_.context.limits());
    if (auto status = read(); !status) return refuse(status.error()), true;
    const auto step = guarded_decode(served_.method.decode, static_cast<Rpc&>(*this));
    if (!step) return refuse(step.error()), true;
    complete_call_info(request.info);
    streaming_.emplace(served_.method, request, Clock::now());
    return begin_again();
  }

  bool begin_again() override {
    stream.pauses = false;
    request = streaming_->request(wall_clock_ms());
    wait_at_most(Streaming::patience());
    served_.context.gateway->submit(this);
    return false;
  }

  /// What never reached the actors.
  void refuse(const Error& error) override {
    note_unsubmitted(*served_.context.gateway, *this, http_caller(), Metrics::door(served_.series),
                     Metrics::method(served_.series), error.code);
    fail(error);
  }

 private:
  Status read() {
    if (const auto id = client_id(); !id) return id.error();
    return fill_message(arrival(), *served_.binding, served_.context.limits().json_depth, in_.get());
  }

  void take_answer() {
    auto outcome_of = streaming_->answered(reply, Clock::now());
    using What = Streaming::Outcome::What;
    if (outcome_of.what == What::end) return fail(outcome_of.error);
    if (outcome_of.what == What::pause) {
      stream.pauses = true;
      outcome.body = ":\n\n";
      return;
    }
    if (!stream.is_on) open();
    tell(outcome_of.part);
  }

  void open() {
    stream.is_on = true;
    outcome.content_type = "text/event-stream";
    outcome.body = kOpening;
    Metrics::observe(served_.series, Category::ok, seconds());
  }

  void tell(const StreamPart& part) {
    for (const StreamPart::Event& event : part.events) {
      outcome.body.append("event: ").append(event.name).append("\n");
      if (!event.id.empty()) outcome.body.append("id: ").append(event.id).append("\n");
      outcome.body.append("data: ");
      rest::write_json(*event.message, *served_.binding->out, &outcome.body);
      outcome.body.append("\n\n");
    }
    const std::string& last = part.events.empty() ? told_ : part.events.back().id;
    if (last != part.position) {
      outcome.body.append(":\nid: ").append(part.position).append("\n\n");
    } else if (part.events.empty()) {
      outcome.body.append(":\n\n");
    }
    told_ = part.position;
  }

  /// Before the first answer in the door's own words and status, then as the last event.
  void fail(const Error& error) {
    WireStatus failure = served_.method.fail(*this, error);
    stream.is_last = true;
    if (stream.is_on) {
      outcome.unauthenticated = failure.grpc_code == Category::unauthenticated;
      outcome.body = "event: error\ndata: " + failure.http_body + "\n\n";
      return;
    }
    Metrics::observe(served_.series, failure.grpc_code, seconds());
    outcome = to_answer(std::move(failure));
    note_error(error, &outcome);
  }

  const Served& served_;
  std::unique_ptr<Message> in_, out_;
  std::optional<Streaming> streaming_;
  std::string told_;
};

class EventEndpoint final : public Endpoint {
 public:
  EventEndpoint(const Context& context, const Door& door, const Method& method, std::unique_ptr<rest::Binding> binding)
      : served_{context, door, method, std::move(binding),
                context.metrics->series(door.name(),
                                        method.descriptor->service()->name() + "/" + method.descriptor->name())} {}

  std::unique_ptr<Job> make_job(Arrival arrival) const override {
    return std::make_unique<EventJob>(served_, std::move(arrival));
  }

 private:
  Served served_;
};

}  // namespace

std::unique_ptr<Endpoint> make_event_endpoint(const Context& context, const Door& door, const Method& method,
                                              std::unique_ptr<rest::Binding> binding) {
  return std::make_unique<EventEndpoint>(context, door, method, std::move(binding));
}

}  // namespace coffer::net::http
