#pragma once
// Values written as JSON, a piece at a time: the rows of an answer may be megabytes, and a shard writes them in slices.
// Used by the shard's queries; any thread.

#include <cstddef>
#include <string>
#include <vector>

#include "model/query_value.hpp"

namespace coffer::model::query {

/// Times as RFC 3339, whole numbers without a fraction, missing as null.
class JsonWriter {
 public:
  /// What the value points into must outlive the writer.
  explicit JsonWriter(const Value& value) : value_(value) {}
  /// Appends the next `most` bytes or a little more. True when everything is written.
  bool write(std::string& out, std::size_t most);
  /// How many values were written so far: whoever reads the JSON may need much more room for each than its text takes.
  std::size_t written() const { return written_; }

 private:
  struct Level {  // a list or an object that is begun
    Value value;
    std::size_t next = 0;
  };
  void begin(const Value& value, std::string& out);

  Value value_;
  bool begun_ = false;
  std::size_t written_ = 0;
  std::vector<Level> levels_;
};

/// All of it at once.
void append_json(const Value& value, std::string& out);

}  // namespace coffer::model::query
