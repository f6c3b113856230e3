// The composition root: data directory, databases, keys, node, doors, listeners; then waits for a signal and takes
// everything down in the opposite order. See server.hpp.

#include "app/server.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <spdlog/spdlog.h>

#include "actors/node.hpp"
#include "actors/offline.hpp"
#include "app/dev_key.hpp"
#include "app/exit.hpp"
#include "app/log.hpp"
#include "app/notify.hpp"
#include "app/peers.hpp"
#include "app/reload.hpp"
#include "app/sealing.hpp"
#include "app/version.hpp"
#include "crypto/hash.hpp"
#include "crypto/key.hpp"
#include "crypto/key_ring.hpp"
#include "crypto/node_key.hpp"
#include "net/flight.hpp"
#include "net/identity/gateway.hpp"
#include "net/jwt/mint.hpp"
#include "net/server.hpp"
#include "net/tenant_metrics.hpp"
#include "storage/data_dir.hpp"
#include "storage/open.hpp"

namespace coffer::app {

namespace {

using model::Code;
using model::Error;

constexpr std::size_t kLogWriteBuffer = 32 << 20;
constexpr std::size_t kStateWriteBuffer = 32 << 20;

/// Blocks the signals in every thread that starts from now on, so that wait() gets them.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, kSeal}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  /// The signal by which a thread asks main to seal the node.
  static constexpr int kSeal = SIGUSR2;
  /// SIGTERM, SIGINT or kSeal. SIGHUP calls `reload`; the service manager's watchdog is fed meanwhile.
  int wait(const std::function<void()>& reload) const {
    const auto watchdog = watchdog_interval();
    const timespec interval{static_cast<std::time_t>(watchdog ? watchdog->count() / 1000 : 0),
                            static_cast<long>(watchdog ? watchdog->count() % 1000 * 1'000'000 : 0)};
    for (;;) {
      const int signal = watchdog ? sigtimedwait(&set_, nullptr, &interval) : sigwaitinfo(&set_, nullptr);
      if (signal == SIGHUP) {
        notify_reloading();
        reload();
        notify_manager("READY=1");
      } else if (signal > 0) {
        return signal;
      } else if (watchdog) {
        notify_manager("WATCHDOG=1");
      }
    }
  }

 private:
  sigset_t set_{};
};

struct Databases {
  std::unique_ptr<storage::Engine> log, state;
};

model::Result<Databases> open_databases(const storage::DataDir& data) {
  storage::LevelDbOptions log;
  log.path = data.log_path();
  log.paranoid = true;
  log.write_buffer = kLogWriteBuffer;
  log.sequential = true;
  auto log_engine = storage::open_leveldb(log);
  if (!log_engine) return log_engine.error();
  storage::LevelDbOptions state;
  state.path = data.state_path();
  state.paranoid = false;  // what its log loses is replayed from the log database
  state.write_buffer = kStateWriteBuffer;
  auto state_engine = storage::open_leveldb(state);
  if (!state_engine) return state_engine.error();
  return Databases{std::move(*log_engine), std::move(*state_engine)};
}

actors::AuditOptions audit_options(const AuditConfig& config, const std::string& data) {
  actors::AuditOptions options;
  if (!config.enabled) return options;
  options.directory = config.directory.empty() ? data + "/audit" : config.directory;
  options.trail.file_bytes = config.file_bytes;
  options.trail.file_age_s = config.file_age.count();
  options.trail.keep_s = config.keep.count();
  options.trail.keep_bytes = config.keep_bytes;
  options.queue_bytes = config.queue_bytes;
  options.sync_interval = config.sync_interval;
  options.sink_lines = config.sink_queue;
  if (config.to_stdout) options.sinks.push_back(make_stdout_sink());
  if (config.syslog) options.sinks.push_back(make_syslog_sink(*config.syslog, config.syslog_facility));
  return options;
}

/// Data directory, databases, keys and actors. The lock of the data directory lives as long as this.
struct Running {
  std::optional<storage::DataDir> data;
  std::unique_ptr<Peers> peers;  // null: the node is alone
  std::unique_ptr<actors::Node> node;
};

struct Start {
  actors::Bootstrap bootstrap = actors::Bootstrap::refuse;
  std::string operator_token_file;
  bool sealed = false;                           // the seal is not asked
  std::vector<model::Secret>* shares = nullptr;  // of a new cluster, when a set is asked for
  std::function<void()> request_seal;
  std::shared_ptr<LiveDevice> device;  // null: no seal is added
  std::shared_ptr<net::SourceGuard> guard;
};

model::Result<Running> start_node(const Config& config, const Start& start) {
  Running running;
  auto data = storage::DataDir::open(config.data_dir);
  if (!data) return data.error();
  running.data.emplace(std::move(*data));
  actors::NodeOptions options;
  auto seal = open_automatic_seal(config, start.bootstrap != actors::Bootstrap::refuse);
  if (!seal && (config.dev || !std::filesystem::exists(running.data->log_path() + "/CURRENT"))) return seal.error();
  options.seal = seal ? std::move(*seal) : excuse_of(config, seal.error());
  options.start_sealed = start.sealed;
  options.first_seals = make_first_seals(config, start.shares);
  options.request_seal = start.request_seal;
  if (start.device) options.device_seal = [device = start.device](const auto& name) { return device->open(name); };
  options.keeper.backups = config.backup;
  options.keeper.backups.spare = [to = config.backup.directory, data = config.data_dir,
                                  reserve = config.storage.read_only_below]() -> std::optional<std::uint64_t> {
    const auto spare = storage::spare_bytes(to, data, reserve);
    return spare ? std::optional(*spare) : std::nullopt;
  };
  options.keeper.key_directory = key_directory(config);
  options.keeper.reseal_rows_per_second = config.reseal_rows_per_second;
  options.keeper.retire_after = config.retire_keys_after;
  options.keeper.program = "coffer " + std::string(kVersion);
  // Before the databases are made: whoever joins has none.
  if (start.bootstrap != actors::Bootstrap::require && !config.peer.address.empty()) {
    auto peers = Peers::prepare(config, start.guard, [](std::string_view line) { spdlog::info("peers: {}", line); });
    if (!peers) return peers.error();
    running.peers = *std::move(peers);
  }
  auto databases = open_databases(*running.data);
  if (!databases) return databases.error();
  options.log_engine = std::move(databases->log);
  options.state_engine = std::move(databases->state);
  options.bootstrap = start.bootstrap;
  options.dev = config.dev;
  options.operator_token_file = start.operator_token_file;
  options.data_groups = config.cluster.data_groups;
  options.newest_format = config.cluster.format;
  options.election_timeout_ms = static_cast<std::uint64_t>(config.cluster.election_timeout.count());
  options.heartbeat_ms = static_cast<std::uint64_t>(config.cluster.heartbeat.count());
  // Listener threads and workers together should not exceed the cores by much (recipes of the front).
  options.scheduler_threads =
      config.shards.threads != 0 ? config.shards.threads : std::max(1U, std::thread::hardware_concurrency() / 2);
  options.shard_idle = config.shards.idle;
  options.max_shards = config.shards.max_live;
  options.cache_bytes = static_cast<std::int64_t>(config.shards.cache_budget_bytes);
  options.quotas = config.quotas;
  options.audit = audit_options(config.audit, config.data_dir);
  options.disk.read_only_below = config.storage.read_only_below;
  options.free_bytes = [path = config.data_dir]() -> std::optional<std::uint64_t> {
    const auto free = storage::free_bytes(path);
    return free ? std::optional(*free) : std::nullopt;
  };
  options.checkpoint_bytes = config.storage.checkpoint_bytes;
  options.log = [](std::string_view line) { spdlog::warn("{}", line); };
  options.lease = config.cluster.lease;
  options.replicas = config.cluster.replicas;
  options.replace_after = config.cluster.replace_after;
  options.snapshot_bytes_per_second = config.cluster.snapshot_bytes_per_second;
  options.catch_up_memory = config.cluster.catch_up_memory;
  if (running.peers) running.peers->fill(options);
  options.fatal = [](const Error& error) {
    // Nothing may be acknowledged after a failed write: no destructor runs, the restart replays what is durable.
    spdlog::critical("the node stops: {}", error.message());
    spdlog::default_logger()->flush();
    std::_Exit(static_cast<int>(Exit::failed));
  };
  auto node = actors::Node::start(std::move(options));
  if (!node) return node.error();
  running.node = std::move(*node);
  if (running.peers) {
    if (auto status = running.peers->begin(*running.node); !status) return status.error();
  }
  return running;
}

/// Whom every tenant trusts: in --dev the server's own issuer. The key's file is made at the first start, and read again by
/// a reload.
model::Result<std::vector<model::Issuer>> node_issuers(const Config& config) {
  if (!config.dev) return std::vector<model::Issuer>();
  const auto key = open_dev_key(dev_key_path(config.data_dir));
  if (!key) return key.error();
  return net::jwt::dev_issuers(key->public_pem());
}

/// What checks JWTs and certificates in front of the node.
model::Result<std::unique_ptr<net::IdentityGateway>> make_identity(const Config& config, actors::Node& node,
                                                                   std::shared_ptr<net::SourceGuard> guard) {
  net::IdentitySettings settings;
  settings.guard = std::move(guard);
  settings.threads = config.identity.threads;
  settings.cached_credentials = config.identity.cached_credentials;
  settings.certificates = config.identity.certificates;
  settings.log = [](std::string_view line) { spdlog::warn("{}", line); };
  auto issuers = node_issuers(config);
  if (!issuers) return issuers.error();
  settings.issuers = *std::move(issuers);
  return net::make_identity_gateway(node, std::move(settings));
}

int fail(const Error& error) {
  spdlog::error("{}", error.message());
  return static_cast<int>(error.code == Code::invalid_argument ? Exit::usage : Exit::failed);
}

std::string with_port(const std::string& address, std::uint16_t port) {
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

/// The threads hand requests to each other. Where they share a core, one that is woken would cut off the one that wakes
/// it, for every single request; as "batch" it waits for its turn, and finds more to do when it comes (sched(7)).
void let_threads_finish_their_turns() {
  const sched_param priority{};
  ::sched_setscheduler(0, SCHED_BATCH, &priority);  // inherited by all threads; if refused, it only costs speed
}

void warn_about_memory() {
  if (!crypto::key_memory_is_locked()) {
    spdlog::warn("key memory is not locked and could be paged out: raise the limit of locked memory (ulimit -l)");
  }
}

/// A stopped node's directory, opened without an actor.
struct Offline {
  std::optional<storage::DataDir> data;
  std::unique_ptr<crypto::Seal> seal;
  Databases databases;
};

model::Result<Offline> open_offline(const Config& config) {
  LogSettings quiet = config.log;
  quiet.level = "warn";
  if (auto status = set_up_log(quiet); !status) return status.error();
  Offline offline;
  auto data = storage::DataDir::open(config.data_dir);
  if (!data) return data.error();
  offline.data.emplace(std::move(*data));
  auto seal = open_automatic_seal(config, false);
  if (!seal) return seal.error();
  if (*seal == nullptr) {
    return Error(Code::sealed,
                 "a stopped node is opened by a key file, a device or a passphrase's file: name one in [seal]");
  }
  offline.seal = std::move(*seal);
  auto databases = open_databases(*offline.data);
  if (!databases) return databases.error();
  offline.databases = std::move(*databases);
  return offline;
}

/// What serve() ended with, when the node is to be started again, sealed.
constexpr int kStartSealed = -1;

/// A node's life in this process, from the opening of its data to the closing: nothing of its keys is left behind.
int serve(const Config& config, const ServerOverrides& overrides, const Signals& signals, const std::string& token_file,
          bool sealed) {
  Start start;
  start.bootstrap = config.dev ? actors::Bootstrap::allow : actors::Bootstrap::refuse;
  start.operator_token_file = token_file;
  start.sealed = sealed;
  start.request_seal = [] { ::kill(::getpid(), Signals::kSeal); };
  start.device = std::make_shared<LiveDevice>(config.seal.pkcs11);
  const auto guard = std::make_shared<net::SourceGuard>(config.identity.guard);
  start.guard = guard;
  auto running = start_node(config, start);
  if (!running) return fail(running.error());
  actors::Node& node = *running->node;
  warn_about_memory();

  auto made = make_identity(config, node, guard);
  if (!made) return fail(made.error());
  net::IdentityGateway& identity = **made;
  const auto quota_use = [&node](const model::TenantId& tenant) { return node.quota_use(tenant); };
  const auto counted =
      config.metrics.tenants == 0 ? nullptr : net::count_by_tenant(identity, config.metrics.tenants, quota_use);
  actors::Gateway& gateway = counted ? *counted : static_cast<actors::Gateway&>(identity);

  net::Metrics metrics(gateway);
  if (running->peers) metrics.add_source([peers = running->peers.get()] { return peers->samples(); });
  net::CallLog calls([format = config.log.format](const net::CallLine& line) { log_call(format, line); });
  calls.set_level(config.log.requests);
  metrics.set_call_log(&calls);
  net::Doors door_settings = config.doors;
  door_settings.dev = config.dev;
  door_settings.version = std::string(kVersion);
  const auto doors = net::make_doors(door_settings, gateway);
  const auto admin_door = net::make_admin_door(door_settings, gateway, metrics);
  const auto keeper_door = net::make_keeper_door(gateway);
  const auto cloudforet = net::make_cloudforet(door_settings, gateway);
  if (!cloudforet) return fail(cloudforet.error());
  std::vector<net::Door*> shown{cloudforet->older.get()};
  for (const auto& door : doors) shown.push_back(door.get());

  struct Named {
    const char* name;
    const net::Listener* listener;
    std::unique_ptr<net::Server> server;
  };
  const auto grpc_threads = net::make_grpc_threads(std::max(config.grpc.threads, config.admin.threads));
  std::vector<Named> servers;
  servers.push_back(
      {"grpc", &config.grpc, net::make_grpc_server(config.grpc, shown, gateway, metrics, grpc_threads, guard)});
  servers.push_back({"admin", &config.admin,
                     net::make_grpc_server(config.admin, {admin_door.get(), keeper_door.get()}, gateway, metrics,
                                           grpc_threads, guard)});
  for (const ExtraListener& one : config.extra) {
    const std::vector<net::Door*> door{one.cloudforet_newer ? cloudforet->newer.get() : cloudforet->older.get()};
    servers.push_back({"extra", &one.listener,
                       one.http ? net::make_http_server(one.listener, door, gateway, metrics, guard)
                                : net::make_grpc_server(one.listener, door, gateway, metrics, grpc_threads, guard)});
  }
  // Last, so that whoever finds /readyz finds the others listening, too.
  servers.push_back({"http", &config.http, net::make_http_server(config.http, shown, gateway, metrics, guard)});
  std::size_t started = 0;
  int exit = static_cast<int>(Exit::ok);
  for (Named& named : servers) {
    if (auto status = named.server->start(); !status) {
      exit =
          fail(Error(Code::internal, std::string(named.name) + " listener: " + std::string(status.error().message())));
      break;
    }
    ++started;
    spdlog::info("{} listens on {}{}", named.name, with_port(named.listener->address, named.server->port()),
                 named.listener->tls ? " (TLS)" : "");
  }
  if (started == servers.size()) {
    const actors::NodeStatus status = node.status();
    if (status.sealed) {
      spdlog::warn("coffer {} is sealed: cluster {}, data in {}; open it with `coffer admin unseal`", kVersion,
                   status.cluster_id, config.data_dir);
    } else {
      spdlog::info("coffer {} is ready: cluster {}, {} tenants, data in {}", kVersion, status.cluster_id,
                   status.tenants, config.data_dir);
    }
    if (running->peers) {
      spdlog::info("node {} listens for its peers on {} (they reach it at {})", status.node_id,
                   with_port(config.peer.address, running->peers->port()), running->peers->address());
    }
    if (config.dev) spdlog::info("--dev: the root token is in {}", token_file);
    Config running_config = config;
    Reloadable parts;
    for (const Named& named : servers) parts.add_server(config, *named.listener, named.server.get());
    parts.guard = guard.get();
    parts.node = &node;
    parts.device = start.device.get();
    parts.doors = shown;
    parts.identity = &identity;
    parts.issuers = [&config] { return node_issuers(config); };
    parts.calls = &calls;
    notify_manager("READY=1\nSTATUS=serving");
    const int signal = signals.wait([&] { reload(overrides, parts, running_config); });
    notify_manager("STOPPING=1\nSTATUS=draining");
    if (signal == Signals::kSeal) exit = kStartSealed;
    spdlog::info("{}: draining", signal == Signals::kSeal ? "sealing" : signal == SIGTERM ? "SIGTERM" : "SIGINT");
  }
  for (std::size_t i = 0; i < started; ++i) servers[i].server->stop();
  identity.stop();
  if (running->peers) running->peers->stop();
  node.stop();
  spdlog::info(exit == kStartSealed ? "stopped; starting sealed" : "stopped");
  return exit;
}

}  // namespace

int run_server(const Config& config, const ServerOverrides& overrides) {
  if (auto status = set_up_log(config.log); !status) return fail(status.error());
  const Signals signals;
  let_threads_finish_their_turns();
  std::string token_file;
  if (config.dev) {
    // The data directory must be there before its dev/ folder; opening it twice in a row is harmless.
    if (auto data = storage::DataDir::open(config.data_dir); !data) return fail(data.error());
    auto dev = dev_directory(config.data_dir);
    if (!dev) return fail(dev.error());
    token_file = *dev + "/root.token";
  }
  int exit = serve(config, overrides, signals, token_file, false);
  while (exit == kStartSealed) exit = serve(config, overrides, signals, token_file, true);
  return exit;
}

int init_node(const Config& config, const std::string& operator_token_file) {
  LogSettings quiet = config.log;
  quiet.level = "warn";
  if (auto status = set_up_log(quiet); !status) return fail(status.error());
  if (::access(operator_token_file.c_str(), F_OK) == 0) {
    return fail(
        Error(Code::invalid_argument, operator_token_file + " exists already; name another file for the token"));
  }
  std::vector<model::Secret> shares;
  Start start;
  start.bootstrap = actors::Bootstrap::require;
  start.operator_token_file = operator_token_file;
  start.shares = &shares;
  auto running = start_node(config, start);
  if (!running) return fail(running.error());
  const std::string cluster = running->node->status().cluster_id;
  running->node->stop();
  std::printf("cluster %s is ready in %s\n", cluster.c_str(), config.data_dir.c_str());
  if (!config.seal_key_file.empty()) {
    std::printf("  key file        %s   (keep a copy apart: without a seal nothing opens)\n",
                config.seal_key_file.c_str());
  }
  std::printf("  operator token  %s\n", operator_token_file.c_str());
  std::printf("  cluster CA      in the data directory, sealed; it certifies nodes that join\n");
  if (!shares.empty()) {
    std::printf("%zu shares, any %u of which unseal the cluster; they are not shown again:\n", shares.size(),
                config.seal.threshold);
    for (const model::Secret& share : shares) std::printf("%s\n", std::string(share.expose()).c_str());
  }
  return static_cast<int>(Exit::ok);
}

int reissue_node(const Config& config) {
  auto offline = open_offline(config);
  if (!offline) return fail(offline.error());
  const std::string path = peer_identity_path(config.data_dir);
  auto stored = read_peer_identity(path);
  if (!stored) return fail(stored.error());
  const crypto::NodeKey key = crypto::NodeKey::generate();
  auto fresh = actors::reissue_certificate(*offline->databases.log, *offline->databases.state, *offline->seal,
                                           crypto::system_random(), key.certificate_request(), net::wall_clock_ms());
  if (!fresh) return fail(fresh.error());
  PeerIdentity identity = stored->has_value() ? **std::move(stored) : PeerIdentity();
  identity.node = fresh->node;
  identity.cluster_id = crypto::hex(fresh->cluster_id);
  identity.credentials = {fresh->certificate, fresh->ca, key.private_pem()};
  if (auto status = write_peer_identity(path, identity); !status) return fail(status.error());
  std::printf("node %llu has a new certificate in %s\n", static_cast<unsigned long long>(fresh->node.value),
              path.c_str());
  return static_cast<int>(Exit::ok);
}

int recover_node(const Config& config) {
  auto offline = open_offline(config);
  if (!offline) return fail(offline.error());
  const auto recovered = actors::recover_quorum(*offline->databases.log, *offline->databases.state, *offline->seal,
                                                crypto::system_random(), net::wall_clock_ms());
  if (!recovered) return fail(recovered.error());
  std::printf("node %llu is the only voter of %zu groups now\n", static_cast<unsigned long long>(recovered->node.value),
              recovered->groups.size());
  for (const model::GroupId group : recovered->absent) {
    std::printf("  group %llu was not on this node: its tenants are lost unless another node is recovered instead\n",
                static_cast<unsigned long long>(group.value));
  }
  std::printf(
      "  start it, remove the lost nodes (coffer admin cluster remove ID --force), let new ones join;\n"
      "  the lost nodes must never run again with the data that they have\n");
  return static_cast<int>(Exit::ok);
}

}  // namespace coffer::app
