// See keeper.hpp.

#include "net/peer/keeper.hpp"

#include "crypto/node_certificate.hpp"
#include "crypto/node_key.hpp"
#include "net/peer/join_handler.hpp"
#include "net/peer/tls.hpp"

namespace coffer::net {
namespace {

/// From then on each failure is a warning that somebody should read.
constexpr model::TimeMs kLastDays = 5LL * 24 * 3600 * 1000;

}  // namespace

bool is_due_for_renewal(std::string_view certificate, model::TimeMs now) {
  const auto facts = crypto::read_certificate(certificate);
  return !facts || now >= facts->not_before + (facts->not_after - facts->not_before) / 2;
}

CertificateKeeper::CertificateKeeper(actors::Gateway& gateway, PeerListener& link, KeeperSettings settings)
    : gateway_(gateway), link_(link), settings_(std::move(settings)) {}

model::Status CertificateKeeper::renew() {
  const crypto::NodeKey key = crypto::NodeKey::generate();
  auto reply = renew_certificate(gateway_, settings_.node, key.certificate_request(), settings_.timeout);
  if (!reply) return reply.error();
  const PeerCredentials fresh{reply->certificate, reply->ca, key.private_pem()};
  // The one that is stored is good, and a node does not start with one that is not: what the directory's leader signed by
  // a clock that is ahead does not replace it.
  if (const auto holds = peer::make_contexts(fresh); !holds) return holds.error();
  if (auto status = settings_.store(fresh); !status) return status;
  if (auto status = link_.set_credentials(fresh); !status) return status;
  certificate_ = fresh.certificate;
  return {};
}

void CertificateKeeper::start(std::string certificate) {
  certificate_ = std::move(certificate);
  thread_ = std::thread([this] { run(); });
}

void CertificateKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CertificateKeeper::run() {
  std::string last;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, settings_.look, [this] { return stopping_; })) {
    const model::TimeMs now = settings_.clock();
    if (!is_due_for_renewal(certificate_, now)) continue;
    lock.unlock();
    const auto status = renew();
    lock.lock();
    if (status.ok()) {
      last.clear();
      settings_.log("the node's certificate was renewed");
      continue;
    }
    const auto facts = crypto::read_certificate(certificate_);
    const std::string why(status.error().message());
    const bool urgent = !facts || facts->not_after - now < kLastDays;
    if (why == last && !urgent) continue;
    last = why;
    settings_.log("the node's certificate could not be renewed and is tried again: " + why);
  }
}

}  // namespace coffer::net
