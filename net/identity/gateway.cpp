// See gateway.hpp.

#include "net/identity/gateway.hpp"

#include <thread>

#include "crypto/hash.hpp"
#include "net/flight.hpp"
#include "net/identity/credential_cache.hpp"
#include "net/identity/decoy.hpp"
#include "net/identity/job.hpp"
#include "net/identity/trust_reader.hpp"
#include "net/jwt/fetch.hpp"
#include "net/live.hpp"

namespace coffer::net {
namespace {

using model::Code;
using model::Error;
using model::Result;

constexpr model::TimeMs kNoDeadlineMs = 1'000;  // how long a call without a deadline waits for its tenant's rows

/// What this node's settings say for every tenant. Errors: invalid_argument.
Result<NodeTrust> read_node_trust(const std::vector<model::Issuer>& issuers,
                                  const std::vector<NodeCertificate>& certificates) {
  NodeTrust node;
  for (const model::Issuer& issuer : issuers) {
    auto ready = jwt::trust(issuer);
    if (!ready) return ready.error();
    ready->of_node = true;
    node.issuers.push_back(std::move(*ready));
  }
  for (const NodeCertificate& one : certificates) {
    if (auto ok = model::check_certificate_rule(one.rule); !ok) return ok.error();
    node.certificates.push_back(one);
  }
  return node;
}

class Gateway final : public IdentityGateway {
 public:
  Gateway(actors::Gateway& inner, IdentitySettings settings, NodeTrust node)
      : IdentityGateway(inner),
        settings_(std::move(settings)),
        node_(std::move(node)),
        credentials_(settings_.cached_credentials),
        inbox_(std::make_shared<Inbox>(settings_.most_waiting)),
        trusts_(inner, inbox_, settings_.clock, settings_.cached_tenants, settings_.most_waiting),
        sources_(source_settings()) {
    for (unsigned i = 0; i < settings_.threads; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Gateway() override { stop(); }

  void stop() override;
  model::Status reload(const std::vector<model::Issuer>& issuers,
                       const std::vector<NodeCertificate>& certificates) override;
  void submit(actors::Call* call) noexcept override;
  Result<model::Credential> authenticate(std::string_view token, model::Door door) const override;
  std::vector<actors::Sample> samples() const override;

 private:
  jwt::KeySources::Settings source_settings() const {
    jwt::KeySources::Settings settings;
    settings.fetch = settings_.fetch;
    settings.clock = settings_.clock;
    settings.log = settings_.log;
    return settings;
  }
  void pass_on(Job& job, model::Credential credential, bool may_be_old);
  void enqueue(const JobPtr& job);
  void wait_for_trust(const JobPtr& job);
  void run();
  void begin(const JobPtr& job);
  void process(const JobPtr& job, const TrustReader::ReadingPtr& reading);
  Verdict vouch(const model::Request& request, const Trust& trust, model::TimeMs now);
  void refuse(Job& job, Error error);

  const IdentitySettings settings_;
  Live<NodeTrust> node_;
  std::atomic<std::uint64_t> node_changes_{0};
  CredentialCache credentials_;
  const std::shared_ptr<Inbox> inbox_;
  TrustReader trusts_;
  jwt::KeySources sources_;

  std::atomic<std::uint64_t> remembered_{0}, verified_{0}, refused_{0}, dropped_{0};
  std::vector<std::thread> threads_;
};

/// What was presented and for which tenant, in one text that nobody can make mean two things.
std::string cache_key(const model::Request& request) {
  // Certificates of the same names, one after the other, have ends of their own.
  std::string text("t");
  if (request.credential.is_certificate) text = "c" + std::to_string(request.credential.expires_at) + " ";
  text.append(text_of_tenant(request.tenant)).append(request.credential.token.expose());
  return crypto::sha256(text);
}

Result<model::Credential> Gateway::authenticate(std::string_view token, model::Door door) const {
  if (!jwt::looks_like_jwt(token)) return inner_.authenticate(token, door);
  if (token.size() > jwt::kMaxTokenBytes) {
    return Error(Code::unauthenticated, "the JWT is refused: it has more than 8192 bytes");
  }
  model::Credential presented;
  presented.kind = model::CredentialKind::presented;
  presented.door = door;
  presented.token = model::Secret(token);
  return presented;
}

void Gateway::submit(actors::Call* call) noexcept {
  if (call->request.credential.kind != model::CredentialKind::presented) return inner_.submit(call);
  try {
    // Operators have tokens of their own; a tenant's issuer says nothing about them.
    auto job = std::make_shared<Job>(call, std::string(), inbox_->next_number());
    if (!std::holds_alternative<model::TenantOperation>(call->request.operation)) {
      return job->finish(Error(Code::permission_denied));
    }
    job->key = cache_key(call->request);
    const actors::TrustBasis basis = inner_.trust_basis(call->request.tenant);
    if (auto known = credentials_.find(job->key, {basis, node_changes_.load()}, settings_.clock())) {
      ++remembered_;
      return pass_on(*job, std::move(*known), !basis.led_here);
    }
    enqueue(job);
  } catch (const std::bad_alloc&) {
    // The job, if it was made, has answered.
  }
}

void Gateway::pass_on(Job& job, model::Credential credential, bool may_be_old) {
  credential.door = job.call->request.credential.door;
  // After a second look the answer is what it is.
  if (may_be_old && !job.again) return inner_.submit(new SecondLook(inbox_, job, std::move(credential)));
  job.call->request.credential = std::move(credential);
  inner_.submit(job.release());
}

void Gateway::enqueue(const JobPtr& job) {
  if (inbox_->push(job)) return;
  ++dropped_;
  job->finish(Error(Code::overloaded));
}

void Gateway::run() {
  while (auto item = inbox_->pop()) {
    try {
      if (auto* job = std::get_if<JobPtr>(&*item)) {
        begin(*job);
        continue;
      }
      auto [reading, waited] = trusts_.take(std::move(std::get<TrustAnswer>(*item)));
      for (const JobPtr& job : waited) process(job, reading);
    } catch (const std::bad_alloc&) {
      // The jobs, which go away here, answer that the server cannot.
    }
  }
}

/// With what is known of its tenant, or after a reading.
void Gateway::begin(const JobPtr& job) {
  if (job->again) credentials_.forget(job->key);
  const TrustReader::ReadingPtr reading = trusts_.find(inner_.trust_basis(job->call->request.tenant));
  const bool is_enough = reading && (!job->again || reading->begun > job->came);
  if (is_enough) return process(job, reading);
  wait_for_trust(job);
}

void Gateway::wait_for_trust(const JobPtr& job) {
  const model::TimeMs now = settings_.clock();
  const model::TimeMs deadline = job->call->request.info.deadline;
  if (deadline != 0 && deadline <= now) return job->finish(Error(Code::deadline_exceeded));
  if (trusts_.wait(job, deadline != 0 ? deadline : now + kNoDeadlineMs)) return;
  ++dropped_;
  job->finish(Error(Code::overloaded));
}

Verdict Gateway::vouch(const model::Request& request, const Trust& trust, model::TimeMs now) {
  // A fetch that this request causes carries its trace.
  const Lookups lookups{
      [this](const model::TenantRef& ref) { return inner_.find_tenant(ref); },
      [this, &request](const model::Issuer& issuer) { return sources_.current(issuer, request.info.trace); }};
  const std::string_view text = request.credential.token.expose();
  const model::Credential& presented = request.credential;
  return presented.is_certificate ? vouch_for_certificate(text, presented.expires_at, trust, node_.get(), lookups, now)
                                  : vouch_for_token(text, request.tenant, trust, node_.get(), lookups, now);
}

void Gateway::process(const JobPtr& job, const TrustReader::ReadingPtr& reading) {
  const model::Request& request = job->call->request;
  const model::TimeMs now = settings_.clock();
  if (request.info.deadline != 0 && request.info.deadline <= now) return job->finish(Error(Code::deadline_exceeded));
  if (!reading->trust) return refuse(*job, reading->error);
  const std::uint64_t node_changes = node_changes_.load();
  Verdict verdict = vouch(request, *reading->trust, now);
  if (auto* vouched = std::get_if<Vouched>(&verdict)) {
    ++verified_;
    credentials_.put(job->key, {reading->basis, node_changes}, vouched->credential, vouched->until);
    return pass_on(*job, std::move(vouched->credential), !reading->basis.led_here);
  }
  // A reading that may lag refuses nobody who came after it.
  const bool is_certain =
      reading->begun > job->came || (reading->basis.led_here && inner_.trust_basis(request.tenant) == reading->basis);
  if (!is_certain) return wait_for_trust(job);
  auto& refused = std::get<Refused>(verdict);
  if (refused.unknown_key && !job->waited) {
    job->waited = true;
    const model::Issuer& issuer = refused.unknown_key->settings;
    if (sources_.wait_for_newer(
            issuer, refused.seen, [this, job] { enqueue(job); }, request.info.trace))
      return;
  }
  ++refused_;
  refuse(*job, std::move(refused.error));
}

/// "Unavailable" is for callers who shall try again, and says to others that there is a tenant, and whom it trusts. Nobody
/// has verified what came, so it counts against its source as "unauthenticated" does, which the listeners count.
void Gateway::refuse(Job& job, Error error) {
  if (error.code == Code::unavailable && settings_.guard) {
    const std::string& address = job.call->request.info.address;
    settings_.guard->failed(address, is_loopback(address), Clock::now());
  }
  job.finish(std::move(error));
}

void Gateway::stop() {
  if (!inbox_->close()) return;
  for (std::thread& thread : threads_) thread.join();
  sources_.stop();  // what waited there finds the queue closed
  trusts_.clear();  // the jobs answer
}

model::Status Gateway::reload(const std::vector<model::Issuer>& issuers,
                              const std::vector<NodeCertificate>& certificates) {
  auto next = read_node_trust(issuers, certificates);
  if (!next) return next.error();
  node_.set(*std::move(next));
  trusts_.forget();
  sources_.forget();
  ++node_changes_;  // what was verified by the old rules and keys is verified anew
  return {};
}

std::vector<actors::Sample> Gateway::samples() const {
  std::vector<actors::Sample> samples = inner_.samples();
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    samples.push_back({name, help, true, {}, static_cast<double>(value)});
  };
  counter("coffer_credentials_remembered_total", "JWTs and certificates that were verified before.", remembered_);
  counter("coffer_credentials_verified_total", "JWTs and certificates that were verified.", verified_);
  counter("coffer_credentials_refused_total", "JWTs and certificates that were refused.", refused_);
  counter("coffer_credentials_dropped_total", "Calls that found the verifier's queue full.", dropped_);
  counter("coffer_credentials_decoys_total",
          "JWTs that nobody here could have signed, whose check was made all the same.", decoys_checked());
  counter("coffer_jwks_fetches_total", "Fetches of issuers' key sets.", sources_.fetches());
  counter("coffer_jwks_failures_total", "Fetches of issuers' key sets that failed.", sources_.failures());
  if (settings_.guard) {
    counter("coffer_sources_refused_total", "Requests refused unseen: their address had sent too many bad credentials.",
            settings_.guard->refused());
  }
  samples.push_back({"coffer_credentials_cached",
                     "Verified credentials that are remembered.",
                     false,
                     {},
                     static_cast<double>(credentials_.size())});
  return samples;
}

}  // namespace

Result<std::unique_ptr<IdentityGateway>> make_identity_gateway(actors::Gateway& inner, IdentitySettings settings) {
  auto node = read_node_trust(settings.issuers, settings.certificates);
  if (!node) return node.error();
  if (!settings.clock) settings.clock = wall_clock_ms;
  if (!settings.log) settings.log = [](std::string_view) {};
  if (!settings.fetch)
    settings.fetch = [](const std::string& url, const std::string& ca, const std::string& trace) {
      return jwt::fetch(url, ca, {}, trace);
    };
  return std::unique_ptr<IdentityGateway>(std::make_unique<Gateway>(inner, std::move(settings), *std::move(node)));
}

}  // namespace coffer::net
