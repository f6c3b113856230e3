#pragma once
// Everything a server can be told, as one value: defaults here, a TOML file over them (config_file.cpp), the command line
// over both (apply), checked as a whole (validate). Read by the composition root; values, main's thread.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/keeper_settings.hpp"
#include "app/audit_sinks.hpp"
#include "cluster/formats.hpp"
#include "crypto/seal.hpp"
#include "model/quota.hpp"
#include "model/secret.hpp"
#include "net/call_notes.hpp"
#include "net/guard.hpp"
#include "net/settings.hpp"

namespace coffer::app {

enum class LogFormat : std::uint8_t { text, json };

struct LogSettings {
  std::string level = "info";  // trace, debug, info, warn, error, off
  LogFormat format = LogFormat::text;
  net::CallLog::Level requests = net::CallLog::Level::none;  // which requests get a line
};

/// The link to the other nodes. Without an address the node is alone.
struct PeerConfig {
  std::string address;    // to listen on
  std::string advertise;  // where the others reach it; empty: `address`
  std::string join;       // the peers' address of a node of the cluster to join; taken once, by an empty data directory
  std::string token_file;
  model::Secret token;  // from the command line, instead of the file
};

struct ClusterSettings {
  std::uint32_t data_groups = 16;                 // of a new cluster
  std::uint32_t format = cluster::kNewestFormat;  // the newest that this node takes part in
  std::chrono::milliseconds election_timeout{300};
  std::chrono::milliseconds heartbeat{60};
  bool lease = true;                           // false: every read asks a majority
  std::uint32_t replicas = 3;                  // of a data group, as far as there are nodes
  std::chrono::milliseconds replace_after{0};  // a silent node's replicas are made elsewhere; 0: never by itself
  std::uint64_t snapshot_bytes_per_second = 8ULL << 20;  // of groups' states that others send; 0: as fast as it goes
  std::uint64_t catch_up_memory = 512ULL << 20;          // of the groups' logs, for nodes that are behind
};

struct StorageSettings {
  std::uint64_t checkpoint_bytes = 64 << 20;     // of log per group before the state is flushed and the log truncated
  std::uint64_t read_only_below = 512ULL << 20;  // free bytes on the disk; 0: never read-only
};

struct AuditConfig {
  bool enabled = true;
  std::string directory;  // empty: <data>/audit
  std::uint64_t file_bytes = 64 << 20;
  std::chrono::seconds file_age{24 * 3600};
  std::chrono::seconds keep{90 * 24 * 3600};  // 0: for ever
  std::uint64_t keep_bytes = 10ULL << 30;     // 0: all of it
  std::uint64_t queue_bytes = 16 << 20;
  std::chrono::milliseconds sync_interval{1000};
  bool to_stdout = false;
  std::optional<SyslogTarget> syslog;
  unsigned syslog_facility = 13;
  std::uint32_t sink_queue = 10'000;  // records
};

struct ShardSettings {
  unsigned threads = 0;                         // of the actor scheduler; 0: one for two cores, at least one
  std::chrono::seconds idle{60};                // a shard without requests for so long stops
  std::uint32_t max_live = 20'000;              // beyond it the longest idle shards stop early
  std::uint64_t cache_budget_bytes = 64 << 20;  // indexes of opened metadata, all shards together
};

struct IdentityConfig {
  unsigned threads = 1;  // that verify JWTs
  std::size_t cached_credentials = 10'000;
  std::vector<net::NodeCertificate> certificates;  // [[certificates]]
  net::GuardSettings guard;                        // of addresses whose credentials do not hold
};

struct MetricsConfig {
  std::uint32_t tenants = 0;  // that /metrics shows by name; 0: none
};

/// Seals besides the key file. Of those that open by themselves one is used: PKCS#11 before the key file before the
/// passphrase's file.
struct SealConfig {
  bool manual = false;          // a person unseals the node: none has to open by itself
  std::string passphrase_file;  // mode 0600
  std::string key_directory;    // of key files that operators add; empty: the one of seal_key_file
  crypto::Pkcs11Settings pkcs11;
  std::uint32_t threshold = 0, shares = 0;  // `coffer admin init`: a set of shares, too
};

/// A listener beside the three: serves one profile of a door whose names another one already has.
struct ExtraListener {
  net::Listener listener;
  bool http = false;             // protocol = "http"
  bool cloudforet_newer = true;  // cloudforet.profile = "2.x"; "1.12" is what the public ones serve, too
};

struct Config {
  bool dev = false;
  bool insecure = false;  // listeners without TLS are wanted
  std::string data_dir = "./coffer-data";
  std::string seal_key_file;  // empty in --dev: <data>/dev/seal.key, which the server makes
  SealConfig seal;
  actors::BackupSchedule backup;
  std::uint64_t reseal_rows_per_second = 20'000;
  std::chrono::milliseconds retire_keys_after{24 * 3'600'000};  // since nothing is sealed by them any more
  net::Listener http, grpc, admin;                              // by default 127.0.0.1:7780, :7781, :7782
  std::vector<ExtraListener> extra;                             // [[listener]]
  PeerConfig peer;
  net::Doors doors;
  LogSettings log;
  ClusterSettings cluster;
  StorageSettings storage;
  AuditConfig audit;
  ShardSettings shards;
  IdentityConfig identity;
  MetricsConfig metrics;
  model::QuotaLimits quotas;  // of tenants that have none of their own

  Config();
};

/// What `coffer server` was told on its command line; what is absent leaves the configuration as it is.
struct ServerOverrides {
  bool dev = false;
  bool insecure = false;
  std::string config_file;  // empty: none
  std::optional<std::string> data, http, grpc, admin, seal_key_file;
  bool manual_seal = false;
  std::optional<std::string> peer, advertise, join, join_token, join_token_file;
};

/// Puts the command line over the configuration, and what --dev implies under it.
void apply(const ServerOverrides& overrides, Config& config);

/// One thing that is wrong. `setting` is its full name ("http.tls.key"); line and column are 0 when it is not in a file.
struct Problem {
  std::string setting;
  std::uint32_t line = 0, column = 0;
  std::string message;
};

/// What no single setting shows: TLS (outside --dev every listener has it, unless `insecure`), loopback in --dev,
/// two listeners on one address, timers that contradict one another, the seal's key file. Empty: fine.
std::vector<Problem> validate(const Config& config);

struct Position {
  std::uint32_t line = 0, column = 0;
};

/// A file as read. Problems are in the order of the file; `positions` says where each given setting stands.
struct ConfigFile {
  Config config;
  std::vector<Problem> problems;
  std::map<std::string, Position> positions;
};

/// Reads and checks a TOML file; never fails but by `problems` (also when the file cannot be read).
ConfigFile read_config_file(const std::string& path);
/// The same from text, for tests.
ConfigFile read_config_text(std::string_view text);

/// Every setting's full name; array elements without index ("dapr.store.name").
std::vector<std::string> all_settings();

/// File, command line and validate() together, problems located where the file has the setting.
ConfigFile load_config(const ServerOverrides& overrides);

/// "coffer.toml:3:11: http.address: ..." or "http.address: ..." when it does not stand in the file.
std::string to_string(const Problem& problem, std::string_view file);

}  // namespace coffer::app
