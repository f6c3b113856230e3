#pragma once
// How a tenant moves from one group to another while it is used (DESIGN section 4), as values: whoever leads the new group
// pulls the tenant over, the keeper of keys with blocking calls, the simulation with its own. No I/O, no clock.
//
//   1 the directory says that move n to group D has begun; the tenant still belongs to group S
//   2 the leader of D writes the mark `coming` with an attempt of its own, and compares the tenant, which is used meanwhile,
//     with what D has of it, piece by piece: rows as they are sealed (request ids, changes, keys) that D lacks or has
//     otherwise are written, those that S does not have are removed. So what an earlier attempt copied need not be copied
//     again. From the first piece on the shard at S notes which rows change (MoveTrace); these are asked for
//     again and again until they are few
//   3 the shard at S is told to fence: its last write set is the mark `leaving`. From then on nothing changes there. The answer
//     brings what has changed since it was asked last. Where nothing was noted (an older program; a
//     fence by an earlier attempt; too many changes, too often) all pieces are compared once more, behind the fence
//   4 one write set at D has the changed rows, the keys, and the header with the next epoch, and removes the mark
//   5 the directory says that the tenant belongs to D (compare-and-set on n)
//   6 the leader of S removes the rows; the mark `gone` stays and refuses whoever comes by an old route. Then, and not
//     before, the directory lets the next move begin
//
// Where a mark is, no shard answers: in D from 2, in S from 3 on. So there is at most one owner: S until 3 is committed, D
// from 4 on, nobody in between, which is as long as three write sets take, however large the tenant is; and whoever goes on
// after a crash finds in the marks how far it has come. What changed is known only to the shard that noted it, in one
// term: it gives it out with the commit of its fence in that term, so nobody else can have written in between. Every write
// set of 2, 4 and 6 is written under a condition on the mark, which whoever writes it compares after its term has opened:
// what was read then holds until it is proposed in that same term, since nobody else can write to that group in it. A node
// gives its orders for one tenant one after the other, and gives none up that may still be proposed (RowsOrder).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
    read,   // ask the tenant `read`: read()
    show,   // the tenant's rows in the new group behind read.after and up to `until`, as they are now: shown()
    fence,  // ask the tenant `fence`: fenced()
    list,   // name up to `kListed` of the tenant's rows in the old group, the mark's left out: listed()
    write,  // `rows` to the group under `condition`: wrote()
    tell,   // the directory (model::AdvanceMove): told()
  };
  Kind kind = Kind::done;
  model::ReadMoving read;
  std::string until;  // empty: to the end
  model::FenceTenant fence;
  std::vector<storage::RowChange> rows;
  MarkCondition condition;
  std::string_view action;  // for the audit record; empty: none
};

/// What whoever looks finds in one group.
struct MoveFindings {
  std::optional<std::string> mark;
  bool has_header = false;
};

/// Carries a tenant into the group that this node leads. Steps 2 to 5 above.
class TenantMover {
 public:
  static constexpr std::size_t kShownRows = 2048;
  static constexpr std::size_t kShownBytes = 1 << 20;
  /// `attempt`: 16 random bytes, new for each mover.
  TenantMover(std::uint32_t number, model::GroupId from, model::GroupId to, std::string attempt);

  const MoveOrder& order() const { return order_; }
  bool is_done() const { return order_.kind == MoveOrder::Kind::done; }
  /// Why nothing is left to do here, when the move is not over; null: it is.
  const model::Error* failure() const { return failure_ ? &*failure_ : nullptr; }

  void looked(const MoveFindings& findings);
  void read(model::Result<model::MovingReply> reply);
  /// In their order, the mark's left out; `more`: there are others up to `until`. The host bounds them.
  void shown(model::MovingReply found);
  void fenced(model::Result<model::ReplyBody> reply);
  /// Not ok: nobody knows whether the rows are written. Then the mover is over and another one looks again.
  void wrote(const model::Status& status);
  void told(const model::Status& status);

 private:
  enum class Stage : std::uint8_t { look, mark, compare, changes, fence, install, tell };
  using Rows = std::vector<storage::RowChange>;
  void fail(const model::Error& error);
  void fail(const char* what);
  void ask(MoveOrder::Kind kind);
  void write(Rows rows, std::string_view action = {});
  void compare_all();
  void compare_again();
  void ask_piece();
  void take_piece(model::MovingReply reply);
  void show();
  void compared();
  void ask_changes();
  void take_changes(model::MovingReply reply);
  void took_changes();
  void fence(bool with_changes);
  bool is_kept(std::pair<std::string, std::string>& row);
  Rows changes_of(model::MovingReply reply);
  void install(Rows rows);

  const std::uint32_t number_;
  const model::GroupId to_;
  const std::string mark_;
  Stage stage_ = Stage::look;
  MoveOrder order_;
  std::optional<std::string> found_;  // the mark that an earlier attempt, or stay, left
  bool live_ = true;                  // the tenant is not fenced yet
  std::optional<std::string> header_, keys_;

  // The piece that is compared: what S has of it, those before `at_` are done.
  std::vector<std::pair<std::string, std::string>> piece_;
  std::size_t at_ = 0;
  std::string last_, until_;  // compared up to here; where the piece ends, empty: with the tenant's rows
  bool more_ = false;         // pieces
  bool more_here_ = false;    // of the new group's rows in this piece
  int pieces_ = 0, passes_ = 0;

  // What changed meanwhile.
  std::string trace_;  // empty: nothing is noted
  std::uint64_t since_ = 0;
  std::string after_;          // seen up to here
  bool more_changed_ = false;  // than the last answer had
  bool few_ = false;           // and it was a short one
  bool all_compared_ = false;
  int questions_ = 0, in_a_row_ = 0;
  std::optional<model::Error> failure_;
};

/// What the mover is shown: rows of the new group in the order's piece, so many and about so many bytes at most. Errors:
/// disk_error.
model::Result<model::MovingReply> rows_of_piece(const storage::TenantRows& rows, const MoveOrder& order,
                                                std::size_t most, std::size_t most_bytes);

/// Removes the rows that a tenant left in the group that this node leads. Step 6 above.
class TenantSweeper {
 public:
  static constexpr std::size_t kListed = 512;
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
