// A closed loop over HTTP/1.1: one thread and one blocking socket for each connection.

#include <atomic>
#include <thread>
#include <vector>

#include "app/bench/driver.hpp"
#include "app/bench/http_socket.hpp"
#include "app/parse.hpp"

namespace coffer::app::bench {
namespace {

using Clock = Pace::Clock;

struct Run {
  const Source& source;
  std::atomic<std::uint64_t> next_number{0};
  Clock::time_point end = Clock::time_point::max();
};

void work(Run& run, HttpSocket& socket, Pace pace, Report& report) {
  Item item;
  for (;;) {
    const auto due = pace.next();
    if (due >= run.end) return;
    std::this_thread::sleep_until(due);
    if (Clock::now() >= run.end) return;
    if (!run.source.make(run.next_number.fetch_add(1, std::memory_order_relaxed), item)) return;
    const auto status = socket.exchange(item.bytes);
    if (!status.ok()) {
      report.fail(status.error().detail);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // a server that is gone is not asked in a tight loop
    } else if (*status >= 200 && *status < 300) {
      ++report.done;
      report.latency.record(static_cast<std::uint64_t>((Clock::now() - due).count()));
    } else {
      report.fail("HTTP " + std::to_string(*status));
    }
  }
}

}  // namespace

Report run_http(const std::string& address, std::chrono::milliseconds timeout, const Plan& plan, const Source& source) {
  Report all;
  const auto parsed = parse_address(address);
  if (!parsed.ok()) {
    all.fail(parsed.error().detail);
    return all;
  }
  const auto start = Clock::now();
  Run run{source};
  if (plan.duration.count() != 0) run.end = start + plan.duration;
  std::vector<Report> reports(plan.connections);
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < plan.connections; ++i) {
    workers.emplace_back([&, i] {
      HttpSocket socket(parsed->host, std::to_string(parsed->port), timeout);
      work(run, socket, Pace(plan, i, plan.connections, start), reports[i]);
    });
  }
  for (unsigned i = 0; i < plan.connections; ++i) {
    workers[i].join();
    all.merge(reports[i]);
  }
  all.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return all;
}

}  // namespace coffer::app::bench
