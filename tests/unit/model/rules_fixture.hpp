#pragma once
// One entry that lives through a story: the fixture of the tests of decide_* and readable_version.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "model/rules.hpp"

namespace coffer::model::test {

using testing::ElementsAre;
using testing::IsEmpty;

inline constexpr TimeMs kStart = 1'700'000'000'000;
inline constexpr TimeMs kWindow = Limits{}.recovery_window_ms;

class Rules : public testing::Test {
 protected:
  template <class Operation>
  static Operation on_secret() {
    Operation operation;
    operation.space = "kv";
    operation.name = "db";
    return operation;
  }
  static Put put_of(std::string_view value = "v") {
    Put put = on_secret<Put>();
    put.payload = Payload::of_text(value);
    return put;
  }
  template <class Operation>
  static Operation of_versions(std::vector<std::uint64_t> versions) {
    auto operation = on_secret<Operation>();
    operation.versions = std::move(versions);
    return operation;
  }

  const Entry* current() const { return entry ? &*entry : nullptr; }

  // Decides and, if it succeeded, lives on with the outcome. The last decision stays in `last`.
  Error apply(Result<Decision> decided) {
    if (!decided) return decided.error();
    last = std::move(*decided);
    if (last.writes) entry = last.entry;
    return Error(Code::ok);
  }
  Error put(const Put& put) { return apply(decide_put(current(), put, context)); }
  Error put(std::string_view value = "v") { return put(put_of(value)); }
  Error update(const UpdateMetadata& update) { return apply(decide_update(current(), update, context)); }
  Error del(std::vector<std::uint64_t> versions = {}) { return del(of_versions<Delete>(std::move(versions))); }
  Error del(const Delete& del) { return apply(decide_delete(current(), del, context)); }
  Error undelete(std::vector<std::uint64_t> versions = {}) {
    return apply(decide_undelete(current(), of_versions<Undelete>(std::move(versions)), context));
  }
  Error destroy(std::vector<std::uint64_t> versions = {}) {
    return apply(decide_destroy(current(), of_versions<Destroy>(std::move(versions)), context));
  }
  Result<std::uint64_t> get(std::uint64_t version = 0, bool with_payload = true) const {
    Get get = on_secret<Get>();
    get.version = version;
    get.with_payload = with_payload;
    return readable_version(current(), get, context.now);
  }
  Code get_code(std::uint64_t version = 0, bool with_payload = true) const {
    const auto result = get(version, with_payload);
    return result ? Code::ok : result.error().code;
  }
  std::vector<State> states() const {
    std::vector<State> all;
    for (const Version& version : entry->versions) all.push_back(version.state);
    return all;
  }
  std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> all;
    for (const Version& version : entry->versions) all.push_back(version.number);
    return all;
  }

  RuleContext context{kStart, "token:3fa9", {}};
  std::optional<Entry> entry;
  Decision last;
};

}  // namespace coffer::model::test
