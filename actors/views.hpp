#pragma once
// The views' actor: rows of groups that have a replica here, as they are at one moment, for nodes that take a backup and have
// none (cluster/group_view.hpp); and what comes of the views that this node reads elsewhere, for its desk. Detached, for it
// reads long stretches of the state database. A view is one open scan; a chunk of it is read when it is asked for.

#include "actors/context.hpp"
#include "actors/view_desk.hpp"

namespace coffer::actors {

struct KeepViews {};  // to itself (delayed): says what is still wanted, forgets what is not

using ViewsActor = caf::typed_actor<caf::reacts_to<SnapshotFrame>, caf::reacts_to<PeerGone>, caf::reacts_to<Sweep>,
                                    caf::reacts_to<KeepViews>, caf::reacts_to<Finish>>;

/// How often a desk says which of its views it wants, and how long a source keeps one of which nobody says so.
inline constexpr std::chrono::seconds kKeepViews{5}, kForgetView{60};
/// That a node keeps for others: of four backups, in a cluster with as many groups as there can be.
inline constexpr std::size_t kMostViews = 4 * cluster::kMostDataGroups;

/// `desk` outlives the actor.
ViewsActor spawn_views(caf::actor_system& system, Context& context, ViewDesk& desk);

}  // namespace coffer::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coffer::actors::KeepViews)
