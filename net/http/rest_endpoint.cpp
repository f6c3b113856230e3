// A protobuf method over HTTP: the body, the path and the query become its message, its answer becomes JSON.
// decode runs on the io thread, the rest on the thread that completes the call.

#include <google/protobuf/arena.h>

#include "net/http/endpoint.hpp"
#include "net/http/words.hpp"
#include "net/rest/json_write.hpp"

namespace coffer::net::http {
namespace {

using google::protobuf::Arena;
using google::protobuf::Message;
using model::Category;
using model::Code;
using model::Error;
using model::Status;

struct Rest {
  const Context& context;
  const Door& door;
  const Method& method;
  std::unique_ptr<rest::Binding> binding;
  Metrics::Series& series;
};

/// "application/json", also with parameters, and "application/...+json". RFC 9110 8.3: case does not matter.
bool is_json(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  std::string lower;
  for (const char c : type) lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  return lower == "application/json" || (lower.starts_with("application/") && lower.ends_with("+json"));
}

class RestJob final : public Job, public Rpc {
 public:
  RestJob(const Rest& rest, Arrival arrival)
      : Job(std::move(arrival)),
        rest_(rest),
        in_arena_(block_, sizeof block_),
        in_(rest.method.in_prototype->New(&in_arena_)) {}

  const Caller& caller() const override { return http_caller(); }
  const Message& in() const override { return *in_; }
  Message& out() override {
    // On an arena of its own, because it is usually filled by another thread than `in`.
    if (!out_) out_ = rest_.method.out_prototype->New(&out_arena_);
    return *out_;
  }
  void set_header(std::string_view name, std::string_view value) override { outcome.headers.emplace_back(name, value); }
  void set_http_status(int status) override { outcome.status = status; }

  void complete() noexcept override {
    if (!claim()) return;
    const bool aside = reply.ok() && is_large(*reply) && rest_.context.large->take([this] { conclude(); });
    if (!aside) conclude();
  }

  Answer give_up(bool server_stops) const override {
    const Error error = server_stops ? cut_off(changes_) : overdue(changes_);
    Metrics::observe(rest_.series, error.category(), seconds());
    log(error.category());
    return to_answer(rest_.door.http_failure(error, call_id()));
  }

 protected:
  bool begin() override {
    set_deadline(request.info, rest_.context.limits());
    if (auto status = read(); !status) return finish(status, false), true;
    const auto step = guarded_decode(rest_.method.decode, static_cast<Rpc&>(*this));
    if (!step) return finish(step.error(), false), true;
    if (*step == Step::done) return note(Code::ok), finish({}, false), true;
    complete_call_info(request.info);
    changes_ = may_change_something(request);
    if (rest_.method.start) {
      rest_.method.start(*this);
    } else {
      rest_.context.gateway->submit(this);
    }
    return false;
  }

  void refuse(const Error& error) override { finish(error, false); }

 private:
  void conclude() noexcept {
    finish(reply.ok() ? encode() : Status(reply.error()), !reply.ok());
    answered();
  }

  Status read() {
    if (const auto id = client_id(); !id) return id.error();
    return fill_message(arrival(), *rest_.binding, rest_.context.limits().json_depth, in_);
  }

  Status encode() noexcept {
    try {
      return rest_.method.encode(*this);
    } catch (...) {
      return Code::internal;
    }
  }

  /// Makes the answer of what came out. `may_recover`: the actors failed, and the door may answer OK after all.
  void finish(const Status& status, bool may_recover) {
    Category category = Category::ok;
    if (status.ok() || (may_recover && rest_.method.recover && rest_.method.recover(*this, status.error()))) {
      if (outcome.status != 204 && outcome.status != 304) {
        outcome.content_type = "application/json";
        rest::write_json(out(), *rest_.binding->out, &outcome.body);
      }
    } else {
      WireStatus failure = rest_.method.fail(*this, status.error());
      category = failure.grpc_code;
      outcome = to_answer(std::move(failure));
      note_error(status.error(), &outcome);
      note(status.error().code);
    }
    Metrics::observe(rest_.series, category, seconds());
    log(category);
  }

  void note(Code code) const {
    note_unsubmitted(*rest_.context.gateway, *this, http_caller(), rest_.door.name(), Metrics::method(rest_.series),
                     code);
  }
  void log(Category status) const {
    write_log(rest_.context, rest_.series, model::category_name(status), status != Category::ok);
  }

  const Rest& rest_;
  bool changes_ = false;
  alignas(16) char block_[1024];
  Arena in_arena_;
  Arena out_arena_;
  Message* in_;
  Message* out_ = nullptr;
};

class RestEndpoint final : public Endpoint {
 public:
  RestEndpoint(const Context& context, const Door& door, const Method& method, std::unique_ptr<rest::Binding> binding)
      : rest_{context, door, method, std::move(binding),
              context.metrics->series(door.name(),
                                      method.descriptor->service()->name() + "/" + method.descriptor->name())} {}

  Status check_header(const Incoming& request) const override {
    const auto type = request.header("content-type");
    if (!rest_.binding->takes_body() || type.empty() || is_json(type)) return {};
    return Error(Code::invalid_argument, "content-type: expected application/json");
  }

  std::unique_ptr<Job> make_job(Arrival arrival) const override {
    return std::make_unique<RestJob>(rest_, std::move(arrival));
  }

 private:
  Rest rest_;
};

}  // namespace

std::unique_ptr<Endpoint> make_rest_endpoint(const Context& context, const Door& door, const Method& method,
                                             std::unique_ptr<rest::Binding> binding) {
  return std::make_unique<RestEndpoint>(context, door, method, std::move(binding));
}

Status fill_message(const Arrival& arrival, const rest::Binding& binding, std::size_t json_depth, Message* message) {
  rest::Words variables;
  for (const auto& [name, raw] : arrival.variables) {
    auto value = percent_decode(raw, false);
    if (!value) return Error(Code::invalid_argument, std::string(name) + ": expected percent-encoding in the path");
    variables.emplace_back(name, *std::move(value));
  }
  const auto query = parse_query(arrival.query);
  if (!query) return Error(Code::invalid_argument, "expected percent-encoding in the query");
  return binding.fill(variables, *query, arrival.request->body, json_depth, message);
}

Answer to_answer(WireStatus status) {
  return {status.http_status, status.http_body.empty() ? std::string() : std::move(status.http_content_type),
          std::move(status.http_body), std::move(status.http_headers), status.grpc_code == Category::unauthenticated};
}

void note_error(const Error& error, Answer* answer) {
  answer->unauthenticated |= error.code == model::Code::unauthenticated;
  const auto named = [](const auto& header) { return header.first == "retry-after"; };
  if (error.retry_after_s == 0 || std::ranges::any_of(answer->headers, named)) return;
  answer->headers.emplace_back("retry-after", std::to_string(error.retry_after_s));
}

}  // namespace coffer::net::http
