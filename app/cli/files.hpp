#pragma once
// Files that commands read and write. Main's thread; errors are values that name the file and the system's reason.

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <string_view>

#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::app::cli {

bool is_readable(const std::string& path);

/// The whole file, exact bytes. Errors: invalid_argument (not readable), quota_exceeded (larger than `most`).
model::Result<model::Secret> read_file(const std::string& path, std::size_t most);
/// A stream to its end; `name` for errors.
model::Result<model::Secret> read_stream(std::istream& in, std::size_t most, const std::string& name);

/// Writes a file that only its owner can read (mode 0600) and that is either complete or not there: a new file in the
/// same directory is synced and then takes the place of the old one, or with `kept` is refused where one is. Errors:
/// invalid_argument with the system's reason.
enum class Existing : std::uint8_t { replaced, kept };
model::Status write_private_file(const std::string& path, std::string_view bytes,
                                 Existing existing = Existing::replaced);
/// Before something is asked for that is shown once: nothing is to be at `path`. Errors: invalid_argument.
model::Status check_new_file(const std::string& path);

}  // namespace coffer::app::cli
