// coffer bench and coffer bench load: options, preparation, warm-up, the measured run.

#include <algorithm>
#include <thread>

#include "app/bench/result.hpp"
#include "app/bench/sources.hpp"
#include "app/cli/connection.hpp"
#include "app/cli/output.hpp"
#include "app/cli/program.hpp"
#include "app/parse.hpp"

namespace coffer::app::cli {
namespace {

using bench::BenchDoor;
using bench::Operation;

const std::map<std::string, BenchDoor> kDoors = {{"native-grpc", BenchDoor::native_grpc},
                                                 {"native-http", BenchDoor::native_http},
                                                 {"direktiv", BenchDoor::direktiv},
                                                 {"dapr-http", BenchDoor::dapr_http}};
const std::map<std::string, Operation> kOperations = {
    {"get", Operation::get}, {"put", Operation::put}, {"mixed", Operation::mixed}};

struct BenchOptions {
  ConnectionOptions connection;
  OutputOption output;
  bench::Workload workload;
  bench::Plan plan;
  std::string door = "native-grpc", operation = "get", http = "127.0.0.1:7780", duration = "10s", warmup = "1s";
  std::optional<std::int64_t> pid;
  bool no_prepare = false;
};

unsigned default_threads() { return std::max(1U, std::thread::hardware_concurrency() / 2); }

/// The first reason, for a failure's sentence.
std::string first_reason(const bench::Report& report) {
  return report.reasons.empty() ? "no reason was given" : report.reasons.begin()->first;
}

Outcome print(const BenchOptions& o, const bench::Result& result, Io& io) {
  if (o.output.json()) {
    bench::print_json(result, io.out);
  } else {
    bench::print_table(result, io.out);
  }
  if (result.report.done == 0) return Failure(Exit::failed, "no request succeeded: " + first_reason(result.report));
  return std::nullopt;
}

model::Status take_sample(const BenchOptions& o, std::optional<bench::ProcessSample>& out) {
  if (!o.pid) return {};
  const auto sample = bench::sample_process(*o.pid);
  if (!sample.ok()) return sample.error();
  out = *sample;
  return {};
}

Outcome prepare(const BenchOptions& o, const Endpoint& endpoint, Io& io) {
  if (o.no_prepare || o.workload.operation == Operation::put) return std::nullopt;
  io.err << "storing " << o.workload.tenants * o.workload.keys << " secrets to read\n" << std::flush;
  auto plan = o.plan;
  plan.duration = std::chrono::milliseconds(0);
  plan.rate = 0;
  const auto report = bench::run_grpc(endpoint, plan, *bench::make_preparation(o.workload));
  if (report.errors == 0) return std::nullopt;
  return Failure(Exit::failed, "preparing failed " + std::to_string(report.errors) + " times: " + first_reason(report),
                 "does the token allow it, and are the tenants there? A --dev server makes them at first use");
}

bench::Report drive(const BenchOptions& o, const Endpoint& endpoint, const bench::Plan& plan,
                    const bench::Source& source) {
  return bench::is_http(o.workload.door) ? bench::run_http(o.http, endpoint.timeout, plan, source)
                                         : bench::run_grpc(endpoint, plan, source);
}

/// Fills what follows from the texts of the options.
model::Status complete(BenchOptions& o, const Endpoint& endpoint, Io& io, std::chrono::milliseconds& warmup) {
  const auto duration = parse_duration(o.duration);
  if (!duration.ok()) return model::Error(model::Code::invalid_argument, "--duration: " + duration.error().detail);
  const auto warm = parse_duration(o.warmup);
  if (!warm.ok()) return model::Error(model::Code::invalid_argument, "--warmup: " + warm.error().detail);
  o.plan.duration = std::max(*duration, std::chrono::milliseconds(1));
  warmup = *warm;
  o.workload.door = kDoors.at(o.door);
  o.workload.operation = kOperations.at(o.operation);
  o.workload.http_host = o.http;
  o.workload.token = endpoint.token;
  o.workload.store_tenant = endpoint.tenant;
  o.workload.run = static_cast<std::uint64_t>(io.now());
  return bench::check(o.workload);
}

Outcome run_bench(BenchOptions o, Io& io) {
  const auto endpoint = resolve(o.connection, io);
  if (!endpoint.ok()) return Failure(endpoint.error());
  std::chrono::milliseconds warmup{0};
  if (const auto status = complete(o, *endpoint, io, warmup); !status.ok()) return Failure(status.error());
  bench::Result result{
      o.door, o.operation, o.plan.connections, o.workload.tenants, o.workload.keys, o.workload.value_bytes, {}, {}, {}};
  if (const auto status = take_sample(o, result.before); !status.ok()) return Failure(status.error());
  if (auto failure = prepare(o, *endpoint, io)) return failure;
  if (warmup.count() > 0) {
    auto plan = o.plan;
    plan.duration = warmup;
    drive(o, *endpoint, plan, *bench::make_load(o.workload));
    ++o.workload.run;  // other names, for puts that must not meet those of the warm-up
  }
  const auto source = bench::make_load(o.workload);
  if (const auto status = take_sample(o, result.before); !status.ok()) return Failure(status.error());
  result.report = drive(o, *endpoint, o.plan, *source);
  if (const auto status = take_sample(o, result.after); !status.ok()) return Failure(status.error());
  return print(o, result, io);
}

Outcome run_load(BenchOptions o, Io& io) {
  const auto endpoint = resolve(o.connection, io);
  if (!endpoint.ok()) return Failure(endpoint.error());
  bench::Result result{"native-grpc",
                       "load",
                       o.plan.connections,
                       o.workload.tenants,
                       o.workload.keys,
                       o.workload.value_bytes,
                       {},
                       {},
                       {}};
  o.plan.duration = std::chrono::milliseconds(0);
  if (const auto status = take_sample(o, result.before); !status.ok()) return Failure(status.error());
  result.report = bench::run_grpc(*endpoint, o.plan, *bench::make_preparation(o.workload));
  if (const auto status = take_sample(o, result.after); !status.ok()) return Failure(status.error());
  if (auto failure = print(o, result, io)) return failure;
  if (result.report.errors == 0) return std::nullopt;
  return Failure(Exit::failed, std::to_string(result.report.errors) + " secrets were not stored");
}

template <class Map>
CLI::Option* add_words(CLI::App* command, const std::string& name, std::string& out, const Map& words,
                       const std::string& description) {
  std::string type;
  for (const auto& [word, value] : words) type += (type.empty() ? "" : "|") + word;
  return command->add_option(name, out, description)
      ->capture_default_str()
      ->type_name(type)
      ->check([&words, type](const std::string& word) {
        return words.contains(word) ? std::string() : "'" + word + "' is none of " + type;
      });
}

void add_common(CLI::App* command, BenchOptions& o) {
  command->add_option("--value-bytes", o.workload.value_bytes, "Size of each value")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20))
      ->type_name("N");
  command->add_option("--tenant-prefix", o.workload.tenant_prefix, "Tenants are called this and a number")
      ->capture_default_str()
      ->type_name("TEXT");
  o.plan.threads = default_threads();
  command->add_option("--threads", o.plan.threads, "Threads of the gRPC client")
      ->capture_default_str()
      ->check(CLI::Range(1U, 1024U))
      ->type_name("N");
  command->add_option("--pid", o.pid, "The server's process: reports its CPU time and memory")->type_name("PID");
  add_output(command, o.output);
  add_connection(command, o.connection);
}

}  // namespace

void add_bench(CLI::App& root, Program& program) {
  auto o = std::make_shared<BenchOptions>();
  auto* command = root.add_subcommand("bench", "Put a server under load and measure it.");
  add_words(command, "--door", o->door, kDoors, "The API to use");
  add_words(command, "--op", o->operation, kOperations, "What to do; mixed is one put to nine gets");
  command->add_option("--connections", o->plan.connections, "Connections")
      ->capture_default_str()
      ->check(CLI::Range(1U, 100'000U))
      ->type_name("N");
  command->add_option("--streams", o->plan.streams, "Calls in flight on each connection (gRPC)")
      ->capture_default_str()
      ->check(CLI::Range(1U, 10'000U))
      ->type_name("N");
  command->add_option("--duration", o->duration, "How long to measure")->capture_default_str()->type_name("DURATION");
  command->add_option("--warmup", o->warmup, "How long to load before that")
      ->capture_default_str()
      ->type_name("DURATION");
  command->add_option("--tenants", o->workload.tenants, "Over how many tenants")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}))
      ->type_name("N");
  command->add_option("--keys", o->workload.keys, "Secrets in each tenant")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}))
      ->type_name("N");
  command->add_option("--rate", o->plan.rate, "Requests per second, all together (default: as fast as it answers)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  command->add_option("--http", o->http, "HTTP address, for the HTTP doors")->capture_default_str()->type_name("ADDR");
  command->add_option("--store", o->workload.store, "Dapr's store; it must view --tenant's space kv")
      ->capture_default_str()
      ->type_name("STORE");
  command->add_flag("--no-prepare", o->no_prepare, "The secrets to read are there already");
  add_tenant(command, o->connection);
  add_common(command, *o);
  program.on(command, [o, &program] { return run_bench(*o, program.io); });

  auto l = std::make_shared<BenchOptions>();
  l->workload.keys = 3;
  l->workload.tenants = 100'000;
  auto* load = command->add_subcommand("load", "Store so many secrets in so many tenants, and measure that.");
  load->add_option("--tenants", l->workload.tenants, "Tenants")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}))
      ->type_name("N");
  load->add_option("--secrets", l->workload.keys, "Secrets in each")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}))
      ->type_name("N");
  load->add_option("--concurrency", l->plan.connections, "Calls in flight, each on a connection of its own")
      ->capture_default_str()
      ->check(CLI::Range(1U, 10'000U))
      ->type_name("N");
  add_common(load, *l);
  program.on(load, [l, &program] { return run_load(*l, program.io); });
}

}  // namespace coffer::app::cli
