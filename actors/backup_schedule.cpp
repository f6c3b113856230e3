// Scheduled backups: a file at a time into one directory, and the oldest ones removed. See backup_sessions.hpp.

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <thread>

#include "actors/backup_sessions.hpp"
#include "storage/steady_file.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::string_view kPrefix = "coffer-", kSuffix = ".backup";
constexpr std::size_t kPieceBytes = 1 << 20;
constexpr std::chrono::seconds kFirstElections{2};  // after a start
constexpr std::chrono::hours kLeft{1};              // since the last write to a file that nobody finishes any more

/// "coffer-20261120T160400Z.backup": sorts by time.
std::string file_name(std::chrono::system_clock::time_point when) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return std::string(kPrefix) + text + std::string(kSuffix);
}

/// Finished backups, oldest first.
std::vector<std::filesystem::path> finished_in(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// What a node that died in the middle has left. Another node that shares the directory may be writing, and then writes on.
void remove_unfinished(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code failed;
  const auto now = std::filesystem::file_time_type::clock::now();
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(std::string(kSuffix) + ".partial")) continue;
    if (const auto written = entry.last_write_time(failed); !failed && now - written > kLeft)
      files.push_back(entry.path());
  }
  for (const auto& file : files) std::filesystem::remove(file, failed);
}

/// A file on the disk of the node's data leaves what the node needs (app/server.cpp).
model::Status check_room(const BackupSchedule& schedule, std::size_t bytes) {
  const auto spare = schedule.spare ? schedule.spare() : std::nullopt;
  if (!spare || *spare >= bytes) return {};
  return Error(Code::disk_error,
               "no room for it in " + schedule.directory + ", " + std::to_string(*spare >> 20) +
                   " MiB without what stays free there for the node's data; keep fewer, or make room");
}

}  // namespace

/// The disk of the file counts, not whether this node takes changes: a backup to another disk is what helps it then.
model::Status BackupSessions::write_file(const BackupSchedule& schedule) {
  const std::string path = schedule.directory + "/" + file_name(std::chrono::system_clock::now());
  if (auto status = check_room(schedule, kPieceBytes); !status) return status;
  auto source = open_backup({});
  if (!source) return source.error();
  auto file = storage::SteadyFile::create(path);
  if (!file) return file.error();
  Pace pace(bytes_per_second_);
  for (;;) {
    auto piece = (*source)->read(kPieceBytes);
    if (!piece) return piece.error();
    std::this_thread::sleep_for(pace.wait_for(piece->size(), Clock::now()));
    if (piece->empty()) return file->finish();
    if (auto status = check_room(schedule, piece->size()); !status) return status;
    if (auto status = file->write(*piece); !status) return status;
  }
}

BackupSessions::Clock::time_point BackupSessions::run_schedule(const BackupSchedule& schedule,
                                                               const std::function<void(std::string_view)>& log) {
  if (schedule.directory.empty()) return Clock::time_point::max();
  const auto now = Clock::now();
  if (!next_scheduled_) {
    // A restart does not begin the interval anew: the newest file says when the last one was made.
    next_scheduled_ = now + kFirstElections;
    const auto files = finished_in(schedule.directory);
    std::error_code failed;
    if (!files.empty()) {
      const auto made = std::filesystem::last_write_time(files.back(), failed);
      const auto age = std::filesystem::file_time_type::clock::now() - made;
      if (!failed && age < schedule.every)
        next_scheduled_ = now + std::chrono::duration_cast<Clock::duration>(schedule.every - age);
    }
  }
  if (now < *next_scheduled_) return *next_scheduled_;
  remove_unfinished(schedule.directory);
  if (auto status = write_file(schedule); !status) {
    log("the scheduled backup failed: " + std::string(status.error().message()));
    next_scheduled_ = now + std::min<Clock::duration>(schedule.every, std::chrono::minutes(5));
    return *next_scheduled_;
  }
  next_scheduled_ = now + schedule.every;
  auto files = finished_in(schedule.directory);
  std::error_code failed;
  while (files.size() > schedule.keep) {
    std::filesystem::remove(files.front(), failed);
    files.erase(files.begin());
  }
  return *next_scheduled_;
}

}  // namespace coffer::actors
