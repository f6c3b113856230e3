// The stages but for groups (query_group.cpp); see query_stages.hpp.

#include "model/query_stages.hpp"

#include <algorithm>

#include "model/query_sort.hpp"
#include "model/query_stage.hpp"

namespace coffer::model::query {
namespace {

/// The row as an object, whose members count as held when they are made.
Value whole(const Frame& frame, const Row& row) {
  if (!row.document) return row.object;
  const Value object = to_object(*row.document, frame.schema, frame.pool);
  frame.held += object.size();
  return object;
}

class End final : public StageRunner {
 public:
  explicit End(const Frame& frame) : StageRunner(frame) {}
  void push(const Row& row) override { rows.push_back(whole(frame(), row)); }
  std::vector<Value> rows;
};

class UnwindRunner final : public StageRunner {
 public:
  UnwindRunner(const Frame& frame, const Unwind& unwind, std::vector<std::pair<RowPath, Test>> tests)
      : StageRunner(frame), path_(split_path(unwind.path)), at_(frame, unwind.path), tests_(std::move(tests)) {}

  void push(const Row& row) override {
    const Value found = at_.of(row);
    if (found.kind() == Value::Kind::missing || found.kind() == Value::Kind::null) return;
    if (found.kind() != Value::Kind::list) return push_item(row, found);
    if (!frame().spend(found.size())) return;
    for (const Value& item : found) {
      if (frame().is_full()) return;  // one document's lists within lists could be millions of rows
      push_item(row, item);
    }
  }

 private:
  void push_item(const Row& row, const Value& item) {
    const bool good = std::all_of(tests_.begin(), tests_.end(), [&](const auto& test) {
      if (!frame().spend_on(item, test.second.looks())) return false;
      return test.second.holds(item, test.first.begin(), test.first.end());
    });
    if (good) give({nullptr, with(whole(frame(), row), 0, item)});
  }
  /// The object with another value at the path.
  Value with(const Value& object, std::size_t step, const Value& item) const {
    if (step == path_.size()) return item;
    std::vector<Value::Member> members;
    for (std::size_t i = 0; i < object.size() && object.kind() == Value::Kind::object; ++i) {
      Value::Member member = object.member(i);
      if (member.name == path_[step]) member.value = with(member.value, step + 1, item);
      members.push_back(member);
    }
    frame().held += members.size();
    return frame().pool.object(members);
  }

  std::vector<std::string> path_;
  RowPath at_;
  std::vector<std::pair<RowPath, Test>> tests_;
};

class CountRunner final : public StageRunner {
 public:
  CountRunner(const Frame& frame, const Count& count) : StageRunner(frame), name_(count.name) {}
  void push(const Row&) override { ++rows_; }
  bool drain(std::size_t&) override {
    if (rows_ != 0) give({nullptr, frame().pool.object({{name_, Value::of(static_cast<double>(rows_))}})});
    return true;
  }

 private:
  std::string_view name_;
  std::uint64_t rows_ = 0;
};

class SortRunner final : public StageRunner {
 public:
  SortRunner(const Frame& frame, const Sort& sort) : StageRunner(frame), sorted_(InOrder{this}) {
    for (const SortKey& key : sort.keys) keys_.push_back({RowPath(frame, key.key), key.descending});
  }
  void push(const Row& row) override {
    Held held{row, {}};
    for (const auto& [path, descending] : keys_) {
      const Value found = path.of(row);
      if (!frame().spend_on(found)) return;
      held.values.push_back(sort_value(found, descending));
      if (!frame().spend_on_sorting(held.values.back())) return;
    }
    frame().held += 1 + keys_.size();
    sorted_.push(std::move(held));
  }
  bool drain(std::size_t& budget) override {
    for (; budget > 0; --budget) {
      const auto held = sorted_.next();
      if (!held) return true;
      give(held->row);
    }
    return false;
  }

 private:
  struct Held {
    Row row;
    std::vector<Value> values;
  };
  struct InOrder {
    const SortRunner* runner;
    bool operator()(const Held& a, const Held& b) const {
      for (std::size_t i = 0; i < runner->keys_.size(); ++i) {
        const int order = compare(a.values[i], b.values[i]);
        if (order != 0) return runner->keys_[i].second ? order > 0 : order < 0;
      }
      return false;
    }
  };
  std::vector<std::pair<RowPath, bool>> keys_;
  RunSort<Held, InOrder> sorted_;
};

class SliceRunner final : public StageRunner {
 public:
  SliceRunner(const Frame& frame, std::uint64_t skip, std::uint64_t limit)
      : StageRunner(frame), skip_(skip), limit_(limit) {}
  void push(const Row& row) override {
    if (skip_ > 0) {
      --skip_;
    } else if (limit_ > 0) {
      --limit_;
      give(row);
    }
  }

 private:
  std::uint64_t skip_, limit_;
};

class ProjectRunner final : public StageRunner {
 public:
  /// `keys` are the names of the keys of the group before.
  ProjectRunner(const Frame& frame, const Project& project, std::vector<std::string> keys)
      : StageRunner(frame), project_(project) {
    if (!project.exclude_keys) {
      for (std::string& key : keys) keys_.emplace_back(std::move(key), RowPath());
      for (auto& [name, path] : keys_) path = RowPath(frame, name);
    }
    for (const ProjectField& field : project.fields) paths_.emplace_back(frame, field.key);
  }
  void push(const Row& row) override {
    std::vector<Value::Member> members;
    for (const auto& [name, path] : keys_) members.push_back({name, path.of(row)});
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      members.push_back({project_.fields[i].name, project(paths_[i].of(row), project_.fields[i].projector)});
    }
    frame().held += members.size();
    give({nullptr, frame().pool.object(members)});
  }

 private:
  Value project(const Value& value, Projector projector) const {
    Pool& pool = frame().pool;
    switch (projector) {
      case Projector::none: return value;
      case Projector::size:
        return value.kind() == Value::Kind::list ? Value::of(static_cast<double>(value.size())) : Value::of(0.0);
      case Projector::sum: {
        if (value.kind() == Value::Kind::list && !frame().spend(value.size())) return {};
        double sum = value.kind() == Value::Kind::number ? value.number() : 0;
        if (value.kind() == Value::Kind::list) {
          for (const Value& item : value) sum += item.kind() == Value::Kind::number ? item.number() : 0;
        }
        return Value::of(sum);
      }
      case Projector::array_to_object: {  // [{"k": name, "v": value}] or [[name, value]]
        std::vector<Value::Member> members;
        if (value.kind() != Value::Kind::list) return Value::null();
        if (!frame().spend_on(value)) return {};
        for (const Value& item : value) {
          const bool pair = item.kind() == Value::Kind::list && item.size() == 2;
          const Value name = pair ? item.item(0) : item.find("k");
          if (name.kind() == Value::Kind::text) members.push_back({name.text(), pair ? item.item(1) : item.find("v")});
        }
        frame().held += members.size();
        return pool.object(members);
      }
      case Projector::object_to_array: break;
    }
    if (value.kind() != Value::Kind::object) return Value::null();
    frame().held += 3 * value.size();
    if (frame().is_full()) return {};
    std::vector<Value> items;
    for (std::size_t i = 0; i < value.size(); ++i) {
      items.push_back(pool.object({{"k", Value::of(value.member(i).name)}, {"v", value.member(i).value}}));
    }
    return pool.list(items);
  }

  const Project& project_;
  std::vector<std::pair<std::string, RowPath>> keys_;
  std::vector<RowPath> paths_;
};

}  // namespace

RowPath::RowPath(const Frame& frame, std::string_view key) : name_(key), steps_(split_path(key)), frame_(&frame) {
  field_ = frame.schema.find(steps_.front());
}

Value RowPath::of(const Row& row) const {
  std::size_t looked = 0;
  Value found;
  if (row.document) {
    if (field_ < 0) return {};
    found = value_at(row.document->fields[static_cast<std::size_t>(field_)], begin() + 1, end(), &looked);
  } else {
    found = row.object.find(name_);  // names that stages give may hold dots
    if (found.is_missing()) found = value_at(row.object, begin(), end(), &looked);
  }
  if (frame_) frame_->spend(looked);
  return found;
}

Value sort_value(const Value& value, bool descending) {
  if (value.kind() != Value::Kind::list || value.size() == 0) return value;
  const auto less = [](const Value& a, const Value& b) { return compare(a, b) < 0; };
  return descending ? *std::max_element(value.begin(), value.end(), less)
                    : *std::min_element(value.begin(), value.end(), less);
}

Value to_object(const Document& document, const Schema& schema, Pool& pool) {
  std::vector<Value::Member> members;
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    if (!document.fields[i].is_missing()) members.push_back({schema.fields[i].name, document.fields[i]});
  }
  return pool.object(members);
}

struct Pipeline::Impl {
  explicit Impl(const Schema& s) : frame{s, pool} {}
  Pool pool{4096};
  Frame frame;
  std::vector<std::shared_ptr<const Document>> held;
  std::vector<std::unique_ptr<StageRunner>> runners;  // the last one is the End
  std::size_t drained = 0;                            // runners that hold nothing any more
};

Pipeline::Pipeline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pipeline::~Pipeline() = default;

namespace {

Error holds_too_much() {
  return {Code::too_large, "the statistics hold more than " + std::to_string(kMostHeld) + " values"};
}
Error full(const Frame& frame) {
  if (frame.held > kMostHeld) return holds_too_much();
  return {Code::too_large, "the statistics compare values of more than " + std::to_string(kMostCompared) +
                               " bytes in all; group and sort by shorter ones"};
}

/// Makes one runner for each stage.
struct RunnerMaker {
  const Frame& frame;
  const Surroundings& around;
  bool of_documents;              // no stage before has made rows of its own
  std::vector<std::string> keys;  // of the group before
  std::vector<std::unique_ptr<StageRunner>>& out;

  Status known(std::string_view key) const {
    const std::string first = split_path(key).front();
    if (!of_documents || frame.schema.find(first) >= 0) return {};
    return Error(Code::invalid_argument, "Cannot resolve field \"" + first + "\"");
  }

  Status operator()(const Unwind& unwind) {
    if (const Status ok = known(unwind.path); !ok) return ok;
    std::vector<std::pair<RowPath, Test>> tests;
    for (const Condition& condition : unwind.filter) {
      auto test = Test::make(condition, frame.pool, around);
      if (!test) return test.error();
      std::string_view key = condition.key;
      if (key == unwind.path) key = {};
      if (key.starts_with(unwind.path + ".")) key.remove_prefix(unwind.path.size() + 1);
      tests.emplace_back(key.empty() ? RowPath() : RowPath(frame, key), std::move(*test));
    }
    out.push_back(std::make_unique<UnwindRunner>(frame, unwind, std::move(tests)));
    return {};
  }
  Status operator()(const Group& group) {
    for (const GroupKey& key : group.keys) {
      if (const Status ok = known(key.key); !ok) return ok;
    }
    for (const GroupField& field : group.fields) {
      if (field.key.empty()) continue;
      if (const Status ok = known(field.key); !ok) return ok;
    }
    auto runner = make_group(frame, group, around);
    if (!runner) return runner.error();
    out.push_back(std::move(*runner));
    of_documents = false;
    keys.clear();
    for (const GroupKey& key : group.keys) keys.push_back(key.name);
    return {};
  }
  Status operator()(const Count& count) {
    out.push_back(std::make_unique<CountRunner>(frame, count));
    of_documents = false;
    return {};
  }
  Status operator()(const Sort& sort) {
    out.push_back(std::make_unique<SortRunner>(frame, sort));
    return {};
  }
  Status operator()(const Project& project) {
    for (const ProjectField& field : project.fields) {
      if (const Status ok = known(field.key); !ok) return ok;
    }
    out.push_back(std::make_unique<ProjectRunner>(frame, project, keys));
    of_documents = false;
    return {};
  }
  Status operator()(const Limit& limit) {
    out.push_back(std::make_unique<SliceRunner>(frame, 0, limit.rows));
    return {};
  }
  Status operator()(const Skip& skip) {
    out.push_back(std::make_unique<SliceRunner>(frame, skip.rows, UINT64_MAX));
    return {};
  }
};

}  // namespace

Result<std::unique_ptr<Pipeline>> Pipeline::make(const std::vector<Stage>& stages, const Schema& schema,
                                                 const Surroundings& around) {
  auto impl = std::make_unique<Impl>(schema);
  RunnerMaker maker{impl->frame, around, true, {}, impl->runners};
  for (const Stage& stage : stages) {
    if (const Status ok = std::visit(maker, stage); !ok) return ok.error();
  }
  impl->runners.push_back(std::make_unique<End>(impl->frame));
  for (std::size_t i = 0; i + 1 < impl->runners.size(); ++i) impl->runners[i]->set_next(*impl->runners[i + 1]);
  return std::unique_ptr<Pipeline>(new Pipeline(std::move(impl)));
}

Status Pipeline::push(std::shared_ptr<const Document> document) {
  impl_->held.push_back(std::move(document));
  impl_->runners.front()->push({impl_->held.back().get(), {}});
  return impl_->frame.is_full() ? Status(full(impl_->frame)) : Status();
}

Result<bool> Pipeline::finish(std::size_t& budget) {
  auto& runners = impl_->runners;
  for (; impl_->drained < runners.size(); ++impl_->drained) {
    const bool done = runners[impl_->drained]->drain(budget);
    if (impl_->frame.is_full()) return full(impl_->frame);
    if (!done) return false;
  }
  return true;
}

const std::vector<Value>& Pipeline::rows() const { return static_cast<const End&>(*impl_->runners.back()).rows; }

namespace {

constexpr std::size_t kMostRecent = 4096;

}  // namespace

Distinct::Distinct(std::string_view key, const Schema& schema) {
  if (auto path = resolve(key, schema)) path_ = std::move(*path);
}

/// Values that come often never fill much; of many different ones each run is sorted once.
void Distinct::settle() {
  std::sort(recent_.begin(), recent_.end(), Less());
  recent_.erase(std::unique(recent_.begin(), recent_.end(), equal), recent_.end());
}

void Distinct::keep(const Value& value) {
  if (value.is_missing() || value.kind() == Value::Kind::object || value.kind() == Value::Kind::list) return;
  recent_.push_back(value);
  if (recent_.size() < kMostRecent) return;
  settle();
  if (recent_.size() < kMostRecent / 2) return;
  for (const Value& one : recent_) sorted_.push(one);
  recent_.clear();
}

Status Distinct::push(std::shared_ptr<const Document> document) {
  if (path_.field < 0) return {};
  any_at(document->fields[static_cast<std::size_t>(path_.field)], path_.begin(), path_.end(), [&](const Value& value) {
    if (value.kind() == Value::Kind::list) {
      for (const Value& item : value) keep(item);
    } else {
      keep(value);
    }
    return false;
  });
  held_.push_back(std::move(document));
  return sorted_.size() > kMostHeld ? Status(holds_too_much()) : Status();
}

std::optional<Value> Distinct::next() {
  if (!recent_.empty()) {
    settle();
    for (const Value& one : recent_) sorted_.push(one);
    recent_.clear();
  }
  for (auto value = sorted_.next(); value; value = sorted_.next()) {
    if (last_ && equal(*last_, *value)) continue;
    last_ = value;
    return value;
  }
  return std::nullopt;
}

}  // namespace coffer::model::query
