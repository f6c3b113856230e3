#pragma once
// The rows of one group, or of one tenant in it, at one moment: what backups and exports are made of, wherever they are. Made
// by KeeperHost::open_view(); the keeper's thread.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/ids.hpp"
#include "model/result.hpp"
#include "storage/engine.hpp"

namespace coffer::actors {

struct RowWish {
  model::GroupId group;
  std::string within{};    // only rows whose keys (tenant:16 row) begin so; empty: all
  std::string after{};     // and that stand behind all that begin so; empty: from the first
  model::Index index{};    // the view holds everything up to this entry; zero: whatever was acknowledged before
  model::NodeId not_at{};  // asked last, for it has just failed; zero: nobody
  /// How long this node's own replica may take to come so far; else somebody else's is asked for. One that was given up never
  /// comes.
  std::chrono::milliseconds own_patience{300};
};

class GroupView {
 public:
  struct Row {  // until the next one is read
    std::string_view tenant, row, value;
  };
  virtual ~GroupView() = default;
  /// In the order of their keys; nullopt behind the last. Errors: unavailable (its node cannot be heard any more: the same
  /// can be wished anew), disk_error, data_loss.
  virtual model::Result<std::optional<Row>> next() = 0;
  /// The view holds everything up to this entry, and perhaps more.
  virtual model::Index index() const = 0;
  /// Where it is read; zero: here.
  virtual model::NodeId node() const = 0;
};

/// Of this node's own state. `scan` is over keys of one generation of one group.
std::unique_ptr<GroupView> local_view(std::unique_ptr<storage::Scan> scan, model::Index index);

}  // namespace coffer::actors
