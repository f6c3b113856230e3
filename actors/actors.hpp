#pragma once
// The whole actor system in one header: every actor's interface, its messages, who sends them and where it runs.
// Included inside actors/ only; CAF's spelling (0.17) stays in here, so that an upgrade is one file.
//
//   gateway --Parcel--> shard, directory, front        front    one: cold tenants, supervision of shards
//   shard   ==Propose==> group's host                  shard    one per tenant in use
//   group   --Write--> log writer ==Persisted=> group  directory  the shard of the meta group
//   group   --Apply--> state writer --Applied--> group group    one per Raft group
//   group   --Committed, Refused--> shard              log writer, state writer: one each, detached, for they block
//   (==> is a call of actors/group_host.hpp, which the group's actor shares with those threads; a turn that is taken
//   makes it a message)
//
//   with other nodes (the peer link calls actors/peer_sink.hpp, which hands frames on):
//   gateway, front --Parcel--> forwarder               forwarder  one: calls to and from the nodes that lead
//   group   --Apply--> mirror                          mirror   one: the directory where its own actor does not publish it
//   gateway --AskTrust--> trust desk                   trust desk  one: whom tenants trust, read here or asked elsewhere
//   steward --Target--> group                          steward  one: reports, placement, node records
//   group   --Install--> snapshots --Rows--> state writer  snapshots  one, detached: groups' states from and to other nodes

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <caf/all.hpp>

#include "actors/call_handle.hpp"
#include "cluster/group_core.hpp"
#include "cluster/log_writer_core.hpp"
#include "cluster/message.hpp"
#include "cluster/peer_link.hpp"
#include "model/ids.hpp"

namespace coffer::actors {

// ---- what a submitter (shard, directory) hears from its group --------------------------------------------------

/// The group leads in `term`, and everything that an earlier life proposed is applied: the submitter may start.
struct Opened {
  model::Term term;
  model::Generation generation;
};
/// Everything of this submitter up to `sequence` is committed, the last of it at `index`.
struct CommittedUpTo {
  std::uint64_t sequence = 0;
  model::Index index;
};
/// This write set, and every later one of this life, is refused: the submitter must end.
struct ProposalRefused {
  std::uint64_t sequence = 0;
  model::Error error;
};

/// What was read up to `round` may be answered: a majority has confirmed after it was asked that this node leads. Not
/// ok: it does not, or could not find out.
struct Confirmed {
  std::uint64_t round = 0;
  bool ok = false;
};

using SubmitterActor = caf::typed_actor<caf::reacts_to<Opened>, caf::reacts_to<CommittedUpTo>,
                                        caf::reacts_to<ProposalRefused>, caf::reacts_to<Confirmed>>;

/// Whoever takes calls.
using CallActor = caf::typed_actor<caf::reacts_to<Parcel>>;

// ---- shard and directory ---------------------------------------------------------------------------------------

struct Resume {};   // to itself: the next slice of a long read
struct IdleCheck {  // to itself (delayed), and from the front when there are too many shards
  bool is_timer = true;
};
struct WatchCheck {};  // to itself (delayed) while somebody waits for changes
struct Stop {          // from the front; the actor's end is what the front waits for before it starts the next life
  bool leadership_lost = false;  // at once; otherwise (idle, deleted) after the writes that are under way
};

using ShardActor = SubmitterActor::extend_with<CallActor>::extend<caf::reacts_to<Resume>, caf::reacts_to<IdleCheck>,
                                                                  caf::reacts_to<WatchCheck>, caf::reacts_to<Stop>>;
using DirectoryActor = SubmitterActor::extend_with<CallActor>::extend<caf::reacts_to<Stop>>;

// ---- group -----------------------------------------------------------------------------------------------------

/// A submitter of this life asks to be told when it may start.
struct OpenRequest {
  std::uint64_t life = 0;
  SubmitterActor submitter;
};
/// Not a message: GroupHost::propose() takes it.
struct Propose {
  struct Item {
    std::uint64_t sequence = 0;
    std::shared_ptr<const std::string> write_set;
  };
  std::uint64_t life = 0;
  model::Term term;
  SubmitterActor submitter;
  std::vector<Item> items;
};
/// Is this node's leadership confirmed? `done` runs on the group's thread, once: with the index that the state must hold,
/// or not ok.
struct ConfirmLeadership {
  std::shared_ptr<std::function<void(model::Result<model::Index>)>> done;
};
struct FromPeer {
  std::shared_ptr<cluster::Message> message;
};
/// Placement tells the leader of a group which servers it should have, and says so again until it has them.
struct Target {
  model::GroupId group;
  std::vector<cluster::Voter> servers;
};
/// To itself (delayed): the next step towards them, unless there was another word since.
struct NextStep {
  std::uint64_t word = 0;
};
/// The leader hands over; to zero: to whoever is furthest. What cannot be done now is asked for again.
struct Transfer {
  model::GroupId group;
  model::NodeId to;
};
/// The state of the snapshot that a peer announced is on disk.
struct Installed {};
/// The group goes on without this node, and everything up to `settled` is committed so (cluster/departure.hpp): its
/// replica goes when nobody speaks to it any more.
struct Leave {
  model::Index settled;
};
/// The rows of the replica that was let go of are gone.
struct ReplicaDropped {};
/// May elections be won here? Not while the keys are closed, and not when the node is about to stop: then leaderships
/// are handed over.
struct Campaign {
  bool allowed = true;
};
/// The leader's view of the group goes to the board.
struct Report {};
struct Persisted {
  std::uint64_t ticket = 0;
};
struct Applied {
  model::Index index;
};
/// The state database is flushed up to `index`.
struct Checkpointed {
  model::Index index;
};
struct Tick {
  std::uint64_t generation = 0;  // 0, from the node: start; an older timer than the newest is ignored
  bool in_burst = false;         // burst.hpp: others are woken at the same time
};
/// A line of the groups' grid is reached: whoever waits for it gets its Tick.
struct Ring {
  std::uint64_t line = 0;
};
struct Sweep {};  // to itself (delayed): what is due by time
struct Flush {};  // to itself: everything queued meanwhile goes as one
/// Ends the actor; `done` is set when it has handed everything on.
struct Finish {
  std::shared_ptr<std::promise<void>> done;
};

using GroupActor = caf::typed_actor<caf::reacts_to<OpenRequest>, caf::reacts_to<Persisted>, caf::reacts_to<Applied>,
                                    caf::reacts_to<Checkpointed>, caf::reacts_to<Tick>, caf::reacts_to<Flush>,
                                    caf::reacts_to<Finish>, caf::reacts_to<ConfirmLeadership>, caf::reacts_to<FromPeer>,
                                    caf::reacts_to<Target>, caf::reacts_to<NextStep>, caf::reacts_to<Transfer>,
                                    caf::reacts_to<Installed>, caf::reacts_to<Campaign>, caf::reacts_to<Report>,
                                    caf::reacts_to<Leave>, caf::reacts_to<ReplicaDropped>>;

using GroupBellActor = caf::typed_actor<caf::reacts_to<Ring>, caf::reacts_to<Finish>>;

// ---- the two that block ----------------------------------------------------------------------------------------

/// Who is told about a group's tickets and applied entries.
struct Subscribe {
  model::GroupId group;
  GroupActor actor;
};
struct Write {
  std::shared_ptr<cluster::DurableWrite> write;
};
struct Apply {
  model::GroupId group;
  model::Generation generation;
  std::shared_ptr<const std::vector<cluster::Committed>> entries;
};
/// Flush the state now when something was applied since; sent by itself (delayed) and at a clean end.
struct Checkpoint {
  std::shared_ptr<std::promise<void>> done;  // null when nobody waits
};

/// Rows of a group's new generation, as a snapshot brings them; `number` comes back.
struct Rows {
  model::GroupId group;
  model::Generation generation;
  std::uint64_t number = 0;
  std::shared_ptr<const std::string> block;  // storage/state_copy.hpp
};
struct RowsWritten {
  model::GroupId group;
  std::uint64_t number = 0;
};
/// Removes a generation's rows, slice by slice.
struct DropGeneration {
  model::GroupId group;
  model::Generation generation;
  bool notify = false;  // the snapshots' actor, by Dropped
};
struct Dropped {
  model::GroupId group;
};
/// Removes all rows of a group that has no log here any more, slice by slice; then the group hears ReplicaDropped. What
/// comes later is of `generation`.
struct DropReplica {
  model::GroupId group;
  model::Generation generation;
  GroupActor actor;
};
/// What stands beside the groups' rows (compacted_marks.hpp), written without a flush.
struct Note {
  std::shared_ptr<const storage::Batch> batch;
};
/// All rows of a snapshot are written: flush them. The state of the group is then that of `index`.
struct FlushInstall {
  model::GroupId group;
  model::Index index;
};
/// A peer's snapshot replaces the group's state.
struct Install {
  model::GroupId group;
  storage::Snapshot snapshot;
};
/// A frame of the channel `snapshot`.
struct SnapshotFrame {
  model::NodeId from;
  std::shared_ptr<cluster::PeerFrame> frame;
};
using SnapshotsActor =
    caf::typed_actor<caf::reacts_to<Install>, caf::reacts_to<SnapshotFrame>, caf::reacts_to<RowsWritten>,
                     caf::reacts_to<Dropped>, caf::reacts_to<Sweep>, caf::reacts_to<Finish>>;

/// What replicas of added groups start from; `done` runs on the log writer's thread when it is durable.
struct FoundGroups {
  std::shared_ptr<storage::LogBatch> batch;
  std::shared_ptr<std::function<void()>> done;
};

using LogWriterActor = caf::typed_actor<caf::reacts_to<Subscribe>, caf::reacts_to<Write>, caf::reacts_to<Flush>,
                                        caf::reacts_to<FoundGroups>, caf::reacts_to<Finish>>;
using StateWriterActor = caf::typed_actor<caf::reacts_to<Subscribe>, caf::reacts_to<Apply>, caf::reacts_to<Flush>,
                                          caf::reacts_to<Checkpoint>, caf::reacts_to<Rows>,
                                          caf::reacts_to<DropGeneration>, caf::reacts_to<FlushInstall>,
                                          caf::reacts_to<DropReplica>, caf::reacts_to<Note>, caf::reacts_to<Finish>>;

// ---- front -----------------------------------------------------------------------------------------------------

/// The group leads and its shards may start; or not any more.
struct GroupOpen {
  model::GroupId group;
  model::Term term;
};
struct GroupClosed {
  model::GroupId group;
};
/// Another node leads the group now.
struct GroupLed {
  model::GroupId group;
  model::NodeId leader;
};
/// A shard that nobody used for a while offers to end.
struct ShardIdle {
  model::TenantId tenant;
  caf::actor_addr shard;
};
struct TenantDeleted {
  model::TenantId tenant;
};
using FrontActor = CallActor::extend<caf::reacts_to<GroupOpen>, caf::reacts_to<GroupClosed>, caf::reacts_to<GroupLed>,
                                     caf::reacts_to<ShardIdle>, caf::reacts_to<TenantDeleted>, caf::reacts_to<Sweep>,
                                     caf::reacts_to<Finish>>;

// ---- between nodes ---------------------------------------------------------------------------------------------

/// A frame of the channels `calls` or `control`.
struct FrameIn {
  model::NodeId from;
  std::shared_ptr<cluster::PeerFrame> frame;
};
/// A frame that the link's queue had no room for.
struct FrameOut {
  model::NodeId to;
  std::shared_ptr<cluster::PeerFrame> frame;
};
/// The answer to another node's call, which goes in pieces or found no room in the link's queue.
struct ReplyOut {
  model::NodeId to;
  std::uint64_t id = 0;
  std::shared_ptr<model::Secret> message;
};
struct PeerUp {
  model::NodeId peer;
};
struct PeerGone {
  model::NodeId peer;
};
/// A call that is to be routed once more, after a moment.
struct Again {
  Parcel parcel;
};
/// A call whose tenant the directory here does not know: first it is brought up to date.
struct Missing {
  Parcel parcel;
};
/// What is the commit index of a group, linearizably? Asks the node that leads it. `done` runs once, on any thread.
struct Barrier {
  model::GroupId group;
  model::TimeMs deadline = 0;
  std::shared_ptr<std::function<void(model::Result<model::Index>)>> done;
};
struct BarrierDone {  // to itself
  model::GroupId group;
  std::uint64_t id = 0;
  model::Result<model::Index> index{model::Code::unavailable};
};
/// The directory's tables here hold everything up to `index`.
struct Mirrored {
  model::Index index;
};
using ForwarderActor =
    CallActor::extend<caf::reacts_to<FrameIn>, caf::reacts_to<FrameOut>, caf::reacts_to<ReplyOut>,
                      caf::reacts_to<PeerUp>, caf::reacts_to<PeerGone>, caf::reacts_to<GroupLed>, caf::reacts_to<Again>,
                      caf::reacts_to<Missing>, caf::reacts_to<Barrier>, caf::reacts_to<Mirrored>,
                      caf::reacts_to<BarrierDone>, caf::reacts_to<Sweep>, caf::reacts_to<Finish>>;

class TrustQuestion;  // trust_lookup.hpp
/// Whom does a tenant trust? For the trust desk.
struct AskTrust {
  std::shared_ptr<TrustQuestion> question;
};
struct TrustIndex {  // to itself: how far the rows must have come
  std::uint64_t ask = 0;
  model::Result<model::Index> index{model::Code::unavailable};
};
using TrustDeskActor = caf::typed_actor<caf::reacts_to<AskTrust>, caf::reacts_to<FrameIn>, caf::reacts_to<TrustIndex>,
                                        caf::reacts_to<Sweep>, caf::reacts_to<Finish>>;

/// Committed entries of the meta group on a node that does not lead it (Apply), and the order to read everything anew.
struct Reload {};
using MirrorActor = caf::typed_actor<caf::reacts_to<Apply>, caf::reacts_to<Reload>, caf::reacts_to<Finish>>;

using StewardActor = caf::typed_actor<caf::reacts_to<FrameIn>, caf::reacts_to<Transfer>, caf::reacts_to<GroupOpen>,
                                      caf::reacts_to<Report>, caf::reacts_to<Sweep>, caf::reacts_to<Finish>>;

}  // namespace coffer::actors

// Messages stay inside the process: what crosses nodes is bytes over the peer link.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Parcel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::CommittedUpTo)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::ProposalRefused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Resume)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::IdleCheck)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::WatchCheck)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Stop)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::OpenRequest)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Persisted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Applied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Checkpointed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Ring)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Flush)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Finish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Subscribe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Write)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Apply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Checkpoint)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::GroupOpen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::GroupClosed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::ShardIdle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::TenantDeleted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Sweep)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Confirmed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::ConfirmLeadership)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::FromPeer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Transfer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Campaign)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::GroupLed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::FrameIn)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::FrameOut)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::ReplyOut)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::PeerUp)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::PeerGone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Missing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Barrier)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Mirrored)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::AskTrust)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::TrustIndex)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Reload)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::BarrierDone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Target)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::NextStep)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Installed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Leave)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::ReplicaDropped)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::DropReplica)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Note)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::RowsWritten)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::DropGeneration)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Dropped)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::FlushInstall)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::Install)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::FoundGroups)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::SnapshotFrame)
