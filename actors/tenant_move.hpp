#pragma once
// How a tenant moves from one group to another while it is used (DESIGN section 4), as values: whoever leads the new group
// pulls the tenant over, the keeper of keys with blocking calls, the simulation with its own. No I/O, no clock.
//
//   1 the directory says that move n to group D has begun; the tenant still belongs to group S
//   2 its shard at S is told to fence: its last write set is the mark `leaving`. From then on nothing changes there
//   3 the leader of D writes the mark `coming` with an attempt of its own, removes what an earlier attempt left, copies
//     the rows as they are sealed (request ids, changes, keys), and last the keys and the header with the next epoch, in
//     one write set that also removes the mark
//   4 the directory says that the tenant belongs to D (compare-and-set on n)
//   5 the leader of S removes the rows; the mark `gone` stays and refuses whoever comes by an old route. Then, and not
//     before, the directory lets the next move begin
//
// Where a mark is, no shard answers. So there is at most one owner: S until 2 is committed, D from the end of 3 on, nobody
// in between; and whoever goes on after a crash finds in the marks how far it has come. Every write set of 3 and 5 is
// written under a condition on the mark, which whoever writes it compares after its term has opened: what was read
// then holds until it is proposed in that same term, since nobody else can write to that group in it. A node gives its
// orders for one tenant one after the other, and gives none up that may still be proposed (RowsOrder).

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coffer/store/v1/records.pb.h"
#include "model/requests.hpp"
#include "model/result.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

/// What a tenant's rows in a group are as long as the mark's row is there.
struct MoveMark {
  enum class State : std::uint8_t { leaving = 1, gone = 2, coming = 3 };
  State state = State::leaving;
  std::uint32_t number = 0;  // of the tenant's move
  model::GroupId group;      // where it goes, or comes from
  std::string attempt;       // of `coming`
  friend bool operator==(const MoveMark&, const MoveMark&) = default;
};
std::string encode_mark(const MoveMark& mark);
/// Errors: data_loss.
model::Result<MoveMark> decode_mark(std::string_view bytes);

/// The header as it goes on in the new group: the epoch is raised, the revisions are one sequence with those before.
store::v1::TenantHeader moved_header(store::v1::TenantHeader header, std::uint32_t number);

/// Rows are written only while the mark's row is this; nullopt: absent.
struct MarkCondition {
  std::optional<std::string> value;
};

/// One thing that is to be done for a move, by whoever has the means. Each is answered by one call of the mover.
struct MoveOrder {
  enum class Kind : std::uint8_t {
    done,   // nothing is left, or it is not for this node to do
    look,   // at the tenant's rows in the new group, brought up to date: looked()
    fence,  // ask the tenant (model::FenceTenant): fenced()
    read,   // ask the tenant (model::ReadMoving) for the rows behind `after`: read()
    list,   // name up to `kListed` of the tenant's rows in the new group, the mark's left out: listed()
    write,  // `rows` to the new group under `condition`: wrote()
    tell,   // the directory (model::AdvanceMove): told()
  };
  Kind kind = Kind::done;
  std::string after;
  std::vector<storage::RowChange> rows;
  MarkCondition condition;
  std::string_view action;  // for the audit record; empty: none
};

/// What whoever looks finds in one group.
struct MoveFindings {
  std::optional<std::string> mark;
  bool has_header = false;
};

/// Carries a tenant into the group that this node leads. Steps 2 to 4 above.
class TenantMover {
 public:
  static constexpr std::size_t kListed = 512;
  /// `attempt`: 16 random bytes, new for each mover.
  TenantMover(std::uint32_t number, model::GroupId from, std::string attempt);

  const MoveOrder& order() const { return order_; }
  bool is_done() const { return order_.kind == MoveOrder::Kind::done; }
  /// Why nothing is left to do here, when the move is not over; null: it is.
  const model::Error* failure() const { return failure_ ? &*failure_ : nullptr; }

  void looked(const MoveFindings& findings);
  void fenced(const model::Status& status);
  void listed(std::vector<std::string> rows);
  void read(model::Result<model::MovingReply> reply);
  /// Not ok: nobody knows whether the rows are written. Then the mover is over and another one looks again.
  void wrote(const model::Status& status);
  void told(const model::Status& status);

 private:
  enum class Stage : std::uint8_t { look, fence, mark, sweep, copy, install, tell };
  void fail(const model::Error& error);
  void fail(const char* what);
  void ask(MoveOrder::Kind kind);
  void write(std::vector<storage::RowChange> rows, std::string_view action = {});
  void install();

  const std::uint32_t number_;
  const model::GroupId from_;
  const std::string mark_;
  Stage stage_ = Stage::look;
  MoveOrder order_;
  std::optional<std::string> found_;  // the mark that an earlier attempt, or stay, left
  std::optional<std::string> header_, keys_;
  std::string last_;
  bool more_ = true;
  std::optional<model::Error> failure_;
};

/// Removes the rows that a tenant left in the group that this node leads. Step 5 above.
class TenantSweeper {
 public:
  TenantSweeper(std::uint32_t number, model::GroupId to) : number_(number), to_(to) {
    order_.kind = MoveOrder::Kind::look;
  }
  const MoveOrder& order() const { return order_; }
  bool is_done() const { return order_.kind == MoveOrder::Kind::done; }
  const model::Error* failure() const { return failure_ ? &*failure_ : nullptr; }

  void looked(const MoveFindings& findings);
  void listed(std::vector<std::string> rows);
  void wrote(const model::Status& status);
  void told(const model::Status& status);

 private:
  void fail(const model::Error& error);
  const std::uint32_t number_;
  const model::GroupId to_;
  MoveOrder order_;
  std::string mark_;
  bool marked_gone_ = false;
  std::optional<model::Error> failure_;
};

}  // namespace coffer::actors
