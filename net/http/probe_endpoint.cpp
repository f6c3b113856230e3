// What an orchestrator asks of the server itself: does it live, may it get calls, what does it count. No credential.

#include "net/http/endpoint.hpp"

namespace coffer::net::http {
namespace {

class ProbeJob final : public Job {
 public:
  ProbeJob(const Context& context, Probe probe, Arrival arrival)
      : Job(std::move(arrival)), context_(context), probe_(probe) {}
  Answer give_up(bool) const override { return {503, {}, {}, {}}; }

 protected:
  bool begin() override {
    switch (probe_) {
      case Probe::health: outcome = {200, "application/json", R"({"status":"alive"})", {}}; break;
      case Probe::ready: outcome = readiness(); break;
      case Probe::metrics: outcome = {200, "text/plain; version=0.0.4", context_.metrics->text(), {}}; break;
    }
    return true;
  }
  /// A busy server is alive, and its numbers are wanted most then.
  void refuse(const model::Error&) override { begin(); }

 private:
  Answer readiness() const {
    const auto status = context_.gateway->status();
    if (status.ready && status.read_only) {
      return {200, "application/json", R"({"status":"ready","read_only":true,"reason":"the node is low on disk"})", {}};
    }
    if (status.ready) return {200, "application/json", R"({"status":"ready"})", {}};
    const char* body = status.sealed ? R"({"status":"not ready","reason":"the node is sealed"})"
                                     : R"({"status":"not ready","reason":"the node has not joined its groups yet"})";
    return {503, "application/json", body, {}};
  }

  const Context& context_;
  Probe probe_;
};

class ProbeEndpoint final : public Endpoint {
 public:
  ProbeEndpoint(const Context& context, Probe probe) : context_(context), probe_(probe) {}
  std::unique_ptr<Job> make_job(Arrival arrival) const override {
    return std::make_unique<ProbeJob>(context_, probe_, std::move(arrival));
  }

 private:
  const Context& context_;
  Probe probe_;
};

}  // namespace

std::unique_ptr<Endpoint> make_probe_endpoint(const Context& context, Probe probe) {
  return std::make_unique<ProbeEndpoint>(context, probe);
}

}  // namespace coffer::net::http
