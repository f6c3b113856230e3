// See gateway.hpp.

#include "net/identity/gateway.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "crypto/hash.hpp"
#include "net/flight.hpp"
#include "net/identity/credential_cache.hpp"
#include "net/identity/decoy.hpp"
#include "net/identity/vouch.hpp"
#include "net/jwt/fetch.hpp"
#include "net/live.hpp"

namespace coffer::net {
namespace {

using model::Code;
using model::Error;
using model::Result;

constexpr model::TimeMs kTrustLifeMs = 5'000;  // a reading of rows that were behind the log heals by itself

void finish(actors::Call* call, Error error) {
  call->reply = std::move(error);
  call->complete();
}

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

/// A call on its way through the verifier. Whoever drops it answers it.
struct Job {
  actors::Call* call = nullptr;
  std::string key;
  bool waited = false;  // for newer keys, which happens once

  explicit Job(actors::Call* c) : call(c) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job() {
    if (call) finish(call, Error(Code::unavailable));
  }
  actors::Call* release() { return std::exchange(call, nullptr); }
};
using JobPtr = std::shared_ptr<Job>;

class Gateway final : public IdentityGateway {
 public:
  Gateway(actors::Gateway& inner, IdentitySettings settings, NodeTrust node)
      : inner_(inner),
        settings_(std::move(settings)),
        node_(std::move(node)),
        credentials_(settings_.cached_credentials),
        sources_(source_settings()) {
    for (unsigned i = 0; i < settings_.threads; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Gateway() override { stop(); }

  void stop() override;
  model::Status reload(const std::vector<model::Issuer>& issuers,
                       const std::vector<NodeCertificate>& certificates) override;
  void submit(actors::Call* call) noexcept override;
  Result<model::Credential> authenticate(std::string_view token, model::Door door) const override;
  bool tenant_exists(const model::TenantRef& tenant) const override { return inner_.tenant_exists(tenant); }
  std::optional<model::TenantId> find_tenant(const model::TenantRef& tenant) const override {
    return inner_.find_tenant(tenant);
  }
  Result<actors::TenantTrust> trust_of(const model::TenantRef& tenant, model::TimeMs deadline) const override {
    return inner_.trust_of(tenant, deadline);
  }
  std::uint64_t trust_changes(const model::TenantId& tenant) const override { return inner_.trust_changes(tenant); }
  actors::NodeStatus status() const override { return inner_.status(); }
  std::vector<actors::Sample> samples() const override;
  model::AuditPort* audit() const override { return inner_.audit(); }

 private:
  struct Ready {  // a tenant's trust, ready to verify with
    std::shared_ptr<const Trust> trust;
    std::uint64_t changes = 0;
    model::TimeMs until = 0;
  };

  jwt::KeySources::Settings source_settings() const {
    jwt::KeySources::Settings settings;
    settings.fetch = settings_.fetch;
    settings.clock = settings_.clock;
    settings.log = settings_.log;
    return settings;
  }
  CredentialCache::Basis basis_of(const model::TenantRef& tenant) const {
    const auto id = inner_.find_tenant(tenant);
    return {id, id ? inner_.trust_changes(*id) : 0, node_changes_.load()};
  }
  void pass_on(actors::Call* call, model::Credential credential) noexcept {
    credential.door = call->request.credential.door;
    call->request.credential = std::move(credential);
    inner_.submit(call);
  }
  void enqueue(JobPtr job);
  void run();
  void process(const JobPtr& job);
  Result<std::shared_ptr<const Trust>> trust_for(const model::TenantRef& tenant, const CredentialCache::Basis& basis,
                                                 model::TimeMs deadline);

  actors::Gateway& inner_;
  const IdentitySettings settings_;
  Live<NodeTrust> node_;
  std::atomic<std::uint64_t> node_changes_{0};
  CredentialCache credentials_;
  jwt::KeySources sources_;

  std::mutex trust_mutex_;
  std::unordered_map<model::TenantId, Ready> trusts_;

  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::deque<JobPtr> queue_;
  bool stopped_ = false;
  std::atomic<std::uint64_t> remembered_{0}, verified_{0}, refused_{0}, dropped_{0};
  std::vector<std::thread> threads_;
};

/// What was presented and for which tenant, in one text that nobody can make mean two things.
std::string cache_key(const model::Request& request) {
  const model::TenantRef& tenant = request.tenant;
  std::string text(request.credential.is_certificate ? "c" : "t");
  text.append(1, static_cast<char>(tenant.name.empty() ? tenant.door.door : model::Door{}));
  const std::string& name = tenant.name.empty() ? tenant.door.external_id : tenant.name;
  text.append(std::to_string(name.size())).append(":").append(name).append(request.credential.token.expose());
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
  // Operators have tokens of their own; a tenant's issuer says nothing about them.
  if (!std::holds_alternative<model::TenantOperation>(call->request.operation)) {
    return finish(call, Error(Code::permission_denied));
  }
  try {
    auto job = std::make_shared<Job>(call);
    job->key = cache_key(call->request);
    if (auto known = credentials_.find(job->key, basis_of(call->request.tenant), settings_.clock())) {
      ++remembered_;
      return pass_on(job->release(), std::move(*known));
    }
    enqueue(std::move(job));
  } catch (const std::bad_alloc&) {
    // The job, if it was made, has answered.
  }
}

void Gateway::enqueue(JobPtr job) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (!stopped_ && queue_.size() < settings_.most_waiting) {
      queue_.push_back(std::move(job));
    }
  }
  if (!job) return queue_changed_.notify_one();
  ++dropped_;
  finish(job->release(), Error(Code::overloaded));
}

void Gateway::run() {
  for (;;) {
    JobPtr job;
    {
      std::unique_lock lock(queue_mutex_);
      queue_changed_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
      if (stopped_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    try {
      process(job);
    } catch (const std::bad_alloc&) {
      // The job, which goes away here, answers that the server cannot.
    }
  }
}

void Gateway::process(const JobPtr& job) {
  const model::Request& request = job->call->request;
  const model::TimeMs now = settings_.clock();
  const model::TimeMs deadline = request.info.deadline;
  if (deadline != 0 && deadline <= now) return finish(job->release(), Error(Code::deadline_exceeded));
  const CredentialCache::Basis basis = basis_of(request.tenant);
  const auto trust = trust_for(request.tenant, basis, deadline != 0 ? deadline : now + 1'000);
  if (!trust) return finish(job->release(), trust.error());
  const model::Credential& presented = request.credential;
  // A fetch that this request causes carries its trace.
  const Lookups lookups{
      [this](const model::TenantRef& ref) { return inner_.find_tenant(ref); },
      [this, &request](const model::Issuer& issuer) { return sources_.current(issuer, request.info.trace); }};
  Verdict verdict = presented.is_certificate
                        ? vouch_for_certificate(presented.token.expose(), **trust, node_.get(), lookups)
                        : vouch_for_token(presented.token.expose(), request.tenant, **trust, node_.get(), lookups, now);
  if (auto* vouched = std::get_if<Vouched>(&verdict)) {
    ++verified_;
    credentials_.put(job->key, basis, vouched->credential, vouched->until);
    return pass_on(job->release(), std::move(vouched->credential));
  }
  auto& refused = std::get<Refused>(verdict);
  if (refused.unknown_key && !job->waited) {
    job->waited = true;
    const model::Issuer& issuer = refused.unknown_key->settings;
    if (sources_.wait_for_newer(
            issuer, refused.seen, [this, job] { enqueue(job); }, request.info.trace))
      return;
  }
  ++refused_;
  finish(job->release(), std::move(refused.error));
}

Result<std::shared_ptr<const Trust>> Gateway::trust_for(const model::TenantRef& tenant,
                                                        const CredentialCache::Basis& basis, model::TimeMs deadline) {
  static const auto kNobody = std::make_shared<const Trust>();
  const model::TimeMs now = settings_.clock();
  if (basis.tenant) {
    const std::lock_guard lock(trust_mutex_);
    const auto found = trusts_.find(*basis.tenant);
    if (found != trusts_.end() && found->second.changes == basis.changes && now < found->second.until) {
      return found->second.trust;
    }
  }
  // Also of a tenant that is not known here: in a cluster it may only be new.
  auto read = inner_.trust_of(tenant, deadline);
  if (!read) {
    if (read.error().code == Code::tenant_not_found) return kNobody;
    return read.error();
  }
  auto trust = std::make_shared<const Trust>(make_trust(std::move(*read)));
  const std::lock_guard lock(trust_mutex_);
  // Full: begin anew. Reading a tenant's issuers costs less than keeping an order of them.
  if (trusts_.size() >= settings_.cached_tenants) trusts_.clear();
  trusts_[*trust->tenant] = {trust, basis.changes, now + kTrustLifeMs};
  return trust;
}

void Gateway::stop() {
  {
    const std::lock_guard lock(queue_mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  queue_changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  sources_.stop();  // what waited there finds the queue closed
  queue_.clear();   // the jobs answer
}

model::Status Gateway::reload(const std::vector<model::Issuer>& issuers,
                              const std::vector<NodeCertificate>& certificates) {
  auto next = read_node_trust(issuers, certificates);
  if (!next) return next.error();
  node_.set(*std::move(next));
  {
    const std::lock_guard lock(trust_mutex_);
    trusts_.clear();
  }
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
